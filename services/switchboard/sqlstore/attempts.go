package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// AttemptRow is an attempt to sign in.
type AttemptRow struct {
	NameHash string // of the name as it was typed
	Source   string
	At       time.Time
}

// Attempt notes an attempt, before it is known whether it is good, if allow has nothing against it. allow is told how many there were since
// a time, this one included, for the same name and from the same source; what it sees is exact.
func (s *Store) Attempt(ctx context.Context, a AttemptRow, since time.Time, allow func(byName, bySource int) error) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := each(ctx, tx,
			// One after the other: this row is what they queue for.
			statement{`INSERT INTO turn (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = turn.n + 1`, nil},
			statement{`INSERT INTO attempt (name_hash, source, at) VALUES ($1, $2, $3)`, []any{a.NameHash, a.Source, a.At.UnixMicro()}}); err != nil {
			return err
		}
		var byName, bySource int
		if err := tx.QueryRowContext(ctx, `
			SELECT count(CASE WHEN name_hash = $1 THEN 1 END), count(CASE WHEN source = $2 THEN 1 END) FROM attempt WHERE at > $3`,
			a.NameHash, a.Source, since.UnixMicro()).Scan(&byName, &bySource); err != nil {
			return err
		}
		return allow(byName, bySource)
	})
}

// Forget forgets the attempts for a name: one was good.
func (s *Store) Forget(ctx context.Context, nameHash string) error {
	return s.exec(ctx, `DELETE FROM attempt WHERE name_hash = $1`, nameHash)
}
