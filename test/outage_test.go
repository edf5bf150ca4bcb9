package test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Promises 1 and 9: while the help desk is down, and then refuses for a while, webhooks are answered as ever; then
// everything is delivered, in order, and the budget is not exceeded by more than one request.
func TestOutage(t *testing.T) {
	down := 5 * time.Second
	if d, err := time.ParseDuration(os.Getenv("BLING_TEST_OUTAGE")); err == nil {
		down = d
	}
	run := func(t *testing.T, db sqldb.Config, replicas int) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		const limit, refused = 200, 5
		h := hotlinetest.Start(t, hotlinetest.Options{DB: db, Replicas: replicas, HelpScout: func(c *helpscoutsim.Config) {
			c.RateLimit = limit
		}})
		h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503})
		crowd := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 40, Texts: 160, Concurrency: 16, Seed: 3}}
		crowd.Send(ctx, t, h.Twilio)
		t.Logf("webhooks were answered in %v at most, the median in %v", crowd.Took(1), crowd.Took(0.5))
		if n := len(h.HelpScout.Conversations()); n != 0 {
			t.Errorf("%d conversations in a help desk that is down", n)
		}
		// The outage lasts for BLING_TEST_OUTAGE. No signal can tell that nothing happens in the end.
		wait(ctx, t, down)
		calls := 0
		for _, n := range h.HelpScout.Usage().Requests {
			calls += n
		}
		t.Logf("%d calls while down", calls)
		h.HelpScout.Faults().Set(fault.Switches{FailNext: refused, FailNextStatus: 429, FailNextRetryAfter: 1})
		crowd.Arrived(ctx, t, h.Vendors)
		crowd.Check(t, h.Vendors)
		usage := h.HelpScout.Usage()
		t.Logf("at most %d of %d units in a minute; %d answers 429, %d of them on demand", usage.MaxWindow, limit, usage.Limited, refused)
		if usage.Limited > refused+1 {
			t.Errorf("the budget was exceeded by %d requests", usage.Limited-refused)
		}
	}
	t.Run("one of each", func(t *testing.T) { run(t, sqldbtest.Any(t), 1) })
	t.Run("postgres, two replicas", func(t *testing.T) { run(t, sqldbtest.Postgres(t), 2) })
}

// wait lets time pass for others.
func wait(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}
