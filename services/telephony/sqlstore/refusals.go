package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// What a text that came in may change about what its sender gets.
const (
	OptOut = "out" // no more texts
	OptIn  = "in"  // texts again
)

// optOut notes whether a supporter wants texts from a hotline. It reports whether that is a change. late says that it was said at a
// time in the past: then it counts only if nothing was said since.
func optOut(ctx context.Context, tx *sql.Tx, hotline phone.Number, supporter string, out bool, at time.Time, source string, late bool) (changed bool, err error) {
	fresh, changed, err := noteWish(ctx, tx, "opt_out", "opted_out", hotline, supporter, out, at, source, late)
	return changed || fresh && out, err
}

// OptedOutAtCarrier notes that a supporter told the carrier, at a time in the past, that they want no texts. It reports whether that is a
// change.
func (s *Store) OptedOutAtCarrier(ctx context.Context, hotline phone.Number, supporter string, at time.Time) (changed bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		changed, err = optOut(ctx, tx, hotline, supporter, true, at, "carrier", true)
		return err
	})
	return changed && err == nil, err
}

// noteWish keeps the last thing that a supporter has said about something, also when it is nothing new: what is found later may be
// older. It reports whether it is the first thing that they said, or else the opposite of what they said before.
func noteWish(ctx context.Context, tx *sql.Tx, table, column string, hotline phone.Number, supporter string, no bool, at time.Time, source string, late bool) (fresh, changed bool, err error) {
	do := func(query string, args ...any) (bool, error) {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return false, fmt.Errorf("noting a wish: %w", err)
		}
		n, err := r.RowsAffected()
		return n > 0, err
	}
	fresh, err = do(`INSERT INTO `+table+` (hotline, supporter, `+column+`, at, source) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hotline, supporter) DO NOTHING`,
		string(hotline), supporter, no, at.UnixMicro(), source)
	if err != nil || fresh {
		return fresh, false, err
	}
	stands := at // what was said later stands
	if !late {
		stands = farAway
	}
	changed, err = do(`UPDATE `+table+` SET `+column+` = $3, at = $4, source = $5 WHERE hotline = $1 AND supporter = $2 AND `+column+` <> $3 AND at <= $6`,
		string(hotline), supporter, no, at.UnixMicro(), source, stands.UnixMicro())
	if err != nil || changed {
		return false, changed, err
	}
	_, err = do(`UPDATE `+table+` SET at = $4 WHERE hotline = $1 AND supporter = $2 AND `+column+` = $3 AND at < $4`, string(hotline), supporter, no, at.UnixMicro())
	return false, false, err
}

// farAway is later than anything.
var farAway = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// OptedOut reports whether a supporter wants no texts from a hotline.
func (s *Store) OptedOut(ctx context.Context, hotline phone.Number, supporter string) (out bool, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT opted_out FROM opt_out WHERE hotline = $1 AND supporter = $2`, string(hotline), supporter).Scan(&out)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return out, err
}

// BlockRow is a number that is kept out.
type BlockRow struct {
	Number  phone.Number
	Hotline phone.Number // empty: all
	Reason  string
	By      string
	Until   time.Time // zero: for good
}

// PutBlock keeps a number out.
func (s *Store) PutBlock(ctx context.Context, b BlockRow, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO block (number, hotline, reason, blocked_by, created_at, until) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (number, hotline) DO UPDATE SET reason = EXCLUDED.reason, blocked_by = EXCLUDED.blocked_by, until = EXCLUDED.until`,
			string(b.Number), string(b.Hotline), b.Reason, b.By, now.UnixMicro(), micros(b.Until))
		return err
	})
}

// RemoveBlock lets a number in again.
func (s *Store) RemoveBlock(ctx context.Context, number, hotline phone.Number) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM block WHERE number = $1 AND hotline = $2`, string(number), string(hotline))
		return err
	})
}

const blockColumns = `number, hotline, reason, blocked_by, until`

func scanBlock(row scanner) (b BlockRow, err error) {
	var until int64
	err = row.Scan(&b.Number, &b.Hotline, &b.Reason, &b.By, &until)
	b.Until = fromMicros(until)
	return b, err
}

// Blocked returns what keeps a number out of a hotline, or nil.
func (s *Store) Blocked(ctx context.Context, number string, hotline phone.Number, now time.Time) (*BlockRow, error) {
	b, err := scanBlock(s.db.Read.QueryRowContext(ctx, `
		SELECT `+blockColumns+` FROM block WHERE number = $1 AND hotline IN ('', $2) AND (until = 0 OR until > $3) ORDER BY hotline DESC LIMIT 1`,
		number, string(hotline), now.UnixMicro()))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &b, err
}

// Blocks returns who is kept out now.
func (s *Store) Blocks(ctx context.Context, now time.Time) (all []BlockRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+blockColumns+` FROM block WHERE until = 0 OR until > $1 ORDER BY number, hotline`, now.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		b, err := scanBlock(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}
