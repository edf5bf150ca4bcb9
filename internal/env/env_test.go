package env_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/env"
)

// file writes content into a file and returns its path.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// problems returns what Err reports, line by line.
func problems(r *env.Reader) []string {
	if err := r.Err(); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

// want fails unless r reports exactly one problem for each of the beginnings, in any order.
func want(t *testing.T, r *env.Reader, beginnings ...string) {
	t.Helper()
	got := problems(r)
	if len(got) != len(beginnings) {
		t.Errorf("%d problems, want %d:\n%s", len(got), len(beginnings), strings.Join(got, "\n"))
	}
	for _, b := range beginnings {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, b) }) {
			t.Errorf("no problem begins with %q:\n%s", b, strings.Join(got, "\n"))
		}
	}
}

// A secret stands in the environment or in a file, without the line end that editors add.
func TestSecret(t *testing.T) {
	path := file(t, "  from-file\n")
	for _, test := range []struct {
		environ []string
		value   string
		problem []string
	}{
		{nil, "", nil},
		{[]string{"TOKEN=direct"}, "direct", nil},
		{[]string{"TOKEN= direct\n"}, "direct", nil},
		{[]string{"TOKEN=a=b=c"}, "a=b=c", nil},
		{[]string{"TOKEN_FILE=" + path}, "from-file", nil},
		{[]string{"TOKEN=", "TOKEN_FILE=" + path}, "from-file", nil},
		{[]string{"TOKEN=direct", "TOKEN_FILE="}, "direct", nil},
		{[]string{"TOKEN=direct", "TOKEN_FILE=" + path}, "direct", []string{"TOKEN: set both"}},
		{[]string{"TOKEN_FILE=" + path + ".gone"}, "", []string{"TOKEN_FILE: "}},
	} {
		r := env.New(test.environ)
		if got := r.Secret("TOKEN"); got != test.value && test.problem == nil {
			t.Errorf("%v: %q, want %q", test.environ, got, test.value)
		}
		want(t, r, test.problem...)
	}
}

// What is required is missing when it is empty too, and an unreadable file is one problem, not two.
func TestRequire(t *testing.T) {
	for _, test := range []struct {
		environ []string
		problem []string
	}{
		{nil, []string{"TOKEN: is not set"}},
		{[]string{"TOKEN="}, []string{"TOKEN: is not set"}},
		{[]string{"TOKEN=  "}, []string{"TOKEN: is not set"}},
		{[]string{"TOKEN_FILE=" + file(t, "\n")}, []string{"TOKEN: is not set"}},
		{[]string{"TOKEN_FILE=/nowhere/at/all"}, []string{"TOKEN_FILE: "}},
		{[]string{"TOKEN=x"}, nil},
		{[]string{"TOKEN_FILE=" + file(t, "x")}, nil},
	} {
		r := env.New(test.environ)
		got := r.Require("TOKEN")
		if (got == "x") != (test.problem == nil) {
			t.Errorf("%v: %q", test.environ, got)
		}
		want(t, r, test.problem...)
	}
}

func TestList(t *testing.T) {
	r := env.New([]string{"TOKENS= new, old ,,", "ONE=x"})
	if got := r.List("TOKENS"); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("%q", got)
	}
	if got := r.List("ONE"); !slices.Equal(got, []string{"x"}) {
		t.Errorf("%q", got)
	}
	if got := r.List("NONE"); got != nil {
		t.Errorf("%q", got)
	}
	want(t, r, "NONE: is not set")
}

// A misspelt name of ours is found; other programs' names, and those of the tests, are none of our business.
func TestUnknownNames(t *testing.T) {
	r := env.New([]string{"BLING_MAILBOX=x", "BLING_DATA_DIR=/x", "BLING_CONFIG=y", "BLING_TEST_POSTGRES_URL=z", "BLINGY=1", "PATH=/bin", "BLING_EMPTY="})
	r.String("BLING_DATA_DIR", "")
	r.Known("BLING_CONFIG")
	want(t, r, "BLING_MAILBOX: unknown name", "BLING_EMPTY: unknown name")
}

// The file form of a name that is no secret is not read, so it must not be taken in silence.
func TestFileOfPlainNameIsUnknown(t *testing.T) {
	r := env.New([]string{"BLING_DATA_DIR_FILE=/x", "BLING_TOKEN_FILE=" + file(t, "x")})
	r.String("BLING_DATA_DIR", "")
	r.Secret("BLING_TOKEN")
	want(t, r, "BLING_DATA_DIR_FILE: unknown name")
}

