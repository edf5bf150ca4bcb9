// Package batch lets concurrent callers share one piece of work, such as one commit.
//
// While a batch is being worked on, callers queue up; the next batch takes all of them. So a lone caller waits for
// nobody, and a flood costs few commits.
package batch

import (
	"context"
	"errors"
	"time"
)

// Batcher hands calls to a function in batches. Make one with New; Close it to stop.
type Batcher[In, Out any] struct {
	calls chan call[In, Out]
	done  chan struct{}
	stop  context.CancelFunc
}

type call[In, Out any] struct {
	ctx   context.Context // the caller's
	in    In
	reply chan reply[Out]
}

type reply[Out any] struct {
	out Out
	err error
}

// ErrClosed is the answer to calls after Close.
var ErrClosed = errors.New("batcher is closed")

// New returns a Batcher that calls work with 1 to limit inputs at a time, never concurrently: two batches at once are
// smaller and wait for each other in the database. work returns one output for each input, or an error for all of them.
// Its context ends after patience, so that one batch that hangs does not keep all others waiting.
func New[In, Out any](limit int, patience time.Duration, work func(context.Context, []In) ([]Out, error)) *Batcher[In, Out] {
	ctx, stop := context.WithCancel(context.Background())
	b := &Batcher[In, Out]{
		calls: make(chan call[In, Out], limit),
		done:  make(chan struct{}),
		stop:  stop,
	}
	go b.run(ctx, limit, patience, work)
	return b
}

// Do waits until in was worked on. When ctx ends before that begins, it is not done; when it ends later, Do waits all
// the same, since the work may write what belongs to the caller.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In) (out Out, err error) {
	c := call[In, Out]{ctx, in, make(chan reply[Out], 1)}
	select {
	case b.calls <- c:
	case <-ctx.Done():
		return out, ctx.Err()
	case <-b.done:
		return out, ErrClosed
	}
	select {
	case r := <-c.reply:
		return r.out, r.err
	case <-b.done:
		select {
		case r := <-c.reply: // it was in the last batch
			return r.out, r.err
		default:
			return out, ErrClosed
		}
	}
}

// Close lets the batch under way finish and stops. Calls still waiting get ErrClosed.
func (b *Batcher[In, Out]) Close() {
	b.stop()
	<-b.done
}

func (b *Batcher[In, Out]) run(ctx context.Context, limit int, patience time.Duration, work func(context.Context, []In) ([]Out, error)) {
	defer close(b.done)
	for {
		var batch []call[In, Out]
		take := func(c call[In, Out]) {
			if err := c.ctx.Err(); err != nil {
				c.reply <- reply[Out]{err: err}
				return
			}
			batch = append(batch, c)
		}
		select {
		case <-ctx.Done():
			return
		case c := <-b.calls:
			take(c)
		}
	more:
		for len(batch) < limit {
			select {
			case c := <-b.calls:
				take(c)
			default:
				break more
			}
		}
		if len(batch) == 0 {
			continue
		}
		in := make([]In, len(batch))
		for i, c := range batch {
			in[i] = c.in
		}
		workCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		out, err := work(workCtx, in)
		cancel()
		for i, c := range batch {
			if err != nil {
				c.reply <- reply[Out]{err: err}
				continue
			}
			c.reply <- reply[Out]{out: out[i]}
		}
	}
}
