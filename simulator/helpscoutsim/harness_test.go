package helpscoutsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const (
	hotline = 206906
	office  = 206907
	email   = "6175550142@sms.example.org"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 20, 14, 39, 56, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a simulator behind HTTP, and a client with a token.
type bench struct {
	*testing.T
	sim   *helpscoutsim.Sim
	url   string
	token string
	clock *clock
}

// start serves a simulator; cfg without Now gets a clock that stands still.
func start(t *testing.T, cfg helpscoutsim.Config) *bench {
	t.Helper()
	b := &bench{T: t, clock: newClock()}
	if cfg.Now == nil {
		cfg.Now = b.clock.Now
	}
	sim, err := helpscoutsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	b.sim, b.url = sim, server.URL
	b.token = b.login()
	return b
}

func (b *bench) login() string {
	b.Helper()
	resp, err := http.PostForm(b.url+"/v2/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {helpscoutsim.DefaultClientID},
		"client_secret": {helpscoutsim.DefaultClientSecret},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		Type    string `json:"token_type"`
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		b.Fatal(err)
	}
	if token.Type != "bearer" || token.Token == "" || token.Expires == 0 {
		b.Fatalf("token answer: %d %+v", resp.StatusCode, token)
	}
	return token.Token
}

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// id is the Resource-ID header.
func (a answer) id(t *testing.T) int64 {
	t.Helper()
	id, err := strconv.ParseInt(a.header.Get("Resource-ID"), 10, 64)
	if err != nil || a.status != http.StatusCreated || len(a.body) != 0 {
		t.Fatalf("not a created resource: %d %v %s", a.status, a.header, a.body)
	}
	return id
}

// object decodes a JSON body.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// rows returns one embedded list of a page, or nil.
func (a answer) rows(t *testing.T, name string) []any {
	t.Helper()
	embedded, _ := a.object(t)["_embedded"].(map[string]any)
	list, _ := embedded[name].([]any)
	return list
}

// try makes a request with a JSON body, unless body is "". Redirects are not followed.
func (b *bench) try(method, path, body string) (answer, error) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, data}, err
}

func (b *bench) do(method, path, body string) answer {
	b.Helper()
	a, err := b.try(method, path, body)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// want makes a request and checks the status.
func (b *bench) want(status int, method, path, body string) answer {
	b.Helper()
	a := b.do(method, path, body)
	if a.status != status {
		b.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// conversation creates a phone conversation with one customer thread.
func (b *bench) conversation(customer string) int64 {
	b.Helper()
	return b.want(201, "POST", "/v2/conversations", conversationBody(customer)).id(b.T)
}

func conversationBody(customer string) string {
	return fmt.Sprintf(`{"subject":"Text from 617-555-0142","type":"phone","mailboxId":%d,"status":"active",
		"customer":{"email":%q,"firstName":"617-555-0142"},"tags":["sms"],"autoReply":false,
		"threads":[{"type":"customer","customer":{"email":%q},"text":"Hello &amp; <br>hi"}]}`, hotline, customer, customer)
}

func path(format string, args ...any) string {
	return "/v2/conversations/" + fmt.Sprintf(format, args...)
}

// await waits for a condition of the simulator, for ten seconds at most.
func (b *bench) await(what string, cond func(*helpscoutsim.Sim) bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	if err := b.sim.Wait(ctx, cond); err != nil {
		b.Fatalf("waiting for %s: %v\n%+v", what, err, b.sim.History())
	}
}

// control makes a request to the simulator's own API.
func (b *bench) control(method, path, body string) answer {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), method, path, bytes.NewBufferString(body))
	w := httptest.NewRecorder()
	b.sim.Control().ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}
