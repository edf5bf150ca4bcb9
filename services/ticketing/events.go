package ticketing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// moving are the events after which a conversation may be elsewhere, or not be used any more. What became of it is asked
// when it is needed, so that neither order nor repetition of the events matters.
var moving = map[string]bool{
	"convo.merged": true, "convo.moved": true, "convo.deleted": true, "convo.status": true,
}

// ReceiveEvent keeps an event of Help Scout. Of mailboxes that are not ours, as several installations may share one account, only those are
// kept that may tell where one of our conversations went.
func (s *Service) ReceiveEvent(ctx context.Context, r *ticketingv1.ReceiveEventRequest) (*ticketingv1.ReceiveEventResponse, error) {
	if r.GetEvent() == check.TestEvent {
		return &ticketingv1.ReceiveEventResponse{}, nil // whoever sent it knows now that events arrive
	}
	var check errs.Check
	check.That(r.GetEvent() != "" && len(r.GetEvent()) <= 100, "event", "must have 1 to 100 characters")
	if err := check.Err(); err != nil {
		return nil, err
	}
	var convo struct {
		ID        int64 `json:"id"`
		MailboxID int64 `json:"mailboxId"`
		Threads   int   `json:"threads"`
		Mailbox   struct {
			ID int64 `json:"id"`
		} `json:"mailbox"` // of the first generation
	}
	// Some fields have other types in other events; what could be read is enough.
	err := json.Unmarshal(r.GetBody(), &convo)
	if !json.Valid(r.GetBody()) {
		return nil, errs.Wrap(errs.Invalid, err, "the body is not JSON")
	}
	mailboxID := max(convo.MailboxID, convo.Mailbox.ID)
	if _, ours := s.Hotlines.ByMailbox(mailboxID); !ours && mailboxID != 0 && !moving[r.GetEvent()] {
		s.metrics.event(ctx, "foreign")
		return &ticketingv1.ReceiveEventResponse{}, nil
	}
	if r.GetEvent() == "customer.updated" {
		return &ticketingv1.ReceiveEventResponse{}, s.contactEdited(ctx, r.GetBody())
	}
	hash := sha256.New()
	hash.Write([]byte(r.GetEvent() + "\n"))
	hash.Write(r.GetBody())
	fresh, err := s.store.RecordEvent(ctx, sqlstore.Event{
		Hash: hex.EncodeToString(hash.Sum(nil)), Name: r.GetEvent(), Body: r.GetBody(),
		MailboxID: mailboxID, ConversationID: convo.ID, Threads: convo.Threads, Moved: moving[r.GetEvent()],
		// Only this event can send anything.
		Replies: r.GetEvent() == "convo.agent.reply.created" && convo.ID != 0, Trace: telemetry.Carry(ctx),
	}, s.Now())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the event could not be stored; send it again")
	}
	s.metrics.event(ctx, map[bool]string{true: "accepted", false: "duplicate"}[fresh])
	return &ticketingv1.ReceiveEventResponse{}, nil
}

// contactEdited notes whether an agent has changed the phone of one of our contacts. Before the next reply to them
// Help Scout is asked whether that is still so.
func (s *Service) contactEdited(ctx context.Context, body []byte) error {
	var p helpscout.Contact
	if err := json.Unmarshal(body, &p); err != nil {
		return nil //nolint:nilerr // it tells us nothing
	}
	for _, email := range p.Emails() {
		email = strings.ToLower(email)
		if !strings.HasSuffix(email, "@"+s.Domain) {
			continue
		}
		for _, h := range s.Hotlines {
			contacts, err := s.store.ContactsAt(ctx, fmt.Sprintf("%d|%s", h.MailboxID, email))
			for _, c := range contacts {
				// Events come in any order, so none of them says that all is well again.
				if !knows(p.Phones(), c.Supporter) {
					err = errors.Join(err, s.store.SetEdited(ctx, c.Lane, true))
				}
			}
			if err != nil {
				return errs.Wrap(errs.Unavailable, err, "the event could not be stored; send it again")
			}
		}
	}
	s.metrics.event(ctx, "accepted")
	return nil
}
