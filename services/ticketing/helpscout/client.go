// Package helpscout is ticketing's client of Help Scout's Inbox API 2.0: conversations, threads, attachments.
//
// Every failed call is an *Error that says what is known: nothing was written, or it may have been (Help Scout has no
// idempotency keys, so whoever writes must look before writing again). Each call first asks for a share of the account's
// budget, and stops asking a Help Scout that is down. One token is shared by all calls.
package helpscout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/bling-hotline/bling/internal/telemetry"
)

// Budget hands out the account's requests, which all its users share.
// See https://developer.helpscout.com/mailbox-api/overview/rate-limiting/.
type Budget interface {
	// Take waits for cost units, or returns an error that says how long it would take. Class says how important
	// the call is.
	Take(ctx context.Context, class Class, cost int) error
	// Report tells what an answer's headers said: units allowed and left in this minute; 0 when they said nothing.
	Report(ctx context.Context, limit, remaining int)
	// Exhausted tells that Help Scout refused a call and for how long it will.
	Exhausted(ctx context.Context, wait time.Duration)
}

// Class is how important a call is; when the budget is short the less important wait first.
type Class int

const (
	Live     Class = iota // texts and replies of people who wait
	Note                  // notes
	Backfill              // loads and adoption
)

type classKey struct{}

// WithClass returns a context whose calls are of a class. Calls are Live otherwise.
func WithClass(ctx context.Context, c Class) context.Context {
	return context.WithValue(ctx, classKey{}, c)
}

// Error is a failed call.
type Error struct {
	Status     int           // the HTTP status; 0: no answer
	Unclear    bool          // a write that may have been done
	RetryAfter time.Duration // for 429
	LogRef     string        // Help Scout's name of this error
	Location   string        // of a 301: the path of the conversation that survived a merge
	cause      error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("helpscout: status %d", e.Status)
	if e.LogRef != "" {
		s += ", logRef " + e.LogRef
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// StatusOf returns the HTTP status of a failed call, or 0.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// Unclear reports whether err leaves open whether a write was done.
func Unclear(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unclear
}

// ErrDown means that Help Scout has failed several times in a row and is not asked for a moment. Nothing was written.
var ErrDown = errors.New("help scout is down")

// ErrNoAnswer means that Help Scout has not answered any call yet, so that how much it allows is not known. Nothing was written.
var ErrNoAnswer = errors.New("help scout has not answered yet")

// Client calls one account. It is safe for concurrent use.
type Client struct {
	// Answered is told the HTTP status of each answer; 0: there was none. Optional; set it before use.
	Answered func(ctx context.Context, status int)

	base    string
	http    *http.Client
	token   *tokenSource
	budget  Budget
	breaker *gobreaker.CircuitBreaker[*response]
}

// New returns a client at base, such as https://api.helpscout.net.
func New(base, clientID, clientSecret string, budget Budget) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	c := &Client{
		base: base,
		http: &http.Client{
			Transport: telemetry.Transport(transport),
			Timeout:   6 * time.Second,
			// A 301 names the survivor of a merge: the caller must learn of it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		budget: budget,
	}
	c.token = &tokenSource{base: base, id: clientID, secret: clientSecret, http: c.http, now: time.Now}
	c.breaker = gobreaker.NewCircuitBreaker[*response](gobreaker.Settings{
		Name:        "helpscout",
		MaxRequests: 1,
		Timeout:     2 * time.Second,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= 5 },
		IsSuccessful: func(err error) bool {
			status := StatusOf(err)
			return err == nil || errors.Is(err, context.Canceled) || status >= 300 && status < 500
		},
	})
	return c
}

// Healthy reports whether Help Scout answered lately.
func (c *Client) Healthy() bool { return c.breaker.State() == gobreaker.StateClosed }

type response struct {
	header http.Header
	body   []byte
}

// id returns the id of what a write has made.
func (r *response) id() (int64, error) {
	id, err := strconv.ParseInt(r.header.Get("Resource-ID"), 10, 64)
	if err != nil {
		return 0, &Error{Unclear: true, cause: fmt.Errorf("answer without Resource-ID: %w", err)}
	}
	return id, nil
}

// do calls the API. in is sent as JSON unless nil; the answer is read into out unless nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) (*response, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("encoding request: %w", err)
		}
	}
	r, err := c.guarded(ctx, method, path, body)
	if StatusOf(err) == http.StatusUnauthorized {
		// The token was revoked: one new one, one more try.
		c.token.drop()
		r, err = c.guarded(ctx, method, path, body)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, pathOnly(path), err)
	}
	if out != nil {
		if err := json.Unmarshal(r.body, out); err != nil {
			return nil, fmt.Errorf("%s %s: reading answer: %w", method, pathOnly(path), err)
		}
	}
	return r, nil
}

