package fault

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Injector applies [Switches] to a server's requests. Its methods may be called at the same time.
type Injector struct {
	mu       sync.Mutex // guards all below
	switches Switches
	random   *rand.Rand
}

// New returns an injector that lets everything through until [Injector.Set]. The seed decides the rates' choices.
func New(seed uint64) *Injector {
	return &Injector{random: rand.New(rand.NewPCG(seed, seed))}
}

// Set replaces all switches. Counters start at their new values.
func (i *Injector) Set(s Switches) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.switches = s
}

// Get returns the switches, with the counters as far down as they have got.
func (i *Injector) Get() Switches {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.switches
}

// Wrap puts the faults in front of next. It cuts a connection by panicking with [http.ErrAbortHandler], so a
// handler around it that recovers must let that value pass. Go's client repeats a GET by itself when a connection it
// had used before is cut; a POST it does not.
func (i *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := i.decide(r)
		if !wait(r, p.delay) {
			panic(http.ErrAbortHandler)
		}
		switch p.outcome {
		case pass:
			next.ServeHTTP(w, r)
		case fail:
			p.answer(w)
		case dropBefore:
			panic(http.ErrAbortHandler)
		case dropAfter:
			next.ServeHTTP(newDiscard(), r)
			panic(http.ErrAbortHandler)
		}
	})
}

type outcome int

const (
	pass outcome = iota
	fail
	dropBefore
	dropAfter
)

// plan is what will happen to one request.
type plan struct {
	delay      time.Duration
	outcome    outcome
	status     int
	retryAfter int
}

// decide takes one request's share of the counters and of the random numbers. Counters go before rates.
func (i *Injector) decide(r *http.Request) plan {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := &i.switches
	if !s.match(r) {
		return plan{}
	}
	p := plan{delay: s.delay()}
	switch {
	case take(&s.DropBeforeNext):
		p.outcome = dropBefore
	case take(&s.FailNext):
		p.outcome, p.status, p.retryAfter = fail, s.FailNextStatus, s.FailNextRetryAfter
	case take(&s.DropAfterNext):
		p.outcome = dropAfter
	case i.chance(s.DropBeforeRate):
		p.outcome = dropBefore
	case i.chance(s.ErrorRate):
		p.outcome, p.status = fail, s.Status
	case i.chance(s.DropAfterRate):
		p.outcome = dropAfter
	}
	return p
}

func take(counter *int) bool {
	if *counter <= 0 {
		return false
	}
	*counter--
	return true
}

// chance draws a number only for a rate in use, so that turning one switch does not shift the others' sequence.
func (i *Injector) chance(rate float64) bool {
	return rate > 0 && i.random.Float64() < rate
}

// answer writes a body that is no JSON, as a proxy in front of a vendor does.
func (p plan) answer(w http.ResponseWriter) {
	status := p.status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/html")
	if status == http.StatusTooManyRequests && p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>\n", status, http.StatusText(status))
}

// wait reports false when the client has gone before the delay was over.
func wait(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// discard is the ResponseWriter of a request whose answer nobody will see.
type discard struct{ header http.Header }

func newDiscard() discard { return discard{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (d discard) Header() http.Header { return d.header }

// Write implements [http.ResponseWriter].
func (d discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (d discard) WriteHeader(int) {}
