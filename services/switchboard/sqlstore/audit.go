package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// AuditRow is one thing that somebody did or tried.
type AuditRow struct {
	Seq     int64 // ascending; see Audit
	At      time.Time
	Who     string
	Action  string
	Subject string
	Detail  string
	Source  string
	Outcome string // empty: it is under way, or was cut off
}

// AddAudit writes an entry and returns its Seq.
func (s *Store) AddAudit(ctx context.Context, a AuditRow) (seq int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `INSERT INTO audit (at, who, action, subject, detail, source, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING seq`,
			a.At.UnixMicro(), a.Who, a.Action, a.Subject, a.Detail, a.Source, a.Outcome).Scan(&seq)
	})
	return seq, err
}

// EndAudit says how something ended that was begun. What has an outcome keeps it.
func (s *Store) EndAudit(ctx context.Context, seq int64, outcome string) error {
	return s.exec(ctx, `UPDATE audit SET outcome = $1 WHERE seq = $2 AND outcome = ''`, outcome, seq)
}

// Audit returns the newest entries, newest first; if before is not 0, of those with a smaller Seq.
func (s *Store) Audit(ctx context.Context, before int64, limit int) (all []AuditRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT seq, at, who, action, subject, detail, source, outcome FROM audit WHERE $1 = 0 OR seq < $1 ORDER BY seq DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a AuditRow
		var at int64
		if err := rows.Scan(&a.Seq, &at, &a.Who, &a.Action, &a.Subject, &a.Detail, &a.Source, &a.Outcome); err != nil {
			return nil, err
		}
		a.At = time.UnixMicro(at)
		all = append(all, a)
	}
	return all, rows.Err()
}
