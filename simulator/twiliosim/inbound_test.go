package twiliosim_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func TestWebhookParameters(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms?a=%27b%20#rc=2&rp=5xx"})
	d, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: hotline, Body: " hi & bye 👋 "})
	if err != nil || d.Lost || len(d.Attempts) != 1 || d.Attempts[0].Status != 200 {
		t.Fatalf("delivery %+v, error %v", d, err)
	}
	r := w.gateway.requests()[0]
	if r.RequestURI != "/sms?a=%27b%20" {
		t.Errorf("request for %s", r.RequestURI)
	}
	for name, want := range map[string]string{
		"MessageSid": d.MessageSid, "SmsSid": d.MessageSid, "SmsMessageSid": d.MessageSid,
		"AccountSid": twiliosim.DefaultAccountSID, "From": supporter, "To": hotline, "Body": " hi & bye 👋 ",
		"NumMedia": "0", "NumSegments": "1", "SmsStatus": "received", "ApiVersion": "2010-04-01",
		"FromCity": "SAN FRANCISCO", "FromState": "CA", "FromZip": "94103", "FromCountry": "US", "ToCountry": "US",
	} {
		if got := r.PostForm.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "TwilioProxy/1.1", "X-Home-Region": "us1",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if m, _ := w.Message(d.MessageSid); m.Direction != twiliosim.Inbound || m.Status != twiliosim.StatusReceived {
		t.Errorf("stored %+v", m)
	}
}

func TestUnusualSenders(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	for _, from := range []string{"anonymous", "262966", "+266696687"} {
		if _, err := w.Text(t.Context(), twiliosim.Text{From: from, To: hotline}); err != nil {
			t.Errorf("from %s: %v", from, err)
		}
	}
}

func TestNoSuchText(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	sid := w.text("first").MessageSid
	for name, text := range map[string]twiliosim.Text{
		"no sender":            {To: hotline},
		"from itself":          {From: hotline, To: hotline},
		"not our number":       {From: supporter, To: "+15550000000"},
		"too long":             {From: supporter, To: hotline, Body: strings.Repeat("x", 1601)},
		"SID taken":            {From: supporter, To: hotline, MessageSid: sid},
		"file without a type":  {From: supporter, To: hotline, Media: []twiliosim.Media{{Data: []byte("x")}}},
		"more than ten images": {From: supporter, To: hotline, Media: make([]twiliosim.Media, 11)},
	} {
		if _, err := w.Text(t.Context(), text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRetries(t *testing.T) {
	const cut = 0
	tests := []struct {
		name     string
		fragment string
		answers  []int // then 200
		want     []int
		lost     bool
	}{
		{"well", "", nil, []int{200}, false},
		{"default: 5xx is not retried", "", []int{500}, []int{500}, true},
		{"default: a cut connection is not retried", "", []int{cut}, []int{0}, true},
		{"5xx", "#rp=5xx", []int{503}, []int{503, 200}, false},
		{"5xx but 404", "#rp=5xx", []int{404}, []int{404}, true},
		{"4xx", "#rp=4xx", []int{403}, []int{403, 200}, false},
		{"no answer", "#rp=rt", []int{cut}, []int{0, 200}, false},
		{"several", "#rc=3&rp=5xx,4xx", []int{500, 403, 502}, []int{500, 403, 502, 200}, false},
		{"all", "#rc=5&rp=all", []int{cut, 404, 500, cut, 500}, []int{0, 404, 500, 0, 500, 200}, false},
		{"used up", "#rc=2&rp=all", []int{500, 500, 500}, []int{500, 500, 500}, true},
		{"none allowed", "#rc=0&rp=all", []int{500}, []int{500}, true},
		{"a redirect", "#rc=5&rp=all", []int{302}, []int{302}, true},
		{"invalid list", "#rp=6xx", nil, []int{0}, true},
		{"invalid time", "#ct=99", nil, []int{0}, true},
		{"invalid count", "#rc=6", nil, []int{0}, true},
		{"unknown key", "#retries=6", nil, []int{0}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			w.gateway.answerWith(inTurn(test.answers))
			w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms" + test.fragment})
			d := w.text("hi")
			var got []int
			for _, a := range d.Attempts {
				got = append(got, a.Status)
			}
			if !slices.Equal(got, test.want) || d.Lost != test.lost {
				t.Errorf("attempts %v, lost %v; want %v, %v", got, d.Lost, test.want, test.lost)
			}
			tokens := map[string]bool{}
			for _, r := range w.gateway.requests() {
				tokens[r.Header.Get("I-Twilio-Idempotency-Token")] = true
			}
			if len(tokens) > 1 || tokens[""] {
				t.Errorf("idempotency tokens %v", tokens)
			}
			if lost := len(w.events(twiliosim.EventLost)); (lost == 1) != test.lost {
				t.Errorf("%d events of a loss", lost)
			}
		})
	}
}

// inTurn answers with these statuses, one per request, and then 200. Zero cuts the connection.
func inTurn(answers []int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return
		}
		status := answers[0]
		answers = answers[1:]
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}
}

