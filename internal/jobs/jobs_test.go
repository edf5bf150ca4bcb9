package jobs_test

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
)

// Lanes are worked on side by side, each in order and by one worker, whether the work was there before the start or
// came after it. There are never more workers than allowed.
func TestLanesInOrder(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		const lanes, before, after = 5, 6, 6
		w := &witness{t: t}
		done := make(chan struct{}, lanes*(before+after))
		q, _ := l.queue(l.topic("work", 3, func(_ context.Context, i item) error {
			w.enter(i)
			w.leave(i)
			done <- struct{}{}
			return nil
		}))
		all := []string{"a", "b", "c", "d", "e"}
		for n := range before {
			l.add(q, "work", fmt.Sprint(n), all...)
		}
		l.start(q)
		for n := range after {
			l.add(q, "work", fmt.Sprint(before+n), all...)
		}
		for range lanes * (before + after) {
			recv(l, done, "work")
		}
		w.check(lanes * (before + after))
		if w.most > 3 {
			t.Errorf("%d lanes at once, want 3", w.most)
		}
	})
}

// As many lanes as there are workers are worked on at once: here none goes on before all have begun.
func TestLanesSideBySide(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		const lanes = 8
		var inside atomic.Int32
		all, done := make(chan struct{}), make(chan struct{}, lanes)
		q, _ := l.queue(l.topic("work", lanes, func(ctx context.Context, _ item) error {
			if inside.Add(1) == lanes {
				close(all)
			}
			select {
			case <-all:
			case <-ctx.Done():
				return ctx.Err()
			}
			done <- struct{}{}
			return nil
		}))
		l.start(q)
		for n := range lanes {
			l.add(q, "work", "x", fmt.Sprint(n))
		}
		for range lanes {
			recv(l, done, "all lanes at once")
		}
	})
}

// hammer lets writers put work into overlapping lanes while queues empty them. Some writers wait for each piece to be
// done before they add the next: that one comes when the lane's job is just ending. In the end nothing is left, each
// piece was done once, and each lane's in the order in which it was committed.
func hammer(t *testing.T, l *ledger, replicas ...*ledger) {
	const flooders, waiters, rounds = 4, 4, 25
	lanes := []string{"a", "b", "c", "d", "e", "f"}
	w := &witness{t: t}
	var mu sync.Mutex
	finished := map[string]chan struct{}{}
	signal := func(i item) chan struct{} {
		mu.Lock()
		defer mu.Unlock()
		key := i.lane + i.name
		if finished[key] == nil {
			finished[key] = make(chan struct{})
		}
		return finished[key]
	}
	var queues []*jobs.Queue
	for _, r := range replicas {
		topic := r.topic("work", 4, func(_ context.Context, i item) error { w.enter(i); w.leave(i); return nil })
		work := topic.Step
		topic.Step = func(ctx context.Context, lane string) (bool, error) {
			more, err := work(ctx, lane)
			if !more || err != nil {
				return more, err
			}
			w.mu.Lock() // the lane is ours: the last piece of it that was seen is the one that is done now
			last := len(w.seen) - 1
			for w.seen[last].lane != lane {
				last--
			}
			i := w.seen[last]
			w.mu.Unlock()
			close(signal(i))
			return true, nil
		}
		q, _ := r.queue(topic)
		r.start(q)
		queues = append(queues, q)
	}
	var total atomic.Int64
	var wg sync.WaitGroup
	for n := range flooders {
		wg.Go(func() {
			for round := range rounds {
				some := []string{lanes[(n+round)%6], lanes[(n+round*5+3)%6]}
				slices.Sort(some)
				some = slices.Compact(some)
				r := (n + round) % len(replicas)
				replicas[r].add(queues[r], "work", fmt.Sprintf("flood-%d-%d", n, round), some...)
				total.Add(int64(len(some)))
			}
		})
	}
	for n := range waiters {
		wg.Go(func() {
			lane := fmt.Sprint("own-", n/2) // two writers share a lane
			for round := range rounds {
				i := item{lane: lane, name: fmt.Sprintf("wait-%d-%d", n, round)}
				r := (n + round) % len(replicas)
				replicas[r].add(queues[r], "work", i.name, lane)
				total.Add(1)
				select {
				case <-signal(i):
				case <-l.ctx.Done():
					t.Errorf("%s is not done: %v", i.name, l.ctx.Err())
					return
				}
			}
		})
	}
	wg.Wait()
	rows, err := l.Read.QueryContext(l.ctx, `SELECT seq, lane, name FROM work`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var i item
		if err := rows.Scan(&i.seq, &i.lane, &i.name); err != nil {
			t.Fatal(err)
		}
		recv(l, signal(i), i.lane+" "+i.name)
	}
	if int64(n) != total.Load() {
		t.Errorf("%d rows, want %d", n, total.Load())
	}
	if left := l.count(`SELECT count(*) FROM work WHERE NOT done`); left != 0 {
		t.Errorf("%d pieces are left", left)
	}
	w.check(n)
	// What one writer put into a lane came out in its order: witness has the names in the order of their commits.
	slices.SortStableFunc(w.seen, func(a, b item) int { return cmp.Compare(a.lane, b.lane) })
	last := map[string]int{}
	for _, i := range w.seen {
		var kind string
		var writer, round int
		if _, err := fmt.Sscanf(i.name, "wait-%d-%d", &writer, &round); err != nil {
			kind = "flood"
			if _, err := fmt.Sscanf(i.name, "flood-%d-%d", &writer, &round); err != nil {
				t.Fatal(err)
			}
		}
		key := fmt.Sprint(i.lane, kind, writer)
		if before, ok := last[key]; ok && before >= round {
			t.Errorf("lane %s: %s came after round %d", i.lane, i.name, before)
		}
		last[key] = round
	}
}

