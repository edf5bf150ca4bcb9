package twiliosim

import "strconv"

// Some numbers decide what happens to a message. The first three tables are those of Twilio's test credentials, see
// https://www.twilio.com/docs/iam/test-credentials#test-sms-messages; the fourth is the simulator's own:
//
//	From +15005550001   refused: 21212 not a valid number
//	From +15005550006   accepted, though the account does not have it
//	From +15005550007   refused: 21606 not a number of the account
//	From +15005550008   refused: 21611 its queue is full
//
//	To   +15005550001   refused: 21211 not a valid number
//	To   +15005550002   refused: 21612 cannot be routed
//	To   +15005550003   refused: 21408 region not enabled
//	To   +15005550004   refused: 21610 has opted out
//	To   +15005550009   refused: 21614 cannot receive texts
//
//	To   +15005550030   accepted, then undelivered: 30003 handset unreachable
//	To   +15005550031   accepted, then undelivered: 30005 unknown destination
//	To   +15005550032   accepted, then undelivered: 30006 landline or unreachable carrier
//	To   +15005550033   accepted, then undelivered: 30007 filtered
//	To   +15005550034   accepted, then undelivered: 30034 sent from an unregistered number
//	To   +15005550035   accepted, then failed: 30001 queue overflow; never sent
//	To   +15005550036   accepted and sent; the phone gets it, but the carrier never reports the delivery
var (
	magicFrom = map[string]int{"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}

	magicTo = map[string]int{
		"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
	}

	magicLife = map[string][]step{
		"+15005550030": undelivered(30003),
		"+15005550031": undelivered(30005),
		"+15005550032": undelivered(30006),
		"+15005550033": undelivered(30007),
		"+15005550034": undelivered(30034),
		"+15005550035": failed(30001),
		"+15005550036": silentLife,
	}
)

// magicSender is accepted as if it were a number of the account.
const magicSender = "+15005550006"

// step is a state in the life of an outbound message.
type step struct {
	status  string
	code    int
	arrives bool // the phone has it from here on
}

func undelivered(code int) []step {
	return []step{{status: StatusSending}, {status: StatusSent}, {status: StatusUndelivered, code: code}}
}

func failed(code int) []step {
	return []step{{status: StatusSending}, {status: StatusFailed, code: code}}
}

var (
	usualLife  = []step{{status: StatusSending}, {status: StatusSent}, {status: StatusDelivered, arrives: true}}
	silentLife = []step{{status: StatusSending}, {status: StatusSent, arrives: true}}
)

// errorText says what an error code of a message means.
func errorText(code int) string {
	texts := map[int]string{
		11200: "HTTP retrieval failure",
		11751: "Media exceeds messaging provider size limit",
		12300: "Invalid Content-Type",
		21211: "is not a valid phone number",
		21212: "is not a valid sender",
		21408: "is in a region that the account may not text",
		21606: "is not a number of this account that can send texts",
		21610: "has opted out of texts from this sender",
		21611: "has too many texts in its queue",
		21612: "cannot be reached from this sender",
		21614: "is not a mobile number",
		30001: "Queue overflow",
		30002: "Account suspended",
		30003: "Unreachable destination handset",
		30004: "Message blocked",
		30005: "Unknown destination handset",
		30006: "Landline or unreachable carrier",
		30007: "Message filtered",
		30008: "Unknown error",
		30034: "Message from an unregistered number",
	}
	if texts[code] == "" {
		return "has the error " + strconv.Itoa(code)
	}
	return texts[code]
}
