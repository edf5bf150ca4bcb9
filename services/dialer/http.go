package dialer

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/internal/webui"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

const (
	// maxForm is the largest form in bytes.
	maxForm = 64 << 10
	// answerFor is how long a page may take, less than the gateway waits for it.
	answerFor = 12 * time.Second
	// eventStream is what a live page asks for.
	eventStream = "text/event-stream"
)

// SourceHeader is where the gateway says where a request comes from. It takes away what others say of that.
const SourceHeader = "X-Bling-Source"

func (s *Service) routes() http.Handler {
	if len(s.ring) == 0 {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Call back is not set up here: it needs HELPSCOUT_APP_SECRET.", http.StatusNotFound)
		})
	}
	mux := http.NewServeMux()
	// helpscout: the sidebar, in its frame, or for legacy apps; the gateway has verified the signature
	mux.HandleFunc("GET /bling/sidebar", s.sidebar)
	mux.HandleFunc("POST /bling/sidebar", s.legacySidebar)

	own := http.NewServeMux()
	// browser: the way in
	own.HandleFunc("GET /dialer/{$}", s.signedIn(s.home))
	own.HandleFunc("GET /dialer/open", s.open)
	own.HandleFunc("GET /dialer/sign-in", s.signInPage)
	own.HandleFunc("POST /dialer/sign-in", s.signIn)
	own.HandleFunc("POST /dialer/enrol", s.enrol)
	own.HandleFunc("POST /dialer/codes", s.giveCodes)
	own.HandleFunc("POST /dialer/sign-out", s.signedIn(s.signOut))
	// browser: the agent's own phone
	own.HandleFunc("GET /dialer/phone", s.signedIn(s.phonePage))
	own.HandleFunc("POST /dialer/phone", s.signedIn(s.changePhone))
	// browser: to call somebody back, and to follow the call
	own.HandleFunc("GET /dialer/conversations/{id}", s.signedIn(s.dialPage))
	own.HandleFunc("POST /dialer/conversations/{id}/call", s.signedIn(s.dial))
	own.HandleFunc("GET /dialer/calls/{key}", s.signedIn(s.callPage))
	own.HandleFunc("GET /dialer/calls/{key}/events", s.signedIn(s.callEvents))
	own.HandleFunc("POST /dialer/calls/{key}/cancel", s.signedIn(s.cancel))
	own.Handle("GET /dialer/static/", pages.Assets())
	// What another site's page sends is refused, whatever cookie comes with it.
	mux.Handle("/dialer/", s.protect(http.NewCrossOriginProtection().Handler(own)))
	return mux
}

// protect sets the headers of the dialer's own pages, which nobody may frame.
func (s *Service) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webui.OwnHeaders(w)
		if !webui.Form(w, r, maxForm) { // before anything that takes its time
			return
		}
		ctx, cancel := r.Context(), func() {}
		if r.Header.Get("Accept") != eventStream {
			ctx, cancel = context.WithTimeout(ctx, answerFor)
		}
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *Service) show(w http.ResponseWriter, r *http.Request, status int, p pages.Page) {
	var b bytes.Buffer
	if err := pages.Render(&b, p); err != nil {
		s.Log.ErrorContext(r.Context(), "a page could not be made", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the asker is gone
}

// trouble says that something of ours does not work, and that it may in a moment.
func (s *Service) trouble(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "the dialer cannot answer", "path", r.Pattern, "err", err)
	s.show(w, r, http.StatusServiceUnavailable, pages.Message{Title: "That did not work", Text: "Something of ours does not answer just now. Please try again in a moment."})
}

// source is where a request comes from, as the gateway says.
func source(r *http.Request) string { return r.Header.Get(SourceHeader) }

// entry is an entry of the audit log about a request of an agent.
func entry(r *http.Request, a sqlstore.AgentRow, action string) sqlstore.AuditRow {
	return sqlstore.AuditRow{UserID: a.UserID, Name: a.Name, Action: action, Source: source(r)}
}

// local returns where to go next, if it is one of our own pages.
func local(next string) string { return webui.Local("/dialer/", next) }
