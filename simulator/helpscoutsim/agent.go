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

// AgentReply writes an agent's answer and returns the id of its thread. Drafts are not announced until
// [Sim.PublishDraft].
func (s *Sim) AgentReply(conversationID int64, reply Reply) (threadID int64, err error) {
	fill(&reply.Type, "message")
	fill(&reply.SourceType, "web")
	fill(&reply.Via, "user")
	fill(&reply.State, "published")
	fill(&reply.AuthorType, "user")
	if err := reply.check(); err != nil {
		return 0, err
	}
	err = s.act(conversationID, reply.UserID, func(t *tx, rec *record, by User) error {
		before := rec.Status
		t.become(rec, cmp.Or(reply.Status, before), by.person())
		author := by.person()
		switch reply.AuthorType {
		case "system_user":
			author.Type = reply.AuthorType // who that is beyond its type is not documented (U)
		case "customer":
			author = value(t.customers[rec.CustomerID]).person()
		}
		threadID = t.writeAs(rec, author, Thread{
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

func (reply Reply) check() error {
	if strings.TrimSpace(reply.Text) == "" && len(reply.Attachments) == 0 {
		return fmt.Errorf("an empty reply: %w", ErrInvalid)
	}
	for _, field := range []struct {
		name, value string
		allowed     []string
	}{
		{"type", reply.Type, []string{"message", "reply"}},
		{"via", reply.Via, []string{"user", "customer"}},
		{"state", reply.State, threadStates},
		{"author type", reply.AuthorType, authorTypes},
		{"status", reply.Status, append([]string{""}, statuses...)},
	} {
		if !slices.Contains(field.allowed, field.value) {
			return fmt.Errorf("%s %q: %w", field.name, field.value, ErrInvalid)
		}
	}
	for _, a := range reply.Attachments {
		if a.FileName == "" || a.MimeType == "" {
			return fmt.Errorf("an attachment without name or type: %w", ErrInvalid)
		}
	}
	return nil
}

// PublishDraft sends an agent's draft. Its thread keeps its id, which is then older than that of others written
// meanwhile, and is from now (U).
func (s *Sim) PublishDraft(conversationID, threadID int64) error {
	return s.actOnThread(conversationID, threadID, func(t *tx, rec *record, draft Thread) error {
		if draft.State != "draft" {
			return fmt.Errorf("thread %d is %s, no draft: %w", threadID, draft.State, ErrInvalid)
		}
		draft.State, draft.Status, draft.CreatedAt = "published", rec.Status, t.now
		rec.Threads = slices.DeleteFunc(slices.Clone(rec.Threads), func(th Thread) bool { return th.ID == threadID })
		t.place(rec, draft)
		t.touch(rec)
		t.emit(EventAgentReply, rec, threadID)
		return nil
	})
}

// EditThread replaces the text of a thread. No event tells of it.
func (s *Sim) EditThread(conversationID, threadID int64, html string) error {
	if strings.TrimSpace(html) == "" {
		return fmt.Errorf("an empty text: %w", ErrInvalid)
	}
	return s.actOnThread(conversationID, threadID, func(t *tx, rec *record, thread Thread) error {
		thread.Body = html
		rec.replaceThread(thread)
		t.touch(rec)
		return nil
	})
}

// HideThread hides a thread, or shows it again. No event tells of it.
func (s *Sim) HideThread(conversationID, threadID int64, hidden bool) error {
	return s.actOnThread(conversationID, threadID, func(t *tx, rec *record, thread Thread) error {
		if thread.State != "published" && thread.State != "hidden" {
			return fmt.Errorf("thread %d is %s: %w", threadID, thread.State, ErrInvalid)
		}
		thread.State = stateOf(hidden, "hidden")
		rec.replaceThread(thread)
		t.touch(rec)
		return nil
	})
}

// actOnThread changes a thread that somebody wrote.
func (s *Sim) actOnThread(conversationID, threadID int64, f func(*tx, *record, Thread) error) error {
	return s.act(conversationID, 0, func(t *tx, rec *record, _ User) error {
		thread := rec.thread(threadID)
		switch {
		case thread == nil:
			return fmt.Errorf("thread %d: %w", threadID, ErrNotFound)
		case thread.Type == "lineitem":
			return fmt.Errorf("thread %d is a line item: %w", threadID, ErrInvalid)
		}
		return f(t, rec, *thread)
	})
}

// AgentNote writes a note that only agents see, and returns the id of its thread.
func (s *Sim) AgentNote(conversationID int64, html string) (threadID int64, err error) {
	return s.note(conversationID, 0, html)
}

// note writes a note as the given user, or as the usual agent if that is 0.
func (s *Sim) note(conversationID, userID int64, html string, files ...Attachment) (threadID int64, err error) {
	err = s.act(conversationID, userID, func(t *tx, rec *record, by User) error {
		threadID = t.writeAs(rec, by.person(), Thread{
			Type: "note", State: "published", Body: html, SourceType: "web", Via: "user", Attachments: files,
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

// ChangeCustomer makes a conversation that of the customer with an e-mail address, who is made if there is none. No
// event tells of it.
func (s *Sim) ChangeCustomer(conversationID int64, email string) error {
	if !isEmail(email) {
		return fmt.Errorf("e-mail address %q: %w", email, ErrInvalid)
	}
	return s.act(conversationID, 0, func(t *tx, rec *record, by User) error {
		t.changeCustomer(rec, t.resolve(&customerInput{Email: &email}).ID, by)
		return nil
	})
}

// SetPhones replaces the phones of a customer, who is named by e-mail address or id. Phones that stay keep their ids
// and types, new ones are mobile.
func (s *Sim) SetPhones(customer string, phones ...string) error {
	if slices.ContainsFunc(phones, func(p string) bool { return strings.TrimSpace(p) == "" }) {
		return fmt.Errorf("an empty phone: %w", ErrInvalid)
	}
	return s.change(func(t *tx) error {
		c := t.customerNamed(customer)
		if c == nil {
			return fmt.Errorf("customer %q: %w", customer, ErrNotFound)
		}
		contacts := make([]Contact, 0, len(phones))
		for _, phone := range phones {
			if i := slices.IndexFunc(c.Phones, func(known Contact) bool { return known.Value == phone }); i >= 0 {
				contacts = append(contacts, c.Phones[i])
				continue
			}
			contacts = append(contacts, Contact{ID: next(&t.ids.Contact), Type: "mobile", Value: phone})
		}
		t.setPhones(c, contacts)
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
		userID = s.agentID()
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

// writeAs adds a thread that was written in Help Scout.
func (t *tx) writeAs(rec *record, author Person, thread Thread) int64 {
	thread.Status, thread.AssigneeID = rec.Status, rec.AssigneeID
	thread.CustomerID, thread.CreatedBy, thread.CreatedAt = rec.CustomerID, author, t.now
	if email := value(t.customers[rec.CustomerID]).Email(); thread.Type != "note" && email != "" {
		thread.To = []string{email}
	}
	thread = t.insert(rec, thread)
	t.touch(rec)
	return thread.ID
}
