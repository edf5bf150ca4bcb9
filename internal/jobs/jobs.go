// Package jobs empties lanes: it calls a service's code for one lane after another, each lane in order and by one
// worker at a time, over every replica of the service.
//
// A lane is everything between one supporter and one hotline; its work stands in the service's own ledger. A job
// (River, https://riverqueue.com) is only the wake-up: "there is something in this lane". It is inserted in the
// transaction that records the work, there is at most one a lane, and it ends in a transaction that has looked
// once more. If a job is lost all the same, Sweep makes it again from the ledger, at start and every minute.
//
// Chores are what is done regularly. Whichever replica River has made the leader puts them into the queue, so each is done once.
//
// A step that fails holds its lane and no other. How often it may fail and what then becomes of the work is the
// service's to decide; jobs never throws work away.
package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivertype"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
)

// Topic is one kind of work.
type Topic struct {
	// Name is stable: it is stored.
	Name string
	// Workers is how many lanes are worked on at once in this process.
	Workers int
	// Step does the next piece of work of a lane and reports whether there may be more. An error means: the same
	// piece again, after errs.RetryAfter(err) or a second. An errs.RateLimited error makes all lanes of the topic wait that long.
	// A step has Limit.
	Step func(ctx context.Context, lane string) (more bool, err error)
	// Pending reports whether the lane has work, as tx sees it.
	Pending func(ctx context.Context, tx *sql.Tx, lane string) (bool, error)
	// Lanes returns lanes that have work, at most limit, in order, each greater than after.
	Lanes func(ctx context.Context, after string, limit int) ([]string, error)
	// Limit bounds one step. Default: StepTimeout. Should a process be killed in it, it is as long until the lane goes on.
	Limit time.Duration
}

// Chore is something that is done regularly: once for all replicas of the service, and by one of them at a time.
type Chore struct {
	// Name is stable: it is stored.
	Name string
	// Every is how often. It is done at start as well.
	Every time.Duration
	// Do has choreLimit. What it returns is logged; the next time it is done again.
	Do func(context.Context) error
}

const (
	// StepTimeout bounds a step that has no limit of its own.
	StepTimeout = 9 * time.Second
	// turn is how long a worker stays with a lane before another lane may have it.
	turn         = 3 * time.Second
	jobTimeout   = turn + StepTimeout + time.Second
	rescueAfter  = jobTimeout + 2*time.Second
	sweepEvery   = time.Minute
	choreLimit   = time.Minute
	defaultRetry = time.Second
)

// Queue wakes the lanes of one service. Make it with New, then Start it.
type Queue struct {
	db     *sqldb.DB
	client *river.Client[*sql.Tx]
	topics map[string]*topic
	chores map[string]Chore
	log    *slog.Logger
}

type topic struct {
	Topic
	closedUntil atomic.Int64 // Unix nanoseconds; all lanes wait until then
}

// drain is the job: empty this lane.
type drain struct {
	Topic string `json:"topic" river:"unique"`
	Lane  string `json:"lane" river:"unique"`
}

// Kind is the job's stored name.
func (drain) Kind() string { return "drain" }

// chore is the job: do this chore.
type chore struct {
	Name string `json:"name" river:"unique"`
}

// Kind is the job's stored name.
func (chore) Kind() string { return "chore" }

// choreQueue is where chores wait, apart from all topics.
const choreQueue = "chores"

