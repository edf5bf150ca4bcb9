package provision_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	shared "github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const flowLine = `Twilio Studio flow "bling production fallback +15017122661"`

func TestEmptyAccount(t *testing.T) {
	b := account(t)
	before := b.number(office)
	a := b.bling(nil)
	want(t, b.plan(a), "create "+flowLine, "update Twilio number +15017122661 SmsUrl", "update Twilio number +15017122662 SmsUrl")
	b.apply(a)
	for _, n := range []phone.Number{main, more} {
		has := b.number(n)
		flow := has.SMSFallbackURL
		if !strings.HasPrefix(flow, b.url+"/v1/Accounts/") {
			t.Errorf("%s has the fallback %q", n, flow)
		}
		want := twiliosim.Number{
			PhoneNumber: string(n), SMSURL: public + "/bling/twilio_sms#rc=3&rp=5xx,ct,rt", SMSFallbackURL: flow,
			VoiceURL: public + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000", VoiceFallbackURL: flow,
			StatusCallback: public + "/bling/twilio_call#rc=5&rp=5xx,ct,rt",
		}
		if has != want {
			t.Errorf("the number is %+v, want %+v", has, want)
		}
	}
	if b.number(office) != before {
		t.Error("a number of nobody was changed")
	}
	want(t, b.plan(a))
}

// Whatever is changed by hand is shown, alone, and mended.
func TestDrift(t *testing.T) {
	const app = "AP0123456789abcdef0123456789abcdef"
	flowSid := ""
	for name, change := range map[string]func(*twiliosim.Number){
		"SmsUrl":               func(n *twiliosim.Number) { n.SMSURL, n.SMSFallbackURL = "", "" },
		"SmsFallbackUrl":       func(n *twiliosim.Number) { n.SMSFallbackURL = public + "/bling/twilio_sms_fallback" },
		"SmsApplicationSid":    func(n *twiliosim.Number) { n.SMSApplicationSID = app },
		"VoiceUrl":             func(n *twiliosim.Number) { n.VoiceURL = public + "/bling/twilio_voice" },
		"VoiceMethod":          func(n *twiliosim.Number) { n.VoiceMethod = http.MethodGet },
		"VoiceFallbackUrl":     func(n *twiliosim.Number) { n.VoiceFallbackURL = "" },
		"VoiceFallbackMethod":  func(n *twiliosim.Number) { n.VoiceFallbackMethod = http.MethodGet },
		"VoiceApplicationSid":  func(n *twiliosim.Number) { n.VoiceApplicationSID = app },
		"TrunkSid":             func(n *twiliosim.Number) { n.TrunkSID = "TK0123456789abcdef0123456789abcdef" },
		"StatusCallback":       func(n *twiliosim.Number) { n.StatusCallback = "" },
		"StatusCallbackMethod": func(n *twiliosim.Number) { n.StatusCallbackMethod = http.MethodGet },
	} {
		t.Run(name, func(t *testing.T) {
			b := account(t)
			a := b.bling(nil)
			b.apply(a)
			should := b.number(main)
			b.set(main, change)
			plan := b.plan(a)
			want(t, plan, "update Twilio number +15017122661 "+name)
			if !t.Failed() && name != "SmsUrl" && len(plan.Changes[0].Fields) != 1 {
				t.Errorf("more is to be changed: %+v", plan.Changes[0].Fields)
			}
			if got := findings(t, a); len(got) != 1 || !strings.Contains(got[0], "twilio number +15017122661: "+name) {
				t.Errorf("the checks find %q", got)
			}
			b.apply(a)
			if got := b.number(main); got != should {
				t.Errorf("the number is %+v, want %+v", got, should)
			}
		})
	}
	t.Run("the flow", func(t *testing.T) {
		b := account(t)
		a := b.bling(nil)
		b.apply(a)
		url := b.number(main).SMSFallbackURL
		flowSid = url[strings.LastIndex(url, "/")+1:]
		if err := b.SetFlow(flowSid, []byte(`{"description":"","flags":{"allow_concurrent_calls":true},"initial_state":"Trigger","states":[{"name":"Trigger",`+
			`"type":"trigger","properties":{},"transitions":[{"event":"incomingMessage"},{"event":"incomingCall"},{"event":"incomingRequest"},{"event":"incomingParent"}]}]}`)); err != nil {
			t.Fatal(err)
		}
		want(t, b.plan(a), "update "+flowLine)
		if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], "warning twilio fallback +15017122661: ") {
			t.Errorf("the checks find %q", got)
		}
		b.apply(a)
		want(t, b.plan(a))
	})
	t.Run("the flow is deleted", func(t *testing.T) {
		b := account(t)
		a := b.bling(nil)
		b.apply(a)
		if err := b.client(twiliosim.DefaultAuthToken).DeleteFlow(t.Context(), lastPart(b.number(main).SMSFallbackURL)); err != nil {
			t.Fatal(err)
		}
		want(t, b.plan(a), "create "+flowLine, "update Twilio number +15017122661 SmsFallbackUrl VoiceFallbackUrl", "update Twilio number +15017122662 SmsFallbackUrl VoiceFallbackUrl")
		b.apply(a)
		want(t, b.plan(a))
	})
}

