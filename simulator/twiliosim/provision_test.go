package twiliosim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// numberSid is the SID of a number of the account.
func (w *world) numberSid(number string) string {
	w.t.Helper()
	list := w.call("GET", "/IncomingPhoneNumbers.json?PhoneNumber="+url.QueryEscape(number), nil)
	found, _ := list.json["incoming_phone_numbers"].([]any)
	if len(found) != 1 {
		w.t.Fatalf("list %s", list.body)
	}
	return found[0].(map[string]any)["sid"].(string)
}

func TestAccount(t *testing.T) {
	w := newWorld(t, twiliosim.Config{Account: twiliosim.Account{FriendlyName: "Hotline", Type: twiliosim.AccountTrial}})
	path := "/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + ".json"
	a := w.call("GET", path, nil)
	if a.status != 200 || a.str("status") != "active" || a.str("type") != "Trial" || a.str("friendly_name") != "Hotline" || a.str("sid") != twiliosim.DefaultAccountSID {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.call("GET", "/2010-04-01/Accounts/AC00000000000000000000000000000000.json", nil); a.status != 404 {
		t.Errorf("another account: %d", a.status)
	}
	if a := w.call("GET", "/Balance.json", nil); a.str("balance") != "100.00" || a.str("currency") != "USD" {
		t.Errorf("balance %s", a.body)
	}
	// One that is suspended can be looked at, and no more.
	control := httptest.NewServer(w.Control())
	t.Cleanup(control.Close)
	if got := w.control(control.URL, "PUT", "/sim/account", `{"status":"suspended","balance":"-0.02"}`, nil); got != 200 {
		t.Fatalf("status %d", got)
	}
	if a := w.call("GET", path, nil); a.str("status") != "suspended" || a.str("type") != "Full" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.status != 403 || a.code() != 20005 {
		t.Errorf("a text of a suspended account: %d %s", a.status, a.body)
	}
	if got := w.control(control.URL, "PUT", "/sim/account", `{"status":"gone"}`, nil); got != 400 {
		t.Errorf("status %d", got)
	}
	if _, err := twiliosim.New(twiliosim.Config{Account: twiliosim.Account{Type: "Free"}}); err == nil {
		t.Error("an account of an unknown type")
	}
}

func TestServices(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	const second = "+16175550100"
	w.SetNumber(twiliosim.Number{PhoneNumber: second})
	for _, form := range []url.Values{
		{}, {"FriendlyName": {""}}, {"FriendlyName": {strings.Repeat("x", 65)}}, {"FriendlyName": {"x"}, "InboundRequestUrl": {"x.org"}},
		{"FriendlyName": {"x"}, "InboundMethod": {"GET"}}, {"FriendlyName": {"x"}, "UseInboundWebhookOnNumber": {"yes"}},
		{"FriendlyName": {"x"}, "ValidityPeriod": {"0"}}, {"FriendlyName": {"x"}, "Usecase": {"fun"}}, {"FriendlyName": {"x"}, "Sid": {"x"}},
	} {
		if a := w.call("POST", "/v1/Services", form); a.status != 400 || a.code() != 20001 {
			t.Errorf("%v: %d %s", form, a.status, a.body)
		}
	}
	made := w.call("POST", "/v1/Services", url.Values{"FriendlyName": {"First"}, "FallbackUrl": {"https://x.org/f"}})
	if made.status != 201 || made.json["inbound_request_url"] != nil || made.json["use_inbound_webhook_on_number"] != false ||
		made.json["validity_period"] != 36000.0 || made.str("fallback_url") != "https://x.org/f" {
		t.Fatalf("%d %s", made.status, made.body)
	}
	first := "/v1/Services/" + made.str("sid")
	other := "/v1/Services/" + w.call("POST", "/v1/Services", url.Values{"FriendlyName": {"Second"}}).str("sid")
	changed := w.call("POST", first, url.Values{"UseInboundWebhookOnNumber": {"true"}, "FallbackUrl": {""}})
	if changed.status != 200 || changed.json["use_inbound_webhook_on_number"] != true || changed.json["fallback_url"] != nil || changed.str("friendly_name") != "First" {
		t.Errorf("%d %s", changed.status, changed.body)
	}
	if list := w.call("GET", "/v1/Services?PageSize=1", nil); len(list.json["services"].([]any)) != 1 || list.json["meta"].(map[string]any)["next_page_url"] == nil {
		t.Errorf("list %s", list.body)
	}

	sid := w.numberSid(hotline)
	for _, test := range []struct {
		name, method, path string
		number             string
		status, code       int
	}{
		{"add", "POST", first + "/PhoneNumbers", sid, 201, 0},
		{"add again", "POST", first + "/PhoneNumbers", sid, 400, 21710},
		{"add elsewhere", "POST", other + "/PhoneNumbers", sid, 400, 21712},
		{"add what is none", "POST", first + "/PhoneNumbers", "PN00000000000000000000000000000000", 400, 21421},
		{"add nothing", "POST", first + "/PhoneNumbers", "", 400, 20001},
		{"no such service", "POST", "/v1/Services/MGx/PhoneNumbers", sid, 404, 20404},
		{"fetch", "GET", first + "/PhoneNumbers/" + sid, "", 200, 0},
		{"fetch from the other", "GET", other + "/PhoneNumbers/" + sid, "", 404, 20404},
		{"remove from the other", "DELETE", other + "/PhoneNumbers/" + sid, "", 404, 20404},
		{"remove", "DELETE", first + "/PhoneNumbers/" + sid, "", 204, 0},
		{"remove again", "DELETE", first + "/PhoneNumbers/" + sid, "", 404, 20404},
		{"add to the other", "POST", other + "/PhoneNumbers", sid, 201, 0},
		{"delete", "DELETE", other, "", 204, 0},
		{"delete again", "DELETE", other, "", 404, 20404},
		{"add once more", "POST", first + "/PhoneNumbers", sid, 201, 0},
	} {
		var form url.Values
		if test.method == "POST" {
			form = url.Values{"PhoneNumberSid": {test.number}}
		}
		if a := w.call(test.method, test.path, form); a.status != test.status || a.code() != test.code {
			t.Errorf("%s: %d %s", test.name, a.status, a.body)
		}
	}
	list := w.call("GET", first+"/PhoneNumbers", nil)
	if rows := list.json["phone_numbers"].([]any); len(rows) != 1 || rows[0].(map[string]any)["phone_number"] != hotline {
		t.Errorf("list %s", list.body)
	}
	if got := w.Services(); len(got) != 1 || !slices.Equal(got[0].PhoneNumbers, []string{hotline}) || !got[0].UseInboundWebhookOnNumber {
		t.Errorf("services %+v", got)
	}
}

func TestWhereTextsOfAServiceGo(t *testing.T) {
	const app = "AP00000000000000000000000000000000"
	for _, test := range []struct {
		name    string
		service twiliosim.Service
		app     string // of the number
		asked   string // paths, in their order
		listed  bool
		told    bool // of the service
	}{
		{"no service", twiliosim.Service{Sid: "none"}, "", "/sms", true, false},
		{"the service's", twiliosim.Service{InboundRequestURL: "/service"}, "", "/service", true, true},
		{"the service's, whatever the number's application", twiliosim.Service{InboundRequestURL: "/service"}, app, "/service", true, true},
		{"the service's fallback", twiliosim.Service{InboundRequestURL: "/broken", FallbackURL: "/service"}, "", "/broken /service", true, true},
		{"not the number's fallback", twiliosim.Service{InboundRequestURL: "/broken"}, "", "/broken", true, true},
		{"the number's", twiliosim.Service{InboundRequestURL: "/service", UseInboundWebhookOnNumber: true}, "", "/sms", true, true},
		{"the number's, which has an application", twiliosim.Service{UseInboundWebhookOnNumber: true}, app, "", true, true},
		{"nowhere", twiliosim.Service{FallbackURL: "/service"}, "", "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			w.gateway.answerWith(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/broken" {
					http.Error(rw, "broken", http.StatusInternalServerError)
					return
				}
				document("text/xml", "<Response/>")(rw, r)
			})
			w.SetNumber(twiliosim.Number{
				PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms", SMSFallbackURL: w.gateway.URL + "/fallback", SMSApplicationSID: test.app,
			})
			sid := ""
			if svc := test.service; svc.Sid == "" {
				for _, at := range []*string{&svc.InboundRequestURL, &svc.FallbackURL} {
					if *at != "" {
						*at = w.gateway.URL + *at
					}
				}
				svc.PhoneNumbers = []string{hotline}
				sid = w.SetService(svc)
			}
			d := w.text("hi")
			var asked []string
			for _, r := range w.gateway.requests() {
				asked = append(asked, r.URL.Path)
				if got := r.PostForm.Get("MessagingServiceSid"); got != sid {
					t.Errorf("told of the service %q, want %q", got, sid)
				}
			}
			if got := strings.Join(asked, " "); got != test.asked || d.Lost != (got == "" || strings.HasSuffix(got, "/broken")) {
				t.Errorf("asked %q, %+v", got, d)
			}
			a := w.call("GET", "/Messages.json", nil)
			rows := a.json["messages"].([]any)
			if (len(rows) == 1) != test.listed {
				t.Fatalf("listed %s", a.body)
			}
			if test.listed && (rows[0].(map[string]any)["messaging_service_sid"] != nil) != test.told {
				t.Errorf("listed %s", a.body)
			}
		})
	}
}

