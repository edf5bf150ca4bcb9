package sqlstore_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

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
	queue, err := jobs.New(db, slog.New(slog.NewTextHandler(t.Output(), nil)), []jobs.Topic{{Name: sqlstore.Notes, Workers: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s.Wake = queue.Wake
	return s
}

var ready = sqldbtest.Ready{Open: sqlstore.Open}

func TestSQLite(t *testing.T) {
	sqldbtest.SkipSlow(t)
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, ready.SQLite(t)) })
}

func TestPostgres(t *testing.T) {
	sqldbtest.Postgres(t) // skips all at once where there is none
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return open(t, sqldbtest.Postgres(t)) })
}

// Whoever does not hold a lane cannot write it, even while nobody does.
func TestLaneThatNobodyHolds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s, ctx, now := open(t, c), t.Context(), time.Now()
		l, e, err := s.Hold(ctx, sqlstore.Lane{ID: "a", MailboxID: 1}, sqlstore.Entry{Key: "SM1", Kind: sqlstore.Text}, now, now.Add(time.Minute), 90)
		if err := errors.Join(err, s.Release(ctx, l, e, now)); err != nil {
			t.Fatal(err)
		}
		if err := s.Save(ctx, &sqlstore.Lane{ID: "a", ConversationID: 666}, e, now); err == nil {
			t.Error("it was written")
		}
	})
}

// What others of the account spent is not left.
func TestLeftWithoutOthers(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s, now := open(t, c), time.Now()
		if err := s.Allowed(t.Context(), 100, 0, now); err != nil {
			t.Fatal(err)
		}
		if n, known, err := s.Left(t.Context(), now); n != 0 || !known || err != nil {
			t.Errorf("%d left, %v, %v", n, known, err)
		}
	})
}
