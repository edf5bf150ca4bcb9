package helpscoutsim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// What tests, the playground and scripts do in place of agents, each with its event. Unlike the API, agents are not
// held to the limit of threads nor to the rate limit.

// Errors of the methods that act as an agent.
var (
	ErrNotFound = errors.New("no such thing")
	ErrGone     = errors.New("the conversation was merged or deleted")
	ErrInvalid  = errors.New("invalid")
)

// AgentReply writes an agent's answer and returns the id of its thread. Drafts are not announced.
func (s *Sim) AgentReply(conversationID int64, reply Reply) (threadID int64, err error) {
	fill(&reply.Type, "message")
	fill(&reply.SourceType, "web")
	fill(&reply.Via, "user")
	fill(&reply.State, "published")
	if strings.TrimSpace(reply.Text) == "" && len(reply.Attachments) == 0 {
		return 0, fmt.Errorf("an empty reply: %w", ErrInvalid)
	}
	if reply.Type != "message" && reply.Type != "reply" {
		return 0, fmt.Errorf("type %q: %w", reply.Type, ErrInvalid)
	}
	if reply.Status != "" && !slices.Contains(statuses, reply.Status) {
		return 0, fmt.Errorf("status %q: %w", reply.Status, ErrInvalid)
	}
	err = s.act(conversationID, reply.UserID, func(t *tx, rec *record, by User) error {
		before := rec.Status
		t.become(rec, cmp.Or(reply.Status, before), by.person())
		threadID = t.writeAs(rec, by, Thread{
			Type: reply.Type, State: reply.State, Body: reply.Text, SourceType: reply.SourceType, Via: reply.Via,
			Attachments: slices.Clone(reply.Attachments),
		})
		if reply.State != "draft" {
			t.emit(EventAgentReply, rec, threadID)
		}
		if rec.Status != before {
			t.emit(EventStatus, rec, threadID)
		}
		return nil
	})
	return threadID, err
}

// AgentNote writes a note that only agents see, and returns the id of its thread.
func (s *Sim) AgentNote(conversationID int64, html string) (threadID int64, err error) {
	err = s.act(conversationID, 0, func(t *tx, rec *record, by User) error {
		threadID = t.writeAs(rec, by, Thread{
			Type: "note", State: "published", Body: html, SourceType: "web", Via: "user",
		})
		t.emit(EventNote, rec, threadID)
		return nil
	})
	return threadID, err
}

// Merge moves the threads of one conversation into another. The first then answers 301, and 404 to writes.
func (s *Sim) Merge(from, into int64) error {
	return s.act(from, 0, func(t *tx, rec *record, by User) error {
		survivor := t.conversations[into]
		switch {
		case from == into:
			return fmt.Errorf("merging %d with itself: %w", from, ErrInvalid)
		case survivor == nil:
			return fmt.Errorf("conversation %d: %w", into, ErrNotFound)
		case survivor.gone():
			return fmt.Errorf("conversation %d: %w", into, ErrGone)
		}
		t.merge(rec, survivor, by)
		return nil
	})
}

// Delete deletes a conversation for good.
func (s *Sim) Delete(id int64) error {
	return s.act(id, 0, func(t *tx, rec *record, _ User) error {
		t.remove(rec)
		return nil
	})
}

// Move puts a conversation into another mailbox.
func (s *Sim) Move(id, mailboxID int64) error {
	if !s.hasMailbox(mailboxID) {
		return fmt.Errorf("mailbox %d: %w", mailboxID, ErrNotFound)
	}
	return s.act(id, 0, func(t *tx, rec *record, by User) error {
		t.move(rec, mailboxID, by)
		return nil
	})
}

// SetStatus makes a conversation active, pending, closed or spam.
func (s *Sim) SetStatus(id int64, status string) error {
	if !slices.Contains(statuses, status) {
		return fmt.Errorf("status %q: %w", status, ErrInvalid)
	}
	return s.act(id, 0, func(t *tx, rec *record, by User) error {
		t.setStatus(rec, status, by)
		return nil
	})
}

// SetTags replaces the tags of a conversation.
func (s *Sim) SetTags(id int64, tags ...string) error {
	return s.act(id, 0, func(t *tx, rec *record, _ User) error {
		t.tag(rec, slices.Clone(tags))
		return nil
	})
}

// Assign gives a conversation to a user; 0 to nobody.
func (s *Sim) Assign(id, userID int64) error {
	if _, ok := s.user(userID); !ok {
		return fmt.Errorf("user %d: %w", userID, ErrNotFound)
	}
	return s.act(id, 0, func(t *tx, rec *record, by User) error {
		t.assign(rec, userID, by)
		return nil
	})
}

// Lock refuses further threads with 412 or 423, as Help Scout does for conversations that are too old. Status 0
// opens the conversation again. No event tells of it.
func (s *Sim) Lock(id int64, status int) error {
	if !slices.Contains([]int{0, http.StatusPreconditionFailed, http.StatusLocked}, status) {
		return fmt.Errorf("lock status %d: %w", status, ErrInvalid)
	}
	return s.act(id, 0, func(_ *tx, rec *record, _ User) error {
		rec.LockStatus = status
		return nil
	})
}

// act changes a living conversation as the given user, or as the usual agent if that is 0.
func (s *Sim) act(id, userID int64, f func(*tx, *record, User) error) error {
	if userID == 0 {
		userID = s.cfg.Users[min(1, len(s.cfg.Users)-1)].ID
	}
	by, ok := s.user(userID)
	if !ok {
		return fmt.Errorf("user %d: %w", userID, ErrNotFound)
	}
	return s.change(func(t *tx) error {
		rec := t.conversations[id]
		if rec == nil {
			return fmt.Errorf("conversation %d: %w", id, ErrNotFound)
		}
		if rec.gone() {
			return fmt.Errorf("conversation %d: %w", id, ErrGone)
		}
		return f(t, rec, by)
	})
}

// writeAs adds a user's thread.
func (t *tx) writeAs(rec *record, by User, thread Thread) int64 {
	thread.Status, thread.AssigneeID = rec.Status, rec.AssigneeID
	thread.CustomerID, thread.CreatedBy, thread.CreatedAt = rec.CustomerID, by.person(), t.now
	if email := value(t.customers[rec.CustomerID]).Email(); thread.Type != "note" && email != "" {
		thread.To = []string{email}
	}
	thread = t.insert(rec, thread)
	t.touch(rec)
	return thread.ID
}
