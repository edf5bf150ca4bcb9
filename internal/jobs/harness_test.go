package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

var migrations = fstest.MapFS{"0001_work.sql": {Data: []byte(`-- +goose Up
CREATE TABLE work (seq IDENTITY_KEY, topic text NOT NULL, lane text NOT NULL, name text NOT NULL, done boolean NOT NULL DEFAULT FALSE);
CREATE INDEX work_open ON work (topic, lane, seq) WHERE NOT done;`)}}

// patience bounds every wait. It is less than the minute after which the sweep would find work that was lost, so
// that the sweep hides nothing.
const patience = 45 * time.Second

// ledger is a service's table of work.
type ledger struct {
	*sqldb.DB
	t   *testing.T
	ctx context.Context
}

func open(t *testing.T, c sqldb.Config) *ledger {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c, "demo", migrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &ledger{db, t, ctx}
}

// each runs a test on an empty ledger on both engines.
func each(t *testing.T, test func(t *testing.T, l *ledger)) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) { test(t, open(t, c)) })
}

// waker is what add needs of a queue.
type waker interface {
	Wake(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error
}

// nobody wakes nobody.
type nobody struct{}

func (nobody) Wake(context.Context, *sql.Tx, string, ...string) error { return nil }

// add puts a piece of work into each lane, in one transaction, as a service does.
func (l *ledger) add(q waker, topic, name string, lanes ...string) {
	l.t.Helper()
	slices.Sort(lanes)
	err := l.Update(l.ctx, func(tx *sql.Tx) error {
		if err := q.Wake(l.ctx, tx, topic, lanes...); err != nil {
			return err
		}
		for _, lane := range lanes {
			if _, err := tx.Exec(`INSERT INTO work (topic, lane, name) VALUES ($1, $2, $3)`, topic, lane, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.t.Errorf("adding %s: %v", name, err)
	}
}

// item is a piece of work.
type item struct {
	seq        int64
	lane, name string
}

// topic returns the topic that works on the ledger with f. Work on which f fails stays.
func (l *ledger) topic(name string, workers int, f func(context.Context, item) error) jobs.Topic {
	left := jobs.Rows{DB: l.DB, From: "work WHERE topic = '" + name + "' AND NOT done"}
	return jobs.Topic{
		Name: name, Workers: workers,
		Step: func(ctx context.Context, lane string) (bool, error) {
			i := item{lane: lane}
			err := l.Read.QueryRowContext(ctx, `SELECT seq, name FROM work WHERE topic = $1 AND lane = $2 AND NOT done ORDER BY seq LIMIT 1`, name, lane).
				Scan(&i.seq, &i.name)
			if errors.Is(err, sql.ErrNoRows) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			if err := f(ctx, i); err != nil {
				return false, err
			}
			return true, l.Update(ctx, func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE work SET done = TRUE WHERE seq = $1`, i.seq)
				return err
			})
		},
		Pending: left.Pending,
		Lanes:   left.Lanes,
	}
}

func (l *ledger) count(query string) (n int) {
	l.t.Helper()
	if err := l.Read.QueryRowContext(l.ctx, query).Scan(&n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// waits is a log that also signals each time a lane is made to wait.
type waits struct {
	slog.Handler
	signal chan struct{}
}

func (w waits) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "lane waits" {
		w.signal <- struct{}{}
	}
	return w.Handler.Handle(ctx, r)
}

func (w waits) WithAttrs(attrs []slog.Attr) slog.Handler {
	return waits{w.Handler.WithAttrs(attrs), w.signal}
}

// queue returns a queue that is not started, and a signal for each lane that is made to wait.
func (l *ledger) queue(topics ...jobs.Topic) (*jobs.Queue, <-chan struct{}) {
	l.t.Helper()
	w := waits{slog.NewTextHandler(l.t.Output(), nil), make(chan struct{}, 1000)}
	q, err := jobs.New(l.DB, slog.New(w), topics)
	if err != nil {
		l.t.Fatal(err)
	}
	return q, w.signal
}

// start starts a queue until the test ends.
func (l *ledger) start(q *jobs.Queue) {
	l.t.Helper()
	if err := q.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			l.t.Errorf("stopping: %v", err)
		}
	})
}

// recv waits for a signal.
func recv[T any](l *ledger, c <-chan T, what string) T {
	l.t.Helper()
	select {
	case v := <-c:
		return v
	case <-l.ctx.Done():
		l.t.Fatalf("waiting for %s: %v", what, l.ctx.Err())
		panic("unreachable")
	}
}

// witness sees every piece of work, and who works on a lane at the same time as another.
type witness struct {
	t      *testing.T
	mu     sync.Mutex
	inside map[string]bool
	most   int
	seen   []item
}

func (w *witness) enter(i item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inside == nil {
		w.inside = map[string]bool{}
	}
	if w.inside[i.lane] {
		w.t.Errorf("two workers are in lane %s", i.lane)
	}
	w.inside[i.lane] = true
	w.most = max(w.most, len(w.inside))
}

func (w *witness) leave(i item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inside, i.lane)
	w.seen = append(w.seen, i)
}

// check fails unless all of total pieces of work were seen once, each lane's in its order.
func (w *witness) check(total int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) != total {
		w.t.Errorf("%d pieces of work were done, want %d", len(w.seen), total)
	}
	last := map[string]int64{}
	for _, i := range w.seen {
		if i.seq <= last[i.lane] {
			w.t.Errorf("lane %s: %d (%s) was done after %d", i.lane, i.seq, i.name, last[i.lane])
		}
		last[i.lane] = i.seq
	}
}
