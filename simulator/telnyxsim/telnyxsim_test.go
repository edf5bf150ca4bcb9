package telnyxsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
)

const (
	hotline   = "+15017122661"
	supporter = "+14155550123"
)

// world is a simulated account, and what listens to its webhooks.
type world struct {
	*telnyxsim.Sim
	t   *testing.T
	api *httptest.Server
	// gateway answers with status at /hook, and always with 200 at /failover.
	gateway *httptest.Server

	mu     sync.Mutex
	status int
	bodies []map[string]any // of webhooks that were answered with 200, and whose signature is right
}

func newWorld(t *testing.T, cfg telnyxsim.Config) *world {
	w := &world{Sim: telnyxsim.New(cfg), t: t, status: http.StatusOK}
	t.Cleanup(w.Close)
	w.api = httptest.NewServer(w.Handler())
	t.Cleanup(w.api.Close)
	w.gateway = httptest.NewServer(http.HandlerFunc(w.hook))
	t.Cleanup(w.gateway.Close)
	w.SetPublicURL(w.api.URL)
	w.SetProfile(w.gateway.URL+"/hook", w.gateway.URL+"/failover")
	w.AddNumber(hotline)
	return w
}

func (w *world) hook(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	if !signature.VerifyTelnyx([]string{w.PublicKey()}, r.Header.Get("telnyx-timestamp"), r.Header.Get("telnyx-signature-ed25519"), body, time.Now()) {
		w.t.Errorf("wrong signature of %s", body)
	}
	var hook map[string]any
	if err := json.Unmarshal(body, &hook); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	status := w.status
	if r.URL.Path == "/failover" {
		status = http.StatusOK
	}
	if status == http.StatusOK {
		w.bodies = append(w.bodies, hook)
	}
	rw.WriteHeader(status)
}

