package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Idle waits until there is no work left in any of these databases, not even work that waits for its time, but for what is done
// regularly. It is for tests and the
// playground.
func Idle(ctx context.Context, dbs ...*sqldb.DB) error {
	// A job ends in the database, which nobody is told of, so it is asked; more than once, since what ends may begin something else.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for quiet := 0; quiet < 3; quiet++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("there is still work to do: %w", ctx.Err())
		}
		for _, db := range dbs {
			var n int
			if err := db.Read.QueryRowContext(ctx, `SELECT count(*) FROM river_job WHERE kind = 'drain' AND state IN ('available', 'running', 'scheduled', 'retryable')`).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				quiet = -1
			}
		}
	}
	return nil
}
