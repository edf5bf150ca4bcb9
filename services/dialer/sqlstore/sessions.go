package sqlstore

import (
	"context"
	"time"
)

// OpenSession notes that an agent is signed in. hash is that of the cookie's value.
func (s *Store) OpenSession(ctx context.Context, hash string, userID int64, now time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO session (hash, user_id, created_at, seen_at) VALUES ($1, $2, $3, $3)`, hash, userID, now.UnixMicro())
	return err
}

// SessionAgent returns who is signed in with a session that was opened after one time and seen after another, or ErrNotFound.
func (s *Store) SessionAgent(ctx context.Context, hash string, opened, seen time.Time) (a AgentRow, lastSeen time.Time, err error) {
	var at, last int64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT a.user_id, a.name, a.phone, a.phone_index, a.enrolled_at, s.seen_at FROM session s JOIN agent a ON a.user_id = s.user_id
		WHERE s.hash = $1 AND s.created_at > $2 AND s.seen_at > $3`, hash, opened.UnixMicro(), seen.UnixMicro()).
		Scan(&a.UserID, &a.Name, &a.Phone, &a.PhoneIndex, &at, &last)
	a.EnrolledAt = time.UnixMicro(at)
	return a, time.UnixMicro(last), found(err)
}

// SawSession notes that a session is in use.
func (s *Store) SawSession(ctx context.Context, hash string, now time.Time) error {
	_, err := s.exec(ctx, `UPDATE session SET seen_at = $1 WHERE hash = $2`, now.UnixMicro(), hash)
	return err
}

// CloseSession signs somebody out.
func (s *Store) CloseSession(ctx context.Context, hash string) error {
	_, err := s.exec(ctx, `DELETE FROM session WHERE hash = $1`, hash)
	return err
}
