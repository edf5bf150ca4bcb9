package hotline

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"

	"github.com/bling-hotline/bling/internal/phone"
)

// file reads hotlines.yaml. It walks the nodes itself, so that each mistake is told in plain words, with its line.
type file struct {
	problem func(line int, problem string)
	field   string // what is being read

	// What only one hotline may have.
	names     map[string]bool
	numbers   map[phone.Number]bool
	mailboxes map[int64]bool

	rung []rung
}

// Load reads the full form, which docs/hotlines.example.yaml explains. It calls problem for each mistake, with its line; if it did, the
// hotlines are none to work with.
func Load(data []byte, problem func(line int, problem string)) (all Hotlines) {
	var document yaml.Node
	if err := yaml.Load(data, &document); err != nil {
		var e *yaml.LoadError
		if !errors.As(err, &e) {
			e = &yaml.LoadError{Message: err.Error()}
		}
		problem(max(1, e.Mark.Line), strings.TrimPrefix(e.Message, "yaml: "))
		return nil
	}
	f := &file{problem, "", map[string]bool{}, map[phone.Number]bool{}, map[int64]bool{}, nil}
	root := document.Content[0]
	seen := f.fields(root, func(field string, value *yaml.Node) bool {
		if field == "hotlines" {
			f.list(value, func(item *yaml.Node) { all = append(all, f.hotline(item)) })
		}
		return field == "hotlines"
	})
	f.need(root, seen, "hotlines")
	f.selfRung()
	return all
}

func (f *file) hotline(n *yaml.Node) Hotline {
	h := New("", 0)
	hours := Hours{Holidays: map[string]bool{}}
	var languages, calls *yaml.Node
	seen := f.fields(n, func(field string, value *yaml.Node) bool {
		switch field {
		case "name":
			h.Name = f.label(value, f.names)
		case "transport":
			h.Transport = scalar(f, value, parseTransport)
		case "number":
			h.Number = f.number(value, parseNumber)
		case "campaign":
			h.Number = f.number(value, parseCampaign)
		case "more_numbers":
			f.list(value, func(item *yaml.Node) { h.MoreNumbers = append(h.MoreNumbers, f.number(item, parseNumber)) })
		case "mailbox":
			h.MailboxID = scalar(f, value, parseMailbox)
			once(f, value, f.mailboxes, h.MailboxID)
		case "language":
			h.Language = scalar(f, value, parseLanguage)
		case "texts":
			f.texts(value, &h.Texts)
		case "languages":
			languages = value // read last, since it needs the main texts and sentences
		case "calls":
			calls = value // read late, since it needs the language and the time zone
		case "call_back":
			f.in("call_back", func() { f.callBack(value, &h.CallBack) })
		case "keep":
			f.in("keep", func() { f.keep(value, &h.Keep) })
		case "auto_reply_every":
			h.AutoReplyEvery = scalar(f, value, parseInterval)
		case "segments_per_second":
			h.SegmentsPerSecond = scalar(f, value, parseRate)
		case "mms":
			h.MMS = scalar(f, value, parseBool)
		case "tags":
			tags := map[string]bool{}
			f.list(value, func(item *yaml.Node) { h.Tags = append(h.Tags, f.label(item, tags)) })
		default:
			return f.hoursField(field, value, "hours", &hours)
		}
		return true
	})
	f.need(n, seen, "mailbox")
	f.carried(n, seen, &h)
	if h.CallBack.Countries == nil {
		h.CallBack.Countries = ownCountries(h.Number)
	}
	h.Hours = f.hours(n, seen, "hours", hours)
	if calls != nil {
		f.in("calls", func() { f.calls(calls, &h, hours.Zone) })
	} else if english(h.Language) {
		h.Calls.Says = defaultSays(h.Speaker())
	}
	if languages != nil {
		f.in("languages", func() { f.variants(languages, &h) })
	}
	return h
}

