package provision_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
)

// elsewhere are hotlines of the short form.
func elsewhere(t *testing.T, s string) hotline.Hotlines {
	t.Helper()
	all, errs := hotline.Parse(s)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return all
}

// checkedAt is what the checks of both carriers find, each in a line, when front is in front of them.
func checkedAt(t *testing.T, hotlines, key, password string, front func(http.Handler) http.Handler) (lines []string) {
	t.Helper()
	phones, texts := telnyxsim.New(telnyxsim.Config{}), mobilecommonssim.New(mobilecommonssim.Config{Campaigns: []mobilecommonssim.Campaign{{ID: "189358"}}})
	t.Cleanup(phones.Close)
	address := func(h http.Handler) string {
		server := httptest.NewServer(front(h))
		t.Cleanup(server.Close)
		return server.URL
	}
	atTelnyx, err := telnyx.New(address(phones.Handler()), key)
	if err != nil {
		t.Fatal(err)
	}
	atMobileCommons, err := mobilecommons.New(address(texts.Handler()), mobilecommonssim.DefaultUsername, password)
	if err != nil {
		t.Fatal(err)
	}
	clients := map[hotline.Transport]carrier.Carrier{hotline.Telnyx: atTelnyx, hotline.MobileCommons: atMobileCommons}
	for _, f := range check.Run(t.Context(), provision.CarrierChecks(elsewhere(t, hotlines), clients)...) {
		if (f.Fix == "") != (f.Level == check.OK) || strings.Contains(f.Says, key) || strings.Contains(f.Says, password) {
			t.Errorf("%+v", f)
		}
		lines = append(lines, f.Level.String()+" "+f.Name+": "+f.Says)
	}
	return lines
}

func TestCarrierChecks(t *testing.T) {
	const all, password = "twilio:+15017122661:1,telnyx:+15017122662:2,mobilecommons:189358:3,mobilecommons:189359:4", mobilecommonssim.DefaultPassword
	as := func(h http.Handler) http.Handler { return h }
	answering := func(status int) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		}
	}
	silent := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}
	for name, c := range map[string]struct {
		hotlines, key, password string
		front                   func(http.Handler) http.Handler
		want                    []string
	}{
		"well, but for a campaign that is not there": {all, telnyxsim.DefaultAPIKey, password, as, []string{
			"ok telnyx account: The API key works.", "ok mobile commons campaign 189358: The account shows its texts.",
			"failure mobile commons campaign 189359: Mobile Commons does not show it: Mobile Commons answered with status 200, code 1."}},
		"wrong credentials": {all, "KEYother", "another", as, []string{
			"failure telnyx account: Telnyx refuses the credentials.", "failure mobile commons account: Mobile Commons refuses the credentials."}},
		"down": {"telnyx:+15017122662:2,mobilecommons:189358:3", "KEY", "word", answering(http.StatusBadGateway), []string{
			"failure telnyx account: Telnyx answered with status 502.", "failure mobile commons campaign 189358: Mobile Commons answered with status 502."}},
		"too many requests": {"telnyx:+15017122662:2,mobilecommons:189358:3", "KEY", "word", answering(http.StatusTooManyRequests), []string{
			"failure telnyx account: Telnyx answered with status 429.", "failure mobile commons campaign 189358: Mobile Commons answered with status 429."}},
		"silent": {"telnyx:+15017122662:2,mobilecommons:189358:3", "KEY", "word", silent, []string{
			"failure telnyx account: Telnyx does not answer.", "failure mobile commons campaign 189358: Mobile Commons does not answer."}},
		"no hotline there": {"twilio:+15017122661:1", "KEY", "word", as, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := checkedAt(t, c.hotlines, c.key, c.password, c.front); !slices.Equal(got, c.want) {
				t.Errorf("the checks find\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func TestByHand(t *testing.T) {
	notes := provision.ByHand(elsewhere(t, "twilio:+15017122661:1,telnyx:+15017122662:2,telnyx:+15017122663:3,mobilecommons:189358:4"), public)
	if len(notes) != 1 || !strings.Contains(notes[0], "of +15017122662, +15017122663 needs "+public+"/bling/telnyx_sms") || strings.Contains(notes[0], "2661") {
		t.Errorf("%q", notes)
	}
	if notes := provision.ByHand(elsewhere(t, "twilio:+15017122661:1,mobilecommons:189358:4"), public); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

// What another carrier has is nothing to Twilio's account, not even if that has the same number.
func TestOthersHotlines(t *testing.T) {
	b := account(t)
	a := b.bling(func(c *provision.Config) {
		c.Hotlines = elsewhere(t, "telnyx:"+string(main)+":1,mobilecommons:189358:2")
	})
	want(t, b.plan(a))
	if got := findings(t, a); len(got) > 0 {
		t.Errorf("the checks find %q", got)
	}
	b.apply(b.bling(nil))
	plan := b.plan(a) // the flow stays as long as numbers lead to it
	want(t, plan)
	if len(plan.Notes) != 2 || !strings.Contains(plan.Notes[0], string(main)+" points here, but no hotline at Twilio has it.") {
		t.Errorf("the notes are %q", plan.Notes)
	}
}
