package batch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// Callers that come while a batch is worked on share the next one.
func TestSharesWork(t *testing.T) {
	entered, leave := make(chan int, 10), make(chan struct{})
	b := New(8, time.Minute, func(_ context.Context, in []int) ([]int, error) {
		entered <- len(in)
		<-leave
		out := make([]int, len(in))
		for i, n := range in {
			out[i] = n * n
		}
		return out, nil
	})
	defer b.Close()
	var wg sync.WaitGroup
	do := func(n int) {
		wg.Go(func() {
			if got, err := b.Do(t.Context(), n); err != nil || got != n*n {
				t.Errorf("Do(%d) = %d, %v", n, got, err)
			}
		})
	}
	do(1)
	if n := <-entered; n != 1 {
		t.Fatalf("a lone caller shared with %d", n)
	}
	for n := range 8 {
		do(n)
	}
	for len(b.calls) < 8 { // all have queued up
		select {
		case <-t.Context().Done():
			t.Fatal("callers do not queue")
		default:
		}
	}
	close(leave)
	if n := <-entered; n != 8 {
		t.Errorf("second batch has %d, want 8", n)
	}
	wg.Wait()
}

func TestErrorsReachEverybody(t *testing.T) {
	broken := errors.New("disk full")
	b := New(8, time.Minute, func(context.Context, []int) ([]int, error) { return nil, broken })
	if _, err := b.Do(t.Context(), 1); !errors.Is(err, broken) {
		t.Error(err)
	}
	b.Close()
	if _, err := b.Do(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A caller who gave up before the work began gets none; one who gives up during it hears how it ended.
func TestCallerGivesUp(t *testing.T) {
	entered, leave := make(chan int, 3), make(chan struct{})
	b := New(1, time.Minute, func(_ context.Context, in []int) ([]int, error) { entered <- in[0]; <-leave; return in, nil })
	defer b.Close()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if got, err := b.Do(ctx, 1); got != 1 || err != nil {
			t.Errorf("during the work: %v, %v", got, err)
		}
	})
	<-entered
	cancel()
	wg.Go(func() {
		if _, err := b.Do(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("before the work: %v", err)
		}
	})
	close(leave)
	wg.Wait()
	select {
	case n := <-entered:
		t.Errorf("%d was worked on", n)
	default:
	}
}

// Work that hangs is given up, and the next batch has its turn.
func TestPatience(t *testing.T) {
	b := New(1, 10*time.Millisecond, func(ctx context.Context, in []int) ([]int, error) {
		if in[0] == 1 {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return in, nil
	})
	defer b.Close()
	if _, err := b.Do(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if got, err := b.Do(t.Context(), 2); got != 2 || err != nil {
		t.Error(got, err)
	}
}