// carried looks whether the hotline's carrier can do what is said of the hotline.
func (f *file) carried(n *yaml.Node, seen map[string]bool, h *Hotline) {
	can, which := h.Transport.Can(), map[bool][]string{false: {"number", "campaign"}, true: {"campaign", "number", "more_numbers"}}
	fields := which[h.Transport == MobileCommons]
	f.need(n, seen, fields[0])
	cannot := fields[1:]
	if !can.Calls {
		cannot = append(cannot, "calls", "call_back")
		h.CallBack.Off = true
	}
	if can.Pictures == 0 {
		cannot = append(cannot, "mms")
		h.MMS = false
	}
	for _, field := range cannot {
		if seen[field] {
			f.problem(n.Line, fmt.Sprintf("%s: with the transport %s there is none", field, h.Transport))
		}
	}
}

func (f *file) number(n *yaml.Node, parse func(string) (phone.Number, error)) phone.Number {
	number := scalar(f, n, parse)
	once(f, n, f.numbers, number)
	return number
}

func (f *file) texts(n *yaml.Node, t *Texts) {
	texts := map[string]*string{
		"welcome": &t.Welcome, "after_hours": &t.AfterHours, "failure": &t.Failure, "voicemail_failure": &t.VoicemailFailure,
		"stopped": &t.Stopped, "started": &t.Started,
	}
	f.fields(n, func(field string, value *yaml.Node) bool {
		text, known := texts[field]
		if known {
			*text = f.text(value, maxText)
		}
		return known
	})
}

// variants reads further languages. One may be only written, or only spoken.
func (f *file) variants(n *yaml.Node, h *Hotline) {
	h.Languages = map[string]Variant{}
	used, taken := map[string]bool{h.Language: true}, map[string]bool{}
	says := []Says{h.Calls.Says}
	f.pairs(n, func(key, value *yaml.Node) {
		lang := scalar(f, key, parseLanguage)
		once(f, key, used, lang)
		v := Variant{Texts: h.Texts}
		var spoken *yaml.Node
		voice := ""
		seen := f.fields(value, func(field string, value *yaml.Node) bool {
			switch field {
			case "words":
				f.list(value, func(item *yaml.Node) {
					word := scalar(f, item, parseWord)
					once(f, item, taken, word)
					v.Words = append(v.Words, word)
				})
			case "texts":
				f.texts(value, &v.Texts)
			case "says":
				spoken = value // read last, since it needs the voice
			case "voice":
				voice = f.filled(value, maxText)
			default:
				return false
			}
			return true
		})
		switch {
		case seen["words"] || seen["texts"]:
			f.need(value, seen, "words", "texts")
			if seen["voice"] {
				f.need(value, seen, "says")
			}
			h.Languages[lang] = v
		case seen != nil && !seen["says"]:
			f.fail(value, "needs words and texts, or says")
		}
		if spoken != nil {
			var s Says
			f.in("says", func() { f.says(spoken, s.callers(), nil, Said{Language: spokenLanguage(lang), Voice: voice}) })
			says = append(says, s)
			h.Spoken = append(h.Spoken, Spoken{lang, voice, s})
		}
	})
	h.Calls.Says = together(says)
}

// fields reads a mapping. each returns false for a field that it does not know.
func (f *file) fields(n *yaml.Node, each func(field string, value *yaml.Node) bool) (seen map[string]bool) {
	return f.pairs(n, func(key, value *yaml.Node) {
		if !each(key.Value, value) {
			f.fail(key, "unknown field")
		}
	})
}

// need reports the fields that are not there. Of what is no mapping that was said already.
func (f *file) need(n *yaml.Node, seen map[string]bool, fields ...string) {
	for _, field := range fields {
		if seen != nil && !seen[field] {
			f.problem(n.Line, field+": is not set")
		}
	}
}

