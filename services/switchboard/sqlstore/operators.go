package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// OperatorRow is somebody who may use the switchboard.
type OperatorRow struct {
	Name      string // in small letters
	Role      string // see Viewer
	Password  string // hashed; empty: none was chosen yet
	InvitedAt time.Time
	SeenAt    time.Time // zero: never
}

// The roles, as they are stored.
const (
	Viewer   = "viewer"
	Operator = "operator"
)

const operatorColumns = `o.name, o.role, o.password, o.invited_at, o.seen_at`

func scanOperator(row interface{ Scan(...any) error }, more ...any) (o OperatorRow, err error) {
	var invited, seen int64
	err = row.Scan(append([]any{&o.Name, &o.Role, &o.Password, &invited, &seen}, more...)...)
	o.InvitedAt = time.UnixMicro(invited)
	if seen != 0 {
		o.SeenAt = time.UnixMicro(seen)
	}
	return o, found(err)
}

// Invite lets somebody choose a password by a link, of which hash is the hash. Who is there already gets the role given now, and keeps
// the password until they choose another; links from before do not work any more. An empty role is the one that they have, or Viewer.
func (s *Store) Invite(ctx context.Context, name, role, hash string, now time.Time) error {
	at, known := now.UnixMicro(), `UPDATE SET role = EXCLUDED.role`
	if role == "" {
		role, known = Viewer, `NOTHING`
	}
	return s.all(ctx,
		statement{`INSERT INTO operator (name, role, invited_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO ` + known, []any{name, role, at}},
		statement{`INSERT INTO invitation (name, hash, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET hash = EXCLUDED.hash, created_at = EXCLUDED.created_at`, []any{name, hash, at}})
}

// Invitation returns whose a link is that was made after a time, or ErrNotFound.
func (s *Store) Invitation(ctx context.Context, hash string, since time.Time) (name string, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT name FROM invitation WHERE hash = $1 AND created_at > $2`, hash, since.UnixMicro()).Scan(&name)
	return name, found(err)
}

// TakeInvitation uses a link up and gives whoever it is of a password. They are signed out everywhere, and what was typed wrong before is
// forgotten. nameHash is as in AttemptRow. ErrNotFound: the link does not work, or not any more.
func (s *Store) TakeInvitation(ctx context.Context, hash string, since time.Time, password string, nameHash func(string) string) (name string, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `DELETE FROM invitation WHERE hash = $1 AND created_at > $2 RETURNING name`, hash, since.UnixMicro()).Scan(&name)
		if err != nil {
			return found(err)
		}
		return each(ctx, tx, statement{`UPDATE operator SET password = $1 WHERE name = $2`, []any{password, name}},
			statement{`DELETE FROM session WHERE name = $1`, []any{name}}, statement{`DELETE FROM attempt WHERE name_hash = $1`, []any{nameHash(name)}})
	})
	return name, err
}

// FindOperator returns an operator, or ErrNotFound.
func (s *Store) FindOperator(ctx context.Context, name string) (OperatorRow, error) {
	return scanOperator(s.db.Read.QueryRowContext(ctx, `SELECT `+operatorColumns+` FROM operator o WHERE o.name = $1`, name))
}

// Operators returns all operators, by name.
func (s *Store) Operators(ctx context.Context) (all []OperatorRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+operatorColumns+` FROM operator o ORDER BY o.name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOperator(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// Remove forgets an operator, and ends their sessions. It reports whether there was one.
func (s *Store) Remove(ctx context.Context, name string) (was bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		// The operator first: whoever is signing in as them waits for that, or is waited for.
		r, err := tx.ExecContext(ctx, `DELETE FROM operator WHERE name = $1`, name)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		was = n == 1
		args := []any{name}
		return each(ctx, tx, statement{`DELETE FROM session WHERE name = $1`, args}, statement{`DELETE FROM invitation WHERE name = $1`, args})
	})
	return was, err
}

// OpenSession notes that an operator is signed in, if they have the password that was checked. hash is that of the cookie's value.
// ErrNotFound: they have another one by now, or were removed.
func (s *Store) OpenSession(ctx context.Context, hash, name, password string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		var is string
		// The row is written so that whoever removes the operator, or changes the password, comes before or after.
		if err := tx.QueryRowContext(ctx, `UPDATE operator SET seen_at = $1 WHERE name = $2 AND password = $3 RETURNING name`,
			now.UnixMicro(), name, password).Scan(&is); err != nil {
			return found(err)
		}
		return each(ctx, tx, statement{`INSERT INTO session (hash, name, created_at, seen_at) VALUES ($1, $2, $3, $3)`, []any{hash, name, now.UnixMicro()}})
	})
}

// SessionOperator returns who is signed in with a session that was opened after one time and seen after another, or ErrNotFound.
func (s *Store) SessionOperator(ctx context.Context, hash string, opened, seen time.Time) (o OperatorRow, lastSeen time.Time, err error) {
	var last int64
	o, err = scanOperator(s.db.Read.QueryRowContext(ctx, `
		SELECT `+operatorColumns+`, s.seen_at FROM session s JOIN operator o ON o.name = s.name
		WHERE s.hash = $1 AND s.created_at > $2 AND s.seen_at > $3`, hash, opened.UnixMicro(), seen.UnixMicro()), &last)
	return o, time.UnixMicro(last), err
}

// SawSession notes that a session is in use, and whose it is.
func (s *Store) SawSession(ctx context.Context, hash string, now time.Time) error {
	at := now.UnixMicro()
	return s.all(ctx, statement{`UPDATE session SET seen_at = $1 WHERE hash = $2`, []any{at, hash}},
		statement{`UPDATE operator SET seen_at = $1 WHERE name = (SELECT name FROM session WHERE hash = $2)`, []any{at, hash}})
}

// CloseSession signs somebody out.
func (s *Store) CloseSession(ctx context.Context, hash string) error {
	return s.exec(ctx, `DELETE FROM session WHERE hash = $1`, hash)
}
