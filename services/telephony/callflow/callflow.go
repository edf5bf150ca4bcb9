// Package callflow says in TwiML what becomes of a call, from ring to beep.
//
// It is a function of the configuration and of the request alone: where a call stands travels in the addresses that Twilio
// asks next, and Twilio signs those. What a database knows (Known) makes the answer better, and is never needed for one.
//
//	a call begins ──▶ Begin ──▶ ring a round of phones ──nobody──▶ EndRound ──▶ the next round, or
//	                                │ picked up                            greeting, beep, voicemail ──▶ Goodbye
//	                                ▼
//	                          Ask ──key──▶ Key ──1──▶ connected ──over──▶ EndRound ──▶ hang up
package callflow

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// Call is a call to a hotline.
type Call struct {
	Hotline  hotline.Hotline
	From, To phone.Identity // To is the number that was called
	Base     string         // the gateway's public address
	Now      time.Time
}

// Known is what the database has said of a call in time. The zero value is nothing.
type Known struct {
	Blocked  bool
	Paused   bool                       // the hotline: nobody is rung
	Busy     map[phone.Number]bool      // phones that are on a call of ours
	Talked   map[phone.Number]time.Time // when phones last ended a talk
	PickedUp map[phone.Number]bool      // phones that were picked up in this call, and did not take it
	Declined map[phone.Number]bool      // phones that were busy, or did not want this call
	Silenced map[phone.Number]time.Time // phones that stopped ringing in this call's last round, and when
}

// Round is where a call stands while phones are rung. Ring and Rest are places in the hotline's list of phones.
type Round struct {
	Began  time.Time // of the call
	Since  time.Time // of the round
	Number int       // from 1
	Ring   []int     // who is rung
	Rest   []int     // who is still to be rung
}

const (
	// minRing is the shortest timeout that Dial takes.
	minRing = 5 * time.Second
	// atOnce is how many numbers Dial rings: https://www.twilio.com/docs/voice/twiml/dial.
	atOnce = 10
)

// Begin is the first document of a call, with the phones that it rings.
func (c Call) Begin(k Known) (twiml string, ringing []phone.Number) {
	if c.Rejected(k) {
		return document(reject()), nil
	}
	return c.play(c.next(Round{Began: c.Now, Rest: c.order(k)}, k))
}

// Rejected reports whether the call is not to be answered at all.
func (c Call) Rejected(k Known) bool {
	return k.Blocked || c.From.Kind == phone.Withheld && c.Hotline.Calls.Withheld == hotline.WithheldReject
}

// EndRound is the document after a round, with the phones that it rings: the next round, the voicemail, or the end if they have talked.
func (c Call) EndRound(r Round, talked bool, k Known) (twiml string, ringing []phone.Number) {
	if talked {
		return document(hangUp()), nil
	}
	// It is not known which leg stops the others when one of several is picked up: the first that answers, or the first that
	// takes the call. If it is the former, a machine that answers has silenced all others, who get another chance.
	until := r.Since.Add(c.ringFor(r, r.Since) - time.Second)
	var again []int
	for _, place := range r.Ring {
		if at, ok := k.Silenced[c.number(place)]; ok && at.Before(until) {
			again = append(again, place)
		}
	}
	r.Rest = slices.Concat(again, r.Rest)
	return c.play(c.next(r, k))
}

// Ask asks a volunteer who has picked up whether they take the call. Who presses nothing, such as an answering
// machine, is not connected.
func (c Call) Ask(leg Leg) string { return document(c.ask(c.Hotline.Calls.Says.Ask, leg)...) }

// Leg is the phone of a volunteer who has picked up.
type Leg struct {
	Phone, Round int
	Again        int // how often another key was pressed before
}

// The keys of a volunteer.
const (
	take  = "1"
	leave = "2"
)

// Key is what follows a key on a volunteer's phone. mine is asked only if they want the call: it says whether nobody else has
// it, or that it could not be found out.
func (c Call) Key(leg Leg, key string, mine func() bool) string {
	says := c.Hotline.Calls.Says
	switch {
	case key == take && mine():
		return document() // the end of the document connects them
	case key == take:
		return document(c.say(says.Taken), hangUp())
	case key == leave || leg.Again > 0:
		return document(hangUp())
	}
	leg.Again++
	return document(c.ask(says.Again, leg)...)
}