func TestReadTimeLimit(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	release := make(chan struct{})
	defer close(release)
	w.gateway.answerWith(func(http.ResponseWriter, *http.Request) { <-release })
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms#rt=100&rp=rt"})
	d := w.text("hi")
	if !d.Lost || len(d.Attempts) != 2 || d.Attempts[0].Code != 11200 {
		t.Errorf("delivery %+v, want two attempts without an answer", d)
	}
}

func TestBrokenAnswerIsNotRetried(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte("<Response>"))
	})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms#rp=all&rc=5"})
	if d := w.text("hi"); !d.Lost || len(d.Attempts) != 1 {
		t.Errorf("delivery %+v, want one lost attempt", d)
	}
}

func TestNoConnection(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: gone.URL})
	d := w.text("hi")
	if !d.Lost || len(d.Attempts) != 2 || d.Attempts[1].Code != 11205 {
		t.Errorf("delivery %+v, want the one retry that is the default", d)
	}
}

func TestFallback(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fallback" {
			document("text/plain", "Sorry, please try later.")(w, r)
			return
		}
		document("text/xml", "<Response>")(w, r)
	})
	w.SetNumber(twiliosim.Number{
		PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms#rp=all", SMSFallbackURL: w.gateway.URL + "/fallback",
	})
	d := w.text("hi")
	if d.Lost || len(d.Attempts) != 2 || d.Attempts[0].Code != 12100 || d.Attempts[1].Code != 0 {
		t.Fatalf("delivery %+v", d)
	}
	form := w.gateway.requests()[1].PostForm
	if form.Get("ErrorCode") != "12100" || form.Get("ErrorUrl") != w.gateway.URL+"/sms" || form.Get("Body") != "hi" {
		t.Errorf("the fallback got %v", form)
	}
	w.wait("the fallback's text", func(s *twiliosim.Sim) bool {
		return bodies(s.Inbox(supporter)) == "[Sorry, please try later.]"
	})
}

func TestFallbackAnswersWithMessage(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fallback" {
			document("text/xml", `<Response><Message statusCallback="/status">Please call &amp; <Body>try later.</Body></Message></Response>`)(rw, r)
			return
		}
		if r.URL.Path == "/sms" {
			rw.WriteHeader(http.StatusBadGateway)
		}
	})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms", SMSFallbackURL: w.gateway.URL + "/fallback"})
	if d := w.text("hi"); d.Lost || len(d.Attempts) != 2 || d.Attempts[0].Code != 11217 {
		t.Fatalf("delivery %+v", d)
	}
	w.waitForEvents(twiliosim.EventStatus, 3)
	if got := w.Inbox(supporter); bodies(got) != "[Please call &try later.]" || got[0].Direction != twiliosim.OutboundReply {
		t.Errorf("the phone got %+v", got)
	}
	if got := w.gateway.statuses(); got != "sending sent delivered" {
		t.Errorf("statuses %s", got)
	}
}

func TestNumberWithoutWebhook(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline})
	if d := w.text("hi"); !d.Lost || len(d.Attempts) != 0 {
		t.Errorf("delivery %+v", d)
	}
	if len(w.Messages()) != 1 {
		t.Error("the message is not kept")
	}
}

