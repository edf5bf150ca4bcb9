package gateway

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
)

// sourceHeader is how the dialer is told where a request comes from.
const sourceHeader = "X-Bling-Source"

// dialerPages hands requests on to the dialer, whose pages they are, and its answers back, as they come: a live page's answer goes
// on for as long as the call.
func (s *Service) dialerPages(at *url.URL, transport http.RoundTripper) http.Handler {
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(at)
			r.Out.Host = r.In.Host // the dialer compares it with where a form comes from
			r.Out.Header.Set(sourceHeader, s.source(r.In))
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				s.Log.WarnContext(r.Context(), "the dialer does not answer", "err", err)
			}
			w.Header().Set("Retry-After", "5")
			secureHeaders(w.Header())
			http.Error(w, "Call back does not work just now. Please try again in a moment.", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.closing, cancel)() // live pages end when the door closes
		// The dialer says what its pages may do.
		for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "Content-Security-Policy"} {
			w.Header().Del(name)
		}
		if r.Header.Get("Accept") == "text/event-stream" {
			http.NewResponseController(w).SetWriteDeadline(time.Time{}) //nolint:errcheck // where there is no deadline there is none to change
		}
		proxy.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sidebarDoor lets requests through that Help Scout has signed, for its sidebar apps: https://developer.helpscout.com/apps/.
func (s *Service) sidebarDoor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := signature.VerifyApp(s.AppSecrets, r.URL.RawQuery); !ok {
			s.refuse(w, r, "sidebar", s.source(r), http.StatusForbidden, "This page is for Help Scout's sidebar.")
			return
		}
		s.metrics.webhook(r.Context(), "sidebar", "verified")
		next.ServeHTTP(w, r)
	})
}

// legacySidebarDoor is the same for legacy dynamic apps, which sign the body.
func (s *Service) legacySidebarDoor(next http.Handler) http.Handler {
	return s.door("sidebar", "X-HelpScout-Signature", http.StatusForbidden, "forbidden", func(r *http.Request, body []byte) bool {
		return signature.VerifyHelpScout(s.AppSecrets, body, r.Header.Get("X-HelpScout-Signature"))
	}, next)
}
