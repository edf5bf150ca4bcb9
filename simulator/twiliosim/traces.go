package twiliosim

import (
	"maps"
	"regexp"
	"strings"
)

// Trace is a place at Twilio where somebody can still be found.
type Trace struct {
	// Kind is message, media, call, recording, transcription, flow or opt-out.
	Kind string `json:"kind"`
	Sid  string `json:"sid"` // of an opt-out: the number of ours that it is for
	// Where is what names them: from, to, body, status_callback, url, words, or the resource that does.
	Where string `json:"where"`
}

// Traces returns every place where a phone number still occurs in what Twilio would keep: as sender or callee, or written or
// spoken anywhere, however it is punctuated. What belongs to these, such as the recording of a call, is a place of its own.
//
// Not Twilio's, and so not looked at, are the phones themselves (what a phone has received, its carrier and its handset), messages
// and calls that were deleted, which phones remember, and the history. An opt-out can only be taken back by its phone.
func (s *Sim) Traces(number string) []Trace {
	f := traceFinder{number: number, spelled: spellings(number)}
	f.calls(s.calls)
	f.flows(s)
	s.mu.RLock()
	for _, rec := range s.store.order {
		if !rec.hidden() {
			f.message(rec)
		}
	}
	for _, o := range s.store.sortedOptOuts() {
		if o.Phone == number {
			f.add("opt-out", o.Hotline, "phone")
		}
	}
	s.mu.RUnlock()
	return f.found
}

type traceFinder struct {
	number  string
	spelled *regexp.Regexp
	found   []Trace
}

func (f *traceFinder) add(kind, sid, where string) {
	f.found = append(f.found, Trace{Kind: kind, Sid: sid, Where: where})
}

// look adds a place if the number is in one of the fields, which are pairs of a name and a value.
func (f *traceFinder) look(kind, sid string, fields ...string) (found bool) {
	for i := 0; i < len(fields); i += 2 {
		if value := fields[i+1]; value == f.number || f.spelled.MatchString(value) {
			f.add(kind, sid, fields[i])
			found = true
		}
	}
	return found
}

func (f *traceFinder) message(rec *record) {
	theirs := f.look("message", rec.Sid, "from", rec.From, "to", rec.To, "body", rec.Body, "status_callback", rec.StatusCallback)
	for _, file := range rec.Media {
		if theirs {
			f.add("media", file.Sid, rec.Sid)
		}
		f.look("media", file.Sid, "url", file.URL)
	}
}

func (f *traceFinder) calls(x *exchange) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.order {
		if !l.Deleted {
			f.look("call", l.Sid, "from", l.From, "to", l.To)
		}
	}
	for _, t := range x.taken {
		if x.takes[t.Sid] == t {
			f.look("recording", t.Sid, "from", t.From, "to", t.To, "words", t.Words)
		}
	}
	for _, text := range x.scripted {
		if x.scripts[text.sid] == text {
			f.look("transcription", text.sid, "from", text.take.From, "to", text.take.To, "words", text.text)
		}
	}
}

// flows looks at those that go on. What Twilio keeps of a run after its end, which is its execution, is not simulated.
func (f *traceFinder) flows(s *Sim) {
	s.studio.mu.Lock()
	runs := maps.Clone(s.studio.runs)
	s.studio.mu.Unlock()
	for call, run := range runs {
		if leg, _ := s.Leg(call); leg.Ended.IsZero() {
			f.look("flow", call, "from", run.hook.form.Get("From"), "to", run.hook.form.Get("To"))
		}
	}
}

// spellings finds a number in a text: with and without its country's +1, with anything usual between the digits, and not as a part
// of a longer one.
func spellings(number string) *regexp.Regexp {
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, number)
	const between = `[-. ()/\x{a0}]*`
	prefix := ""
	if national := strings.TrimPrefix(digits, "1"); len(national) == 10 {
		digits, prefix = national, `(?:\+?1`+between+`)?`
	}
	if digits == "" { // a caller who withholds the number
		return regexp.MustCompile(`^` + regexp.QuoteMeta(number) + `$`)
	}
	return regexp.MustCompile(`(?:^|[^0-9])` + prefix + strings.Join(strings.Split(digits, ""), between) + `(?:[^0-9]|$)`)
}
