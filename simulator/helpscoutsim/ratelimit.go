package helpscoutsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limiter is the rate limit of the account: units per minute, shared by all who call.
// See https://developer.helpscout.com/mailbox-api/overview/rate-limiting/.
type limiter struct {
	window RateWindow
	now    func() time.Time

	mu    sync.Mutex
	limit int
	// spent holds what was served in the present window, oldest first. A fixed window started with its first entry.
	spent []spending
	used  int // the sum of spent
	units int // served since the start
	most  int // the largest used there was
}

type spending struct {
	at   time.Time
	cost int
}

func newLimiter(limit int, window RateWindow, now func() time.Time) *limiter {
	return &limiter{limit: limit, window: window, now: now}
}

func (l *limiter) setLimit(limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = limit
}

// take charges cost, and returns how long to wait when there is not enough left.
func (l *limiter) take(cost int) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.forget(now)
	if l.limit >= 0 && l.used+cost > l.limit {
		return l.wait(now, cost), false
	}
	l.spent = append(l.spent, spending{now, cost})
	l.used += cost
	l.units += cost
	l.most = max(l.most, l.used)
	return 0, true
}

// forget drops what no longer counts.
func (l *limiter) forget(now time.Time) {
	if l.window == SlidingWindow {
		for len(l.spent) > 0 && !l.spent[0].at.Add(time.Minute).After(now) {
			l.used -= l.spent[0].cost
			l.spent = l.spent[1:]
		}
		return
	}
	if len(l.spent) > 0 && !l.spent[0].at.Add(time.Minute).After(now) {
		l.spent, l.used = nil, 0
	}
}

// wait returns how long it takes until cost fits.
func (l *limiter) wait(now time.Time, cost int) time.Duration {
	free := l.limit - l.used
	for _, s := range l.spent {
		free += s.cost
		if l.window == FixedWindow || free >= cost {
			return s.at.Add(time.Minute).Sub(now)
		}
	}
	return time.Minute
}

// describe sets the rate headers. retryAfter is above zero for a refused request.
func (l *limiter) describe(h http.Header, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit < 0 {
		return
	}
	l.forget(l.now())
	h.Set("X-RateLimit-Limit-Minute", strconv.Itoa(l.limit))
	h.Set("X-RateLimit-Remaining-Minute", strconv.Itoa(max(0, l.limit-l.used)))
	if retryAfter > 0 {
		seconds := (retryAfter + time.Second - 1) / time.Second
		h.Set("X-RateLimit-Retry-After", strconv.Itoa(int(seconds)))
	}
}

// totals returns the units served since the start, and in the fullest window.
func (l *limiter) totals() (units, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.units, l.most
}
