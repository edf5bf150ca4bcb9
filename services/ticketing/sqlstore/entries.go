package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// The kinds of entries.
const (
	Text       = "text"
	Note       = "note"
	Attachment = "attachment"
)

// The states of an entry.
const (
	Pending = "pending" // not posted, surely
	Posting = "posting" // it may or may not be in Help Scout
	Done    = "done"    // in Help Scout
	Refused = "refused" // kept out for a reason
	Dead    = "dead"    // Help Scout does not take it as it is
)

// Lane is one supporter in one mailbox. Whoever holds its lease may change it.
type Lane struct {
	ID             string
	MailboxID      int64
	ConversationID int64 // where the next entry goes; 0: nowhere yet
	Threads        int   // how many threads that has at least
	Known          bool  // there was a conversation before
	Searched       bool  // Help Scout was asked for one that is older than our table
	Changes        int64 // how often Help Scout said that the conversation changed
	Seen           int64 // how many of those were looked at since
	HeldAt         time.Time
	Supporter      string // as the carrier gave it
	Hotline        string // the number they wrote to

	lease string
}

// Stale reports whether the conversation must be looked at before it is used.
func (l *Lane) Stale() bool { return l.Changes != l.Seen }

// Entry is something that is put into a conversation.
type Entry struct {
	Key            string
	Lane           string // set when it is read
	Kind           string
	State          string
	Body           string
	ConversationID int64
	ThreadID       int64
	FirstContact   bool
	OpenedAt       time.Time
	UnclearAt      time.Time // zero: the answer was not lost
	Attempts       int
	Reason         string
	Trace          string
	Actions        string    // what a note does besides, for the service to read
	EndedAt        time.Time // set when it is read; zero: it has not ended
	Steps          []Step    // what happened to it since it was saved; not read
	// WrittenAt is when history was written, which stands in the ticket with that time; zero: it is no history. It is neither saved nor read.
	WrittenAt time.Time
}

// Since is the earliest time that the entry's thread may have in Help Scout.
func (e *Entry) Since() time.Time {
	if e.WrittenAt.IsZero() || e.WrittenAt.After(e.OpenedAt) {
		return e.OpenedAt
	}
	return e.WrittenAt
}

// ended reports whether nothing more is to be done.
func (e *Entry) ended() bool { return e.State == Done || e.State == Refused || e.State == Dead }

// ErrBusy means that somebody else works on the lane.
var ErrBusy = errors.New("lane is leased")

// Hold takes the lane's lease until a time, makes lane and entry if they are new, and returns both as they stand.
// An entry that has ended is returned without a lease: lane is nil. ErrBusy: try again. A text or a file that is dead has not ended for
// whoever has it and comes with it again: it begins anew.
//
// When a text is pending and the lane's conversation can be used as it is, the text becomes posting in the same
// commit, for that conversation: this is the intent of the usual case, in which nothing needs to be asked first.
func (s *Store) Hold(ctx context.Context, want Lane, e Entry, now, until time.Time, limit int) (lane *Lane, entry Entry, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if lane, err = lease(ctx, tx, want, now, until); err != nil {
			return err
		}
		entry = e
		entry.State = Pending
		if e.Kind == Text && lane.usable(limit) {
			entry.State, entry.ConversationID, entry.OpenedAt = Posting, lane.ConversationID, now
		}
		isNew, err := insertEntry(ctx, tx, lane.ID, entry, now)
		if err != nil || isNew {
			return err
		}
		if entry, err = findEntry(ctx, tx, e.Key); err != nil {
			return err
		}
		anew := entry.State == Dead && entry.Kind != Note
		if anew {
			if err := addSteps(ctx, tx, e.Key, now, takenUp(entry.Reason, entry.EndedAt, Step{What: "tried again"})...); err != nil {
				return err
			}
			entry.State, entry.Reason, entry.Attempts, entry.FirstContact = Pending, "", 0, false
			entry.EndedAt = time.Time{}
		}
		if entry.ended() {
			_, err := tx.ExecContext(ctx, `UPDATE lane SET lease = '' WHERE id = $1`, lane.ID)
			lane = nil
			return err
		}
		straight := entry.State == Pending && e.Kind == Text && lane.usable(limit)
		if straight {
			entry.State, entry.ConversationID, entry.OpenedAt = Posting, lane.ConversationID, now
		}
		if straight || anew {
			return updateEntry(ctx, tx, entry, now)
		}
		return nil
	})
	if err != nil {
		return nil, entry, fmt.Errorf("holding lane: %w", err)
	}
	return lane, entry, nil
}