func lastPart(url string) string { return url[strings.LastIndex(url, "/")+1:] }

// What somebody else uses is left alone until we are told to take it.
func TestOwnership(t *testing.T) {
	const app, otherFlow = "AP0123456789abcdef0123456789abcdef", "FW00000000000000000000000000000001"
	for name, c := range map[string]struct {
		change func(*bench, *twiliosim.Number)
		says   string
	}{
		"texts":        {func(_ *bench, n *twiliosim.Number) { n.SMSURL = "https://crm.example.com/in?key=s3cret" }, "SmsUrl is https://crm.example.com/in, which is not ours"},
		"calls":        {func(_ *bench, n *twiliosim.Number) { n.VoiceURL = "http://u:s3cret@pbx.example.com/" }, "VoiceUrl is http://pbx.example.com/, which is not ours"},
		"the callback": {func(_ *bench, n *twiliosim.Number) { n.StatusCallback = "https://log.example.com" }, "StatusCallback is https://log.example.com"},
		"another one":  {func(_ *bench, n *twiliosim.Number) { n.SMSURL = "https://staging.example.org/bling/twilio_sms#rc=3" }, "another installation of Bling"},
		"a path":       {func(_ *bench, n *twiliosim.Number) { n.SMSURL = "https://example.org/two/bling/twilio_sms" }, "another installation of Bling"},
		"begins alike": {func(_ *bench, n *twiliosim.Number) { n.SMSURL = public + ".evil.example/bling/twilio_sms" }, "another installation of Bling"},
		"an app":       {func(_ *bench, n *twiliosim.Number) { n.SMSApplicationSID = app }, "SmsApplicationSid is " + app},
		"a flow":       {func(b *bench, n *twiliosim.Number) { n.VoiceURL = b.FlowURL(otherFlow) }, "VoiceUrl is http://127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := account(t)
			keep, err := json.Marshal(map[string]any{"description": "x", "flags": map[string]bool{}, "initial_state": "Trigger", "states": []any{map[string]any{
				"name": "Trigger", "type": "trigger", "properties": map[string]any{}, "transitions": []any{
					map[string]any{"event": "incomingMessage"}, map[string]any{"event": "incomingCall"}, map[string]any{"event": "incomingRequest"}, map[string]any{"event": "incomingParent"},
				}}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.SetFlow(otherFlow, keep); err != nil {
				t.Fatal(err)
			}
			b.set(main, func(n *twiliosim.Number) { c.change(b, n) })
			plan := b.plan(b.bling(nil))
			if len(plan.Conflicts) != 1 || !strings.HasPrefix(plan.Conflicts[0], "Twilio number +15017122661: ") ||
				!strings.Contains(plan.Conflicts[0], c.says) || !strings.HasSuffix(plan.Conflicts[0], "-take +15017122661") {
				t.Errorf("the conflicts are %q", plan.Conflicts)
			}
			if strings.Contains(fmt.Sprint(plan.Conflicts), "s3cret") {
				t.Error("somebody's password is shown")
			}
			if got := findings(t, b.bling(nil)); strings.Contains(fmt.Sprint(got), "s3cret") {
				t.Errorf("somebody's password is shown: %q", got)
			}
			taking := b.bling(func(c *provision.Config) { c.Take = []phone.Number{main} })
			b.apply(taking)
			want(t, b.plan(b.bling(nil)))
		})
	}
	t.Run("not there", func(t *testing.T) {
		b := account(t)
		plan := b.plan(b.bling(func(c *provision.Config) { c.Hotlines[0].Number = "+15017129999" }))
		if len(plan.Conflicts) != 1 || !strings.Contains(plan.Conflicts[0], "+15017129999: the account does not have it. It has +15017122661, +15017122662, +15017122663.") {
			t.Errorf("the conflicts are %q", plan.Conflicts)
		}
	})
	t.Run("a short code", func(t *testing.T) {
		b := account(t)
		plan := b.plan(b.bling(func(c *provision.Config) { c.Hotlines[0].Number = "12345" }))
		if len(plan.Conflicts) != 0 || len(plan.Notes) != 1 {
			t.Errorf("conflicts %q, notes %q", plan.Conflicts, plan.Notes)
		}
	})
}

// A Messaging Service that keeps texts from our numbers is changed if all its numbers are ours, and only then.
func TestMessagingService(t *testing.T) {
	b := account(t)
	a := b.bling(nil)
	b.apply(a)
	if got := findings(t, a); len(got) > 0 {
		t.Errorf("the checks find %q", got)
	}
	service := twiliosim.Service{FriendlyName: "Help line", PhoneNumbers: []string{string(main)}}
	service.Sid = b.SetService(service)
	other := b.SetService(twiliosim.Service{FriendlyName: "Office", PhoneNumbers: []string{string(office)}})

	want(t, b.plan(a), `update Twilio Messaging Service "Help line" (`+service.Sid+") UseInboundWebhookOnNumber")
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], `failure twilio messaging service "Help line": Texts to +15017122661 go to`) {
		t.Errorf("the checks find %q", got)
	}
	b.apply(a)
	want(t, b.plan(a))
	if got := findings(t, a); len(got) > 0 {
		t.Errorf("the checks find %q", got)
	}
	for _, s := range b.Services() {
		if s.UseInboundWebhookOnNumber != (s.Sid != other) {
			t.Errorf("the service is %+v", s)
		}
	}

	service.PhoneNumbers = []string{string(main), string(office)}
	b.SetService(service)
	if plan := b.plan(a); len(plan.Changes) != 0 || len(plan.Conflicts) != 1 || !strings.Contains(plan.Conflicts[0], "defer to sender's webhook") {
		t.Errorf("%q", told(plan))
	}
	service.UseInboundWebhookOnNumber = true
	b.SetService(service)
	want(t, b.plan(a))
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], `warning twilio messaging service "Help line": Who texts STOP`) {
		t.Errorf("the checks find %q", got)
	}
}

