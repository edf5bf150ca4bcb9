package switchboard

import (
	"testing"

	"github.com/bling-hotline/bling/internal/hotline"
)

// A campaign is shown in full, whatever its id looks like, and the numbers of people are not.
func TestCampaigns(t *testing.T) {
	all, errs := hotline.Parse("mobilecommons:189358:1,mobilecommons:6175550142:2,telnyx:+15017122661:3")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	all[1].Name = "Ayuda 👋"
	s := &Service{Config: Config{Hotlines: all}}
	for shown, want := range map[string]string{
		s.hotline("mobilecommons:189358"):                                   "campaign 189358 (Mobile Commons)",
		s.hotline("mobilecommons:999"):                                      "campaign 999 (Mobile Commons)", // is no hotline any more
		s.hotline("mobilecommons:6175550142"):                               "Ayuda 👋, campaign 6175550142 (Mobile Commons)",
		s.typedHotline("mobilecommons:189358"):                              "campaign 189358 (Mobile Commons)",
		s.typedHotline("mobilecommons:6175550143"):                          "unknown sender", // typed by anybody
		s.typedHotline("+15017122661"):                                      "501-712-2661",
		s.typedHotline("+16175550143"):                                      "+1 617 ••• ••43",
		s.scrubTyped("campaigns 189358 and 6175550142, said 6175550143"):    "campaigns 189358 and 6175550142, said +1 617 ••• ••43",
		s.scrub("on campaign 6175550142 (Mobile Commons) by +16175550143."): "on campaign 6175550142 (Mobile Commons) by +1 617 ••• ••43.",
	} {
		if shown != want {
			t.Errorf("%q, want %q", shown, want)
		}
	}
}
