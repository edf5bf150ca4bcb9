package switchboard

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/bling-hotline/bling/internal/webui"
	"github.com/bling-hotline/bling/services/switchboard/pages"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

const (
	// sessionLife is how long somebody is signed in at most: a shift.
	sessionLife = 8 * time.Hour
	// idleLife is how long they may do nothing. A page that keeps itself fresh does not count.
	idleLife = time.Hour
	// refreshHeader is in the requests by which pages keep themselves fresh.
	refreshHeader = "X-Bling-Refresh"
)

// session is who is signed in with a request.
type session struct {
	name     string
	operator bool
	hash     string
	aead     cipher.AEAD
}

// byTLS reports whether the browser reaches us by TLS: through a proxy, which says so.
func byTLS(r *http.Request) bool { return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" }

// cookie goes with nothing that another site sends, not even with a link from there. It is bound to our host, and to TLS where there is
// TLS: https://developer.mozilla.org/docs/Web/HTTP/Headers/Set-Cookie.
func cookie(r *http.Request, value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: "bling-switchboard", Value: value, Path: "/switchboard/", MaxAge: int(life / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if byTLS(r) {
		c.Name, c.Path, c.Secure = "__Host-bling-switchboard", "/", true
	}
	return c
}

// openSession signs an operator in whose password was checked.
func (s *Service) openSession(ctx context.Context, w http.ResponseWriter, r *http.Request, o sqlstore.OperatorRow) error {
	value := rand.Text()
	if err := s.store.OpenSession(ctx, webui.Hashed(value), o.Name, o.Password, s.Now()); err != nil {
		return err
	}
	http.SetCookie(w, cookie(r, value, sessionLife))
	return nil
}

// session returns who is signed in, or sqlstore.ErrNotFound.
func (s *Service) session(r *http.Request) (me session, err error) {
	if s.Everybody != "" {
		return session{name: s.Everybody, operator: true, aead: sealer(s.secret)}, nil
	}
	c, err := r.Cookie(cookie(r, "", 0).Name)
	if err != nil {
		return me, sqlstore.ErrNotFound
	}
	now, hash := s.Now(), webui.Hashed(c.Value)
	o, seen, err := s.store.SessionOperator(r.Context(), hash, now.Add(-sessionLife), now.Add(-idleLife))
	if err != nil {
		return me, err
	}
	me = session{name: o.Name, operator: o.Role == sqlstore.Operator, hash: hash, aead: sealer(c.Value)}
	if now.Sub(seen) > idleLife/10 && r.Header.Get(refreshHeader) == "" {
		return me, s.store.SawSession(r.Context(), hash, now)
	}
	return me, nil
}

// signedIn lets those through who are signed in. Others sign in first, and are brought back.
func (s *Service) signedIn(next func(http.ResponseWriter, *http.Request, session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		me, err := s.session(r)
		switch {
		case err == nil:
			next(w, r, me)
		case !errors.Is(err, sqlstore.ErrNotFound):
			s.trouble(w, r, session{}, err)
		case r.Method == http.MethodGet:
			http.Redirect(w, r, "/switchboard/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		default:
			s.show(w, r, http.StatusUnauthorized, pages.Message{
				Title: "You are not signed in any more", Text: "Nothing was done. Sign in, and do it again.", Href: "/switchboard/sign-in", Link: "Sign in",
			})
		}
	}
}

// operators lets operators through. That somebody else tried is in the audit log.
func (s *Service) operators(next func(http.ResponseWriter, *http.Request, session)) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, me session) {
		if me.operator {
			next(w, r, me)
			return
		}
		s.did(r, me, wasRefused, r.Pattern, "only operators may do that")
		s.show(w, r, http.StatusForbidden, pages.Message{Frame: s.frame(me, ""), Title: "Only operators may do that", Text: "You may see, but not reveal numbers or change anything. Nothing was done."})
	})
}

func (s *Service) signOut(w http.ResponseWriter, r *http.Request, me session) {
	if err := s.store.CloseSession(r.Context(), me.hash); err != nil {
		s.trouble(w, r, me, err)
		return
	}
	s.did(r, me, signedOut, "", done)
	http.SetCookie(w, cookie(r, "", -time.Second))
	http.Redirect(w, r, "/switchboard/sign-in", http.StatusSeeOther)
}
