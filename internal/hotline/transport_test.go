package hotline

import (
	"testing"

	"github.com/bling-hotline/bling/internal/phone"
)

// A campaign is nobody's number: people see it as it is, and logs too. Everybody else stays hidden from logs.
func TestCampaignIsShown(t *testing.T) {
	for n, want := range map[phone.Number]struct{ display, logged string }{
		OfCampaign("189358"):            {"campaign 189358 (Mobile Commons)", "mobilecommons:189358"},
		"+15017122661":                  {"501-712-2661", "..61"},
		"+442071838750":                 {"+44 20 7183 8750", "..50"},
		"12345":                         {"short code 12345", "..45"},
		OfCampaign("") + "+16175550142": {"campaign +16175550142 (Mobile Commons)", "..42"}, // which is no hotline's
		"x" + OfCampaign("189358"):      {"unknown sender", "..58"},
	} {
		if got := Display(n); got != want.display {
			t.Errorf("%s: %q", n, got)
		}
		if got := n.LogValue().String(); got != want.logged {
			t.Errorf("%s is logged as %q", n, got)
		}
	}
}
