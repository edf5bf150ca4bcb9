// Package sqlstore is the dialer's memory: who is set up to call back, who is signed in, which codes were asked for, whose
// calls are whose, and what everybody did. It runs on SQLite and PostgreSQL; package storetest holds what both must do.
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

// Store is the dialer's tables.
type Store struct{ db *sqldb.DB }

// Open opens the dialer's database and brings it up to date.
func Open(ctx context.Context, c sqldb.Config) (*sqldb.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return sqldb.Open(ctx, c, "dialer", files)
}

// New returns the store on an open database.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

func (s *Store) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, query, args...)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	return n, err
}

// found makes ErrNotFound of the error of a query that found nothing.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Tidy forgets codes that count for no limit any more, and sessions that have ended.
func (s *Store) Tidy(ctx context.Context, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM code WHERE created_at < $1`, now.Add(-24*time.Hour).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM session WHERE created_at < $1`, now.Add(-24*time.Hour).UnixMicro())
		return err
	})
}
