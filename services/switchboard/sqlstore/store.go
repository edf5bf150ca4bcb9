// Package sqlstore is the switchboard's memory: who may use it, who is signed in, and what everybody did. It runs on SQLite and
// PostgreSQL; package storetest holds what both must do.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/bling-hotline/bling/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNotFound means that there is no such row, or none that may be used any more.
var ErrNotFound = errors.New("not found")

// Store is the switchboard's tables.
type Store struct{ db *sqldb.DB }

// Open opens the switchboard's database and brings it up to date.
func Open(ctx context.Context, c sqldb.Config) (*sqldb.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return sqldb.Open(ctx, c, "switchboard", files)
}

// New returns the store on an open database.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.all(ctx, statement{query, args})
}

// statement is a statement and what goes into it.
type statement struct {
	query string
	args  []any
}

// all executes statements in one transaction.
func (s *Store) all(ctx context.Context, statements ...statement) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error { return each(ctx, tx, statements...) })
}

func each(ctx context.Context, tx *sql.Tx, statements ...statement) error {
	for _, st := range statements {
		if _, err := tx.ExecContext(ctx, st.query, st.args...); err != nil {
			return err
		}
	}
	return nil
}

// found makes ErrNotFound of the error of a query that found nothing.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Tidy forgets attempts that count for no limit any more, links that do not work any more, and sessions that have ended. The audit log
// is kept.
func (s *Store) Tidy(ctx context.Context, now time.Time) error {
	before := []any{now.Add(-24 * time.Hour).UnixMicro()}
	return s.all(ctx, statement{`DELETE FROM attempt WHERE at < $1`, before},
		statement{`DELETE FROM invitation WHERE created_at < $1`, before}, statement{`DELETE FROM session WHERE created_at < $1`, before})
}
