package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Engine is a hotline's own transcription, telephony's Transcriber. It hears what it is told to. The zero value hears nothing.
type Engine struct {
	mu    sync.Mutex
	words string
	fails int
}

// Transcribe returns the words that the story says. It fails for audio that is empty, and as often as the story says.
func (e *Engine) Transcribe(_ context.Context, audio []byte, _, _ string) (string, error) {
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

func (p *Player) setEngine(_ context.Context, args []string) error {
	_, _, options, err := p.split(args, 0)
	e := p.w.Engine
	if err == nil && e == nil {
		err = errors.New("this hotline transcribes with another engine")
	}
	fails := 0
	if err == nil && options["fails"] != "" {
		fails, err = strconv.Atoi(options["fails"])
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.words, e.fails = options["says"], fails
	return nil
}

// volunteer says what a phone does when it is rung.
func (p *Player) volunteer(_ context.Context, args []string) error {
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
		p.w.Twilio.SetHandset(args[0], h)
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

// onPhone is what a player knows of its calls.
type onPhone struct {
	dialed sync.WaitGroup
	begun  bool // the clock is held until the callers talk
	// ctx is that of the calls that have begun: they outlive the step in which they were dialed. hangUp ends it.
	ctx    context.Context
	hangUp context.CancelFunc

	mu     sync.Mutex
	later  []later
	failed error             // the first that went wrong since the last talk
	newest map[string]string // by number, the SID of its newest call
}

// later is a call that is to be made.
type later struct {
	from, to string
	acts     []twiliosim.Act
	at       time.Duration // by the call clock; 0: now
}

// call plays a whole call.
func (p *Player) call(ctx context.Context, args []string) error {
	if err := p.dial(ctx, args); err != nil {
		return err
	}
	return p.talk(ctx, nil)
}

// dial has somebody call. All who dial before the next talk do it at the same moment, but for those who do it later.
func (p *Player) dial(ctx context.Context, args []string) error {
	if p.w.Clock == nil {
		return errors.New("this hotline's calls have no clock that jumps")
	}
	l := later{from: args[0], to: simulator.Hotline}
	args = args[1:]
	for ; len(args) > 0; args = args[1:] {
		key, value, _ := strings.Cut(args[0], "=")
		if key == "to" {
			l.to = value
		} else if key == "later" {
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			l.at = p.w.Clock.Now() + d
		} else {
			break
		}
	}
	var err error
	if l.acts, err = acts(args); err != nil {
		return err
	}
	c := &p.calls
	if !c.begun {
		c.begun = true
		c.ctx, c.hangUp = context.WithCancel(context.WithoutCancel(ctx))
		p.w.Clock.Hold()
	}
	if l.at > 0 {
		c.mu.Lock()
		c.later = append(c.later, l)
		c.mu.Unlock()
		return nil
	}
	return p.dialNow(ctx, l)
}

// Jump is to be called before the clock of the calls jumps, with how far: who is to call before it gets there does it now. It is for
// [twiliosim.VirtualClock.OnJump].
func (p *Player) Jump(d time.Duration) {
	c := &p.calls
	c.mu.Lock()
	var due []later
	if len(c.later) > 0 {
		until := p.w.Clock.Now() + d
		isDue := func(l later) bool { return l.at <= until }
		for _, l := range c.later {
			if isDue(l) {
				due = append(due, l)
			}
		}
		c.later = slices.DeleteFunc(c.later, isDue)
	}
	c.mu.Unlock()
	for _, l := range due {
		if err := p.dialNow(c.ctx, l); err != nil {
			c.fail(err)
		}
	}
}

func (c *onPhone) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = cmp.Or(c.failed, err)
}

func (p *Player) dialNow(ctx context.Context, l later) error {
	c := &p.calls
	ctx, over := context.WithCancel(ctx)
	c.dialed.Go(func() {
		defer over()
		leg, err := p.w.Twilio.Call(c.ctx, twiliosim.Call{From: l.from, To: l.to, Acts: l.acts})
		if err != nil {
			c.fail(err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.newest == nil {
			c.newest = map[string]string{}
		}
		c.newest[l.from] = leg.Sid
	})
	// They are on the line before anything else happens, unless it is over already.
	p.w.Twilio.Wait(ctx, func(sim *twiliosim.Sim) bool { //nolint:errcheck // talk tells what went wrong
		return slices.ContainsFunc(sim.LegsOf(l.from), func(leg twiliosim.Leg) bool { return leg.From == l.from && leg.Ended.IsZero() })
	})
	return nil
}

// talk lets time go by until nobody is on the phone any more. If ctx ends before, all hang up.
func (p *Player) talk(ctx context.Context, _ []string) error {
	c := &p.calls
	if c.begun {
		defer c.hangUp() // nobody is there any more
		defer context.AfterFunc(ctx, c.hangUp)()
		p.w.Clock.Release()
		c.begun = false
	}
	c.dialed.Wait()
	if n := p.w.Twilio.OpenLegs(); n > 0 {
		c.fail(fmt.Errorf("%d legs are left over", n))
	}
	if p.w.Recorded != nil {
		p.w.Recorded()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.later) > 0 {
		c.failed = cmp.Or(c.failed, fmt.Errorf("%s was to call when all calls were over", c.later[0].from))
	}
	err := c.failed
	c.failed, c.later = nil, nil
	return err
}

// greeted fails if somebody had to wait for the greeting of the voicemail for longer than a time, in their newest call.
func (p *Player) greeted(_ context.Context, args []string) error {
	most, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	leg, _ := p.newest(args[0])
	for _, m := range leg.Moments {
		if m.What == "said" {
			if m.At > most {
				return fmt.Errorf("greeted after %v", m.At)
			}
			return nil
		}
	}
	return errors.New("there was no greeting")
}

// newest is somebody's newest call, or when their phone was last rung.
func (p *Player) newest(number string) (twiliosim.Leg, bool) {
	p.calls.mu.Lock()
	sid := p.calls.newest[number]
	p.calls.mu.Unlock()
	if leg, found := p.w.Twilio.Leg(sid); found {
		return leg, true
	}
	legs := p.w.Twilio.LegsOf(number)
	if len(legs) == 0 {
		return twiliosim.Leg{}, false
	}
	return legs[len(legs)-1], true
}
