// Package twilio is telephony's client of Twilio's REST API: it sends texts, looks for them, and fetches media. The setup of the
// account (numbers.go, messaging.go, studio.go, account.go) is for package provision.
//
// It is twilio-go underneath, with what twilio-go lacks: contexts, a base address of our choice (TWILIO_API_URL),
// and a clear word on each failure. A message cannot be sent twice by asking Twilio to (there is no idempotency
// key), so every error says whether the message surely was not sent, or may have been (see carrier.Outcome).
package twilio

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Client calls one account. It is safe for concurrent use.
type Client struct {
	sid, token string
	base       *url.URL
	http       *http.Client
	timeout    time.Duration
}

// New returns a client of the account at base, such as https://api.twilio.com.
func New(base, accountSID, token string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading Twilio's address: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return &Client{
		sid: accountSID, token: token, base: u, timeout: 8 * time.Second,
		http: &http.Client{
			Transport:     telemetry.Transport(transport),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// retries asks Twilio to deliver a status callback again when we do not answer:
// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
const retries = "#rc=5&rp=5xx,ct,rt"

// Name is what people call it.
func (c *Client) Name() string { return "Twilio" }

// Send creates a message and returns its SID. The error is always a *carrier.Error.
// See https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource.
func (c *Client) Send(ctx context.Context, m carrier.NewMessage) (sid string, err error) {
	params := &api.CreateMessageParams{}
	params.SetFrom(string(m.From)).SetTo(string(m.To))
	if m.StatusURL != "" {
		params.SetStatusCallback(m.StatusURL + retries)
	}
	if m.Body != "" {
		params.SetBody(m.Body)
	}
	if len(m.Media) > 0 {
		params.SetMediaUrl(m.Media)
	}
	call, service := c.call(ctx)
	defer call.cancel()
	created, err := service.CreateMessage(params)
	if err != nil {
		return "", call.failed(err)
	}
	if created.Sid == nil || *created.Sid == "" {
		return "", call.failed(errors.New("answer without sid"))
	}
	return *created.Sid, nil
}

// Status returns how a message stands, and Twilio's error code if it failed: https://www.twilio.com/docs/api/errors.
func (c *Client) Status(ctx context.Context, sid string) (state carrier.State, code int, err error) {
	call, service := c.call(ctx)
	defer call.cancel()
	m, err := service.FetchMessage(sid, &api.FetchMessageParams{})
	if err != nil {
		return "", 0, call.failed(err)
	}
	if m.ErrorCode != nil {
		code = *m.ErrorCode
	}
	return StateOf(word(m.Status)), code, nil
}

// states are the states of a message: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values.
var states = map[string]carrier.State{
	"sent": carrier.Sent, "delivered": carrier.Delivered, "read": carrier.Delivered,
	"failed": carrier.Failed, "undelivered": carrier.Failed, "canceled": carrier.Failed,
}

// StateOf says what a message's status means. One that is new to us means that Twilio has it.
func StateOf(status string) carrier.State { return cmp.Or(states[status], carrier.Accepted) }

// Find returns the messages from one number to another that were created at or after since, newest first.
func (c *Client) Find(ctx context.Context, from, to phone.Number, since time.Time) ([]carrier.Message, error) {
	// A message that is still queued may have no date of sending yet, so the filter is on the numbers only and
	// the newest page is enough: it holds what was created last.
	params := &api.ListMessageParams{}
	params.SetFrom(string(from)).SetTo(string(to)).SetPageSize(100).SetLimit(100)
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListMessage(params)
	if err != nil {
		return nil, call.failed(err)
	}
	var found []carrier.Message
	for _, m := range list {
		if m.Sid == nil || m.Body == nil || m.DateCreated == nil {
			continue
		}
		at, err := time.Parse(time.RFC1123Z, *m.DateCreated)
		if err != nil || at.Before(since.Truncate(time.Second)) {
			continue
		}
		found = append(found, carrier.Message{ID: *m.Sid, Body: *m.Body, CreatedAt: at, Outbound: m.Direction != nil && *m.Direction == "outbound-api"})
	}
	return found, nil
}

// call is the transport of one API call. twilio-go knows no contexts, so each call gets its own.
type call struct {
	ctx    context.Context
	cancel context.CancelFunc
	client *Client

	sent   bool // the request was handed to a connection
	status int
	header http.Header
}

func (c *Client) call(ctx context.Context) (*call, *api.ApiService) {
	t, rest := c.begin(ctx)
	return t, api.NewApiServiceWithClient(rest)
}

// begin is call for all of Twilio's APIs.
func (c *Client) begin(ctx context.Context) (*call, *client.Client) {
	t := &call{client: c}
	t.ctx, t.cancel = context.WithTimeout(ctx, c.timeout)
	base := &client.Client{
		Credentials: client.NewCredentials(c.sid, c.token),
		HTTPClient:  &http.Client{Transport: t, CheckRedirect: c.http.CheckRedirect},
	}
	base.SetAccountSid(c.sid)
	return t, base
}

// host is where a request goes. Twilio's APIs have hosts of their own, https://studio.twilio.com beside https://api.twilio.com; a
// base address that is not Twilio's serves them all.
func (c *Client) host(requested string) string {
	rest, ok := strings.CutPrefix(c.base.Host, "api.")
	if !ok || rest != "twilio.com" && !strings.HasSuffix(rest, ".twilio.com") {
		return c.base.Host
	}
	product, _, _ := strings.Cut(requested, ".")
	return product + "." + rest
}

// RoundTrip sends the request to our base address, under the call's context, and reads the whole answer: twilio-go
// leaves the bodies of errors unclosed and forgets their headers.
func (t *call) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(t.ctx)
	r.URL.Scheme, r.URL.Host = t.client.base.Scheme, t.client.host(r.URL.Host)
	r.Host = r.URL.Host
	res, err := t.client.http.Transport.RoundTrip(r)
	if err != nil {
		op, isOp := errors.AsType[*net.OpError](err)
		t.sent = !isOp || op.Op != "dial"
		return nil, err
	}
	t.sent, t.status, t.header = true, res.StatusCode, res.Header
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func (t *call) failed(err error) *carrier.Error {
	e := &carrier.Error{Carrier: "Twilio", Status: t.status, RetryAfter: carrier.Advice(t.header), Cause: telemetry.WithoutURL(err)}
	if rest, ok := errors.AsType[*client.TwilioRestError](err); ok {
		// Its message may repeat the number that was called.
		e.Code, e.Cause = rest.Code, errors.New("refused")
		e.TooEarly = e.Code == tooEarly
	}
	switch {
	case t.status == http.StatusTooManyRequests, !t.sent:
		// "never processed, always safe to retry": https://www.twilio.com/docs/api/errors/20429
		e.Outcome = carrier.NotDone
	case t.status == http.StatusUnauthorized, t.status == http.StatusForbidden:
		e.Outcome = carrier.NotDone // our credentials are wrong, not the text
	case e.Code == 21611:
		e.Outcome = carrier.NotDone // the sender's queue is full: later
	case t.status >= 400 && t.status < 500 && t.status != http.StatusRequestTimeout:
		e.Outcome = carrier.Refused
	default:
		e.Outcome = carrier.Unclear
	}
	return e
}
