package switchboard

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/webui"
	"github.com/bling-hotline/bling/services/switchboard/pages"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

const (
	// linkLife is how long an invitation works.
	linkLife = time.Hour
	// limitFor is how long an attempt to sign in counts. In that time there may be maxByName wrong ones for one name, which can be anybody's,
	// and maxBySource from one source, which through kubectl port-forward is the same for all.
	limitFor    = 15 * time.Minute
	maxByName   = 10
	maxBySource = 30
	// leastPassword is how long a password is, in characters, and mostPassword, in bytes: bcrypt takes no more
	// (https://pkg.go.dev/golang.org/x/crypto/bcrypt#GenerateFromPassword).
	leastPassword = 12
	mostPassword  = 72
)

var errTooMany = errs.New(errs.RateLimited, "too many attempts")

func (s *Service) signInPage(w http.ResponseWriter, r *http.Request) {
	if s.Everybody != "" {
		http.Redirect(w, r, "/switchboard/", http.StatusSeeOther)
		return
	}
	all, err := s.store.Operators(r.Context())
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	s.show(w, r, http.StatusOK, pages.SignIn{Next: local(r.URL.Query().Get("next")), Nobody: len(all) == 0})
}

// signIn takes name and password. Whoever tries cannot tell, not even by the time it takes, whether anybody has that name.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request) {
	name, next := canonical(r.FormValue("name")), local(r.FormValue("next"))
	again := func(status int, problem string) {
		s.show(w, r, status, pages.SignIn{Frame: pages.Frame{Problem: problem}, Name: name, Next: next})
	}
	now := s.Now()
	err := s.store.Attempt(r.Context(), sqlstore.AttemptRow{NameHash: webui.Hashed(name), Source: source(r), At: now}, now.Add(-limitFor), func(byName, bySource int) error {
		if byName > maxByName || bySource > maxBySource {
			return errTooMany
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		again(http.StatusTooManyRequests, "That was tried too often. Wait a quarter of an hour, or let whoever runs the hotline invite you again.")
		return
	}
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	o, err := s.store.FindOperator(r.Context(), name)
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		s.trouble(w, r, session{}, err)
		return
	}
	known, hash := err == nil && o.Password != "", []byte(o.Password)
	if !known {
		hash = s.nobody
	}
	right := bcrypt.CompareHashAndPassword(hash, []byte(r.FormValue("password"))) == nil && known
	if right {
		err = s.openSession(r.Context(), w, r, o)
		right = !errors.Is(err, sqlstore.ErrNotFound) // they have another one by now
	}
	if !right {
		if known { // strangers must not fill the audit log
			s.did(r, session{name: o.Name}, wasKeptOut, "", "wrong password")
		}
		again(http.StatusUnauthorized, "Name or password is not right.")
		return
	}
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	if err := s.store.Forget(r.Context(), webui.Hashed(name)); err != nil {
		s.Log.WarnContext(r.Context(), "attempts to sign in could not be forgotten", "err", err)
	}
	s.did(r, session{name: o.Name}, signedIn, "", done)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// canonical is a name as it is stored: phones begin words with a capital.
func canonical(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func (s *Service) invitationPage(w http.ResponseWriter, r *http.Request) {
	s.invitation(w, r, http.StatusOK, r.URL.Query().Get("token"), "")
}

// invitation asks for a password, if the link works.
func (s *Service) invitation(w http.ResponseWriter, r *http.Request, status int, token, problem string) {
	name, err := s.store.Invitation(r.Context(), webui.Hashed(token), s.Now().Add(-linkLife))
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.show(w, r, http.StatusGone, pages.Message{Title: "This link does not work, or not any more", Text: "A link works once, for an hour. Ask for another one.", Href: "/switchboard/", Link: "To the switchboard"})
		return
	}
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	s.show(w, r, status, pages.Invitation{Frame: pages.Frame{Problem: problem}, Name: name, Token: token, Least: leastPassword, Most: mostPassword})
}

// takeInvitation gives whoever was invited the password that they chose, and signs them in.
func (s *Service) takeInvitation(w http.ResponseWriter, r *http.Request) {
	token, password := r.FormValue("token"), r.FormValue("password")
	if utf8.RuneCountInString(password) < leastPassword || len(password) > mostPassword {
		s.invitation(w, r, http.StatusUnprocessableEntity, token, "The password must have at least 12 characters, and at most 72 bytes.")
		return
	}
	since := s.Now().Add(-linkLife)
	if _, err := s.store.Invitation(r.Context(), webui.Hashed(token), since); err != nil { // before anything that takes its time
		s.invitation(w, r, http.StatusGone, token, "")
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), s.Cost)
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	name, err := s.store.TakeInvitation(r.Context(), webui.Hashed(token), since, string(hash), webui.Hashed)
	if errors.Is(err, sqlstore.ErrNotFound) {
		s.invitation(w, r, http.StatusGone, token, "")
		return
	}
	if err == nil {
		s.did(r, session{name: name}, tookLink, "", done)
		err = s.openSession(r.Context(), w, r, sqlstore.OperatorRow{Name: name, Password: string(hash)})
	}
	if err != nil {
		s.trouble(w, r, session{}, err)
		return
	}
	http.Redirect(w, r, "/switchboard/", http.StatusSeeOther)
}
