package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/hotline/document"
)

// answered runs bling init with answers, one a line. It returns what was written, nil if nothing was, and what was said.
func answered(t *testing.T, from accounts, answers ...string) (file []byte, said string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hotlines.yaml")
	var out bytes.Buffer
	err = initialise(t.Context(), []string{"TZ=America/New_York"}, []string{path}, strings.NewReader(strings.Join(answers, "\n")), &out, from)
	file, readErr := os.ReadFile(path)
	if (err == nil) != (readErr == nil) {
		t.Fatalf("%v, and the file: %v\n%s", err, readErr, &out)
	}
	return file, out.String(), err
}

func loaded(t *testing.T, file []byte) hotline.Hotline {
	t.Helper()
	all := hotline.Load(file, func(line int, problem string) { t.Errorf("%d: %s\n%s", line, problem, file) })
	if len(all) != 1 {
		t.Fatalf("%d hotlines\n%s", len(all), file)
	}
	return all[0]
}

// Whoever presses Enter gets the defaults, which the file leaves out.
func TestInitLeast(t *testing.T) {
	file, said, err := answered(t, accounts{}, "", "(501) 712-2661", "206906", "", "", "", "", "", "")
	if err != nil {
		t.Fatal(err, said)
	}
	if got, want := loaded(t, file), hotline.New("+15017122661", 206906); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	want := "# yaml-language-server: $schema=" + document.SchemaURL + `
#
# What else can be said here: https://github.com/bling-hotline/bling/blob/main/docs/hotlines.example.yaml

hotlines:
  - # What people text and call, with the country code.
    number: "+15017122661"
    # The Help Scout mailbox: the number in its address, https://secure.helpscout.net/mailbox/... . A
    # mailbox belongs to one hotline.
    mailbox: 206906
    # The clocks that hours and holidays are told by, such as America/New_York; needed when there are
    # any. Summer time is taken care of. Names:
    # https://en.wikipedia.org/wiki/List_of_tz_database_time_zones
    time_zone: America/New_York
`
	if string(file) != want {
		t.Errorf("%s\nwant\n%s", file, want)
	}
	for _, want := range []string{"bling plan", "bling apply", "bling doctor", "bling serve", "export BLING_CONFIG=", "Telnyx"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

// Each answer is checked at once, in the words of the file's reader, and asked for again.
func TestInitAll(t *testing.T) {
	file, said, err := answered(t, accounts{},
		"Línea: ayuda", "", "hello", "+34 911 23 45 67", "x", "0", "206907", "spanish", "es", "Madrid", "Europe/Madrid",
		"weekdays 9-17", "mon-fri 9-17", "mon-fri", "mon-fri 09:00-13:00 13:30-17:00, Sat 10:00-14:00",
		"Anna\x1b[D", "Anna", "112", "+34911234567", "+34 911 23 45 68", "Anna", "Ben", "+34911234568", "+34911234569", "",
		strings.Repeat("a", 1601), "Hola: \"somos\" # la línea 💛",
	)
	if err != nil {
		t.Fatal(err, said)
	}
	h := loaded(t, file)
	want := hotline.New("+34911234567", 206907)
	want.Name, want.Language, want.Texts.Welcome = "Línea: ayuda", "es", "Hola: \"somos\" # la línea 💛"
	want.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+34911234568"}, {Name: "Ben", Number: "+34911234569"}}
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	day := []hotline.Range{{From: 9 * 60, To: 13 * 60}, {From: 13*60 + 30, To: 17 * 60}}
	want.Hours = &hotline.Hours{Zone: zone, Holidays: map[string]bool{}, Week: [7][]hotline.Range{1: day, 2: day, 3: day, 4: day, 5: day, 6: {{From: 600, To: 840}}}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%+v\nwant %+v", h, want)
	}
	for _, want := range []string{
		"There must be an answer.", `number: "hello" is not a phone number`, `mailbox: "x" is not a mailbox id`, `mailbox: "0" is not a mailbox id`,
		`language: "spanish" is not a language code such as en or pt-BR`, `time_zone: "Madrid" is not a time zone such as America/New_York`,
		"weekdays: is not a day such as mon, or days such as mon-fri", `mon-fri: "9-17" is not a time such as 09:00-12:30`, "hours: it would never be open",
		"It has characters that cannot be seen.", `number: "112" is not a full phone number, which could be rung`,
		"number: +34911234567 is a hotline's number; it would ring itself", "name: Anna is there twice", "number: +34911234568 is there twice",
		"welcome: has 1601 characters; a text has at most 1600", "is said in English",
	} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q is there %d times, in\n%s", want, strings.Count(said, want), said)
		}
	}
	if strings.Contains(said, "is not set") {
		t.Errorf("it complains of what is still to come\n%s", said)
	}
}

