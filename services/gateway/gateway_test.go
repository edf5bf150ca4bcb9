package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/signature"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

const (
	public = "https://hotline.example.org"
	token  = "12345"
	secret = "bling-test-secret"
)

// behind takes what the gateway hands on, and answers with fail if that is set.
type behind struct {
	telephonyv1.UnimplementedTwilioWebhookServiceServer
	telephonyv1.UnimplementedTwilioVoiceServiceServer
	telephonyv1.UnimplementedTelephonyServiceServer
	ticketingv1.UnimplementedHelpScoutWebhookServiceServer

	mu   sync.Mutex
	got  []proto.Message
	fail error
	slow time.Duration // how long a text takes
}

func (b *behind) take(m proto.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, m)
	return b.fail
}

func (b *behind) taken() []proto.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got
}

func (b *behind) ReceiveText(_ context.Context, r *telephonyv1.ReceiveTextRequest) (*telephonyv1.ReceiveTextResponse, error) {
	<-time.After(b.slow)
	return &telephonyv1.ReceiveTextResponse{Twiml: "<Response></Response>"}, b.take(r)
}

func (b *behind) ReceiveTextStatus(_ context.Context, r *telephonyv1.ReceiveTextStatusRequest) (*telephonyv1.ReceiveTextStatusResponse, error) {
	return &telephonyv1.ReceiveTextStatusResponse{}, b.take(r)
}

func (b *behind) ReceiveEvent(_ context.Context, r *ticketingv1.ReceiveEventRequest) (*ticketingv1.ReceiveEventResponse, error) {
	return &ticketingv1.ReceiveEventResponse{}, b.take(r)
}

func (b *behind) GetFile(_ context.Context, r *telephonyv1.GetFileRequest) (*telephonyv1.GetFileResponse, error) {
	return &telephonyv1.GetFileResponse{Name: "Grüße \"1\".html", MimeType: "text/html", Data: []byte("<script>")}, b.take(r)
}

// newGateway returns a gateway and the services behind it, over real gRPC.
func newGateway(t testing.TB, change ...func(*Config)) (http.Handler, *behind) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := &behind{}
	var network rpc.Network
	server := rpc.NewServer(log, false, nil, nil)
	telephonyv1.RegisterTwilioWebhookServiceServer(server, b)
	telephonyv1.RegisterTwilioVoiceServiceServer(server, b)
	telephonyv1.RegisterTelephonyServiceServer(server, b)
	ticketingv1.RegisterHelpScoutWebhookServiceServer(server, b)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, network.Listen("all")) }()
	conn, err := network.Dial("all")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); cancel(); <-ended })
	c := Config{PublicURL: public, TwilioTokens: []string{"old", token}, HelpScoutSecrets: []string{secret}}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c, Deps{Telephony: conn, Ticketing: conn, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler(), b
}

func twilioRequest(path string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("X-Twilio-Signature", signature.Twilio(token, public+path, form))
	return r
}

func helpScoutRequest(event, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/bling/helpscout_webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if event != "" {
		r.Header.Set("X-HelpScout-Event", event)
	}
	r.Header.Set("X-HelpScout-Signature", signature.HelpScout(secret, []byte(body)))
	return r
}

func serve(h http.Handler, r *http.Request) (status int, body string, header http.Header) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String()), w.Header()
}

// H1: the form becomes a typed request, TwiML comes back.
func TestText(t *testing.T) {
	h, b := newGateway(t)
	status, body, header := serve(h, twilioRequest("/bling/twilio_sms", url.Values{
		"MessageSid": {"MM1"}, "AccountSid": {"AC1"}, "From": {"+15558675310"}, "To": {"+15017122661"}, "Body": {"Hello & goodbye! 👋\nשלום  "},
		"NumMedia": {"3"}, "MediaUrl0": {"https://api.twilio.com/0"}, "MediaContentType0": {"image/jpeg"}, "MediaUrl2": {"https://api.twilio.com/2"},
		"OptOutType": {"STOP"}, "FromCity": {""}, "Surprise": {"new"},
	}))
	if status != 200 || body != "<Response></Response>" || !strings.HasPrefix(header.Get("Content-Type"), "text/xml") {
		t.Errorf("%d %q %v", status, body, header)
	}
	if header.Get("Set-Cookie") != "" || header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("H13: %v", header)
	}
	want := &telephonyv1.ReceiveTextRequest{
		MessageSid: "MM1", AccountSid: "AC1", From: "+15558675310", To: "+15017122661", Body: "Hello & goodbye! 👋\nשלום  ",
		NumMedia: 3, MediaUrl: []string{"https://api.twilio.com/0", "", "https://api.twilio.com/2"}, MediaContentType: []string{"image/jpeg"}, OptOutType: "STOP",
	}
	if len(b.got) != 1 || !proto.Equal(b.got[0], want) {
		t.Errorf("got %v\nwant %v", b.got, want)
	}
}

