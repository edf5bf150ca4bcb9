package dialer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

func (s *Service) signInPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, pages.SignIn{Next: local(r.URL.Query().Get("next"))})
}

// signIn texts a code to an agent's phone. Whoever asks cannot tell whether the number is an agent's.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request) {
	typed, next := r.FormValue("number"), local(r.FormValue("next"))
	id := phone.Parse(typed)
	if id.Kind != phone.Full {
		s.show(w, r, http.StatusUnprocessableEntity, pages.SignIn{Number: typed, Next: next, Problem: "This is not a phone number."})
		return
	}
	a, err := s.agentByPhone(r.Context(), id.Number)
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		s.trouble(w, r, err)
		return
	}
	c := s.newCode(r, toSignIn, a.UserID, id.Number, false)
	if c.Name = a.Name; a.UserID == 0 {
		c.TextHash = "" // no code is right
	}
	if err := s.ask(r.Context(), c); errs.KindOf(err) == errs.RateLimited {
		s.note(r.Context(), entry(r, a, askRefused))
		s.show(w, r, http.StatusTooManyRequests, pages.SignIn{Number: typed, Next: next, Problem: plain(err)})
		return
	} else if err != nil {
		s.trouble(w, r, err)
		return
	}
	s.note(r.Context(), entry(r, a, askedToSignIn))
	if a.UserID != 0 {
		// Beside the answer, which must not take longer for those who are known.
		ctx := context.WithoutCancel(r.Context())
		s.texting.Go(func() { s.textSignIn(ctx, a, id.Number, c) })
	}
	s.show(w, r, http.StatusOK, codesPage(c.CodeRow, next))
}

func (s *Service) textSignIn(ctx context.Context, a sqlstore.AgentRow, number phone.Number, c code) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	if err := s.textCode(ctx, s.hotlineOf(ctx, a.UserID), number, c); err != nil {
		s.Log.ErrorContext(ctx, "a code could not be texted", "user_id", a.UserID, "err", err)
	}
}

// agentByPhone finds an agent by their number, whichever key it was noted with.
func (s *Service) agentByPhone(ctx context.Context, n phone.Number) (a sqlstore.AgentRow, err error) {
	err = sqlstore.ErrNotFound
	for _, k := range s.ring {
		if a, err = s.store.AgentByPhone(ctx, k.indexOf(n)); !errors.Is(err, sqlstore.ErrNotFound) {
			return a, err
		}
	}
	return sqlstore.AgentRow{}, err
}

// finishSignIn signs an agent in, unless they were revoked or got another phone meanwhile.
func (s *Service) finishSignIn(w http.ResponseWriter, r *http.Request, c sqlstore.CodeRow, next string) {
	a, err := s.store.FindAgent(r.Context(), c.UserID)
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.stale(w, r)
		return
	}
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	then, _, err1 := s.ring.open(c.Phone, c.UserID)
	now, _, err2 := s.ring.open(a.Phone, a.UserID)
	if errors.Join(err1, err2) != nil || then != now {
		s.stale(w, r)
		return
	}
	if err := s.openSession(r.Context(), w, a.UserID); err != nil {
		s.trouble(w, r, err)
		return
	}
	s.note(r.Context(), entry(r, a, signedIn))
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// plain is an error in words for people.
func plain(err error) string {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something of ours does not answer just now. Please try again in a moment."
}