// Goodbye ends a call after its voicemail.
func (c Call) Goodbye() string {
	return document(append(c.sayAll(c.Hotline.Calls.Says.Thanks), hangUp())...)
}

// Phone returns the phone at a place, or false if the configuration has none there any more.
func (c Call) Phone(place int) (hotline.Phone, bool) {
	phones := c.phones()
	if place < 0 || place >= len(phones) {
		return hotline.Phone{}, false
	}
	return phones[place], true
}

func (c Call) phones() []hotline.Phone {
	return slices.Concat(c.Hotline.Calls.Phones, c.Hotline.Calls.Fallback)
}

func (c Call) number(place int) phone.Number {
	p, _ := c.Phone(place)
	return p.Number
}

// order returns who is to be rung, in the order of the hotline's strategy.
func (c Call) order(k Known) (places []int) {
	phones := c.phones()
	for _, p := range c.Hotline.OnShift(c.Now) {
		places = append(places, slices.IndexFunc(phones, func(o hotline.Phone) bool { return o.Number == p.Number }))
	}
	if c.Hotline.Calls.Strategy == hotline.RingLongestIdle {
		slices.SortStableFunc(places, func(a, b int) int { return k.Talked[phones[a].Number].Compare(k.Talked[phones[b].Number]) })
	}
	return places
}

// play rings those of a round, or goes on to the voicemail if there is nobody.
func (c Call) play(r Round) (twiml string, ringing []phone.Number) {
	if len(r.Ring) == 0 {
		return c.voicemail(), nil
	}
	for _, place := range r.Ring {
		ringing = append(ringing, c.number(place))
	}
	return document(c.dial(r)), ringing
}

// next is the round in which the next of those who are left are rung, or nobody if there is no time.
func (c Call) next(r Round, k Known) Round {
	all := r.Rest
	r.Ring, r.Rest = nil, nil
	for _, place := range all {
		p, ok := c.Phone(place)
		switch {
		case k.Paused || !ok || p.Number == c.From.Number || k.Busy[p.Number] || k.PickedUp[p.Number] || k.Declined[p.Number]:
		case len(r.Ring) < min(atOnce, c.Hotline.Calls.AtOnce):
			r.Ring = append(r.Ring, place)
		default:
			r.Rest = append(r.Rest, place)
		}
	}
	r.Number, r.Since = r.Number+1, c.Now
	if c.ringFor(r, c.Now) < minRing {
		r.Ring = nil
	}
	return r
}

// ringFor is how long phones may ring from now on, so that the caller hears the voicemail's greeting in time even if somebody
// picks up at the last moment, and does not take the call.
func (c Call) ringFor(r Round, now time.Time) time.Duration {
	left := c.Hotline.Calls.Ceiling - now.Sub(r.Began) - c.Hotline.Calls.Answering()
	return min(c.Hotline.Calls.RingFor, left).Truncate(time.Second)
}

// query is how a round travels in an address.
func (r Round) query() url.Values {
	return url.Values{
		"began": {strconv.FormatInt(r.Began.UnixMilli(), 10)}, "since": {strconv.FormatInt(r.Since.UnixMilli(), 10)},
		"round": {strconv.Itoa(r.Number)}, "rung": {join(r.Ring)}, "rest": {join(r.Rest)},
	}
}

// ParseRound reads what query has written. What cannot be read is left out: the call goes on all the same.
func ParseRound(began, since int64, number int32, rung, rest string) Round {
	return Round{Began: time.UnixMilli(began), Since: time.UnixMilli(since), Number: int(number), Ring: split(rung), Rest: split(rest)}
}

func join(places []int) string {
	words := make([]string, len(places))
	for i, place := range places {
		words[i] = strconv.Itoa(place)
	}
	return strings.Join(words, ".")
}

func split(list string) (places []int) {
	for word := range strings.SplitSeq(list, ".") {
		if place, err := strconv.Atoi(word); err == nil {
			places = append(places, place)
		}
	}
	return places
}