func (w *world) answer(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// told waits until n requests of webhooks were made, and returns them.
func (w *world) told(n int) []telnyxsim.Attempt {
	w.t.Helper()
	if err := w.Wait(w.t.Context(), func(s *telnyxsim.Sim) bool { return len(s.Attempts()) >= n }); err != nil {
		w.t.Fatal(err)
	}
	return w.Attempts()
}

// call makes a request of the API, and returns the answer's status, its data, and the first error's code.
func (w *world) call(method, path, key, contentType, body string) (status int, data map[string]any, code string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.api.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", key)
	r.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Data   map[string]any
		Errors []struct{ Code string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	if len(answer.Errors) > 0 {
		code = answer.Errors[0].Code
	}
	return res.StatusCode, answer.Data, code
}

func (w *world) post(body string) (status int, data map[string]any, code string) {
	return w.call(http.MethodPost, "/v2/messages", "Bearer "+telnyxsim.DefaultAPIKey, "application/json", body)
}

func (w *world) send(fields string) (id string) {
	w.t.Helper()
	status, data, code := w.post(`{"from":"` + hotline + `","to":"` + supporter + `",` + fields + `}`)
	if status != http.StatusOK {
		w.t.Fatalf("%d, %s", status, code)
	}
	return data["id"].(string)
}

func TestStrict(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{})
	const key, kind, from, to = "Bearer " + telnyxsim.DefaultAPIKey, "application/json", `"from":"` + hotline + `"`, `"to":"` + supporter + `"`
	for name, tt := range map[string]struct {
		method, path, key, kind, body string
		status                        int
		code                          string
	}{
		"no key":              {"POST", "/v2/messages", "", kind, `{}`, 401, "10009"},
		"another key":         {"POST", "/v2/messages", key + "x", kind, `{}`, 401, "10009"},
		"another path":        {"POST", "/v2/message", key, kind, `{}`, 404, "10005"},
		"another method":      {"DELETE", "/v2/messages", key, kind, ``, 404, "10005"},
		"a list":              {"GET", "/v2/messages", key, "", ``, 404, "10005"},
		"no such message":     {"GET", "/v2/messages/1", key, "", ``, 404, "10005"},
		"a form":              {"POST", "/v2/messages", key, "application/x-www-form-urlencoded", `{}`, 415, "10014"},
		"no JSON":             {"POST", "/v2/messages", key, kind, `{`, 400, "10015"},
		"two objects":         {"POST", "/v2/messages", key, kind, `{}{}`, 400, "10015"},
		"an unknown field":    {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"text":"x","body":"x"}`, 400, "10015"},
		"no to":               {"POST", "/v2/messages", key, kind, `{` + from + `,"text":"x"}`, 400, "10004"},
		"to nobody":           {"POST", "/v2/messages", key, kind, `{` + from + `,"to":"4155550123","text":"x"}`, 400, "40310"},
		"from somebody else":  {"POST", "/v2/messages", key, kind, `{"from":"+15550000000",` + to + `,"text":"x"}`, 400, "40305"},
		"nothing":             {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `}`, 400, "40316"},
		"no words":            {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"text":""}`, 400, "10015"},
		"pictures as SMS":     {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"type":"SMS","media_urls":["http://x/"]}`, 400, "10015"},
		"eleven pictures":     {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"media_urls":["a"` + strings.Repeat(`,"a"`, 10) + `]}`, 400, "40317"},
		"a picture nowhere":   {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"media_urls":["/x"]}`, 400, "10003"},
		"a hook nowhere":      {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"text":"x","webhook_url":"hook"}`, 400, "10003"},
		"a hook that is none": {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"text":"x","webhook_url":""}`, 400, "10003"},
		"a failover too long": {"POST", "/v2/messages", key, kind, `{` + from + `,` + to + `,"text":"x","webhook_failover_url":"http://x/` + strings.Repeat("x", 2000) + `"}`, 400, "10003"},
	} {
		if status, _, code := w.call(tt.method, tt.path, tt.key, tt.kind, tt.body); status != tt.status || code != tt.code {
			t.Errorf("%s: %d, %s; want %d, %s", name, status, code, tt.status, tt.code)
		}
	}
	if n := len(w.Messages()); n != 0 {
		t.Errorf("there are %d messages", n)
	}
}

// A text to a person arrives, and its own webhook is told of it twice; the profile's only if it is to be.
func TestSend(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{})
	own := `"webhook_url":"` + w.gateway.URL + `/hook?own","use_profile_webhooks":false`
	id := w.send(`"text":"שלום 👋",` + own)
	attempts := w.told(2)
	if attempts[0].Type != "message.sent" || attempts[1].Type != "message.finalized" || attempts[0].EventID == attempts[1].EventID {
		t.Errorf("told: %+v", attempts)
	}
	for _, a := range attempts {
		if a.MessageID != id || !strings.HasSuffix(a.URL, "?own") || a.Status != http.StatusOK {
			t.Errorf("told: %+v", a)
		}
	}
	if inbox := w.Inbox(supporter); len(inbox) != 1 || inbox[0].Text != "שלום 👋" || inbox[0].Status != telnyxsim.Delivered {
		t.Errorf("the inbox has %+v", inbox)
	}
	_, data, _ := w.call(http.MethodGet, "/v2/messages/"+id, "Bearer "+telnyxsim.DefaultAPIKey, "", "")
	if to := data["to"].([]any)[0].(map[string]any); to["status"] != telnyxsim.Delivered {
		t.Errorf("it is %v", to)
	}
	w.send(`"text":"and the profile's"`)
	if last := w.told(4)[3]; last.URL != w.gateway.URL+"/hook" {
		t.Errorf("told: %+v", last)
	}
	w.send(`"text":"nobody's","use_profile_webhooks":false`)
	if err := w.Wait(t.Context(), func(s *telnyxsim.Sim) bool { return s.Messages()[2].Told }); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Attempts()); n != 4 {
		t.Errorf("%d are told", n)
	}
}

func TestOutcomes(t *testing.T) {
	for status, arrives := range map[string]bool{telnyxsim.Unconfirmed: true, telnyxsim.Undelivered: false, telnyxsim.SendingFailed: false} {
		w := newWorld(t, telnyxsim.Config{})
		w.SetOutcome(supporter, telnyxsim.Outcome{Status: status, Code: 40008})
		id := w.send(`"text":"hello"`)
		events := map[string]int{telnyxsim.SendingFailed: 1}[status]
		if events == 0 {
			events = 2
		}
		if a := w.told(events); a[len(a)-1].Type != "message.finalized" {
			t.Errorf("%s: told %+v", status, a)
		}
		if got := len(w.Inbox(supporter)) == 1; got != arrives {
			t.Errorf("%s: arrived: %v", status, got)
		}
		if m := w.Messages()[0]; m.ID != id || m.Status != status || m.Code != 40008 {
			t.Errorf("%s: %+v", status, m)
		}
	}
}

func TestFiles(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cat":
			io.WriteString(w, "cat")
		case "/large":
			w.Write(make([]byte, 1<<20))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(files.Close)
	for path, want := range map[string]string{"/cat": telnyxsim.Delivered, "/large": telnyxsim.SendingFailed, "/none": telnyxsim.SendingFailed} {
		w := newWorld(t, telnyxsim.Config{})
		w.send(`"media_urls":["` + files.URL + path + `"]`)
		if err := w.Wait(t.Context(), func(s *telnyxsim.Sim) bool { return s.Messages()[0].Status == want }); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if inbox := w.Inbox(supporter); want == telnyxsim.Delivered && string(inbox[0].Media[0].Data) != "cat" {
			t.Errorf("the phone has %+v", inbox)
		}
	}
}

// A webhook that is not taken is tried three times, then at the failover address. What was taken may be told again.
func TestRetries(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{Duplicates: 1})
	w.answer(http.StatusServiceUnavailable)
	id, err := w.Text(supporter, hotline, "hello")
	if err != nil {
		t.Fatal(err)
	}
	attempts := w.told(5)
	for i, a := range attempts {
		want := telnyxsim.Attempt{EventID: attempts[0].EventID, Type: "message.received", MessageID: id, URL: w.gateway.URL + "/hook", Number: i + 1, Status: 503}
		if i >= 3 {
			want.URL, want.Number, want.Status = w.gateway.URL+"/failover", 4, 200
		}
		if a != want {
			t.Errorf("attempt %d is %+v, want %+v", i, a, want)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if meta := w.bodies[0]["meta"].(map[string]any); meta["attempt"] != 4.0 || meta["delivered_to"] != w.gateway.URL+"/failover" {
		t.Errorf("the last says %v", meta)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Nobody takes it: it is given up. Redirects and silence are not taking it.
func TestGivenUp(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{Timeout: time.Millisecond, Client: &http.Client{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "silent" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://taken/"}}, Body: http.NoBody}, nil
		}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
	w.SetProfile("http://moved/", "http://silent/")
	if _, err := w.Text(supporter, hotline, "hello"); err != nil {
		t.Fatal(err)
	}
	var statuses []int
	for _, a := range w.told(6) {
		statuses = append(statuses, a.Status)
	}
	if !slices.Equal(statuses, []int{307, 307, 307, 0, 0, 0}) {
		t.Errorf("the statuses are %v", statuses)
	}
}

func TestFinalizedFirst(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{FinalizedFirst: true})
	w.send(`"text":"hello"`)
	if a := w.told(2); a[0].Type != "message.finalized" || a[1].Type != "message.sent" {
		t.Errorf("told: %+v", a)
	}
}

// After STOP, and only if the text is nothing else, the account cannot text the person from any of its numbers, until START.
func TestOptOut(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{})
	const other = "+15017122662"
	w.AddNumber(other)
	text := func(body string) {
		t.Helper()
		if _, err := w.Text(supporter, hotline, body); err != nil {
			t.Fatal(err)
		}
	}
	blocked := func() bool {
		status, _, code := w.post(`{"from":"` + other + `","to":"` + supporter + `","text":"hello"}`)
		return status == http.StatusConflict && code == "40300"
	}
	text("please stop")
	if blocked() {
		t.Error("blocked without STOP")
	}
	text(" stop all\n")
	if !blocked() {
		t.Error("not blocked after STOP ALL")
	}
	text("Start")
	if blocked() {
		t.Error("blocked after START")
	}
	var keywords []string
	for _, m := range w.Messages() {
		if m.Inbound {
			keywords = append(keywords, m.Keyword)
		}
	}
	if !slices.Equal(keywords, []string{"", "STOP", "START"}) {
		t.Errorf("the keywords are %q", keywords)
	}
	if err := w.Wait(t.Context(), func(s *telnyxsim.Sim) bool {
		return !slices.ContainsFunc(s.Messages(), func(m telnyxsim.Message) bool { return m.Inbound && !m.Told })
	}); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.bodies, func(b map[string]any) bool {
		return b["data"].(map[string]any)["payload"].(map[string]any)["autoresponse_type"] == "STOP"
	}) {
		t.Error("nobody is told of STOP")
	}
}

// The files of a text from a person are at the address that its webhook has, for everybody who knows it.
func TestMedia(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{})
	want := []byte("cat")
	if _, err := w.Text(supporter, hotline, "", telnyxsim.Media{ContentType: "image/png", Data: want}); err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(w.Messages()[0].Media[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, want) || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%q, %v", got, err)
	}
	if res, err := http.Get(w.api.URL + "/mms/x"); err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("another address: %v, %v", res, err)
	}
	if _, err := w.Text(supporter, "+15550000000", "hello"); err == nil {
		t.Error("a number of nobody takes texts")
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{})
	w.Faults().Set(fault.Switches{DropAfterNext: 1})
	r, err := http.NewRequest(http.MethodPost, w.api.URL+"/v2/messages", strings.NewReader(`{"from":"`+hotline+`","to":"`+supporter+`","text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+telnyxsim.DefaultAPIKey)
	r.Header.Set("Content-Type", "application/json")
	if _, err := http.DefaultClient.Do(r); err == nil {
		t.Error("there is an answer")
	}
	if n := len(w.Messages()); n != 1 {
		t.Errorf("there are %d messages", n)
	}
}

