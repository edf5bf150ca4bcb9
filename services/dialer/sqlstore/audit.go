package sqlstore

import (
	"context"
	"time"
)

// AuditRow is one thing that somebody did or tried.
type AuditRow struct {
	At             time.Time
	UserID         int64
	Name           string
	Action         string
	ConversationID int64
	Detail         string
	Source         string
}

// AddAudit writes an entry.
func (s *Store) AddAudit(ctx context.Context, a AuditRow) error {
	_, err := s.exec(ctx, `INSERT INTO audit (at, user_id, name, action, conversation_id, detail, source) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		a.At.UnixMicro(), a.UserID, a.Name, a.Action, a.ConversationID, a.Detail, a.Source)
	return err
}

// Audit returns the newest entries, of one agent or, if userID is 0, of all.
func (s *Store) Audit(ctx context.Context, userID int64, limit int) (all []AuditRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT at, user_id, name, action, conversation_id, detail, source FROM audit WHERE $1 = 0 OR user_id = $1 ORDER BY seq DESC LIMIT $2`, userID, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a AuditRow
		var at int64
		if err := rows.Scan(&at, &a.UserID, &a.Name, &a.Action, &a.ConversationID, &a.Detail, &a.Source); err != nil {
			return nil, err
		}
		a.At = time.UnixMicro(at)
		all = append(all, a)
	}
	return all, rows.Err()
}
