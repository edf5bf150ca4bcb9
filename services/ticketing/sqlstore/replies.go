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
func (s *Store) EventDone(ctx context.Context, hash string) error {
	return s.exec(ctx, `UPDATE event SET state = 'done' WHERE hash = $1`, hash)
}

// EventFailed counts a failed attempt at an event.
func (s *Store) EventFailed(ctx context.Context, hash string) error {
	return s.exec(ctx, `UPDATE event SET attempts = attempts + 1 WHERE hash = $1`, hash)
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

// ReplySent notes that a reply is telephony's now.
func (s *Store) ReplySent(ctx context.Context, threadID, conversationID int64, now time.Time) error {
	return s.exec(ctx, `INSERT INTO reply (thread_id, conversation_id, state, handled_at) VALUES ($1, $2, 'sent', $3) ON CONFLICT (thread_id) DO NOTHING`,
		threadID, conversationID, now.UnixMicro())
}

// ReplyRefused notes that a reply is not sent, and queues the note that says so.
func (s *Store) ReplyRefused(ctx context.Context, threadID int64, reason, lane string, note Entry, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.Wake(ctx, tx, Notes, lane); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `
			INSERT INTO reply (thread_id, conversation_id, state, reason, handled_at) VALUES ($1, $2, 'refused', $3, $4) ON CONFLICT (thread_id) DO NOTHING`,
			threadID, note.ConversationID, reason, now.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		note.Kind, note.State = Note, Pending
		_, err = insertEntry(ctx, tx, lane, note, now)
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
	return s.contacts(ctx, `conversation_id = $1 OR id IN (SELECT lane FROM entry WHERE conversation_id = $1 AND kind = 'text' AND state = 'done')`, conversationID)
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
