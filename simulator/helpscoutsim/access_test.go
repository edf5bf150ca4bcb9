package helpscoutsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestToken(t *testing.T) {
	b := start(t, helpscoutsim.Config{TokenLifetime: time.Hour})
	b.want(200, "GET", "/v2/mailboxes", "")

	b.clock.advance(time.Hour)
	b.want(401, "GET", "/v2/mailboxes", "")
	b.token = b.login()
	b.want(200, "GET", "/v2/mailboxes", "")

	b.sim.RevokeTokens()
	b.want(401, "GET", "/v2/mailboxes", "")
	b.token = ""
	b.want(401, "GET", "/v2/mailboxes", "")
}

func TestTokenRequests(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	good := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {helpscoutsim.DefaultClientID},
		"client_secret": {helpscoutsim.DefaultClientSecret},
	}
	wrong := url.Values{"grant_type": good["grant_type"], "client_id": good["client_id"], "client_secret": {"x"}}
	inJSON, _ := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": good.Get("client_id"), "client_secret": good.Get("client_secret"),
	})
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, query, kind, body string
		status                  int
		want                    string
	}{
		{"form", "", form, good.Encode(), 200, "access_token"},
		{"json", "", "application/json", string(inJSON), 200, "access_token"},
		{"query", "?" + good.Encode(), "", "", 200, "access_token"},
		{"wrong secret", "", form, wrong.Encode(), 401, "invalid_client"},
		{"wrong grant", "", form, "grant_type=password", 400, "unsupported_grant_type"},
		{"text", "", "text/plain", "x", 415, "logRef"},
	}
	for _, test := range tests {
		resp, err := http.Post(b.url+"/v2/oauth2/token"+test.query, test.kind, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		json.NewDecoder(resp.Body).Decode(&body)
		resp.Body.Close()
		text := fmt.Sprint(body)
		if resp.StatusCode != test.status || !strings.Contains(text, test.want) {
			t.Errorf("%s: %d %s", test.name, resp.StatusCode, text)
		}
	}
	warnings := 0
	for _, e := range b.sim.History() {
		if e.Kind == helpscoutsim.KindWarning {
			warnings++
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings about a secret in the URL, want 1", warnings)
	}
}

func TestRateLimit(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: 5})
	remaining := func(a answer, want string) {
		t.Helper()
		if got := a.header.Get("X-RateLimit-Remaining-Minute"); got != want {
			t.Errorf("%s remaining, want %s", got, want)
		}
	}
	remaining(b.want(200, "GET", "/v2/mailboxes", ""), "4")
	b.clock.advance(10 * time.Second)
	remaining(b.want(201, "POST", "/v2/conversations", conversationBody(email)), "2")
	// A refused body costs like any other write.
	remaining(b.want(400, "POST", "/v2/conversations", "{}"), "0")

	limited := b.want(429, "GET", "/v2/mailboxes", "")
	if string(limited.body) != `{"message":"API rate limit exceeded"}` {
		t.Errorf("body %s", limited.body)
	}
	if got := limited.header.Get("X-RateLimit-Retry-After"); got != "50" {
		t.Errorf("retry after %s, want 50", got)
	}
	if got := limited.header.Get("X-RateLimit-Limit-Minute"); got != "5" {
		t.Errorf("limit %s, want 5", got)
	}
	b.clock.advance(50 * time.Second)
	remaining(b.want(200, "GET", "/v2/mailboxes", ""), "4")

	u := b.sim.Usage()
	if u.Units != 6 || u.Limited != 1 || u.MaxWindow != 5 || u.Requests["POST /v2/conversations"] != 2 {
		t.Errorf("usage %+v", u)
	}
}

func TestSlidingWindow(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: 2, RateWindow: helpscoutsim.SlidingWindow})
	b.want(200, "GET", "/v2/mailboxes", "")
	b.clock.advance(40 * time.Second)
	b.want(200, "GET", "/v2/mailboxes", "")
	if got := b.want(429, "GET", "/v2/mailboxes", "").header.Get("X-RateLimit-Retry-After"); got != "20" {
		t.Errorf("retry after %s, want 20", got)
	}
	b.clock.advance(20 * time.Second)
	b.want(200, "GET", "/v2/mailboxes", "")
	// Only one of the two has left the window.
	b.want(429, "GET", "/v2/mailboxes", "")
}

func TestRateLimitOff(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1})
	for range 300 {
		b.want(200, "GET", "/v2/mailboxes", "")
	}
	if h := b.want(200, "GET", "/v2/mailboxes", "").header; h.Get("X-RateLimit-Limit-Minute") != "" {
		t.Errorf("rate headers without a limit: %v", h)
	}
}

func TestFaults(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	f := b.sim.Faults().Get()
	f.DropAfterNext, f.Path = 1, "POST /v2/conversations"
	b.sim.Faults().Set(f)
	if a, err := b.try("POST", "/v2/conversations", conversationBody(email)); err == nil {
		t.Fatalf("answered %d, want a dropped connection", a.status)
	}
	b.await("the dropped request", func(s *helpscoutsim.Sim) bool {
		h := s.History()
		last := h[len(h)-1]
		return last.Status == 201 && last.Error == "connection dropped" && last.Cost == 2
	})
	if got := b.sim.ConversationsOf(email); len(got) != 1 {
		t.Errorf("%d conversations, want the one whose answer was lost", len(got))
	}

	f.DropAfterNext, f.DropBeforeNext = 0, 1
	b.sim.Faults().Set(f)
	if a, err := b.try("POST", "/v2/conversations", conversationBody(email)); err == nil {
		t.Fatalf("answered %d, want a dropped connection", a.status)
	}
	if got := b.sim.ConversationsOf(email); len(got) != 1 {
		t.Errorf("%d conversations after a drop before, want 1", len(got))
	}
	b.want(201, "POST", "/v2/conversations", conversationBody(email))
}
