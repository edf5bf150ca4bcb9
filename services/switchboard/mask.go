package switchboard

import (
	"regexp"
	"strings"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

const hidden = "•••"

// masked is what is shown of a supporter's number: "+1 617 ••• ••42". Empty stays empty.
func masked(raw string) string {
	id := phone.Parse(raw)
	end := len(id.Number)
	switch {
	case raw == "":
		return ""
	case id.Kind == phone.ShortCode:
		return "short code " + hidden + string(id.Number[end-1:])
	case id.Kind != phone.Full:
		return id.Display()
	case id.NorthAmerican():
		return "+1 " + string(id.Number[2:5]) + " " + hidden + " ••" + string(id.Number[end-2:])
	default:
		country, _, _ := strings.Cut(id.Display(), " ")
		return country + " " + hidden + " ••" + string(id.Number[end-2:])
	}
}

// whole is a supporter's number as operators see it who asked to.
func whole(raw string) string {
	if id := phone.Parse(raw); id.Kind != phone.Unknown && id.Kind != phone.Withheld {
		return id.Display()
	}
	return raw
}

// hotline is how a hotline's number is shown: with the name of the hotline, if it has one.
func (s *Service) hotline(number string) string {
	shown := hotline.Display(phone.Number(number))
	if number == "" {
		return ""
	}
	if h, ok := s.Hotlines.ByNumber(phone.Number(number)); ok && h.Name != "" {
		return h.Name + ", " + shown
	}
	return shown
}

// typedHotline does the same with what a form says, which may be anybody's number.
func (s *Service) typedHotline(number string) string {
	if _, ours := s.Hotlines.ByNumber(phone.Number(number)); ours {
		return s.hotline(number)
	}
	return masked(number)
}

// numbers finds what may be a number of somebody in a text: E.164, and American ones as they are written.
var numbers = regexp.MustCompile(`\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}|(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}\b`)

// bare is an American number as people type it in a hurry. An id may look the same.
var bare = regexp.MustCompile(`\b1?[2-9][0-9]{2}[2-9][0-9]{6}\b`)

// scrub masks numbers of people in a text that a service has written. There should be none.
func (s *Service) scrub(text string) string { return numbers.ReplaceAllStringFunc(text, s.maskOthers) }

// scrubTyped does the same with what people have written.
func (s *Service) scrubTyped(text string) string {
	return bare.ReplaceAllStringFunc(s.scrub(text), s.maskOthers)
}

// maskOthers masks a number, unless it is a hotline's.
func (s *Service) maskOthers(found string) string {
	id := phone.Parse(found)
	_, ours := s.Hotlines.ByNumber(id.Number)
	_, campaign := s.Hotlines.ByNumber(hotline.OfCampaign(found))
	if ours || campaign {
		return found
	}
	if id.Kind != phone.Full {
		return hidden
	}
	return masked(found)
}

// shown is an id as it may be shown. Whoever sends a text may name it as they like, also by the number that it goes to.
func (s *Service) shown(id, supporter string) string {
	digits := strings.TrimPrefix(supporter, "+")
	if phone.Parse(supporter).NorthAmerican() {
		digits = digits[1:]
	}
	if len(digits) >= 7 {
		id = strings.ReplaceAll(id, digits, hidden+digits[len(digits)-2:])
	}
	return s.scrub(id)
}
