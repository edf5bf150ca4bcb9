package document

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// same checks that the file of hotlines means them, nothing else, and is one for editors too.
func same(t testing.TB, s *jsonschema.Schema, all hotline.Hotlines) {
	t.Helper()
	file, err := Of(all).YAML()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, s, file); err != nil {
		t.Errorf("%v\n%s", err, file)
	}
	again := hotline.Load(file, func(line int, problem string) { t.Errorf("%d: %s\n%s", line, problem, file) })
	if !reflect.DeepEqual(again, all) {
		t.Errorf("%+v\nbecomes\n%+v\n%s", all, again, file)
	}
	if twice, err := Of(again).YAML(); err != nil || !bytes.Equal(twice, file) {
		t.Errorf("%s\nbecomes\n%s\n%v", file, twice, err)
	}
}

func TestOf(t *testing.T) {
	s := validator(t)
	for _, environ := range [][]string{
		{"BLING_CONFIG=" + example},
		{"BLING_MAILBOXES=twilio:+15556667777:1"},
		{"BLING_MAILBOXES=twilio:+442071838750:1,twilio:12345:2", "BLING_WELCOME_TEXT= Hi: \"we\" 👋🏽\n# are\there "},
		{"BLING_MAILBOXES=twilio:+15556667777:1", "BLING_WELCOME_TEXT="},
		{"BLING_MAILBOXES=telnyx:+15556667777:1,mobilecommons:189358:2,mobilecommons:7:3"},
	} {
		r := env.New(environ)
		all := hotline.FromEnv(r)
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		same(t, s, all)
	}
	for _, file := range stories(t) {
		same(t, s, hotline.Load(file, func(_ int, problem string) { t.Error(problem) }))
	}
}

// Whatever fields a file has, what it means is written as it is.
func TestOfAny(t *testing.T) {
	s := validator(t)
	good := 0
	for seed := range uint64(300) {
		file, err := maker{Rand: rand.New(rand.NewPCG(seed, 0))}.document().YAML()
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		all := hotline.Load(file, func(_ int, problem string) { found = append(found, problem) })
		if len(found) > 0 { // what does not go together
			continue
		}
		good++
		if err := validate(t, s, file); err != nil {
			t.Errorf("%v\n%s", err, file)
		}
		if same(t, s, all); t.Failed() {
			t.Fatalf("it was\n%s", file)
		}
	}
	if good < 100 {
		t.Errorf("only %d files could be used", good)
	}
}

// maker makes documents.
type maker struct {
	*rand.Rand
	made *int // how many things that must differ
}

func (m maker) document() (d Document) {
	m.made = new(int)
	m.fill(reflect.ValueOf(&d).Elem(), "")
	return d
}

// examples are what a field of a type may be.
var examples = map[reflect.Type][]string{
	reflect.TypeFor[LanguageCode](): {"en", "en-GB", "fr", "pt-BR", "no", "zh"},
	reflect.TypeFor[TimeZone]():     {"UTC", "America/New_York", "Asia/Kolkata"},
	reflect.TypeFor[Duration]():     {"1m", "60s"},
	reflect.TypeFor[Campaign]():     {"189358", "007", "123456789012345678"},
	reflect.TypeFor[Sentence]():     {"Hello: press 1.", "- x", "no", "{ending} 🙂", "été\nsecond", "\ue000 💛 \\U0001F49B"},
	reflect.TypeFor[string]():       {"", "Hello.", "a: b # c", "false", "\" '", "two\n  lines ", "👋🏽", "مرحبا", "\u0085\u2028\x1b", "2026-12-25", "\\U0001F44B"},
}

