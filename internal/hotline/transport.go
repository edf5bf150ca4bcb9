package hotline

import (
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
)

// Transport is the carrier of a hotline.
type Transport string

const (
	Twilio        Transport = "twilio"
	MobileCommons Transport = "mobilecommons"
	Telnyx        Transport = "telnyx"
)

// Abilities are what a hotline may expect of its carrier.
type Abilities struct {
	Calls    bool // carries calls, in and out
	Pictures bool // carries pictures, out
	Status   bool // tells whether a text has arrived
	Webhooks bool // tells of texts that come in; otherwise they are looked for
}

// transports are all carriers.
var transports = map[Transport]Abilities{
	Twilio:        {Calls: true, Pictures: true, Status: true, Webhooks: true},
	MobileCommons: {},
	Telnyx:        {Pictures: true, Status: true, Webhooks: true},
}

// Can is what the carrier can do.
func (t Transport) Can() Abilities { return transports[t] }

// campaigns begins what stands for a number where there is none: Mobile Commons has campaigns, each with an id. It is no number of
// anybody's.
const campaigns = string(MobileCommons) + ":"

// campaign is the number of a hotline that is a campaign.
func campaign(id string) phone.Number { return phone.Number(campaigns + id) }

// Campaign is the id of the Mobile Commons campaign that a hotline's number stands for; empty if it is a number.
func Campaign(n phone.Number) string {
	id, is := strings.CutPrefix(string(n), campaigns)
	if !is {
		return ""
	}
	return id
}
