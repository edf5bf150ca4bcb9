package simulator

import (
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Clock goes as fast as the real one, and can be moved ahead. The zero value shows the real time.
type Clock struct {
	// Calls is the clock of calls, if that jumps: this one jumps with it. Optional.
	Calls *twiliosim.VirtualClock

	ahead atomic.Int64
}

// Now is the clock's time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Ahead()) }

// Ahead is how far it is ahead of the real time.
func (c *Clock) Ahead() time.Duration {
	ahead := time.Duration(c.ahead.Load())
	if c.Calls != nil {
		ahead += c.Calls.Now()
	}
	return ahead
}

// Advance moves it on; by less than 0: back.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
