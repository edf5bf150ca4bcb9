package twiliosim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	hotline   = "+15017122661"
	supporter = "+14155550123"
)

// world is a simulated account whose webhooks go to a gateway, both served over HTTP.
type world struct {
	*twiliosim.Sim
	t       *testing.T
	api     *httptest.Server
	gateway *gateway
}

func newWorld(t *testing.T, cfg twiliosim.Config) *world {
	t.Helper()
	sim, err := twiliosim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{Sim: sim, t: t, api: httptest.NewServer(sim.Handler()), gateway: newGateway(t)}
	t.Cleanup(w.api.Close)
	sim.SetPublicURL(w.api.URL)
	sim.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms"})
	return w
}

// gateway receives webhooks and checks their signatures.
type gateway struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	answer   http.HandlerFunc
	received []*http.Request // with their forms parsed
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{t: t, answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, "<Response></Response>")
	}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // a file, not a webhook
		document("image/png", "cat")(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		g.t.Error(err)
	}
	sig := r.Header.Get("X-Twilio-Signature")
	if !signature.VerifyTwilio([]string{twiliosim.DefaultAuthToken}, g.URL+r.RequestURI, r.PostForm, nil, sig) {
		g.t.Errorf("wrong signature of %s", r.RequestURI)
	}
	g.mu.Lock()
	g.received = append(g.received, r)
	answer := g.answer
	g.mu.Unlock()
	answer(w, r)
}

func (g *gateway) answerWith(h http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = h
}

func (g *gateway) requests() []*http.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*http.Request(nil), g.received...)
}

// statuses are the MessageStatus values of the status callbacks that came.
func (g *gateway) statuses() string {
	var all []string
	for _, r := range g.requests() {
		if s := r.PostForm.Get("MessageStatus"); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

// document answers with a document of this type.
func document(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

func (w *world) text(body string) twiliosim.Delivery {
	w.t.Helper()
	d, err := w.Text(w.t.Context(), twiliosim.Text{From: supporter, To: hotline, Body: body})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) wait(what string, cond func(*twiliosim.Sim) bool) {
	w.t.Helper()
	if err := w.Wait(w.t.Context(), cond); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// waitForEvents waits until the history has n events of a kind.
func (w *world) waitForEvents(kind string, n int) {
	w.t.Helper()
	w.wait(kind, func(*twiliosim.Sim) bool { return len(w.events(kind)) >= n })
}

func (w *world) events(kind string) []twiliosim.Event {
	var found []twiliosim.Event
	for _, e := range w.History() {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// answer is an answer of the API.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) code() int {
	code, _ := a.json["code"].(float64)
	return int(code)
}

func (a answer) str(name string) string {
	s, _ := a.json[name].(string)
	return s
}

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call calls the API as the account does; path is relative to the account unless it is a link from an answer, or of another product.
func (w *world) call(method, path string, form url.Values) answer {
	w.t.Helper()
	a, err := w.tryCall(method, path, form)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) tryCall(method, path string, form url.Values) (answer, error) {
	if !strings.HasPrefix(path, "/2010-04-01/") && !strings.HasPrefix(path, "/v1/") && !strings.HasPrefix(path, "/v2/") {
		path = "/2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.api.URL+path, body)
	if err != nil {
		return answer{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetBasicAuth(twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	return do(r)
}

func do(r *http.Request) (answer, error) {
	res, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	if res.Header.Get("Content-Type") == "application/json" && strings.HasPrefix(a.body, "{") {
		if err := json.Unmarshal(body, &a.json); err != nil {
			return answer{}, err
		}
	}
	return a, nil
}

func outgoing(to, body string) url.Values {
	return url.Values{"From": {hotline}, "To": {to}, "Body": {body}}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func bodies(messages []twiliosim.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return fmt.Sprint(all)
}
