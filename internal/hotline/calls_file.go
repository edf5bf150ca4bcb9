package hotline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/bling-hotline/bling/internal/phone"
)

const (
	// maxAtOnce is how many numbers Dial rings: https://www.twilio.com/docs/voice/twiml/dial.
	maxAtOnce = 10
	// minRingFor is the shortest timeout that Dial takes.
	minRingFor = 5 * time.Second
	// belowTranscribed is what a recording must be shorter than if Twilio is to write it down:
	// https://www.twilio.com/docs/voice/twiml/record#transcribe.
	belowTranscribed = 120 * time.Second
)

// rung is a volunteer's number, and where it is.
type rung struct {
	number phone.Number
	at     *yaml.Node
}

func (f *file) calls(n *yaml.Node, h *Hotline, zone *time.Location) {
	c := &h.Calls
	names, numbers := map[string]bool{}, map[phone.Number]bool{}
	nodes := map[string]*yaml.Node{}
	seen := f.fields(n, func(field string, value *yaml.Node) bool {
		nodes[field] = value
		switch field {
		case "phones":
			f.list(value, func(item *yaml.Node) { c.Phones = append(c.Phones, f.phone(item, zone, names, numbers)) })
		case "fallback":
			f.list(value, func(item *yaml.Node) { c.Fallback = append(c.Fallback, f.phone(item, zone, names, numbers)) })
		case "ring":
			c.Strategy = scalar(f, value, oneOf(RingAll, RingInOrder, RingLongestIdle))
		case "at_once":
			c.AtOnce = scalar(f, value, parseAtOnce)
		case "ring_for":
			c.RingFor = scalar(f, value, between(minRingFor, time.Minute))
		case "ceiling":
			c.Ceiling = scalar(f, value, between(10*time.Second, 10*time.Minute))
		case "caller_id":
			c.CallerID = scalar(f, value, oneOf(ShowHotline, ShowCaller))
		case "withheld":
			c.Withheld = scalar(f, value, oneOf(WithheldRing, WithheldReject))
		case "voice":
			c.Voice = f.filled(value, maxText)
		case "says": // read last, since it needs the voice
		case "record_for":
			c.RecordFor = scalar(f, value, between(2*time.Second, time.Hour))
		case "missed":
			c.Missed = scalar(f, value, oneOf(MissedEntry, MissedNote, MissedNothing))
		case "transcription":
			c.Transcription = scalar(f, value, oneOf(NoTranscription, TwilioTranscription, EngineTranscription))
		default:
			return false
		}
		return true
	})
	if seen["fallback"] {
		f.need(n, seen, "phones")
	}
	if !seen["at_once"] && c.Strategy != RingAll {
		c.AtOnce = 1
	}

	as := h.Speaker()
	if english(h.Language) { // otherwise the voice is not for the default sentences
		c.Says = defaultSays(as)
	}
	if says := nodes["says"]; says != nil {
		f.in("says", func() { f.says(says, c.Says.callers(), c.Says.volunteers(), as) })
	}
	f.callTimes(c, nodes) // after the sentences, which take their time
}

// callTimes reports times that do not go together. What could not be read is zero, and was reported already.
func (f *file) callTimes(c *Calls, nodes map[string]*yaml.Node) {
	if least := (c.RingFor + c.Answering() + time.Second - 1).Truncate(time.Second); c.RingFor > 0 && c.Ceiling > 0 && c.Ceiling < least {
		field := "ceiling"
		if nodes[field] == nil {
			field = "ring_for"
		}
		f.in(field, func() {
			f.fail(nodes[field], "a ceiling of %s is too short; it must be at least %s, since a round takes ring_for, "+
				"five seconds that Twilio adds, and the time to ask for a key twice", inSeconds(c.Ceiling), inSeconds(least))
		})
	}
	if c.Transcription == TwilioTranscription && c.RecordFor >= belowTranscribed {
		f.in("record_for", func() {
			f.fail(nodes["record_for"], "with the transcription twilio it must be below %s", inSeconds(belowTranscribed))
		})
	}
}

// phone reads a volunteer's phone. zone is the hotline's, nil if it has none.
func (f *file) phone(n *yaml.Node, zone *time.Location, names map[string]bool, numbers map[phone.Number]bool) (p Phone) {
	shifts := Hours{Zone: zone, Holidays: map[string]bool{}}
	seen := f.fields(n, func(field string, value *yaml.Node) bool {
		switch field {
		case "name":
			p.Name = f.label(value, names)
		case "number":
			p.Number = scalar(f, value, parsePhone)
			once(f, value, numbers, p.Number)
			f.rung = append(f.rung, rung{p.Number, value})
		case "paused":
			p.Paused = scalar(f, value, parseBool)
		default:
			return f.hoursField(field, value, "shifts", &shifts)
		}
		return true
	})
	f.need(n, seen, "name", "number")
	p.Shifts = f.hours(n, seen, "shifts", shifts)
	return p
}

// selfRung reports volunteers' numbers that belong to a hotline. All hotlines must have been read.
func (f *file) selfRung() {
	f.in("number", func() {
		for _, r := range f.rung {
			if r.number != "" && f.numbers[r.number] {
				f.fail(r.at, "%s is a hotline's number; it would ring itself", r.number)
			}
		}
	})
}

func parsePhone(s string) (phone.Number, error) {
	id := phone.Parse(s)
	if id.Kind != phone.Full {
		return "", fmt.Errorf("%q is not a full phone number, which could be rung", s)
	}
	return id.Number, nil
}

func parseAtOnce(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxAtOnce {
		return 0, fmt.Errorf("%q is not a number from 1 to %d", s, maxAtOnce)
	}
	return n, nil
}

// between returns a parser of durations that are not shorter than least, and not longer than most.
func between(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("%q is not a duration from %s to %s", s, inSeconds(least), inSeconds(most))
		}
		return d, nil
	}
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s" }

// oneOf returns a parser that takes the choices as they are.
func oneOf[T ~string](choices ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		if !slices.Contains(choices, T(s)) {
			return "", fmt.Errorf("%q is none of %s", s, strings.Join(strings.Fields(strings.Trim(fmt.Sprint(choices), "[]")), ", "))
		}
		return T(s), nil
	}
}