// Two flows of one name are what two people who apply at once leave; a flow of a hotline that is gone is no use. Neither goes while
// somebody's number has it.
func TestLeftOver(t *testing.T) {
	b := account(t)
	a := b.bling(nil)
	b.apply(a)
	client := b.client(twiliosim.DefaultAuthToken)
	mine, err := client.Flows(t.Context())
	if err != nil || len(mine) != 1 {
		t.Fatalf("%+v, %v", mine, err)
	}
	full, err := client.Flow(t.Context(), mine[0].SID)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := json.Marshal(full.Definition)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{mine[0].Name, "bling production fallback +15017120000", "bling staging fallback +15017122661", "production fallback", "bling production"} {
		if _, err := client.CreateFlow(t.Context(), name, definition); err != nil {
			t.Fatal(err)
		}
	}
	b.apply(a)
	var names []string
	left, err := client.Flows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"bling production", mine[0].Name, "bling staging fallback +15017122661", "production fallback"}) {
		t.Errorf("left are %q", names)
	}
	want(t, b.plan(a))
	i := slices.IndexFunc(left, func(f twilio.Flow) bool { return f.Name == mine[0].Name })
	if b.number(main).SMSFallbackURL != left[i].URL || b.number(more).VoiceFallbackURL != left[i].URL {
		t.Errorf("the number's fallback is %s, the flow %s", b.number(main).SMSFallbackURL, left[i].URL)
	}

	// The hotline has a number less, which still points here and has the flow.
	gone := b.bling(func(c *provision.Config) { c.Hotlines = hotline.Hotlines{hotline.New(office, 206907)} })
	b.apply(gone)
	plan := b.plan(gone)
	want(t, plan)
	if len(plan.Notes) != 2 || !strings.Contains(plan.Notes[0], "+15017122661 points here, but no hotline at Twilio has it") {
		t.Errorf("the notes are %q", plan.Notes)
	}
	if b.number(main).SMSFallbackURL != left[i].URL {
		t.Error("a number that nobody has was changed")
	}
}

func TestTeardown(t *testing.T) {
	b := account(t)
	b.set(office, func(n *twiliosim.Number) {
		n.SMSURL, n.VoiceURL = public+"/office/sms", "https://staging.example.org/bling/twilio_voice"
	})
	elsewhere := b.number(office)
	b.apply(b.bling(nil))
	staging := b.bling(func(c *provision.Config) {
		c.Environment, c.PublicURL, c.Take = "staging", "https://staging.example.org", []phone.Number{more}
		c.Hotlines = hotline.Hotlines{hotline.New(more, 206907)}
	})
	b.apply(staging)
	theirs := b.number(more)
	b.set(main, func(n *twiliosim.Number) { n.VoiceURL = "https://pbx.example.com/" })

	teardown := func() shared.Plan {
		plan, err := b.bling(func(c *provision.Config) { c.Hotlines = nil }).Teardown(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	plan := teardown()
	want(t, plan, "update Twilio number +15017122661 SmsUrl SmsFallbackUrl VoiceFallbackUrl StatusCallback", "delete "+flowLine)
	if _, err := plan.Apply(t.Context(), func(shared.Change) {}); err != nil {
		t.Fatal(err)
	}
	if got := b.number(main); got != (twiliosim.Number{PhoneNumber: string(main), VoiceURL: "https://pbx.example.com/"}) {
		t.Errorf("the number is %+v", got)
	}
	if b.number(more) != theirs || b.number(office) != elsewhere {
		t.Error("a number of others was changed")
	}
	want(t, teardown())
	want(t, b.plan(staging))
}

// What Twilio says of a flow that it does not take is told, and nothing is changed.
func TestFlowRefused(t *testing.T) {
	b := account(t)
	before := b.Numbers()
	plan := b.plan(b.bling(func(c *provision.Config) { c.Hotlines[0].Texts.Failure = "Sorry, {{first_name}}" }))
	done, err := plan.Apply(t.Context(), func(shared.Change) {})
	if done != 0 || err == nil || !strings.Contains(err.Error(), "{{first_name}} does not exist") {
		t.Errorf("%d changes, %v", done, err)
	}
	if !slices.Equal(b.Numbers(), before) {
		t.Error("the numbers were changed")
	}
}
