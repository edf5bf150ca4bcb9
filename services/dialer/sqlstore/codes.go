package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// CodeRow is what was asked for: to be set up, to sign in, to change the phone.
type CodeRow struct {
	ID             string
	Purpose        string
	UserID         int64 // 0: nobody has the number
	Name           string
	MailboxID      int64
	ConversationID int64
	Phone          []byte // sealed
	PhoneIndex     string
	Ending         string
	NoteHash       string // empty: there is no code in a note
	TextHash       string
	Source         string
	CreatedAt      time.Time
}

// Asked is how often codes were asked for in the last hour.
type Asked struct {
	ByUser, ByPhone, BySource, All int // that were given
	Guesses                        int // from the same source, for numbers that nobody has
}

// AskCode notes a code that is asked for, if allow has nothing against it. What allow sees is exact.
func (s *Store) AskCode(ctx context.Context, c CodeRow, allow func(Asked) error) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		// One after the other: this row is what they queue for.
		if _, err := tx.ExecContext(ctx, `INSERT INTO turn (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = turn.n + 1`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO code (id, purpose, user_id, name, mailbox_id, conversation_id, phone, phone_index, ending, note_hash, text_hash, source, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			c.ID, c.Purpose, c.UserID, c.Name, c.MailboxID, c.ConversationID, c.Phone, c.PhoneIndex, c.Ending, c.NoteHash, c.TextHash, c.Source, c.CreatedAt.UnixMicro()); err != nil {
			return err
		}
		var a Asked
		if err := tx.QueryRowContext(ctx, `
			SELECT count(CASE WHEN user_id = $1 AND $1 <> 0 THEN 1 END), count(CASE WHEN phone_index = $2 AND user_id <> 0 THEN 1 END),
				count(CASE WHEN source = $3 AND user_id <> 0 THEN 1 END), count(CASE WHEN user_id <> 0 THEN 1 END),
				count(CASE WHEN source = $3 AND user_id = 0 THEN 1 END)
			FROM code WHERE created_at > $4`, c.UserID, c.PhoneIndex, c.Source, c.CreatedAt.Add(-time.Hour).UnixMicro()).
			Scan(&a.ByUser, &a.ByPhone, &a.BySource, &a.All, &a.Guesses); err != nil {
			return err
		}
		return allow(a)
	})
}

// MaxTries is how often a code may be typed in wrong.
const MaxTries = 5

// TryCode counts a try at a code that was asked for after a time and that is not used, and returns it. ErrNotFound: it may not be
// tried any more.
func (s *Store) TryCode(ctx context.Context, id string, since time.Time) (c CodeRow, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, `
			UPDATE code SET tries = tries + 1 WHERE id = $1 AND created_at > $2 AND NOT used AND tries < $3
			RETURNING id, purpose, user_id, name, mailbox_id, conversation_id, phone, phone_index, ending, note_hash, text_hash, source, created_at`,
			id, since.UnixMicro(), MaxTries).
			Scan(&c.ID, &c.Purpose, &c.UserID, &c.Name, &c.MailboxID, &c.ConversationID, &c.Phone, &c.PhoneIndex, &c.Ending, &c.NoteHash, &c.TextHash, &c.Source, &at)
		c.CreatedAt = time.UnixMicro(at)
		return found(err)
	})
	return c, err
}

// UseCode uses a code up. It reports false if somebody else has done so before.
func (s *Store) UseCode(ctx context.Context, id string) (mine bool, err error) {
	n, err := s.exec(ctx, `UPDATE code SET used = TRUE WHERE id = $1 AND NOT used`, id)
	return n == 1, err
}
