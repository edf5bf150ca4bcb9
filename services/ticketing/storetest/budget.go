package storetest

import (
	"math/rand/v2"
	"sync"
	"time"
)

// spend asks for units and returns how long to wait; 0: they are taken.
func (b *book) spend(units int, share float64, now time.Time) time.Duration {
	b.t.Helper()
	wait, err := b.Spend(b.ctx, units, share, now)
	b.ok(err)
	if wait < 0 || wait > time.Minute {
		b.t.Errorf("wait %v", wait)
	}
	return wait
}

// takes spends single units until there are no more, and returns how many there were.
func (b *book) takes(share float64, now time.Time) (n int) {
	b.t.Helper()
	for b.spend(1, share, now) == 0 {
		if n++; n > 1000 {
			b.t.Fatal("the budget has no end")
		}
	}
	return n
}

// Before Help Scout has named its limit, nobody is kept waiting by the store.
func noLimitKnown(b *book) {
	for range 50 {
		if wait := b.spend(10, 0.1, start); wait != 0 {
			b.t.Fatalf("wait %v", wait)
		}
	}
}

// Whenever calls come, no minute sees more than is allowed; who waits as long as he was told gets his turn; and what
// is allowed can be used.
func slidingMinute(b *book) {
	const allowed = 20
	b.ok(b.Allowed(b.ctx, allowed, allowed, start))
	random := rand.New(rand.NewPCG(1, 2))
	type spent struct {
		at    time.Time
		units int
	}
	var all []spent
	now, full := start, 0
	for range 120 {
		now = now.Add(time.Duration(random.ExpFloat64() * float64(2*time.Second))).Truncate(time.Microsecond)
		units := 1 + random.IntN(2)
		tries := 0
		for wait := b.spend(units, 1, now); wait != 0; wait = b.spend(units, 1, now) {
			full++
			now = now.Add(wait)
			if tries++; tries > allowed {
				b.t.Fatalf("no turn after %d waits", tries)
			}
		}
		all = append(all, spent{now, units})
		sum := 0
		for _, s := range all {
			if s.at.After(now.Add(-time.Minute)) {
				sum += s.units
			}
		}
		if sum > allowed {
			b.t.Errorf("%d units in the minute before %v", sum, now)
		}
	}
	if full == 0 {
		b.t.Error("the budget was never used up: this shows nothing")
	}
	if n := b.takes(1, now.Add(time.Minute)); n != allowed {
		b.t.Errorf("%d units after a quiet minute, want %d", n, allowed)
	}
	// A moment before the minute is over there is nothing, then all of it.
	if n := b.takes(1, now.Add(2*time.Minute-time.Microsecond)); n != 0 {
		b.t.Errorf("%d units too early", n)
	}
	if n := b.takes(1, now.Add(2*time.Minute)); n != allowed {
		b.t.Errorf("%d units, want %d", n, allowed)
	}
}

// What is not live leaves the rest to what is; what live calls spend counts for all.
func shares(b *book) {
	b.ok(b.Allowed(b.ctx, 100, 100, start))
	for _, step := range []struct {
		share float64
		units int
	}{{0.5, 50}, {0.5, 0}, {0.9, 40}, {0.5, 0}, {0.9, 0}, {1, 10}, {1, 0}} {
		if n := b.takes(step.share, start); n != step.units {
			b.t.Errorf("share %v: %d units, want %d", step.share, n, step.units)
		}
	}
	// Two units do not squeeze into the place of one.
	b.ok(b.Allowed(b.ctx, 101, 1, start))
	if wait := b.spend(2, 1, start); wait == 0 {
		b.t.Error("two units in the place of one")
	}
	if wait := b.spend(1, 1, start); wait != 0 {
		b.t.Errorf("one unit waits %v", wait)
	}
}

