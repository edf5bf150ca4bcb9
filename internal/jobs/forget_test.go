package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// A lane is forgotten with all its jobs, whatever became of them, but one that has work or is being worked on; nobody else's is touched.
func TestForget(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		begun, proceed := make(chan string, 10), make(chan struct{})
		q, _ := l.queue(l.topic("work", 4, func(_ context.Context, i item) error {
			begun <- i.lane
			<-proceed
			return nil
		}), l.topic("other", 1, func(context.Context, item) error { return nil }))
		var lanes []string
		for n := range 1500 { // more than a page
			lanes = append(lanes, fmt.Sprintf("them %d", n))
		}
		l.add(q, "other", "x", lanes...)
		l.add(q, "work", "x", "us 1")
		l.add(nobody{}, "work", "y", "us 2")
		if err := q.Sweep(l.ctx, "work"); err != nil {
			t.Fatal(err)
		}
		l.add(nobody{}, "other", "z", "us 3")
		if err := q.Sweep(l.ctx, "other"); err != nil {
			t.Fatal(err)
		}
		us := func(lane string) bool { return strings.HasPrefix(lane, "us ") }
		forget := func(left ...string) {
			t.Helper()
			if busy, err := q.Forget(l.ctx, us); busy || err != nil {
				t.Errorf("busy %v, %v", busy, err)
			}
			if n, want := l.count(`SELECT count(*) FROM river_job WHERE kind = 'drain'`), len(lanes)+len(left); n != want {
				t.Errorf("%d jobs, want %d: those of %q", n, want, left)
			}
		}
		drop := func(lane string) {
			t.Helper()
			if err := l.Update(l.ctx, func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE work SET done = TRUE WHERE lane = $1`, lane)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		forget("us 1", "us 2", "us 3") // they have work
		drop("us 3")
		forget("us 1", "us 2")
		l.start(q)
		recv(l, begun, "a lane")
		recv(l, begun, "the other lane")
		drop("us 1")
		drop("us 2")
		if busy, err := q.Forget(l.ctx, us); !busy || err != nil {
			t.Errorf("while it is worked on: busy %v, %v", busy, err)
		}
		close(proceed)
		for {
			if busy, err := q.Forget(l.ctx, us); err != nil || l.ctx.Err() != nil {
				t.Fatal(err, l.ctx.Err())
			} else if !busy {
				break
			}
		}
		if n := l.count(`SELECT count(*) FROM river_job WHERE kind = 'drain' AND CAST(args AS text) LIKE '%us %'`); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}