// pairs calls each with the keys and values of a mapping. It returns the keys that are there, nil if n is no mapping.
func (f *file) pairs(n *yaml.Node, each func(key, value *yaml.Node)) (seen map[string]bool) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		f.fail(n, "must have fields")
		return nil
	}
	seen = map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), follow(n.Content[i+1])
		f.in(key.Value, func() {
			switch {
			case seen[key.Value]:
				f.fail(key, "is there twice")
			case value.ShortTag() == "!!null":
				f.fail(key, "has no value")
			default:
				each(key, value)
			}
		})
		seen[key.Value] = true
	}
	return seen
}

// in reads a field; problems meanwhile are said to be in it.
func (f *file) in(field string, read func()) {
	outer := f.field
	f.field = field
	read()
	f.field = outer
}

// items returns the items of a list.
func (f *file) items(n *yaml.Node) (items []*yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		f.fail(n, "must be a list")
		return nil
	}
	for _, item := range n.Content {
		items = append(items, follow(item))
	}
	return items
}

// list calls each with the items of a list that must have some.
func (f *file) list(n *yaml.Node, each func(item *yaml.Node)) {
	items := f.items(n)
	if n.Kind == yaml.SequenceNode && len(items) == 0 {
		f.fail(n, "is empty")
	}
	for _, item := range items {
		if item.ShortTag() == "!!null" {
			f.fail(item, "has no value")
			continue
		}
		each(item)
	}
}

// follow returns what an alias (*name) stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// text reads a text of at most so many characters. YAML takes some words for something else, such as false, so it must be
// one for YAML too.
func (f *file) text(n *yaml.Node, most int) string {
	text := strings.TrimSpace(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		f.fail(n, "must be a text, in quotes")
	} else if length := utf8.RuneCountInString(text); length > most {
		f.fail(n, "has %d characters; a text has at most %d", length, most)
	}
	return text
}

// filled reads a text that may not be empty.
func (f *file) filled(n *yaml.Node, most int) string {
	text := f.text(n, most)
	if n.Kind == yaml.ScalarNode && text == "" {
		f.fail(n, "is empty")
	}
	return text
}

// label reads a text that is no message. It may be there once.
func (f *file) label(n *yaml.Node, used map[string]bool) string {
	text := f.filled(n, maxText)
	once(f, n, used, text)
	return text
}

// scalar reads a value that is one word for YAML, quoted or not.
func scalar[T any](f *file, n *yaml.Node, parse func(string) (T, error)) (v T) {
	if n.Kind != yaml.ScalarNode {
		f.fail(n, "must be a single value")
		return v
	}
	v, err := parse(n.Value)
	if err != nil {
		f.fail(n, "%v", err)
	}
	return v
}

// once notes that v was used, which may happen once. What could not be read is not compared.
func once[T comparable](f *file, n *yaml.Node, used map[T]bool, v T) {
	var unread T
	if v != unread && used[v] {
		f.fail(n, "%v is there twice", v)
	}
	used[v] = true
}

func (f *file) fail(n *yaml.Node, format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	if f.field != "" {
		problem = f.field + ": " + problem
	}
	f.problem(n.Line, problem)
}

func parseWord(s string) (string, error) {
	word := fold(s)
	if !slices.Equal(words(word), []string{word}) {
		return "", fmt.Errorf("%q is not one word", s)
	}
	return word, nil
}

func parseLanguage(s string) (string, error) {
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return "", fmt.Errorf("%q is not a language code such as en or pt-BR", s)
	}
	return tag.String(), nil
}

func parseInterval(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration such as 24h", s)
	}
	return d, nil
}

func parseRate(s string) (float64, error) {
	rate, err := strconv.ParseFloat(s, 64)
	if err != nil || !(rate >= 0 && rate <= math.MaxFloat64) {
		return 0, fmt.Errorf("%q is not a number of segments such as 1 or 0.5", s)
	}
	return rate, nil
}

func parseBool(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("%q is not true or false", s)
	}
	return s == "true", nil
}
