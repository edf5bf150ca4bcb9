package hotline

import (
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"
)

// maxSaid is how many characters a sentence may have. It takes a minute and a half.
const maxSaid = 1000

// callers are the fields with what callers hear.
func (s *Says) callers() map[string]*[]Said {
	return map[string]*[]Said{"greeting": &s.Greeting, "after_hours": &s.AfterHours, "thanks": &s.Thanks}
}

// volunteers are the fields with what volunteers and agents hear.
func (s *Says) volunteers() map[string]*Said {
	return map[string]*Said{"ask": &s.Ask, "again": &s.Again, "taken": &s.Taken, "confirm": &s.Confirm, "unreached": &s.Unreached}
}

// says reads sentences of one language. They are spoken in the language and the voice of as.
func (f *file) says(n *yaml.Node, callers map[string]*[]Said, volunteers map[string]*Said, as Said) {
	f.fields(n, func(field string, value *yaml.Node) bool {
		if said, known := callers[field]; known {
			*said = []Said{f.said(value, as)}
			return true
		}
		said, known := volunteers[field]
		if known {
			*said = f.sentence(value, as)
		}
		return known
	})
}

// said reads a text, or the address of a recording of it.
func (f *file) said(n *yaml.Node, as Said) (s Said) {
	if n.Kind != yaml.MappingNode {
		return f.sentence(n, as)
	}
	seen := f.fields(n, func(field string, value *yaml.Node) bool {
		if field == "audio" {
			s.Audio = scalar(f, value, parseAudio)
		}
		return field == "audio"
	})
	f.need(n, seen, "audio")
	return s
}

func (f *file) sentence(n *yaml.Node, as Said) Said {
	as.Text = f.filled(n, maxSaid)
	return as
}

func parseAudio(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not the address of an audio file such as https://example.org/hello.mp3", s)
	}
	return s, nil
}

// spokenLanguage is what Twilio's Say calls a language: with the region in which most speak it, unless it has another one.
// Arabic and Chinese have codes of their own: https://www.twilio.com/docs/voice/twiml/say/text-speech.
func spokenLanguage(code string) string {
	if strings.Contains(code, "-") {
		return code
	}
	switch code {
	case "ar":
		return "arb"
	case "zh":
		return "cmn-CN"
	case "no":
		return "nb-NO"
	}
	region, _ := language.Make(code).Region()
	return code + "-" + region.String()
}

func english(code string) bool { return code == "en" || strings.HasPrefix(code, "en-") }