// A message can be asked about for ten days.
func TestKept(t *testing.T) {
	var clock sync.Mutex
	now := time.Now()
	w := newWorld(t, telnyxsim.Config{Now: func() time.Time {
		clock.Lock()
		defer clock.Unlock()
		return now
	}})
	id := w.send(`"text":"hello"`)
	w.told(2)
	for _, tt := range []struct {
		after  time.Duration
		status int
	}{{10 * 24 * time.Hour, http.StatusOK}, {time.Second, http.StatusNotFound}} {
		clock.Lock()
		now = now.Add(tt.after)
		clock.Unlock()
		if status, _, _ := w.call(http.MethodGet, "/v2/messages/"+id, "Bearer "+telnyxsim.DefaultAPIKey, "", ""); status != tt.status {
			t.Errorf("%d, want %d", status, tt.status)
		}
	}
}

func TestClosed(t *testing.T) {
	w := newWorld(t, telnyxsim.Config{Pause: time.Hour})
	w.answer(http.StatusInternalServerError)
	if _, err := w.Text(supporter, hotline, "hello"); err != nil {
		t.Fatal(err)
	}
	w.told(1)
	w.Close()
	if err := w.Wait(t.Context(), func(*telnyxsim.Sim) bool { return false }); err != telnyxsim.ErrClosed {
		t.Errorf("waiting ends with %v", err)
	}
	if _, err := w.Text(supporter, hotline, "hello"); err != nil || len(w.Attempts()) != 1 {
		t.Errorf("%v, %d attempts", err, len(w.Attempts()))
	}
}
