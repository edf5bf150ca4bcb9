package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// unpaused is the condition that a row's hotline is not paused. It is part of what counts as work, so a paused lane has no job at all, and
// whoever ends a pause wakes the lanes.
const unpaused = `hotline NOT IN (SELECT number FROM pause)`

// unpausedMessage is the same for messages. What may have left already is cleared up, and what is private, such as a code, goes all the
// same.
const unpausedMessage = `(state = 'sending' OR ` + unpaused + ` OR EXISTS (SELECT 1 FROM text_out t WHERE t.key = text_key AND t.kind = 'private'))`

// PauseRow is that a hotline is paused.
type PauseRow struct {
	Hotline phone.Number // its first number when it was paused
	Reason  string
	By      string
	Since   time.Time
}

// Pause stops all work at a hotline's numbers. If one of them is paused already, the reason and who gave it change.
func (s *Store) Pause(ctx context.Context, p PauseRow, numbers []phone.Number) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		in, args := list(1, numbers)
		hotline, since := string(p.Hotline), p.Since.UnixMicro()
		err := tx.QueryRowContext(ctx, `SELECT hotline, since FROM pause WHERE number IN `+in+` ORDER BY since LIMIT 1`, args...).Scan(&hotline, &since)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, number := range numbers {
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO pause (number, hotline, reason, paused_by, since) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (number) DO UPDATE SET hotline = EXCLUDED.hotline, reason = EXCLUDED.reason, paused_by = EXCLUDED.paused_by, since = EXCLUDED.since`,
				string(number), hotline, p.Reason, p.By, since); err != nil {
				return err
			}
		}
		return nil
	})
}

// Resume ends the pause of the hotline that a number belongs to, or belonged to when it was paused. What waited goes on once its lanes are
// woken. An agent's reply gets patience again before the ticket is told that nothing is known of it.
func (s *Store) Resume(ctx context.Context, number phone.Number, now time.Time, patience time.Duration) error {
	const numbers = `SELECT number FROM pause WHERE hotline = (SELECT hotline FROM pause WHERE number = $1)`
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := noteWaits(ctx, tx, numbers, number, now); err != nil {
			return fmt.Errorf("noting what a pause has held up: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE text_out SET patient_until = $2 WHERE patient_until > 0 AND patient_until < $2 AND hotline IN (`+numbers+`)`,
			string(number), now.Add(patience).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM pause WHERE number IN (`+numbers+`)`, string(number))
		return err
	})
}

// noteWaits writes down of each text that it has waited for the end of a pause. A condition that is there twice is that of a partial index,
// which SQLite does not see otherwise.
func noteWaits(ctx context.Context, tx *sql.Tx, numbers string, number phone.Number, now time.Time) error {
	for _, waiting := range []string{
		`SELECT message_sid AS item, hotline, received_at AS at FROM text_in WHERE state = 'pending'`,
		`SELECT m.text_key AS item, m.hotline, m.created_at AS at FROM message_out m JOIN text_out t ON t.key = m.text_key
			WHERE m.state = 'queued' AND m.state IN ('queued', 'sending') AND m.part = 1 AND t.kind <> 'private'`,
	} {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO step (item, at, until, times, what, detail, trouble, trace)
			SELECT w.item, CASE WHEN w.at > p.since THEN w.at ELSE p.since END, CAST($2 AS bigint), 1, 'waited: the hotline was paused', 'by ' || p.paused_by || ': ' || p.reason, FALSE, ''
			FROM (`+waiting+`) w JOIN pause p ON p.number = w.hotline WHERE p.number IN (`+numbers+`)`, string(number), now.UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}

// Paused returns the pause of the hotline with a number, or nil.
func (s *Store) Paused(ctx context.Context, number phone.Number) (*PauseRow, error) {
	p, err := scanPause(s.db.Read.QueryRowContext(ctx, `SELECT hotline, reason, paused_by, since FROM pause WHERE number = $1`, string(number)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &p, err
}

// Pauses returns which hotlines are paused, by number.
func (s *Store) Pauses(ctx context.Context) (all []PauseRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		p, err := scanPause(rows)
		all = append(all, p)
		return err
	}, `SELECT DISTINCT hotline, reason, paused_by, since FROM pause ORDER BY hotline`)
	return all, err
}

func scanPause(row scanner) (p PauseRow, err error) {
	var since int64
	err = row.Scan(&p.Hotline, &p.Reason, &p.By, &since)
	p.Since = time.UnixMicro(since)
	return p, err
}