// Work that comes while a lane's job is ending is not lost, not done twice and not out of order.
func TestNothingIsLost(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) { hammer(t, l, l) })
}

// Two replicas on one database never work on one lane at once.
func TestReplicasShareLanes(t *testing.T) {
	c := sqldbtest.Postgres(t)
	l := open(t, c)
	hammer(t, l, l, open(t, c))
}

// The other replica takes part: one worker each, and neither lane goes on before both have begun.
func TestReplicasWorkSideBySide(t *testing.T) {
	c := sqldbtest.Postgres(t)
	a, b := open(t, c), open(t, c)
	var inside atomic.Int32
	both, done := make(chan struct{}), make(chan struct{}, 2)
	step := func(ctx context.Context, _ item) error {
		if inside.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
		case <-ctx.Done():
			return ctx.Err()
		}
		done <- struct{}{}
		return nil
	}
	qa, _ := a.queue(a.topic("work", 1, step))
	qb, _ := b.queue(b.topic("work", 1, step))
	a.start(qa)
	b.start(qb)
	a.add(qa, "work", "x", "1", "2") // both from one side
	for range 2 {
		recv(a, done, "both replicas")
	}
}

// A lane that fails is tried again with the same piece of work, not before its time, and holds up no other lane: there
// is only one worker here.
func TestFailingLane(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, l *ledger) {
		const wait = 300 * time.Millisecond
		w := &witness{t: t}
		tries, good := make(chan time.Time, 100), make(chan string, 100)
		q, _ := l.queue(l.topic("work", 1, func(_ context.Context, i item) error {
			w.enter(i)
			defer w.leave(i)
			if i.lane == "bad" {
				if i.name != "first" {
					t.Errorf("%s was tried before the first was done", i.name)
				}
				tries <- time.Now()
				return errs.New(errs.Unavailable, "down").After(wait)
			}
			good <- i.name
			return nil
		}))
		l.add(q, "work", "first", "bad")
		l.add(q, "work", "second", "bad")
		l.start(q)
		before := recv(l, tries, "first try")
		for n := range 5 {
			l.add(q, "work", fmt.Sprint(n), "good")
		}
		for n := range 5 {
			if got := recv(l, good, "the good lane"); got != fmt.Sprint(n) {
				t.Errorf("%s, want %d", got, n)
			}
		}
		for range 3 {
			at := recv(l, tries, "another try")
			if d := at.Sub(before); d < wait {
				t.Errorf("tried again after %v, want %v", d, wait)
			}
			before = at
		}
	})
}

