package conformance

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Ours is the account's number; the others are phones.
const (
	ours = "+15017122661"
	kim  = "+14155550123"
	lee  = "+16175550142"
)

// account is a simulated Twilio account, used through Twilio's own library.
type account struct {
	*testing.T
	*twiliosim.Sim
	address string // of the simulator
	client  *client.Client
	api     *openapi.ApiService
	site    *site
	clock   *twiliosim.VirtualClock // of calls; nil: real time
}

// newAccount serves an account that texts and calls to ask the site about. Requests pass through wire on their way; nil: they
// just arrive.
func newAccount(t *testing.T, clock *twiliosim.VirtualClock, wire func(http.RoundTripper) http.RoundTripper) *account {
	t.Helper()
	sim, err := twiliosim.New(twiliosim.Config{CallClock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	sim.SetPublicURL(server.URL)
	a := &account{T: t, Sim: sim, address: server.URL, site: newSite(t), clock: clock}
	a.SetNumber(twiliosim.Number{PhoneNumber: ours, SMSURL: a.site.URL + "/sms", VoiceURL: a.site.URL + "/voice", StatusCallback: a.site.URL + "/ended"})
	transport := http.RoundTripper(rewriter{server.URL})
	if wire != nil {
		transport = wire(transport)
	}
	a.client = newClient(transport, twiliosim.DefaultAuthToken)
	a.api = openapi.NewApiServiceWithClient(a.client)
	return a
}

// newClient is the library's own client. Only where its requests end is changed: it has no setting for that.
func newClient(transport http.RoundTripper, token string) *client.Client {
	c := &client.Client{
		Credentials: client.NewCredentials(twiliosim.DefaultAccountSID, token),
		HTTPClient:  &http.Client{Transport: transport},
	}
	c.SetAccountSid(twiliosim.DefaultAccountSID)
	return c
}

// rewriter sends what is for twilio.com to another server.
type rewriter struct{ to string }

// RoundTrip implements [http.RoundTripper].
func (w rewriter) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(w.to)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.Scheme, to.Host, to.Host
	return http.DefaultTransport.RoundTrip(r)
}

// site is the program that webhooks go to. It checks their signatures with Twilio's library.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	twiml map[string]string // by path
	asked map[string][]url.Values
}

func newSite(t *testing.T) *site {
	s := &site{twiml: map[string]string{}, asked: map[string][]url.Values{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cat.png" { // fetched, not told: without a signature
			w.Header().Set("Content-Type", "image/png")
			w.Write([]byte("\x89PNG\r\n\x1a\n"))
			return
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		params := map[string]string{}
		for name := range r.PostForm {
			params[name] = r.PostForm.Get(name)
		}
		validator := client.NewRequestValidator(twiliosim.DefaultAuthToken)
		address, signature := "http://"+r.Host+r.URL.RequestURI(), r.Header.Get("X-Twilio-Signature")
		if !validator.Validate(address, params, signature) {
			t.Errorf("the signature of %s is refused", r.URL.Path)
		}
		params["Changed"] = "yes"
		if validator.Validate(address, params, signature) || validator.Validate(address+"x", params, signature) {
			t.Errorf("the signature of %s is accepted for another request", r.URL.Path)
		}
		s.mu.Lock()
		s.asked[r.URL.Path] = append(s.asked[r.URL.Path], r.PostForm)
		document := s.twiml[r.URL.Path]
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/xml")
		w.Write([]byte("<Response>" + document + "</Response>"))
	}))
	t.Cleanup(s.Close)
	return s
}

// answer makes a path answer with TwiML.
func (s *site) answer(path, twiml string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twiml[path] = twiml
}

// told are the webhooks that came for a path.
func (s *site) told(path string) []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.asked[path]...)
}

// wait waits for a change of the account.
func (a *account) wait(what string, cond func() bool) {
	a.Helper()
	if err := a.Sim.Wait(a.Context(), func(*twiliosim.Sim) bool { return cond() }); err != nil {
		a.Fatalf("waiting for %s: %v", what, err)
	}
}

// must fails the test for an error.
func must[T any](a *account, value T, err error) T {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
	return value
}

// want compares what was decoded, which is nil where the answer has null.
func want[T comparable](a *account, name string, got *T, want T) {
	a.Helper()
	switch {
	case got == nil:
		a.Errorf("%s is missing, want %v", name, want)
	case *got != want:
		a.Errorf("%s is %v, want %v", name, *got, want)
	}
}

// wantTime checks a date in the form that Twilio's library leaves to its users.
func wantTime(a *account, name string, got *string) {
	a.Helper()
	if got == nil {
		a.Errorf("%s is missing", name)
	} else if at, err := time.Parse(time.RFC1123Z, *got); err != nil || time.Since(at) > time.Hour {
		a.Errorf("%s is %s", name, *got)
	}
}

func seconds(n int) twiliosim.Duration { return twiliosim.Duration(time.Duration(n) * time.Second) }
