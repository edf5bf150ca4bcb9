package hotline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"

	"github.com/bling-hotline/bling/internal/phone"
)

// CallBack says whom agents of a hotline may call back, and how often.
type CallBack struct {
	Off bool // nobody
	// Countries are the ones whose numbers are called, agents' and supporters', as ISO 3166 codes. Default: the hotline's own;
	// for one in the US or Canada, both.
	Countries []string
	PerAgent  int           // the most calls of an agent in an hour
	PerHour   int           // the most calls of the hotline in an hour
	RingAgent time.Duration // how long the agent's phone rings
	Ring      time.Duration // how long the supporter's phone rings
	Longest   time.Duration // the longest call
}

// longestCall leaves room in the four hours that Twilio gives a call: https://www.twilio.com/docs/voice/twiml/dial#timelimit.
const longestCall = 4*time.Hour - 5*time.Minute

func defaultCallBack() CallBack {
	return CallBack{PerAgent: 20, PerHour: 100, RingAgent: 25 * time.Second, Ring: 30 * time.Second, Longest: 2 * time.Hour}
}

// MayCall says why a number is not called by a hotline's agents, in words for people; empty if it may be.
func (all Hotlines) MayCall(h Hotline, id phone.Identity) (why string) {
	if _, ours := all.ByNumber(id.Number); ours {
		return "This is a hotline's own number."
	}
	return h.mayCall(id)
}

func (h Hotline) mayCall(id phone.Identity) (why string) {
	countries := h.CallBack.Countries
	switch {
	case h.CallBack.Off:
		return "This hotline does not call back."
	case id.Kind != phone.Full:
		return "This is no number that can be called."
	case len(countries) == 0:
		return "The hotline's number belongs to no country, and it is not configured which countries are called."
	case !slices.Contains(countries, id.Country()):
		return "Numbers of this country are not called. Calls go to: " + strings.Join(countries, ", ") + "."
	case !id.Ordinary():
		return "Numbers of this kind are not called: they can cost a lot, or belong to nobody."
	}
	return ""
}

// ownCountries are those that a hotline calls unless the file says otherwise; none for a short code.
func ownCountries(n phone.Number) []string {
	switch country := phone.Parse(string(n)).Country(); country {
	case "", "001":
		return nil
	case "US", "CA":
		return []string{"US", "CA"}
	default:
		return []string{country}
	}
}

func (f *file) callBack(n *yaml.Node, c *CallBack) {
	taken := map[string]bool{}
	f.fields(n, func(field string, value *yaml.Node) bool {
		switch field {
		case "off":
			c.Off = scalar(f, value, parseBool)
		case "countries":
			f.list(value, func(item *yaml.Node) {
				country := scalar(f, item, parseCountry)
				once(f, item, taken, country)
				c.Countries = append(c.Countries, country)
			})
		case "per_agent":
			c.PerAgent = scalar(f, value, parseMost)
		case "per_hour":
			c.PerHour = scalar(f, value, parseMost)
		case "ring_agent":
			c.RingAgent = scalar(f, value, between(minRingFor, time.Minute))
		case "ring":
			c.Ring = scalar(f, value, between(minRingFor, time.Minute))
		case "longest":
			c.Longest = scalar(f, value, between(time.Minute, longestCall))
		default:
			return false
		}
		return true
	})
}

func parseCountry(s string) (string, error) {
	region, err := language.ParseRegion(s)
	if err != nil || !region.IsCountry() || region.String() != s {
		return "", fmt.Errorf("%q is not the code of a country such as US", s)
	}
	return s, nil
}

func parseMost(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 10_000 {
		return 0, fmt.Errorf("%q is not a number from 1 to 10000", s)
	}
	return n, nil
}
