package switchboard

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/webui"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

const (
	// maxForm is the largest form in bytes: one with 200 selected items.
	maxForm = 256 << 10
	// readFor is how long a form may take to arrive.
	readFor = 10 * time.Second
)

func (s *Service) routes() http.Handler {
	own := http.NewServeMux()
	// browser: the way in
	own.HandleFunc("GET /switchboard/sign-in", s.signInPage)
	own.HandleFunc("POST /switchboard/sign-in", s.signIn)
	own.HandleFunc("GET /switchboard/invitation", s.invitationPage)
	own.HandleFunc("POST /switchboard/invitation", s.takeInvitation)
	own.HandleFunc("POST /switchboard/sign-out", s.signedIn(s.signOut))
	own.Handle("GET /switchboard/static/", pages.Assets())
	// browser: to see
	own.HandleFunc("GET /switchboard/{$}", s.signedIn(s.overview))
	own.HandleFunc("GET /switchboard/items", s.signedIn(s.items))
	own.HandleFunc("POST /switchboard/items", s.signedIn(s.search))
	own.HandleFunc("GET /switchboard/item", s.signedIn(s.item))
	own.HandleFunc("GET /switchboard/dead", s.signedIn(s.dead))
	own.HandleFunc("GET /switchboard/lanes", s.signedIn(s.lanes))
	own.HandleFunc("GET /switchboard/calls", s.signedIn(s.calls))
	own.HandleFunc("GET /switchboard/people", s.signedIn(s.people))
	own.HandleFunc("POST /switchboard/person", s.signedIn(s.findPerson))
	own.HandleFunc("GET /switchboard/person", s.signedIn(s.person))
	own.HandleFunc("GET /switchboard/hotlines", s.signedIn(s.hotlines))
	own.HandleFunc("GET /switchboard/days", s.signedIn(s.days))
	own.HandleFunc("GET /switchboard/findings", s.signedIn(s.findings))
	own.HandleFunc("GET /switchboard/audit", s.signedIn(s.journal))
	own.HandleFunc("GET /switchboard/operators", s.signedIn(s.accounts))
	// browser: to reveal numbers and to change things, for operators only
	own.HandleFunc("POST /switchboard/item/reveal", s.operators(s.revealItem))
	own.HandleFunc("POST /switchboard/item/retry", s.operators(s.retryItem))
	own.HandleFunc("POST /switchboard/dead/retry", s.operators(s.retryDead))
	own.HandleFunc("POST /switchboard/dead/reroute", s.operators(s.reroute))
	own.HandleFunc("POST /switchboard/blocks", s.operators(s.block))
	own.HandleFunc("POST /switchboard/blocks/remove", s.operators(s.unblock))
	own.HandleFunc("POST /switchboard/hotlines/pause", s.operators(s.pause))
	own.HandleFunc("POST /switchboard/hotlines/resume", s.operators(s.resume))
	own.HandleFunc("POST /switchboard/person/reveal", s.operators(s.revealPerson))
	own.HandleFunc("POST /switchboard/person/export", s.operators(s.exportPerson))
	own.HandleFunc("POST /switchboard/person/erase", s.operators(s.erasePerson))
	own.HandleFunc("/switchboard/", s.signedIn(func(w http.ResponseWriter, r *http.Request, me session) { s.lost(w, r, me, "There is no such page.") }))
	// What another site's page sends is refused, whatever cookie comes with it.
	return s.protect(http.NewCrossOriginProtection().Handler(own))
}

// protect sets the headers of all pages, and reads forms.
func (s *Service) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webui.OwnHeaders(w)
		// A page in the browser of whoever sits here must not read along by giving its own name our address.
		if s.onlyHere() && !thisMachine(r.Host) {
			http.Error(w, "the switchboard of this machine has no other name", http.StatusMisdirectedRequest)
			return
		}
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(readFor)) //nolint:errcheck // a connection that has none is ours
		// Before anything that takes its time.
		if !webui.Form(w, r, maxForm) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// thisMachine reports whether a request's host is a name of this machine alone.
func thisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// frame is what is around a page that somebody sees who is signed in.
func (s *Service) frame(me session, at string) pages.Frame {
	return pages.Frame{Me: me.name, Operator: me.operator, Open: s.Everybody != "", At: at, Now: s.Now()}
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
func (s *Service) trouble(w http.ResponseWriter, r *http.Request, me session, err error) {
	level := s.Log.ErrorContext
	if kind := errs.KindOf(err); kind != errs.Internal {
		level = s.Log.InfoContext
	}
	level(r.Context(), "the switchboard cannot answer", "path", r.Pattern, "err", s.scrub(err.Error()))
	m := pages.Message{Title: "That did not work", Text: s.scrub(sentence(plain(err)))}
	if me.name != "" {
		m.Frame = s.frame(me, "")
	}
	s.show(w, r, statusOf(err), m)
}

// statusOf is how HTTP says what kind of an error it is.
func statusOf(err error) int {
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Precondition, errs.Busy:
		return http.StatusUnprocessableEntity
	case errs.NotFound:
		return http.StatusNotFound
	case errs.RateLimited:
		return http.StatusTooManyRequests
	default:
		return http.StatusServiceUnavailable
	}
}

// lost says that something is not there.
func (s *Service) lost(w http.ResponseWriter, r *http.Request, me session, text string) {
	s.show(w, r, http.StatusNotFound, pages.Message{Frame: s.frame(me, ""), Title: "Not found", Text: text, Href: "/switchboard/items", Link: "To the items"})
}

// plain is an error in words for people.
func plain(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind != errs.Internal {
		return e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it takes too long just now"
	}
	return "something of ours does not work just now; try again in a moment"
}

// sentence makes words one.
func sentence(words string) string {
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + strings.TrimSuffix(words[1:], ".") + "."
}

// local returns where to go next, if it is one of our own pages.
func local(next string) string { return webui.Local("/switchboard/", next) }