// New returns the queue of a service on its database. It does nothing until Start.
func New(db *sqldb.DB, log *slog.Logger, topics []Topic, chores ...Chore) (*Queue, error) {
	q := &Queue{db: db, topics: map[string]*topic{}, chores: map[string]Chore{}, log: log}
	chores = append(chores, Chore{Name: "sweep", Every: sweepEvery, Do: q.sweep})
	queues := map[string]river.QueueConfig{choreQueue: {MaxWorkers: len(chores)}}
	var periodic []*river.PeriodicJob
	for _, c := range chores {
		q.chores[c.Name] = c
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(c.Every), func() (river.JobArgs, *river.InsertOpts) {
			return chore{c.Name}, &river.InsertOpts{Queue: choreQueue, UniqueOpts: once}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	for _, t := range topics {
		t.Limit = cmp.Or(t.Limit, StepTimeout)
		q.topics[t.Name] = &topic{Topic: t}
		queues[t.Name] = river.QueueConfig{MaxWorkers: t.Workers}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{q: q})
	river.AddWorker(workers, &choreWorker{q: q})
	poll := 50 * time.Millisecond
	if db.Shared() {
		poll = 200 * time.Millisecond // PostgreSQL notifies, but for what comes within FetchCooldown
	}
	client, err := river.NewClient(db.River(), &river.Config{
		Queues:                      queues,
		Workers:                     workers,
		PeriodicJobs:                periodic,
		Logger:                      slog.New(quiet{log.Handler()}),
		FetchCooldown:               5 * time.Millisecond,
		FetchPollInterval:           poll,
		JobTimeout:                  jobTimeout,
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: time.Minute,
		MaxAttempts:                 1000, // a lane is retried by snoozing; attempts count crashes only
		RetryPolicy:                 soon{},
		SkipUnknownJobCheck:         true,
	})
	if err != nil {
		return nil, fmt.Errorf("making job queue: %w", err)
	}
	q.client = client
	return q, nil
}

// soon retries a job that broke off after a second; the ledger knows what is to be done.
type soon struct{}

func (soon) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(defaultRetry) }

// quiet drops River's routine lines.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// Start begins to work, with whatever the last process left undone.
func (q *Queue) Start() error {
	ctx := context.Background()
	if !q.db.Shared() {
		// This process is alone on its file: whatever says "running" was cut off with the last one.
		err := q.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE river_job SET state = 'available' WHERE state = 'running'`)
			if err == nil {
				_, err = tx.Exec(`DELETE FROM river_leader`)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("freeing jobs of the last process: %w", err)
		}
	}
	if err := q.client.Start(ctx); err != nil {
		return fmt.Errorf("starting job queue: %w", err)
	}
	return nil
}

// Stop lets the steps under way finish and stops. After ctx ends it cancels them.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return q.client.StopAndCancel(context.WithoutCancel(ctx))
	}
	return err
}

var once = river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled}}

// Wake says in tx that the lanes have work. Call it before the work itself is inserted: the job's row then keeps
// the work of one lane in the order in which it is committed. Give the lanes sorted, so that two transactions never wait for each other.
func (q *Queue) Wake(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error {
	params := make([]river.InsertManyParams, len(lanes))
	for i, lane := range lanes {
		params[i] = river.InsertManyParams{Args: drain{topic, lane}, InsertOpts: &river.InsertOpts{Queue: topic, UniqueOpts: once}}
	}
	if len(params) == 0 {
		return nil
	}
	// Not InsertManyFastTx: that one does not lock the row of a job that exists already.
	if _, err := q.client.InsertManyTx(ctx, tx, params); err != nil {
		return fmt.Errorf("waking %d lanes of %s: %w", len(lanes), topic, err)
	}
	q.db.Nudge()
	return nil
}

// sweep wakes every lane that has work, in case a job was lost.
func (q *Queue) sweep(ctx context.Context) error {
	var failed []error
	for name := range q.topics {
		failed = append(failed, q.Sweep(ctx, name))
	}
	return errors.Join(failed...)
}

// Sweep wakes every lane of a topic that has work.
func (q *Queue) Sweep(ctx context.Context, topic string) error {
	const page = 500
	for after := ""; ; {
		lanes, err := q.topics[topic].Lanes(ctx, after, page)
		if err != nil || len(lanes) == 0 {
			return err
		}
		if err := q.db.Update(ctx, func(tx *sql.Tx) error { return q.Wake(ctx, tx, topic, lanes...) }); err != nil {
			return err
		}
		if len(lanes) < page {
			return nil
		}
		after = lanes[len(lanes)-1]
	}
}

type choreWorker struct {
	river.WorkerDefaults[chore]
	q *Queue
}

// Timeout is how long a chore may take; after that it is taken for stuck.
func (w *choreWorker) Timeout(*river.Job[chore]) time.Duration { return choreLimit }

// Work does a chore.
func (w *choreWorker) Work(ctx context.Context, job *river.Job[chore]) error {
	c, ok := w.q.chores[job.Args.Name]
	if !ok {
		return river.JobCancel(fmt.Errorf("no chore %s", job.Args.Name))
	}
	if err := c.Do(ctx); err != nil && !errors.Is(ctx.Err(), context.Canceled) { // which is that we stop
		w.q.log.ErrorContext(ctx, "what is done regularly failed", "chore", c.Name, "err", err)
	}
	return nil
}

type worker struct {
	river.WorkerDefaults[drain]
	q *Queue
}

// Timeout is how long a job may take; after that it is taken for stuck.
func (w *worker) Timeout(job *river.Job[drain]) time.Duration {
	if t, ok := w.q.topics[job.Args.Topic]; ok {
		return turn + t.Limit + time.Second
	}
	return jobTimeout
}

// Work empties one lane, or gives it back after its turn.
func (w *worker) Work(ctx context.Context, job *river.Job[drain]) error {
	t, ok := w.q.topics[job.Args.Topic]
	if !ok {
		return river.JobCancel(fmt.Errorf("no topic %s", job.Args.Topic))
	}
	until := time.Now().Add(turn)
	for {
		if left := t.waitOpen(ctx, until); left > 0 {
			return river.JobSnooze(left)
		}
		more, err := step(ctx, t, job.Args.Lane)
		switch {
		case err != nil:
			return w.failed(ctx, t, job.Args.Lane, err)
		case !more:
			if done, err := w.finish(ctx, t, job); done || err != nil {
				return err
			}
		case time.Now().After(until):
			return river.JobSnooze(0)
		}
	}
}

func step(ctx context.Context, t *topic, lane string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Limit)
	defer cancel()
	return t.Step(ctx, lane)
}

func (w *worker) failed(ctx context.Context, t *topic, lane string, err error) error {
	wait := errs.RetryAfter(err)
	if wait <= 0 {
		wait = defaultRetry
	}
	if errs.KindOf(err) == errs.RateLimited {
		t.close(wait)
	}
	level := slog.LevelInfo
	if errs.KindOf(err) == errs.Internal {
		level = slog.LevelError
	}
	w.q.log.Log(ctx, level, "lane waits", "topic", t.Name, "wait", wait, "err", err)
	return river.JobSnooze(wait)
}

var errMore = errors.New("more work in the lane")

// finish completes the job unless something came into the lane meanwhile.
func (w *worker) finish(ctx context.Context, t *topic, job *river.Job[drain]) (bool, error) {
	err := w.q.db.Update(ctx, func(tx *sql.Tx) error {
		// The driver's type is for inference only; the driver itself comes from the client in ctx.
		if _, err := river.JobCompleteTx[*riverdatabasesql.Driver](ctx, tx, job); err != nil {
			return err
		}
		pending, err := t.Pending(ctx, tx, job.Args.Lane)
		if err == nil && pending {
			err = errMore
		}
		return err
	})
	if errors.Is(err, errMore) {
		return false, nil
	}
	return err == nil, err
}

// close makes all lanes of the topic wait.
func (t *topic) close(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	for {
		old := t.closedUntil.Load()
		if old >= until || t.closedUntil.CompareAndSwap(old, until) {
			return
		}
	}
}

// waitOpen waits while the topic is closed, at most until the end of the turn, and returns how long it still is.
func (t *topic) waitOpen(ctx context.Context, until time.Time) time.Duration {
	closed := time.Unix(0, t.closedUntil.Load())
	if !closed.After(time.Now()) {
		return 0
	}
	wait := min(time.Until(closed), time.Until(until))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return max(0, time.Until(time.Unix(0, t.closedUntil.Load())))
}
