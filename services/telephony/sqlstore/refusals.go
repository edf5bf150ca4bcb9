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

// optOut notes whether a supporter wants texts from a hotline. It reports whether that is a change.
func optOut(ctx context.Context, tx *sql.Tx, hotline phone.Number, supporter string, out bool, now time.Time, source string) (changed bool, err error) {
	r, err := tx.ExecContext(ctx, `
		INSERT INTO opt_out (hotline, supporter, opted_out, at, source) SELECT $1, $2, $3, $4, $5
		WHERE $3 OR EXISTS (SELECT 1 FROM opt_out WHERE hotline = $1 AND supporter = $2)
		ON CONFLICT (hotline, supporter) DO UPDATE SET opted_out = EXCLUDED.opted_out, at = EXCLUDED.at, source = EXCLUDED.source
		WHERE opt_out.opted_out <> EXCLUDED.opted_out`,
		string(hotline), supporter, out, now.UnixMicro(), source)
	if err != nil {
		return false, fmt.Errorf("noting an opt-out: %w", err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

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
