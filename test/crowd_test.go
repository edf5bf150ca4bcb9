package test

import (
	"context"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// trouble is what both vendors do to the hotline: some calls fail, some are done and not answered.
var trouble = fault.Switches{ErrorRate: 0.02, DropAfterRate: 0.02}

// Promises 2, 3 and 4 in a crowd, with vendors that fail: each text once and in order, one conversation and one welcome
// text for each supporter.
func TestCrowd(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, db sqldb.Config, replicas int) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		h := hotlinetest.Start(t, hotlinetest.Options{DB: db, Replicas: replicas})
		h.Twilio.Faults().Set(trouble)
		h.HelpScout.Faults().Set(trouble)
		crowd := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 120, Texts: 1200, Concurrency: 16, Seed: 7}}
		if testing.Short() {
			crowd.Supporters, crowd.Texts = 40, 300
		}
		crowd.Send(ctx, t, h.Twilio)
		crowd.Arrived(ctx, t, h.Vendors)
		crowd.Check(t, h.Vendors)
	}
	t.Run("one of each", func(t *testing.T) { run(t, sqldbtest.Any(t), 1) })
	t.Run("postgres, two replicas", func(t *testing.T) { run(t, sqldbtest.Postgres(t), 2) })
}
