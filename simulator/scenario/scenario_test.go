package scenario

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	s, err := Parse("hello", []byte(`# Somebody says hello.
# And is answered.

text +16175550142 'hello'  # at last

# The answer.
! expect phone +16175550142 'It''s # not "$this"' ''
-- hotlines.yaml --
hotlines: []
-- words.txt --
# no comment
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Script{
		Name: "hello", About: "Somebody says hello.\nAnd is answered.",
		Steps: []Step{
			{Line: 4, Text: "text +16175550142 'hello'  # at last"},
			{Line: 7, Text: `! expect phone +16175550142 'It''s # not "$this"' ''`, Comment: "The answer."},
		},
		Files: map[string][]byte{"hotlines.yaml": []byte("hotlines: []\n"), "words.txt": []byte("# no comment\n")},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v\nwant %+v", s, want)
	}
	if string(s.Hotlines()) != "hotlines: []\n" {
		t.Errorf("hotlines: %q", s.Hotlines())
	}
}

func TestParseErrors(t *testing.T) {
	_, err := Parse("wrong", []byte("text +16175550142 'hello'\n\ntxt +16175550142 'hello'\n# why\nreply +16175550142 'it''s\nblock +16175550142\n-- a --\n1\n-- a --\n2\n"))
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, part := range []string{"wrong:3: txt", "unknown command", "wrong:5: unterminated quoted argument", "wrong:6: block", "want block NUMBER 'reason'", "two files a"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
	if n := strings.Count(err.Error(), "wrong:"); n != 4 {
		t.Errorf("%d errors\n%v", n, err)
	}
}

func TestStories(t *testing.T) {
	files, err := fs.Glob(Stories(), "*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := fs.ReadFile(Stories(), file)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := Parse(file, data); err != nil || s.About == "" || len(s.Steps) == 0 {
			t.Errorf("%s: %q, %d steps, %v", file, s.About, len(s.Steps), err)
		}
	}
}

// A story cannot write outside of its folder.
func TestFilesOutside(t *testing.T) {
	if _, err := NewPlayer(Script{Name: "bad", Files: map[string][]byte{"../bad": nil}}, t.TempDir()); err == nil {
		t.Error("there is no error")
	}
}

// What people wrote is read back exactly.
func TestWords(t *testing.T) {
	for _, text := range []string{
		"", "hello", " it's  ", "''", "@home", "#1 $HOME [x] ! & \\ \"", "one\ntwo", "one\n", "\n", "one\r\ntwo\r", "👩‍👩‍👧 ¡hola!", "שלום, مرحبا", "-- a --", "*",
	} {
		r := &recorder{}
		line := "note 1 " + r.words(text)
		s, err := Parse("words", append([]byte(line+"\n"), sections(r)...))
		if err != nil || len(s.Steps) != 1 {
			t.Errorf("%q: %s: %v", text, line, err)
			continue
		}
		if got := readBack(t, s); got != text {
			t.Errorf("%q is read back as %q", text, got)
		}
	}
}

func sections(r *recorder) (data []byte) {
	for _, f := range r.files {
		data = append(data, "-- "+f.Name+" --\n"+string(f.Data)...)
	}
	return data
}

// readBack is the second argument of the only step.
func readBack(t *testing.T, s Script) string {
	t.Helper()
	p, err := NewPlayer(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	p.engine = newEngine(func(_ context.Context, _ command, args []string) (err error) {
		words, _, _, err = p.split(args, 2)
		return err
	})
	if err := p.Step(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return words[1]
}

// Files are kept if they are read back exactly; of the others there is a comment.
func TestAttach(t *testing.T) {
	r := &recorder{}
	comments, options := r.attach([]attached{
		{"a.txt", "text/plain; charset=utf-8", []byte("one\n")}, {"a.txt", "text/plain; charset=utf-8", []byte("two\n")},
		{"my file.html", "text/html; charset=utf-8", []byte("<p>\n")}, {"b.txt", "text/plain; charset=utf-8", []byte("no end")},
		{"c.png", "image/png", []byte{0x89, 'P', 0xff, '\n'}}, {"d.html", "text/plain", []byte("another type\n")},
	})
	if want := ` file=a.txt file=2/a.txt 'file=my file.html'`; options != want {
		t.Errorf("got %s, want %s", options, want)
	}
	if want := []string{"# A file is left out: text/plain; charset=utf-8, 6 bytes.", "# A file is left out: image/png, 4 bytes.", "# A file is left out: text/plain, 13 bytes."}; !slices.Equal(comments, want) {
		t.Errorf("got %q", comments)
	}
}

func TestPatterns(t *testing.T) {
	for line, want := range map[string]string{
		"Missed call (12 seconds).":              " 'Missed call (*).'",
		"look: https://example.org/a?b=c / more": " 'look: * / more'",
		"look [image/png 12]":                    " 'look*'",
		"since 9:05 PM, for 1 hour":              " 'since *, for *'",
		"it's 2 o'clock":                         " 'it''s 2 o''clock'",
	} {
		if got := patterns([]string{line}); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
		if pattern := strings.ReplaceAll(strings.Trim(want, " "), "''", "'"); !match(line, pattern[1:len(pattern)-1]) {
			t.Errorf("%s does not fit %s", line, pattern)
		}
	}
}

func TestCommandsAreDescribed(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if !strings.Contains(string(readme), "`"+name+" ") && !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not say what %s does", name)
		}
	}
}
