package dialer

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

func (s *Service) phonePage(w http.ResponseWriter, r *http.Request, me session) {
	s.show(w, r, http.StatusOK, pages.ChangePhone{Agent: me.Name, Phone: display(me.phone), Next: local(r.URL.Query().Get("next"))})
}

func display(n phone.Number) string { return phone.Parse(string(n)).Display() }

// hotlineOf is the hotline that an agent works for, as far as that matters to who sends them texts: one that calls back, as its carrier texts
// whoever it calls. (Mobile Commons texts those only who have joined the campaign.)
func (s *Service) hotlineOf(ctx context.Context, userID int64) (h hotline.Hotline) {
	all := s.Hotlines
	if mailbox, err := s.store.Mailbox(ctx, userID); err == nil {
		if theirs, ours := all.ByMailbox(mailbox); ours {
			all = append(hotline.Hotlines{theirs}, all...)
		}
	}
	if i := slices.IndexFunc(all, func(h hotline.Hotline) bool { return !h.CallBack.Off }); i >= 0 {
		return all[i]
	}
	if len(all) > 0 {
		h = all[0]
	}
	return h
}

// changePhone texts a code to the new phone.
func (s *Service) changePhone(w http.ResponseWriter, r *http.Request, me session) {
	typed, next := r.FormValue("number"), local(r.FormValue("next"))
	again := func(status int, problem string) {
		s.show(w, r, status, pages.ChangePhone{Agent: me.Name, Phone: display(me.phone), Number: typed, Next: next, Problem: problem})
	}
	id, h := phone.Parse(typed), s.hotlineOf(r.Context(), me.UserID)
	if why := s.Hotlines.MayCall(h, id); why != "" {
		again(http.StatusUnprocessableEntity, why)
		return
	}
	if why := s.stopped(r.Context(), h, id.Number); why != "" {
		again(http.StatusUnprocessableEntity, why)
		return
	}
	c := s.newCode(r, toChangePhone, me.UserID, id.Number, false)
	c.Name = me.Name
	err := s.ask(r.Context(), c)
	if errs.KindOf(err) == errs.RateLimited {
		s.note(r.Context(), entry(r, me.AgentRow, askRefused))
		again(http.StatusTooManyRequests, plain(err))
		return
	}
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	log := entry(r, me.AgentRow, askedForPhone)
	log.Detail = "phone ends in " + c.Ending
	s.note(r.Context(), log)
	if err := s.textCode(r.Context(), h, id.Number, c); err != nil {
		s.Log.ErrorContext(r.Context(), "a code could not be sent", "err", err)
		again(http.StatusServiceUnavailable, "The code could not be sent just now. Please try again in a moment.")
		return
	}
	s.show(w, r, http.StatusOK, codesPage(c.CodeRow, next))
}

// finishPhone gives the agent the phone that the code has proved. The old one is told, in case it was somebody else.
func (s *Service) finishPhone(w http.ResponseWriter, r *http.Request, c sqlstore.CodeRow, next string) {
	me, err := s.session(r)
	if err != nil || me.UserID != c.UserID {
		s.stale(w, r)
		return
	}
	ok, err := s.store.ChangePhone(r.Context(), me.UserID, c.Phone, c.PhoneIndex, me.hash, s.indexes(c)...)
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	if !ok {
		s.show(w, r, http.StatusConflict, pages.Message{Title: "That did not work", Text: "This phone is another agent's.", Href: "/dialer/phone", Link: "Take another one"})
		return
	}
	log := entry(r, me.AgentRow, phoneChanged)
	log.Detail = "phone ends in " + c.Ending
	s.note(r.Context(), log)
	h := s.hotlineOf(r.Context(), me.UserID)
	if _, err := s.Telephony.SendText(r.Context(), &telephonyv1.SendTextRequest{
		Key: "dialer-changed:" + c.ID, Hotline: string(h.Number), To: string(me.phone), Private: true,
		Body: fmt.Sprintf("Your phone for calling back from %s is now another one. If that was not you, tell whoever runs the hotline.", called(h)),
	}); err != nil {
		s.Log.ErrorContext(r.Context(), "an agent's old phone could not be told that it was changed", "user_id", me.UserID, "err", err)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}
