package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// window is how far back spending counts. Help Scout counts by the minute; whether its minutes are fixed or
// sliding is not published, and a sliding one of ours stays within both.
const window = time.Minute

// Spend takes units of the account's budget. When that would bring the last minute above share (0 to 1) of what
// is allowed, it takes nothing and returns how long to wait before asking again.
func (s *Store) Spend(ctx context.Context, units int, share float64, now time.Time) (wait time.Duration, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		wait = 0
		b, err := s.lockBudget(ctx, tx, now)
		if err != nil {
			return err
		}
		if b.blocked > 0 {
			wait = b.blocked
			return nil
		}
		spent, oldest, err := spent(ctx, tx, now)
		if err != nil {
			return err
		}
		if b.allowed > 0 && float64(spent+b.others+units) > float64(b.allowed)*share && spent+b.others > 0 {
			wait = window / 4
			if !oldest.IsZero() {
				wait = max(10*time.Millisecond, oldest.Add(window).Sub(now))
			}
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM spend WHERE at <= $1`, now.Add(-window).UnixMicro()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO spend (at, units) VALUES ($1, $2)`, now.UnixMicro(), units)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking from the budget: %w", err)
	}
	return wait, nil
}

type budgetRow struct {
	allowed, others int
	blocked         time.Duration
}

func (s *Store) lockBudget(ctx context.Context, tx *sql.Tx, now time.Time) (b budgetRow, err error) {
	var othersAt, blocked int64
	err = tx.QueryRowContext(ctx, `SELECT allowed, others, others_at, blocked_until FROM budget WHERE id = 1`+s.db.ForUpdate()).
		Scan(&b.allowed, &b.others, &othersAt, &blocked)
	if time.UnixMicro(othersAt).Before(now.Add(-window)) {
		b.others = 0
	}
	b.blocked = max(0, time.UnixMicro(blocked).Sub(now))
	return b, err
}

func spent(ctx context.Context, tx *sql.Tx, now time.Time) (units int, oldest time.Time, err error) {
	var sum, first sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT sum(units), min(at) FROM spend WHERE at > $1`, now.Add(-window).UnixMicro()).Scan(&sum, &first)
	if first.Valid {
		oldest = time.UnixMicro(first.Int64)
	}
	return int(sum.Int64), oldest, err
}

// Allowed notes how many units a minute the account has, and how many Help Scout says are left: what is missing and
// not ours was spent by others.
func (s *Store) Allowed(ctx context.Context, allowed, remaining int, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := s.lockBudget(ctx, tx, now); err != nil {
			return err
		}
		ours, _, err := spent(ctx, tx, now)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE budget SET allowed = $1, others = $2, others_at = $3 WHERE id = 1`,
			allowed, max(0, allowed-remaining-ours), now.UnixMicro())
		return err
	})
}

// Block stops all spending until a time.
func (s *Store) Block(ctx context.Context, until time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE budget SET blocked_until = $1 WHERE id = 1 AND blocked_until < $1`, until.UnixMicro())
		return err
	})
}

// Left returns how many units of this minute are left; false when the allowance is not known.
func (s *Store) Left(ctx context.Context, now time.Time) (units int, known bool, err error) {
	var allowed, sum sql.NullInt64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT allowed, COALESCE((SELECT sum(units) FROM spend WHERE at > $1), 0) + CASE WHEN others_at > $1 THEN others ELSE 0 END
		FROM budget WHERE id = 1`, now.Add(-window).UnixMicro()).
		Scan(&allowed, &sum)
	return int(allowed.Int64 - sum.Int64), allowed.Int64 > 0, err
}
