package mobilecommons

import "fmt"

// OptedOut is always false: error 11 is as much about people who have never joined a campaign. Who has opted out, OptOuts tells.
func (c *Client) OptedOut(int) bool { return false }

// Explain says why a message failed, and what to do now.
func (c *Client) Explain(code int) string {
	if reason, known := reasons[code]; known {
		return reason
	}
	return fmt.Sprintf("the error of %s is %d. What to do: write it once more, or call.", name, code)
}

// reasons are the errors of send_message in an agent's words: controlshift/upland_mobile_commons_rest, lib/upland_mobile_commons_rest/errors.rb.
var reasons = map[int]string{
	invalidCampaign:    "the hotline's campaign is not known. What to do: tell whoever runs this hotline.",
	invalidBody:        "the carrier does not take these words; they may be too many. What to do: put it in other words.",
	invalidPhoneNumber: "the carrier does not know this phone number. What to do: ask for the right one.",
	notOptedIn:         "the supporter gets no texts of this campaign: they have opted out, or have never joined. What to do: call, if that is all right with them.",
	notTextable:        "this number cannot get texts; it may be a landline. What to do: call.",
}
