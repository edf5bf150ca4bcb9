package hotline

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
)

const example = "../../docs/hotlines.example.yaml"

// A campaign can start from the example, and it shows every field: a new one without an example fails here.
func TestExample(t *testing.T) {
	r := env.New([]string{"BLING_CONFIG=" + example})
	all := FromEnv(r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	var variants []Variant
	var hours []Hours
	var phones []Phone
	for _, h := range all {
		variants = slices.AppendSeq(variants, maps.Values(h.Languages))
		phones = slices.Concat(phones, h.Calls.Phones, h.Calls.Fallback)
		if h.Hours != nil {
			hours = append(hours, *h.Hours)
		}
	}
	missing := map[string]bool{}
	maps.Copy(missing, neverSet("Hotline", New("", 0), all))
	maps.Copy(missing, neverSet("Variant", Variant{Texts: all[0].Texts}, variants))
	maps.Copy(missing, neverSet("Hours", Hours{}, hours))
	maps.Copy(missing, neverSet("Phone", Phone{}, phones))
	// What can be said of a Twilio hotline cannot all be said of others.
	delete(missing, "Hotline.Transport")
	// One list of texts shows the fields of all.
	maps.DeleteFunc(missing, func(field string, _ bool) bool { return strings.HasPrefix(field, "Variant.Texts.") })
	for field := range missing {
		t.Errorf("the example never sets %s", field)
	}
}

// neverSet returns the fields that have their default in each of the values.
func neverSet[T any](name string, def T, values []T) (missing map[string]bool) {
	for i, v := range values {
		unset := map[string]bool{}
		unlikeDefault(unset, name, reflect.ValueOf(v), reflect.ValueOf(def))
		maps.DeleteFunc(missing, func(field string, _ bool) bool { return !unset[field] })
		if i == 0 {
			missing = unset
		}
	}
	return missing
}

// nested are the types whose fields are looked at one by one.
var nested = []reflect.Type{reflect.TypeFor[Texts](), reflect.TypeFor[Calls](), reflect.TypeFor[Says](), reflect.TypeFor[CallBack](), reflect.TypeFor[Keep]()}

// unlikeDefault collects the fields that have their default.
func unlikeDefault(unset map[string]bool, name string, got, def reflect.Value) {
	if slices.Contains(nested, got.Type()) || !strings.Contains(name, ".") {
		for i := range got.NumField() {
			unlikeDefault(unset, name+"."+got.Type().Field(i).Name, got.Field(i), def.Field(i))
		}
	} else if reflect.DeepEqual(got.Interface(), def.Interface()) {
		unset[name] = true
	}
}

func TestLoad(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	full := Hotline{
		Name: "Help line", Transport: Twilio, Number: "+15017122661", MoreNumbers: []phone.Number{"+15017122662"}, MailboxID: 206906,
		Language: "pt-BR", Texts: Texts{"w", "a", "f", "stop", "start", "lost"},
		Languages: map[string]Variant{
			"es": {[]string{"hola", "español", "no"}, Texts{"es", "a", "f", "stop", "start", "lost"}},
			"ar": {[]string{"مرحبا"}, Texts{"", "ar", "f", "", "start", "lost"}},
		},
		Hours: &Hours{
			Zone:     newYork,
			Week:     [7][]Range{0: {{120, 1440}}, 1: {{540, 750}}, 5: {{1320, 1560}}, 6: {{1320, 1560}}},
			Holidays: map[string]bool{"2026-12-25": true},
		},
		AutoReplyEvery: 90 * time.Minute, SegmentsPerSecond: 0.5, MMS: false, Tags: []string{"hotline", "2026"},
		Calls: New("", 0).Calls, CallBack: New("+15017122661", 0).CallBack,
		Keep: Keep{Texts: 365 * 24 * time.Hour, Recordings: 30 * 24 * time.Hour},
	}
	got := mustLoad(t, `
hotlines:
  - name: Help line
    number: "+15017122661"
    more_numbers: [(501) 712-2662]
    mailbox: 206906
    language: pt-br
    time_zone: America/New_York
    hours:
      mon: ["09:00-12:30"]
      fri-sat: [22:00-02:00]
      sun: [02:00-24:00]
      tue: []
    holidays: [2026-12-25]
    languages: # before the texts that they fall back to
      es:
        words: [hola, ESPAÑOL, no]
        texts: {welcome: es}
      ar:
        words: [مرحبا]
        texts: {welcome: "", after_hours: ar, stopped: "  "}
    texts: {welcome: w, after_hours: a, failure: f, stopped: stop, started: start, voicemail_failure: lost}
    auto_reply_every: 90m
    segments_per_second: 0.5
    mms: false
    tags: [hotline, "2026"]
    keep: {texts: 365}
  - number: 12345
    mailbox: 5
    texts:
      welcome: |
        Hello.
        This is a second line.
`)
	small := New("12345", 5)
	small.Texts.Welcome = "Hello.\nThis is a second line."
	if want := (Hotlines{full, small}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

func mustLoad(t *testing.T, yaml string) Hotlines {
	t.Helper()
	return Load([]byte(yaml), func(line int, problem string) { t.Fatalf("%d: %s", line, problem) })
}

// What is common to two hotlines can be written once.
func TestAlias(t *testing.T) {
	all := mustLoad(t, `
hotlines:
- {number: +15017122661, mailbox: 1, time_zone: &zone America/New_York, hours: &hours {mon: ["09:00-17:00"]}, texts: &texts {welcome: w}}
- {number: +15017122662, mailbox: 2, time_zone: *zone, hours: *hours, texts: *texts}
`)
	if !reflect.DeepEqual(all[0].Hours, all[1].Hours) || all[1].Texts.Welcome != "w" {
		t.Errorf("%+v", all)
	}
}

// Everything is said at once, with its line.
func TestMistakes(t *testing.T) {
	const good = "hotlines:\n- number: +15017122661\n  mailbox: 1\n  "
	for yaml, want := range map[string][]string{
		"":                            {"1: no documents in stream"},
		"# nothing":                   {"1: no documents in stream"},
		"hotlines: [":                 {"2: did not find expected node content"},
		"hotlines:\n- a: b: c":        {"2: mapping values are not allowed in this context"},
		"hotlines: [{}]\n---\nx: 1":   {"1: expected single document, found multiple"},
		"- x":                         {"1: must have fields"},
		"5":                           {"1: must have fields"},
		"hotline: []":                 {"1: hotline: unknown field", "1: hotlines: is not set"},
		"hotlines:":                   {"1: hotlines: has no value"},
		"hotlines: []":                {"1: hotlines: is empty"},
		"hotlines: {number: 5}":       {"1: hotlines: must be a list"},
		"hotlines: [5, []]":           {"1: hotlines: must have fields", "1: hotlines: must have fields"},
		"hotlines:\n- name: x":        {"2: number: is not set", "2: mailbox: is not set"},
		"hotlines: &all\n- number: 5": {"2: mailbox: is not set", `2: number: "5" is not a phone number`},
		"hotlines: &all [*all]":       {"1: hotlines: must have fields"},
		good + "nmae: x\n  ? [name]\n  : x\n  <<: {tags: [x]}": {"4: nmae: unknown field", "5: unknown field", "7: <<: unknown field"},
		good + "mailbox: 2": {"4: mailbox: is there twice"},
		good + "name: [x]":  {"4: name: must be a text, in quotes"},
		good + "name: 2026": {"4: name: must be a text, in quotes"},
		good + "name: ' '":  {"4: name: is empty"},
		good + "texts: x":   {"4: texts: must have fields"},
		good + "texts: {}":  {"4: texts: must have fields"},
		good + "mms: yes":   {`4: mms: "yes" is not true or false`},
		good + "tags: x":    {"4: tags: must be a list"},
		good + "call_back: {countries: [usa, US, US, XX], per_agent: 0, ring: 2m, longest: 10s, of: true}": {
			`4: countries: "XX" is not the code of a country such as US`, `4: countries: "usa" is not the code of a country such as US`,
			"4: countries: US is there twice", "4: of: unknown field", `4: longest: "10s" is not a duration from 60s to 14100s`,
			`4: per_agent: "0" is not a number from 1 to 10000`, `4: ring: "2m" is not a duration from 5s to 60s`,
		},
		good + "tags: []":    {"4: tags: is empty"},
		good + "tags: [~]":   {"4: tags: has no value"},
		good + "tags: [a,a]": {"4: tags: a is there twice"},
		good + "language: english\n- number: +15017122662\n  mailbox: 2\n  language: und": {
			`4: language: "english" is not a language code such as en or pt-BR`,
			`7: language: "und" is not a language code such as en or pt-BR`,
		},
		"hotlines:\n- number: [x]\n  mailbox: 0\n- number: Anonymous\n  mailbox: x\n- number: 501\n  mailbox: 1.5": {
			"2: number: must be a single value", `3: mailbox: "0" is not a mailbox id`,
			`4: number: "Anonymous" is not a phone number`, `5: mailbox: "x" is not a mailbox id`, `7: mailbox: "1.5" is not a mailbox id`,
		},
		good + "name: x\n  more_numbers:\n  - 501-712-2661\n  - +15017122662\n- number: +15017122662\n  mailbox: 1\n  name: x": {
			"6: more_numbers: +15017122661 is there twice", "8: number: +15017122662 is there twice",
			"9: mailbox: 1 is there twice", "10: name: x is there twice",
		},
		good + "texts:\n    welcome: " + strings.Repeat("é", 1601) + "\n    failure: false\n    welcom: x\n    stopped: [x]\n    started:": {
			"5: welcome: has 1601 characters; a text has at most 1600", "6: failure: must be a text, in quotes", "7: welcom: unknown field",
			"8: stopped: must be a text, in quotes", "9: started: has no value",
		},
		good + "languages:\n    en: {words: [hi], texts: {welcome: x}}\n    xx: {words: [x], texts: {welcome: x}}\n    es: {words: []}\n    fr: {texts: {welcom: x}, word: [salut]}\n    ES:\n      words: [bon jour, '', Hola, hola, hi, '¡hola!']\n      texts: {welcome: x}": {
			"5: en: en is there twice", `6: xx: "xx" is not a language code such as en or pt-BR`, "7: words: is empty", "7: texts: is not set",
			"8: welcom: unknown field", "8: word: unknown field", "8: words: is not set",
			"9: ES: es is there twice", `10: words: "bon jour" is not one word`, `10: words: "" is not one word`,
			"10: words: hola is there twice", "10: words: hi is there twice", `10: words: "¡hola!" is not one word`,
		},
		good + "hours: {mon: ['09:00-17:00']}":                                                   {"2: time_zone: is not set"},
		good + "holidays: [2026-12-25]":                                                          {"2: time_zone: is not set"},
		good + "time_zone: Mars\n  holidays: [x, 2026-02-29]":                                    {`4: time_zone: "Mars" is not a time zone such as America/New_York`, `5: holidays: "x" is not a day such as 2026-12-25`, `5: holidays: "2026-02-29" is not a day such as 2026-12-25`},
		good + "time_zone: Local\n  holidays: [2026-12-25, 2026-12-25]":                          {`4: time_zone: "Local" is not a time zone such as America/New_York`, "5: holidays: 2026-12-25 is there twice"},
		good + "time_zone: ''\n  hours: {mon: [], sun: []}":                                      {`4: time_zone: "" is not a time zone such as America/New_York`, "5: hours: it would never be open"},
		good + "time_zone: UTC\n  hours: {}":                                                     {"5: hours: must have fields", "5: hours: it would never be open"},
		good + "time_zone: UTC\n  hours: ['09:00-17:00']":                                        {"5: hours: must have fields", "5: hours: it would never be open"},
		good + "time_zone: UTC\n  hours: {sat: '09:00-17:00', sun:}":                             {"5: sat: must be a list", "5: sun: has no value", "5: hours: it would never be open"},
		good + "time_zone: UTC\n  hours:\n    mo: ['09:00-17:00']":                               {"6: mo: is not a day such as mon, or days such as mon-fri"},
		good + "time_zone: UTC\n  hours:\n    mon-: ['09:00-17:00']":                             {"6: mon-: is not a day such as mon, or days such as mon-fri"},
		good + "time_zone: UTC\n  hours:\n    mon-tue: [x, '9-17', '']":                          {`6: mon-tue: "x" is not a time such as 09:00-12:30`, `6: mon-tue: "9-17" is not a time such as 09:00-12:30`, `6: mon-tue: "" is not a time such as 09:00-12:30`},
		good + "time_zone: UTC\n  hours:\n    mon-tue: ['22:00-02:00', x]":                       {`6: mon-tue: "x" is not a time such as 09:00-12:30`},
		good + "time_zone: UTC\n  hours:\n    mon: ['24:00-02:00']":                              {`6: mon: "24:00-02:00" is not a time such as 09:00-12:30`},
		good + "time_zone: UTC\n  hours:\n    mon: ['09:00-25:00']":                              {`6: mon: "09:00-25:00" is not a time such as 09:00-12:30`},
		good + "time_zone: UTC\n  hours:\n    mon: ['00:00-00:00']":                              {`6: mon: "00:00-00:00" is empty; a whole day is 00:00-24:00`},
		good + "time_zone: UTC\n  hours: {sat-mon: [09:00-17:00], mon: [17:00-18:00]}":           {"5: mon: mon is there twice"},
		good + "time_zone: UTC\n  hours: {mon: [09:00-12:00,\n   12:00-13:00,\n   11:59-12:00]}": {`7: mon: "11:59-12:00" overlaps other hours`},
		good + "time_zone: UTC\n  hours: {sun: [00:00-01:00],\n   sat: [23:00-00:01]}":           {`6: sat: "23:00-00:01" overlaps other hours`},
		good + "time_zone: UTC\n  hours: {mon-tue: [22:00-10:00,\n   09:59-10:30]}":              {`6: mon-tue: "09:59-10:30" overlaps other hours`},
		good + "time_zone: UTC\n  hours: {mon-sun: ['12:00-11:59', '11:59-12:00']}":              nil,
		good + "auto_reply_every: 24":                                                            {`4: auto_reply_every: "24" is not a duration such as 24h`},
		good + "auto_reply_every: 0s":                                                            {`4: auto_reply_every: "0s" is not a duration such as 24h`},
		good + "auto_reply_every: -1h":                                                           {`4: auto_reply_every: "-1h" is not a duration such as 24h`},
		good + "segments_per_second: -1":                                                         {`4: segments_per_second: "-1" is not a number of segments such as 1 or 0.5`},
		good + "segments_per_second: nan":                                                        {`4: segments_per_second: "nan" is not a number of segments such as 1 or 0.5`},
		good + "segments_per_second: inf":                                                        {`4: segments_per_second: "inf" is not a number of segments such as 1 or 0.5`},
		good + "segments_per_second: 1 000":                                                      {`4: segments_per_second: "1 000" is not a number of segments such as 1 or 0.5`},
	} {
		mistakes(t, yaml, want)
	}
}

func mistakes(t *testing.T, yaml string, want []string) {
	t.Helper()
	var got []string
	Load([]byte(yaml), func(line int, problem string) {
		// A range of several days says so of each; env.Reader takes that for one.
		if problem = fmt.Sprintf("%d: %s", line, problem); !slices.Contains(got, problem) || strings.HasSuffix(problem, "fields") {
			got = append(got, problem)
		}
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got  %q\n want %q", yaml, got, want)
	}
}

// Whatever is written there, it is a mistake that is told, or hotlines that can work.
func FuzzLoad(f *testing.F) {
	b, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("hotlines: &a [*a]"))
	f.Add([]byte("hotlines: [{number: 501, mailbox: 1, tags: [x], texts: {welcome: x}, languages: {es: {words: [hola], texts: {stopped: ''}}}}]"))
	f.Add([]byte("hotlines: [{number: +15017122661, mailbox: 1, time_zone: UTC, holidays: [2026-12-25], hours: {fri-sun: [\"22:00-02:00\"]}}]"))
	f.Add([]byte("hotlines: [{number: +15017122661, mailbox: 1, calls: {phones: [{name: A, number: +16175550101}], says: {thanks: {audio: \"http://a\"}}}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		problems := 0
		all := Load(data, func(line int, problem string) {
			problems++
			if line < 1 || problem == "" {
				t.Errorf("%d: %q", line, problem)
			}
		})
		if problems > 0 {
			return
		}
		if len(all) == 0 {
			t.Fatal("no hotline, and no problem")
		}
		for _, h := range all {
			if found, ok := all.ByMailbox(h.MailboxID); !ok || h.MailboxID <= 0 || !reflect.DeepEqual(found, h) {
				t.Errorf("the mailbox of %+v is %+v's", h, found)
			}
			for _, n := range h.Numbers() {
				if found, ok := all.ByNumber(n); !ok || !reflect.DeepEqual(found, h) {
					t.Errorf("%s of %+v is %+v's", n, h, found)
				}
			}
			if h.Number == "" || h.Language == "" || h.AutoReplyEvery <= 0 || h.SegmentsPerSecond < 0 {
				t.Errorf("%+v", h)
			}
			texts := []Texts{h.Texts}
			for _, v := range h.Languages {
				texts = append(texts, v.Texts)
				for _, word := range v.Words {
					if got := h.TextsFor("(" + strings.ToUpper(word) + ")"); got != v.Texts && strings.ToLower(strings.ToUpper(word)) == word {
						t.Errorf("%q does not choose %+v", word, v)
					}
				}
			}
			for _, x := range texts {
				for _, text := range []string{x.Welcome, x.AfterHours, x.Failure, x.Stopped, x.Started} {
					if utf8.RuneCountInString(text) > 1600 || text != strings.TrimSpace(text) {
						t.Errorf("%q", text)
					}
				}
			}
			possibleCalls(t, all, h)
			at := time.Date(2026, 12, 24, 23, 0, 0, 0, time.UTC)
			if since := h.ClosedSince(at); !since.IsZero() && (since.After(at) || h.OpenAt(since) || !h.OpenAt(since.Add(-time.Nanosecond))) {
				t.Errorf("closed since %v", since)
			}
		}
	})
}
