package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Schema is the tables of a service as this build knows them.
type Schema struct {
	Service string
	Newest  int64 // the number of the last migration
}

// NewSchema reads the migrations of a service, in a folder of that name.
func NewSchema(service string, migrations fs.FS) (Schema, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return Schema{}, fmt.Errorf("no migrations of %s: %w", service, err)
	}
	newest, err := goose.NumericComponent(slices.Max(names))
	return Schema{service, newest}, err
}

// Database looks whether the databases answer and have tables that this build knows. It changes nothing.
func Database(c sqldb.Config, schemas ...Schema) Check {
	return Check{Name: "database", Do: func(ctx context.Context) (found []Finding) {
		open := func(s Schema) (*sql.DB, error) { return openFile(filepath.Join(c.Dir, s.Service+".db")) }
		if c.URL != "" {
			config, err := pgx.ParseConfig(c.URL)
			if err != nil { // what it says may have the password in it
				return Fail("Write it like postgres://user:password@host:5432/name.", "BLING_DATABASE_URL cannot be read.")
			}
			db := stdlib.OpenDB(*config)
			defer db.Close()
			if err := db.PingContext(ctx); err != nil {
				return Fail("See that PostgreSQL runs there, and lets this user in.", "The database does not answer: %v", err)
			}
			open = func(Schema) (*sql.DB, error) { return db, nil }
		}
		for _, s := range schemas {
			found = append(found, named("database of "+s.Service, s.look(ctx, c.URL != "", open))...)
		}
		return found
	}}
}

// look compares the version of the tables with the one that this build would make.
func (s Schema) look(ctx context.Context, postgres bool, open func(Schema) (*sql.DB, error)) []Finding {
	db, err := open(s)
	if errors.Is(err, fs.ErrNotExist) {
		return Fine("It is not there yet; the service makes it when it starts.")
	}
	if err != nil {
		return Fail("See that it may be read, and by whom.", "It cannot be opened: %v", err)
	}
	if !postgres {
		defer db.Close()
	}
	version, err := s.version(ctx, db, postgres)
	switch {
	case err != nil:
		return Fail("If the file is damaged, put a backup in its place; in PostgreSQL, see that this user may read it.", "It cannot be read: %v", err)
	case version > s.Newest:
		return Warn("Run the version that made its tables, or a newer one.", "Its tables are of a newer version (%d) than this one (%d).", version, s.Newest)
	case version < s.Newest:
		return Fine("Its tables are of an older version (%d); the service brings them to %d when it starts.", version, s.Newest)
	}
	return Fine("It answers, and its tables are of this version.")
}

// version is the number of the last migration that was made; 0: none.
func (s Schema) version(ctx context.Context, db *sql.DB, postgres bool) (version int64, err error) {
	table, there := "goose_db_version", `SELECT count(*) FROM sqlite_master WHERE name = $1`
	if postgres {
		table = pgx.Identifier{s.Service, table}.Sanitize()
		there = `SELECT count(to_regclass($1))`
	}
	var n int
	if err := db.QueryRowContext(ctx, there, table).Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+table+` WHERE is_applied`).Scan(&version)
	return version, err
}

// openFile opens a SQLite file for reading only, beside the process that it belongs to. If there is none, the file is taken as it is: SQLite would
// otherwise make files beside it, which would be ours and not the service's.
func openFile(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		query.Set("immutable", "1")
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
}
