package hotline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/phone"
)

func TestLoadCalls(t *testing.T) {
	h := mustLoad(t, `
hotlines:
- number: +15017122661
  mailbox: 1
  calls: # before what it needs
    says:
      greeting: hello
      after_hours: {audio: "https://example.org/closed.mp3"}
      ask: "1 or 2?"
    phones:
    - {name: Anna, number: (617) 555-0101, shifts: {mon: ["09:00-13:00"]}}
    - {name: Ben, number: "+16175550102", paused: true}
    - {name: Chris, number: "+16175550103", paused: false, time_zone: Asia/Tokyo, holidays: [2026-12-25]}
    fallback: [{name: Office, number: "+16175550109"}]
    ring: in_order
    at_once: 2
    ring_for: 35s
    ceiling: 65s
    caller_id: caller
    withheld: reject
    voice: Polly.Amy
    record_for: 1h
    missed: nothing
    transcription: engine
  language: en-GB
  time_zone: UTC
  languages:
    fr: {says: {thanks: merci}, voice: Polly.Lea}
    ar: {words: [مرحبا], texts: {welcome: ar}, says: {greeting: {audio: "http://example.org/ar.mp3"}, thanks: شكرا}}
`)[0]
	say := func(text string) Said { return Said{Text: text, Language: "en-GB", Voice: "Polly.Amy"} }
	def := defaultCalls().Says
	want := Calls{
		Phones: []Phone{
			{Name: "Anna", Number: "+16175550101", Shifts: &Hours{Zone: time.UTC, Week: [7][]Range{1: {{540, 780}}}, Holidays: map[string]bool{}}},
			{Name: "Ben", Number: "+16175550102", Paused: true},
			{Name: "Chris", Number: "+16175550103", Shifts: h.Calls.Phones[2].Shifts},
		},
		Fallback: []Phone{{Name: "Office", Number: "+16175550109"}},
		Strategy: RingInOrder, AtOnce: 2, RingFor: 35 * time.Second, Ceiling: 65 * time.Second, CallerID: ShowCaller,
		Says: Says{
			Greeting:   []Said{say("hello"), {Audio: "http://example.org/ar.mp3"}},
			AfterHours: []Said{{Audio: "https://example.org/closed.mp3"}, {Audio: "http://example.org/ar.mp3"}},
			Thanks: []Said{say(def.Thanks[0].Text), {Text: "merci", Language: "fr-FR", Voice: "Polly.Lea"},
				{Text: "شكرا", Language: "arb"}},
			Ask: say("1 or 2?"), Again: say(def.Again.Text), Taken: say(def.Taken.Text), Confirm: say(def.Confirm.Text), Unreached: say(def.Unreached.Text),
		},
		Voice: "Polly.Amy", RecordFor: time.Hour, Missed: MissedNothing, Withheld: WithheldReject, Transcription: EngineTranscription,
	}
	if !reflect.DeepEqual(h.Calls, want) {
		t.Errorf("%+v\nwant\n%+v", h.Calls, want)
	}
	if shifts := h.Calls.Phones[2].Shifts; shifts.Zone.String() != "Asia/Tokyo" || !shifts.Holidays["2026-12-25"] {
		t.Errorf("%+v", shifts)
	}
	if _, texts := h.Languages["fr"]; texts || len(h.Languages) != 1 {
		t.Errorf("a language that is only spoken has texts: %+v", h.Languages)
	}
}

// A voice speaks one language, so the English sentences are not for that of another.
func TestDefaultSentences(t *testing.T) {
	if says := hours(t, `language: fr, calls: {voice: Polly.Lea}`).Calls.Says; !reflect.DeepEqual(says, defaultCalls().Says) {
		t.Errorf("%+v", says)
	}
	for _, calls := range []string{"", ", calls: {missed: note}"} {
		if says := hours(t, "language: en-GB"+calls).Calls.Says; says.Ask.Language != "en-GB" || says.Greeting[0].Language != "en-GB" {
			t.Errorf("%q: %+v", calls, says)
		}
	}
	says := hours(t, `language: fr, calls: {voice: Polly.Lea, says: {ask: "1 ou 2 ?"}}`).Calls.Says
	if want := (Said{Text: "1 ou 2 ?", Language: "fr-FR", Voice: "Polly.Lea"}); says.Ask != want || says.Again.Language != "en-US" {
		t.Errorf("%+v", says)
	}
}