func TestInitWelcome(t *testing.T) {
	for answer, want := range map[string]string{"": hotline.DefaultWelcome, hotline.DefaultWelcome: hotline.DefaultWelcome, "-": "", "Hi": "Hi"} {
		file, _, err := answered(t, accounts{}, "", "+15017122661", "5", "", "", "", "", answer, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := loaded(t, file).Texts.Welcome; got != want {
			t.Errorf("%q: %q", answer, got)
		}
		if written := strings.Contains(string(file), "welcome"); written != (want != hotline.DefaultWelcome) {
			t.Errorf("%q\n%s", answer, file)
		}
	}
}

// What the accounts have can be chosen, and something else be typed. An account that does not answer is no obstacle.
func TestInitAccounts(t *testing.T) {
	numbers := func(all ...string) func(context.Context) ([]string, error) {
		return func(context.Context) ([]string, error) { return all, nil }
	}
	mailboxes := func(all ...Mailbox) func(context.Context) ([]Mailbox, error) {
		return func(context.Context) ([]Mailbox, error) { return all, nil }
	}
	for name, test := range map[string]struct {
		from            accounts
		number, mailbox string
		want            hotline.Hotline
		said            []string
	}{
		"chosen": {
			accounts{numbers("+15017122661", "+442071838750"), mailboxes(Mailbox{206906, "Help\x1b[2J"}, Mailbox{206907, "Ayuda"})}, "2", "1",
			hotline.New("+442071838750", 206906), []string{"  1  501-712-2661\n", "  2  +44 20 7183 8750\n", "  1  206906  Help·[2J\n", "  2  206907  Ayuda\n"},
		},
		"typed":    {accounts{numbers("+15017122661", "+442071838750"), mailboxes(Mailbox{1, ""}, Mailbox{2, ""})}, "+15017122663", "2", hotline.New("+15017122663", 2), nil},
		"only one": {accounts{numbers("+15017122661"), mailboxes(Mailbox{206906, "Help"})}, "", "", hotline.New("+15017122661", 206906), []string{"[1]"}},
		"none":     {accounts{numbers(), mailboxes()}, "+15017122661", "1", hotline.New("+15017122661", 1), nil},
		"unreachable": {
			accounts{
				func(context.Context) ([]string, error) { return nil, errors.New("no such host") },
				func(context.Context) ([]Mailbox, error) { return nil, errors.New("unauthorised") },
			},
			"+15017122661", "1", hotline.New("+15017122661", 1), []string{"could not be listed: no such host", "could not be listed: unauthorised"},
		},
	} {
		file, said, err := answered(t, test.from, "", test.number, test.mailbox, "", "", "", "", "", "")
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, said)
		}
		if got := loaded(t, file); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
		for _, want := range test.said {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, said)
			}
		}
	}
}

// However early the answers end, no file is left.
func TestInitEnds(t *testing.T) {
	all := []string{"Help", "+15017122661", "206906", "en", "UTC", "mon 09:00-17:00", "Anna", "+16175550101", "", "Hi"}
	for n := range all {
		if file, said, err := answered(t, accounts{}, all[:n]...); err == nil || file != nil || !strings.Contains(said, "Nothing was written.") {
			t.Errorf("after %d answers: %v\n%s", n, err, said)
		}
	}
	if _, said, err := answered(t, accounts{}, all...); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// Ctrl-C ends it while it waits for an answer.
func TestInitInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, answers := io.Pipe()
	path := filepath.Join(t.TempDir(), "hotlines.yaml")
	done := make(chan error)
	go func() { done <- initialise(ctx, nil, []string{path}, in, io.Discard, accounts{}) }()
	if _, err := io.WriteString(answers, "Help line\n"); err != nil {
		t.Fatal(err)
	}
	interrupt()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	answers.Close()
}

// A file is never overwritten, and nothing is asked in vain.
func TestInitLeavesFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hotlines.yaml")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{path}, {filepath.Join(dir, "link.yaml")}, {filepath.Join(dir, "missing", "hotlines.yaml")}, {filepath.Join(path, "x")}, {"a", "b"}} {
		var out bytes.Buffer
		if err := initialise(t.Context(), nil, args, strings.NewReader(""), &out, accounts{}); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v\n%s", args, err, &out)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
		t.Errorf("%q, %v", data, err)
	}
	// Nor one that somebody else wrote meanwhile.
	if err := writeNew(path, nil); err == nil {
		t.Error("it was overwritten")
	}
}

func TestMachineZone(t *testing.T) {
	for environ, want := range map[string]string{"TZ=Asia/Tokyo": "Asia/Tokyo", "TZ=:Asia/Tokyo": "Asia/Tokyo", "TZ=EST5EDT4,M3": "UTC", "TZ=/etc/localtime": "UTC"} {
		if got := machineZone([]string{environ}); got != want {
			t.Errorf("%s: %s", environ, got)
		}
	}
}
