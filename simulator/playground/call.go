package playground

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// callView is what a phone shows of its newest call.
type callView struct {
	Key      string // of the phone, for the page
	Sid      string // empty: there was none
	With     string // who is at the other end, as the phone shows it
	Incoming bool
	State    string // ringing, talking or over
	Result   string // of one that is over
	Captions []caption
	Asked    bool // a key is wanted
	Beep     bool // what is said is recorded
}

// caption is something that was heard or done in a call.
type caption struct {
	ID     string
	At     time.Duration
	Words  string
	Spoken bool // by the hotline: can be read aloud
	Mine   bool
	Audio  string // an address
}

// callView returns the call that a phone is in, that rings, or that was its last.
func (p *Page) callView(number string) (v callView) {
	v.Key = strings.TrimPrefix(number, "+")
	legs := p.Twilio.LegsOf(number)
	var leg twiliosim.Leg
	for _, l := range legs {
		if leg.Sid == "" || leg.Ended.IsZero() == l.Ended.IsZero() || l.Ended.IsZero() {
			leg = l
		}
	}
	if leg.Sid == "" {
		return v
	}
	v = callView{Key: v.Key, Sid: leg.Sid, With: leg.To, Incoming: leg.To == number, State: "talking"}
	if v.Incoming {
		v.With = leg.From
	}
	v.With = p.shownOn(v.With)
	switch {
	case !leg.Ended.IsZero():
		v.State, v.Result = "over", leg.Status
	case v.Incoming && leg.Answered.IsZero():
		v.State = "ringing"
	}
	for i, m := range leg.Moments {
		c := caption{ID: fmt.Sprintf("%s-%d", leg.Sid, i), At: m.At}
		switch m.What {
		case "said":
			c.Words, c.Spoken = m.Text, true
		case "played":
			c.Words, c.Audio = "plays a recording", m.Text
		case "asked":
			v.Asked = true
			continue
		case "pressed":
			c.Words, c.Mine, v.Asked = "pressed "+m.Text, true, false
		case "spoke":
			c.Words, c.Mine = m.Text, true
		case "beep":
			c.Words, v.Beep, v.Asked = "beep", true, false
		case "recorded":
			c.Words, v.Beep = "recorded "+m.Text, false
		case "connected":
			c.Words, v.Asked = "connected with "+p.partner(m.Text), false
		case "ended":
			continue
		case "ringing", "answered":
			c.Words = m.What
		default:
			c.Words = strings.TrimSpace(m.What + " " + m.Text)
		}
		v.Captions = append(v.Captions, c)
	}
	return v
}

// partner is who is on another leg.
func (p *Page) partner(sid string) string {
	l, found := p.Twilio.Leg(sid)
	switch {
	case !found:
		return "somebody"
	case l.Direction == twiliosim.Inbound:
		return p.name(l.From)
	}
	return p.name(l.To)
}

// shownOn is a number as a phone shows it.
func (p *Page) shownOn(number string) string {
	if number == simulator.Hotline {
		return "the hotline"
	}
	return p.name(number)
}

// call calls the hotline from a phone.
func (p *Page) call(r *http.Request) error {
	number := r.PathValue("number")
	for _, l := range p.Twilio.LegsOf(number) {
		if l.Ended.IsZero() {
			return errors.New("this phone is in a call")
		}
	}
	_, err := p.Twilio.Dial(twiliosim.Call{From: number, To: simulator.Hotline})
	return err
}

// example is what somebody says who has nothing to say.
const example = "Hello, this is about tomorrow. Could somebody please call me back? Thank you."

// act does something on a phone during a call.
func (p *Page) act(r *http.Request) error {
	sid := r.PathValue("sid")
	switch r.PathValue("act") {
	case "pick_up":
		return p.Twilio.PickUp(sid)
	case "hang_up":
		return p.Twilio.HangUp(sid)
	case "press":
		return p.Twilio.Press(sid, r.PostFormValue("keys"))
	case "speak":
		words := strings.TrimSpace(r.PostFormValue("words"))
		if words == "" {
			words = example
		}
		return p.Twilio.Speak(sid, clip(words, 1000), 0)
	case "sound":
		file, _, err := r.FormFile("sound")
		if err != nil {
			return fmt.Errorf("there is no sound: %w", err)
		}
		defer file.Close()
		return p.Twilio.SpeakSound(sid, file)
	}
	return errors.New("nobody can do that in a call")
}
