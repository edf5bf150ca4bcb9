// Package telnyx is telephony's client of Telnyx's messaging API: it sends texts and asks how they stand (client.go), fetches media
// (media.go), and reads webhooks (event.go). It fills [carrier.Carrier] and [carrier.Teller].
//
// It fills no other interface of package carrier: nothing can be looked up or deleted. The API has one message by its id (https://developers.telnyx.com/api-reference/messages/retrieve-a-message),
// and no list of them. There is a search of detail records, for billing, but those have no words in them and so cannot tell one text from
// another (https://developers.telnyx.com/openapi/spec/tag/Detail-Records-API/). There is no idempotency key either. What became of
// a text whose answer was lost is told by its webhooks alone: they come to NewMessage.StatusURL, which should say which attempt it was.
//
// A person who texts STOP, or one of its like and nothing else, is blocked by Telnyx for all numbers of the messaging profile, and may get an
// answer from Telnyx; the text arrives here all the same (Event.Keyword). From then on texts to that person are refused, see [Client.OptedOut].
// See https://developers.telnyx.com/docs/messaging/messages/advanced-opt-in-out.
package telnyx

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

const name = "Telnyx"

// Client calls one account. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	key       string
	transport http.RoundTripper // follows no redirects, so that nothing is posted twice
	timeout   time.Duration
}

// New returns a client of the account at base, such as https://api.telnyx.com.
func New(base, apiKey string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading Telnyx's address: %w", err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("reading Telnyx's address: it does not begin with https://")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return &Client{base: u, key: apiKey, transport: telemetry.Transport(transport), timeout: 8 * time.Second}, nil
}

// Name is what people call it.
func (c *Client) Name() string { return name }

// newMessage is the request of https://developers.telnyx.com/api-reference/messages.
type newMessage struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Text      string   `json:"text,omitempty"`
	MediaURLs []string `json:"media_urls,omitempty"` // 1 MB together at most
	// What becomes of the message is told there only, not to the address for incoming texts, which is the profile's.
	WebhookURL         string `json:"webhook_url,omitempty"`
	UseProfileWebhooks bool   `json:"use_profile_webhooks"`
}

// Send creates a message and returns its id. The error is always a *carrier.Error.
func (c *Client) Send(ctx context.Context, m carrier.NewMessage) (id string, err error) {
	request, err := json.Marshal(newMessage{From: string(m.From), To: string(m.To), Text: m.Body, MediaURLs: m.Media, WebhookURL: m.StatusURL})
	if err != nil {
		return "", notSent(err)
	}
	created, err := c.call(ctx, http.MethodPost, c.base.JoinPath("v2", "messages"), request)
	if err != nil {
		return "", err
	}
	return created.ID, nil
}

// Status returns how a message stands, and Telnyx's error code if it failed: https://developers.telnyx.com/docs/messaging/messages/error-codes.
// A message that is older than ten days is not there any more. The error is always a *carrier.Error.
func (c *Client) Status(ctx context.Context, id string) (state carrier.State, code int, err error) {
	m, err := c.call(ctx, http.MethodGet, c.base.JoinPath("v2", "messages", url.PathEscape(id)), nil)
	if err != nil {
		return "", 0, err
	}
	state, code = m.state()
	return state, code, nil
}

// states are the states of an outbound message: https://developers.telnyx.com/api-reference/callbacks/delivery-update. One that
// Telnyx has done with, but nobody confirms to have arrived, stays with the supporter's network.
var states = map[string]carrier.State{
	"sent": carrier.Sent, "delivery_unconfirmed": carrier.Sent, "delivered": carrier.Delivered,
	"sending_failed": carrier.Failed, "delivery_failed": carrier.Failed, "expired": carrier.Failed, "cancelled": carrier.Failed,
}

// stateOf says what a status means. One that is new to us means that Telnyx has the message.
func stateOf(status string) carrier.State { return cmp.Or(states[status], carrier.Accepted) }

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// call makes one request, and never a second one: to send a message twice is to text somebody twice.
func (c *Client) call(ctx context.Context, method string, u *url.URL, request []byte) (*message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// The transport takes another connection if it could not write to the one that it had.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(request))
	if err != nil {
		return nil, notSent(err)
	}
	if request != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.key)
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		if !connected.Load() {
			return nil, notSent(err)
		}
		return nil, &carrier.Error{Carrier: name, Outcome: carrier.Unclear, Cause: telemetry.WithoutURL(err)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	var answer struct {
		Data   message   `json:"data"`
		Errors []problem `json:"errors"`
	}
	switch readable := json.Unmarshal(body, &answer) == nil; {
	case res.StatusCode/100 != 2:
		return nil, failed(res, answer.Errors)
	case err != nil:
		return nil, &carrier.Error{Carrier: name, Outcome: carrier.Unclear, Status: res.StatusCode, Cause: telemetry.WithoutURL(err)}
	case !readable || answer.Data.ID == "":
		return nil, &carrier.Error{Carrier: name, Outcome: carrier.Unclear, Status: res.StatusCode, Cause: errors.New("answer without id")}
	}
	return &answer.Data, nil
}

func notSent(err error) *carrier.Error {
	return &carrier.Error{Carrier: name, Outcome: carrier.NotDone, Cause: telemetry.WithoutURL(err)}
}

// failed says what is known after an answer that is no success. What Telnyx writes in its errors may have numbers in it, and is left out.
func failed(res *http.Response, problems []problem) *carrier.Error {
	e := &carrier.Error{Carrier: name, Status: res.StatusCode, Code: codeOf(problems), Cause: errors.New("refused")}
	// Codes are of requests (1xxxx), of the account (2xxxx) and of messages (4xxxx):
	// https://support.telnyx.com/en/articles/6505121-telnyx-messaging-error-codes.
	account, ofMessage := e.Code/10_000 == 2, e.Code/10_000 == 4
	credentials := res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		e.Outcome, e.RetryAfter = carrier.NotDone, carrier.Advice(res.Header)
	case res.StatusCode/100 != 4 || res.StatusCode == http.StatusRequestTimeout:
		e.Outcome, e.Cause = carrier.Unclear, errors.New("no success")
	case account, credentials && !ofMessage, e.Code == queueFull, e.Code == numberNotYet:
		e.Outcome = carrier.NotDone // not the text's fault
	default:
		e.Outcome = carrier.Refused
	}
	return e
}
