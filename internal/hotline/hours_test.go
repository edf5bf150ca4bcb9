package hotline

import (
	"testing"
	"time"
)

func hours(t *testing.T, yaml string) Hotline {
	t.Helper()
	all := Load([]byte("hotlines:\n- {number: +15017122661, mailbox: 1, "+yaml+"}"), func(_ int, problem string) { t.Fatal(problem) })
	return all[0]
}

func TestHours(t *testing.T) {
	const (
		office  = `time_zone: America/New_York, hours: {mon-fri: ["09:00-12:30", "13:30-17:00"], sat: ["10:00-14:00"], sun: []}`
		night   = `time_zone: America/New_York, hours: {fri-sat: ["22:00-02:00"]}`
		holiday = `time_zone: America/New_York, hours: {mon-sun: ["08:00-24:00"], }, holidays: [2026-12-24, 2026-12-25]`
		eve     = `time_zone: America/New_York, hours: {thu-fri: ["22:00-02:00"]}, holidays: [2026-12-25]`
		always  = `time_zone: America/New_York, holidays: [2026-12-25]`
		whole   = `time_zone: America/New_York, hours: {mon-sun: ["00:00-24:00"]}`
		one     = `time_zone: America/New_York, hours: {sun: ["01:00-01:30"]}`
		half    = `time_zone: America/New_York, hours: {sun: ["01:30-02:30"]}`
		gap     = `time_zone: America/New_York, hours: {sun: ["02:15-02:45"]}`
		across  = `time_zone: America/New_York, hours: {sun: ["01:30-02:30", "02:30-03:30"]}`
		berlin  = `time_zone: Europe/Berlin, hours: {sun: ["02:00-02:30"]}`
		lordH   = `time_zone: Australia/Lord_Howe, hours: {sun: ["01:45-02:15"]}` // half an hour only
		beirut  = `time_zone: Asia/Beirut, hours: {sun: ["00:00-00:30"]}`         // clocks change at midnight
	)
	for _, test := range []struct{ name, hours, at, since string }{
		{"before the hours", office, "2026-11-20T08:59:59-05:00", "2026-11-19T17:00:00-05:00"},
		{"at the first minute", office, "2026-11-20T09:00:00-05:00", ""},
		{"until just before the end", office, "2026-11-20T12:29:59-05:00", ""},
		{"at noon", office, "2026-11-20T12:30:00-05:00", "2026-11-20T12:30:00-05:00"},
		{"before the afternoon", office, "2026-11-20T13:29:00-05:00", "2026-11-20T12:30:00-05:00"},
		{"afternoon, asked in UTC", office, "2026-11-20T21:59:00Z", ""},
		{"evening, asked in UTC", office, "2026-11-20T22:00:00Z", "2026-11-20T17:00:00-05:00"},
		{"weekend", office, "2026-11-22T15:00:00-05:00", "2026-11-21T14:00:00-05:00"},
		{"after a weekend", office, "2026-11-23T08:00:00-05:00", "2026-11-21T14:00:00-05:00"},

		{"before the night", night, "2026-11-20T21:59:00-05:00", "2026-11-15T02:00:00-05:00"},
		{"night", night, "2026-11-20T22:00:00-05:00", ""},
		{"after midnight", night, "2026-11-21T01:59:00-05:00", ""},
		{"after the night", night, "2026-11-21T02:00:00-05:00", "2026-11-21T02:00:00-05:00"},
		{"from Saturday into Sunday", night, "2026-11-22T01:00:00-05:00", ""},
		{"no range on Thursday", night, "2026-11-20T01:00:00-05:00", "2026-11-15T02:00:00-05:00"},

		{"holiday", holiday, "2026-12-25T12:00:00-05:00", "2026-12-24T00:00:00-05:00"},
		{"the day after", holiday, "2026-12-26T08:00:00-05:00", ""},
		{"a night that begins before the holiday", eve, "2026-12-25T01:00:00-05:00", ""},
		{"a night that begins on it", eve, "2026-12-25T23:00:00-05:00", "2026-12-25T02:00:00-05:00"},
		{"holidays alone", always, "2026-12-25T00:00:00-05:00", "2026-12-25T00:00:00-05:00"},
		{"holidays alone, before", always, "2026-12-24T23:59:59-05:00", ""},
		{"holidays alone, after", always, "2026-12-26T00:00:00-05:00", ""},
		{"whole days", whole, "2026-11-20T00:00:00-05:00", ""},
		{"whole days have no seam", whole, "2026-11-20T23:59:59-05:00", ""},

		// In New York clocks go from 2:00 to 3:00 on 2026-03-08 and from 2:00 to 1:00 on 2026-11-01.
		{"Friday before clocks go forward", office, "2026-03-06T13:59:59Z", "2026-03-05T22:00:00Z"},
		{"Friday before clocks go forward, nine", office, "2026-03-06T14:00:00Z", ""},
		{"Monday after clocks went forward", office, "2026-03-09T12:59:59Z", "2026-03-07T19:00:00Z"},
		{"Monday after clocks went forward, nine", office, "2026-03-09T13:00:00Z", ""},
		{"Friday before clocks go back, nine", office, "2026-10-30T13:00:00Z", ""},
		{"Monday after clocks went back", office, "2026-11-02T13:59:59Z", "2026-10-31T18:00:00Z"},
		{"Monday after clocks went back, nine", office, "2026-11-02T14:00:00Z", ""},
		{"the night clocks go forward", night, "2026-03-08T01:59:59-05:00", ""},
		{"the night clocks go forward ends at the change", night, "2026-03-08T03:00:00-04:00", "2026-03-08T07:00:00Z"},
		{"the night clocks go back, an hour longer", night, "2026-11-01T01:59:59-05:00", ""},
		{"the night clocks go back ends", night, "2026-11-01T02:00:00-05:00", "2026-11-01T02:00:00-05:00"},
		{"whole days when clocks go forward", whole, "2026-03-08T03:00:00-04:00", ""},
		{"whole days when clocks go back", whole, "2026-11-01T01:30:00-05:00", ""},

		{"shown twice, first", one, "2026-11-01T01:29:00-04:00", ""},
		{"shown twice, between", one, "2026-11-01T01:30:00-04:00", ""}, // nobody goes home for half an hour
		{"shown twice, second", one, "2026-11-01T01:29:00-05:00", ""},
		{"shown twice, after", one, "2026-11-01T01:30:00-05:00", "2026-11-01T01:30:00-05:00"},
		{"begins when shown first", half, "2026-11-01T01:30:00-04:00", ""},
		{"and goes on", half, "2026-11-01T01:10:00-05:00", ""},
		{"and ends", half, "2026-11-01T02:30:00-05:00", "2026-11-01T02:30:00-05:00"},
		{"skipped as a whole", gap, "2026-03-08T03:00:00-04:00", "2026-03-01T02:45:00-05:00"},
		{"begins in time, ends skipped", across, "2026-03-08T01:59:00-05:00", ""},
		{"begins skipped", across, "2026-03-08T03:00:00-04:00", ""},
		{"ends after the change", across, "2026-03-08T03:30:00-04:00", "2026-03-08T03:30:00-04:00"},

		{"east of Greenwich, shown twice", berlin, "2026-10-25T02:00:00+02:00", ""},
		{"east of Greenwich, second", berlin, "2026-10-25T02:29:00+01:00", ""},
		{"east of Greenwich, after", berlin, "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+01:00"},
		{"east of Greenwich, skipped", berlin, "2026-03-29T03:00:00+02:00", "2026-03-22T02:30:00+01:00"},
		{"half an hour forward", lordH, "2026-10-04T02:30:00+11:00", "2026-10-04T02:30:00+11:00"},
		{"half an hour back", lordH, "2026-04-05T02:14:00+10:30", ""},
		{"midnight is skipped", beirut, "2026-03-29T01:00:00+03:00", "2026-03-22T00:30:00+02:00"},
	} {
		h := hours(t, test.hours)
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		var since time.Time
		if test.since != "" {
			if since, err = time.Parse(time.RFC3339, test.since); err != nil {
				t.Fatal(err)
			}
		}
		if open := h.OpenAt(at); open != since.IsZero() {
			t.Errorf("%s: open %v", test.name, open)
		}
		if got := h.ClosedSince(at); !got.Equal(since) {
			t.Errorf("%s: closed since %v, want %v", test.name, got, since)
		}
	}
}

