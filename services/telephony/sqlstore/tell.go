package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// MaxNotes is how many notes the ticket gets about one text: that it is under way, that nobody knows, and how it ended after all.
const MaxNotes = 3

// NextToTell returns the oldest text of a lane that the ticket must be told about, with its messages, or nil.
func (s *Store) NextToTell(ctx context.Context, lane string) (*TextOutRow, []MessageOutRow, error) {
	t, err := scanTextOut(s.db.Read.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE lane = $1 AND tell AND `+unpaused+` ORDER BY created_at LIMIT 1`, lane))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	messages, err := s.messages(ctx, t.Key)
	return &t, messages, err
}

// Telling notes what the ticket is about to be told about a text, so that a note is counted before it is filed.
func (s *Store) Telling(ctx context.Context, key, what string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE text_out SET telling = $1, notes = notes + 1 WHERE key = $2 AND telling = ''`, what, key)
		return err
	})
}

// Told notes that the ticket was told how a text stood in the given state. If it has come further since, there is more to
// tell. steps say what was told.
func (s *Store) Told(ctx context.Context, key string, state OutState, steps ...StepRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := note(ctx, tx, steps...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE text_out SET telling = '', patient_until = 0, tell = state <> $1 AND state IN ('sent', 'delivered', 'failed', 'unknown')
			WHERE key = $2`, string(state), key)
		return err
	})
}

// Overdue wakes those lanes in which the ticket should have been told something by now.
func (s *Store) Overdue(ctx context.Context, now time.Time) error {
	var n int
	if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM text_out WHERE patient_until > 0 AND patient_until <= $1 AND `+unpaused, now.UnixMicro()).Scan(&n); err != nil || n == 0 {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			UPDATE text_out SET tell = TRUE, patient_until = 0 WHERE patient_until > 0 AND patient_until <= $1 AND `+unpaused+` RETURNING lane`, now.UnixMicro())
		if err != nil {
			return err
		}
		defer rows.Close()
		var lanes []string
		for rows.Next() {
			var lane string
			if err := rows.Scan(&lane); err != nil {
				return err
			}
			lanes = append(lanes, lane)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		rows.Close()
		slices.Sort(lanes)
		return s.Wake(ctx, tx, Tell, slices.Compact(lanes)...)
	})
}