// All that is wrong is said at once, and none of it says a secret.
func TestEveryProblemAtOnce(t *testing.T) {
	r := env.New([]string{
		"TOKEN=hunter2", "TOKEN_FILE=" + file(t, "hunter3"), "URL=https://user:hunter4@x", "WAIT=soon", "DEBUG=maybe",
		"NETS=10.0.0.0/8,nonsense", "BLING_TYPO=hunter5",
	})
	r.Require("TOKEN")
	r.Require("ABSENT")
	r.URL("URL", "")
	r.Duration("WAIT", time.Second)
	r.Bool("DEBUG", false)
	r.Prefixes("NETS")
	r.Problem("MAILBOXES", "mailbox %d twice", 5)
	want(t, r, "TOKEN: ", "ABSENT: ", "URL: ", "WAIT: ", "DEBUG: ", "NETS: ", "MAILBOXES: mailbox 5 twice", "BLING_TYPO: unknown name")
	if all := fmt.Sprint(r.Err()); strings.Contains(all, "hunter") {
		t.Errorf("a secret is printed:\n%s", all)
	}
}

func TestURL(t *testing.T) {
	for _, test := range []struct {
		in, out string
		ok      bool
	}{
		{"https://hotline.example.org", "https://hotline.example.org", true},
		{"https://hotline.example.org/", "https://hotline.example.org", true},
		{"http://127.0.0.1:8080/base//", "http://127.0.0.1:8080/base", true},
		{"http://[::1]:8080", "http://[::1]:8080", true},
		{"hotline.example.org", "", false},
		{"localhost:8080", "", false},
		{"//hotline.example.org", "", false},
		{"ftp://hotline.example.org", "", false},
		{"https://", "", false},
		{"https:///path", "", false},
		{"https://x?query=1", "", false},
		{"https://x#fragment", "", false},
		{"https://user@x", "", false},
		{"https://x\x7f", "", false},
		{"/", "", false},
	} {
		r := env.New([]string{"URL=" + test.in})
		got := r.URL("URL", "https://fallback.example.org")
		if ok := r.Err() == nil; ok != test.ok || ok && got != test.out {
			t.Errorf("%q: %q, %v", test.in, got, r.Err())
		}
	}
	r := env.New(nil)
	if got := r.URL("URL", "https://fallback.example.org/"); got != "https://fallback.example.org" {
		t.Errorf("fallback: %q", got)
	}
	want(t, r)
	r.URL("URL2", "")
	want(t, r, "URL2: ")
}

func TestDuration(t *testing.T) {
	for in, out := range map[string]time.Duration{"": time.Minute, "30s": 30 * time.Second, "0s": 0, "1h1ms": time.Hour + time.Millisecond} {
		r := env.New([]string{"WAIT=" + in})
		if got := r.Duration("WAIT", time.Minute); got != out {
			t.Errorf("%q: %v, want %v", in, got, out)
		}
		want(t, r)
	}
	for _, in := range []string{"30", "-1s", "soon", "1 s"} {
		r := env.New([]string{"WAIT=" + in})
		r.Duration("WAIT", time.Minute)
		want(t, r, "WAIT: ")
	}
}

func TestBool(t *testing.T) {
	for in, out := range map[string]bool{"": true, "true": true, "1": true, "false": false, "0": false} {
		r := env.New([]string{"DEBUG=" + in})
		if got := r.Bool("DEBUG", true); got != out {
			t.Errorf("%q: %v, want %v", in, got, out)
		}
		want(t, r)
	}
	for _, in := range []string{"yes", "TRUE ", "2"} {
		r := env.New([]string{"DEBUG=" + in})
		r.Bool("DEBUG", true)
		want(t, r, "DEBUG: ")
	}
}

// One wrong network does not hide the others, right or wrong.
func TestPrefixes(t *testing.T) {
	r := env.New([]string{"NETS= 10.0.0.0/8, ,fd00::/8,10.0.0.1,x/8,192.0.2.0/33"})
	got := r.Prefixes("NETS")
	if !slices.Equal(got, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}) {
		t.Errorf("%v", got)
	}
	want(t, r, `NETS: "10.0.0.1" `, `NETS: "x/8" `, `NETS: "192.0.2.0/33" `)
	if got := env.New(nil).Prefixes("NETS"); got != nil {
		t.Errorf("none set: %v", got)
	}
}

// An empty value is no value.
func TestString(t *testing.T) {
	r := env.New([]string{"A=x", "B="})
	for name, value := range map[string]string{"A": "x", "B": "fallback", "C": "fallback"} {
		if got := r.String(name, "fallback"); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if v, set := r.Lookup("B"); v != "" || !set {
		t.Error("a name that is set to nothing is set")
	}
	if _, set := r.Lookup("C"); set {
		t.Error("C is set")
	}
}

// A problem with one name does not hide that another one, which begins with it, is missing.
func TestNamesThatBeginAlike(t *testing.T) {
	r := env.New([]string{"TOKEN_LIFE=soon", "TOKENS=, ,"})
	r.Duration("TOKEN_LIFE", 0)
	r.Require("TOKEN")
	r.List("TOKENS")
	want(t, r, "TOKEN_LIFE: ", "TOKEN: is not set", "TOKENS: is not set")
}
