package gateway

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
)

// verify reports whether a request with this raw body was signed by the vendor.
type verify func(r *http.Request, body []byte) bool

// twilioDoor lets signed requests of Twilio through; others get 403. What we put into the query of an address that Twilio
// asks is signed as well, and handed on with the form.
// See https://www.twilio.com/docs/usage/webhooks/webhooks-security.
func (s *Service) twilioDoor(next http.Handler) http.Handler {
	return s.door("twilio", "X-Twilio-Signature", http.StatusForbidden, "forbidden", s.signedByTwilio, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader("&"+r.URL.RawQuery)))
		}
		next.ServeHTTP(w, r)
	}))
}

func (s *Service) signedByTwilio(r *http.Request, body []byte) bool {
	// The address is the configured one with the request's own path and query, byte for byte.
	address := s.PublicURL + r.RequestURI
	var form url.Values
	if isForm(r) {
		var err error
		if form, err = url.ParseQuery(string(body)); err != nil {
			return false
		}
	}
	return signature.VerifyTwilio(s.TwilioTokens, address, form, body, r.Header.Get("X-Twilio-Signature"))
}

func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

// telnyxDoor lets signed requests of Telnyx through; others get 403.
// See https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks#webhook-signature-verification.
func (s *Service) telnyxDoor(next http.Handler) http.Handler {
	const header = "Telnyx-Signature-Ed25519"
	check := func(r *http.Request, body []byte) bool {
		return signature.VerifyTelnyx(s.TelnyxKeys, r.Header.Get("Telnyx-Timestamp"), r.Header.Get(header), body, time.Now())
	}
	return s.door("telnyx", header, http.StatusForbidden, "forbidden", check, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "" // it is not signed
		r.Header.Set("Content-Type", "application/json")
		next.ServeHTTP(w, r)
	}))
}

// helpScoutDoor lets signed requests of Help Scout through; others get 401. A request without an event's name gets 400.
// See https://developer.helpscout.com/webhooks/.
func (s *Service) helpScoutDoor(next http.Handler) http.Handler {
	check := func(r *http.Request, body []byte) bool {
		return signature.VerifyHelpScout(s.HelpScoutSecrets, body, r.Header.Get("X-HelpScout-Signature"))
	}
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event := r.Header.Get("X-HelpScout-Event")
		if event == "" {
			http.Error(w, "Bad request: missing event header", http.StatusBadRequest)
			return
		}
		// The translator takes the body as one field and the query as the others.
		r.URL.RawQuery = url.Values{"event": {valid(event)}}.Encode()
		r.Header.Set("Content-Type", "application/json")
		next.ServeHTTP(w, r)
	})
	return s.door("helpscout", "X-HelpScout-Signature", http.StatusUnauthorized,
		"Unauthorized: Failed Help Scout signature verification", check, named)
}

// door reads the body once, checks the signature over it, and hands on a request with the same body.
func (s *Service) door(vendor, header string, refusal int, text string, signed verify, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		source := s.source(r)
		// Without a signature there is nothing to check, and no reason to read what follows.
		if r.Header.Get(header) == "" {
			s.refuse(w, r, vendor, source, refusal, text)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			s.metrics.webhook(r.Context(), vendor, "too large")
			s.Log.WarnContext(r.Context(), "webhook is too large", "vendor", vendor, "limit", tooLarge.Limit)
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			http.Error(w, "the body could not be read", http.StatusBadRequest)
			return
		}
		if !signed(r, body) {
			s.refuse(w, r, vendor, source, refusal, text)
			return
		}
		s.metrics.webhook(r.Context(), vendor, "verified")
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// refuse answers a request whose signature is missing or wrong. A source that sends many of them is told to wait, and
// not logged any more; nothing of the request itself ever is.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, vendor string, source string, status int, text string) {
	if !s.sources.allow(source) {
		s.metrics.webhook(r.Context(), vendor, "limited")
		w.Header().Set("Retry-After", "60")
		w.Header().Set("Connection", "close")
		http.Error(w, "too many requests with a wrong signature", http.StatusTooManyRequests)
		return
	}
	s.metrics.webhook(r.Context(), vendor, "unverified")
	s.Log.WarnContext(r.Context(), "signature is missing or wrong", "vendor", vendor, "source", source)
	http.Error(w, text, status)
}