// An error without advice, and a panic, are tried again too: nothing is thrown away.
func TestErrorAndPanicAreRetried(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, l *ledger) {
		var tries atomic.Int32
		done := make(chan struct{}, 1)
		q, _ := l.queue(l.topic("work", 1, func(context.Context, item) error {
			switch tries.Add(1) {
			case 1:
				return errors.New("disk full")
			case 2:
				panic("oops")
			}
			done <- struct{}{}
			return nil
		}))
		l.start(q)
		l.add(q, "work", "x", "a")
		recv(l, done, "the third try")
	})
}

// When a vendor says slow down, no lane of the topic goes on before that time is over, and a shorter wait that is
// heard of later does not open it early. Other topics go on. Then it opens for all.
func TestRateLimitedClosesTopic(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, l *ledger) {
		const wait = 2 * time.Second
		var closed atomic.Int64 // when the long wait began
		var limited sync.Map    // lanes that were limited once
		proceed := make(chan struct{})
		events := make(chan string, 100)
		step := func(ctx context.Context, i item) error {
			if _, again := limited.LoadOrStore(i.lane, true); !again && i.lane == "long" {
				closed.Store(time.Now().UnixNano())
				return errs.New(errs.RateLimited, "slow down").After(wait)
			} else if !again && i.lane == "short" {
				events <- "short begins"
				select {
				case <-proceed:
				case <-ctx.Done():
				}
				return errs.New(errs.RateLimited, "slow down").After(time.Millisecond)
			}
			if since := time.Since(time.Unix(0, closed.Load())); since < wait {
				t.Errorf("lane %s goes on after %v", i.lane, since)
			}
			events <- i.lane
			return nil
		}
		q, waits := l.queue(l.topic("work", 4, step), l.topic("other", 1, func(context.Context, item) error {
			events <- "other topic"
			return nil
		}))
		l.start(q)
		l.add(q, "work", "x", "short")
		if e := recv(l, events, "the short lane"); e != "short begins" {
			t.Fatal(e)
		}
		l.add(q, "work", "x", "long")
		recv(l, waits, "the long lane to wait")
		close(proceed)
		recv(l, waits, "the short lane to wait")
		l.add(q, "work", "x", "new")
		l.add(q, "other", "x", "any")
		if e := recv(l, events, "the other topic"); e != "other topic" {
			t.Errorf("%s, before the other topic", e)
		}
		var got []string
		for range 3 {
			got = append(got, recv(l, events, "the topic to open"))
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"long", "new", "short"}) {
			t.Errorf("%q", got)
		}
	})
}

// A lane with endless work gives the only worker to another lane after its turn.
func TestBusyLaneTakesTurns(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, l *ledger) {
		begun, other := make(chan struct{}), make(chan struct{})
		var first sync.Once
		topic := l.topic("work", 1, func(context.Context, item) error { close(other); return nil })
		step := topic.Step
		topic.Step = func(ctx context.Context, lane string) (bool, error) {
			if lane != "busy" {
				return step(ctx, lane)
			}
			first.Do(func() { close(begun) })
			select {
			case <-other:
				return false, nil
			case <-time.After(10 * time.Millisecond): // a piece of work
				return true, nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
		pending := topic.Pending
		topic.Pending = func(ctx context.Context, tx *sql.Tx, lane string) (bool, error) {
			if lane == "busy" {
				return false, nil
			}
			return pending(ctx, tx, lane)
		}
		q, _ := l.queue(topic)
		l.start(q)
		l.add(q, "work", "x", "busy")
		recv(l, begun, "the busy lane")
		l.add(q, "work", "x", "other")
		recv(l, other, "the other lane")
	})
}

