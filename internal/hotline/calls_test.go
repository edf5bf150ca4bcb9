package hotline

import (
	"strings"
	"testing"
	"time"
)

func onShift(h Hotline, at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, p := range h.OnShift(t) {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

func TestOnShift(t *testing.T) {
	const (
		always   = `calls: {phones: [{name: A, number: +16175550101}, {name: B, number: +16175550102}]}`
		paused   = `calls: {phones: [{name: A, number: +16175550101, paused: true}, {name: B, number: +16175550102}]}`
		nobody   = `calls: {phones: [{name: A, number: +16175550101, paused: true}], fallback: [{name: F, number: +16175550108, paused: true}]}`
		fallback = `calls: {phones: [{name: A, number: +16175550101, paused: true}], fallback: [{name: F, number: +16175550108, paused: true}, {name: G, number: +16175550109}]}`
		closed   = `time_zone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}, ` + fallback
		nights   = `time_zone: America/New_York, hours: {mon-sun: ["00:00-24:00"]}, calls: {phones: [
			{name: A, number: +16175550101, shifts: {fri: ["22:00-02:00"]}},
			{name: B, number: +16175550102, shifts: {fri-sat: ["22:00-02:00"]}, holidays: [2026-11-20]},
			{name: C, number: +16175550103, shifts: {fri: ["22:00-02:00"]}, time_zone: America/Los_Angeles}], fallback: [{name: F, number: +16175550109}]}`
		summer  = `calls: {phones: [{name: A, number: +16175550101, shifts: {sun: ["01:30-02:30"]}, time_zone: America/New_York}]}`
		dayOff  = `time_zone: America/New_York, calls: {phones: [{name: A, number: +16175550101, holidays: [2026-12-25]}]}`
		deputys = `time_zone: UTC, calls: {phones: [{name: A, number: +16175550101, paused: true}], fallback: [{name: F, number: +16175550109, shifts: {mon: ["09:00-10:00"]}}]}`
	)
	for _, test := range []struct{ name, hotline, at, want string }{
		{"no phones", `name: x`, "2026-11-20T12:00:00Z", ""},
		{"always, in order", always, "2026-11-20T12:00:00Z", "A B"},
		{"paused", paused, "2026-11-20T12:00:00Z", "B"},
		{"all paused", nobody, "2026-11-20T12:00:00Z", ""},
		{"fallback", fallback, "2026-11-20T12:00:00Z", "G"},
		{"fallback within the hours", closed, "2026-11-20T09:00:00-05:00", "G"},
		{"nobody while closed", closed, "2026-11-20T17:00:00-05:00", ""},
		{"fallback with shifts", deputys, "2026-11-23T09:59:00Z", "F"},
		{"fallback off shift", deputys, "2026-11-23T10:00:00Z", ""},

		{"before the night", nights, "2026-11-13T21:59:59-05:00", "F"},
		{"night", nights, "2026-11-13T22:00:00-05:00", "A B"},
		{"after midnight", nights, "2026-11-14T01:59:59-05:00", "A B C"},
		{"after midnight, further west", nights, "2026-11-14T02:00:00-05:00", "C"},
		{"until two in the west", nights, "2026-11-14T05:00:00-05:00", "F"},
		{"a day off", nights, "2026-11-20T23:00:00-05:00", "A"},
		{"the night after it", nights, "2026-11-21T23:00:00-05:00", "B"},
		{"the night of a day off is off after midnight too", nights, "2026-11-21T00:30:00-05:00", "A"},

		{"clocks go forward, before", summer, "2026-03-08T01:29:59-05:00", ""},
		{"clocks go forward", summer, "2026-03-08T01:59:59-05:00", "A"},
		{"clocks go forward, after", summer, "2026-03-08T03:00:00-04:00", ""},
		{"clocks go back, first", summer, "2026-11-01T01:30:00-04:00", "A"},
		{"clocks go back, second", summer, "2026-11-01T01:10:00-05:00", "A"},
		{"clocks go back, after", summer, "2026-11-01T02:30:00-05:00", ""},

		{"days off alone", dayOff, "2026-12-25T00:00:00-05:00", ""},
		{"days off alone, before", dayOff, "2026-12-24T23:59:59-05:00", "A"},
	} {
		if got := onShift(hours(t, test.hotline), test.at); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestGreetings(t *testing.T) {
	const office = `time_zone: UTC, hours: {mon-fri: ["09:00-17:00"]}, `
	for _, test := range []struct{ name, hotline, open, closed string }{
		{"default", office + `name: x`, defaultCalls().Says.Greeting[0].Text, defaultCalls().Says.Greeting[0].Text},
		{"one for both", office + `calls: {says: {greeting: hello}}`, "hello", "hello"},
		{"one for each", office + `calls: {says: {greeting: hello, after_hours: closed}}`, "hello", "closed"},
		{"two languages", office + `languages: {fr: {says: {greeting: bonjour, after_hours: fermé}}, es: {says: {greeting: hola, after_hours: cerrado}}},
			calls: {says: {greeting: hello, after_hours: closed}}`, "hello bonjour hola", "closed fermé cerrado"},
		{"a language falls back to its greeting", office + `languages: {es: {says: {greeting: hola}}}, calls: {says: {greeting: hello, after_hours: closed}}`,
			"hello hola", "closed hola"},
		{"the main one too", office + `languages: {es: {says: {greeting: hola, after_hours: cerrado}}}, calls: {says: {greeting: hello}}`,
			"hello hola", "hello cerrado"},
		{"a language without a greeting", office + `languages: {es: {says: {thanks: gracias}}}, calls: {says: {greeting: hello}}`, "hello", "hello"},
	} {
		h := hours(t, test.hotline)
		for at, want := range map[string]string{"2026-11-20T16:59:59Z": test.open, "2026-11-20T17:00:00Z": test.closed} {
			t1, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, s := range h.Greetings(t1) {
				texts = append(texts, s.Text)
			}
			if got := strings.Join(texts, " "); got != want {
				t.Errorf("%s at %s: %q, want %q", test.name, at, got, want)
			}
		}
	}
}
