package twiliosim

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// ring calls a phone, which does what its Handset says.
func (x *exchange) ring(l *leg) {
	if l.ended() {
		return
	}
	x.report(l, "initiated")
	h := x.handsets[l.To]
	switch {
	case x.owns(l.To):
		x.note(l, "refused", "calls between numbers of the account are not simulated")
		x.end(l, StatusFailed)
		return
	case h.Unreachable:
		x.end(l, StatusFailed)
		return
	case h.Busy:
		x.end(l, CallBusy)
		return
	}
	l.Status = CallRinging
	x.note(l, "ringing", "")
	x.report(l, "ringing")
	l.person.acts = slices.Clone(h.Acts)
	switch after := time.Duration(h.After); {
	case h.Decline:
		x.after(l.life, after, func() {
			if !l.answered() {
				x.end(l, CallBusy)
			}
		})
	case h.Machine:
		l.person.acts = nil
		x.after(l.life, after, func() { x.pickUp(l, true) })
	case h.Answer:
		x.after(l.life, after, func() { x.pickUp(l, false) })
	}
}

// How long an answering machine talks, and then records.
const (
	machineTalks   = 20 * time.Second
	machineRecords = 30 * time.Second
)

// pickUp answers a phone that rings.
func (x *exchange) pickUp(l *leg, machine bool) {
	if l.Status != CallRinging {
		return
	}
	x.answer(l)
	if machine {
		x.after(l.life, machineTalks+machineRecords, func() { x.hangUp(l) })
	} else {
		x.live(l)
	}
	if l.parent == nil {
		x.apiAnswered(l, machine)
		return
	}
	if x.sim.Settings().FirstAnswerWins {
		for _, other := range l.parent.legs {
			if !other.answered() {
				x.giveUp(other)
			}
		}
	}
	if n := l.dialed; n.detect {
		x.detect(l, machine, n.detectEnd, func() { x.notifyDetected(l, n.detected) })
	}
	if l.dialed.screen.url == "" {
		x.connect(l)
		return
	}
	l.screening = true
	x.ask(l, l.dialed.screen, nil)
}

// How long it takes to know who answers (made up).
const (
	humanKnown   = 2 * time.Second
	machineKnown = 4 * time.Second
)

// detect finds out who has answered, and then goes on.
// See https://www.twilio.com/docs/voice/answering-machine-detection.
func (x *exchange) detect(l *leg, machine, untilEnd bool, then func()) {
	by, takes := "human", humanKnown
	switch {
	case machine && untilEnd:
		by, takes = "machine_end_beep", machineTalks
	case machine:
		by, takes = "machine_start", machineKnown
	}
	x.after(l.life, takes, func() {
		l.AnsweredBy, l.detectTook = by, takes
		then()
	})
}

// notifyDetected tells who answered. What else is in this callback is unverified.
func (x *exchange) notifyDetected(l *leg, to target) {
	if to.url == "" {
		return
	}
	x.notify(l, to, url.Values{
		"CallSid": {l.Sid}, "AccountSid": {x.sim.cfg.AccountSID}, "AnsweredBy": {l.AnsweredBy},
		"MachineDetectionDuration": {strconv.FormatInt(l.detectTook.Milliseconds(), 10)},
	})
}

// hangUp is the person on a leg putting the phone down.
func (x *exchange) hangUp(l *leg) {
	switch {
	case l.answered():
		x.end(l, CallCompleted)
	case l.Direction == Inbound: // gave up
		x.end(l, CallNoAnswer)
	default: // declined
		x.end(l, CallBusy)
	}
}

// end is the end of a leg, and of those that it had dialed.
func (x *exchange) end(l *leg, status string) {
	if l.ended() {
		return
	}
	x.part(l)
	d, t := l.dialing, l.taking
	if d != nil {
		for _, dialed := range d.legs {
			x.part(dialed)
		}
	}
	// Nothing of what follows may find the leg alive.
	l.life.end()
	l.turn()
	l.stopGathering()
	l.Status, l.Ended, l.endedAt = status, x.sim.now(), x.clock.now()
	if d != nil {
		x.leaveDial(d)
		if x.sim.Settings().ActionAfterHangup || x.sim.isFlow(d.action.url) {
			x.tell(l, d.action, x.dialResult(d))
		}
	}
	if t != nil {
		x.keep(l, t, "hangup")
		x.tell(l, t.action, x.takeResult(t))
	}
	x.note(l, "ended", status)
	x.report(l, "completed")
	if l.parent != nil {
		x.legEnded(l.parent, l)
	}
	l.talk.release()
}
