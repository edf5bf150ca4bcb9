package check_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/signature"
)

// door is a gateway as the vendors meet it, right but for what a test changes.
type door struct {
	url             string
	tokens, secrets []string
	probe           check.Probe
	slow            time.Duration // by how much its clock is behind
	events          []string
	telnyx          bool // there is a door for it
}

// ServeHTTP answers as the gateway does.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case check.ProbePath:
		if !signature.VerifyTwilio(d.tokens, d.url+r.RequestURI, nil, body, r.Header.Get("X-Twilio-Signature")) {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		p := d.probe
		p.Time = time.Now().Add(-d.slow)
		json.NewEncoder(w).Encode(p) //nolint:errcheck // the test sees that nothing came
	case "/bling/helpscout_webhook":
		if !signature.VerifyHelpScout(d.secrets, body, r.Header.Get("X-HelpScout-Signature")) {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		d.events = append(d.events, r.Header.Get("X-HelpScout-Event"))
		w.WriteHeader(http.StatusNoContent)
	case "/bling/telnyx_sms":
		if !d.telnyx {
			http.NotFound(w, r)
			return
		}
		http.Error(w, "forbidden", http.StatusForbidden)
	default:
		http.NotFound(w, r)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// telnyxKey could be a public key.
var telnyxKey = base64.StdEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize))

