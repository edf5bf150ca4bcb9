// Package sqldb opens a service's database: a SQLite file or a schema of a PostgreSQL database, through the same
// code and one dialect of SQL.
//
// What keeps the dialect one: $1 placeholders, ids made by us or taken from the vendors, times as bigint Unix
// microseconds, and ON CONFLICT. Migrations are the same files on both; the word IDENTITY_KEY in them stands for
// the engine's own ascending integer key.
//
// Writes go through Update. On SQLite, which has one writer anyway, updates that arrive while another is being
// committed share the next commit; PostgreSQL does that by itself in its log.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing/fstest"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/bling-hotline/bling/internal/batch"
)

// Config says where the databases are. The zero Config is not valid.
type Config struct {
	// URL is a postgres:// address; each service has its own schema there, named as the service. Optional.
	URL string
	// Dir is the folder of the SQLite files, one a service, used when URL is empty. It is created.
	Dir string
}

// DB is the database of one service. Close it when nothing uses it any more.
type DB struct {
	// Read runs queries outside of updates. They see committed facts only.
	Read *sql.DB

	write    *sql.DB
	listen   *pgxpool.Pool // PostgreSQL only: wakes River
	lock     *flock.Flock  // SQLite only: the file is ours alone
	commits  *batch.Batcher[update, error]
	nudge    chan struct{} // SQLite only: River should look for jobs
	nudgeDue atomic.Bool
	postgres bool
}

type update = func(*sql.Tx) error

// Open opens the database of a service and brings its tables, and River's, up to date.
// Any number of processes may do so at once on PostgreSQL; a SQLite file belongs to one process.
func Open(ctx context.Context, c Config, service string, migrations fs.FS) (*DB, error) {
	var db *DB
	var err error
	switch {
	case strings.HasPrefix(c.URL, "postgres://"), strings.HasPrefix(c.URL, "postgresql://"):
		db, err = openPostgres(ctx, c.URL, service)
	case c.URL != "":
		err = errors.New("database URL must begin with postgres://")
	default:
		db, err = openSQLite(c.Dir, service)
	}
	if err != nil {
		return nil, fmt.Errorf("opening database of %s: %w", service, err)
	}
	if err := db.migrate(ctx, service, migrations); err != nil {
		db.Close()
		return nil, fmt.Errorf("migrating database of %s: %w", service, err)
	}
	return db, nil
}

func openSQLite(dir, service string) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir) // the driver takes an address, which has no relative paths
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, service+".db")
	lock := flock.New(path + ".lock")
	free, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !free {
		return nil, fmt.Errorf("%s is in use by another process", path)
	}
	// FULL: a commit that was answered survives a power cut, not only a crash of ours.
	write := openCached(dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)") + "&_txlock=immediate")
	write.SetMaxOpenConns(1)
	read := openCached(dsn(path, "query_only(true)", "busy_timeout(10000)"))
	read.SetMaxOpenConns(runtime.NumCPU() + 2)
	read.SetMaxIdleConns(runtime.NumCPU() + 2)
	db := &DB{Read: read, write: write, lock: lock, nudge: make(chan struct{}, 1)}
	db.commits = batch.New(64, 10*time.Second, db.commit)
	return db, nil
}