func TestStatusCallback(t *testing.T) {
	h, b := newGateway(t)
	for _, word := range []string{"delivered", "something-new"} {
		status, body, _ := serve(h, twilioRequest("/bling/twilio_status/abc-1", url.Values{"MessageSid": {"SM1"}, "MessageStatus": {word}, "ErrorCode": {""}}))
		if status != 200 || body != "<Response></Response>" {
			t.Errorf("%d %q", status, body)
		}
	}
	want := &telephonyv1.ReceiveTextStatusRequest{Attempt: "abc-1", MessageSid: "SM1", MessageStatus: telephonyv1.MessageStatus_MESSAGE_STATUS_DELIVERED}
	if !proto.Equal(b.got[0], want) {
		t.Errorf("got %v", b.got[0])
	}
	if s := b.got[1].(*telephonyv1.ReceiveTextStatusRequest).GetMessageStatus(); s != 0 {
		t.Errorf("an unknown status is %v", s)
	}
}

// H4: the JSON arrives byte for byte, and the answer is 204 and empty.
func TestEvent(t *testing.T) {
	h, b := newGateway(t)
	const event = `{"id":2571001,"preview":"caf\u00e9 \/ ok"}`
	status, body, _ := serve(h, helpScoutRequest("convo.agent.reply.created", event))
	if status != 204 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	want := &ticketingv1.ReceiveEventRequest{Event: "convo.agent.reply.created", Body: []byte(event)}
	if len(b.got) != 1 || !proto.Equal(b.got[0], want) {
		t.Errorf("got %v", b.got)
	}
}

// H6, H7, H11, H14: who is let in, and what the others are told.
func TestDoors(t *testing.T) {
	text := url.Values{"MessageSid": {"SM1"}, "From": {"+15558675310"}, "To": {"+15017122661"}, "Body": {"x"}}
	with := func(r *http.Request, change func(*http.Request)) *http.Request { change(r); return r }
	for name, tt := range map[string]struct {
		request *http.Request
		status  int
		body    string
	}{
		"H6 twilio without signature": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) { r.Header.Del("X-Twilio-Signature") }), 403, ""},
		"H6 twilio, wrong signature":  {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) { r.Header.Set("X-Twilio-Signature", "AAAA") }), 403, ""},
		"twilio, not base64":          {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) { r.Header.Set("X-Twilio-Signature", "!") }), 403, ""},
		"twilio, signed for another path": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) {
			r.URL.Path, r.RequestURI = "/bling/twilio_status/x", "/bling/twilio_status/x"
		}), 403, ""},
		"twilio, another query": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) { r.RequestURI += "?a=b" }), 403, ""},
		"H14 the request's own host does not count": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) {
			r.Host = "evil.example.org"
			r.Header.Set("X-Forwarded-Host", "evil.example.org")
			r.Header.Set("X-Forwarded-Proto", "http")
		}), 200, "<Response></Response>"},
		"twilio, signed for another host": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) {
			r.Host = "evil.example.org"
			r.Header.Set("X-Twilio-Signature", signature.Twilio(token, "https://evil.example.org/bling/twilio_sms", text))
		}), 403, ""},
		"twilio, old token": {with(twilioRequest("/bling/twilio_sms", text), func(r *http.Request) {
			r.Header.Set("X-Twilio-Signature", signature.Twilio("old", public+"/bling/twilio_sms", text))
		}), 200, "<Response></Response>"},
		"H11 not a number":                {twilioRequest("/bling/twilio_sms", url.Values{"NumMedia": {"many"}}), 400, "NumMedia is not a number"},
		"H6 help scout without signature": {with(helpScoutRequest("convo.created", "{}"), func(r *http.Request) { r.Header.Del("X-HelpScout-Signature") }), 401, "Unauthorized: Failed Help Scout signature verification"},
		"H6 help scout, wrong signature":  {with(helpScoutRequest("convo.created", "{}"), func(r *http.Request) { r.Header.Set("X-HelpScout-Signature", "AAAA") }), 401, "Unauthorized: Failed Help Scout signature verification"},
		"H7 help scout, not base64":       {with(helpScoutRequest("convo.created", "{}"), func(r *http.Request) { r.Header.Set("X-HelpScout-Signature", "!") }), 401, "Unauthorized: Failed Help Scout signature verification"},
		"H6 help scout without event":     {helpScoutRequest("", "{}"), 400, "Bad request: missing event header"},
		"help scout with a query":         {with(helpScoutRequest("convo.created", "{}"), func(r *http.Request) { r.URL.RawQuery = "event=convo.forged&body=x" }), 204, ""},
		"twilio, too large":               {twilioRequest("/bling/twilio_sms", url.Values{"Body": {strings.Repeat("x", 2<<20)}}), 413, "too large"},
		"help scout, too large":           {helpScoutRequest("convo.created", `"`+strings.Repeat("x", 2<<20)+`"`), 413, "too large"},
		"GET of a webhook":                {httptest.NewRequest(http.MethodGet, "/bling/twilio_sms", nil), 405, "Method Not Allowed"},
		"H5 root":                         {httptest.NewRequest(http.MethodGet, "/", nil), 200, "This is a hotline. People call and text it; there is nothing to see here."},
		"H5 bling":                        {httptest.NewRequest(http.MethodGet, "/bling/", nil), 200, "This is a hotline. People call and text it; there is nothing to see here."},
		"nothing there":                   {httptest.NewRequest(http.MethodGet, "/bling/x", nil), 404, "404 page not found"},
		"alive":                           {httptest.NewRequest(http.MethodGet, "/healthz", nil), 200, "ok"},
		"ready":                           {httptest.NewRequest(http.MethodGet, "/readyz", nil), 200, "telephony ready\nticketing ready"},
	} {
		t.Run(name, func(t *testing.T) {
			h, b := newGateway(t)
			status, body, header := serve(h, tt.request)
			if status != tt.status || (tt.body != "" && body != tt.body) {
				t.Errorf("%d %q, want %d %q", status, body, tt.status, tt.body)
			}
			if status >= 300 && len(b.taken()) > 0 {
				t.Errorf("was refused and handed on: %v", b.taken())
			}
			if header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers: %v", header)
			}
		})
	}
}