// usable reports whether the lane's conversation can take an entry without asking first.
func (l *Lane) usable(limit int) bool {
	return l.ConversationID != 0 && !l.Stale() && l.Threads < limit
}

func lease(ctx context.Context, tx *sql.Tx, want Lane, now, until time.Time) (*Lane, error) {
	l := Lane{ID: want.ID, HeldAt: now, lease: uuid.NewString()}
	err := tx.QueryRowContext(ctx, `
		INSERT INTO lane (id, mailbox_id, lease, lease_until, supporter, hotline) VALUES ($1, $2, $3, $4, $6, $7)
		ON CONFLICT (id) DO UPDATE SET lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until,
			supporter = CASE WHEN EXCLUDED.supporter = '' THEN lane.supporter ELSE EXCLUDED.supporter END,
			hotline = CASE WHEN EXCLUDED.hotline = '' THEN lane.hotline ELSE EXCLUDED.hotline END
		WHERE lane.lease = '' OR lane.lease_until < $5
		RETURNING mailbox_id, conversation_id, threads, known, searched, changes, seen`,
		l.ID, want.MailboxID, l.lease, until.UnixMicro(), now.UnixMicro(), want.Supporter, want.Hotline).
		Scan(&l.MailboxID, &l.ConversationID, &l.Threads, &l.Known, &l.Searched, &l.Changes, &l.Seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrBusy
	}
	return &l, err
}

const entryColumns = `key, lane, kind, state, body, conversation_id, thread_id, first_contact, opened_at, unclear_at, attempts, reason, trace, actions, ended_at`

func findEntry(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, key string) (e Entry, err error) {
	var opened, unclear, ended int64
	err = q.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM entry WHERE key = $1`, key).
		Scan(&e.Key, &e.Lane, &e.Kind, &e.State, &e.Body, &e.ConversationID, &e.ThreadID, &e.FirstContact, &opened, &unclear, &e.Attempts, &e.Reason, &e.Trace, &e.Actions, &ended)
	e.OpenedAt, e.UnclearAt, e.EndedAt = fromMicros(opened), fromMicros(unclear), fromMicros(ended)
	return e, err
}

// FindEntry returns the entry with a key.
func (s *Store) FindEntry(ctx context.Context, key string) (e Entry, found bool, err error) {
	e, err = findEntry(ctx, s.db.Read, key)
	if errors.Is(err, sql.ErrNoRows) {
		return e, false, nil
	}
	return e, err == nil, err
}

// insertEntry reports false when there is an entry with this key.
func insertEntry(ctx context.Context, tx *sql.Tx, lane string, e Entry, now time.Time) (bool, error) {
	r, err := tx.ExecContext(ctx, `
		INSERT INTO entry (key, lane, kind, state, body, conversation_id, opened_at, trace, actions, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (key) DO NOTHING`,
		e.Key, lane, e.Kind, e.State, e.Body, e.ConversationID, micros(e.OpenedAt), e.Trace, e.Actions, now.UnixMicro())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

func updateEntry(ctx context.Context, tx *sql.Tx, e Entry, now time.Time) error {
	e.EndedAt = time.Time{}
	if e.ended() {
		e.EndedAt = now
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE entry SET state = $1, conversation_id = $2, thread_id = $3, first_contact = $4, opened_at = $5, unclear_at = $6, attempts = $7, reason = $8,
			ended_at = $9
		WHERE key = $10`,
		e.State, e.ConversationID, e.ThreadID, e.FirstContact, micros(e.OpenedAt), micros(e.UnclearAt), e.Attempts, e.Reason, micros(e.EndedAt), e.Key)
	return err
}

