package twiliosim

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Duration is a time.Duration that is a text such as "3s" in JSON.
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Handset is what a phone that is rung does. The zero value lets it ring.
type Handset struct {
	// Unreachable makes the call fail at once.
	Unreachable bool `json:"unreachable,omitempty"`
	// Busy is busy at once.
	Busy bool `json:"busy,omitempty"`
	// Decline refuses after After, which is busy for the caller.
	Decline bool `json:"decline,omitempty"`
	// Answer picks up after After.
	Answer bool `json:"answer,omitempty"`
	// Machine is an answering machine that picks up after After, talks for 20 s, records for 30 s and hangs up.
	Machine bool     `json:"machine,omitempty"`
	After   Duration `json:"after,omitempty"`
	// Acts are what the person does once they have picked up.
	Acts []Act `json:"acts,omitempty"`
	// Manual waits for PickUp, HangUp and Press from outside. It may have acts too.
	Manual bool `json:"manual,omitempty"`
}

// Act is something that a person on the phone does: when the moment On has come, and After so long. A person does one
// act after the other, and then just listens. An act whose moment never comes never happens, nor do those after it.
type Act struct {
	// On is the moment. It counts if it came after that of the act before, and is not over:
	//
	//	""           when the act before is done; of the first, when they picked up, or for a caller when the call began
	//	"asked"      a Gather on this leg listens
	//	"beep"       a recording begins
	//	"connected"  bridged with the other side
	//	"ringing"    the hotline rings somebody; callers only
	On    string   `json:"on,omitempty"`
	After Duration `json:"after,omitempty"`
	// Press is keys, all at once.
	Press string `json:"press,omitempty"`
	// Say is words, and For how long they take. Default: by their length.
	Say    string   `json:"say,omitempty"`
	For    Duration `json:"for,omitempty"`
	HangUp bool     `json:"hang_up,omitempty"`
}

// The moments that acts wait for.
const (
	onAsked     = "asked"
	onBeep      = "beep"
	onConnected = "connected"
	onRinging   = "ringing"
)

const allKeys = "0123456789*#"

func checkActs(acts []Act) error {
	for _, a := range acts {
		switch {
		case a.On != "" && a.On != onAsked && a.On != onBeep && a.On != onConnected && a.On != onRinging:
			return fmt.Errorf("there is no moment %q", a.On)
		case a.After < 0 || a.For < 0:
			return fmt.Errorf("an act cannot take %v", time.Duration(min(a.After, a.For)))
		case strings.Trim(a.Press, allKeys) != "":
			return fmt.Errorf("there are no keys %q", a.Press)
		}
	}
	return nil
}

func (h Handset) check() error {
	n := 0
	for _, is := range []bool{h.Unreachable, h.Busy, h.Decline, h.Answer, h.Machine, h.Manual} {
		if is {
			n++
		}
	}
	if n > 1 {
		return fmt.Errorf("a phone does one of unreachable, busy, decline, answer, machine, manual")
	}
	if h.After < 0 {
		return fmt.Errorf("a phone cannot ring for %v", time.Duration(h.After))
	}
	return checkActs(h.Acts)
}

// person is who is on a leg.
type person struct {
	acts    []Act           // that are still to come
	busy    bool            // with an act, or about to begin it
	seen    map[string]bool // the moments since that of the act before, which are not over
	started bool
	// words and until are what they say at present, if the time has not passed.
	words string
	until time.Duration
}

// live lets the person of a leg begin to act.
func (x *exchange) live(l *leg) {
	l.person.started = true
	x.act(l)
}

// came tells the person of a leg that a moment has come.
func (x *exchange) came(l *leg, moment string) {
	l.person.seen[moment] = true
	x.act(l)
}

// passed takes a moment back.
func (l *leg) passed(moment string) { delete(l.person.seen, moment) }

// act begins the next act, if it is time.
func (x *exchange) act(l *leg) {
	p := l.person
	if !p.started || p.busy || len(p.acts) == 0 || l.ended() {
		return
	}
	a := p.acts[0]
	if a.On != "" && !p.seen[a.On] {
		return
	}
	if a.On != "" {
		clear(p.seen)
	}
	p.acts, p.busy = p.acts[1:], true
	x.after(l.life, time.Duration(a.After), func() { x.perform(l, a) })
}

func (x *exchange) perform(l *leg, a Act) {
	var lasts time.Duration
	if a.Press != "" {
		x.press(l, a.Press)
	}
	if a.Say != "" && !l.ended() {
		lasts = x.speak(l, a.Say, time.Duration(a.For))
	}
	x.after(l.life, lasts, func() {
		if a.HangUp {
			x.hangUp(l)
			return
		}
		l.person.busy = false
		x.act(l)
	})
}

// speak returns how long it takes.
func (x *exchange) speak(l *leg, words string, d time.Duration) time.Duration {
	if d == 0 {
		d = spoken(words)
	}
	x.note(l, "spoke", words)
	l.person.words, l.person.until = words, x.clock.now()+d
	if l.taking != nil {
		x.hear(l)
	}
	return d
}

// spoken is how long it takes to say something.
func spoken(words string) time.Duration {
	return max(time.Second, time.Duration(utf8.RuneCountInString(words))*time.Second/15)
}