// H12: what a later attempt may cure is answered 5xx, so that the vendor sends it again; the reason stays inside.
func TestErrors(t *testing.T) {
	for fail, want := range map[error]int{
		errs.New(errs.Invalid, "From must not be empty"):         400,
		errs.New(errs.Unavailable, "disk full"):                  503,
		errs.New(errs.RateLimited, "slow"):                       503,
		errs.New(errs.Precondition, "no"):                        503,
		io.ErrUnexpectedEOF:                                      500,
		errs.Wrap(errs.Unavailable, io.EOF, "could not be kept"): 503,
	} {
		h, b := newGateway(t)
		b.fail = fail
		for _, r := range []*http.Request{twilioRequest("/bling/twilio_sms", url.Values{"MessageSid": {"SM1"}}), helpScoutRequest("convo.created", "{}")} {
			status, body, _ := serve(h, r)
			if status != want || want >= 500 && body != `{"message":"Server error"}` {
				t.Errorf("%v: %d %q, want %d", fail, status, body, want)
			}
		}
	}
}

func TestNotReady(t *testing.T) {
	var network rpc.Network
	conn, err := network.Dial("nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := New(Config{PublicURL: public}, Deps{Telephony: conn, Ticketing: conn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := serve(s.Handler(), httptest.NewRequest(http.MethodGet, "/readyz", nil)); status != 503 {
		t.Errorf("readyz: %d", status)
	}
	if status, _, _ := serve(s.Handler(), httptest.NewRequest(http.MethodGet, "/healthz", nil)); status != 200 {
		t.Errorf("healthz: %d", status)
	}
}

// A source that keeps failing is sent away; whoever signs is let in, from the same address and at any rate.
func TestFailuresAreLimited(t *testing.T) {
	h, b := newGateway(t, func(c *Config) {
		c.MaxFailures = 5
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	forged := func(addr, forwarded string) int {
		r := twilioRequest("/bling/twilio_sms", url.Values{"MessageSid": {"SM1"}})
		r.RemoteAddr = addr
		r.Header.Set("X-Twilio-Signature", "AAAA")
		r.Header.Set("X-Forwarded-For", forwarded)
		status, _, _ := serve(h, r)
		return status
	}
	count := func(addr, forwarded string) (n int) {
		for range 20 {
			if forged(addr, forwarded) == 429 {
				n++
			}
		}
		return n
	}
	if n := count("192.0.2.1:1234", "198.51.100.7"); n != 15 {
		t.Errorf("%d of 20 were sent away", n)
	}
	if forged("192.0.2.1:99", "203.0.113.9") != 429 {
		t.Error("a forwarded address from nowhere is believed")
	}
	if n := count("10.1.1.1:1", "203.0.113.1, 198.51.100.7"); n != 15 {
		t.Errorf("behind the proxy: %d of 20 were sent away", n)
	}
	if forged("10.1.1.1:1", "198.51.100.8") != 403 {
		t.Error("another client of the proxy is sent away")
	}
	if count("[2001:db8::1]:1", "") != 15 || forged("[2001:db8::2]:1", "") != 429 {
		t.Error("addresses of one IPv6 network are counted apart")
	}
	for range 50 {
		r := twilioRequest("/bling/twilio_sms", url.Values{"MessageSid": {"SM1"}})
		r.RemoteAddr = "192.0.2.1:1234"
		if status, _, _ := serve(h, r); status != 200 {
			t.Fatalf("a signed request was answered %d", status)
		}
	}
	if len(b.taken()) != 50 {
		t.Errorf("%d were handed on", len(b.taken()))
	}
}

func TestSourcesAreBounded(t *testing.T) {
	s := newSources(5)
	for i := range 3 * maxSources {
		s.allow(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i)}).String())
	}
	if len(s.seen) > maxSources {
		t.Errorf("%d sources are remembered", len(s.seen))
	}
}
