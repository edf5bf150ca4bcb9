package document

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// The kinds of values that are one word in the file. schema.go has their patterns.
type (
	LanguageCode string // such as en or pt-BR
	TimeZone     string // such as America/New_York
	Date         string // such as 2026-12-25
	Hours        string // of a day, such as 09:00-12:30; to 24:00 at most, or until an earlier time of the next day
	Duration     string // such as 24h or 1m30s
	Country      string // such as US
	Campaign     string // such as 189358
	Label        string // any text but a message, such as a name
	Word         string // of a text, such as hola
	Sentence     string // that is spoken
)

// Said is a sentence, or the address of a recording of it.
type Said struct {
	Text  Sentence // what is spoken
	Audio string   // address of an audio file; empty: Text is spoken
}

// MarshalYAML writes a sentence as it is.
func (s Said) MarshalYAML() (any, error) {
	if s.Audio != "" {
		return map[string]string{"audio": s.Audio}, nil
	}
	return s.Text, nil
}

// A mapping whose order matters to people or to us.
type (
	// Week is the hours of days. A key is a day (mon tue wed thu fri sat sun) or several, such as mon-fri.
	Week []Entry[[]Hours]
	// Languages are further languages by their codes.
	Languages []Entry[Language]
	// Entry is a key of such a mapping with its value.
	Entry[V any] struct {
		Key   string
		Value V
	}
)

// MarshalYAML keeps the order.
func (w Week) MarshalYAML() (any, error) { return mapping(w, yaml.FlowStyle) }

// MarshalYAML keeps the order.
func (l Languages) MarshalYAML() (any, error) { return mapping(l, 0) }

func mapping[V any](entries []Entry[V], style yaml.Style) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range entries {
		var key, value yaml.Node
		if err := key.Encode(e.Key); err != nil {
			return nil, err
		}
		if err := value.Encode(e.Value); err != nil {
			return nil, err
		}
		value.Style |= style
		n.Content = append(n.Content, &key, &value)
	}
	return n, nil
}

// inWords writes a duration as people do: 24h, not 24h0m0s.
func inWords(d time.Duration) Duration {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return Duration(s)
}