func TestAtOnce(t *testing.T) {
	for calls, want := range map[string]int{
		"missed: note": 10, "ring: all": 10, "ring: in_order": 1, "ring: longest_idle": 1,
		"ring: in_order, at_once: 3": 3, "at_once: 2, ring: all": 2,
	} {
		if got := hours(t, "calls: {"+calls+"}").Calls.AtOnce; got != want {
			t.Errorf("%s: %d", calls, got)
		}
	}
}

func TestSpokenLanguage(t *testing.T) {
	for code, want := range map[string]string{
		"en": "en-US", "es": "es-ES", "fr": "fr-FR", "de": "de-DE", "pt": "pt-BR", "it": "it-IT", "ar": "arb", "zh": "cmn-CN", "ja": "ja-JP",
		"ko": "ko-KR", "ru": "ru-RU", "pl": "pl-PL", "nl": "nl-NL", "vi": "vi-VN", "no": "nb-NO", "sv": "sv-SE", "da": "da-DK", "hi": "hi-IN",
		"es-MX": "es-MX", "en-GB": "en-GB", "pt-PT": "pt-PT",
	} {
		lang, err := parseLanguage(code)
		if got := spokenLanguage(lang); got != want || err != nil {
			t.Errorf("%s: %s, %v", code, got, err)
		}
	}
}

