package dialer

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// open is where the sidebar's button leads: to the conversation, or first to be set up.
func (s *Service) open(w http.ResponseWriter, r *http.Request) {
	raw := r.URL.Query().Get("ticket")
	t, good := s.ring.readTicket(raw, s.Now())
	_, err := s.session(r)
	switch {
	case err != nil && !errors.Is(err, sqlstore.ErrNotFound):
		s.trouble(w, r, err)
		return
	case t.Conversation == 0 || err != nil && !good:
		s.badLink(w, r, t)
		return
	case err == nil: // what was signed names a conversation; whether this agent may see it is checked there
		http.Redirect(w, r, conversationPath(t.Conversation), http.StatusSeeOther)
		return
	}
	_, err = s.store.FindAgent(r.Context(), t.User)
	if err == nil {
		s.show(w, r, http.StatusOK, pages.SignIn{Next: conversationPath(t.Conversation)})
		return
	}
	if !errors.Is(err, sqlstore.ErrNotFound) {
		s.trouble(w, r, err)
		return
	}
	h, name, err := s.worksIn(r, t)
	if err != nil {
		s.keptOut(w, r, t, err)
		return
	}
	s.offer(w, r, h, pages.Enrol{Agent: name, Ticket: raw})
}

// offer lets an agent set themselves up for a hotline, if there is anything to be gained by it.
func (s *Service) offer(w http.ResponseWriter, r *http.Request, h hotline.Hotline, p pages.Enrol) {
	if h.CallBack.Off {
		s.show(w, r, http.StatusOK, pages.Message{Title: "No call back", Text: "This hotline does not call back.", Href: "/dialer/", Link: "Start page"})
		return
	}
	p.Hotline = called(h)
	s.show(w, r, http.StatusOK, p)
}

func conversationPath(id int64) string { return fmt.Sprintf("/dialer/conversations/%d", id) }

func (s *Service) badLink(w http.ResponseWriter, r *http.Request, t ticket) {
	s.note(r.Context(), sqlstore.AuditRow{UserID: t.User, Action: badLink, ConversationID: t.Conversation, Source: source(r)})
	s.show(w, r, http.StatusForbidden, pages.Message{
		Title: "This link does not work any more", Text: "Reload the conversation in Help Scout, and press Call back in the sidebar again.",
		Href: "/dialer/sign-in", Link: "Sign in",
	})
}

// worksIn asks Help Scout whether the user of a ticket works in its mailbox, and what they are called.
func (s *Service) worksIn(r *http.Request, t ticket) (h hotline.Hotline, name string, err error) {
	h, ours := s.Hotlines.ByMailbox(t.Mailbox)
	if !ours || t.User == 0 {
		return h, "", errs.New(errs.NotFound, "this is no mailbox of the hotline's")
	}
	res, err := s.Ticketing.FindAgent(r.Context(), &ticketingv1.FindAgentRequest{UserId: t.User, MailboxId: t.Mailbox})
	return h, res.GetName(), err
}

// keptOut answers somebody who does not work where they say.
func (s *Service) keptOut(w http.ResponseWriter, r *http.Request, t ticket, err error) {
	if errs.KindOf(err) != errs.NotFound && errs.KindOf(err) != errs.Invalid {
		s.trouble(w, r, err)
		return
	}
	s.note(r.Context(), sqlstore.AuditRow{UserID: t.User, Action: wasKeptOut, ConversationID: t.Conversation, Source: source(r)})
	s.show(w, r, http.StatusForbidden, pages.Message{
		Title: "You do not work in this mailbox", Text: "Only who has access to the conversation's mailbox in Help Scout can call back from it.",
	})
}

