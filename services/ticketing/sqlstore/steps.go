package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Step is something that happened to an item and that its row does not say.
type Step struct {
	At      time.Time // the first time; to be added: zero is now
	Until   time.Time // the last time
	Times   int
	What    string // in words for people
	Detail  string // a status, an error, an id; neither numbers of people nor words of texts
	Trouble bool
	Trace   string // as telemetry.Carry returns it; empty: the item's
}

const (
	// maxSteps is how many steps of an item are kept; the oldest go.
	maxSteps = 200
	// quiet is how long the same step is not noted again where it would cost a commit of its own.
	quiet = time.Minute
)

// addSteps notes what happened to an item. Trouble that goes on is one step, with the newest detail that is known; other steps
// are the same only if their details are.
func addSteps(ctx context.Context, tx *sql.Tx, item string, now time.Time, steps ...Step) error {
	for _, step := range steps {
		r, err := tx.ExecContext(ctx, `
			UPDATE step SET times = times + 1, until = $1, detail = CASE WHEN $2 = '' THEN detail ELSE $2 END
			WHERE seq = (SELECT max(seq) FROM step WHERE item = $3) AND what = $4 AND trouble = $5 AND (trouble OR detail = $2)`,
			now.UnixMicro(), step.Detail, item, step.What, step.Trouble)
		if err != nil {
			return fmt.Errorf("noting a step: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n > 0 {
			if err != nil {
				return err
			}
			continue
		}
		at := step.At
		if at.IsZero() {
			at = now
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO step (item, at, until, times, what, detail, trouble, trace) VALUES ($1, $2, $2, 1, $3, $4, $5, $6)`,
			item, at.UnixMicro(), step.What, step.Detail, step.Trouble, step.Trace); err != nil {
			return fmt.Errorf("noting a step: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `
			DELETE FROM step WHERE item = $1 AND seq <= (SELECT seq FROM step WHERE item = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)`,
			item, maxSteps); err != nil {
			return fmt.Errorf("dropping old steps: %w", err)
		}
	}
	return nil
}

// NoteStep notes what happened to an item where nothing else is written. The same trouble again within a minute is not written,
// so that an outage does not cost a commit for each attempt at each lane.
func (s *Store) NoteStep(ctx context.Context, item string, step Step, now time.Time) error {
	var what string
	var until int64
	err := s.db.Read.QueryRowContext(ctx, `SELECT what, until FROM step WHERE item = $1 ORDER BY seq DESC LIMIT 1`, item).Scan(&what, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading the last step: %w", err)
	}
	if err == nil && what == step.What && now.Sub(time.UnixMicro(until)) < quiet {
		return nil
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error { return addSteps(ctx, tx, item, now, step) })
}

// Steps returns what happened to an item, oldest first.
func (s *Store) Steps(ctx context.Context, item string) (steps []Step, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT at, until, times, what, detail, trouble, trace FROM step WHERE item = $1 ORDER BY seq`, item)
	if err != nil {
		return nil, fmt.Errorf("reading steps: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var step Step
		var at, until int64
		if err := rows.Scan(&at, &until, &step.Times, &step.What, &step.Detail, &step.Trouble, &step.Trace); err != nil {
			return nil, err
		}
		step.At, step.Until = time.UnixMicro(at), time.UnixMicro(until)
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// takenUp is the steps of an item that was given up and is tried again: why it was, which its row does not say any more, and
// what takes it up.
func takenUp(reason string, at time.Time, by Step) []Step {
	return []Step{{At: at, What: "given up", Detail: reason, Trouble: true}, by}
}