func TestServiceOptOut(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	const second = "+16175550100"
	w.SetNumber(twiliosim.Number{PhoneNumber: second})
	w.SetService(twiliosim.Service{InboundRequestURL: w.gateway.URL + "/sms", PhoneNumbers: []string{hotline, second}})
	w.text("STOP")
	form := outgoing(supporter, "hi")
	form.Set("From", second)
	if a := w.call("POST", "/Messages.json", form); a.code() != 21610 {
		t.Errorf("by the other number of the service: %d %s", a.status, a.body)
	}
	w.text("START")
	if a := w.call("POST", "/Messages.json", form); a.status != 201 {
		t.Errorf("after START: %d %s", a.status, a.body)
	}
}

// TestNumberReadsBack sets all that can be set, and each of it is in the answer, in the next one and in the list.
func TestNumberReadsBack(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	path := "/IncomingPhoneNumbers/" + w.numberSid(hotline) + ".json"
	const app = "AP0123456789abcdef0123456789abcdef"
	fields := map[string][2]string{
		"sms_url": {"SmsUrl", "https://x.org/sms#rc=2"}, "sms_method": {"SmsMethod", "POST"},
		"sms_fallback_url": {"SmsFallbackUrl", "https://x.org/sf"}, "sms_fallback_method": {"SmsFallbackMethod", "POST"},
		"voice_url": {"VoiceUrl", "https://x.org/voice"}, "voice_method": {"VoiceMethod", "GET"},
		"voice_fallback_url": {"VoiceFallbackUrl", "https://x.org/vf"}, "voice_fallback_method": {"VoiceFallbackMethod", "GET"},
		"status_callback": {"StatusCallback", "https://x.org/ended"}, "status_callback_method": {"StatusCallbackMethod", "GET"},
		"sms_application_sid": {"SmsApplicationSid", app}, "voice_application_sid": {"VoiceApplicationSid", app},
		"friendly_name": {"FriendlyName", "Hotline"},
	}
	form := url.Values{}
	for _, set := range fields {
		form.Set(set[0], set[1])
	}
	changed := w.call("POST", path, form)
	list := w.call("GET", "/IncomingPhoneNumbers.json?PhoneNumber="+url.QueryEscape(hotline), nil)
	for where, got := range map[string]map[string]any{
		"answer": changed.json, "number": w.call("GET", path, nil).json, "list": list.json["incoming_phone_numbers"].([]any)[0].(map[string]any),
	} {
		for name, set := range fields {
			if got[name] != set[1] {
				t.Errorf("%s: %s is %v, want %s", where, name, got[name], set[1])
			}
		}
		if got["trunk_sid"] != nil {
			t.Errorf("%s: trunk_sid is %v", where, got["trunk_sid"])
		}
	}
	// A trunk takes the place of an application, and the other way round.
	const trunk = "TK0123456789abcdef0123456789abcdef"
	if a := w.call("POST", path, url.Values{"TrunkSid": {trunk}}); a.str("trunk_sid") != trunk || a.str("voice_application_sid") != "" {
		t.Errorf("a trunk: %s", a.body)
	}
	if a := w.call("POST", path, url.Values{"VoiceApplicationSid": {app}}); a.json["trunk_sid"] != nil || a.str("voice_application_sid") != app {
		t.Errorf("an application: %s", a.body)
	}
	for _, form := range []url.Values{{"TrunkSid": {app}}, {"SmsApplicationSid": {"AP"}}, {"VoiceApplicationSid": {app}, "TrunkSid": {trunk}}} {
		if a := w.call("POST", path, form); a.status != 400 || a.code() != 20001 {
			t.Errorf("%v: %d %s", form, a.status, a.body)
		}
	}
}

