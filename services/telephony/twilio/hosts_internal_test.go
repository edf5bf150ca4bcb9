package twilio

import (
	"net/http"
	"testing"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Each of Twilio's APIs is at its own host, and nowhere else do our credentials go.
func TestHosts(t *testing.T) {
	for base, want := range map[string][]string{
		"https://api.twilio.com":            {"https://api.twilio.com", "https://studio.twilio.com", "https://messaging.twilio.com"},
		"https://api.dublin.ie1.twilio.com": {"https://api.dublin.ie1.twilio.com", "https://studio.dublin.ie1.twilio.com", "https://messaging.dublin.ie1.twilio.com"},
		"http://127.0.0.1:8081":             {"http://127.0.0.1:8081", "http://127.0.0.1:8081", "http://127.0.0.1:8081"},
		"https://api.eviltwilio.com":        {"https://api.eviltwilio.com", "https://api.eviltwilio.com", "https://api.eviltwilio.com"},
	} {
		c, err := New(base, "AC0123456789abcdef0123456789abcdef", "token")
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		c.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Host != r.URL.Host {
				t.Errorf("the host is %s and %s", r.Host, r.URL.Host)
			}
			asked = append(asked, r.URL.Scheme+"://"+r.URL.Host)
			return nil, http.ErrHandlerTimeout
		})
		for _, ask := range []func() error{
			func() error { _, err := c.Account(t.Context()); return err },
			func() error { _, err := c.Flows(t.Context()); return err },
			func() error { _, err := c.MessagingServices(t.Context()); return err },
		} {
			if ask() == nil {
				t.Error("no error without an answer")
			}
		}
		for i := range want {
			if i >= len(asked) || asked[i] != want[i] {
				t.Errorf("with %s %q are asked, want %q", base, asked, want)
				break
			}
		}
	}
	c, err := New("https://api.twilio.com", "AC0123456789abcdef0123456789abcdef", "token")
	if err != nil {
		t.Fatal(err)
	}
	if host := c.host("evil.example.com"); host != "evil.twilio.com" {
		t.Errorf("a page's next address leads to %s", host)
	}
}
