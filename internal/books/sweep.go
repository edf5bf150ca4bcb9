package books

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sweep is how a vendor's list is gone through, from when it was last gone through until now. A chore has little time, and lists of
// vendors have their limits; so it goes in steps from the oldest on, notes after each how far it has come, and goes on there the next
// time. What it finds may be found again.
type Sweep struct {
	// Age is how old something must be: what is younger is left to the webhooks.
	Age time.Duration
	// Lag is how late something may appear in the list. So much of it is looked at again the next time.
	Lag time.Duration
	// Look looks at all of a time. false: it is more than can be looked at in one go; it will be asked for less.
	Look func(ctx context.Context, from, to time.Time) (whole bool, err error)
	// Done notes until when everything was looked at.
	Done func(ctx context.Context, till time.Time) error
}

const (
	longestStep  = time.Hour
	shortestStep = 5 * time.Second
	// farBehind is how far a sweep may be behind without a word.
	farBehind = time.Hour
	// ahead is how much the clocks of two machines may differ without a word.
	ahead = time.Minute
)

// Run looks at everything since a time, but not further back than Back. It reports whether it came to the end. That ctx was over is an error
// only if it is far behind. A since that is still to come was noted by a clock that was wrong: then it looks at the last Lag, and says so by an error.
func (s Sweep) Run(ctx context.Context, since, now time.Time) (complete bool, err error) {
	if since.After(now.Add(ahead)) {
		begin := now.Add(-s.Age - s.Lag)
		complete, err := s.Run(ctx, begin, now)
		return complete, errors.Join(err, fmt.Errorf("a clock was wrong: it has come to %s, which is not yet; it begins at %s, and what is older may be missing",
			since.UTC().Format(time.RFC3339), begin.UTC().Format(time.RFC3339)))
	}
	from, till := since.Truncate(time.Second), now.Add(-s.Age).Truncate(time.Second) // vendors' times have no less
	if oldest := now.Add(-Back); from.Before(oldest) {
		from = oldest
	}
	for step := longestStep; from.Before(till); {
		if ctx.Err() != nil {
			return false, s.behind(from, now)
		}
		to := from.Add(step)
		if to.After(till) {
			to = till
		}
		whole, err := s.Look(ctx, from, to)
		switch {
		case err != nil && ctx.Err() != nil:
			return false, s.behind(from, now)
		case err != nil:
			return false, err
		case !whole && step > shortestStep:
			step = (step / 2).Truncate(time.Second)
			continue
		case !whole:
			return false, fmt.Errorf("the list has more than can be looked at between %s and %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
		}
		seen := to
		if again := till.Add(-s.Lag); seen.After(again) {
			seen = again
		}
		if err := s.Done(ctx, seen); err != nil {
			return false, err
		}
		from = to
	}
	return true, nil
}

func (s Sweep) behind(from, now time.Time) error {
	if now.Sub(from) <= s.Age+s.Lag+farBehind {
		return nil
	}
	return fmt.Errorf("it is behind: it has come to %s so far", from.UTC().Format(time.RFC3339))
}
