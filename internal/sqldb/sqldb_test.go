package sqldb_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

var migrations = fstest.MapFS{"0001_t.sql": {Data: []byte(`-- +goose Up
CREATE TABLE t (seq IDENTITY_KEY, name text NOT NULL UNIQUE, ok boolean NOT NULL, body bytea);`)}}

func open(t *testing.T, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c, "demo", migrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func insert(name string) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name, ok, body) VALUES ($1, TRUE, $2)`, name, []byte{0, 1})
		return err
	}
}

func count(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.Read.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Updates share commits, but one that fails, or panics, takes nothing of the others with it.
func TestUpdatesAreAlone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := db.Update(t.Context(), func(tx *sql.Tx) error {
					if err := insert(fmt.Sprint(i))(tx); err != nil {
						return err
					}
					switch {
					case i%4 == 1:
						return refused
					case i%4 == 2 && !db.Shared():
						panic("oops")
					case i%4 == 2:
						return refused
					case i%4 == 3:
						_, err := tx.Exec(`INSERT INTO nowhere VALUES (1)`)
						return err
					}
					return nil
				})
				if (err == nil) != (i%4 == 0) {
					t.Errorf("%d: %v", i, err)
				}
				if i%4 == 1 && !errors.Is(err, refused) {
					t.Errorf("%d: %v is not its own error", i, err)
				}
			})
		}
		wg.Wait()
		if n := count(t, db); n != 50 {
			t.Errorf("%d rows, want 50", n)
		}
	})
}

func TestSurvivesReopen(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		if err := db.Update(t.Context(), insert("a")); err != nil {
			t.Fatal(err)
		}
		db.Close()
		if n := count(t, open(t, c)); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// Replicas start together; each finds the tables made once.
func TestConcurrentMigration(t *testing.T) {
	c := sqldbtest.Postgres(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := sqldb.Open(t.Context(), c, "demo", migrations)
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
}

// Two processes on one SQLite file would free each other's work as if it were a dead one's.
func TestSQLiteFileIsOwned(t *testing.T) {
	c := sqldb.Config{Dir: t.TempDir()}
	db := open(t, c)
	if _, err := sqldb.Open(t.Context(), c, "demo", migrations); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second open: %v", err)
	}
	db.Close()
	open(t, c)
}

// A folder may be named from where the process stands.
func TestRelativeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, sqldb.Config{Dir: "data"})
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []sqldb.Config{{URL: "mysql://x"}, {Dir: filepath.Join("/dev/null", "x")}} {
		if _, err := sqldb.Open(t.Context(), c, "demo", migrations); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}

// A limit may be any parameter of a query, there may be several, and another one each time.
func TestLimits(t *testing.T) {
	db, err := sqldb.Open(t.Context(), sqldb.Config{Dir: t.TempDir()}, "test", migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const numbers = `WITH n (i) AS (VALUES (1), (2), (3), (4), (5)) `
	for _, test := range []struct {
		query string
		args  []any
		want  string
	}{
		{`SELECT i FROM n WHERE i > $1 ORDER BY i LIMIT $2`, []any{1, 2}, "[2 3]"},
		{`SELECT i FROM n WHERE i > $1 ORDER BY i LIMIT $2`, []any{1, 3}, "[2 3 4]"},
		{`SELECT i FROM n WHERE i > ?2 ORDER BY i LIMIT ?1`, []any{2, 1}, "[2 3]"},
		{`SELECT i FROM n WHERE i > $1 ORDER BY i LIMIT $1`, []any{2}, "[3 4]"},
		{`SELECT i FROM (SELECT i FROM n ORDER BY i DESC LIMIT $1) n WHERE i > $2 ORDER BY i LIMIT $3`, []any{4, 2, 2}, "[3 4]"},
		{`SELECT i FROM n ORDER BY i LIMIT $1 - 1`, []any{3}, "[1 2]"},
		{`SELECT i FROM n ORDER BY i LIMIT $1`, []any{0}, "[]"},
		{`SELECT i FROM n ORDER BY i LIMIT 2`, nil, "[1 2]"},
	} {
		for range 2 {
			var got []int
			rows, err := db.Read.QueryContext(t.Context(), numbers+test.query, test.args...)
			if err != nil {
				t.Fatal(test.query, err)
			}
			for rows.Next() {
				var i int
				if err := rows.Scan(&i); err != nil {
					t.Fatal(err)
				}
				got = append(got, i)
			}
			rows.Close()
			if fmt.Sprint(got) != test.want || rows.Err() != nil {
				t.Errorf("%s: %v, %v, want %s", test.query, got, rows.Err(), test.want)
			}
		}
	}
}
