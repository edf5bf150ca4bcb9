package telnyx

import (
	"fmt"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Error codes that are looked at here: https://developers.telnyx.com/docs/messaging/messages/error-codes.
const (
	optedOut     = 40300 // blocked due to STOP message; its status has been seen to be 400, 403 and 409
	queueFull    = 40318
	numberNotYet = 40320 // the sending number is about to be ours
)

// OptedOut reports whether an error code says that the supporter has opted out, and gets nothing until they write START.
func (c *Client) OptedOut(code int) bool { return code == optedOut }

// Explain says why a message failed, and what to do now.
func (c *Client) Explain(code int) string {
	if reason, known := reasons[code]; known {
		return reason
	}
	return fmt.Sprintf("the carrier's error is %d (https://developers.telnyx.com/docs/messaging/messages/error-codes). What to do: write it once more, or call.", code)
}

// reasons are Telnyx's errors in an agent's words: https://support.telnyx.com/en/articles/6505121-telnyx-messaging-error-codes.
var reasons = map[int]string{
	10002: notANumber, 10016: notANumber, 40310: notANumber,
	40001: "this number cannot get texts; it may be a landline. What to do: call.",
	40002: spam, 40003: spam, 40009: spam, 40015: spam, 40017: spam, 40322: spam,
	40004: noReason, 40008: noReason,
	40005: tooLate, 40014: tooLate,
	40006: "the supporter's carrier does not answer. What to do: write it once more later, or call.",
	40010: notRegistered, 40150: notRegistered, 40329: notRegistered,
	40011: tooMany, 40016: tooMany, 40018: tooMany,
	40012: "this number is unknown or not in use any more. What to do: ask for the right one.",
	40013: notOurs, 40100: notOurs, 40151: notOurs, 40305: notOurs, 40308: notOurs, 40312: notOurs, 40314: notOurs, 40315: notOurs,
	optedOut: carrier.OptedOut,
	40301:    noWay, 40319: noWay,
	40302: "the text is too long for the carrier. What to do: write it in two.",
	40309: "the account may not send texts to this country. What to do: tell whoever runs this hotline.",
	40317: "the attached files could not be fetched, or are larger than the carrier takes, which is 1 MB. What to do: send fewer, or a link instead.",
}

const (
	noReason      = "the supporter's carrier has refused it, and does not say why. What to do: write it once more later, or call."
	noWay         = "there is no way for such texts to this number. What to do: call."
	notANumber    = "this is not a valid phone number. What to do: ask for the right one."
	notOurs       = "the hotline's number cannot send texts. What to do: tell whoever runs this hotline."
	notRegistered = "this hotline's number is not registered for texts to the US. What to do: tell whoever runs this hotline."
	spam          = "it was taken for spam and filtered. What to do: put it in other words, without links, or call."
	tooLate       = "it was too long on its way, and was given up. What to do: write it once more."
	tooMany       = "the hotline sends more texts than the supporter's carrier takes. What to do: write it once more tomorrow, or call."
)
