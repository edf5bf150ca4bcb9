package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Adoption is how far the adoption of a mailbox's conversations is. They are looked at from the newest to the oldest.
type Adoption struct {
	MailboxID int64
	StartedAt time.Time // those created later are not looked at; zero: it has not begun
	From      time.Time // nor are those created before; zero: all are
	Till      time.Time // those created after it are looked at
	Page      int       // the next one, from 1, of those created until then
	Total     int64     // how many there were when it began
	Left      int64     // how many there are still
	Adopted   int64
	Known     int64 // their supporter has another one
	Unclear   int64 // their address does not tell the number
	Foreign   int64 // no supporter's
	Done      bool
}

// Adopted is a conversation that a lane is to have. Of the lane only ID, MailboxID, ConversationID (0: it was deleted), Threads and Supporter
// count.
type Adopted struct {
	Lane
	Conversation int64     // its id
	CreatedAt    time.Time // by which the newest one is known
}

const adoptionColumns = `mailbox_id, started_at, since, till, page, total, remaining, adopted, known, unclear, strangers, done`

// Adoption returns how far a mailbox is.
func (s *Store) Adoption(ctx context.Context, mailboxID int64) (Adoption, error) {
	a := Adoption{MailboxID: mailboxID}
	var started, since, till int64
	err := s.db.Read.QueryRowContext(ctx, `SELECT `+adoptionColumns+` FROM adoption WHERE mailbox_id = $1`, mailboxID).
		Scan(&a.MailboxID, &started, &since, &till, &a.Page, &a.Total, &a.Left, &a.Adopted, &a.Known, &a.Unclear, &a.Foreign, &a.Done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("reading how far adoption is: %w", err)
	}
	a.StartedAt, a.From, a.Till = fromMicros(started), fromMicros(since), fromMicros(till)
	return a, nil
}

// Adopt gives lanes their conversations, notes that the adoption is at next, with as many more of adopted and known, and returns which were
// adopted. A lane is left as it is if it has a conversation of which adoption does not know, or a newer one, or if something of ours is in
// it, or somebody works on it, who looks themselves. ErrBusy: the adoption is not at before any more.
//
// With dry nothing is changed.
func (s *Store) Adopt(ctx context.Context, before, next Adoption, found []Adopted, now time.Time, dry bool) (after Adoption, adopted []Adopted, err error) {
	errDry := errors.New("dry run")
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		after, adopted = next, nil
		for _, a := range found {
			got, err := adoptOne(ctx, tx, a, now)
			if err != nil {
				return err
			}
			if !got {
				after.Known++
				continue
			}
			adopted = append(adopted, a)
			after.Adopted++
		}
		if dry {
			return errDry
		}
		return saveAdoption(ctx, tx, before, after)
	})
	if err != nil && !errors.Is(err, errDry) {
		return before, nil, fmt.Errorf("adopting conversations: %w", err)
	}
	return after, adopted, nil
}

// adoptOne reports whether the lane has got the conversation. It is looked at before it is used, since until Help Scout's webhook is ours
// nobody tells us what becomes of it.
func adoptOne(ctx context.Context, tx *sql.Tx, a Adopted, now time.Time) (bool, error) {
	r, err := tx.ExecContext(ctx, `
		INSERT INTO lane (id, mailbox_id, conversation_id, threads, known, searched, seen, supporter, adopted)
		SELECT $1, $2, $3, $4, TRUE, TRUE, -1, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM erased WHERE conversation_id = $7)
		ON CONFLICT (id) DO UPDATE SET conversation_id = EXCLUDED.conversation_id, threads = EXCLUDED.threads, known = TRUE, searched = TRUE,
			seen = lane.changes - 1, supporter = CASE WHEN lane.supporter = '' THEN EXCLUDED.supporter ELSE lane.supporter END, adopted = EXCLUDED.adopted
		WHERE lane.adopted < EXCLUDED.adopted AND (lane.lease = '' OR lane.lease_until < $8) AND (
			lane.conversation_id = 0 AND NOT lane.known AND NOT lane.searched
			OR lane.adopted <> 0 AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.lane = lane.id AND entry.lane <> ''))`,
		a.ID, a.MailboxID, a.ConversationID, a.Threads, a.Supporter, a.CreatedAt.UnixMicro(), a.Conversation, now.UnixMicro())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// saveAdoption replaces before, which must be how it stands.
func saveAdoption(ctx context.Context, tx *sql.Tx, before, a Adoption) error {
	r, err := tx.ExecContext(ctx, `
		INSERT INTO adoption (`+adoptionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (mailbox_id) DO UPDATE SET started_at = EXCLUDED.started_at, since = EXCLUDED.since, till = EXCLUDED.till, page = EXCLUDED.page,
			total = EXCLUDED.total, remaining = EXCLUDED.remaining, adopted = EXCLUDED.adopted, known = EXCLUDED.known, unclear = EXCLUDED.unclear,
			strangers = EXCLUDED.strangers, done = EXCLUDED.done
		WHERE adoption.started_at = $13 AND adoption.till = $14 AND adoption.page = $15 AND adoption.done = $16`,
		a.MailboxID, micros(a.StartedAt), micros(a.From), micros(a.Till), a.Page, a.Total, a.Left, a.Adopted, a.Known, a.Unclear, a.Foreign, a.Done,
		micros(before.StartedAt), micros(before.Till), before.Page, before.Done)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrBusy)
	}
	return nil
}
