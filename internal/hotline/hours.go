package hotline

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // small containers have no time zones
)

// Hours are when people answer, or when one of them is on shift, by the clocks of a time zone.
type Hours struct {
	Zone     *time.Location
	Week     [7][]Range      // by time.Weekday; they do not overlap
	Holidays map[string]bool // days, such as 2026-12-25, on which no range begins
}

// Range is a time of a day, in minutes after midnight: from From, until just before To. One that ends on the next day
// belongs to the day on which it begins; its To is beyond 24 hours.
type Range struct{ From, To int }

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
)

// OpenAt reports whether people answer at t.
func (h Hotline) OpenAt(t time.Time) bool { return h.Hours.OpenAt(t) }

// ClosedSince returns when the closed time around t began: when the last open time before it ended. It is zero when
// the hotline is open at t.
func (h Hotline) ClosedSince(t time.Time) time.Time { return h.Hours.closedSince(t) }

// OpenAt reports whether t is within the hours. Without hours, nil, it always is.
func (hours *Hours) OpenAt(t time.Time) bool { return hours.closedSince(t).IsZero() }

func (hours *Hours) closedSince(t time.Time) (since time.Time) {
	if hours == nil {
		return time.Time{}
	}
	y, m, d := t.In(hours.Zone).Date()
	// Ranges end in the order in which they begin, so the first day with an end has the last one. Every range may fall on
	// holidays or be skipped when clocks change, but not for so many weeks.
	for back := 0; back < 7*(len(hours.Holidays)+4); back++ {
		day := time.Date(y, m, d-back, 0, 0, 0, 0, time.UTC)
		if hours.Holidays[day.Format(time.DateOnly)] {
			continue
		}
		for _, r := range hours.Week[day.Weekday()] {
			from, to := hours.at(day, r.From, false), hours.at(day, r.To, true)
			if !t.Before(from) && t.Before(to) {
				return time.Time{}
			}
			if from.Before(to) && !to.After(t) && to.After(since) {
				since = to
			}
		}
		if !since.IsZero() {
			return since
		}
	}
	return time.Unix(0, 0) // hours without a range: it was never open
}

// at is when the clocks show a time of a day. If they show it twice, because they go back, it is the first or the last
// time; if they skip it, the moment they do.
func (hours *Hours) at(day time.Time, minutes int, last bool) time.Time {
	wall := day.Add(time.Duration(minutes) * time.Minute) // as UTC
	yesterday, tomorrow := wall.AddDate(0, 0, -1).In(hours.Zone), wall.AddDate(0, 0, 1).In(hours.Zone)
	_, before := yesterday.Zone()
	_, after := tomorrow.Zone()
	early, late := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	if before == after {
		return early
	}
	_, change := yesterday.ZoneBounds()
	switch {
	case early.Before(change) && (!last || late.Before(change)):
		return early
	case !late.Before(change):
		return late
	default:
		return change
	}
}

// parseRange reads a range such as 09:00-12:30, 22:00-02:00 or 00:00-24:00.
func parseRange(s string) (Range, error) {
	from, to, _ := strings.Cut(s, "-")
	begin, err1 := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", to)
	r := Range{begin.Hour()*60 + begin.Minute(), end.Hour()*60 + end.Minute()}
	if to == "24:00" {
		r.To, err2 = minutesPerDay, nil
	}
	switch {
	case err1 != nil || err2 != nil:
		return Range{}, fmt.Errorf("%q is not a time such as 09:00-12:30", s)
	case r.From == r.To:
		return Range{}, fmt.Errorf("%q is empty; a whole day is 00:00-24:00", s)
	case r.To < r.From:
		r.To += minutesPerDay
	}
	return r, nil
}

// overlapsAny reports whether a range that begins on a day shares a minute with one of the week.
func overlapsAny(week [7][]Range, day int, r Range) bool {
	for otherDay, others := range week {
		for _, other := range others {
			ahead := (otherDay-day)*minutesPerDay + other.From - r.From
			if (ahead+minutesPerWeek)%minutesPerWeek < r.To-r.From ||
				(minutesPerWeek-ahead)%minutesPerWeek < other.To-other.From {
				return true
			}
		}
	}
	return false
}
