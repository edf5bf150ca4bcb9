package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// StepRow is something that happened to an item and that the item's own row does not say. It has neither numbers of people nor words of
// texts in it.
type StepRow struct {
	Item    string // MessageSid or RecordingSid, key of a text or call back, CallSid, key of a file
	At      time.Time
	Until   time.Time // the last time
	Times   int
	What    string // in words for people
	Detail  string
	Trouble bool   // something went wrong
	Trace   string // as carried
}

const (
	// maxSteps is how many steps are kept of one item: the newest.
	maxSteps = 200
	// noteEvery is how often the same step is written that happens all the time.
	noteEvery = time.Minute
)

// Note writes down why something has not been done yet. A lane may try again each second, and thousands do so during an outage, so what
// was noted within the last minute is only read: times and until then go by minutes.
func (s *Store) Note(ctx context.Context, st StepRow) error {
	var lately bool
	if err := s.db.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM step WHERE item = $1 AND what = $2 AND detail = $3 AND until > $4)`,
		st.Item, st.What, st.Detail, st.At.Add(-noteEvery).UnixMicro()).Scan(&lately); err != nil || lately {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error { return note(ctx, tx, st) })
}

// note writes down what happened. The same right after itself is not another row.
func note(ctx context.Context, tx *sql.Tx, st StepRow) error {
	at := st.At.UnixMicro()
	r, err := tx.ExecContext(ctx, `
		UPDATE step SET times = times + 1, until = $1 WHERE seq = (SELECT max(seq) FROM step WHERE item = $2) AND what = $3 AND detail = $4`,
		at, st.Item, st.What, st.Detail)
	if err != nil {
		return fmt.Errorf("noting a step: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO step (item, at, until, times, what, detail, trouble, trace) VALUES ($1, $2, $2, 1, $3, $4, $5, $6)`,
		st.Item, at, st.What, st.Detail, st.Trouble, st.Trace); err != nil {
		return fmt.Errorf("noting a step: %w", err)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM step WHERE item = $1 AND seq <= (SELECT seq FROM step WHERE item = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)`, st.Item, maxSteps)
	return err
}

func noteAll(ctx context.Context, tx *sql.Tx, steps []StepRow) error {
	for _, st := range steps {
		if err := note(ctx, tx, st); err != nil {
			return err
		}
	}
	return nil
}

// Steps returns what was noted of an item, oldest first.
func (s *Store) Steps(ctx context.Context, item string) (steps []StepRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		st := StepRow{Item: item}
		var at, until int64
		err := rows.Scan(&at, &until, &st.Times, &st.What, &st.Detail, &st.Trouble, &st.Trace)
		st.At, st.Until = time.UnixMicro(at), time.UnixMicro(until)
		steps = append(steps, st)
		return err
	}, `SELECT at, until, times, what, detail, trouble, trace FROM step WHERE item = $1 ORDER BY seq`, item)
	return steps, err
}

// inOrder is strings sorted, each once, as Wake wants lanes.
func inOrder(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
