package hotline

import (
	"reflect"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/env"
)

// Ports of bling/helpscout/mailboxes_test.py; the ids are the lines of the parity checklist.
func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     Hotlines
	}{
		{"C2 empty", "", nil},
		{"C2 one", "twilio:+15556667777:123", Hotlines{{Transport: Twilio, Number: "+15556667777", MailboxID: 123}}},
		{"C2 spaces", " twilio : +15556667777 : 123 ", Hotlines{{Transport: Twilio, Number: "+15556667777", MailboxID: 123}}},
		{"C2 several, odd spaces", " twilio:  (555) 666-7777 : 123  , twilio: + 1 5558889999: 456", Hotlines{
			{Transport: Twilio, Number: "+15556667777", MailboxID: 123}, {Transport: Twilio, Number: "+15558889999", MailboxID: 456}}},
		{"C2 empty entries", ",, twilio:+15556667777:123,", Hotlines{{Transport: Twilio, Number: "+15556667777", MailboxID: 123}}},
		{"C3 campaign has no placeholder number", "mobilecommons:998:5", Hotlines{{Transport: MobileCommons, Campaign: "998", MailboxID: 5}}},
		{"C6 two campaigns", "mobilecommons:1:5,mobilecommons:2:6", Hotlines{{Transport: MobileCommons, Campaign: "1", MailboxID: 5}, {Transport: MobileCommons, Campaign: "2", MailboxID: 6}}},
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
	r := env.New([]string{"BLING_MAILBOXES=twilio:1:1,x:y:z", "BLING_WELCOME_TEXT=" + strings.Repeat("a", 1601), "BLING_MAILBOX=1"})
	FromEnv(r)
	err := r.Err()
	for _, want := range []string{`entry "twilio:1:1"`, `entry "x:y:z"`, "1601 characters", "BLING_MAILBOX: unknown name"} {
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
	} {
		r := env.New(environ)
		if all := FromEnv(r); r.Err() != nil || all[0].Welcome != name {
			t.Errorf("%v: %q, %v", environ, all[0].Welcome, r.Err())
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
				if h.MailboxID == other.MailboxID || (h.Number != "" && h.Number == other.Number) {
					t.Errorf("%+v and %+v", h, other)
				}
			}
			if h.Number == "" && h.Campaign == "" {
				t.Errorf("%+v cannot be reached", h)
			}
		}
	})
}
