package ticketing

import (
	"context"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// FindSupporter tells whose conversation it is: from the own tables, or, to make sure, by the rules of an agent's reply.
func (s *Service) FindSupporter(ctx context.Context, r *ticketingv1.FindSupporterRequest) (*ticketingv1.FindSupporterResponse, error) {
	var check errs.Check
	check.That(r.GetConversationId() > 0, "conversation_id", "must be positive")
	if err := check.Err(); err != nil {
		return nil, err
	}
	if r.GetMakeSure() {
		return s.surelySupporter(ctx, r.GetConversationId())
	}
	people, err := s.store.ContactsOf(ctx, r.GetConversationId())
	if err != nil {
		return nil, meaning(err)
	}
	if len(people) == 0 {
		return nil, errs.New(errs.NotFound, "this is no conversation of the hotline's")
	}
	res := s.supporterOf(people[0], r.GetConversationId())
	if _, ours := s.Hotlines.ByMailbox(res.GetParty().GetMailboxId()); !ours {
		return nil, errs.New(errs.NotFound, "this is no conversation of the hotline's")
	}
	if len(people) > 1 {
		res.Refused = sentence(manyPeople)
	}
	return res, nil
}

// surelySupporter asks Help Scout. A conversation that was merged into another one counts as that one.
func (s *Service) surelySupporter(ctx context.Context, id int64) (*ticketingv1.FindSupporterResponse, error) {
	v, err := s.current(ctx, id)
	if helpscout.StatusOf(err) == 404 || err == nil && v.State == "deleted" {
		return nil, errs.New(errs.NotFound, "this conversation is not in Help Scout any more")
	}
	if err != nil {
		return nil, meaning(err)
	}
	h, ours := s.Hotlines.ByMailbox(v.MailboxID)
	if !ours {
		return nil, errs.New(errs.NotFound, "this is no conversation of the hotline's")
	}
	to, why, err := s.addressee(ctx, v)
	if err != nil {
		return nil, meaning(err)
	}
	if to.Hotline == "" {
		to.Hotline = string(h.Number)
	}
	res := s.supporterOf(to, v.ID)
	res.Party.MailboxId, res.Number, res.Refused = v.MailboxID, v.Number, sentence(why)
	for _, t := range v.Tags {
		res.Tag = append(res.Tag, t.Tag)
	}
	return res, nil
}

func (s *Service) supporterOf(c sqlstore.Contact, conversationID int64) *ticketingv1.FindSupporterResponse {
	p := &ticketingv1.Party{MailboxId: c.MailboxID(), Supporter: c.Supporter, Hotline: c.Hotline}
	if h, ok := s.Hotlines.ByMailbox(p.MailboxId); ok && p.Hotline == "" {
		p.Hotline = string(h.Number)
	}
	return &ticketingv1.FindSupporterResponse{Party: p, Url: s.webURL(conversationID)}
}

// sentence makes a reason one.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	reason, _, _ = strings.Cut(reason, ". What to do:")
	return strings.ToUpper(reason[:1]) + reason[1:] + "."
}

// FindAgent tells who works in a mailbox. Help Scout is asked each time: who has left is gone at once.
func (s *Service) FindAgent(ctx context.Context, r *ticketingv1.FindAgentRequest) (*ticketingv1.FindAgentResponse, error) {
	var check errs.Check
	check.That(r.GetUserId() > 0, "user_id", "must be positive")
	_, ours := s.Hotlines.ByMailbox(r.GetMailboxId())
	check.That(ours, "mailbox_id", "is not a configured mailbox")
	if err := check.Err(); err != nil {
		return nil, err
	}
	u, found, err := s.desk.UserOf(ctx, r.GetMailboxId(), r.GetUserId())
	if err != nil {
		return nil, meaning(err)
	}
	if !found {
		return nil, errs.New(errs.NotFound, "they do not work in this mailbox")
	}
	return &ticketingv1.FindAgentResponse{Name: strings.TrimSpace(u.FirstName + " " + u.LastName)}, nil
}
