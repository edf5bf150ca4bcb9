package sqlstore_test

import (
	"testing"

	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
	"github.com/bling-hotline/bling/services/dialer/storetest"
)

func open(t *testing.T, c sqldb.Config) *sqlstore.Store {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return sqlstore.New(db)
}

func TestSQLite(t *testing.T) {
	sqldbtest.SkipSlow(t)
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, sqldb.Config{Dir: t.TempDir()}) })
}

func TestPostgres(t *testing.T) {
	sqldbtest.Postgres(t) // skips all at once where there is none
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, sqldbtest.Postgres(t)) })
}
