package twiliosim

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// exchange connects phones: it does what the documents of calls say. Everything happens in steps that hold its lock and
// never wait; what takes time, such as a webhook, goes to the clock, with what is to be done then. Its lock may be held
// when Sim.mu is taken, not the other way round.
type exchange struct {
	sim   *Sim
	clock callClock

	mu       sync.Mutex
	closed   bool
	legs     map[string]*leg
	order    []*leg
	handsets map[string]Handset
	takes    map[string]*take // recordings, by SID
	taken    []*take
	scripts  map[string]*transcription
	scripted []*transcription // those that were deleted included
}

func newExchange(s *Sim) *exchange {
	x := &exchange{sim: s}
	if s.cfg.CallClock != nil {
		x.clock = s.cfg.CallClock
	} else {
		x.clock = newRealClock()
	}
	x.clear()
	return x
}

func (x *exchange) clear() {
	x.legs, x.order = map[string]*leg{}, nil
	x.takes, x.taken = map[string]*take{}, nil
	x.scripts, x.scripted = map[string]*transcription{}, nil
	x.handsets = map[string]Handset{}
}

// do makes a step.
func (x *exchange) do(step func()) {
	x.mu.Lock()
	if !x.closed {
		step()
	}
	x.mu.Unlock()
	x.sim.changed.send()
}

// try makes a step that may be impossible.
func (x *exchange) try(step func() error) (err error) {
	err = ErrClosed
	x.do(func() { err = step() })
	return err
}

// after schedules a step.
func (x *exchange) after(sc *scope, d time.Duration, step func()) {
	if sc.over {
		return
	}
	stop := x.clock.after(d, func() {
		x.do(func() {
			if !sc.over {
				step()
			}
		})
	})
	sc.stops = append(sc.stops, stop)
}

// stop ends everything where it is, once the simulator's context has ended what is in flight.
func (x *exchange) stop() {
	x.mu.Lock()
	x.closed = true
	x.drop()
	x.mu.Unlock()
	x.clock.stop()
}

// reset forgets all calls, recordings and what phones do.
func (x *exchange) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop()
	x.clear()
}

// drop lets nothing more happen on the present legs. Whoever waits for their calls is told that they are over.
func (x *exchange) drop() {
	for _, l := range x.order {
		if !l.ended() {
			l.Status = StatusFailed
			l.Ended = x.sim.now()
		}
		x.stopAll(l)
		l.posts = nil
		if l.talk.open > 0 {
			l.talk.open = 0
			close(l.talk.done)
		}
	}
}

// stopAll ends what a leg waits for.
func (x *exchange) stopAll(l *leg) {
	l.life.end()
	l.step.end()
	if l.dialing != nil {
		l.dialing.time.end()
	}
	l.stopGathering()
	if l.taking != nil {
		l.taking.silence.end()
	}
}

// retain keeps a call from being over.
func (t *talk) retain() { t.open++ }

func (t *talk) release() {
	if t.open == 0 {
		return // dropped
	}
	t.open--
	if t.open == 0 {
		close(t.done)
	}
}

// newLeg makes a leg of a call; a nil talk makes a new one.
func (x *exchange) newLeg(t *talk, sid, from, to, direction string) *leg {
	if t == nil {
		t = &talk{began: x.clock.now(), done: make(chan struct{})}
	}
	if sid == "" {
		sid = x.newSid("CA")
	}
	now := x.sim.now()
	l := &leg{
		Leg:  Leg{Sid: sid, From: from, To: to, Direction: direction, Status: StatusQueued, Began: now},
		talk: t, person: &person{seen: map[string]bool{}}, life: &scope{}, step: &scope{}, fresh: true,
		created: now, updated: now,
	}
	t.legs = append(t.legs, l)
	t.retain()
	x.legs[sid] = l
	x.order = append(x.order, l)
	return l
}

func (x *exchange) newSid(prefix string) string {
	x.sim.mu.Lock()
	defer x.sim.mu.Unlock()
	return x.sim.store.newSid(prefix)
}

func (x *exchange) newToken() string {
	x.sim.mu.Lock()
	defer x.sim.mu.Unlock()
	return x.sim.store.newToken()
}

// property is what is set of a number of the account; ok says that it is one.
func (x *exchange) property(number, name string) (value string, ok bool) {
	x.sim.mu.RLock()
	defer x.sim.mu.RUnlock()
	l := x.sim.store.lineOf(number)
	if l == nil {
		return "", false
	}
	return l.Props[name], true
}

// owns reports whether the account has a number.
func (x *exchange) owns(number string) bool {
	_, ok := x.property(number, "VoiceUrl")
	return ok
}

// SetHandset says what a phone does when it is rung.
func (s *Sim) SetHandset(number string, h Handset) {
	h.Acts = slices.Clone(h.Acts)
	s.calls.do(func() { s.calls.handsets[number] = h })
}

// Handset returns what a phone does when it is rung.
func (s *Sim) Handset(number string) Handset {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	h := s.calls.handsets[number]
	h.Acts = slices.Clone(h.Acts)
	return h
}

// Leg returns the leg with this SID.
func (s *Sim) Leg(sid string) (Leg, bool) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	l := s.calls.legs[sid]
	if l == nil {
		return Leg{}, false
	}
	return l.copy(), true
}

// Legs returns all legs in the order in which they began.
func (s *Sim) Legs() []Leg { return s.calls.legsWhere(func(*leg) bool { return true }) }

// LegsOf returns the legs from or to a number.
func (s *Sim) LegsOf(number string) []Leg {
	return s.calls.legsWhere(func(l *leg) bool { return l.From == number || l.To == number })
}

// OpenLegs is how many legs have not ended.
func (s *Sim) OpenLegs() int {
	return len(s.calls.legsWhere(func(l *leg) bool { return !l.ended() }))
}

func (x *exchange) legsWhere(is func(*leg) bool) []Leg {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := []Leg{}
	for _, l := range x.order {
		if is(l) {
			found = append(found, l.copy())
		}
	}
	return found
}

// isKeys reports whether a phone has all these keys.
func isKeys(keys string) bool { return keys != "" && strings.Trim(keys, allKeys) == "" }
