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
	Pictures int  // how large the pictures of one message may be together, in bytes; 0: none may be sent
	Longest  int  // how many characters one message may have
	Status   bool // tells whether a text has arrived
	Webhooks bool // tells of texts that come in; otherwise they are looked for
}

// transports are all carriers.
var transports = map[Transport]Abilities{
	// Twilio takes 1600 characters (https://www.twilio.com/docs/api/errors/21617), and 5 MB with everything
	// (https://www.twilio.com/docs/messaging/guides/accepted-mime-types).
	Twilio: {Calls: true, Pictures: 4_800_000, Longest: 1600, Status: true, Webhooks: true},
	// Telnyx takes ten parts, which are of 67 characters in alphabets other than Latin, and 1 MB.
	Telnyx: {Pictures: 950_000, Longest: 670, Status: true, Webhooks: true},
	// Mobile Commons does not say what becomes of more than one part.
	MobileCommons: {Longest: 160},
}

// Can is what the carrier can do.
func (t Transport) Can() Abilities { return transports[t] }

// campaigns begins what stands for a number where there is none: Mobile Commons has campaigns, each with an id. It is no number of
// anybody's.
const campaigns = string(MobileCommons) + ":"

// OfCampaign is the number of a hotline that is a campaign.
func OfCampaign(id string) phone.Number { return phone.Number(campaigns + id) }

// Campaign is the id of the Mobile Commons campaign that a hotline's number stands for; empty if it is a number.
func Campaign(n phone.Number) string {
	id, is := strings.CutPrefix(string(n), campaigns)
	if !is {
		return ""
	}
	return id
}

// Display is how people see a hotline's number: 501-712-2661, campaign 189358 (Mobile Commons).
func Display(n phone.Number) string {
	if id := Campaign(n); id != "" {
		return "campaign " + id + " (Mobile Commons)"
	}
	return phone.Parse(string(n)).Display()
}