// micros is how times are stored; 0: none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}

// Save writes what is known of a lane and an entry by now and keeps the lease: the intent of an attempt.
func (s *Store) Save(ctx context.Context, lane *Lane, e Entry, now time.Time) error {
	return s.save(ctx, lane, e, now, false)
}

// Release writes what is known of a lane and an entry by now, adds notes that follow from it, and ends the lease.
func (s *Store) Release(ctx context.Context, lane *Lane, e Entry, now time.Time, notes ...Entry) error {
	return s.save(ctx, lane, e, now, true, notes...)
}

// errLost means that the lease ran out and somebody else has the lane now.
var errLost = errors.New("lease was lost")

func (s *Store) save(ctx context.Context, lane *Lane, e Entry, now time.Time, release bool, notes ...Entry) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		if len(notes) > 0 {
			if err := s.Wake(ctx, tx, Notes, lane.ID); err != nil {
				return err
			}
		}
		r, err := tx.ExecContext(ctx, `
			UPDATE lane SET conversation_id = $1, threads = CASE WHEN conversation_id = $1 AND threads > $2 THEN threads ELSE $2 END,
				known = $3, searched = $4, seen = $5, lease = CASE WHEN $6 THEN '' ELSE lease END
			WHERE id = $7 AND lease = $8 AND lease <> ''`,
			lane.ConversationID, lane.Threads, lane.Known, lane.Searched, lane.Seen, release, lane.ID, lane.lease)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errLost)
		}
		for _, n := range notes {
			if _, err := insertEntry(ctx, tx, lane.ID, n, now); err != nil {
				return err
			}
		}
		if err := addSteps(ctx, tx, e.Key, now, e.Steps...); err != nil {
			return err
		}
		return updateEntry(ctx, tx, e, now)
	})
	if err != nil {
		return fmt.Errorf("saving lane: %w", err)
	}
	return nil
}

// QueueNote accepts a note for a lane. It reports false when the lane has never had a conversation.
func (s *Store) QueueNote(ctx context.Context, lane string, e Entry, now time.Time) (ok bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		known := func() (err error) {
			ok = false
			if err = tx.QueryRowContext(ctx, `SELECT known FROM lane WHERE id = $1`, lane).Scan(&ok); errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
		if err := known(); err != nil || !ok {
			return err
		}
		if err := s.Wake(ctx, tx, Notes, lane); err != nil {
			return err
		}
		// It may have been erased just now, by who has woken it before.
		if err := known(); err != nil || !ok {
			return err
		}
		e.Kind, e.State = Note, Pending
		_, err := insertEntry(ctx, tx, lane, e, now)
		return err
	})
	return ok && err == nil, err
}

// ThreadTaken reports whether a thread is that of an entry already.
func (s *Store) ThreadTaken(ctx context.Context, threadID int64) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM entry WHERE thread_id = $1 AND thread_id <> 0`, threadID).Scan(&n)
	return n > 0, err
}

// LearnFirstThread notes the id of the first text of a conversation, which its creation did not tell.
func (s *Store) LearnFirstThread(ctx context.Context, conversationID, threadID int64) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE entry SET thread_id = $1
			WHERE seq = (SELECT min(seq) FROM entry WHERE conversation_id = $2 AND conversation_id <> 0 AND kind = 'text' AND state = 'done') AND thread_id = 0`,
			threadID, conversationID)
		return err
	})
}

// ConversationTaken reports whether a conversation holds entries already.
func (s *Store) ConversationTaken(ctx context.Context, conversationID int64) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM entry WHERE conversation_id = $1 AND conversation_id <> 0 AND state = 'done'`, conversationID).Scan(&n)
	return n > 0, err
}