// Work that was rolled back wakes nobody, and takes nothing of the next with it.
func TestWakeIsPartOfTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		worked := make(chan string, 10)
		q, _ := l.queue(l.topic("work", 1, func(_ context.Context, i item) error { worked <- i.name; return nil }))
		refused := errors.New("refused")
		err := l.Update(l.ctx, func(tx *sql.Tx) error {
			if err := q.Wake(l.ctx, tx, "work", "a"); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if n := l.count(`SELECT count(*) FROM river_job`); n != 0 {
			t.Errorf("%d jobs of a transaction that was rolled back", n)
		}
		if err := l.Update(l.ctx, func(tx *sql.Tx) error { return q.Wake(l.ctx, tx, "work") }); err != nil {
			t.Errorf("waking no lane: %v", err)
		}
		l.add(q, "work", "x", "a")
		l.add(q, "work", "y", "a")
		if n := l.count(`SELECT count(*) FROM river_job`); n != 1 {
			t.Errorf("%d jobs of one lane", n)
		}
		l.start(q)
		for _, want := range []string{"x", "y"} {
			if got := recv(l, worked, want); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// A wake-up for nothing ends the job, and the next one works.
func TestWakeForNothing(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		looked, worked := make(chan struct{}, 10), make(chan struct{}, 1)
		topic := l.topic("work", 1, func(context.Context, item) error { worked <- struct{}{}; return nil })
		step := topic.Step
		topic.Step = func(ctx context.Context, lane string) (bool, error) {
			defer func() { looked <- struct{}{} }()
			return step(ctx, lane)
		}
		q, _ := l.queue(topic)
		l.start(q)
		if err := l.Update(l.ctx, func(tx *sql.Tx) error { return q.Wake(l.ctx, tx, "work", "a") }); err != nil {
			t.Fatal(err)
		}
		recv(l, looked, "a look")
		l.add(q, "work", "x", "a")
		recv(l, worked, "work after a wake-up for nothing")
	})
}

// If jobs are lost, the ledger still knows: the start finds all its lanes.
func TestStartSweeps(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		worked := make(chan string, 10)
		q, _ := l.queue(l.topic("work", 2, func(_ context.Context, i item) error { worked <- i.lane; return nil }))
		l.add(q, "work", "x", "a", "b", "c")
		if err := l.Update(l.ctx, func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM river_job`); return err }); err != nil {
			t.Fatal(err)
		}
		l.start(q)
		var got []string
		for range 3 {
			got = append(got, recv(l, worked, "the sweep"))
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%q", got)
		}
	})
}

// A chore is done by one replica at a time and as often as it should be, however many replicas there are, and also after the one that
// led them has stopped.
func TestChores(t *testing.T) {
	const every, replicas = 100 * time.Millisecond, 3
	c := sqldbtest.Postgres(t)
	var under atomic.Int32
	done := make(chan time.Time, 1000)
	chore := jobs.Chore{Name: "tidy", Every: every, Do: func(context.Context) error {
		if under.Add(1) > 1 {
			t.Error("two do the same chore")
		}
		done <- time.Now()
		under.Add(-1)
		return errors.New("which is logged, and no reason not to do it again")
	}}
	var queues []*jobs.Queue
	var l *ledger
	for range replicas {
		l = open(t, c)
		q, err := jobs.New(l.DB, slog.New(slog.DiscardHandler), nil, chore)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Start(); err != nil {
			t.Fatal(err)
		}
		queues = append(queues, q)
	}
	for _, q := range queues {
		const rounds = 10
		first := recv(l, done, "the chore")
		last := first
		for range rounds {
			last = recv(l, done, "the chore, again")
		}
		if took := last.Sub(first); took < rounds*every*2/3 {
			t.Errorf("%d times in %v", rounds, took)
		}
		if err := q.Stop(l.ctx); err != nil {
			t.Error(err)
		}
	}
}

// The sweep finds every lane, however many there are, and makes one job for each, however often it runs.
func TestSweepFindsAll(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		q, _ := l.queue(l.topic("work", 1, func(context.Context, item) error { return nil }))
		var lanes []string
		for n := range 1001 { // two full pages and a bit
			lanes = append(lanes, fmt.Sprintf("lane %04d", n))
		}
		l.add(nobody{}, "work", "x", lanes...)
		for range 2 {
			if err := q.Sweep(l.ctx, "work"); err != nil {
				t.Fatal(err)
			}
			if n := l.count(`SELECT count(*) FROM river_job WHERE state = 'available'`); n != len(lanes) {
				t.Fatalf("%d jobs, want %d", n, len(lanes))
			}
		}
	})
}

// While it runs, a lane whose job was lost is found by the next sweep.
func TestSweepWhileRunning(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		worked := make(chan string, 10)
		q, _ := l.queue(l.topic("work", 1, func(_ context.Context, i item) error { worked <- i.name; return nil }))
		l.start(q)
		l.add(q, "work", "x", "a")
		recv(l, worked, "work")
		l.add(nobody{}, "work", "y", "a")
		if err := q.Sweep(l.ctx, "work"); err != nil {
			t.Fatal(err)
		}
		if got := recv(l, worked, "the sweep"); got != "y" {
			t.Errorf("%s, want y", got)
		}
	})
}

// Stop waits for the step under way, which is not cancelled, and its result is kept.
func TestStopWaits(t *testing.T) {
	each(t, func(t *testing.T, l *ledger) {
		begun, stopped := make(chan struct{}), make(chan struct{})
		var ended atomic.Bool
		q, _ := l.queue(l.topic("work", 1, func(ctx context.Context, _ item) error {
			close(begun)
			select {
			case <-time.After(300 * time.Millisecond): // work that goes on while the queue stops
				ended.Store(true)
			case <-stopped:
				t.Error("Stop returned with a step under way")
			case <-ctx.Done():
				t.Error("the step was cancelled")
			}
			return nil
		}))
		if err := q.Start(); err != nil {
			t.Fatal(err)
		}
		l.add(q, "work", "x", "a")
		recv(l, begun, "the step")
		if err := q.Stop(l.ctx); err != nil {
			t.Errorf("Stop: %v", err)
		}
		close(stopped)
		if !ended.Load() {
			t.Error("the step did not end")
		}
		if n := l.count(`SELECT count(*) FROM work WHERE NOT done`); n != 0 {
			t.Error("the result of the step is lost")
		}
	})
}

// When there is no more time, Stop cancels the step and waits for that. The work stays, for the next start.
func TestStopCancels(t *testing.T) {
	t.Parallel() // it mostly waits
	each(t, func(t *testing.T, l *ledger) {
		begun := make(chan struct{})
		var ended atomic.Bool
		q, _ := l.queue(l.topic("work", 1, func(ctx context.Context, _ item) error {
			close(begun)
			<-ctx.Done()
			ended.Store(true)
			return ctx.Err()
		}))
		if err := q.Start(); err != nil {
			t.Fatal(err)
		}
		l.add(q, "work", "x", "a")
		recv(l, begun, "the step")
		hurry, cancel := context.WithCancel(l.ctx)
		cancel()
		if err := q.Stop(hurry); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if !ended.Load() {
			t.Error("Stop returned with a step under way")
		}
		worked := make(chan struct{}, 1)
		again, _ := l.queue(l.topic("work", 1, func(context.Context, item) error { worked <- struct{}{}; return nil }))
		l.start(again)
		recv(l, worked, "the work after a new start")
	})
}

// childDir says to this program that it is the process that will be killed.
const childDir = "BLING_TEST_JOBS_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child begins a step, says so, and never ends it.
func child(dir string) error {
	db, err := sqldb.Open(context.Background(), sqldb.Config{Dir: dir}, "demo", migrations)
	if err != nil {
		return err
	}
	l := &ledger{DB: db}
	q, err := jobs.New(db, slog.New(slog.DiscardHandler), []jobs.Topic{l.topic("work", 1, func(context.Context, item) error {
		fmt.Println("begun")
		select {}
	})})
	if err != nil {
		return err
	}
	if err := q.Start(); err != nil {
		return err
	}
	err = db.Update(context.Background(), func(tx *sql.Tx) error {
		if err := q.Wake(context.Background(), tx, "work", "a"); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO work (topic, lane, name) VALUES ('work', 'a', 'x'), ('work', 'a', 'y')`)
		return err
	})
	if err != nil {
		return err
	}
	select {}
}

// A process is killed in the middle of a step. The next one on the same file goes on at once, long before River would
// rescue the job, and in order.
func TestGoesOnAfterKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if killErr := cmd.Process.Kill(); err != nil || line != "begun\n" || killErr != nil {
		t.Errorf("child: %q, %v, %v", line, err, killErr)
	}
	cmd.Wait() //nolint:errcheck // it says that it was killed
	if t.Failed() {
		return
	}

	l := open(t, sqldb.Config{Dir: dir})
	ctx, cancel := context.WithTimeout(l.ctx, 8*time.Second)
	defer cancel()
	l.ctx = ctx
	if n := l.count(`SELECT count(*) FROM river_job WHERE state = 'running'`); n != 1 {
		t.Fatalf("%d jobs are running, want the one that was cut off", n)
	}
	worked := make(chan string, 10)
	q, _ := l.queue(l.topic("work", 1, func(_ context.Context, i item) error { worked <- i.name; return nil }))
	l.start(q)
	for _, want := range []string{"x", "y"} {
		if got := recv(l, worked, "the work of the dead process"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
