package twiliosim

import (
	"sync"
	"time"
)

// callClock is the time that calls live by.
type callClock interface {
	// now is the time since the clock began.
	now() time.Duration
	// after lets f happen later, unless stop is called before.
	after(d time.Duration, f func()) (stop func())
	// task does work on a goroutine of its own, and then calls then.
	task(work, then func())
	// background does work on a goroutine of its own that nothing waits for.
	background(work func())
	// stop forgets what is scheduled and waits for the rest. Nothing may be scheduled after it.
	stop()
}

// realClock is the time of the clock on the wall.
type realClock struct {
	began   time.Time
	running sync.WaitGroup

	mu     sync.Mutex
	timers map[*time.Timer]bool // nil: stopped
}

func newRealClock() *realClock {
	return &realClock{began: time.Now(), timers: map[*time.Timer]bool{}}
}

func (c *realClock) now() time.Duration { return time.Since(c.began) }

func (c *realClock) after(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers == nil {
		return func() {}
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		c.mu.Lock() // held by after until the timer is noted
		due := c.timers[timer]
		delete(c.timers, timer)
		if due {
			c.running.Add(1)
		}
		c.mu.Unlock()
		if due {
			defer c.running.Done()
			f()
		}
	})
	c.timers[timer] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		timer.Stop()
		delete(c.timers, timer)
	}
}

func (c *realClock) task(work, then func()) { c.background(func() { work(); then() }) }

func (c *realClock) background(work func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers != nil {
		c.running.Go(work)
	}
}

func (c *realClock) stop() {
	c.mu.Lock()
	for timer := range c.timers {
		timer.Stop()
	}
	c.timers = nil
	c.mu.Unlock()
	c.running.Wait()
}
