package twiliosim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dial is a Dial that is under way. See https://www.twilio.com/docs/voice/twiml/dial.
type dial struct {
	caller  *leg
	verb    node
	action  target
	legs    []*leg   // in the order of the document
	next    []number // of a sequential Dial: those still to be rung
	time    *scope   // until the ringing, or the conversation, has to end
	bridged *leg     // was connected with the caller; nil: none
	over    bool
}

// number is a phone that a Dial rings. See https://www.twilio.com/docs/voice/twiml/number.
type number struct {
	phone     string
	screen    target // empty: is connected at once
	progress  target
	events    []string
	detect    bool // whether a machine answers
	detectEnd bool // and when it has done talking
	detected  target
}

func (l *leg) numbers(v node) []number {
	if len(v.Children) == 0 {
		return []number{{phone: v.text()}}
	}
	var all []number
	for _, c := range v.Children {
		all = append(all, number{
			phone: c.text(), screen: l.at(c, "url", "method"),
			progress: l.at(c, "statusCallback", "statusCallbackMethod"), events: strings.Fields(c.or("statusCallbackEvent", "completed")),
			detect: c.or("machineDetection", "") != "", detectEnd: c.or("machineDetection", "") == "DetectMessageEnd",
			detected: l.at(c, "amdStatusCallback", "amdStatusCallbackMethod"),
		})
	}
	return all
}

// dial rings phones.
func (x *exchange) dial(l *leg, v node) {
	d := &dial{caller: l, verb: v, action: l.at(v, "action", "method"), time: &scope{}}
	l.dialing = d
	// The caller's number is the default. See https://www.twilio.com/docs/voice/twiml/dial#callerid.
	callerID := v.or("callerId", l.From)
	if callerID != l.From && callerID != l.To && !x.owns(callerID) {
		x.note(l, "refused", "the callerId "+callerID+" is neither a number of the account nor one of the call")
		x.dialed(d)
		return
	}
	numbers := l.numbers(v)
	if v.is("sequential") {
		numbers, d.next = numbers[:1], numbers[1:]
	}
	for _, n := range numbers {
		x.dialLeg(d, callerID, n)
	}
	x.came(l, onRinging)
	x.ringAll(d, slices.Clone(d.legs))
}

func (x *exchange) dialLeg(d *dial, callerID string, n number) *leg {
	l := x.newLeg(d.caller.talk, "", callerID, n.phone, OutboundDial)
	l.ParentSid, l.parent, l.dialed = d.caller.Sid, d, &n
	l.fall, l.progress, l.events = d.caller.fall, n.progress, n.events
	d.legs = append(d.legs, l)
	return l
}

// ringAll rings legs together, for as long as the Dial says and then some.
// See https://www.twilio.com/docs/voice/twiml/dial#timeout.
func (x *exchange) ringAll(d *dial, legs []*leg) {
	d.time.end()
	d.time = &scope{}
	extra := time.Duration(x.sim.Settings().DialExtraSeconds) * time.Second
	x.after(d.time, d.verb.seconds("timeout", 30)+extra, func() {
		for _, l := range legs {
			if !l.answered() { // one that is screened may finish
				x.end(l, CallNoAnswer)
			}
		}
	})
	for _, l := range legs {
		x.ring(l)
	}
}

// legEnded is told of the end of each leg of a Dial.
func (x *exchange) legEnded(d *dial, l *leg) {
	switch {
	case d.over:
	case d.bridged == l:
		x.dialed(d)
	case d.bridged != nil || slices.ContainsFunc(d.legs, func(o *leg) bool { return o.parent == d && !o.ended() }):
	case len(d.next) > 0:
		n := d.next[0]
		d.next = d.next[1:]
		x.ringAll(d, []*leg{x.dialLeg(d, l.From, n)})
	default:
		x.dialed(d)
	}
}

// dialed goes on after a Dial: with the answer of its action, or with the next verb.
func (x *exchange) dialed(d *dial) {
	l := d.caller
	x.leaveDial(d)
	if d.action.url == "" {
		x.next(l)
		return
	}
	x.ask(l, d.action, x.dialResult(d))
}

// leaveDial ends a Dial for its caller, and the legs that it still has.
func (x *exchange) leaveDial(d *dial) {
	d.over = true
	d.time.end()
	d.caller.dialing = nil
	d.caller.passed(onRinging)
	for _, l := range d.legs {
		x.part(l)
	}
	for _, l := range d.legs {
		if l.parent == d { // and was not sent elsewhere
			x.giveUp(l)
		}
	}
}

// giveUp ends a leg that is not wanted any more.
func (x *exchange) giveUp(l *leg) {
	status := StatusCanceled
	if l.answered() {
		status = CallCompleted
	}
	x.end(l, status)
}

// dialResult is what the action is told. See https://www.twilio.com/docs/voice/twiml/dial#dialcallstatus.
func (x *exchange) dialResult(d *dial) url.Values {
	all := func(status string) bool {
		return !slices.ContainsFunc(d.legs, func(l *leg) bool { return l.Status != status })
	}
	result := url.Values{"DialBridged": {strconv.FormatBool(d.bridged != nil)}}
	status := CallNoAnswer
	switch {
	case d.bridged != nil:
		status = CallCompleted
		result.Set("DialCallDuration", strconv.Itoa(int(d.bridged.lasted.Round(time.Second)/time.Second)))
	case all(StatusFailed): // also if there was none
		status = StatusFailed
	case all(CallBusy):
		status = CallBusy
	case slices.ContainsFunc(d.legs, (*leg).answered):
		if x.sim.Settings().RefusedIsCompleted {
			status = CallCompleted
		}
	case all(StatusCanceled): // the caller hung up (unverified), or over REST
		status = StatusCanceled
	}
	result.Set("DialCallStatus", status)
	switch { // which of several is unverified
	case d.bridged != nil:
		result.Set("DialCallSid", d.bridged.Sid)
	case len(d.legs) > 0:
		result.Set("DialCallSid", d.legs[len(d.legs)-1].Sid)
	}
	return result
}

// star is a caller's *, which ends a conversation if the Dial says so.
func (x *exchange) star(d *dial) {
	if d.bridged != nil && d.verb.is("hangupOnStar") {
		x.end(d.bridged, CallCompleted)
	}
}

// connect brings the caller of a Dial and a leg together. Only one ever is, as the others end here.
func (x *exchange) connect(l *leg) {
	l.turn()
	d, caller := l.parent, l.parent.caller
	d.bridged = l
	d.time.end()
	d.time = &scope{}
	caller.passed(onRinging)
	for _, other := range d.legs {
		if other != l {
			x.giveUp(other)
		}
	}
	x.answer(caller)
	l.BridgedWith, caller.BridgedWith = caller.Sid, l.Sid
	l.bridgedAt, l.together = x.clock.now(), true
	x.after(d.time, d.verb.seconds("timeLimit", 14400), func() { x.end(l, CallCompleted) })
	x.note(caller, "connected", l.Sid)
	x.note(l, "connected", caller.Sid)
	x.came(caller, onConnected)
	x.came(l, onConnected)
}

// part separates a leg from its caller, if they are together.
func (x *exchange) part(l *leg) {
	if !l.together {
		return
	}
	l.together = false
	caller := l.parent.caller
	talked := x.clock.now() - l.bridgedAt
	for _, one := range []*leg{caller, l} {
		one.Talked += talked
		one.passed(onConnected)
		x.note(one, "disconnected", talked.Round(time.Second).String())
	}
	l.lasted = x.clock.now() - l.answeredAt
}
