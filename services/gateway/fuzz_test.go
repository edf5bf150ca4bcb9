package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/signature"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// Whatever is posted, without the signature nothing gets in, and with it either the whole text does or the sender
// hears that it did not.
func FuzzTwilioDoor(f *testing.F) {
	h, b := newGateway(f, func(c *Config) { c.MaxFailures = 1 << 30 })
	f.Add("MessageSid=SM1&From=%2B1&To=%2B2&Body=hi&NumMedia=0", true)
	f.Add("MessageSid=MM1&NumMedia=2&MediaUrl1=x&Body=%F0%9F%91%8B", true)
	f.Add("%zz&;&&=&Body=%ff%00", true)
	f.Add("MessageSid=SM1", false)
	f.Fuzz(func(t *testing.T, body string, signed bool) {
		form, err := url.ParseQuery(body)
		r := httptest.NewRequest(http.MethodPost, "/bling/twilio_sms", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		key := token
		if !signed {
			key = "not " + token
		}
		r.Header.Set("X-Twilio-Signature", signature.Twilio(key, public+"/bling/twilio_sms", form))
		b.mu.Lock()
		b.got = nil
		b.mu.Unlock()
		status, _, _ := serve(h, r)
		got := b.taken()
		switch {
		case !signed || err != nil:
			if status != 403 || len(got) > 0 {
				t.Fatalf("unsigned or broken: %d, %v", status, got)
			}
		case status == 200:
			text := got[0].(*telephonyv1.ReceiveTextRequest)
			if want := strings.ReplaceAll(strings.ToValidUTF8(form.Get("Body"), "\uFFFD"), "\x00", ""); text.GetBody() != want || !utf8.ValidString(text.GetFrom()) {
				t.Fatalf("body %q, want %q", text.GetBody(), want)
			}
		case status != 400 || len(got) > 0:
			t.Fatalf("%d, %v", status, got)
		}
	})
}

// The same for Help Scout, whose body must arrive byte for byte.
func FuzzHelpScoutDoor(f *testing.F) {
	h, b := newGateway(f, func(c *Config) { c.MaxFailures = 1 << 30 })
	f.Add("convo.created", `{"id":1,"preview":"caf\u00e9 \/"}`, true)
	f.Add("", "{}", true)
	f.Add("x&event=y", "\x00\xff", true)
	f.Add("convo.created", "{}", false)
	f.Fuzz(func(t *testing.T, event, body string, signed bool) {
		r := helpScoutRequest(event, body)
		if !signed {
			r.Header.Set("X-HelpScout-Signature", signature.HelpScout("not "+secret, []byte(body)))
		}
		b.mu.Lock()
		b.got = nil
		b.mu.Unlock()
		status, _, _ := serve(h, r)
		got := b.taken()
		switch {
		case !signed:
			if status != 401 || len(got) > 0 {
				t.Fatalf("unsigned: %d, %v", status, got)
			}
		case status == 204:
			e := got[0].(*ticketingv1.ReceiveEventRequest)
			if string(e.GetBody()) != body || e.GetEvent() != valid(event) {
				t.Fatalf("%q %q became %q %q", event, body, e.GetEvent(), e.GetBody())
			}
		case status != 400 || len(got) > 0:
			t.Fatalf("%d, %v", status, got)
		}
	})
}