func dsn(path string, pragmas ...string) string {
	query := url.Values{"_pragma": pragmas}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

func openPostgres(ctx context.Context, address, service string) (*DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = service
	config.RuntimeParams["application_name"] = "bling-" + service
	// A host that vanished in the middle of a transaction, or a paused one, must not hold up everybody else.
	config.RuntimeParams["lock_timeout"] = "2s"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "10s"
	config.RuntimeParams["tcp_user_timeout"] = "10s"
	config.ConnectTimeout = 5 * time.Second
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(12)
	pool.SetMaxIdleConns(12)
	listenConfig, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	listenConfig.ConnConfig.RuntimeParams["search_path"] = service
	listenConfig.MaxConns = 2
	listen, err := pgxpool.NewWithConfig(ctx, listenConfig)
	if err != nil {
		return nil, err
	}
	return &DB{Read: pool, write: pool, listen: listen, postgres: true}, nil
}

// Close closes the database after the update under way.
func (db *DB) Close() error {
	if db.postgres {
		db.listen.Close()
		return db.write.Close()
	}
	db.commits.Close()
	return errors.Join(db.Read.Close(), db.write.Close(), db.lock.Unlock())
}

// Shared reports whether other processes may use the database at the same time.
func (db *DB) Shared() bool { return db.postgres }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.Read.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

// Update runs fn in a transaction and commits it unless fn returns an error. When Update returns nil the changes
// are on disk. fn may run more than once on PostgreSQL, where a deadlock is resolved by doing one side again; it must not
// start updates itself.
func (db *DB) Update(ctx context.Context, fn func(*sql.Tx) error) error {
	if !db.postgres {
		result, err := db.commits.Do(ctx, fn)
		if err != nil {
			return err
		}
		return result
	}
	for attempt := 1; ; attempt++ {
		if err := db.updateOnce(ctx, fn); !inTheWay(err) || attempt == 5 {
			return err
		}
	}
}

// inTheWay reports whether two transactions stood in each other's way, so that this one is to be done again:
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func inTheWay(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40P01" || pg.Code == "40001")
}

func (db *DB) updateOnce(ctx context.Context, fn update) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it says only that
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	db.committed()
	return nil
}

// commit runs several updates in one transaction. Each has a savepoint, so that one that fails takes nothing of
// the others with it.
func (db *DB) commit(ctx context.Context, updates []update) ([]error, error) {
	results := make([]error, len(updates))
	if len(updates) == 1 {
		results[0] = db.updateOnce(ctx, guarded(updates[0]))
		return results, nil
	}
	return results, db.updateOnce(ctx, func(tx *sql.Tx) error {
		for i, fn := range updates {
			if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
				return err
			}
			results[i] = guarded(fn)(tx)
			if results[i] != nil {
				if _, err := tx.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, "RELEASE one"); err != nil {
				return err
			}
		}
		return nil
	})
}

// guarded turns a panic of one update into its error: it runs on a goroutine that others share.
func guarded(fn update) update {
	return func(tx *sql.Tx) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic in update: %v\n%s", p, debug.Stack())
			}
		}()
		return fn(tx)
	}
}

// ForUpdate is what a SELECT ends with that locks the row it reads; SQLite has one writer and needs nothing.
func (db *DB) ForUpdate() string {
	if db.postgres {
		return " FOR UPDATE"
	}
	return ""
}

func (db *DB) migrate(ctx context.Context, service string, migrations fs.FS) error {
	dialect, identity := goose.DialectSQLite3, "integer PRIMARY KEY AUTOINCREMENT"
	if db.postgres {
		dialect, identity = goose.DialectPostgres, "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
		// Replicas start together: one migrates, the others wait and find it done.
		lock, err := db.write.Conn(ctx)
		if err != nil {
			return err
		}
		defer lock.Close()
		if _, err := lock.ExecContext(ctx, "SET lock_timeout = 0"); err != nil {
			return err
		}
		defer lock.ExecContext(context.WithoutCancel(ctx), "RESET lock_timeout") //nolint:errcheck // the lock matters
		if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext('bling-migrate-' || $1))", service); err != nil {
			return err
		}
		defer lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtext('bling-migrate-' || $1))", service) //nolint:errcheck // the connection goes anyway
		// PostgreSQL asks for the right to create before it looks whether the schema is there.
		var there bool
		if err := db.write.QueryRowContext(ctx, "SELECT to_regnamespace($1) IS NOT NULL", pgx.Identifier{service}.Sanitize()).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := db.write.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{service}.Sanitize()); err != nil {
				return err
			}
		}
	}
	ours, err := withIdentity(migrations, identity)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.write, ours)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ { // the version before works on the same tables
		if _, err = provider.Up(ctx); !inTheWay(err) || attempt == 10 {
			break
		}
	}
	if err != nil {
		return err
	}
	river, err := rivermigrate.New(db.River(), nil)
	if err != nil {
		return err
	}
	_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func withIdentity(migrations fs.FS, identity string) (fs.FS, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{}
	for _, name := range names {
		b, err := fs.ReadFile(migrations, name)
		if err != nil {
			return nil, err
		}
		out[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(b), "IDENTITY_KEY", identity)), Mode: 0o444}
	}
	return out, nil
}
