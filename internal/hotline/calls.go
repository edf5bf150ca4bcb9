package hotline

import (
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// Calls says what becomes of the calls to a hotline.
type Calls struct {
	Phones        []Phone       // who is rung, in the order of the file; none: every call goes to the voicemail
	Fallback      []Phone       // who is rung when nobody of Phones is on shift
	Strategy      Strategy      // in which order
	AtOnce        int           // how many phones ring at the same time: 1 to 10
	RingFor       time.Duration // how long a phone rings: 5 s to 60 s
	Ceiling       time.Duration // how long after its beginning a call has reached a person or the voicemail's greeting
	CallerID      CallerID      // what the phones show
	Says          Says
	Voice         string        // Twilio's name of the voice; empty: its default
	RecordFor     time.Duration // the longest voicemail
	Missed        Missed        // what a call without a voicemail leaves in the ticket
	Withheld      Withheld      // what becomes of callers who hide their number
	Transcription Transcription // who writes down a voicemail
}

// Strategy is the order in which phones are rung.
type Strategy string

const (
	RingAll         Strategy = "all"          // as many at a time as AtOnce says, in the file's order
	RingInOrder     Strategy = "in_order"     // one after the other
	RingLongestIdle Strategy = "longest_idle" // first who has had no call for longest
)

// CallerID is the number that a volunteer's phone shows.
type CallerID string

const (
	ShowHotline CallerID = "hotline"
	ShowCaller  CallerID = "caller"
)

// Missed is what a call without a voicemail leaves in the ticket.
type Missed string

const (
	MissedEntry   Missed = "entry" // an entry, in a new conversation if there is none
	MissedNote    Missed = "note"  // a note, if there is a conversation
	MissedNothing Missed = "nothing"
)

// Withheld is what becomes of callers who hide their number.
type Withheld string

const (
	WithheldRing   Withheld = "ring" // the same as of all others
	WithheldReject Withheld = "reject"
)

// Transcription is who writes down a voicemail.
type Transcription string

const (
	NoTranscription     Transcription = "none"
	TwilioTranscription Transcription = "twilio" // in English, and of less than two minutes
	EngineTranscription Transcription = "engine"
)

// Phone is a volunteer's phone.
type Phone struct {
	Name   string // unique in the hotline; for people who read logs, and for the ticket
	Number phone.Number
	Shifts *Hours // nil: always
	Paused bool
}

// defaultCalls are the calls of a hotline that says nothing of them.
func defaultCalls() Calls {
	return Calls{
		Strategy:      RingAll,
		AtOnce:        10,
		RingFor:       20 * time.Second,
		Ceiling:       60 * time.Second,
		CallerID:      ShowHotline,
		Says:          defaultSays(Said{Language: "en-US"}),
		RecordFor:     119 * time.Second, // what Twilio can write down: see belowTranscribed
		Missed:        MissedEntry,
		Withheld:      WithheldRing,
		Transcription: NoTranscription,
	}
}

const (
	// ringsOn is how long a phone may ring beyond Dial's timeout: https://www.twilio.com/docs/voice/twiml/dial#timeout.
	ringsOn = 5 * time.Second
	// KeyWait is how long a volunteer may think after being asked for a key.
	KeyWait = 5 * time.Second
)

// Answering is how much longer than its phones ring a round takes at most: somebody picks up at the last moment, is asked twice,
// and presses nothing.
func (c Calls) Answering() time.Duration {
	return ringsOn + c.Says.Ask.takes() + KeyWait + c.Says.Again.takes() + KeyWait
}

// OnShift returns who is rung at t, in the order of the file: those of Phones who are on shift, or those of Fallback if
// there are none. While the hotline is closed it is nobody.
func (h Hotline) OnShift(t time.Time) []Phone {
	if !h.OpenAt(t) {
		return nil
	}
	off := func(p Phone) bool { return p.Paused || !p.Shifts.OpenAt(t) }
	if on := slices.DeleteFunc(slices.Clone(h.Calls.Phones), off); len(on) > 0 {
		return on
	}
	return slices.DeleteFunc(slices.Clone(h.Calls.Fallback), off)
}

// Speaker is in which language and voice the hotline's own sentences are spoken. The default ones are English in any hotline.
func (h Hotline) Speaker() Said {
	return Said{Language: spokenLanguage(h.Language), Voice: h.Calls.Voice}
}

// Greetings are what a caller hears before the beep at t.
func (h Hotline) Greetings(t time.Time) []Said {
	if !h.OpenAt(t) && len(h.Calls.Says.AfterHours) > 0 {
		return h.Calls.Says.AfterHours
	}
	return h.Calls.Says.Greeting
}
