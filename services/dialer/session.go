package dialer

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/webui"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

const (
	// sessionLife is how long somebody is signed in at most: a shift.
	sessionLife = 8 * time.Hour
	// idleLife is how long they may do nothing.
	idleLife = time.Hour
)

// session is who is signed in with a request.
type session struct {
	sqlstore.AgentRow
	phone phone.Number
	hash  string
}

// cookieName binds the cookie to our host and to TLS where there is TLS: https://developer.mozilla.org/docs/Web/HTTP/Headers/Set-Cookie.
func (s *Service) cookieName() string {
	if s.byTLS() {
		return "__Host-bling-dialer"
	}
	return "bling-dialer"
}

// openSession signs an agent in.
func (s *Service) openSession(ctx context.Context, w http.ResponseWriter, userID int64) error {
	value := rand.Text()
	if err := s.store.OpenSession(ctx, webui.Hashed(value), userID, s.Now()); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(value, sessionLife))
	return nil
}

// cookie goes with links from Help Scout, and with nothing else that another site sends.
func (s *Service) cookie(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: s.byTLS(), SameSite: http.SameSiteLaxMode,
	}
}

// session returns who is signed in, or sqlstore.ErrNotFound.
func (s *Service) session(r *http.Request) (me session, err error) {
	c, err := r.Cookie(s.cookieName())
	if err != nil || len(s.ring) == 0 {
		return me, sqlstore.ErrNotFound
	}
	me.hash = webui.Hashed(c.Value)
	now := s.Now()
	var seen time.Time
	if me.AgentRow, seen, err = s.store.SessionAgent(r.Context(), me.hash, now.Add(-sessionLife), now.Add(-idleLife)); err != nil {
		return me, err
	}
	var current bool
	if me.phone, current, err = s.ring.open(me.Phone, me.UserID); err != nil {
		// The key is gone, and the number with it: they are set up anew.
		s.Log.ErrorContext(r.Context(), "an agent's number cannot be read: was a key lost?", "user_id", me.UserID)
		return me, sqlstore.ErrNotFound
	}
	if !current {
		if err := s.store.Reseal(r.Context(), me.AgentRow, s.ring.seal(me.phone, me.UserID), s.ring[0].indexOf(me.phone)); err != nil {
			return me, err
		}
	}
	if now.Sub(seen) > idleLife/10 {
		return me, s.store.SawSession(r.Context(), me.hash, now)
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
			s.trouble(w, r, err)
		case r.Method == http.MethodGet && r.Header.Get("Accept") != eventStream:
			http.Redirect(w, r, "/dialer/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		default:
			s.show(w, r, http.StatusUnauthorized, pages.Message{
				Title: "You are not signed in any more", Text: "Nothing was done. Sign in, and do it again.", Href: "/dialer/sign-in", Link: "Sign in",
			})
		}
	}
}

func (s *Service) signOut(w http.ResponseWriter, r *http.Request, me session) {
	if err := s.store.CloseSession(r.Context(), me.hash); err != nil {
		s.trouble(w, r, err)
		return
	}
	s.note(r.Context(), entry(r, me.AgentRow, signedOut))
	http.SetCookie(w, s.cookie("", -time.Second))
	http.Redirect(w, r, "/dialer/sign-in", http.StatusSeeOther)
}
