// Package phone says who is at the other end of a text or call.
//
// A carrier's "From" is usually a number in E.164, but it may also be a short code, a sender name, or one of the
// words and fake numbers that stand for a withheld number. An Identity keeps them apart, so that two people never
// share a ticket and a text never goes to a number that was only guessed.
package phone

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Number is a phone number in E.164, such as +16175550142. Logs show its last two digits only.
type Number string

// campaign stands for a hotline that has no number (hotline.OfCampaign).
var campaign = regexp.MustCompile(`^mobilecommons:[0-9]+$`)

// LogValue hides the number. A campaign is nobody's, and shown.
func (n Number) LogValue() slog.Value {
	if campaign.MatchString(string(n)) {
		return slog.StringValue(string(n))
	}
	if len(n) < 4 {
		return slog.StringValue("..")
	}
	return slog.StringValue(".." + string(n[len(n)-2:]))
}

// Kind says what an Identity is.
type Kind int

const (
	Unknown   Kind = iota // a sender name, an address of another channel, or garbage
	Full                  // a number that can be called and texted
	ShortCode             // 3 to 6 digits, meaningful in one country only
	Withheld              // the carrier does not tell
)

// Identity is who texted or called.
type Identity struct {
	Kind Kind
	// Number is the E.164 form of a Full identity, the digits of a ShortCode, otherwise what the carrier sent.
	Number Number

	country, national string // of a Full identity
}

// LogValue hides the number.
func (id Identity) LogValue() slog.Value { return id.Number.LogValue() }

// withheld holds what carriers send in place of a number; the digits spell the word on a keypad.
// See https://help.twilio.com/articles/223179988.
var withheld = map[string]bool{
	"anonymous": true, "+266696687": true, "266696687": true,
	"restricted": true, "+7378742833": true, "7378742833": true,
	"blocked": true, "+2562533": true, "2562533": true,
	"unknown": true, "+8656696": true, "8656696": true,
	"unavailable": true, "+86282452253": true, "86282452253": true,
	"private": true, "withheld": true,
}

var (
	shortCode = regexp.MustCompile(`^[0-9]{3,6}$`)
	dialable  = regexp.MustCompile(`^\+?[0-9()./\s-]+(?:\s*(?:x|ext\.?)\s*[0-9]+)?$`)
)

// Parse reads a number as a carrier or a person writes it. A number without country code is taken for American.
func Parse(raw string) Identity {
	raw = strings.TrimSpace(raw)
	if american(raw) {
		return Identity{Kind: Full, Number: Number(raw), country: "1", national: raw[2:]}
	}
	switch {
	case withheld[strings.ToLower(raw)]:
		return Identity{Kind: Withheld, Number: Number(raw)}
	case shortCode.MatchString(raw):
		return Identity{Kind: ShortCode, Number: Number(raw)}
	case !dialable.MatchString(raw):
		return Identity{Kind: Unknown, Number: Number(raw)}
	}
	n, err := phonenumbers.Parse(raw, "US")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return Identity{Kind: Unknown, Number: Number(raw)}
	}
	n.Extension = nil
	return Identity{
		Kind:     Full,
		Number:   Number(phonenumbers.Format(n, phonenumbers.E164)),
		country:  strconv.Itoa(int(n.GetCountryCode())),
		national: phonenumbers.GetNationalSignificantNumber(n),
	}
}

// american reports whether raw is +1 and ten digits. Most are, and the library takes its time over every number.
func american(raw string) bool {
	if len(raw) != 12 || raw[:2] != "+1" {
		return false
	}
	for _, c := range []byte(raw[2:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Display is how agents see it: 617-555-0142, +44 7911 123456, short code 12345, withheld number.
func (id Identity) Display() string {
	switch id.Kind {
	case Full:
		if id.country == "1" && len(id.national) == 10 {
			return id.national[:3] + "-" + id.national[3:6] + "-" + id.national[6:]
		}
		n, err := phonenumbers.Parse(string(id.Number), "")
		if err != nil {
			return string(id.Number)
		}
		return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
	case ShortCode:
		return "short code " + string(id.Number)
	case Withheld:
		return "withheld number"
	default:
		return "unknown sender"
	}
}

// Address is the local part of the contact address that stands for the identity in Help Scout. No two identities
// share one. event tells withheld numbers apart, which are never taken for the same person; it is ignored otherwise.
func (id Identity) Address(event string) string {
	switch id.Kind {
	case Full:
		if id.country == "1" && len(id.national) == 10 {
			return id.national // as the original wrote it, so that existing tickets go on
		}
		return "e164-" + strings.TrimPrefix(string(id.Number), "+")
	case ShortCode:
		return "short-" + string(id.Number)
	case Withheld:
		return "withheld-" + digest(event)
	default:
		return "unknown-" + digest(string(id.Number))
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// NorthAmerican reports whether the number is one of the US, Canada, or another country with code 1.
func (id Identity) NorthAmerican() bool { return id.Kind == Full && id.country == "1" }

// Country is the country of a full number, as its ISO 3166 code; "001" if it belongs to none, empty if it is not known.
func (id Identity) Country() string {
	n, err := phonenumbers.Parse(string(id.Number), "")
	if id.Kind != Full || err != nil {
		return ""
	}
	return phonenumbers.GetRegionCodeForNumber(n)
}

// Ordinary reports whether the number is somebody's phone: one that exists, and calls to which cost what calls cost.
func (id Identity) Ordinary() bool {
	n, err := phonenumbers.Parse(string(id.Number), "")
	if id.Kind != Full || err != nil || !phonenumbers.IsValidNumber(n) {
		return false
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return true
	}
	return false
}

// CanText reports whether an automatic text may go there: only to a full number that is not toll-free, since
// behind a toll-free number there is another machine.
func (id Identity) CanText() bool {
	if id.Kind != Full {
		return false
	}
	n, err := phonenumbers.Parse(string(id.Number), "")
	return err == nil && phonenumbers.GetNumberType(n) != phonenumbers.TOLL_FREE
}
