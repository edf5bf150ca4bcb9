package hotline

import (
	"testing"
	"time"
)

func TestKeep(t *testing.T) {
	const day = 24 * time.Hour
	for keep, want := range map[string]Keep{
		"mms: true":                   {Recordings: 30 * day},
		"keep: {texts: 1}":            {Texts: day, Recordings: 30 * day},
		"keep: {recordings: 0}":       {},
		"keep: {records: '36500'}":    {Recordings: 30 * day, Records: 36500 * day},
		"keep: {texts: 0, files: 30}": {Files: 30 * day, Recordings: 30 * day},
		"keep: {texts: 365, files: 30, recordings: 7, records: 5}": {365 * day, 30 * day, 7 * day, 5 * day},
	} {
		if got := hours(t, keep).Keep; got != want {
			t.Errorf("%s: %+v, want %+v", keep, got, want)
		}
	}
	if got := New("", 0).Keep; got != (Keep{Recordings: 30 * day}) {
		t.Errorf("%+v", got)
	}
}

func TestKeepMistakes(t *testing.T) {
	const good = "hotlines:\n- number: +15017122661\n  mailbox: 1\n  "
	const days = "is not a number of days from 0 to 36500; 0 is for ever"
	for yaml, want := range map[string][]string{
		good + "keep: 30":          {"4: keep: must have fields"},
		good + "keep: {}":          {"4: keep: must have fields"},
		good + "keep: {calls: 30}": {"4: calls: unknown field"},
		good + "keep:\n    texts: 24h\n    files: -1\n    recordings: 36501\n    records: 1.5": {
			`5: texts: "24h" ` + days, `6: files: "-1" ` + days, `7: recordings: "36501" ` + days, `8: records: "1.5" ` + days,
		},
		good + "keep:\n    texts: [1]\n    records:": {"5: texts: must be a single value", "6: records: has no value"},
		good + "calls:\n    keep_recordings: 720h":   {"5: keep_recordings: unknown field"},
	} {
		mistakes(t, yaml, want)
	}
}
