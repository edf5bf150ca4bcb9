package twiliosim

import (
	"net/url"
	"strings"
)

// place is where a number seems to be from. Twilio tells what it knows and leaves the rest empty.
type place struct{ prefix, country, state, city, zip string }

// places are a few examples, the more exact ones first.
var places = []place{
	{"+1415", "US", "CA", "SAN FRANCISCO", "94103"},
	{"+1501", "US", "AR", "LITTLE ROCK", "72201"},
	{"+1617", "US", "MA", "BOSTON", "02108"},
	{"+1857", "US", "MA", "BOSTON", ""},
	{"+1413", "US", "MA", "", ""},
	{"+1", "US", "", "", ""},
	{"+44", "GB", "", "", ""},
	{"+49", "DE", "", "", ""},
	{"+52", "MX", "", "", ""},
}

func placeOf(number string) place {
	for _, p := range places {
		if strings.HasPrefix(number, p.prefix) {
			return p
		}
	}
	return place{}
}

// placeParams adds From* or To* parameters, empty ones included.
func placeParams(form url.Values, who, number string) {
	at := placeOf(number)
	form.Set(who+"Country", at.country)
	form.Set(who+"State", at.state)
	form.Set(who+"City", at.city)
	form.Set(who+"Zip", at.zip)
}