// TestCallsThatDoNotReachUs are to numbers with something that overrides their URLs.
func TestCallsThatDoNotReachUs(t *testing.T) {
	for _, number := range []twiliosim.Number{
		{VoiceApplicationSID: "AP0123456789abcdef0123456789abcdef"}, {TrunkSID: "TK0123456789abcdef0123456789abcdef"},
	} {
		l := newLine(t)
		number.PhoneNumber, number.VoiceURL, number.StatusCallback = hotline, l.studio.URL+"/voice", l.studio.URL+"/ended"
		l.SetNumber(number)
		leg, _ := l.phone()
		if got := story(leg); !strings.Contains(got, "refused") || len(l.asked("/voice"))+len(l.asked("/ended")) != 0 {
			t.Errorf("%+v: %s", number, got)
		}
	}
}

// TestFaultsOfProvisioning loses the answer of a request, or the request, on each route that sets something up.
func TestFaultsOfProvisioning(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	number := "/IncomingPhoneNumbers/" + w.numberSid(hotline) + ".json"
	service := w.SetService(twiliosim.Service{FriendlyName: "first"})
	count := map[string]func() int{
		"/v1/Services": func() int { return len(w.Services()) },
		"/v1/Services/" + service + "/PhoneNumbers": func() int { return len(w.Services()[0].PhoneNumbers) },
		"/v2/Flows": func() int { return len(w.call("GET", "/v2/Flows", nil).json["flows"].([]any)) },
		"/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + number: func() int { return strings.Count(w.call("GET", number, nil).body, "https://x.org/new") },
	}
	for path, form := range map[string]url.Values{
		"/v1/Services": {"FriendlyName": {"second"}},
		"/v1/Services/" + service + "/PhoneNumbers": {"PhoneNumberSid": {w.numberSid(hotline)}},
		"/v2/Flows": {"FriendlyName": {"x"}, "Status": {"draft"}, "Definition": {"{}"}},
		"/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + number: {"VoiceUrl": {"https://x.org/new"}},
	} {
		before := count[path]()
		for _, test := range []struct {
			switches fault.Switches
			applied  int
		}{
			{fault.Switches{DropBeforeNext: 1, Path: "POST " + path}, 0}, {fault.Switches{FailNext: 1, Path: "POST " + path}, 0},
			{fault.Switches{DropAfterNext: 1, Path: "POST " + path}, 1},
		} {
			w.Faults().Set(test.switches)
			if a, err := w.tryCall("POST", path, form); err == nil && a.status < 500 {
				t.Errorf("%s: answered %d", path, a.status)
			}
			if got := count[path]() - before; got != test.applied {
				t.Errorf("%s, %+v: %d were applied", path, test.switches, got)
			}
		}
	}
}

func TestStateFileKeepsWhatIsSetUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "twilio.json")
	w := newWorld(t, twiliosim.Config{StateFile: path})
	sid := w.SetService(twiliosim.Service{FriendlyName: "Pool", InboundRequestURL: "https://x.org/pool", PhoneNumbers: []string{hotline}})
	flow := w.call("POST", "/v2/Flows", url.Values{"FriendlyName": {"Test"}, "Status": {"published"}, "Definition": {string(flowOf(w.gateway.URL))}}).str("sid")
	if a := w.call("POST", "/v2/Flows/"+flow, url.Values{"Status": {"draft"}, "Definition": {"{}"}}); a.status != 200 {
		t.Fatal(a.body)
	}
	gone := w.call("POST", "/v2/Flows", url.Values{"FriendlyName": {"Gone"}, "Status": {"draft"}, "Definition": {"{}"}}).str("sid")
	w.call("DELETE", "/v2/Flows/"+gone, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := newWorld(t, twiliosim.Config{StateFile: path})
	if got := again.Services(); len(got) != 1 || got[0].Sid != sid || got[0].InboundRequestURL != "https://x.org/pool" || len(got[0].PhoneNumbers) != 1 {
		t.Errorf("services %+v", got)
	}
	if a := again.call("GET", "/v2/Flows/"+flow, nil); a.json["revision"] != 2.0 || a.str("status") != "draft" {
		t.Errorf("flow %s", a.body)
	}
	if a := again.call("GET", "/v2/Flows/"+gone, nil); a.status != 404 {
		t.Errorf("a deleted flow: %s", a.body)
	}
	// What was published still runs.
	again.SetService(twiliosim.Service{Sid: sid, UseInboundWebhookOnNumber: true, PhoneNumbers: []string{hotline}})
	again.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: again.FlowURL(flow)})
	if d := again.text("hi"); d.Lost {
		t.Errorf("the flow does not run: %+v", d)
	}
}