// What is missing and not ours was spent by others of the account. It counts for a minute, and then anew.
func others(b *book) {
	b.ok(b.Allowed(b.ctx, 100, 100, start))
	if wait := b.spend(10, 1, start); wait != 0 {
		b.t.Fatal(wait)
	}
	b.ok(b.Allowed(b.ctx, 100, 60, at(1))) // ours are 10, theirs 30
	if n := b.takes(0.5, at(1)); n != 10 {
		b.t.Errorf("backfill takes %d units, want 10", n)
	}
	if n := b.takes(1, at(2)); n != 50 {
		b.t.Errorf("%d units, want 50", n)
	}
	b.ok(b.Allowed(b.ctx, 100, 0, at(3))) // ours are 70 now, theirs still 30
	if n := b.takes(1, at(59)); n != 0 {
		b.t.Errorf("%d units, want none", n)
	}
	if n := b.takes(1, at(64)); n != 100 {
		b.t.Errorf("%d units after a minute, want 100", n)
	}
	// Others alone can use it up, too.
	b.ok(b.Allowed(b.ctx, 100, 0, at(200)))
	if wait := b.spend(1, 1, at(200)); wait == 0 {
		b.t.Error("others spent all, and we spend")
	}
	// Units that Help Scout does not count (yet) are no gift of others.
	b.ok(b.Allowed(b.ctx, 100, 150, at(300)))
	if n := b.takes(1, at(300)); n != 100 {
		b.t.Errorf("%d units, want 100", n)
	}
}

// While Help Scout refuses calls nobody makes one, whatever is left, and however short the next refusal says.
func blocked(b *book) {
	b.ok(b.Block(b.ctx, at(30)))
	b.ok(b.Block(b.ctx, at(5)))
	for second, want := range map[float64]time.Duration{0: 30 * time.Second, 10: 20 * time.Second, 29.5: 500 * time.Millisecond, 30: 0} {
		if wait := b.spend(1, 1, at(second)); wait != want {
			b.t.Errorf("at %v: wait %v, want %v", second, wait, want)
		}
	}
	b.ok(b.Allowed(b.ctx, 100, 100, at(31)))
	b.ok(b.Block(b.ctx, at(40)))
	if wait := b.spend(1, 1, at(31)); wait != 9*time.Second {
		b.t.Errorf("wait %v", wait)
	}
	if wait := b.spend(1, 1, at(41)); wait != 0 {
		b.t.Errorf("wait %v", wait)
	}
}

// Left tells what of the last minute's budget we have not spent.
func left(b *book) {
	want := func(units int, known bool, now time.Time) {
		b.t.Helper()
		got, ok, err := b.Left(b.ctx, now)
		b.ok(err)
		if ok != known || known && got != units {
			b.t.Errorf("%d left, %v; want %d, %v", got, ok, units, known)
		}
	}
	want(0, false, start)
	b.spend(7, 1, start)
	want(0, false, start)
	b.ok(b.Allowed(b.ctx, 100, 93, start))
	want(93, true, at(1))
	b.spend(3, 1, at(30))
	want(90, true, at(31))
	want(97, true, at(61))
	want(100, true, at(91))
	b.ok(b.Allowed(b.ctx, 50, 50, at(91)))
	want(50, true, at(91))
}

// However many ask at once, on whatever replica: no more is taken than there is, and all of that.
func spendConcurrently(b *book) {
	const allowed, callers = 41, 12
	b.ok(b.Allowed(b.ctx, allowed, allowed, start))
	for round := range 3 {
		now := start.Add(time.Duration(round) * time.Minute)
		var mu sync.Mutex
		taken := 0
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for range 4 {
					units := 1 + caller%3
					wait, err := b.Spend(b.ctx, units, 1, now)
					if err != nil {
						b.t.Error(err)
					}
					if wait == 0 {
						mu.Lock()
						taken += units
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		taken += b.takes(1, now)
		if taken != allowed {
			b.t.Errorf("round %d: %d units are taken, want %d", round, taken, allowed)
		}
	}
}
