package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// AgentRow is somebody who is set up to call back.
type AgentRow struct {
	UserID     int64
	Name       string
	Phone      []byte // sealed
	PhoneIndex string
	EnrolledAt time.Time
}

const agentColumns = `user_id, name, phone, phone_index, enrolled_at`

func scanAgent(row interface{ Scan(...any) error }) (a AgentRow, err error) {
	var at int64
	err = row.Scan(&a.UserID, &a.Name, &a.Phone, &a.PhoneIndex, &at)
	a.EnrolledAt = time.UnixMicro(at)
	return a, found(err)
}

// FindAgent returns an agent, or ErrNotFound.
func (s *Store) FindAgent(ctx context.Context, userID int64) (AgentRow, error) {
	return scanAgent(s.db.Read.QueryRowContext(ctx, `SELECT `+agentColumns+` FROM agent WHERE user_id = $1`, userID))
}

// AgentByPhone returns the agent with a number, or ErrNotFound.
func (s *Store) AgentByPhone(ctx context.Context, index string) (AgentRow, error) {
	return scanAgent(s.db.Read.QueryRowContext(ctx, `SELECT `+agentColumns+` FROM agent WHERE phone_index = $1`, index))
}

// Agents returns all agents, by name.
func (s *Store) Agents(ctx context.Context) (all []AgentRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+agentColumns+` FROM agent ORDER BY name, user_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanAgent(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// Member reports whether an agent has proved that they work in a mailbox, since a time.
func (s *Store) Member(ctx context.Context, userID, mailboxID int64, since time.Time) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM membership WHERE user_id = $1 AND mailbox_id = $2 AND proven_at > $3`,
		userID, mailboxID, since.UnixMicro()).Scan(&n)
	return n > 0, err
}

// Mailbox returns the mailbox in which an agent last proved that they work, or ErrNotFound.
func (s *Store) Mailbox(ctx context.Context, userID int64) (id int64, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT mailbox_id FROM membership WHERE user_id = $1 ORDER BY proven_at DESC LIMIT 1`, userID).Scan(&id)
	return id, found(err)
}

// Enrol sets an agent up, with what a code has proved: the phone, and, if mailboxID is not 0, the mailbox. If somebody else has the
// phone, or the agent has another one, it reports false. older are the indexes under which the phone may have been noted before.
func (s *Store) Enrol(ctx context.Context, a AgentRow, mailboxID int64, older ...string) (ok bool, err error) {
	in, args := placeholders(6, append(older, a.PhoneIndex))
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `
			INSERT INTO agent (user_id, name, phone, phone_index, enrolled_at) SELECT $1, $2, $3, $4, $5
			WHERE NOT EXISTS (SELECT 1 FROM agent WHERE phone_index IN `+in+` AND user_id <> $1)
			ON CONFLICT (user_id) DO UPDATE SET name = EXCLUDED.name WHERE agent.phone_index IN `+in,
			append([]any{a.UserID, a.Name, a.Phone, a.PhoneIndex, a.EnrolledAt.UnixMicro()}, args...)...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if ok = n == 1; !ok || err != nil || mailboxID == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO membership (user_id, mailbox_id, proven_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_id, mailbox_id) DO UPDATE SET proven_at = EXCLUDED.proven_at`, a.UserID, mailboxID, a.EnrolledAt.UnixMicro())
		return err
	})
	return ok, err
}

// ChangePhone gives an agent another phone and ends their sessions but one. If somebody else has the phone it reports false. older is
// as in Enrol.
func (s *Store) ChangePhone(ctx context.Context, userID int64, phone []byte, index, keep string, older ...string) (ok bool, err error) {
	in, args := placeholders(4, append(older, index))
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `
			UPDATE agent SET phone = $1, phone_index = $2
			WHERE user_id = $3 AND NOT EXISTS (SELECT 1 FROM agent WHERE phone_index IN `+in+` AND user_id <> $3)`,
			append([]any{phone, index, userID}, args...)...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if ok = n == 1; !ok || err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM session WHERE user_id = $1 AND hash <> $2`, userID, keep)
		return err
	})
	return ok, err
}

// Reseal writes an agent's phone anew, under another key, unless it was changed since.
func (s *Store) Reseal(ctx context.Context, a AgentRow, phone []byte, index string) error {
	_, err := s.exec(ctx, `UPDATE agent SET phone = $1, phone_index = $2 WHERE user_id = $3 AND phone_index = $4`, phone, index, a.UserID, a.PhoneIndex)
	return err
}

// placeholders are for a list of strings after IN, from the nth on.
func placeholders(n int, values []string) (in string, args []any) {
	for i, v := range values {
		if i > 0 {
			in += ", "
		}
		in += fmt.Sprintf("$%d", n+i)
		args = append(args, v)
	}
	return "(" + in + ")", args
}

// Revoke forgets an agent and ends their sessions. It reports whether there was one.
func (s *Store) Revoke(ctx context.Context, userID int64) (was bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, query := range []string{
			`DELETE FROM session WHERE user_id = $1`, `DELETE FROM membership WHERE user_id = $1`, `UPDATE code SET used = TRUE WHERE user_id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, query, userID); err != nil {
				return err
			}
		}
		r, err := tx.ExecContext(ctx, `DELETE FROM agent WHERE user_id = $1`, userID)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		was = n == 1
		return err
	})
	return was, err
}
