package twiliosim

import (
	"container/heap"
	"sync"
	"time"
)

// VirtualClock is a call clock that waits for nobody: while anything is in flight, a webhook or the document that
// answers it, time stands still; then it jumps to whatever is due next. What is due at one moment happens in the order
// in which it was scheduled, and the answers of webhooks that are in flight together are acted on in the order in which
// those were begun. So a call goes the same way each time, given the same answers.
//
// A clock serves one simulator.
type VirtualClock struct {
	// OnJump is called before each jump with its length, so that others can advance clocks of their own; it may block
	// until they are idle. What they begin meanwhile happens meanwhile, at the time before the jump. It must not be set
	// while there are calls, and must not close the simulator. Optional.
	OnJump func(d time.Duration)

	running sync.WaitGroup

	mu        sync.Mutex
	at        time.Duration // the present
	announced time.Duration // what OnJump has been told of, may be ahead of the present
	timers    timerHeap
	last      uint64         // the newest timer
	tasks     []*virtualTask // in flight, in the order in which they were begun
	busy      int            // what else is in flight
	held      int
	turning   bool // turn runs
	jumping   bool // OnJump runs
	stopped   bool
}

// virtualTimer is something that is due.
type virtualTimer struct {
	at    time.Duration
	order uint64
	f     func()
	index int // in the heap; -1: not any more
}

// virtualTask is something in flight whose end has consequences.
type virtualTask struct {
	then func()
	done bool
}

// NewVirtualClock returns a clock for Config.CallClock.
func NewVirtualClock() *VirtualClock { return &VirtualClock{} }

// Now is the time since the clock was made.
func (c *VirtualClock) Now() time.Duration { return c.now() }

// Hold stops time, and lets nothing happen that is due, until Release is called as often: calls that are begun
// meanwhile begin at the same moment.
func (c *VirtualClock) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held++
}

// Release takes back a Hold.
func (c *VirtualClock) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held--
	c.kick()
}

func (c *VirtualClock) now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *VirtualClock) after(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return func() {}
	}
	c.last++
	t := &virtualTimer{at: c.at + max(d, 0), order: c.last, f: f}
	heap.Push(&c.timers, t)
	c.kick()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.index >= 0 && !c.stopped {
			heap.Remove(&c.timers, t.index)
		}
	}
}

func (c *VirtualClock) task(work, then func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	t := &virtualTask{then: then}
	c.tasks = append(c.tasks, t)
	c.running.Go(func() {
		work()
		c.mu.Lock()
		defer c.mu.Unlock()
		t.done = true
		c.kick()
	})
}

func (c *VirtualClock) background(work func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.busy++
	c.running.Go(func() {
		work()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.busy--
		c.kick()
	})
}

func (c *VirtualClock) stop() {
	c.mu.Lock()
	c.stopped, c.timers, c.tasks = true, nil, nil
	c.mu.Unlock()
	c.running.Wait()
}

// kick lets time go on if it can. It needs the lock.
func (c *VirtualClock) kick() {
	if !c.turning && c.ready() {
		c.turning = true
		c.running.Go(c.turn)
	}
}

// ready needs the lock.
func (c *VirtualClock) ready() bool {
	switch {
	case c.stopped || c.held > 0:
		return false
	case c.due():
		return true
	case len(c.tasks) > 0:
		return c.tasks[0].done
	}
	return c.busy == 0 && !c.jumping && (len(c.timers) > 0 || c.announced > c.at)
}

// due reports whether something is due now. It needs the lock.
func (c *VirtualClock) due() bool { return len(c.timers) > 0 && c.timers[0].at <= c.at }

// turn does what can be done, and ends when something has to be waited for.
func (c *VirtualClock) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ready() {
		switch {
		case c.due():
			c.unlocked(heap.Pop(&c.timers).(*virtualTimer).f)
		case len(c.tasks) > 0:
			t := c.tasks[0]
			c.unlocked(t.then)
			if len(c.tasks) > 0 { // not stopped meanwhile
				c.tasks = c.tasks[1:]
			}
		case c.announced > c.at: // what the jump was for may not be there any more
			c.at = c.announced
			if len(c.timers) > 0 {
				c.at = min(c.at, c.timers[0].at)
			}
		case c.OnJump != nil:
			c.announce(c.timers[0].at)
		default:
			c.at = c.timers[0].at
			c.announced = c.at
		}
	}
	c.turning = false
}

// announce lets OnJump know. It needs the lock.
func (c *VirtualClock) announce(next time.Duration) {
	d := next - c.announced
	c.announced, c.jumping = next, true
	c.running.Go(func() {
		c.OnJump(d)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.jumping = false
		c.kick()
	})
}

func (c *VirtualClock) unlocked(f func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	f()
}

// timerHeap implements [heap.Interface].
type timerHeap []*virtualTimer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].order < h[j].order
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*virtualTimer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	all := *h
	t := all[len(all)-1]
	t.index = -1
	*h = all[:len(all)-1]
	return t
}
