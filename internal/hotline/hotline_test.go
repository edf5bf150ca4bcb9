package hotline

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
)

// Ports of bling/helpscout/mailboxes_test.py; the ids are the lines of the parity checklist.
func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     Hotlines
	}{
		{"C2 empty", "", nil},
		{"C2 one", "twilio:+15556667777:123", Hotlines{New("+15556667777", 123)}},
		{"C2 spaces", " twilio : +15556667777 : 123 ", Hotlines{New("+15556667777", 123)}},
		{"C2 several, odd spaces", " twilio:  (555) 666-7777 : 123  , twilio: + 1 5558889999: 456", Hotlines{
			New("+15556667777", 123), New("+15558889999", 456)}},
		{"C2 empty entries", ",, twilio:+15556667777:123,", Hotlines{New("+15556667777", 123)}},
		{"C3 campaign has no placeholder number", "mobilecommons:998:5", Hotlines{newAt(MobileCommons, OfCampaign("998"), 5)}},
		{"C6 two campaigns", "mobilecommons:1:5,mobilecommons:2:6", Hotlines{newAt(MobileCommons, OfCampaign("1"), 5), newAt(MobileCommons, OfCampaign("2"), 6)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, errs := Parse(tt.in)
			if len(errs) > 0 || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse(%q) = %+v, %v", tt.in, got, errs)
			}
		})
	}
}

// C4: the original dropped unknown transports, crashed on wrong parts, and let the last duplicate win.
func TestParseErrorsNameTheEntry(t *testing.T) {
	for in, want := range map[string]string{
		"twillio:+15556667777:123":                             `entry "twillio:+15556667777:123": unknown transport`,
		"+15556667777:123":                                     "has 2 parts",
		"twilio:abc:123":                                       `"abc" is not a phone number`,
		"twilio:+15556667777:x":                                `"x" is not a mailbox id`,
		"twilio:+15556667777:-1":                               `"-1" is not a mailbox id`,
		"twilio:+15556667777:123,twilio:555-666-7777:456":      `entry "twilio:555-666-7777:456": the number is there twice`,
		"twilio:+15556667777:123,twilio:+15556667778:123":      "mailbox 123 is there twice",
		"mobilecommons:1:5,mobilecommons:1:6":                  "the campaign is there twice",
		"mobilecommons::6":                                     "the campaign is empty",
		"mobilecommons:x1:6":                                   `"x1" is not the id of a campaign`,
		"twilio:Anonymous:6":                                   "is not a phone number",
		"twilio:+15556667777:99999999999999999999999999999999": "is not a mailbox id",
	} {
		_, errs := Parse(in)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("Parse(%q): %v, want %s", in, errs, want)
		}
	}
}

