package ticketing

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// share is how much of the account's budget a class of calls may use, so that what is live never waits for what is
// not: the rest is left for the classes above.
var share = map[helpscout.Class]float64{helpscout.Live: 1, helpscout.Note: 0.9, helpscout.Backfill: 0.5}

// budget keeps all replicas together within what Help Scout allows the account. Until the first answer has said how
// much that is, one call goes out at a time. An account whose answers name no limit has none.
type budget struct {
	store *sqlstore.Store
	log   *slog.Logger
	now   func() time.Time

	limit atomic.Int64  // units per minute; unlimited: no limit was named
	first chan struct{} // a token: whoever has it may call before the limit is known
	known chan struct{} // closed when the limit is known
	once  sync.Once
}

const unlimited = -1

func newBudget(store *sqlstore.Store, log *slog.Logger, now func() time.Time) *budget {
	b := &budget{store: store, log: log, now: now, first: make(chan struct{}, 1), known: make(chan struct{})}
	b.first <- struct{}{}
	return b
}

// Take waits for units. If they can't be had before ctx ends, the error says when to try again. Backfill does not wait: it would hold the place of
// what is live.
func (b *budget) Take(ctx context.Context, class helpscout.Class, units int) error {
	if !b.learn(ctx) {
		return errs.Wrap(errs.RateLimited, helpscout.ErrNoAnswer, noAnswer).After(probe)
	}
	for b.limit.Load() != unlimited {
		wait, err := b.store.Spend(ctx, units, share[class], b.now())
		if err != nil || wait == 0 {
			return err
		}
		deadline, bounded := ctx.Deadline()
		if bounded && time.Until(deadline) < wait+2*time.Second || class == helpscout.Backfill {
			return errs.New(errs.RateLimited, "Help Scout's budget is spent").After(wait)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// probe is how long the one call that is let through may take before another one is.
const probe = 2 * time.Second

// learn lets one call through at a time until the limit is known. It reports false when another one is under way.
func (b *budget) learn(ctx context.Context) bool {
	select {
	case <-b.known:
		return true
	default:
	}
	patience := time.NewTimer(probe)
	defer patience.Stop()
	select {
	case <-b.known:
		return true
	case <-b.first:
		time.AfterFunc(probe, func() { b.first <- struct{}{} })
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	return false
}

// Report notes what an answer said of the limit; 0: nothing.
func (b *budget) Report(ctx context.Context, limit, remaining int) {
	if limit <= 0 {
		limit = unlimited
	}
	changed := b.limit.Swap(int64(limit)) != int64(limit)
	// Near the end of the budget it matters what others of the account have spent.
	if limit != unlimited && (changed || remaining < limit/4) {
		if err := b.store.Allowed(context.WithoutCancel(ctx), limit, remaining, b.now()); err != nil {
			b.log.WarnContext(ctx, "budget could not be noted", "err", err)
		}
	}
	b.once.Do(func() { close(b.known) })
}

// Exhausted notes that Help Scout refuses calls for some time.
func (b *budget) Exhausted(ctx context.Context, wait time.Duration) {
	b.log.WarnContext(ctx, "Help Scout says that the budget is spent", "wait", wait)
	if err := b.store.Block(context.WithoutCancel(ctx), b.now().Add(wait)); err != nil {
		b.log.WarnContext(ctx, "budget could not be noted", "err", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
