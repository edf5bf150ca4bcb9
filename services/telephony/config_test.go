package telephony_test

import (
	"testing"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony"
)

// Accounts whose secrets have one value are read as they are, commas and all.
func TestAccounts(t *testing.T) {
	r := env.New([]string{"MOBILECOMMONS_USERNAME=kim,anna", "MOBILECOMMONS_PASSWORD=a,b", "TELNYX_API_KEY=c,d",
		"BLING_MAILBOXES=mobilecommons:1:2,telnyx:+15017122661:1", "BLING_PUBLIC_URL=https://x.example.org"})
	c := telephony.FromEnv(r)
	if c.MobileCommons.Username != "kim,anna" || c.MobileCommons.Password != "a,b" || c.Telnyx.APIKey != "c,d" || c.FileSecret != "c,d" || r.Err() != nil {
		t.Errorf("%q, %q, %q, %q, %v", c.MobileCommons.Username, c.MobileCommons.Password, c.Telnyx.APIKey, c.FileSecret, r.Err())
	}
	if c.APIURL != telephony.TwilioURL || c.MobileCommons.URL != telephony.MobileCommonsURL || c.Telnyx.URL != telephony.TelnyxURL || c.Simulated() {
		t.Errorf("%s, %s, %s, simulated: %v", c.APIURL, c.MobileCommons.URL, c.Telnyx.URL, c.Simulated())
	}
}

// A simulator is one that a hotline is at, and on this machine or beside it. An account's own address is none.
func TestSimulated(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:8081": true, "http://[::1]:8081": true, "http://[::ffff:10.0.0.1]": true, "http://localhost:8081": true, "http://simulator:8081": true,
		"http://192.168.1.2": true, "http://simulator.bling.svc": true, "http://simulator.bling.svc.cluster.local:8081": true,
		"https://acme.mcommons.com": false, "https://secure.mcommons.com": false, "https://8.8.8.8": false, "https://[2606:4700::1]": false, "": false, "https://local.example.org": false,
	} {
		for _, at := range []hotline.Transport{hotline.Twilio, hotline.MobileCommons, hotline.Telnyx} {
			c := telephony.Config{Hotlines: hotline.Hotlines{{Transport: at}}, APIURL: telephony.TwilioURL}
			c.Telnyx.URL, c.MobileCommons.URL = "http://127.0.0.1", "http://127.0.0.1"
			switch at {
			case hotline.Twilio:
				c.APIURL = address
			case hotline.Telnyx:
				c.Telnyx.URL = address
			case hotline.MobileCommons:
				c.MobileCommons.URL = address
			}
			if got := c.Simulated(); got != want {
				t.Errorf("a hotline at %s, which is at %q: simulated: %v", at, address, got)
			}
		}
	}
}
