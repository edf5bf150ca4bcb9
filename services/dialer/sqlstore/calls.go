package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// AddCall notes whose a call is, and that it may be going on. It reports false if it is somebody else's.
func (s *Store) AddCall(ctx context.Context, key string, userID, conversationID int64, now time.Time) (theirs bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO call (key, user_id, conversation_id, started_at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET over = FALSE WHERE call.user_id = EXCLUDED.user_id`,
			key, userID, conversationID, now.UnixMicro()); err != nil {
			return err
		}
		var owner int64
		err := tx.QueryRowContext(ctx, `SELECT user_id FROM call WHERE key = $1`, key).Scan(&owner)
		theirs = owner == userID
		return err
	})
	return theirs, err
}

// CallConversation returns the conversation of an agent's call, or ErrNotFound.
func (s *Store) CallConversation(ctx context.Context, key string, userID int64) (id int64, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT conversation_id FROM call WHERE key = $1 AND user_id = $2`, key, userID).Scan(&id)
	return id, found(err)
}

// OpenCall returns an agent's last call that is not over as far as we know, or ErrNotFound.
func (s *Store) OpenCall(ctx context.Context, userID int64) (key string, startedAt time.Time, err error) {
	var at int64
	err = s.db.Read.QueryRowContext(ctx, `SELECT key, started_at FROM call WHERE user_id = $1 AND NOT over ORDER BY started_at DESC LIMIT 1`, userID).Scan(&key, &at)
	return key, time.UnixMicro(at), found(err)
}

// CallOver notes that a call is over.
func (s *Store) CallOver(ctx context.Context, key string) error {
	_, err := s.exec(ctx, `UPDATE call SET over = TRUE WHERE key = $1`, key)
	return err
}
