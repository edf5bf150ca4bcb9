package twilio

import (
	"fmt"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// optedOut is https://www.twilio.com/docs/api/errors/21610.
const optedOut = 21610

// OptedOut reports whether an error code says that the supporter has opted out.
func (c *Client) OptedOut(code int) bool { return code == optedOut }

// Explain says why a message failed, and what to do now.
func (c *Client) Explain(code int) string {
	if reason, known := reasons[code]; known {
		return reason
	}
	return fmt.Sprintf("the carrier's error is %d (https://www.twilio.com/docs/api/errors/%d). What to do: write it once more, or call.", code, code)
}

// reasons are Twilio's errors in an agent's words: https://www.twilio.com/docs/api/errors.
var reasons = map[int]string{
	11200: "the carrier could not fetch the attached file. What to do: send a link instead.",
	11751: "the attached files are larger than the carrier takes. What to do: send fewer, or a link instead.",
	12300: "the carrier does not take this kind of file. What to do: send a link instead.",
	21211: "this is not a valid phone number. What to do: ask for the right one.",
	21408: "the account may not send texts to this country. What to do: tell whoever runs this hotline.",
	21606: notOurs, 21212: notOurs, 21603: notOurs,
	21608:    "the account is a trial one, which may only text confirmed numbers. What to do: tell whoever runs this hotline.",
	optedOut: carrier.OptedOut,
	21612:    "there is no way for texts to this number. What to do: call.",
	21614:    "this number cannot get texts; it may be a landline. What to do: call.",
	21635:    "this number is a landline. What to do: call.",
	30001:    "too many texts were waiting at the carrier. What to do: write it once more.",
	30002:    "the carrier has suspended the account. What to do: tell whoever runs this hotline.",
	30003:    "the phone is switched off or out of reach. What to do: write it once more later, or call.",
	30004:    "the supporter's phone or carrier blocks texts from this number. What to do: call.",
	30005:    "this number is unknown or not in use any more. What to do: ask for the right one.",
	30006:    "this number is a landline, or its carrier takes no texts. What to do: call.",
	30007:    "the carrier took it for spam and filtered it. What to do: put it in other words, without links, or call.",
	30008:    "the carrier does not say why. What to do: write it once more, or call.",
	30034:    "this hotline's number is not registered for texts to the US. What to do: tell whoever runs this hotline.",
}

const notOurs = "the hotline's number cannot send texts. What to do: tell whoever runs this hotline."
