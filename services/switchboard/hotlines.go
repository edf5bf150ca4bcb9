package switchboard

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

// maxReason is how long a reason may be, in characters.
const maxReason = 200

// hotlines are the hotlines, and which of them are paused.
func (s *Service) hotlines(w http.ResponseWriter, r *http.Request, me session) {
	s.showHotlines(w, r, me, http.StatusOK, "")
}

func (s *Service) showHotlines(w http.ResponseWriter, r *http.Request, me session, status int, problem string) {
	p := pages.Hotlines{Frame: s.frame(me, "hotlines")}
	p.Problem = problem
	q := s.round(r.Context())
	var pauses *telephonyv1.ListPausesResponse
	ask(q, telephony, "pauses", s.Phones.ListPauses, &telephonyv1.ListPausesRequest{}, &pauses)
	p.Missing = q.wait()
	for _, h := range s.Hotlines {
		view := pages.Hotline{Number: string(h.Number), Name: h.Name}
		var shown []string
		for _, n := range h.Numbers() {
			shown = append(shown, hotline.Display(n))
		}
		if view.Numbers = strings.Join(shown, ", "); view.Name == "" {
			view.Name, view.Numbers = view.Numbers, ""
		}
		for _, pause := range pauses.GetPauses() {
			if of, ok := s.Hotlines.ByNumber(phone.Number(pause.GetHotline())); ok && of.Number == h.Number {
				view.Paused, view.Reason, view.By, view.Since = true, s.scrubTyped(pause.GetReason()), pause.GetPausedBy(), timeOf(pause.GetSince())
			}
		}
		p.Hotlines = append(p.Hotlines, view)
	}
	s.show(w, r, status, p)
}

// reasonIn is the reason in a form; problem is what is wrong with it.
func reasonIn(r *http.Request) (reason, problem string) {
	reason = strings.TrimSpace(r.PostFormValue("reason"))
	if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason {
		return reason, "Say why, in at most 200 characters. Nothing was done."
	}
	return reason, ""
}

// pause stops a hotline.
func (s *Service) pause(w http.ResponseWriter, r *http.Request, me session) {
	reason, problem := reasonIn(r)
	if problem != "" {
		s.showHotlines(w, r, me, http.StatusUnprocessableEntity, problem)
		return
	}
	number := r.PostFormValue("hotline")
	e := entry(r, me, paused, s.typedHotline(number))
	e.Detail = s.scrubTyped(reason)
	s.change(w, r, me, e, "/switchboard/hotlines", func(ctx context.Context) error {
		_, err := s.Phones.PauseHotline(ctx, &telephonyv1.PauseHotlineRequest{Pause: &telephonyv1.Pause{Hotline: number, Reason: reason, PausedBy: me.name}})
		return err
	})
}

// resume lets a hotline go on.
func (s *Service) resume(w http.ResponseWriter, r *http.Request, me session) {
	number := r.PostFormValue("hotline")
	s.change(w, r, me, entry(r, me, resumed, s.typedHotline(number)), "/switchboard/hotlines", func(ctx context.Context) error {
		_, err := s.Phones.ResumeHotline(ctx, &telephonyv1.ResumeHotlineRequest{Hotline: number})
		return err
	})
}

// change has something done, and goes on to a page.
func (s *Service) change(w http.ResponseWriter, r *http.Request, me session, e sqlstore.AuditRow, next string, do func(ctx context.Context) error) {
	if err := s.act(r.Context(), e, func(ctx context.Context) (string, error) {
		if err := do(ctx); err != nil {
			return "", err
		}
		return done, nil
	}); err != nil {
		s.trouble(w, r, me, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}
