package twiliosim

import (
	"encoding/json"
	"net/url"
	"time"
)

// The states of a call, besides some of a message's. See https://www.twilio.com/docs/voice/api/call-resource#call-status-values.
const (
	CallRinging    = "ringing"
	CallInProgress = "in-progress"
	CallCompleted  = "completed"
	CallBusy       = "busy"
	CallNoAnswer   = "no-answer"
)

// OutboundDial is the direction of a leg that a Dial made.
const OutboundDial = "outbound-dial"

// Leg is the connection with one phone. Twilio calls each of them a call.
type Leg struct {
	Sid       string `json:"sid"`
	ParentSid string `json:"parent_sid,omitempty"` // of the leg whose Dial made it
	From      string `json:"from"`
	To        string `json:"to"`
	Direction string `json:"direction"`
	Status    string `json:"status"`
	// AnsweredBy is what machine detection found, if it was asked for.
	AnsweredBy string `json:"answered_by,omitempty"`
	// BridgedWith is the SID of the leg it was connected with; empty if it never was.
	BridgedWith string    `json:"bridged_with,omitempty"`
	Began       time.Time `json:"began"` // by Config.Now, as the others
	Answered    time.Time `json:"answered,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	// Talked is how long it was bridged, by the call clock. In JSON it is a text.
	Talked time.Duration `json:"-"`
	// Moments are what happened on it.
	Moments []Moment `json:"moments"`
	// Deleted marks a leg that was removed through the API.
	Deleted bool `json:"deleted,omitempty"`
}

// Moment is something that happened on a leg.
type Moment struct {
	// At is the time since the whole call, which is its first leg, began, by the call clock. In JSON it is a text.
	At time.Duration
	// What is one of ringing, answered, said, played, asked, pressed, spoke (the person did), beep, recorded, connected,
	// disconnected, redirected, rejected, refused (by Twilio's rules), sent (a text) and ended.
	What string
	// Text is what was said, pressed or sent, the address played, the length recorded, the status at the end, or why.
	Text string
}

type momentJSON struct {
	At   Duration `json:"at"`
	What string   `json:"what"`
	Text string   `json:"text,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (m Moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(momentJSON{At: Duration(m.At), What: m.What, Text: m.Text})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Moment) UnmarshalJSON(data []byte) error {
	var j momentJSON
	err := json.Unmarshal(data, &j)
	*m = Moment{At: time.Duration(j.At), What: j.What, Text: j.Text}
	return err
}

// plainLeg is a Leg without its methods.
type plainLeg Leg

type legJSON struct {
	plainLeg
	Talked Duration `json:"talked"`
}

// MarshalJSON implements [json.Marshaler].
func (l Leg) MarshalJSON() ([]byte, error) {
	return json.Marshal(legJSON{plainLeg: plainLeg(l), Talked: Duration(l.Talked)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *Leg) UnmarshalJSON(data []byte) error {
	var j legJSON
	err := json.Unmarshal(data, &j)
	*l = Leg(j.plainLeg)
	l.Talked = time.Duration(j.Talked)
	return err
}

// leg is a Leg as the exchange keeps it. exchange.mu guards it.
type leg struct {
	Leg
	talk   *talk
	parent *dial   // the Dial that made it; nil: a first leg, or one that was sent elsewhere
	dialed *number // what the Dial said of it
	person *person
	life   *scope // ends with the leg
	step   *scope // ends when the leg goes on to something else
	fall   target // what is asked when a document cannot be had

	verbs []node // that are still to come
	base  string // where the document came from
	fresh bool   // nothing was done yet: a Reject is possible

	dialing    *dial   // what the leg waits for, or is in: each nil most of the time
	gathering  *gather //
	taking     *take   //
	screening  bool    // the end of the document connects it
	docs       int     // documents since docsSince
	docsSince  time.Duration
	together   bool // bridged with the caller of its Dial
	bridgedAt  time.Duration
	answeredAt time.Duration
	endedAt    time.Duration
	lasted     time.Duration // from the answer to the end of the bridge
	detectTook time.Duration

	progress         target   // of status callbacks
	events           []string // that they are wanted for
	sequence         int      // of the next one
	posts            []hook   // callbacks that wait for those before them
	posting          bool
	ordered          ordered
	created, updated time.Time
}

// target is where a request goes.
type target struct{ url, method string }

// talk is a whole call: its first leg and what came of it.
type talk struct {
	began time.Duration
	legs  []*leg
	open  int           // legs that have not ended, requests and callbacks that are due or in flight, recordings to come
	done  chan struct{} // closed when none is left
}

// scope is a part of a call's life. What is scheduled in it does not happen once it is over.
type scope struct {
	over  bool
	stops []func()
}

func (sc *scope) end() {
	sc.over = true
	for _, stop := range sc.stops {
		stop()
	}
	sc.stops = nil
}

// note adds a moment.
func (x *exchange) note(l *leg, what, text string) {
	at := (x.clock.now() - l.talk.began).Truncate(time.Millisecond)
	l.Moments = append(l.Moments, Moment{At: at, What: what, Text: text})
	l.updated = x.sim.now()
}

// copy needs the lock, its result does not.
func (l *leg) copy() Leg {
	c := l.Leg
	c.Moments = append([]Moment{}, l.Moments...)
	return c
}

// answered reports whether the leg was picked up.
func (l *leg) answered() bool { return !l.Answered.IsZero() }

// ended reports whether the leg is over.
func (l *leg) ended() bool { return l.life.over }

// form is what each request about a leg carries. See https://www.twilio.com/docs/voice/twiml#request-parameters.
func (x *exchange) form(l *leg) url.Values {
	form := url.Values{
		"CallSid": {l.Sid}, "AccountSid": {x.sim.cfg.AccountSID}, "From": {l.From}, "To": {l.To}, "Caller": {l.From},
		"Called": {l.To}, "CallStatus": {l.Status}, "ApiVersion": {apiVersion}, "Direction": {l.Direction},
	}
	if l.ParentSid != "" {
		form.Set("ParentCallSid", l.ParentSid)
	}
	if l.AnsweredBy != "" {
		form.Set("AnsweredBy", l.AnsweredBy)
	}
	for who, number := range map[string]string{"From": l.From, "To": l.To, "Caller": l.From, "Called": l.To} {
		placeParams(form, who, number)
	}
	return form
}
