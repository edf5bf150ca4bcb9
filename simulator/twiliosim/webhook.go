package twiliosim

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/signature"
)

// hook is a webhook to be posted.
type hook struct {
	kind   string // EventWebhook, EventStatus, EventVoice or EventCallback
	sid    string // of the message or call it is about
	method string // empty: POST
	url    string // with its fragment
	form   url.Values
	token  string // the same for each attempt, and for duplicates
	voice  bool   // signed without the port, if it goes over TLS
}

// Attempt is a request of a webhook.
type Attempt struct {
	URL    string `json:"url"`    // without its fragment
	Status int    `json:"status"` // 0: no answer
	Code   int    `json:"code,omitempty"`
	Err    string `json:"error,omitempty"`
}

// failure is why a webhook was not delivered, by the codes of https://www.twilio.com/docs/api/errors.
type failure struct {
	code  int
	text  string
	class string // of retryClasses; empty: not to be retried
}

// Error implements error.
func (f *failure) Error() string { return strconv.Itoa(f.code) + ": " + f.text }

// answer is what a webhook was answered with.
type answer struct {
	url         string
	status      int
	contentType string // without parameters
	body        []byte
}

// post delivers a webhook, with as many attempts as its URL asks for.
func (s *Sim) post(ctx context.Context, h hook) (answer, []Attempt, *failure) {
	target, o, err := splitOverrides(h.url)
	if err != nil {
		f := &failure{code: 11243, text: err.Error()}
		return answer{}, []Attempt{s.noteAttempt(h, answer{url: target}, f)}, f
	}
	if s.isFlow(target) {
		return s.askFlow(ctx, h, target)
	}
	ctx, cancel := context.WithTimeout(ctx, o.total)
	defer cancel()
	var attempts []Attempt
	for n := 0; ; n++ {
		a, f := s.try(ctx, h, target, o)
		attempts = append(attempts, s.noteAttempt(h, a, f))
		if f == nil || n >= o.retries || !slices.Contains(o.retryOn, f.class) || ctx.Err() != nil {
			return a, attempts, f
		}
	}
}

func (s *Sim) noteAttempt(h hook, a answer, f *failure) Attempt {
	attempt := Attempt{URL: a.url, Status: a.status}
	if f != nil {
		attempt.Code, attempt.Err = f.code, f.text
	}
	s.journal.add(Event{Kind: h.kind, Method: cmp.Or(h.method, http.MethodPost), Path: a.url, Status: a.status, Sid: h.sid, Error: attempt.Err})
	return attempt
}

// try makes one request. The answer has its url, and the status if there was one, even if it is a failure.
func (s *Sim) try(ctx context.Context, h hook, target string, o overrides) (answer, *failure) {
	a := answer{url: target}
	ctx, limit := limitPhases(ctx, o)
	defer limit.stop()
	req, err := s.request(ctx, h, target)
	if err != nil {
		return a, &failure{code: 11100, text: err.Error()}
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return a, limit.failure(ctx, err)
	}
	defer res.Body.Close()
	a.status = res.StatusCode
	a.contentType, _, _ = mime.ParseMediaType(res.Header.Get("Content-Type"))
	if a.body, err = readAnswer(res.Body, limit); err != nil {
		// A part of an answer is never retried.
		return a, &failure{code: 11200, text: "the answer broke off: " + cause(ctx, err).Error()}
	}
	return a, statusFailure(res)
}

// request is the signed request of a webhook. See https://www.twilio.com/docs/usage/webhooks/webhooks-security.
func (s *Sim) request(ctx context.Context, h hook, target string) (*http.Request, error) {
	target = withoutUser(target)
	form, body := h.form, io.Reader(strings.NewReader(h.form.Encode()))
	if h.method == http.MethodGet {
		target, form, body = withQuery(target, h.form), nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(h.method, http.MethodPost), target, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if h.voice {
		target = signedByVoice(target)
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("X-Twilio-Signature", signature.Twilio(s.cfg.AuthToken, target, form))
	req.Header.Set("I-Twilio-Idempotency-Token", h.token)
	req.Header.Set("X-Home-Region", "us1")
	return req, nil
}

// withoutUser drops user and password, which are neither signed nor sent until a server asks for them. The simulator
// does not send them then either.
func withoutUser(target string) string {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok {
		return target
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	return scheme + "://" + rest[strings.LastIndex(rest[:end], "@")+1:]
}

// withQuery appends the parameters of a GET.
func withQuery(target string, form url.Values) string {
	if strings.Contains(target, "?") {
		return target + "&" + form.Encode()
	}
	return target + "?" + form.Encode()
}

// signedByVoice drops the port of an https URL, as Twilio does for voice and not for messages.
// See https://www.twilio.com/docs/usage/security#a-few-notes.
func signedByVoice(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "https" || u.Port() == "" {
		return target
	}
	return strings.Replace(target, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}

func statusFailure(res *http.Response) *failure {
	f := &failure{code: 11217, text: "the answer is " + res.Status}
	switch {
	case res.StatusCode >= 500:
		f.class = class5xx
	case res.StatusCode >= 400:
		f.class = class4xx
	case res.StatusCode >= 300:
		f.text += ", and redirects are not simulated"
	default:
		return nil
	}
	return f
}
