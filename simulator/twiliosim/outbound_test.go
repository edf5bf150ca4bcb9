package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func TestCreateAnswer(t *testing.T) {
	c := newClock()
	w := newWorld(t, twiliosim.Config{Now: c.Now})
	w.SetSettings(twiliosim.Settings{Hold: true})
	a := w.call("POST", "/Messages.json", outgoing(supporter, "Hi there"))
	if a.status != http.StatusCreated {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	sid := a.str("sid")
	base := "/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + "/Messages/" + sid
	want := `{"account_sid":"` + twiliosim.DefaultAccountSID + `","api_version":"2010-04-01","body":"Hi there",` +
		`"date_created":"Wed, 04 Mar 2026 12:00:00 +0000","date_sent":null,"date_updated":"Wed, 04 Mar 2026 12:00:00 +0000",` +
		`"direction":"outbound-api","error_code":null,"error_message":null,"from":"` + hotline + `","messaging_service_sid":null,` +
		`"num_media":"0","num_segments":"1","price":null,"price_unit":"USD","sid":"` + sid + `","status":"queued",` +
		`"subresource_uris":{"media":"` + base + `/Media.json"},"to":"` + supporter + `","uri":"` + base + `.json"}`
	if a.body != want {
		t.Errorf("answer\n%s\nwant\n%s", a.body, want)
	}
	if len(sid) != 34 || sid[:2] != "SM" {
		t.Errorf("sid %s", sid)
	}
}

func TestCreateRefusals(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetSettings(twiliosim.Settings{Hold: true}) // so that no file is fetched
	w.OptOut("+14155550199", hotline, true)
	with := func(name string, values ...string) url.Values {
		form := outgoing(supporter, "hi")
		form[name] = values
		return form
	}
	without := func(name string) url.Values {
		form := outgoing(supporter, "hi")
		form.Del(name)
		return form
	}
	tests := []struct {
		name string
		form url.Values
		code int // 0: accepted
	}{
		{"well", outgoing(supporter, "hi"), 0},
		{"ignored parameters", with("ValidityPeriod", "60"), 0},
		{"1600 characters", outgoing(supporter, strings.Repeat("é", 1600)), 0},
		{"1601 characters", outgoing(supporter, strings.Repeat("é", 1601)), 21617},
		{"no to", without("To"), 21604},
		{"no from", without("From"), 21603},
		{"no body", without("Body"), 21602},
		{"media instead", url.Values{"From": {hotline}, "To": {supporter}, "MediaUrl": {"https://x.org/a.jpg", "https://x.org/b.jpg"}}, 0},
		{"eleven media", with("MediaUrl", slices.Repeat([]string{"https://x.org/a.jpg"}, 11)...), 21623},
		{"media no URL", with("MediaUrl", "a.jpg"), 21620},
		{"to without plus", outgoing("14155550123", "hi"), 21211},
		{"to a word", outgoing("anonymous", "hi"), 21211},
		{"to ourselves", outgoing(hotline, "hi"), 21266},
		{"from somebody else", with("From", "+14155550188"), 21606},
		{"from no number", with("From", "BLING"), 21212},
		{"opted out", outgoing("+14155550199", "hi"), 21610},
		{"callback relative", with("StatusCallback", "/status"), 21609},
		{"callback ftp", with("StatusCallback", "ftp://x.org/"), 21609},
		{"callback underscore", with("StatusCallback", "https://my_host/"), 21609},
		{"callback with overrides", with("StatusCallback", w.gateway.URL+"/status#rc=3&rp=all"), 0},
		{"validity period", with("ValidityPeriod", "0"), 20001},
		{"unknown parameter", with("StatusCallbackUrl", "https://x.org"), 20001},
		{"lower case", with("body", "hi"), 20001},
		{"given twice", with("Body", "hi", "ho"), 20001},
		{"service", with("MessagingServiceSid", "MG00000000000000000000000000000000"), 20001},
		{"not UTF-8", outgoing(supporter, "\xff"), 20001},
		{"magic from ok", with("From", "+15005550006"), 0},
		{"magic from invalid", with("From", "+15005550001"), 21212},
		{"magic from not ours", with("From", "+15005550007"), 21606},
		{"magic from full queue", with("From", "+15005550008"), 21611},
		{"magic to invalid", outgoing("+15005550001", "hi"), 21211},
		{"magic to not routable", outgoing("+15005550002", "hi"), 21612},
		{"magic to region", outgoing("+15005550003", "hi"), 21408},
		{"magic to opted out", outgoing("+15005550004", "hi"), 21610},
		{"magic to landline", outgoing("+15005550009", "hi"), 21614},
	}
	accepted := 0
	for _, test := range tests {
		a := w.call("POST", "/Messages.json", test.form)
		if test.code == 0 {
			accepted++
			if a.status != http.StatusCreated {
				t.Errorf("%s: status %d: %s", test.name, a.status, a.body)
			}
			continue
		}
		info := fmt.Sprintf("https://www.twilio.com/docs/errors/%d", test.code)
		if a.status != 400 || a.code() != test.code || a.str("more_info") != info || a.json["status"] != 400.0 || a.str("message") == "" {
			t.Errorf("%s: status %d: %s; want code %d", test.name, a.status, a.body, test.code)
		}
	}
	if got := len(w.Messages()); got != accepted {
		t.Errorf("%d messages, want %d", got, accepted)
	}
	a := w.call("POST", "/Messages.json", url.Values{"Bodi": {"x"}, "tO": {"x"}})
	if a.str("message") != "Unknown parameters: Bodi, tO" {
		t.Errorf("message %q", a.str("message"))
	}
}

func TestRoutesAndCredentials(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	account := "/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID
	tests := []struct {
		name, method, path, user, token string
		status, code                    int
	}{
		{"well", "GET", account + "/Messages.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 200, 0},
		{"no credentials", "GET", account + "/Messages.json", "", "", 401, 20003},
		{"wrong token", "GET", account + "/Messages.json", twiliosim.DefaultAccountSID, "x", 401, 20003},
		{"wrong user", "GET", account + "/Messages.json", "x", twiliosim.DefaultAuthToken, 401, 20003},
		{"other account", "GET", "/2010-04-01/Accounts/ACx/Messages.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 404, 20404},
		{"no .json", "GET", account + "/Messages", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 404, 20404},
		{"unknown message", "GET", account + "/Messages/SMx.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 404, 20404},
		{"unknown resource", "GET", account + "/Faxes.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 404, 20404},
		{"unknown method", "PUT", account + "/Messages.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 404, 20404},
		{"JSON body", "POST", account + "/Messages.json", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 400, 20001},
		{"query of a POST", "POST", account + "/Messages.json?Body=x", twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken, 400, 20001},
	}
	for _, test := range tests {
		r, err := http.NewRequestWithContext(t.Context(), test.method, w.api.URL+test.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if strings.Contains(test.path, "?") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.SetBasicAuth(test.user, test.token)
		a, err := do(r)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != test.status || a.code() != test.code {
			t.Errorf("%s: status %d: %s; want %d, code %d", test.name, a.status, a.body, test.status, test.code)
		}
	}
}

func TestLives(t *testing.T) {
	tests := []struct {
		to, statuses, errorCode string
		arrives, sent           bool
	}{
		{supporter, "sending sent delivered", "", true, true},
		{"+15005550030", "sending sent undelivered", "30003", false, true},
		{"+15005550031", "sending sent undelivered", "30005", false, true},
		{"+15005550032", "sending sent undelivered", "30006", false, true},
		{"+15005550033", "sending sent undelivered", "30007", false, true},
		{"+15005550034", "sending sent undelivered", "30034", false, true},
		{"+15005550035", "sending failed", "30001", false, false},
		{"+15005550036", "sending sent", "", true, true},
	}
	for _, test := range tests {
		t.Run(test.to, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			form := outgoing(test.to, "hi")
			form.Set("StatusCallback", w.gateway.URL+"/status?attempt=1%202")
			sid := w.call("POST", "/Messages.json", form).str("sid")
			w.waitForEvents(twiliosim.EventStatus, len(strings.Fields(test.statuses)))
			if got := w.gateway.statuses(); got != test.statuses {
				t.Errorf("statuses %s, want %s", got, test.statuses)
			}
			last := w.gateway.requests()[len(w.gateway.requests())-1]
			f := last.PostForm
			if f.Get("MessageSid") != sid || f.Get("SmsSid") != sid || f.Get("SmsStatus") != f.Get("MessageStatus") ||
				f.Get("From") != hotline || f.Get("To") != test.to || f.Get("ErrorCode") != test.errorCode ||
				f.Has("ErrorCode") != (test.errorCode != "") || last.URL.RawQuery != "attempt=1%202" {
				t.Errorf("last callback %v to %s", f, last.RequestURI)
			}
			m := w.call("GET", "/Messages/"+sid+".json", nil)
			if m.str("status") != f.Get("MessageStatus") || (m.str("date_sent") != "") != test.sent ||
				(m.json["error_code"] != nil) != (test.errorCode != "") {
				t.Errorf("message %s", m.body)
			}
			if got := len(w.Inbox(test.to)) == 1; got != test.arrives {
				t.Errorf("in the inbox: %v, want %v", got, test.arrives)
			}
		})
	}
}

func TestStatusBeforeCreate(t *testing.T) {
	w := newWorld(t, twiliosim.Config{StatusBeforeCreate: true})
	form := outgoing(supporter, "hi")
	form.Set("StatusCallback", w.gateway.URL+"/status")
	a := w.call("POST", "/Messages.json", form)
	if got := w.gateway.statuses(); got != "sending sent delivered" || a.str("status") != "queued" {
		t.Errorf("statuses %q before the answer, which says %s", got, a.str("status"))
	}
}

func TestStatusAwkwardness(t *testing.T) {
	w := newWorld(t, twiliosim.Config{StatusBeforeCreate: true, ShuffleStatus: true, DuplicateWebhooks: 1, Seed: 3})
	form := outgoing(supporter, "hi")
	form.Set("StatusCallback", w.gateway.URL+"/status")
	inOrder := true
	for range 5 {
		before := len(w.gateway.requests())
		w.call("POST", "/Messages.json", form)
		var got []string
		for _, r := range w.gateway.requests()[before:] {
			got = append(got, r.PostForm.Get("MessageStatus"))
		}
		usual := []string{"sending", "sending", "sent", "sent", "delivered", "delivered"}
		inOrder = inOrder && slices.Equal(got, usual)
		if slices.Sort(got); !slices.Equal(got, []string{"delivered", "delivered", "sending", "sending", "sent", "sent"}) {
			t.Errorf("statuses %v", got)
		}
	}
	if inOrder {
		t.Error("nothing was shuffled")
	}
}

func TestLostStatusCallback(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(inTurn([]int{500}))
	form := outgoing(supporter, "hi")
	form.Set("StatusCallback", w.gateway.URL+"/status")
	w.call("POST", "/Messages.json", form)
	w.waitForEvents(twiliosim.EventStatus, 3)
	if got := len(w.events(twiliosim.EventLost)); got != 1 {
		t.Errorf("%d callbacks lost, want 1", got)
	}
}

func TestInboxOrder(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	want := []string{}
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
		w.call("POST", "/Messages.json", outgoing(supporter, fmt.Sprint(i)))
	}
	w.wait("texts", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) == 20 })
	if got := bodies(w.Inbox(supporter)); got != fmt.Sprint(want) {
		t.Errorf("inbox %s", got)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name     string
		switches fault.Switches
		status   int // 0: cut
		applied  int
	}{
		{"refused", fault.Switches{FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 3}, 429, 0},
		{"cut before", fault.Switches{DropBeforeNext: 1}, 0, 0},
		{"cut after", fault.Switches{DropAfterNext: 1}, 0, 1},
		{"other path", fault.Switches{DropAfterNext: 1, Path: "POST /elsewhere"}, 201, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			w.Faults().Set(test.switches)
			a, err := w.tryCall("POST", "/Messages.json", outgoing(supporter, "hi"))
			if a.status != test.status || (err != nil) != (test.status == 0) {
				t.Errorf("status %d, error %v; want status %d", a.status, err, test.status)
			}
			if got := len(w.Messages()); got != test.applied {
				t.Errorf("%d messages, want %d", got, test.applied)
			}
			w.waitForEvents(twiliosim.EventRequest, 1)
			e := w.events(twiliosim.EventRequest)[0]
			if e.Status != test.status || (e.Error != "") != (test.status == 0) || (e.Sid != "") != (test.applied == 1) {
				t.Errorf("history %+v", e)
			}
			if test.applied == 1 {
				w.wait("arrival", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) == 1 })
			}
		})
	}
}

