package sqlstore_test

import (
	"log/slog"
	"testing"

	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/services/ticketing/storetest"
)

// open opens the store of an empty database, with the wake-ups that it has in service. Nobody works on them.
func open(t *testing.T, c sqldb.Config) *sqlstore.Store {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := sqlstore.New(db)
	queue, err := jobs.New(db, slog.New(slog.NewTextHandler(t.Output(), nil)), jobs.Topic{Name: sqlstore.Notes, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.Wake = queue.Wake
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, sqldb.Config{Dir: t.TempDir()}) })
}

func TestPostgres(t *testing.T) {
	sqldbtest.Postgres(t) // skips all at once where there is none
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, sqldbtest.Postgres(t)) })
}