// fill makes up a value. rules are those of its field's tag.
func (m maker) fill(v reflect.Value, rules string) {
	*m.made++
	n := *m.made
	rule := func(name string) (values []string) {
		for part := range strings.SplitSeq(rules, ",") {
			if k, value, _ := strings.Cut(part, "="); k == name {
				values = append(values, value)
			}
		}
		return values
	}
	number := func() int {
		least, most := 0, 100
		if set := rule("minimum"); set != nil {
			least, _ = strconv.Atoi(set[0])
		}
		if set := rule("maximum"); set != nil {
			most, _ = strconv.Atoi(set[0])
		}
		return least + m.IntN(most-least+1)
	}
	switch t := v.Type(); t {
	case reflect.TypeFor[phone.Number]():
		v.SetString(fmt.Sprintf("+1617555%04d", n))
		return
	case reflect.TypeFor[int64]():
		v.SetInt(int64(n))
		return
	case reflect.TypeFor[Label](), reflect.TypeFor[Word]():
		v.SetString(fmt.Sprint([]string{"x", "é", ""}[m.IntN(3)], n))
		return
	case reflect.TypeFor[Date]():
		v.SetString(fmt.Sprintf("2026-%02d-%02d", n/28%12+1, n%28+1))
		return
	case reflect.TypeFor[Country]():
		v.SetString([]string{"US", "MX", "NO", "GB"}[n%4])
		return
	case reflect.TypeFor[Said]():
		said := Said{Text: "Hello."}
		if m.IntN(3) == 0 {
			said = Said{Audio: "https://example.org/a.mp3?b=c#d"}
		}
		v.Set(reflect.ValueOf(said))
		return
	case reflect.TypeFor[Week]():
		all := []Week{
			{{"mon-fri", []Hours{"09:00-12:30", "13:30-17:00"}}, {"sat", []Hours{}}}, {{"fri-mon", []Hours{"22:00-02:00"}}},
			{{"sun", []Hours{"00:00-24:00"}}}, {{"mon-sun", []Hours{"9:00-17:00"}}}, {{"tue", []Hours{"20:00-00:00"}}, {"mon", []Hours{"20:00-00:00"}}},
		}
		v.Set(reflect.ValueOf(all[m.IntN(len(all))]))
		return
	case reflect.TypeFor[Languages]():
		var l Languages
		for _, code := range []string{"es", "ar", "de", "nb-NO"}[m.IntN(3):] {
			var language Language
			for bad := true; bad; {
				language = Language{}
				m.fill(reflect.ValueOf(&language).Elem(), "")
				written, spoken := language.Words != nil, language.Says != nil
				bad = written != (language.Texts != nil) || !written && !spoken || language.Voice != "" && !spoken
			}
			l = append(l, Entry[Language]{code, language})
		}
		m.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		v.Set(reflect.ValueOf(l))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if optional := strings.Contains(field.Tag.Get("yaml"), "omitempty"); optional && m.IntN(2) == 0 && field.Name != "TimeZone" {
				continue
			}
			switch field.Name {
			case "RingFor":
				v.Field(i).SetString("15s")
			case "Ceiling":
				v.Field(i).SetString("10m")
			default:
				m.fill(v.Field(i), field.Tag.Get("jsonschema"))
			}
		}
		if h, is := v.Addr().Interface().(*Hotline); is {
			m.carried(h)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.fill(v.Elem(), rules)
		for v.Elem().Kind() == reflect.Struct && v.Elem().IsZero() {
			m.fill(v.Elem(), rules)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+m.IntN(3), 3))
		for i := range v.Len() {
			m.fill(v.Index(i), rules)
		}
	case reflect.String:
		choices := rule("enum")
		if choices == nil {
			choices = examples[v.Type()]
		}
		v.SetString(choices[m.IntN(len(choices))])
	case reflect.Int:
		v.SetInt(int64(number()))
	case reflect.Float64:
		v.SetFloat(float64(number()) / 8)
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	default:
		panic(v.Type())
	}
}

// carried leaves out what the transport cannot do, most of the time.
func (m maker) carried(h *Hotline) {
	if m.IntN(8) == 0 {
		return
	}
	if h.Number == "" {
		m.fill(reflect.ValueOf(&h.Number).Elem(), "")
	}
	can := hotline.Transport(cmp.Or(h.Transport, "twilio")).Can()
	if !can.Calls {
		h.Calls, h.CallBack = nil, nil
	}
	if can.Pictures == 0 {
		h.MMS = nil
	}
	if h.Transport == string(hotline.MobileCommons) {
		h.Number, h.MoreNumbers, h.Campaign = "", nil, Campaign(fmt.Sprint(*m.made))
	} else {
		h.Campaign = ""
	}
}

// The same, for whatever the reader takes.
func FuzzOf(f *testing.F) {
	data, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("hotlines: [{number: 501, mailbox: 1, language: no, tags: [x], languages: {es: {words: [hola], texts: {stopped: ''}}}}]"))
	f.Add([]byte("hotlines: [{number: +15017122661, mailbox: 1, time_zone: UTC, holidays: [2026-12-25], hours: {fri-sun: [\"22:00-02:00\"]}}]"))
	f.Add([]byte("hotlines: [{number: +15017122661, mailbox: 1, calls: {phones: [{name: A, number: +16175550101}], says: {thanks: {audio: \"http://a\"}}}}]"))
	f.Add([]byte("hotlines: [{number: +15017122661, mailbox: 1, call_back: {off: true}, keep: {texts: 5}, segments_per_second: 0.5, mms: false}]"))
	for seed := range uint64(3) {
		file, err := maker{Rand: rand.New(rand.NewPCG(seed, 0))}.document().YAML()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	s := validator(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		good := true
		all := hotline.Load(data, func(int, string) { good = false })
		if !good {
			return
		}
		if err := validate(t, s, data); err != nil {
			t.Error(err)
		}
		same(t, s, all)
	})
}

// What is long or has a default is written as people write it.
func TestFile(t *testing.T) {
	all := hotline.Hotlines{hotline.New("+442071838750", 5)}
	all[0].Texts.Stopped, all[0].Texts.Started = "Bye 👋🏽, \ue000", "Hello: 👋🏽"
	all[0].Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+442071838751"}}
	got, err := Of(all).YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  - transport: twilio\n    number: \"+442071838750\"\n    mailbox: 5\n    language: en\n    texts:\n      welcome: Thank you for your message. We have received it and will answer you here as soon as we can.\n",
		"    auto_reply_every: 24h\n", "      stopped: \"Bye 👋🏽, \ue000\"\n      started: \"Hello: 👋🏽\"\n", "    mms: true\n", "      record_for: 1m59s\n", "      countries: [GB]\n", "      recordings: 30\n", "      texts: 0\n",
		"        - name: Anna\n          number: \"+442071838751\"\n          paused: false\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s\nlacks\n%s", got, want)
		}
	}
}
