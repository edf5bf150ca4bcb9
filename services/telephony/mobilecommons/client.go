// Package mobilecommons is telephony's client of the REST API of Mobile Commons (Upland Mobile Messaging): it sends texts in a campaign,
// reads the ones that people have texted to it, looks for a text that may have been sent, and learns who has opted out. Mobile Commons
// calls nobody back: what comes in has to be asked for, page by page. What changes something makes one request and never repeats it. It opts people out and never in again: there is no profile_update here, and no web form.
//
// The API answers in XML: <response success="true">, or success="false" with an <error id message>. Facts are from its documentation
// (http://www.mobilecommons.com/mobile-commons-api/rest/ and
// https://support.uplandsoftware.com/portal/app/portlets/results/viewsolution.jsp?solutionid=201123154359603), from the original's client,
// and, where both are silent, from public clients: https://github.com/controlshift/upland_mobile_commons_rest (error ids),
// https://github.com/community-tech-alliance/airbyte-source-mobile-commons (lists of messages, times),
// https://github.com/aclu-national/mobile_commons_etl (campaign_subscribers).
package mobilecommons

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

const (
	name = "Mobile Commons"
	// maxAnswer is how many bytes of an answer are read: the longest is findOnPage messages of 1600 characters.
	maxAnswer = 8 << 20
	// askTimeout is for what concerns one person, listTimeout for lists, which are slow: aclu-national/mobile_commons_etl.
	askTimeout, listTimeout = 8 * time.Second, time.Minute
)

// Client calls one account. It is safe for concurrent use.
type Client struct {
	username, password string
	base               *url.URL
	http               *http.Client
	unread             atomic.Int64
}

var (
	_ carrier.Carrier = (*Client)(nil)
	_ carrier.Finder  = (*Client)(nil)
	_ carrier.Inbox   = (*Client)(nil)
	_ carrier.OptOuts = (*Client)(nil)
)

// New returns a client of the account at base, such as https://secure.mcommons.com.
func New(base, username, password string) (*Client, error) {
	u, err := url.Parse(base)
	if err == nil && (u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		err = errors.New("it must begin with https://")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the address of Mobile Commons: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return &Client{
		username: username, password: password, base: u,
		http: &http.Client{
			Transport:     telemetry.Transport(transport),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Name is what people call it.
func (c *Client) Name() string { return name }

// Unread returns how many texts and opt-outs in lists could not be read and were passed over, or have a time that cannot be read, since it was asked
// the last time. What is listed again counts again.
func (c *Client) Unread() int64 { return c.unread.Swap(0) }

// FetchMedia fails: the API has no files of messages.
func (c *Client) FetchMedia(context.Context, string, int64) ([]byte, string, error) {
	return nil, "", carrier.MediaError("Mobile Commons does not hand out files")
}

// post sends a form, which keeps people's numbers out of the address. The original sent the same as JSON. The error is a *carrier.Error.
func (c *Client) post(ctx context.Context, method string, form url.Values) (element, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("api", method).String(), strings.NewReader(form.Encode()))
	if err != nil {
		return element{}, &carrier.Error{Carrier: name, Outcome: carrier.NotDone, Cause: telemetry.WithoutURL(err)}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(r)
}

// list returns the list of an answer, which has a name of its own. The error is a *carrier.Error.
func (c *Client) list(ctx context.Context, method, list string, query url.Values) (element, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	u := c.base.JoinPath("api", method)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return element{}, &carrier.Error{Carrier: name, Outcome: carrier.NotDone, Cause: telemetry.WithoutURL(err)}
	}
	answer, err := c.do(r)
	if err != nil {
		return element{}, err
	}
	if found, ok := answer.child(list); ok {
		return found, nil
	}
	return element{}, unreadable()
}

func (c *Client) do(r *http.Request) (element, error) {
	var connected atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	r.SetBasicAuth(c.username, c.password)
	r.Header.Set("Accept", "application/xml")
	res, err := c.http.Do(r)
	if err != nil {
		e := &carrier.Error{Carrier: name, Cause: telemetry.WithoutURL(err)}
		if !connected.Load() {
			e.Outcome = carrier.NotDone
		}
		return element{}, e
	}
	defer res.Body.Close()
	answer, err := read(io.LimitReader(res.Body, maxAnswer))
	if err == nil && res.StatusCode < 300 && answer.get("success") == "true" {
		return answer, nil
	}
	return element{}, failure(res, answer)
}

// The ids of errors that mean something to us. All of them: controlshift/upland_mobile_commons_rest, lib/upland_mobile_commons_rest/errors.rb.
const (
	invalidCampaign    = 1
	invalidBody        = 3
	invalidCompany     = 4
	invalidPhoneNumber = 5 // also: nobody has this number
	invalidKey         = 10
	notOptedIn         = 11
	notTextable        = 14
	tooManyMessages    = 17
	invalidUser        = 26
	rateLimitExceeded  = 27
)

// failure says what an answer means that is not a success. Error ids come with status 200 as well as with 400. The message is left
// alone, as it may repeat what was sent.
func failure(res *http.Response, answer element) *carrier.Error {
	e := &carrier.Error{Carrier: name, Status: res.StatusCode, RetryAfter: carrier.Advice(res.Header), Cause: errors.New("refused")}
	e.Code, _ = strconv.Atoi(answer.get("error", "id")) // 0 if there is none
	switch {
	case e.Status == http.StatusTooManyRequests, e.Code == rateLimitExceeded, e.Code == tooManyMessages:
		e.Outcome = carrier.NotDone
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		e.Outcome = carrier.NotDone // our credentials are wrong, not the text
	case e.Code == invalidCompany, e.Code == invalidKey, e.Code == invalidUser:
		e.Outcome = carrier.NotDone // so is our account
	case e.Status >= 500, e.Status == http.StatusRequestTimeout:
		e.Outcome = carrier.Unclear
	case e.Code != 0, e.Status >= 400:
		e.Outcome = carrier.Refused
	default: // neither a success nor a reason
		e.Cause = errUnreadable
	}
	return e
}

// errUnreadable has no details: what the parser says of an answer may quote it.
var errUnreadable = errors.New("the answer cannot be read")

func unreadable() *carrier.Error {
	return &carrier.Error{Carrier: name, Status: http.StatusOK, Cause: errUnreadable}
}