func TestCallsMistakes(t *testing.T) {
	const (
		good  = "hotlines:\n- number: +15017122661\n  mailbox: 1\n  "
		calls = good + "calls:\n    "
		a     = "{name: A, number: +16175550101}"
	)
	for yaml, want := range map[string][]string{
		good + "calls: x":                {"4: calls: must have fields"},
		good + "calls:":                  {"4: calls: has no value"},
		calls + "phoens: []":             {"5: phoens: unknown field"},
		calls + "phones: []":             {"5: phones: is empty"},
		calls + "phones: [x]":            {"5: phones: must have fields"},
		calls + "phones:\n    - nmae: A": {"6: nmae: unknown field", "6: name: is not set", "6: number: is not set"},
		calls + "fallback: [" + a + "]":  {"5: phones: is not set"},
		calls + "ring: random":           {`5: ring: "random" is none of all, in_order, longest_idle`},
		calls + "at_once: 0":             {`5: at_once: "0" is not a number from 1 to 10`},
		calls + "at_once: 11":            {`5: at_once: "11" is not a number from 1 to 10`},
		calls + "at_once: many":          {`5: at_once: "many" is not a number from 1 to 10`},
		calls + "ring_for: 4s":           {`5: ring_for: "4s" is not a duration from 5s to 60s`},
		calls + "ring_for: 61s":          {`5: ring_for: "61s" is not a duration from 5s to 60s`},
		calls + "ring_for: 20":           {`5: ring_for: "20" is not a duration from 5s to 60s`},
		calls + "ceiling: 9s":            {`5: ceiling: "9s" is not a duration from 10s to 600s`},
		calls + "ceiling: 11m":           {`5: ceiling: "11m" is not a duration from 10s to 600s`},
		calls + "caller_id: anna":        {`5: caller_id: "anna" is none of hotline, caller`},
		calls + "withheld: voicemail":    {`5: withheld: "voicemail" is none of ring, reject`},
		calls + "voice: ''":              {"5: voice: is empty"},
		calls + "record_for: 1s":         {`5: record_for: "1s" is not a duration from 2s to 3600s`},
		calls + "record_for: 61m":        {`5: record_for: "61m" is not a duration from 2s to 3600s`},
		calls + "missed: x":              {`5: missed: "x" is none of entry, note, nothing`},
		calls + "transcription: x":       {`5: transcription: "x" is none of none, twilio, engine`},

		// What does not go together.
		calls + "ring_for: 36s":                   {"5: ring_for: " + tooShort("60s", "62s")},
		calls + "ceiling: 44s":                    {"5: ceiling: " + tooShort("44s", "46s")},
		calls + "ceiling: 50s\n    ring_for: 40s": {"5: ceiling: " + tooShort("50s", "66s")},
		calls + "ceiling: 50s\n    ring_for: 4s":  {`6: ring_for: "4s" is not a duration from 5s to 60s`},
		// A longer sentence takes its time, and one in Chinese longer than its letters.
		calls + "ceiling: 46s\n    says: {ask: '" + strings.Repeat("a", 100) + "'}":     {"5: ceiling: " + tooShort("46s", "48s")},
		calls + "ceiling: 46s\n    says: {ask: '" + strings.Repeat("\u6309", 50) + "'}": {"5: ceiling: " + tooShort("46s", "52s")},
		calls + "ceiling: 50s\n    ring_for: 20s":                                       nil,
		calls + "transcription: twilio\n    record_for: 120s":                           {"6: record_for: with the transcription twilio it must be below 120s"},
		calls + "transcription: twilio\n    record_for: 119s":                           nil,
		calls + "transcription: engine\n    record_for: 120s":                           nil,
		calls + "transcription: twilio":                                                 nil,
		calls + "phones: [" + a + "]\n    fallback: [" + a + "]":                        {"6: name: A is there twice", "6: number: +16175550101 is there twice"},
		calls + "phones: [" + a + ",\n      {name: A, number: x}]":                      {"6: name: A is there twice", `6: number: "x" is not a full phone number, which could be rung`},
		calls + "phones: [{name: '', number: 12345}]":                                   {"5: name: is empty", `5: number: "12345" is not a full phone number, which could be rung`},
		calls + "phones: [{name: B, number: 617-555-0101, paused: maybe},\n      " + a + "]": {
			`5: paused: "maybe" is not true or false`, "6: number: +16175550101 is there twice",
		},

		// A hotline would ring itself, or another one, which may come later in the file.
		calls + "phones:\n    - {name: A, number: +15017122661}\n    - {name: B, number: +15017122663}\n- number: +15017122662\n  more_numbers: [+15017122663]\n  mailbox: 2": {
			"6: number: +15017122661 is a hotline's number; it would ring itself", "7: number: +15017122663 is a hotline's number; it would ring itself",
		},
		calls + "phones: [" + a + "]\n- number: +15017122662\n  mailbox: 2\n  calls: {phones: [" + a + "]}": nil,
		calls + "phones: [{name: A, number: x}]\n- number: x\n  mailbox: 2": {
			`5: number: "x" is not a full phone number, which could be rung`, `6: number: "x" is not a phone number`,
		},

		// Shifts.
		calls + "phones:\n    - {name: A, number: +16175550101, shifts: {mon: [09:00-10:00]}}":                                                           {"6: time_zone: is not set"},
		calls + "phones:\n    - {name: A, number: +16175550101, holidays: [2026-12-25]}":                                                                 {"6: time_zone: is not set"},
		calls + "phones:\n    - {name: A, number: +16175550101, shifts: {mon: [09:00-10:00]}, time_zone: Mars}":                                          {`6: time_zone: "Mars" is not a time zone such as America/New_York`},
		calls + "phones:\n    - {name: A, number: +16175550101, shifts: {}, time_zone: UTC}":                                                             {"6: shifts: must have fields", "6: shifts: it would never be open"},
		calls + "phones:\n    - {name: A, number: +16175550101, hours: {}, time_zone: UTC}":                                                              {"6: hours: unknown field"},
		calls + "phones:\n    - name: A\n      number: +16175550101\n      time_zone: UTC\n      shifts: {mon: ['9-10']}\n      holidays: [25 December]": {`9: mon: "9-10" is not a time such as 09:00-12:30`, `10: holidays: "25 December" is not a day such as 2026-12-25`},

		// Sentences.
		calls + "says: {}": {"5: says: must have fields"},
		calls + "says: {greetings: x, ask: [x], again: 1,\n      taken: ''}": {"5: greetings: unknown field", "5: ask: must be a text, in quotes", "5: again: must be a text, in quotes", "6: taken: is empty"},
		calls + "says: {ask: {audio: 'https://example.org/a.mp3'}}":          {"5: ask: must be a text, in quotes"},
		calls + "says: {greeting: ' '}":                                      {"5: greeting: is empty"},
		calls + "says:\n      thanks: " + strings.Repeat("é", 1001):          {"6: thanks: has 1001 characters; a text has at most 1000"},
		calls + "says:\n      thanks: " + strings.Repeat("é", 1000):          nil,
		calls + "says: {greeting: {audio: ftp://example.org/a.mp3}}":         {`5: audio: "ftp://example.org/a.mp3" is not the address of an audio file such as https://example.org/hello.mp3`},
		calls + "says: {after_hours: {audio: 'https:///a.mp3'}}":             {`5: audio: "https:///a.mp3" is not the address of an audio file such as https://example.org/hello.mp3`},
		calls + "says: {thanks: {audoi: x}}":                                 {"5: audoi: unknown field", "5: audio: is not set"},
		calls + "says: {thanks: {}}":                                         {"5: thanks: must have fields"},

		// Spoken languages.
		good + "languages:\n    es: {says: {greeting: hola}}\n    fr: {voice: Polly.Lea}":                      {"6: fr: needs words and texts, or says"},
		good + "languages:\n    es: {words: [hola], says: {greeting: hola}}":                                   {"5: texts: is not set"},
		good + "languages:\n    es: {words: [hola], texts: {welcome: hola}, voice: Polly.Lucia}":               {"5: says: is not set"},
		good + "languages:\n    es: {says: {ask: x}}":                                                          {"5: ask: unknown field"},
		good + "languages:\n    es: {says: x, voice: [x]}":                                                     {"5: says: must have fields", "5: voice: must be a text, in quotes"},
		good + "languages:\n    es: {}":                                                                        {"5: es: must have fields"},
		good + "languages:\n    en: {says: {greeting: hello}}\n    es:\n      says: {thanks: {audio: es.mp3}}": {"5: en: en is there twice", `7: audio: "es.mp3" is not the address of an audio file such as https://example.org/hello.mp3`},
	} {
		mistakes(t, yaml, want)
	}
}