func TestRedeliverAndDuplicates(t *testing.T) {
	w := newWorld(t, twiliosim.Config{DuplicateWebhooks: 1})
	d := w.text("hi")
	if _, err := w.Redeliver(t.Context(), d.MessageSid); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Redeliver(t.Context(), "SM00000000000000000000000000000000"); err == nil {
		t.Error("an unknown message was delivered")
	}
	all := w.gateway.requests()
	if len(all) != 4 {
		t.Fatalf("%d webhooks, want twice two", len(all))
	}
	for _, r := range all[1:] {
		first := all[0]
		if r.PostForm.Encode() != first.PostForm.Encode() ||
			r.Header.Get("I-Twilio-Idempotency-Token") != first.Header.Get("I-Twilio-Idempotency-Token") {
			t.Errorf("a duplicate differs: %v", r.PostForm)
		}
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name, contentType, answer string
		inbox                     string
		code                      int
	}{
		{"nothing", "text/xml", "<Response/>", "[]", 0},
		{"declaration and comment", "text/xml; charset=utf-8", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><!-- x --></Response>\n", "[]", 0},
		{"empty", "text/xml", "", "[]", 0},
		{"text", "text/xml", "<Response><Message>a &amp; b</Message></Response>", "[a & b]", 0},
		{"body", "application/xml", "<Response><Message><Body>one</Body></Message><Message>two</Message></Response>", "[one two]", 0},
		{"plain", "text/plain; charset=utf-8", "just text", "[just text]", 0},
		{"to somebody else", "text/xml", `<Response><Message to="+14155550199">x</Message></Response>`, "[]", 0},
		{"not from us", "text/xml", `<Response><Message from="+14155550199">x</Message></Response>`, "[]", 0},
		{"JSON", "application/json", "{}", "[]", 12300},
		{"no type", "", "<Response/>", "[]", 12300},
		{"not closed", "text/xml", "<Response>", "[]", 12100},
		{"trailing text", "text/xml", "<Response/>x", "[]", 12100},
		{"space first", "text/xml", "\n<?xml version=\"1.0\"?><Response/>", "[]", 12100},
		{"other root", "text/xml", "<response/>", "[]", 12100},
		{"no XML", "text/html", "hello", "[]", 12100},
		{"voice", "text/xml", "<Response><Say>hi</Say></Response>", "[]", 12200},
		{"lower case", "text/xml", "<Response><message>hi</message></Response>", "[]", 12200},
		{"attribute", "text/xml", `<Response><Message sender="x">hi</Message></Response>`, "[]", 12200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			w.gateway.answerWith(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header()["Content-Type"] = nil
				document(test.contentType, test.answer)(rw, nil)
			})
			d := w.text("hi")
			if d.Attempts[0].Code != test.code || d.Lost != (test.code != 0) {
				t.Errorf("attempt %+v, lost %v; want code %d", d.Attempts[0], d.Lost, test.code)
			}
			w.wait("deliveries", func(s *twiliosim.Sim) bool { return settled(s.Messages()) })
			if got := bodies(w.Inbox(supporter)); got != test.inbox {
				t.Errorf("the phone got %s, want %s", got, test.inbox)
			}
		})
	}
}

// settled reports whether no message is on its way.
func settled(messages []twiliosim.Message) bool {
	for _, m := range messages {
		if m.Status == twiliosim.StatusQueued {
			return false
		}
	}
	return true
}

func TestTwiMLRedirectAndCallback(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sms":
			document("text/xml", `<Response><Redirect>next?a=1&amp;b=2</Redirect></Response>`)(rw, r)
		case "/next":
			document("text/xml", `<Response><Message statusCallback="/status"><Body>hi</Body><Media>/cat.png</Media></Message></Response>`)(rw, r)
		}
	})
	if d := w.text("hi"); len(d.Attempts) != 2 || d.Lost {
		t.Fatalf("delivery %+v", d)
	}
	w.waitForEvents(twiliosim.EventStatus, 3)
	m := w.Inbox(supporter)[0]
	if m.Direction != twiliosim.OutboundReply || m.Media[0].URL != w.gateway.URL+"/cat.png" ||
		m.Media[0].ContentType != "image/png" || string(m.Media[0].Data) != "cat" {
		t.Errorf("reply %+v", m)
	}
	if got := w.gateway.statuses(); got != "sending sent delivered" {
		t.Errorf("statuses %s", got)
	}
}

func TestManyTextsAtOnce(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.gateway.answerWith(document("text/plain", "thanks"))
	const senders, each = 8, 25
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range each {
				if d, err := w.Text(t.Context(), twiliosim.Text{From: supporter, To: hotline, Body: "x"}); err != nil || d.Lost {
					t.Errorf("delivery %+v, error %v", d, err)
				}
			}
		})
	}
	wg.Wait()
	w.wait("answers", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) == senders*each })
	sids := map[string]bool{}
	for _, m := range w.Messages() {
		sids[m.Sid] = true
	}
	if len(sids) != 2*senders*each {
		t.Errorf("%d different SIDs of %d messages", len(sids), 2*senders*each)
	}
}
