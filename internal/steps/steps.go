// Package steps is what happened to the items of a ledger that their rows do not say: answers of vendors, why something waits, what an
// operator did. telephony and ticketing each have a table step with it.
package steps

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Step is something that happened to an item. It has neither numbers of people nor words of texts in it.
type Step struct {
	Item    string    // the item's id
	At      time.Time // the first time; to be added: zero is now
	Until   time.Time // the last time
	Times   int
	What    string // in words for people
	Detail  string // a status, an error, an id
	Trouble bool   // something went wrong
	Trace   string // as telemetry.Carry returns it; empty: the item's
}

const (
	// most is how many steps are kept of one item: the newest.
	most = 200
	// quiet is how long the same trouble is not noted again where that would cost a commit of its own.
	quiet = time.Minute
)

// Add writes down what happened, in a transaction that is there anyway. Trouble that goes on is one step, with the newest detail that is
// known; other steps are the same only if their details are.
func Add(ctx context.Context, tx *sql.Tx, now time.Time, all ...Step) error {
	for _, step := range all {
		if err := add(ctx, tx, now, step); err != nil {
			return fmt.Errorf("noting a step: %w", err)
		}
	}
	return nil
}

func add(ctx context.Context, tx *sql.Tx, now time.Time, step Step) error {
	if step.At.IsZero() {
		step.At = now
	}
	r, err := tx.ExecContext(ctx, `
		UPDATE step SET times = times + 1, until = $1, detail = CASE WHEN $2 = '' THEN detail ELSE $2 END
		WHERE seq = (SELECT max(seq) FROM step WHERE item = $3) AND what = $4 AND trouble = $5 AND (trouble OR detail = $2)`,
		step.At.UnixMicro(), step.Detail, step.Item, step.What, step.Trouble)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO step (item, at, until, times, what, detail, trouble, trace) VALUES ($1, $2, $2, 1, $3, $4, $5, $6)`,
		step.Item, step.At.UnixMicro(), step.What, step.Detail, step.Trouble, step.Trace); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM step WHERE item = $1 AND seq <= (SELECT seq FROM step WHERE item = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)`,
		step.Item, most)
	return err
}

// Note writes down what happened where nothing else is written. A lane may try again each second, and thousands do so during an outage, so
// the same trouble within a minute is only read: times and until then go by minutes.
func Note(ctx context.Context, db *sqldb.DB, now time.Time, step Step) error {
	var what string
	var until int64
	err := db.Read.QueryRowContext(ctx, `SELECT what, until FROM step WHERE item = $1 ORDER BY seq DESC LIMIT 1`, step.Item).Scan(&what, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading the last step: %w", err)
	}
	if err == nil && what == step.What && now.Sub(time.UnixMicro(until)) < quiet {
		return nil
	}
	return db.Update(ctx, func(tx *sql.Tx) error { return Add(ctx, tx, now, step) })
}

// Of returns what happened to an item, oldest first.
func Of(ctx context.Context, db *sqldb.DB, item string) (all []Step, err error) {
	rows, err := db.Read.QueryContext(ctx, `SELECT at, until, times, what, detail, trouble, trace FROM step WHERE item = $1 ORDER BY seq`, item)
	if err != nil {
		return nil, fmt.Errorf("reading steps: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		step := Step{Item: item}
		var at, until int64
		if err := rows.Scan(&at, &until, &step.Times, &step.What, &step.Detail, &step.Trouble, &step.Trace); err != nil {
			return nil, err
		}
		step.At, step.Until = time.UnixMicro(at), time.UnixMicro(until)
		all = append(all, step)
	}
	return all, rows.Err()
}
