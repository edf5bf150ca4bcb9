package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// atOnce is how much later something may be noted that happened at the same moment, if calls go by a real clock.
const atOnce = time.Second

// calls are those of supporters that are over. Those that were on the phone at the same time are played together.
func (r *recorder) calls() {
	var callers []twiliosim.Leg
	rung := map[string][]twiliosim.Leg{} // by the caller's leg
	for _, l := range r.w.Twilio.Legs() {
		switch {
		case l.Ended.IsZero():
		case l.ParentSid != "":
			rung[l.ParentSid] = append(rung[l.ParentSid], l)
		case l.Direction == twiliosim.Inbound:
			callers = append(callers, l)
		}
	}
	slices.SortStableFunc(callers, func(a, b twiliosim.Leg) int { return a.Began.Compare(b.Began) })
	phones := map[string]string{} // what each does at present, as a command
	for len(callers) > 0 {
		n, ended := 1, callers[0].Ended
		for n < len(callers) && callers[n].Began.Before(ended) {
			if callers[n].Ended.After(ended) {
				ended = callers[n].Ended
			}
			n++
		}
		e := event{began: callers[0].Began, ended: ended}
		for _, caller := range callers[:n] {
			r.met(caller.From)
			e.lines = append(e.lines, volunteers(caller, rung[caller.Sid], phones)...)
		}
		for _, caller := range callers[:n] {
			e.lines = append(e.lines, dialed(caller, rung[caller.Sid], e.began, n > 1))
		}
		if n > 1 {
			e.lines = append(e.lines, "talk")
		}
		r.events = append(r.events, e)
		callers = callers[n:]
	}
}

// dialed is a caller's command.
func dialed(caller twiliosim.Leg, rung []twiliosim.Leg, first time.Time, together bool) string {
	words := []string{"call", bare(caller.From)}
	if caller.To != simulator.Hotline {
		words = append(words, "to="+bare(caller.To))
	}
	if together {
		words[0] = "dial"
		if d := caller.Began.Sub(first); d >= time.Second/2 {
			// The clock of the calls jumps, and whoever is to call meanwhile does it before.
			words = append(words, "later="+(d.Truncate(time.Second)+time.Second).String())
		}
	}
	return strings.Join(append(words, actsOf(caller, 0, callerHungUp(caller, rung))...), " ")
}

// callerHungUp reports whether it was the caller who ended a call. If the hotline did it, hanging up in the same second changes nothing.
func callerHungUp(caller twiliosim.Leg, rung []twiliosim.Leg) bool {
	if has(caller, "rejected") {
		return false
	}
	at := ended(caller)
	return !slices.ContainsFunc(rung, func(l twiliosim.Leg) bool {
		return l.Sid == caller.BridgedWith && l.Ended.Before(caller.Ended) && at-ended(l) < atOnce
	})
}

// volunteers are the commands by which phones do what they did when a caller rang them, as far as they do it not at present.
func volunteers(caller twiliosim.Leg, rung []twiliosim.Leg, phones map[string]string) (lines []string) {
	const silent = "silent"
	did := map[string]string{}
	var order []string
	for _, l := range rung {
		if did[l.To] == "" {
			order = append(order, l.To)
			did[l.To] = silent
		}
		if did[l.To] == silent { // or when it was rung again
			did[l.To] = handset(l, caller)
		}
	}
	for _, number := range order {
		if present, known := phones[number]; did[number] != present && (known || did[number] != silent) {
			lines = append(lines, "volunteer "+bare(number)+" "+did[number])
			phones[number] = did[number]
		}
	}
	return lines
}

// handset is what a phone did when it was rung, as the story says it.
func handset(l, caller twiliosim.Leg) string {
	rings, answers := at(l, "ringing"), at(l, "answered")
	switch {
	case rings < 0 && l.Status == twiliosim.CallBusy:
		return "busy"
	case rings < 0 && l.Status == twiliosim.StatusFailed:
		return "unreachable"
	case rings < 0:
		return "silent"
	case answers < 0 && l.Status == twiliosim.CallBusy:
		return fmt.Sprintf("decline=%v", (ended(l) - rings).Round(time.Second))
	case answers < 0:
		return "silent"
	}
	after := (answers - rings).Round(time.Second)
	if strings.HasPrefix(l.AnsweredBy, "machine") {
		return fmt.Sprintf("machine=%v", after)
	}
	return strings.Join(append([]string{fmt.Sprintf("answer=%v", after)}, actsOf(l, answers, volunteerHungUp(l, caller))...), " ")
}

// volunteerHungUp reports whether the person on a phone that was rung hung up: not if it was the caller, or if the call went to
// somebody else.
func volunteerHungUp(l, caller twiliosim.Leg) bool {
	if l.BridgedWith == caller.Sid {
		return l.Ended.Before(caller.Ended)
	}
	over := ended(l)
	together := at(caller, "connected")
	return ended(caller)-over >= atOnce && (together < 0 || over < together || over-together >= atOnce)
}

// actsOf is what the person on a leg did from a time on.
func actsOf(l twiliosim.Leg, from time.Duration, hungUp bool) (words []string) {
	moment, since := "", from // that the next act waits for; it was at since
	act := func(m twiliosim.Moment, what string) {
		after := max(0, m.At-since).Round(time.Second)
		words = append(words, bare(fmt.Sprintf("%s+%v:%s", moment, after, what)))
		moment, since = "", m.At
	}
	for i, m := range l.Moments {
		switch m.What {
		case "asked", "beep", "connected":
			// What comes while they still speak is over before they can wait for it.
			if m.At >= since {
				moment, since = m.What, m.At
			}
		case "pressed":
			act(m, "press="+m.Text)
		case "spoke":
			long := spoke(l.Moments[i:])
			act(m, fmt.Sprintf("say=%v|%s", long, strings.Join(strings.Fields(m.Text), " ")))
			since += long
		case "ended":
			if hungUp {
				act(m, "hangup")
			}
		}
	}
	return words
}

// spoke is how long somebody spoke, to the second, given what happened from then on. It is known of the last words on a recording;
// else it is guessed, and they were done when they did the next thing.
func spoke(moments []twiliosim.Moment) time.Duration {
	begins := moments[0]
	long := max(time.Second, time.Duration(utf8.RuneCountInString(begins.Text))*time.Second/15)
	for _, m := range moments[1:] {
		switch m.What {
		case "pressed", "spoke", "ended":
			long = min(long, m.At-begins.At)
		case "recorded":
			if d, err := time.ParseDuration(m.Text); err == nil && d > 0 {
				long = min(d, m.At-begins.At)
			}
		default:
			continue
		}
		break
	}
	return max(long.Round(time.Second), time.Second)
}

// at is when something happened on a leg for the first time; less than 0: never.
func at(l twiliosim.Leg, what string) time.Duration {
	i := slices.IndexFunc(l.Moments, func(m twiliosim.Moment) bool { return m.What == what })
	if i < 0 {
		return -1
	}
	return l.Moments[i].At
}

func has(l twiliosim.Leg, what string) bool { return at(l, what) >= 0 }

// ended is when a leg ended.
func ended(l twiliosim.Leg) time.Duration { return at(l, "ended") }
