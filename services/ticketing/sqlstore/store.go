// Package sqlstore is ticketing's memory: which conversation belongs to whom, what was put into it, and how much of
// Help Scout's budget is spent. It runs on SQLite and PostgreSQL; package storetest holds what both must do.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/sqldb"
)

// Notes is the topic of ticketing's jobs: the notes of one lane.
const Notes = "notes"

//go:embed migrations/*.sql
var migrations embed.FS

// Store is ticketing's database.
type Store struct {
	db *sqldb.DB
	// Wake says in a transaction that lanes of a topic have work; jobs.Queue.Wake fits. Set it before use.
	Wake func(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error
}

// Open opens ticketing's database and brings it up to date. Where this process is alone on it, the leases of the last
// one are ended.
func Open(ctx context.Context, c sqldb.Config) (*sqldb.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, c, "ticketing", files)
	if err != nil || db.Shared() {
		return db, err
	}
	return db, New(db).FreeLanes(ctx)
}

// New returns the store on an open database.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

// FreeLanes ends all leases. Only a process that is alone on its database may do so, before it works on any lane.
func (s *Store) FreeLanes(ctx context.Context) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE lane SET lease = '', lease_until = 0 WHERE lease <> ''`)
		return err
	})
}

func (s *Store) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := s.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// inList is values as SQL takes them after IN, with placeholders from the nth on. No value is NULL, which is nothing's equal.
func inList[T any](n int, values []T) (in string, args []any) {
	if len(values) == 0 {
		return "(NULL)", nil
	}
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i], args = "$"+strconv.Itoa(n+i), append(args, v)
	}
	return "(" + strings.Join(marks, ", ") + ")", args
}

const notePending = `entry WHERE kind = 'note' AND state IN ('pending', 'posting')`

// Work is the notes that are left to post.
func (s *Store) Work() jobs.Rows { return jobs.Rows{DB: s.db, From: notePending} }

// NextNote returns the key of the oldest note of a lane that is not posted, or "".
func (s *Store) NextNote(ctx context.Context, lane string) (key string, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT key FROM `+notePending+` AND lane = $1 ORDER BY seq LIMIT 1`, lane).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

// noWords is the body of an event whose words are not needed, or not any more. hasWords is the condition of an index, word by word.
var noWords = []byte("{}")

const hasWords = `length(body) > 2`

// RecordEvent keeps a webhook of Help Scout, and its words if there are replies in it. Conversations it speaks of are looked at before they
// are used again.
// It reports false for one that is known already, or that is of a conversation that was erased.
func (s *Store) RecordEvent(ctx context.Context, e Event, now time.Time) (fresh bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		fresh = false
		state, lane, body := "done", strconv.FormatInt(e.ConversationID, 10), noWords
		if e.Replies {
			state, body = "pending", e.Body
			if err := s.Wake(ctx, tx, Replies, lane); err != nil {
				return err
			}
		}
		r, err := tx.ExecContext(ctx, `
			INSERT INTO event (hash, name, mailbox_id, body, received_at, lane, state, trace)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT 1 FROM erased WHERE conversation_id = $9)
			ON CONFLICT (hash) DO NOTHING`, e.Hash, e.Name, e.MailboxID, body, now.UnixMicro(), lane, state, e.Trace, e.ConversationID)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		fresh = true
		if e.ConversationID == 0 {
			return nil
		}
		changes := 0
		if e.Moved {
			changes = 1
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE lane SET changes = changes + $1, threads = CASE WHEN threads < $2 THEN $2 ELSE threads END
			WHERE conversation_id = $3 AND conversation_id <> 0`, changes, e.Threads, e.ConversationID)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("recording event: %w", err)
	}
	return fresh, nil
}

// Event is a webhook of Help Scout.
type Event struct {
	Hash           string // of name and body: what makes it the same event
	Name           string
	Body           []byte
	MailboxID      int64
	ConversationID int64
	Threads        int  // how many threads the conversation has by now
	Moved          bool // whether the conversation may be somewhere else now, or no longer usable
	Replies        bool // whether there may be agents' replies in it that must be handled
	Trace          string
}