// pathOnly drops the query, which may hold a contact address.
func pathOnly(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return "?"
	}
	return u.Path
}

func (c *Client) guarded(ctx context.Context, method, path string, body []byte) (*response, error) {
	class, _ := ctx.Value(classKey{}).(Class)
	cost := 2
	if method == http.MethodGet {
		cost = 1
	}
	if err := c.budget.Take(ctx, class, cost); err != nil {
		return nil, err
	}
	r, err := c.breaker.Execute(func() (*response, error) {
		token, err := c.token.get(ctx)
		if err != nil {
			return nil, err
		}
		return c.once(ctx, method, path, token, body)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, ErrDown
	}
	return r, err
}

func (c *Client) once(ctx context.Context, method, path, token string, body []byte) (*response, error) {
	q, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Accept", "application/json")
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	write := method != http.MethodGet
	res, err := c.http.Do(q)
	if c.Answered != nil {
		status := 0
		if err == nil {
			status = res.StatusCode
		}
		c.Answered(ctx, status)
	}
	if err != nil {
		op, isOp := errors.AsType[*net.OpError](err)
		return nil, &Error{Unclear: write && !(isOp && op.Op == "dial"), cause: telemetry.WithoutURL(err)}
	}
	defer res.Body.Close()
	c.report(ctx, res)
	data, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil && res.StatusCode < 300 && !write {
		return nil, &Error{cause: err}
	}
	if res.StatusCode >= 300 {
		return nil, c.failed(ctx, res, data, write)
	}
	return &response{res.Header, data}, nil
}

func (c *Client) report(ctx context.Context, res *http.Response) {
	limit, err1 := strconv.Atoi(res.Header.Get("X-RateLimit-Limit-Minute"))
	remaining, err2 := strconv.Atoi(res.Header.Get("X-RateLimit-Remaining-Minute"))
	switch {
	case err1 == nil && err2 == nil:
		c.budget.Report(ctx, limit, remaining)
	case res.StatusCode < 300: // an error may come from a proxy that knows of no limit
		c.budget.Report(ctx, 0, 0)
	}
}

// failed reads an answer that is not a success. See https://developer.helpscout.com/mailbox-api/overview/errors/.
func (c *Client) failed(ctx context.Context, res *http.Response, body []byte, write bool) *Error {
	e := &Error{Status: res.StatusCode, Location: res.Header.Get("Location")}
	var said struct {
		LogRef   string `json:"logRef"`
		Embedded struct {
			Errors []struct {
				Path string `json:"path"`
			} `json:"errors"`
		} `json:"_embedded"`
	}
	// The messages may repeat what somebody wrote to us; the paths do not.
	if json.Unmarshal(body, &said) == nil {
		e.LogRef = said.LogRef
		for _, f := range said.Embedded.Errors {
			e.cause = errors.Join(e.cause, errors.New(f.Path))
		}
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		e.RetryAfter = retryAfter(res.Header)
		c.budget.Exhausted(ctx, e.RetryAfter)
	case res.StatusCode == http.StatusGatewayTimeout && !write:
	case res.StatusCode >= 500, res.StatusCode == http.StatusRequestTimeout:
		e.Unclear = write
	}
	return e
}

func retryAfter(h http.Header) time.Duration {
	for _, name := range []string{"X-RateLimit-Retry-After", "Retry-After"} {
		if s, err := strconv.Atoi(h.Get(name)); err == nil && s >= 0 {
			return time.Duration(s)*time.Second + time.Second
		}
	}
	return time.Minute
}
