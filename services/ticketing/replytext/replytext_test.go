package replytext

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// The ids in the archives are the lines of the parity checklist.
func TestText(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			in, want := example(t, file)
			if got := Text(in); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func example(t testing.TB, file string) (in, want string) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != 2 || a.Files[0].Name != "in.html" || a.Files[1].Name != "out.txt" {
		t.Fatalf("%s is not in.html and out.txt", file)
	}
	return string(a.Files[0].Data), strings.TrimSuffix(string(a.Files[1].Data), "\n")
}

// What the original's outgoing_test.py says about texts. X1 asserts the new value.
func TestOriginal(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"send_reply", "  msg B ", "msg B"},
		{"empty_message", "  \n  ", ""},
		{"clean_text_html", " abc <p>foo <br /> bar</p>  ", "abc\nfoo\nbar"},
		{"clean_text_signature", "foo\nbar -- baz\n-- bax\n--\nsome signature", "foo\nbar -- baz\n-- bax"},
	} {
		if got := Text(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What an archive cannot hold.
func TestBytes(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "",
		"a\x00b\x07c":                        "abc",
		"a\r\nb\rc":                          "a\nb\nc",
		"<p>a\r\nb</p>\r\nc":                 "a b\nc",
		"a\xffb":                             "a\uFFFDb",
		"a\u2028b\u2029c\u0085d\ve":          "a\nb\nc d e",
		"foo\n-- \t\nsig":                    "foo",
		"foo<br>\n--&nbsp;\r\n<br>\nsig":     "foo",
		"\u200e\n\u200eok":                   "\u200eok",
		"<a href=\"https://x.org/\x00\na\">": "",
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

// A megabyte of anything takes well under a second. The bound is wide, for busy machines and the race detector; what
// takes quadratic time takes longer.
func TestLarge(t *testing.T) {
	repeat := func(parts ...string) string { // equal shares of a megabyte
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(strings.Repeat(p, 1<<20/len(parts)/len(p)))
		}
		return b.String()
	}
	for name, in := range map[string]string{
		"text":             repeat("word "),
		"lines":            repeat("<br>"),
		"divs":             strings.Repeat("<div>", 100_000) + "x" + strings.Repeat("</div>", 100_000),
		"divs with text":   repeat("<div>x"),
		"hidden":           repeat("<div hidden>", "</div>"),
		"wrong ends":       repeat("<b>", "</i>"),
		"far ends":         "<i><div>" + repeat("<b>", "</i>"),
		"items":            "<li><ul>" + repeat("<b>", "<li></li>"),
		"lists":            repeat("<ul>", "<li>a"),
		"links":            repeat("<a href=//x.org>a"),
		"links and breaks": repeat("<a href=//x.org>a<br><br></a>"),
		"long link":        "<a href=//x.org>" + repeat("a<br>", "</a>"),
		"quotes":           repeat("<br>", "<blockquote></blockquote>"),
		"quoted lines":     repeat("On 1 ", "<blockquote></blockquote>"),
		"quote in quotes":  repeat("<blockquote>", "</blockquote>"),
		"gmail":            "<div class=gmail_quote>" + repeat("<b>", "<blockquote></blockquote>"),
		"borders":          repeat("<div style=border-top:solid>", "From:<br>"),
		"borders, empty":   repeat("<div style=border-top:solid>From:</div><br><br>"),
		"cells":            "<table><tr>" + repeat("<td>a"),
		"tables":           repeat("<table><tr><td>a<td>"),
		"cells outside":    repeat("<b>", "<td>a"),
		"signatures":       repeat("\n--\n"),
		"entities":         repeat("&amp;"),
		"brackets":         repeat("<"),
		"attributes":       "<a " + repeat("a=b ") + ">",
		"styles":           "<a style='" + repeat("a:b;") + "'>",
		"comment":          "<!--" + repeat("-"),
		"script":           "<script>" + repeat("</scrip"),
		"spaces":           "<pre>a" + repeat(" ") + "b",
		"no tag":           repeat("<a@b.c>"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := Text(in)
			took := time.Since(start)
			t.Logf("%d bytes became %d in %v", len(in), len(got), took)
			if took > time.Minute || len(got) > 8*len(in) {
				t.Fail()
			}
		})
	}
}

func FuzzText(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		in, _ := example(f, file)
		f.Add(in)
	}
	f.Add("one\n\n\ntwo\r\n\u200b three\x00")
	f.Fuzz(func(t *testing.T, in string) {
		got := Text(in)
		switch {
		case !utf8.ValidString(got):
			t.Errorf("%q is not UTF-8", got)
		case strings.ContainsAny(got, "\x00\r\t"):
			t.Errorf("%q has a control character", got)
		case strings.TrimSpace(got) != got:
			t.Errorf("%q has white space around", got)
		case strings.Contains(got, "\n\n\n"):
			t.Errorf("%q has more than one blank line in a row", got)
		}
		for l := range strings.SplitSeq(got, "\n") {
			if strings.TrimRightFunc(l, unicode.IsSpace) != l {
				t.Errorf("%q ends with white space", l)
			}
		}
		if strings.ContainsAny(in, "&<") || strings.Contains(visible(in), "--") {
			return
		}
		// Plain text, without a signature.
		if visible(got) != visible(in) {
			t.Errorf("%q became %q", in, got)
		}
		if again := Text(got); again != got {
			t.Errorf("%q became %q", got, again)
		}
	})
}

// visible returns the characters that show something.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsGraphic(c) || unicode.IsSpace(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
