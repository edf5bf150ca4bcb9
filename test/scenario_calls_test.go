package test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// onPhone is what a scenario knows of its calls.
type onPhone struct {
	dialed sync.WaitGroup
	begun  bool // the clock is held until the callers talk
	later  []later
	mu     sync.Mutex
	failed error
	newest map[string]string // by number, the SID of its newest call
	engine engine
}

// engine is the hotline's own transcription. It hears what it is told to.
type engine struct {
	mu    sync.Mutex
	words string
	fails int
}

func (e *engine) Transcribe(_ context.Context, audio []byte, _, _ string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fails > 0 {
		e.fails--
		return "", errors.New("the engine is out of order")
	}
	if len(audio) == 0 {
		return "", errors.New("there is no audio")
	}
	return e.words, nil
}

func (s *scenario) setEngine(args []string) error {
	_, _, options, err := s.split(args, 0)
	e := &s.calls.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.words = options["says"]
	if options["fails"] != "" {
		_, err = fmt.Sscan(options["fails"], &e.fails)
	}
	return err
}

// volunteer says what a phone does when it is rung.
func (s *scenario) volunteer(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want a number, and what its phone does")
	}
	what, after, _ := strings.Cut(args[1], "=")
	var h twiliosim.Handset
	if after != "" {
		d, err := time.ParseDuration(after)
		if err != nil {
			return err
		}
		h.After = twiliosim.Duration(d)
	}
	switch what {
	case "answer":
		h.Answer = true
	case "machine":
		h.Machine = true
	case "decline":
		h.Decline = true
	case "busy":
		h.Busy = true
	case "unreachable":
		h.Unreachable = true
	case "silent":
	default:
		return fmt.Errorf("a phone cannot %s", what)
	}
	var err error
	if h.Acts, err = acts(args[2:]); err == nil {
		s.Twilio.SetHandset(args[0], h)
	}
	return err
}

// acts reads what a person on the phone does: MOMENT+AFTER:WHAT, such as asked+2s:press=1, beep+1s:say=Hello, +10s:hangup.
func acts(words []string) (all []twiliosim.Act, err error) {
	for _, word := range words {
		moment, what, ok := strings.Cut(word, ":")
		on, after, plus := strings.Cut(moment, "+")
		if !ok {
			return nil, fmt.Errorf("%q is not MOMENT+AFTER:WHAT", word)
		}
		a := twiliosim.Act{On: on}
		if plus {
			d, err := time.ParseDuration(after)
			if err != nil {
				return nil, err
			}
			a.After = twiliosim.Duration(d)
		}
		do, value, _ := strings.Cut(what, "=")
		switch do {
		case "press":
			a.Press = value
		case "say":
			a.Say = value
			if long, words, ok := strings.Cut(value, "|"); ok { // say=90s|Hello
				d, err := time.ParseDuration(long)
				if err != nil {
					return nil, err
				}
				a.Say, a.For = words, twiliosim.Duration(d)
			}
		case "hangup":
			a.HangUp = true
		default:
			return nil, fmt.Errorf("nobody can %s on the phone", do)
		}
		all = append(all, a)
	}
	return all, nil
}

// call plays a whole call.
func (s *scenario) call(args []string) error {
	if err := s.dial(args); err != nil {
		return err
	}
	return s.talk(nil)
}

// dial has somebody call. All who dial before the next talk do it at the same moment, but for those who do it later.
func (s *scenario) dial(args []string) error {
	later := later{to: simulator.Hotline}
	for len(args) > 1 {
		key, value, _ := strings.Cut(args[1], "=")
		if key == "to" {
			later.to = value
		} else if key == "later" {
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			later.at = s.Clock.Now() + d
		} else {
			break
		}
		args = slices.Concat(args[:1], args[2:])
	}
	var err error
	if later.acts, err = acts(args[1:]); err != nil {
		return err
	}
	later.from = args[0]
	c := &s.calls
	if !c.begun {
		c.begun = true
		s.Clock.Hold()
	}
	if later.at > 0 {
		c.later = append(c.later, later)
		return nil
	}
	return s.dialNow(later)
}

// later is a call that is to be made.
type later struct {
	from, to string
	acts     []twiliosim.Act
	at       time.Duration // by the call clock; 0: now
}