func TestOptOut(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	send := func() int { return w.call("POST", "/Messages.json", outgoing(supporter, "hi")).code() }
	const (
		out  = "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe."
		in   = "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
		help = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
	)
	steps := []struct {
		body   string
		answer string // Twilio's own
		code   int    // of a text sent next
	}{
		{"hello", "", 0},
		{"please stop", "", 0},
		{" Stop\n", out, 21610},
		{"STOP", "", 21610},
		{"help", help, 21610},
		{"unstop", in, 0},
		{"START", "", 0},
	}
	for _, step := range steps {
		system := func() (all []string) {
			for _, m := range w.Received(supporter) {
				if m.System {
					all = append(all, m.Body)
				}
			}
			return all
		}
		before := len(system())
		if d := w.text(step.body); d.Lost {
			t.Errorf("%q was not delivered to the webhook", step.body)
		}
		if got := strings.Join(system()[before:], " "); got != step.answer {
			t.Errorf("%q: answered %q, want %q", step.body, got, step.answer)
		}
		if got := send(); got != step.code {
			t.Errorf("after %q: code %d, want %d", step.body, got, step.code)
		}
	}
	if list := w.call("GET", "/Messages.json", nil); strings.Contains(list.body, "ubscribe") {
		t.Error("Twilio's own texts are listed")
	}
	for _, m := range w.Inbox(supporter) {
		if m.System {
			t.Errorf("Twilio's own text is among the account's: %s", m.Body)
		}
	}
	w.OptOut(supporter, hotline, true)
	w.gateway.answerWith(document("text/plain", "too late"))
	w.text("hm")
	if replies := w.events(twiliosim.EventReply); len(replies) != 1 || !strings.HasPrefix(replies[0].Error, "21610") {
		t.Errorf("replies %+v, want one refused", replies)
	}
}

func TestIgnoredKeywords(t *testing.T) {
	w := newWorld(t, twiliosim.Config{IgnoreKeywords: true})
	for _, word := range []string{"STOP", "HELP", "START"} {
		w.text(word)
	}
	if got := w.Received(supporter); len(got) != 0 {
		t.Errorf("answers %s", bodies(got))
	}
	w.text("STOP")
	if a := w.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.status != http.StatusCreated {
		t.Errorf("after STOP: %s", a.body)
	}
	w.SetSettings(twiliosim.Settings{})
	w.text("STOP")
	if a := w.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.code() != 21610 {
		t.Errorf("switched on again, after STOP: %s", a.body)
	}
}

func TestAcceptedAt(t *testing.T) {
	c := newClock()
	w := newWorld(t, twiliosim.Config{Now: c.Now})
	var want []string
	for range 3 {
		want = append(want, c.Now().String())
		w.call("POST", "/Messages.json", outgoing(supporter, "hi"))
		c.add(350 * time.Millisecond)
	}
	for i, m := range w.Messages() {
		if got := m.DateCreated.String(); got != want[i] {
			t.Errorf("message %d was accepted at %s, want %s", i, got, want[i])
		}
	}
}