func TestOutside(t *testing.T) {
	const well = ""
	for _, test := range []struct {
		name   string
		change func(*door, *check.Outside)
		front  http.Handler // instead of the door
		want   string       // the only finding that is not well
		level  check.Level
		says   string
	}{
		{name: "all is well", want: well},
		{name: "several secrets", change: func(d *door, o *check.Outside) {
			d.tokens, d.secrets = []string{"new", "old"}, []string{"a", "b"}
			o.TwilioTokens, o.HelpScoutSecrets = d.tokens, d.secrets
		}},
		{name: "without secrets", change: func(_ *door, o *check.Outside) { o.TwilioTokens, o.HelpScoutSecrets = nil, nil }},
		{name: "any version", change: func(_ *door, o *check.Outside) { o.Version = "" }},
		{name: "no name", change: func(_ *door, o *check.Outside) { o.URL = "http://no..name" }, want: "public address", level: check.Failure, says: "has no address"},
		{name: "no address", change: func(_ *door, o *check.Outside) { o.URL = "/bling" }, want: "public address", level: check.Failure, says: "is no address"},
		{name: "nobody", change: func(_ *door, o *check.Outside) { o.URL = "http://127.0.0.1:1" }, want: "public address", level: check.Failure, says: "Nobody answers"},
		{name: "nobody by TLS", change: func(_ *door, o *check.Outside) { o.URL = "https://127.0.0.1:1" }, want: "public address", level: check.Failure, says: "Nobody answers"},
		{name: "this machine", change: func(_ *door, o *check.Outside) { o.Simulated = false }, want: "public address", level: check.Failure, says: "is this machine"},
		{name: "somebody else", front: status(http.StatusNotFound), want: "public address", level: check.Failure, says: "Somebody else"},
		{name: "takes everything", front: status(http.StatusOK), want: "public address", level: check.Failure, says: "accepts a request that is not signed"},
		{name: "leads away", front: http.RedirectHandler("https://example.org", http.StatusMovedPermanently), want: "public address", level: check.Failure, says: "leads somewhere else"},
		{name: "down", front: status(http.StatusBadGateway), want: "public address", level: check.Failure, says: "status 502"},
		{name: "quiet", change: func(_ *door, o *check.Outside) { o.Quiet = true }},
		{name: "quiet, somebody else", change: func(_ *door, o *check.Outside) { o.Quiet = true }, front: status(http.StatusOK),
			want: "public address", level: check.Failure, says: "Somebody else"},
		{name: "quiet, nobody", change: func(_ *door, o *check.Outside) { o.Quiet, o.URL = true, "http://127.0.0.1:1" },
			want: "public address", level: check.Failure, says: "Nobody answers"},
		{name: "limited", front: status(http.StatusTooManyRequests), change: func(_ *door, o *check.Outside) { o.HelpScoutSecrets = nil },
			want: "signature of Twilio", level: check.Failure, says: "status 429"},
		{name: "wrong token", change: func(d *door, _ *check.Outside) { d.tokens = []string{"other"} },
			want: "signature of Twilio", level: check.Failure, says: "TWILIO_AUTH_TOKEN is not accepted: status 403"},
		{name: "second token", change: func(_ *door, o *check.Outside) { o.TwilioTokens = append(o.TwilioTokens, "other") },
			want: "signature of Twilio", level: check.Failure, says: "TWILIO_AUTH_TOKEN (number 2 of 2) is not accepted"},
		{name: "another address", change: func(d *door, _ *check.Outside) { d.url = "https://hotline.example.org" },
			want: "signature of Twilio", level: check.Failure, says: "is not accepted: status 403"},
		{name: "wrong secret", change: func(d *door, _ *check.Outside) { d.secrets = []string{"other"} },
			want: "signature of Help Scout", level: check.Failure, says: "HELPSCOUT_WEBHOOK_SECRET is not accepted: status 401"},
		{name: "clock behind", change: func(d *door, _ *check.Outside) { d.slow = time.Minute },
			want: "clock of the gateway", level: check.Warning, says: "differ by 1m0s"},
		{name: "clock ahead", change: func(d *door, _ *check.Outside) { d.slow = -time.Hour },
			want: "clock of the gateway", level: check.Failure, says: "differ by 1h0m0s"},
		{name: "clock a little behind", change: func(d *door, _ *check.Outside) { d.slow = 5 * time.Second }},
		{name: "version", change: func(d *door, _ *check.Outside) { d.probe.Version = "v1" }, want: "version", level: check.Warning, says: `"v1"`},
		{name: "telephony gone", change: func(d *door, _ *check.Outside) { d.probe.Telephony = "not reached" },
			want: "telephony", level: check.Failure, says: "not reached"},
		{name: "ticketing ill", change: func(d *door, _ *check.Outside) { d.probe.Ticketing = "not ready" },
			want: "ticketing", level: check.Failure, says: "not ready"},
		{name: "Telnyx", change: func(d *door, o *check.Outside) { d.telnyx, o.TelnyxKeys = true, []string{telnyxKey, telnyxKey} }},
		{name: "Telnyx alone", change: func(d *door, o *check.Outside) {
			d.telnyx, d.tokens, o.TelnyxKeys, o.TwilioTokens = true, nil, []string{telnyxKey}, nil
		}},
		{name: "no door for Telnyx", change: func(_ *door, o *check.Outside) { o.TelnyxKeys = []string{telnyxKey} },
			want: "signature of Telnyx", level: check.Failure, says: "no door for Telnyx"},
		{name: "no key of Telnyx", change: func(d *door, o *check.Outside) { d.telnyx, o.TelnyxKeys = true, []string{telnyxKey, "the secret"} },
			want: "signature of Telnyx", level: check.Failure, says: "TELNYX_PUBLIC_KEY (number 2 of 2) is no key"},
		{name: "half a key of Telnyx", change: func(d *door, o *check.Outside) { d.telnyx, o.TelnyxKeys = true, []string{telnyxKey[:20]} },
			want: "signature of Telnyx", level: check.Failure, says: "is no key"},
		{name: "quiet, Telnyx", change: func(_ *door, o *check.Outside) { o.Quiet, o.TelnyxKeys = true, []string{telnyxKey} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &door{tokens: []string{"the token"}, secrets: []string{"the secret"}, probe: check.Probe{Version: "v2", Telephony: "ready", Ticketing: "ready"}}
			var front http.Handler = d
			if test.front != nil {
				front = test.front
			}
			server := httptest.NewServer(front)
			defer server.Close()
			d.url = server.URL
			o := check.Outside{
				URL: server.URL, TwilioTokens: []string{"the token"}, HelpScoutSecrets: []string{"the secret"}, Version: "v2", Simulated: true, Now: time.Now,
			}
			if test.change != nil {
				test.change(d, &o)
			}
			found := check.Run(t.Context(), o.Check())
			names := map[string]bool{}
			wrong := 0
			for _, f := range found {
				if names[f.Name] || f.Check != "public address" {
					t.Errorf("one too many: %+v", f)
				}
				names[f.Name] = true
				if strings.Contains(f.Says+f.Fix, "the token") || strings.Contains(f.Says+f.Fix, "the secret") {
					t.Errorf("a secret is shown: %+v", f)
				}
				switch {
				case f.Level == check.OK && f.Fix == "":
				case f.Name == test.want && f.Level == test.level && strings.Contains(f.Says, test.says) && f.Fix != "":
					wrong++
				default:
					t.Errorf("unexpected: %+v", f)
				}
			}
			if len(found) == 0 || (wrong == 1) != (test.want != well) {
				t.Errorf("found %+v", found)
			}
			for _, e := range d.events {
				if e != check.TestEvent {
					t.Errorf("Help Scout's door heard of %s", e)
				}
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for days, want := range map[int]check.Level{15: check.OK, 13: check.Warning, -1: check.Warning} {
		found := check.Expiry("it", now.AddDate(0, 0, days), now, "Renew it.")
		if len(found) != 1 || found[0].Level != want || !strings.Contains(found[0].Says, now.AddDate(0, 0, days).Format(time.DateOnly)) {
			t.Errorf("%d days: %+v", days, found)
		}
	}
}