func tooShort(ceiling, least string) string {
	return fmt.Sprintf("a ceiling of %s is too short; it must be at least %s, since a round takes ring_for, "+
		"five seconds that Twilio adds, and the time to ask for a key twice", ceiling, least)
}

// possibleCalls checks what is true of the calls of every file without a mistake.
func possibleCalls(t *testing.T, all Hotlines, h Hotline) {
	t.Helper()
	c := h.Calls
	names, numbers := map[string]bool{}, map[phone.Number]bool{}
	for _, p := range slices.Concat(c.Phones, c.Fallback) {
		if _, own := all.ByNumber(p.Number); own || names[p.Name] || numbers[p.Number] || p.Name == "" || p.Number == "" {
			t.Errorf("%+v", p)
		}
		if p.Shifts != nil && p.Shifts.Zone == nil {
			t.Errorf("%+v has no time zone", p)
		}
		names[p.Name], numbers[p.Number] = true, true
	}
	for _, s := range slices.Concat(c.Says.Greeting, c.Says.AfterHours, c.Says.Thanks, []Said{c.Says.Ask, c.Says.Again, c.Says.Taken}) {
		if (s.Text == "") == (s.Audio == "") || s.Text != "" && s.Language == "" || utf8.RuneCountInString(s.Text) > 1000 {
			t.Errorf("%+v", s)
		}
	}
	if c.AtOnce < 1 || c.AtOnce > 10 || c.RingFor < 5*time.Second || c.RingFor > time.Minute || c.Ceiling < c.RingFor+c.Answering() ||
		c.RecordFor < 2*time.Second || len(c.Says.Greeting) == 0 || len(c.Says.Thanks) == 0 {
		t.Errorf("%+v", c)
	}
}
