package hotline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// hoursField reads one of the fields that make hours. week is the name of the one that has the days.
func (f *file) hoursField(field string, value *yaml.Node, week string, hours *Hours) bool {
	switch field {
	case week:
		hours.Week = f.week(value)
	case "time_zone":
		hours.Zone = scalar(f, value, parseZone)
	case "holidays":
		f.list(value, func(item *yaml.Node) { once(f, item, hours.Holidays, scalar(f, item, parseDate)) })
	default:
		return false
	}
	return true
}

// hours returns what was read of hours, nil if there are none. Holidays alone are open but for those days.
func (f *file) hours(n *yaml.Node, seen map[string]bool, week string, hours Hours) *Hours {
	if !seen[week] && !seen["holidays"] {
		return nil
	}
	if hours.Zone == nil {
		f.need(n, seen, "time_zone")
	}
	if !seen[week] {
		for day := range hours.Week {
			hours.Week[day] = []Range{{0, minutesPerDay}}
		}
	}
	return &hours
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (f *file) week(n *yaml.Node) (week [7][]Range) {
	named, open := map[string]bool{}, false
	f.pairs(n, func(key, value *yaml.Node) {
		days := f.days(key)
		for _, day := range days {
			once(f, key, named, weekdays[day])
		}
		for _, item := range f.items(value) {
			open = true
			r := scalar(f, item, parseRange)
			for _, day := range days {
				if r.To > 0 && overlapsAny(week, day, r) {
					f.fail(item, "%q overlaps other hours", item.Value)
				}
				week[day] = append(week[day], r)
			}
		}
	})
	if !open {
		f.fail(n, "it would never be open")
	}
	return week
}

// days reads the name of a day, or of the first and the last one of several: sat, mon-fri, fri-sun.
func (f *file) days(n *yaml.Node) (days []int) {
	from, to, several := strings.Cut(n.Value, "-")
	first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
	if !several {
		last = first
	}
	if first < 0 || last < 0 {
		f.fail(n, "is not a day such as mon, or days such as mon-fri")
		return nil
	}
	for day := first; ; day = (day + 1) % 7 {
		if days = append(days, day); day == last {
			return days
		}
	}
}

// parseZone reads a time zone. "Local" would be another one on each computer.
func parseZone(s string) (*time.Location, error) {
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		return time.UTC, fmt.Errorf("%q is not a time zone such as America/New_York", s)
	}
	return zone, nil
}

func parseDate(s string) (string, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("%q is not a day such as 2026-12-25", s)
	}
	return s, nil
}
