package sqlstore_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/storetest"
)

// open opens the ledger of an empty database, with the wake-ups that it has in service. Nobody works on them.
func open(t *testing.T, c sqldb.Config) *sqlstore.Store {
	t.Helper()
	s, _ := openDB(t, c)
	return s
}

func openDB(t *testing.T, c sqldb.Config) (*sqlstore.Store, *sqldb.DB) {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := sqlstore.New(db)
	var topics []jobs.Topic
	for _, name := range sqlstore.Topics {
		topics = append(topics, jobs.Topic{Name: name, Workers: 1})
	}
	queue, err := jobs.New(db, slog.New(slog.NewTextHandler(t.Output(), nil)), topics)
	if err != nil {
		t.Fatal(err)
	}
	s.Wake = queue.Wake
	return s, db
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

// A late word that a text is there takes back that nobody could know, before the ticket is told so.
func TestUnknownThenDelivered(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s, ctx := open(t, c), t.Context()
		_, err := s.QueueText(ctx, &sqlstore.TextOutRow{Key: "K", Lane: "a", CreatedAt: time.Now()})
		_, _, err2 := s.BeginAttempt(ctx, &sqlstore.MessageOutRow{Key: "K"}, "A", time.Now(), 0)
		if err := errors.Join(err, err2, s.AttemptUnknown(ctx, "K", "A", time.Now())); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Advance(ctx, "A", "SM", sqlstore.Delivered, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
		if next, _, err := s.NextToTell(ctx, "a"); next != nil || err != nil {
			t.Errorf("the ticket would be told of %+v, %v", next, err)
		}
	})
}

// What is done stays done, whatever a slow worker says of it.
func TestDoneStaysDone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s, ctx := open(t, c), t.Context()
		if _, err := s.RecordTexts(ctx, []sqlstore.TextInRow{{MessageSID: "SM", Lane: "a", ReceivedAt: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		text, err := s.NextText(ctx, "a")
		if err := errors.Join(err, s.TextDone(ctx, text, 5, time.Now(), nil), s.TextEnded(ctx, text, sqlstore.Dead, "slow", time.Now())); err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.FindText(ctx, "SM"); got.State != sqlstore.Done || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// With a text whose key has somebody's number in it goes what is noted of its messages that were sent twice, of whichever part.
func TestErasedIsNotDoubled(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s, db := openDB(t, c)
		ctx, at := t.Context(), time.Now()
		book := &books.Book{DB: db}
		for _, key := range []string{"reminder:6175550142", "reminder:6175550188"} {
			text := &sqlstore.TextOutRow{Key: key, Lane: key, Hotline: "+15017122661", Supporter: phone.Number("+1" + key[len("reminder:"):]), Kind: sqlstore.Other, CreatedAt: at}
			_, err := s.QueueText(ctx, text, sqlstore.Message{Body: "one", Segments: 1}, sqlstore.Message{Body: "two", Segments: 1})
			if err := errors.Join(err, book.Doubled(ctx, operatorv1.Kind_KIND_TEXT_OUT, text.Hotline, key, at),
				book.Doubled(ctx, operatorv1.Kind_KIND_TEXT_OUT, text.Hotline, key+"#2", at)); err != nil {
				t.Fatal(err)
			}
		}
		theirs, err := s.RecordsOf(ctx, sqlstore.ItemTextOut, "+16175550142", at, sqlstore.Record{}, 10)
		if err := errors.Join(err, s.RemoveRecords(ctx, theirs, at)); err != nil {
			t.Fatal(err)
		}
		var left string
		if err := db.Read.QueryRowContext(ctx, `SELECT min(id) || ' ' || max(id) FROM doubled`).Scan(&left); err != nil || left != "reminder:6175550188 reminder:6175550188#2" {
			t.Errorf("left are %q, %v", left, err)
		}
	})
}