// enrol sends the two codes that set an agent up, or that prove to one who is set up another mailbox.
func (s *Service) enrol(w http.ResponseWriter, r *http.Request) {
	raw, typed := r.FormValue("ticket"), r.FormValue("number")
	t, good := s.ring.readTicket(raw, s.Now())
	if !good {
		s.badLink(w, r, t)
		return
	}
	h, name, err := s.worksIn(r, t)
	if err != nil {
		s.keptOut(w, r, t, err)
		return
	}
	again := func(status int, problem string) {
		s.show(w, r, status, pages.Enrol{Agent: name, Hotline: called(h), Number: typed, Ticket: raw, Problem: problem})
	}
	id := phone.Parse(typed)
	if why := s.Hotlines.MayCall(h, id); why != "" {
		again(http.StatusUnprocessableEntity, why)
		return
	}
	a, err := s.store.FindAgent(r.Context(), t.User)
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		s.trouble(w, r, err)
		return
	}
	if err == nil {
		if number, _, err := s.ring.open(a.Phone, a.UserID); err == nil && number != id.Number {
			// It counts as a code, lest anybody with the link tries out numbers.
			c := s.newCode(r, toEnrol, t.User, id.Number, false)
			c.TextHash = ""
			if err := s.ask(r.Context(), c); err != nil {
				s.note(r.Context(), sqlstore.AuditRow{UserID: t.User, Name: name, Action: askRefused, ConversationID: t.Conversation, Source: source(r)})
				again(http.StatusTooManyRequests, plain(err))
				return
			}
			s.note(r.Context(), sqlstore.AuditRow{UserID: t.User, Name: name, Action: askRefused, ConversationID: t.Conversation, Detail: "set up with another phone", Source: source(r)})
			again(http.StatusUnprocessableEntity, "You are set up with another phone. Sign in with that one; then you can change it. If you do not have it any more, ask whoever runs the hotline.")
			return
		}
	}
	if why := s.stopped(r.Context(), h, id.Number); why != "" {
		again(http.StatusUnprocessableEntity, why)
		return
	}
	find, err := s.Ticketing.FindSupporter(r.Context(), &ticketingv1.FindSupporterRequest{ConversationId: t.Conversation})
	if err != nil || find.GetParty().GetMailboxId() != t.Mailbox {
		again(http.StatusServiceUnavailable, "The code cannot be put into the conversation just now. Please try again in a moment.")
		return
	}
	c := s.newCode(r, toEnrol, t.User, id.Number, true)
	c.Name, c.MailboxID, c.ConversationID = name, t.Mailbox, t.Conversation
	log := sqlstore.AuditRow{UserID: t.User, Name: name, Action: askedToEnrol, ConversationID: t.Conversation, Detail: "phone ends in " + c.Ending, Source: source(r)}
	err = s.ask(r.Context(), c)
	if errs.KindOf(err) == errs.RateLimited {
		log.Action = askRefused
		s.note(r.Context(), log)
		again(http.StatusTooManyRequests, plain(err))
		return
	}
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	s.note(r.Context(), log)
	if err := errors.Join(s.noteCode(r.Context(), find.GetParty(), c), s.textCode(r.Context(), h, id.Number, c)); err != nil {
		s.Log.ErrorContext(r.Context(), "codes could not be sent", "err", err)
		again(http.StatusServiceUnavailable, "The codes could not be sent just now. Please try again in a moment.")
		return
	}
	s.show(w, r, http.StatusOK, codesPage(c.CodeRow, conversationPath(t.Conversation)))
}

// finishEnrolment sets an agent up, and signs them in.
func (s *Service) finishEnrolment(w http.ResponseWriter, r *http.Request, c sqlstore.CodeRow) {
	a := sqlstore.AgentRow{UserID: c.UserID, Name: c.Name, Phone: c.Phone, PhoneIndex: c.PhoneIndex, EnrolledAt: s.Now()}
	ok, err := s.store.Enrol(r.Context(), a, c.MailboxID, s.indexes(c)...)
	if err == nil && !ok {
		s.show(w, r, http.StatusConflict, pages.Message{
			Title: "That did not work", Text: "This phone is another agent's, or you are set up with another phone. Ask whoever runs the hotline.",
			Href: "/dialer/sign-in", Link: "Sign in",
		})
		return
	}
	if err == nil {
		err = s.openSession(r.Context(), w, a.UserID)
	}
	if err != nil {
		s.trouble(w, r, err)
		return
	}
	log := entry(r, a, enrolled)
	log.ConversationID, log.Detail = c.ConversationID, "phone ends in "+c.Ending
	s.note(r.Context(), log)
	http.Redirect(w, r, conversationPath(c.ConversationID), http.StatusSeeOther)
}
