package switchboard

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

// What the audit log says that somebody did.
const (
	signedIn   = "signed in"
	signedOut  = "signed out"
	wasKeptOut = "could not sign in"
	tookLink   = "chose a password"
	wasRefused = "was refused"
	invited    = "invited an operator"
	removed    = "removed an operator"
	revealed   = "revealed a number"
	retried    = "retried"
	rerouted   = "took up what came for numbers that were no hotline's"
	blocked    = "blocked a number"
	unblocked  = "unblocked a number"
	paused     = "paused a hotline"
	resumed    = "resumed a hotline"
	exported   = "exported a person"
	erased     = "erased a person"
	done       = "done"
)

// actFor is how long a thing may take that an operator has us do. To erase somebody takes 8 seconds at most in each service.
const actFor = 20 * time.Second

// entry is an entry of the audit log about a request.
func entry(r *http.Request, me session, action, subject string) sqlstore.AuditRow {
	return sqlstore.AuditRow{Who: me.name, Action: action, Subject: subject, Source: source(r)}
}

// source is where a request comes from.
func source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

var manyDigits = regexp.MustCompile(`[0-9]{7,}`)

// subject is an item as the audit log names it. An id whose ref is sealed tells a number.
func (s *Service) subject(ref, id string) string {
	if strings.HasPrefix(ref, "~") {
		return manyDigits.ReplaceAllString(id, hidden)
	}
	return s.scrub(id)
}

// note writes an entry of the audit log, and a line of the log.
func (s *Service) note(ctx context.Context, a sqlstore.AuditRow) (seq int64, err error) {
	a.At = s.Now()
	s.Log.InfoContext(ctx, "audit", "who", a.Who, "action", a.Action, "subject", a.Subject, "detail", a.Detail)
	return s.store.AddAudit(context.WithoutCancel(ctx), a)
}

// did notes what somebody has done to their own account, or was kept from: it is not done through us, so there is one entry, after it. That
// it could not be written changes nothing of that, and is in the log.
func (s *Service) did(r *http.Request, me session, action, detail, outcome string) {
	e := entry(r, me, action, "")
	e.Detail, e.Outcome = detail, outcome
	if _, err := s.note(r.Context(), e); err != nil {
		s.Log.ErrorContext(r.Context(), "an entry of the audit log could not be written", "action", action, "err", err)
	}
}

// act does what the audit log then has: an entry before it, without which it is not done, and its outcome after it. If we are cut off in
// between, the entry stays without one. It goes on if whoever asked for it goes away.
func (s *Service) act(ctx context.Context, a sqlstore.AuditRow, do func(ctx context.Context) (outcome string, err error)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actFor)
	defer cancel()
	seq, err := s.note(ctx, a)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "the audit log cannot be written, so nothing was done")
	}
	outcome, err := do(ctx)
	if err != nil {
		outcome = strings.TrimSuffix("failed: "+s.scrub(plain(err))+"; "+outcome, "; ")
	}
	if endErr := s.store.EndAudit(context.WithoutCancel(ctx), seq, outcome); endErr != nil {
		s.Log.ErrorContext(ctx, "the outcome could not be written into the audit log", "action", a.Action, "outcome", outcome, "err", endErr)
	}
	return err
}
