package twiliosim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Call is a call from a phone to a number of the account.
type Call struct {
	// From is usually E.164, but may be any caller ID, such as "anonymous".
	From string `json:"from"`
	To   string `json:"to"`
	// Acts are what the caller does.
	Acts []Act `json:"acts,omitempty"`
	// Sid is the SID of the caller's leg. Default: a new one.
	Sid string `json:"sid,omitempty"`
}

// Call plays a caller. It returns the caller's leg when the call has ended and all that comes of it, callbacks,
// recordings and transcriptions included, is delivered or lost. If ctx ends before, the caller hangs up.
func (s *Sim) Call(ctx context.Context, c Call) (Leg, error) {
	l, err := s.calls.receive(c)
	if err != nil {
		return Leg{}, err
	}
	select {
	case <-l.talk.done:
	case <-ctx.Done():
		s.calls.do(func() { s.calls.hangUp(l) })
		return Leg{}, fmt.Errorf("calling %s: %w", c.To, ctx.Err())
	}
	if s.ctx.Err() != nil {
		return Leg{}, ErrClosed
	}
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return l.copy(), nil
}

// Dial begins a call and returns the SID of its leg at once.
func (s *Sim) Dial(c Call) (sid string, err error) {
	l, err := s.calls.receive(c)
	if err != nil {
		return "", err
	}
	return l.Sid, nil
}

// receive lets a call come in.
func (x *exchange) receive(c Call) (l *leg, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	err = x.try(func() error {
		switch {
		case !x.owns(c.To):
			return fmt.Errorf("the account has no number %s", c.To)
		case x.legs[c.Sid] != nil:
			return fmt.Errorf("there is a call %s already", c.Sid)
		}
		l = x.newLeg(nil, c.Sid, c.From, c.To, Inbound)
		l.person.acts = slices.Clone(c.Acts)
		x.after(l.life, 0, func() { x.arrive(l) })
		return nil
	})
	return l, err
}

func (c Call) check() error {
	switch {
	case c.From == "" || len(c.From) > 100:
		return errors.New("a call needs a caller of at most 100 bytes")
	case c.From == c.To:
		return errors.New("a number cannot call itself")
	}
	return checkActs(c.Acts)
}

// arrive asks the number what to do with a call.
func (x *exchange) arrive(l *leg) {
	of := func(name string) string {
		value, _ := x.property(l.To, name)
		return value
	}
	l.talk.began = x.clock.now() // not while the clock was held
	l.Status, l.Began = CallRinging, x.sim.now()
	l.fall = target{of("VoiceFallbackUrl"), of("VoiceFallbackMethod")}
	l.progress, l.events = target{of("StatusCallback"), of("StatusCallbackMethod")}, []string{"completed"}
	x.note(l, "ringing", "")
	x.live(l)
	for _, over := range []string{"VoiceApplicationSid", "TrunkSid"} {
		if of(over) != "" {
			x.note(l, "refused", "the number's "+over+" overrides its VoiceUrl")
			l.progress = target{} // its own callback as well
			x.fail(l)
			return
		}
	}
	if l.ended() {
		return
	}
	x.ask(l, target{of("VoiceUrl"), of("VoiceMethod")}, nil)
}

// legDo makes a step of an open leg.
func (s *Sim) legDo(sid string, step func(*exchange, *leg) error) error {
	return s.calls.try(func() error {
		l := s.calls.legs[sid]
		switch {
		case l == nil:
			return fmt.Errorf("there is no call %s", sid)
		case l.ended():
			return fmt.Errorf("the call %s has ended", sid)
		}
		return step(s.calls, l)
	})
}

// PickUp answers a phone that rings.
func (s *Sim) PickUp(sid string) error {
	return s.legDo(sid, func(x *exchange, l *leg) error {
		if l.Status != CallRinging || l.Direction == Inbound {
			return fmt.Errorf("no phone rings for the call %s", sid)
		}
		x.pickUp(l, false)
		return nil
	})
}

// Press presses keys on the phone of a leg.
func (s *Sim) Press(sid, keys string) error {
	if err := checkKeys(keys); err != nil {
		return err
	}
	return s.legDo(sid, func(x *exchange, l *leg) error {
		if l.Direction != Inbound && !l.answered() {
			return fmt.Errorf("the phone of the call %s was not picked up", sid)
		}
		x.press(l, keys)
		return nil
	})
}

// Speak says something on the phone of a leg. It takes d, or if that is 0 as long as the words need.
func (s *Sim) Speak(sid, words string, d time.Duration) error {
	return s.legDo(sid, func(x *exchange, l *leg) error {
		switch {
		case words == "" || d < 0:
			return errors.New("there is nothing to say")
		case l.Direction != Inbound && !l.answered():
			return fmt.Errorf("the phone of the call %s was not picked up", sid)
		}
		x.speak(l, words, d)
		return nil
	})
}

// SpeakSound plays a sound into the phone of a leg: a WAV file of 16 bits, mono, 8 kHz. If it is recorded, the recording has it.
func (s *Sim) SpeakSound(sid string, wav io.Reader) error {
	sound, err := readWAV(wav)
	if err != nil {
		return err
	}
	return s.legDo(sid, func(x *exchange, l *leg) error {
		if l.Direction != Inbound && !l.answered() {
			return fmt.Errorf("the phone of the call %s was not picked up", sid)
		}
		if l.taking != nil {
			l.taking.sound = append(l.taking.sound, sound...)
		}
		x.speak(l, "(a sound)", max(time.Second, time.Duration(len(sound)/sampleBytes)*time.Second/sampleRate))
		return nil
	})
}

// HangUp puts the phone of a leg down. One that rings is declined.
func (s *Sim) HangUp(sid string) error {
	return s.legDo(sid, func(x *exchange, l *leg) error {
		x.hangUp(l)
		return nil
	})
}
