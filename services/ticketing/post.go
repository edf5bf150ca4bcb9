package ticketing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// postText puts a text into the lane's conversation, or into a new one. It returns the notes that must follow.
func (s *Service) postText(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, text string) ([]sqlstore.Entry, error) {
	if !e.UnclearAt.IsZero() || s.interrupted(lane, e) {
		found, err := s.readBack(ctx, who, lane, e, "customer", text)
		if err != nil || found {
			return nil, err
		}
	}
	full := false // the lane's conversation takes no more threads
	for range 4 {
		if e.State != sqlstore.Posting {
			was := lane.ConversationID
			if err := s.choose(ctx, who, lane); errors.Is(err, errSpam) {
				e.State, e.Reason = sqlstore.Refused, errSpam.Error()
				return nil, nil
			} else if err != nil {
				return nil, err
			}
			e.Steps = append(e.Steps, elsewhere(was, lane.ConversationID)...)
			full = full || lane.Threads >= s.ThreadLimit
		}
		if lane.ConversationID == 0 || full {
			return s.open(ctx, who, lane, e, text)
		}
		if err := s.intend(ctx, lane, e, lane.ConversationID); err != nil {
			return nil, err
		}
		id, err := s.desk.AddCustomerThread(ctx, lane.ConversationID, thread(who, e, text))
		switch status := helpscout.StatusOf(err); {
		case err == nil:
			done(lane, e, lane.ConversationID, id)
			return nil, nil
		case status == 404: // merged or deleted: find out which
			e.State = sqlstore.Pending
			lane.Seen = lane.Changes - 1
		case status == 412 || status == 423: // full, or locked because it is old
			e.State = sqlstore.Pending
			e.Steps = append(e.Steps, sqlstore.Step{What: "its conversation takes no more threads", Detail: fmt.Sprintf("conversation %d, status %d", lane.ConversationID, status)})
			full = true
		default:
			return nil, s.failed(e, err)
		}
	}
	return nil, errors.New("the conversation changes faster than it can be followed")
}

// thread is the entry's thread. History has its own time.
func thread(who supporter, e *sqlstore.Entry, text string) helpscout.NewThread {
	t := helpscout.NewThread{Type: "customer", Customer: &who.customer, Text: helpscout.HTML(text)}
	if !e.WrittenAt.IsZero() {
		t.Imported, t.CreatedAt = true, e.WrittenAt.UTC().Format(time.RFC3339)
	}
	return t
}

// intend notes that the entry is about to be put into a conversation (0: a new one). Where Hold has done so already
// it writes nothing.
func (s *Service) intend(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry, conversationID int64) error {
	if e.State == sqlstore.Posting && e.ConversationID == conversationID {
		return nil
	}
	e.State, e.ConversationID, e.OpenedAt = sqlstore.Posting, conversationID, s.Now()
	err := s.store.Save(ctx, lane, *e, s.Now())
	if err == nil {
		e.Steps = nil
	}
	return err
}

// done notes in lane and entry that the entry is in a conversation.
func done(lane *sqlstore.Lane, e *sqlstore.Entry, conversationID, threadID int64) {
	e.State, e.ConversationID, e.ThreadID = sqlstore.Done, conversationID, threadID
	if lane.ConversationID != conversationID {
		lane.ConversationID, lane.Threads = conversationID, 0
	}
	lane.Threads++
	lane.Known = true
}

// failed decides whether a failure is for good: Help Scout says no to this very entry.
func (s *Service) failed(e *sqlstore.Entry, err error) error {
	switch helpscout.StatusOf(err) {
	case 400, 413, 415:
		e.State, e.Reason = sqlstore.Dead, err.Error()
		return nil
	}
	return err
}

// open makes a new conversation with the text in it. If the lane had one, it is its successor.
func (s *Service) open(ctx context.Context, who supporter, lane *sqlstore.Lane, e *sqlstore.Entry, text string) ([]sqlstore.Entry, error) {
	h, _ := s.Hotlines.ByMailbox(lane.MailboxID)
	v := helpscout.NewConversation{
		Subject:   "Request from " + who.identity.Display(),
		Type:      "phone",
		MailboxID: lane.MailboxID,
		Status:    "active",
		Customer:  who.customer,
		Threads:   []helpscout.NewThread{thread(who, e, text)},
		Imported:  !e.WrittenAt.IsZero(),
		Tags:      slices.Concat(s.Tags, h.Tags),
	}
	var old *helpscout.Conversation
	if lane.ConversationID != 0 {
		var err error
		if old, err = s.inherit(ctx, lane.ConversationID, &v); err != nil {
			return nil, err
		}
		e.Steps = append(e.Steps, sqlstore.Step{What: "it goes on in a new conversation", Detail: fmt.Sprintf("conversation %d is full", lane.ConversationID)})
	}
	e.FirstContact = !lane.Known
	if err := s.intend(ctx, lane, e, 0); err != nil {
		return nil, err
	}
	id, err := s.desk.Create(ctx, v)
	if helpscout.StatusOf(err) == 400 && v.AssignTo != 0 {
		v.AssignTo = 0 // the assignee may be gone
		id, err = s.desk.Create(ctx, v)
	}
	if err != nil {
		return nil, s.failed(e, err)
	}
	done(lane, e, id, 0)
	if old == nil {
		return nil, nil
	}
	return s.link(old, id), nil
}