func TestWithoutHours(t *testing.T) {
	h := New("+15017122661", 1)
	if !h.OpenAt(time.Now()) || !h.ClosedSince(time.Now()).IsZero() {
		t.Error("a hotline without hours is always open")
	}
	h.Hours = &Hours{Zone: time.UTC}
	if since := h.ClosedSince(time.Now()); h.OpenAt(time.Now()) || !since.Equal(time.Unix(0, 0)) {
		t.Errorf("no day has hours, but it is closed since %v", since)
	}
}

// Every five minutes of a year with both changes of the clocks: the closed time begins when the open one ends.
func TestClosedSinceAgreesWithOpenAt(t *testing.T) {
	for _, yaml := range []string{
		`time_zone: America/New_York, hours: {mon-fri: ["09:00-12:30", "22:00-02:15"], sun: ["02:30-03:00", "01:15-01:45"]}, holidays: [2026-07-03]`,
		`time_zone: Asia/Beirut, hours: {mon-sat: ["23:30-00:30"], sun: ["00:40-01:10", "23:00-24:00"]}`,
	} {
		h := hours(t, yaml)
		var since time.Time
		open := true
		for at := time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(5 * time.Minute) {
			was := open
			if open = h.OpenAt(at); was && !open {
				since = at
			}
			if want := since; !open && !h.ClosedSince(at).Equal(want) && at.YearDay() > 12 {
				t.Fatalf("%v: closed since %v, want %v", at.In(h.Hours.Zone), h.ClosedSince(at).In(h.Hours.Zone), want.In(h.Hours.Zone))
			}
		}
	}
}