func TestFromEnvReportsEverything(t *testing.T) {
	r := env.New([]string{"BLING_MAILBOXES=twilio:1:1,x:y:z", "BLING_WELCOME_TEXT=" + strings.Repeat("a", 1601) + "\xff", "BLING_MAILBOX=1"})
	FromEnv(r)
	err := r.Err()
	for _, want := range []string{`entry "twilio:1:1"`, `entry "x:y:z"`, "1602 characters", "is not UTF-8", "BLING_MAILBOX: unknown name"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestWelcome(t *testing.T) {
	for name, environ := range map[string][]string{
		DefaultWelcome: {"BLING_MAILBOXES=twilio:+15556667777:1"},
		"":             {"BLING_MAILBOXES=twilio:+15556667777:1", "BLING_WELCOME_TEXT="},
		"Hi":           {"BLING_MAILBOXES=twilio:+15556667777:1", "BLING_WELCOME_TEXT=Hi"},
		"Hi there":     {"BLING_MAILBOXES=twilio:+15556667777:1", "BLING_WELCOME_TEXT= Hi there\n"}, // as in the file
	} {
		r := env.New(environ)
		if all := FromEnv(r); r.Err() != nil || all[0].Texts.Welcome != name {
			t.Errorf("%v: %q, %v", environ, all[0].Texts.Welcome, r.Err())
		}
	}
}

// The two forms exclude each other, and what is wrong in the file is told all the same.
func TestOneForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hotlines.yaml")
	if err := os.WriteFile(path, []byte("hotlines:\n- {number: x, mailbox: 5}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		environ []string
		want    []string
	}{
		{nil, []string{"BLING_MAILBOXES: names no hotline, and BLING_CONFIG is not set"}},
		{[]string{"BLING_CONFIG=" + path + "x"}, []string{"BLING_CONFIG: open " + path + "x: "}},
		{[]string{"BLING_CONFIG=" + path, "BLING_MAILBOXES=twilio:+15556667777:1", "BLING_WELCOME_TEXT="}, []string{
			"BLING_CONFIG: and BLING_MAILBOXES are both set",
			"BLING_WELCOME_TEXT: belongs to BLING_MAILBOXES",
			`BLING_CONFIG: ` + path + `:2: number: "x" is not a phone number`,
		}},
	} {
		r := env.New(test.environ)
		FromEnv(r)
		lines := strings.Split(fmt.Sprint(r.Err()), "\n")
		if len(lines) != len(test.want) {
			t.Errorf("%v: %q", test.environ, lines)
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%v: %q, want %q", test.environ, lines[i], want)
			}
		}
	}
}

// C9: a mailbox may have several numbers.
func TestByNumber(t *testing.T) {
	several := New("+15556667777", 1)
	several.MoreNumbers = []phone.Number{"+15556667778", "+15556667779"}
	all := Hotlines{newAt(MobileCommons, OfCampaign("998"), 3), New("+15556667770", 2), several}
	for number, mailbox := range map[phone.Number]int64{
		"": 0, "+15556667771": 0, "+15556667770": 2, "+15556667777": 1, "+15556667778": 1, "+15556667779": 1,
	} {
		if h, ok := all.ByNumber(number); ok != (mailbox != 0) || h.MailboxID != mailbox {
			t.Errorf("%s: %d, %v", number, h.MailboxID, ok)
		}
	}
	if got := several.Numbers(); !slices.Equal(got, []phone.Number{"+15556667777", "+15556667778", "+15556667779"}) {
		t.Errorf("%q", got)
	}
	h, _ := all.ByNumber("mobilecommons:998")
	if got := h.Numbers(); h.MailboxID != 3 || !slices.Equal(got, []phone.Number{"mobilecommons:998"}) || Campaign(got[0]) != "998" || Campaign("+15556667777") != "" {
		t.Errorf("a campaign has the numbers %q", got)
	}
}

func TestTextsFor(t *testing.T) {
	h := New("+15556667777", 1)
	h.Languages = map[string]Variant{
		"ar": {[]string{"مرحبا", "مساعدة"}, Texts{Welcome: "ar"}},
		"el": {[]string{"βοήθειας"}, Texts{Welcome: "el"}},
		"es": {[]string{"hola", "ayuda", "español"}, Texts{Welcome: "es"}},
		"fa": {[]string{"می\u200cخواهم"}, Texts{Welcome: "fa"}}, // with a zero-width non-joiner inside
		"hi": {[]string{"नमस्ते"}, Texts{Welcome: "hi"}},        // with vowel signs, which are no letters
		"ru": {[]string{"привет", "помогите"}, Texts{Welcome: "ru"}},
	}
	for body, want := range map[string]string{
		"":                         DefaultWelcome,
		"hello":                    DefaultWelcome,
		"hola":                     "es",
		"¡HOLA! ¿Me ayudan?":       "es",
		"holanda, ayudante":        DefaultWelcome,
		"yo hablo ESPAÑOL":         "es",
		"espan\u0303ol":            "es", // the same letter as two characters
		"my name is\nAyuda\tsmith": "es",
		"السلام. مرحبا، كيف الحال؟": "ar",
		"مرحبابكم":             DefaultWelcome,
		"ПРИВЕТ, вы там?":      "ru",
		"Помогите!!":           "ru",
		"приветик":             DefaultWelcome,
		"ΒΟΉΘΕΙΑΣ":             "el", // the sigma at the end has a small form of its own
		"من می\u200cخواهم":     "fa",
		"नमस्ते जी":            "hi",
		"privet, hola, привет": "es", // the first word decides
		"привет hola":          "ru",
		"hola\U0001f64fпривет": "es",
	} {
		if got := h.TextsFor(body).Welcome; got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// Whatever is written there, each entry is either a hotline or an error, and hotlines are distinct.
func FuzzParse(f *testing.F) {
	f.Add(" twilio:  (555) 666-7777 : 123  , twilio: + 1 5558889999: 456")
	f.Add("mobilecommons:998:5,,x")
	f.Fuzz(func(t *testing.T, s string) {
		all, errs := Parse(s)
		entries := 0
		for e := range strings.SplitSeq(s, ",") {
			if strings.TrimSpace(e) != "" {
				entries++
			}
		}
		if len(all)+len(errs) != entries {
			t.Errorf("%d hotlines and %d errors of %d entries", len(all), len(errs), entries)
		}
		for i, h := range all {
			for _, other := range all[:i] {
				if h.MailboxID == other.MailboxID || h.Number == other.Number {
					t.Errorf("%+v and %+v", h, other)
				}
			}
			if h.Number == "" {
				t.Errorf("%+v cannot be reached", h)
			}
		}
	})
}
