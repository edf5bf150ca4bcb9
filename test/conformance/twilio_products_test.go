package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"
	messaging "github.com/twilio/twilio-go/rest/messaging/v1"
	studio "github.com/twilio/twilio-go/rest/studio/v2"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// What is set up with products of Twilio that have hosts and descriptions of their own. The descriptions are not recorded here; the
// library was made from them.

func TestTwilioServices(t *testing.T) {
	a := newAccount(t, nil, nil)
	api := messaging.NewApiServiceWithClient(a.client)
	made, err := api.CreateService(new(messaging.CreateServiceParams).SetFriendlyName("Hotline").SetInboundRequestUrl(a.site.URL + "/pool").SetFallbackUrl(a.site.URL + "/later"))
	must(a, made, err)
	want(a, "account_sid", made.AccountSid, twiliosim.DefaultAccountSID)
	want(a, "friendly_name", made.FriendlyName, "Hotline")
	want(a, "inbound_request_url", made.InboundRequestUrl, a.site.URL+"/pool")
	want(a, "inbound_method", made.InboundMethod, "POST")
	want(a, "fallback_url", made.FallbackUrl, a.site.URL+"/later")
	want(a, "use_inbound_webhook_on_number", made.UseInboundWebhookOnNumber, false)
	want(a, "validity_period", &made.ValidityPeriod, 36000)
	wantMoment(a, "date_created", made.DateCreated)
	numbers, err := a.api.ListIncomingPhoneNumber(new(openapi.ListIncomingPhoneNumberParams).SetPhoneNumber(ours))
	must(a, numbers, err)
	sid := *numbers[0].Sid
	member, err := api.CreatePhoneNumber(*made.Sid, new(messaging.CreatePhoneNumberParams).SetPhoneNumberSid(sid))
	must(a, member, err)
	want(a, "sid", member.Sid, sid)
	want(a, "service_sid", member.ServiceSid, *made.Sid)
	want(a, "phone_number", member.PhoneNumber, ours)
	want(a, "country_code", member.CountryCode, "US")
	wantMoment(a, "date_created", member.DateCreated)
	if c := member.Capabilities; c == nil || !slices.Equal(*c, []string{"MMS", "SMS", "Voice"}) {
		a.Errorf("capabilities %v", c)
	}
	// Now the number's own address is not asked any more, until the service says so.
	text := func() url.Values {
		a.Helper()
		if _, err := a.Text(a.Context(), twiliosim.Text{From: kim, To: ours, Body: "Hello?"}); err != nil {
			a.Fatal(err)
		}
		told := a.site.told("/pool")
		return append(told, url.Values{})[max(0, len(told)-1)]
	}
	if told := text(); told.Get("MessagingServiceSid") != *made.Sid || len(a.site.told("/sms")) != 0 {
		a.Errorf("told %v", told)
	}
	newest, err := a.api.ListMessage(new(openapi.ListMessageParams).SetTo(ours))
	must(a, newest, err)
	want(a, "messaging_service_sid", newest[0].MessagingServiceSid, *made.Sid)
	changed, err := api.UpdateService(*made.Sid, new(messaging.UpdateServiceParams).SetUseInboundWebhookOnNumber(true))
	must(a, changed, err)
	want(a, "use_inbound_webhook_on_number", changed.UseInboundWebhookOnNumber, true)
	want(a, "friendly_name", changed.FriendlyName, "Hotline")
	text()
	if told := a.site.told("/sms"); len(told) != 1 || told[0].Get("MessagingServiceSid") != *made.Sid {
		a.Errorf("told %v", told)
	}

	second, err := api.CreateService(new(messaging.CreateServiceParams).SetFriendlyName("Other"))
	must(a, second, err)
	_, err = api.CreatePhoneNumber(*second.Sid, new(messaging.CreatePhoneNumberParams).SetPhoneNumberSid(sid))
	wantError(a, err, http.StatusBadRequest, 21712)
	services, err := api.ListService(new(messaging.ListServiceParams).SetPageSize(1))
	if must(a, services, err); len(services) != 2 || *services[0].Sid != *second.Sid {
		a.Errorf("services %+v", services)
	}
	members, err := api.ListPhoneNumber(*made.Sid, nil)
	if must(a, members, err); len(members) != 1 || *members[0].Sid != sid {
		a.Errorf("numbers %+v", members)
	}
	fetched, err := api.FetchPhoneNumber(*made.Sid, sid)
	must(a, fetched, err)
	if err := api.DeletePhoneNumber(*made.Sid, sid); err != nil {
		a.Fatal(err)
	}
	_, err = api.FetchPhoneNumber(*made.Sid, sid)
	wantError(a, err, http.StatusNotFound, 20404)
	if err := api.DeleteService(*made.Sid); err != nil {
		a.Fatal(err)
	}
	_, err = api.FetchService(*made.Sid)
	wantError(a, err, http.StatusNotFound, 20404)
}

func TestTwilioFlows(t *testing.T) {
	a := newAccount(t, nil, nil)
	api := studio.NewApiServiceWithClient(a.client)
	definition := any(object{"description": "Nothing", "flags": object{}, "initial_state": "Trigger", "states": []object{
		{"name": "Trigger", "type": "trigger", "properties": object{}, "transitions": []object{}},
	}})
	valid, err := api.UpdateFlowValidate(new(studio.UpdateFlowValidateParams).SetFriendlyName("Fallback").SetStatus("published").SetDefinition(definition))
	must(a, valid, err)
	want(a, "valid", valid.Valid, true)
	made, err := api.CreateFlow(new(studio.CreateFlowParams).SetFriendlyName("Fallback").SetStatus("published").SetDefinition(definition).SetCommitMessage("first"))
	must(a, made, err)
	want(a, "friendly_name", made.FriendlyName, "Fallback")
	want(a, "status", made.Status, "published")
	want(a, "commit_message", made.CommitMessage, "first")
	want(a, "webhook_url", made.WebhookUrl, a.FlowURL(*made.Sid))
	wantMoment(a, "date_created", made.DateCreated)
	changed, err := api.UpdateFlow(*made.Sid, new(studio.UpdateFlowParams).SetStatus("draft").SetFriendlyName("Later"))
	must(a, changed, err)
	want(a, "revision", &changed.Revision, 2)
	got, err := api.FetchFlow(*made.Sid)
	must(a, got, err)
	want(a, "friendly_name", got.FriendlyName, "Later")
	if got.Definition == nil || *got.Definition == nil {
		a.Error("no definition")
	}
	if _, err := api.CreateFlow(new(studio.CreateFlowParams).SetFriendlyName("Later").SetStatus("draft").SetDefinition(definition)); err != nil {
		a.Fatal(err)
	}
	flows, err := api.ListFlow(new(studio.ListFlowParams).SetPageSize(1))
	must(a, flows, err)
	for _, f := range flows {
		want(a, "friendly_name", f.FriendlyName, "Later")
		if f.Definition != nil && *f.Definition != nil {
			a.Error("a definition in a list")
		}
	}
	if len(flows) != 2 {
		a.Errorf("%d flows", len(flows))
	}
	if err := api.DeleteFlow(*made.Sid); err != nil {
		a.Fatal(err)
	}
	_, err = api.FetchFlow(*made.Sid)
	wantError(a, err, http.StatusNotFound, 20404)
}

// wantMoment checks a date of the newer products, which the library reads.
func wantMoment(a *account, name string, got *time.Time) {
	a.Helper()
	if got == nil || time.Since(*got) > time.Hour {
		a.Errorf("%s is %v", name, got)
	}
}
