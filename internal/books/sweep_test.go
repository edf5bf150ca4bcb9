package books_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/books"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// vendor is a list with one thing a second, of which it hands out at most so many at once.
type vendor struct {
	most   int
	seen   map[time.Time]int
	till   time.Time
	inTurn bool // whether everything came after what was seen before
	last   time.Time
}

func (v *vendor) sweep(age, lag time.Duration) books.Sweep {
	return books.Sweep{
		Age: age, Lag: lag,
		Look: func(_ context.Context, from, to time.Time) (bool, error) {
			if int(to.Sub(from)/time.Second)+1 > v.most {
				return false, nil
			}
			v.inTurn = v.inTurn && !from.Before(v.last)
			v.last = from
			for at := from; !at.After(to); at = at.Add(time.Second) {
				v.seen[at]++
			}
			return true, nil
		},
		Done: func(_ context.Context, till time.Time) error {
			if till.After(v.till) {
				v.till = till
			}
			return nil
		},
	}
}

// Everything is looked at, in order, however little the vendor hands out at once, but for what is too young, too old, or from before we
// were there; and what may appear late is looked at again.
func TestSweep(t *testing.T) {
	for _, most := range []int{1 << 30, 1000, 7} {
		v := &vendor{most: most, seen: map[time.Time]int{}, inTurn: true, last: noon.Add(-books.Back)}
		since := noon.Add(-3 * time.Hour).Add(400 * time.Millisecond)
		complete, err := v.sweep(2*time.Minute, 10*time.Minute).Run(t.Context(), since, noon)
		if !complete || err != nil || !v.inTurn {
			t.Fatalf("%d at once: complete %v, in turn %v, %v", most, complete, v.inTurn, err)
		}
		for at := noon.Add(-4 * time.Hour); at.Before(noon); at = at.Add(time.Second) {
			want := !at.Before(since.Truncate(time.Second)) && !at.After(noon.Add(-2*time.Minute))
			if got := v.seen[at] > 0; got != want {
				t.Fatalf("%d at once: %s was seen: %v", most, at.Format(time.TimeOnly), got)
			}
		}
		if want := noon.Add(-12 * time.Minute); !v.till.Equal(want) {
			t.Errorf("the next time it begins at %s, want %s", v.till, want)
		}
	}
}

// What is older than a week is left alone, and what is too much for the shortest time is an error, not a gap.
func TestSweepBounds(t *testing.T) {
	v := &vendor{most: 1 << 30, seen: map[time.Time]int{}, inTurn: true}
	if complete, err := v.sweep(0, 0).Run(t.Context(), noon.AddDate(0, -1, 0), noon); !complete || err != nil {
		t.Fatal(complete, err)
	}
	if n := len(v.seen); n != int(books.Back/time.Second)+1 {
		t.Errorf("%d seconds were looked at", n)
	}
	v = &vendor{most: 1, seen: map[time.Time]int{}}
	if complete, err := v.sweep(0, 0).Run(t.Context(), noon.Add(-time.Hour), noon); complete || err == nil || !v.till.IsZero() {
		t.Errorf("complete %v, till %v, %v", complete, v.till, err)
	}
}

// A sweep that is cut off goes on where it was, and says so if that is long ago; one that fails says so and goes on there as well.
func TestSweepGoesOn(t *testing.T) {
	v := &vendor{most: 1 << 30, seen: map[time.Time]int{}}
	sweep := v.sweep(0, 0)
	since := noon.Add(-5 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	look := sweep.Look
	sweep.Look = func(c context.Context, from, to time.Time) (bool, error) {
		if looks++; looks == 3 {
			cancel()
			return false, ctx.Err()
		}
		return look(c, from, to)
	}
	if complete, err := sweep.Run(ctx, since, noon); complete || err == nil {
		t.Fatalf("cut off: complete %v, %v", complete, err)
	}
	if complete, err := sweep.Run(ctx, noon.Add(-time.Hour), noon); complete || err != nil {
		t.Fatalf("cut off, and not far behind: complete %v, %v", complete, err)
	}
	broken := errors.New("broken")
	sweep.Look = func(context.Context, time.Time, time.Time) (bool, error) { return false, broken }
	if complete, err := sweep.Run(t.Context(), v.till, noon); complete || !errors.Is(err, broken) {
		t.Fatalf("broken: complete %v, %v", complete, err)
	}
	sweep.Look = look
	if complete, err := sweep.Run(t.Context(), v.till, noon); !complete || err != nil {
		t.Fatal(complete, err)
	}
	for at := since; !at.After(noon); at = at.Add(time.Second) {
		if v.seen[at] == 0 {
			t.Fatalf("%s was not looked at", at)
		}
	}
}

// A clock that was ahead, once it is right again, does not end all looking: the last of the time is looked at, and somebody is told that what came
// before may be missing. That clocks differ by seconds is nothing, and does not bring what was before the beginning.
func TestSweepClock(t *testing.T) {
	const age, lag = 2 * time.Minute, 10 * time.Minute
	for _, ahead := range []time.Duration{2 * time.Minute, 3 * time.Hour, 400 * 24 * time.Hour} {
		v := &vendor{most: 7, seen: map[time.Time]int{}}
		complete, err := v.sweep(age, lag).Run(t.Context(), noon.Add(ahead), noon)
		if !complete || err == nil || !v.till.Equal(noon.Add(-age-lag)) {
			t.Fatalf("%v ahead: complete %v, the next time it begins at %s, %v", ahead, complete, v.till, err)
		}
		for at := noon.Add(-time.Hour); at.Before(noon); at = at.Add(time.Second) {
			if want := !at.Before(noon.Add(-age-lag)) && !at.After(noon.Add(-age)); v.seen[at] > 0 != want {
				t.Fatalf("%v ahead: %s was seen: %v", ahead, at.Format(time.TimeOnly), !want)
			}
		}
		if complete, err := v.sweep(age, lag).Run(t.Context(), v.till, noon); !complete || err != nil {
			t.Errorf("%v ahead, then: complete %v, %v", ahead, complete, err)
		}
	}
	v := &vendor{most: 1 << 30, seen: map[time.Time]int{}}
	if complete, err := v.sweep(age, lag).Run(t.Context(), noon.Add(10*time.Second), noon); !complete || err != nil || len(v.seen) != 0 {
		t.Errorf("seconds ahead: complete %v, %d seconds were looked at, %v", complete, len(v.seen), err)
	}
}
