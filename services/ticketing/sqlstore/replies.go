package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/jobs"
)

// Replies is the topic of agents' replies: those of one conversation.
const Replies = "replies"

const eventPending = `event WHERE state = 'pending'`

// ReplyWork is the events with replies that are left to handle.
func (s *Store) ReplyWork() jobs.Rows { return jobs.Rows{DB: s.db, From: eventPending} }

// PendingEvent is an event with agents' replies in it.
type PendingEvent struct {
	Hash     string
	Body     []byte
	Trace    string
	Attempts int
}

// NextEvent returns the oldest event of a conversation whose replies are not handled, or nil.
func (s *Store) NextEvent(ctx context.Context, conversation string) (*PendingEvent, error) {
	var e PendingEvent
	err := s.db.Read.QueryRowContext(ctx, `SELECT hash, body, trace, attempts FROM `+eventPending+` AND lane = $1 ORDER BY seq LIMIT 1`, conversation).
		Scan(&e.Hash, &e.Body, &e.Trace, &e.Attempts)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &e, err
}

// EventDone notes that the replies of an event are handled.
func (s *Store) EventDone(ctx context.Context, hash string, now time.Time) error {
	return s.exec(ctx, `UPDATE event SET state = 'done', ended_at = $1 WHERE hash = $2`, now.UnixMicro(), hash)
}

// EventDead notes that the replies of an event cannot be found, and why.
func (s *Store) EventDead(ctx context.Context, hash, reason string, now time.Time) error {
	return s.exec(ctx, `UPDATE event SET state = 'dead', reason = $1, ended_at = $2 WHERE hash = $3`, reason, now.UnixMicro(), hash)
}

// EventFailed counts a failed attempt at an event.
func (s *Store) EventFailed(ctx context.Context, hash string, step Step, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := addSteps(ctx, tx, hash, now, step); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE event SET attempts = attempts + 1 WHERE hash = $1`, hash)
		return err
	})
}

func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// ReplyHandled reports whether a reply is handled.
func (s *Store) ReplyHandled(ctx context.Context, threadID int64) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM reply WHERE thread_id = $1`, threadID).Scan(&n)
	return n > 0, err
}

// Sent is the state of a reply that is telephony's; the other one is Refused.
const Sent = "sent"

// Reply is an agent's reply.
type Reply struct {
	ThreadID       int64
	ConversationID int64
	Lane           string // whose it is; empty: not known
	Event          string // the hash of the event that told of it
	Trace          string
}

// ReplySent notes that a reply is telephony's now.
func (s *Store) ReplySent(ctx context.Context, r Reply, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := insertReply(ctx, tx, r, Sent, "", now)
		return err
	})
}

// insertReply reports false when the reply is handled already.
func insertReply(ctx context.Context, tx *sql.Tx, r Reply, state, reason string, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO reply (thread_id, conversation_id, state, reason, handled_at, lane, event, trace) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (thread_id) DO NOTHING`,
		r.ThreadID, r.ConversationID, state, reason, now.UnixMicro(), r.Lane, r.Event, r.Trace)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// ReplyRefused notes that a reply is not sent, and queues the note that says so in its lane.
func (s *Store) ReplyRefused(ctx context.Context, r Reply, reason string, note Entry, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.Wake(ctx, tx, Notes, r.Lane); err != nil {
			return err
		}
		if fresh, err := insertReply(ctx, tx, r, Refused, reason, now); err != nil || !fresh {
			return err
		}
		note.Kind, note.State, note.ConversationID = Note, Pending, r.ConversationID
		_, err := insertEntry(ctx, tx, r.Lane, note, now)
		return err
	})
}

// FilePut notes that telephony has a file of a reply.
func (s *Store) FilePut(ctx context.Context, key string) error {
	return s.exec(ctx, `INSERT INTO reply_file (key) VALUES ($1) ON CONFLICT (key) DO NOTHING`, key)
}

// HasFile reports whether telephony has a file of a reply.
func (s *Store) HasFile(ctx context.Context, key string) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM reply_file WHERE key = $1`, key).Scan(&n)
	return n > 0, err
}

// Claim notes since when mailboxes are ours, unless that is known.
func (s *Store) Claim(ctx context.Context, now time.Time, mailboxes ...int64) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, id := range mailboxes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO mailbox (id, since) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Since returns since when a mailbox is ours.
func (s *Store) Since(ctx context.Context, mailboxID int64) (time.Time, error) {
	var at int64
	if err := s.db.Read.QueryRowContext(ctx, `SELECT since FROM mailbox WHERE id = $1`, mailboxID).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("reading since when mailbox %d is ours: %w", mailboxID, err)
	}
	return time.UnixMicro(at), nil
}

// Contact is a supporter as answers reach them.
type Contact struct {
	Lane      string
	Supporter string // as the carrier gave it; empty: not known
	Hotline   string // the number they last wrote to
	Edited    bool   // an agent may have changed the contact's phone in Help Scout
}

// MailboxID is the mailbox of the contact's lane.
func (c Contact) MailboxID() int64 {
	mailbox, _, _ := strings.Cut(c.Lane, "|")
	id, _ := strconv.ParseInt(mailbox, 10, 64) // it was made of one
	return id
}

const contactColumns = `id, supporter, hotline, edited`

// ContactsOf returns whose texts are in a conversation, or go there next.
func (s *Store) ContactsOf(ctx context.Context, conversationID int64) ([]Contact, error) {
	return s.contacts(ctx, `id IN (
		SELECT id FROM lane WHERE conversation_id = $1 AND conversation_id <> 0
		UNION SELECT lane FROM entry WHERE conversation_id = $1 AND conversation_id <> 0 AND kind = 'text' AND state = 'done')`, conversationID)
}

// ContactsAt returns who has a lane, which is a mailbox and a contact address.
func (s *Store) ContactsAt(ctx context.Context, lane string) ([]Contact, error) {
	return s.contacts(ctx, `id = $1`, lane)
}

func (s *Store) contacts(ctx context.Context, where string, arg any) (all []Contact, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+contactColumns+` FROM lane WHERE supporter <> '' AND (`+where+`) ORDER BY id`, arg)
	if err != nil {
		return nil, fmt.Errorf("reading contacts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Contact
		if err := rows.Scan(&c.Lane, &c.Supporter, &c.Hotline, &c.Edited); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// SetEdited notes whether an agent may have changed a contact's phone.
func (s *Store) SetEdited(ctx context.Context, lane string, edited bool) error {
	return s.exec(ctx, `UPDATE lane SET edited = $1 WHERE id = $2`, edited, lane)
}
