// Package sqldbtest gives tests empty databases of both engines.
package sqldbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Each runs a test on an empty SQLite folder, and on an empty PostgreSQL database when BLING_TEST_POSTGRES_URL names a
// server where databases can be made. Short tests run on PostgreSQL alone if there is one; see Any.
func Each(t *testing.T, test func(t *testing.T, c sqldb.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		SkipSlow(t)
		test(t, sqldb.Config{Dir: t.TempDir()})
	})
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Any returns an empty database for a test to which it does not matter of which kind: a SQLite folder, but for short tests, which are for
// the race detector, a PostgreSQL database if there is a server. SQLite is compiled to Go, and ten times slower under it.
func Any(t testing.TB) sqldb.Config {
	t.Helper()
	if onlyPostgres() {
		return Postgres(t)
	}
	return sqldb.Config{Dir: t.TempDir()}
}

// SkipSlow skips a test on SQLite that is short; see Any.
func SkipSlow(t testing.TB) {
	t.Helper()
	if onlyPostgres() {
		t.Skip("short: on PostgreSQL alone")
	}
}

func onlyPostgres() bool { return testing.Short() && os.Getenv(server) != "" }

// server names the environment's PostgreSQL.
const server = "BLING_TEST_POSTGRES_URL"

// Postgres returns an empty PostgreSQL database, or skips the test.
func Postgres(t testing.TB) sqldb.Config {
	t.Helper()
	address := os.Getenv(server)
	if address == "" {
		t.Skip(server + " is not set")
	}
	admin, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	name := "bling_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer admin.Close()
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Log(err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return sqldb.Config{URL: fmt.Sprint(u)}
}