// jump is called before the clock of the calls jumps: who is to call before it gets there does it now.
func (s *scenario) jump(d time.Duration) {
	c := &s.calls
	due := s.Clock.Now() + d
	c.later = slices.DeleteFunc(c.later, func(l later) bool {
		if l.at <= due {
			c.failed = cmp.Or(c.failed, s.dialNow(l))
		}
		return l.at <= due
	})
}

func (s *scenario) dialNow(l later) error {
	c := &s.calls
	c.dialed.Go(func() {
		leg, err := s.Twilio.Call(s.ctx, twiliosim.Call{From: l.from, To: l.to, Acts: l.acts})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed = cmp.Or(c.failed, err)
		if c.newest == nil {
			c.newest = map[string]string{}
		}
		c.newest[l.from] = leg.Sid
	})
	// They are on the line before anything else happens.
	return s.Twilio.Wait(s.ctx, func(sim *twiliosim.Sim) bool {
		return slices.ContainsFunc(sim.LegsOf(l.from), func(leg twiliosim.Leg) bool { return leg.From == l.from && leg.Ended.IsZero() })
	})
}

// talk lets time go by until nobody is on the phone any more.
func (s *scenario) talk([]string) error {
	c := &s.calls
	if c.begun {
		s.Clock.Release()
		c.begun = false
	}
	c.dialed.Wait()
	if n := s.Twilio.OpenLegs(); n > 0 {
		return fmt.Errorf("%d legs are left over", n)
	}
	s.Recorded()
	return c.failed
}

// heard is what somebody heard and did in their newest call, or when their phone was last rung.
func (s *scenario) heard(number string) (lines []string) {
	legs := s.Twilio.LegsOf(number)
	if len(legs) == 0 {
		return nil
	}
	leg := legs[len(legs)-1]
	s.calls.mu.Lock()
	if sid := s.calls.newest[number]; sid != "" {
		if l, ok := s.Twilio.Leg(sid); ok {
			leg = l
		}
	}
	s.calls.mu.Unlock()
	for _, m := range leg.Moments {
		line := m.What
		if m.Text != "" && m.What != "connected" && m.What != "disconnected" {
			line += ": " + m.Text
		}
		lines = append(lines, line)
	}
	return lines
}

// greeted fails if somebody had to wait for the greeting of the voicemail for longer than a time, in their newest call.
func (s *scenario) greeted(args []string) error {
	most, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	legs := s.Twilio.LegsOf(args[0])
	for _, m := range legs[len(legs)-1].Moments {
		if m.What == "said" {
			if m.At > most {
				return fmt.Errorf("greeted after %v", m.At)
			}
			return nil
		}
	}
	return fmt.Errorf("there was no greeting")
}

// rung is who called whom, as the phones showed it, in order.
func (s *scenario) rung(number string) (lines []string) {
	for _, leg := range s.Twilio.LegsOf(number) {
		if leg.To == number {
			lines = append(lines, leg.From)
		}
	}
	return lines
}

// talked is whom somebody was connected with, in order.
func (s *scenario) talked(number string) (lines []string) {
	for _, leg := range s.Twilio.LegsOf(number) {
		other, ok := s.Twilio.Leg(leg.BridgedWith)
		switch {
		case !ok:
		case other.ParentSid == leg.Sid:
			lines = append(lines, other.To)
		default:
			lines = append(lines, other.From)
		}
	}
	return lines
}

// recordings are those that Twilio has of a caller.
func (s *scenario) recordings(number string) (lines []string) {
	for _, r := range s.Twilio.Recordings() {
		if r.From == number {
			lines = append(lines, r.Status)
		}
	}
	return lines
}

// files is what is attached to the newest ticket of a number.
func (s *scenario) files(number string) (lines []string) {
	c, _ := s.conversation(number)
	for _, th := range c.Threads {
		for _, a := range th.Attachments {
			lines = append(lines, fmt.Sprintf("%s %s", a.FileName, a.MimeType))
		}
	}
	return lines
}

// lose keeps requests for these paths from arriving, until found.
func (s *scenario) lose(args []string) error { s.Lose(args...); return nil }

func (s *scenario) found([]string) error { s.Lose(); return nil }
