package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/provision"
	telephony "github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	ticketing "github.com/bling-hotline/bling/services/ticketing/provision"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// installation is a Bling as bling plan, apply and destroy see it.
type installation struct {
	environment provision.Environment
	url         string
	hotlines    hotline.Hotlines
	take        []phone.Number
}

// plan is what bling plan, or destroy, would show.
func (i installation) plan(ctx context.Context, v hotlinetest.Vendors, destroy bool) (plan provision.Plan, err error) {
	client, err := twilio.New(v.TwilioURL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		return plan, err
	}
	phones := telephony.New(telephony.Config{Hotlines: i.hotlines, PublicURL: i.url, Environment: i.environment, Take: i.take}, client)
	desk := ticketing.New(ticketing.Config{
		Hotlines: i.hotlines, PublicURL: i.url, Environment: i.environment, Secret: helpscoutsim.DefaultWebhookSecret, Sidebar: true,
	}, helpscout.New(v.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, helpscout.Unlimited{}))
	ask := []func(context.Context) (provision.Plan, error){phones.Plan, desk.Plan}
	if destroy {
		ask = []func(context.Context) (provision.Plan, error){phones.Teardown, desk.Teardown}
	}
	one, err1 := ask[0](ctx)
	plan.Add(one)
	other, err2 := ask[1](ctx)
	plan.Add(other)
	return plan, errors.Join(err1, err2)
}

// carryOut does what bling apply -yes, or destroy -yes, does.
func (i installation) carryOut(ctx context.Context, v hotlinetest.Vendors, destroy bool) (changes int, err error) {
	plan, err := i.plan(ctx, v, destroy)
	if err == nil && len(plan.Conflicts) > 0 {
		err = fmt.Errorf("conflicts: %q", plan.Conflicts)
	}
	if err != nil {
		return 0, err
	}
	return plan.Apply(ctx, func(provision.Change) {})
}

// apply fails the test if it cannot be done.
func (i installation) apply(t *testing.T, v hotlinetest.Vendors) (changes int) {
	t.Helper()
	changes, err := i.carryOut(t.Context(), v, false)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// finds are what the checks find, but for what is all right.
func (i installation) finds(t *testing.T, v hotlinetest.Vendors) (bad []string) {
	t.Helper()
	client, err := twilio.New(v.TwilioURL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		t.Fatal(err)
	}
	checks := telephony.New(telephony.Config{Hotlines: i.hotlines, PublicURL: i.url, Environment: i.environment}, client).Checks()
	checks = append(checks, ticketing.New(ticketing.Config{Hotlines: i.hotlines, PublicURL: i.url, Environment: i.environment},
		helpscout.New(v.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, helpscout.Unlimited{})).Checks()...)
	for _, f := range check.Run(t.Context(), checks...) {
		if f.Level != check.OK {
			bad = append(bad, f.Name+": "+f.Says)
		}
	}
	return bad
}

const officeMailbox = 206907

// production has two hotlines with three numbers, staging one with one.
func production() installation {
	one, two := hotline.New(simulator.Hotline, simulator.MailboxID), hotline.New("+15017122663", 206908)
	one.MoreNumbers = []phone.Number{"+15017122662"}
	two.Texts.Failure = "Lo sentimos."
	return installation{environment: "production", url: "https://hotline.example.org", hotlines: hotline.Hotlines{one, two}}
}

func staging() installation {
	return installation{environment: "staging", url: "https://staging.example.org", hotlines: hotline.Hotlines{hotline.New("+15017122664", officeMailbox)}}
}

// accountsOf are the vendors' accounts before anybody has set them up, with things of others in them. each sees every request that changes
// something before it is answered. Optional.
func accountsOf(t *testing.T, each func(hotlinetest.Vendors, *http.Request)) (v hotlinetest.Vendors) {
	t.Helper()
	var err error
	if v.Twilio, err = twiliosim.New(twiliosim.Config{}); err != nil {
		t.Fatal(err)
	}
	if v.HelpScout, err = helpscoutsim.New(helpscoutsim.Config{
		RateLimit: -1, Mailboxes: []helpscoutsim.Mailbox{{ID: simulator.MailboxID, Name: "Hotline"}, {ID: officeMailbox, Name: "Office"}, {ID: 206908, Name: "Español"}},
		Webhooks: []helpscoutsim.Webhook{{URL: "https://zapier.example.com/hook", Secret: "theirs", Label: "zapier"}},
	}); err != nil {
		t.Fatal(err)
	}
	watched := func(next http.Handler) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if each != nil && r.Method != http.MethodGet {
				each(v, r)
			}
			next.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		return server
	}
	v.TwilioURL, v.HelpScoutURL = watched(v.Twilio.Handler()).URL, watched(v.HelpScout.Handler()).URL
	v.Twilio.SetPublicURL(v.TwilioURL)
	t.Cleanup(func() { v.Twilio.Close(); v.HelpScout.Close() })
	for n := range 5 { // the last one is used by somebody else
		number := twiliosim.Number{PhoneNumber: fmt.Sprintf("+1501712266%d", n+1)}
		switch n {
		case 0:
			number.SMSURL, number.VoiceURL = "https://demo.twilio.com/welcome/sms/reply/", "https://demo.twilio.com/welcome/voice/"
		case 4:
			number.SMSURL = "https://crm.example.com/texts"
		}
		v.Twilio.SetNumber(number)
	}
	v.Twilio.SetService(twiliosim.Service{FriendlyName: "Help line", PhoneNumbers: []string{simulator.Hotline}})
	v.Twilio.SetService(twiliosim.Service{FriendlyName: "CRM", PhoneNumbers: []string{"+15017122665"}})
	return v
}

// state is all that matters of the accounts, in lines, with names in place of SIDs and ids, which differ from run to run.
func state(t *testing.T, v hotlinetest.Vendors) string {
	t.Helper()
	client, err := twilio.New(v.TwilioURL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		t.Fatal(err)
	}
	flows, err := client.Flows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines, names []string
	for _, f := range flows {
		full, err := client.Flow(t.Context(), f.SID)
		if err != nil {
			t.Fatal(err)
		}
		definition, err := json.Marshal(full.Definition)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("flow %s %v %s", f.Name, f.Published, definition))
		names = append(names, f.URL, "flow:"+f.Name)
	}
	for _, n := range v.Twilio.Numbers() {
		lines = append(lines, fmt.Sprintf("number %+v", n))
	}
	for _, s := range v.Twilio.Services() {
		s.Sid = ""
		lines = append(lines, fmt.Sprintf("service %+v", s))
	}
	for _, w := range v.HelpScout.Webhooks() {
		w.ID = 0
		lines = append(lines, fmt.Sprintf("webhook %+v", w))
	}
	slices.Sort(lines)
	all := strings.NewReplacer(names...).Replace(strings.Join(lines, "\n"))
	if strings.Contains(all, "/Flows/FW") {
		t.Errorf("a number points to a flow that is not there:\n%s", all)
	}
	return all
}
