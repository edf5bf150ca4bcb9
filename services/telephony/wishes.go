package telephony

import (
	"strings"
	"unicode"

	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// The words by which supporters say that they want no more texts or calls, or want them again, as the carriers have them:
// https://help.twilio.com/articles/223134027. YES counts only from somebody who has opted out, as does every word of the
// second kind: from others it changes nothing.
var wishes = map[string]string{
	"STOP": sqlstore.OptOut, "STOPALL": sqlstore.OptOut, "UNSUBSCRIBE": sqlstore.OptOut, "CANCEL": sqlstore.OptOut,
	"END": sqlstore.OptOut, "QUIT": sqlstore.OptOut, "REVOKE": sqlstore.OptOut, "OPTOUT": sqlstore.OptOut,
	"START": sqlstore.OptIn, "UNSTOP": sqlstore.OptIn, "YES": sqlstore.OptIn,
	// About calls there is no custom of carriers; these are ours.
	"NOCALLS": sqlstore.NoCalls, "STOPCALLS": sqlstore.NoCalls, "STOPCALLING": sqlstore.NoCalls, "DONOTCALL": sqlstore.NoCalls, "DONTCALL": sqlstore.NoCalls,
	"DON'TCALL": sqlstore.NoCalls, "DON’TCALL": sqlstore.NoCalls,
	"CALLSOK": sqlstore.CallsAgain, "STARTCALLS": sqlstore.CallsAgain,
}

// wish is what a text says of texts to its sender, if it says nothing else. optOutType is what Twilio recognised, if it
// is set up to (Advanced Opt-Out).
func wish(body, optOutType string) string {
	if w, ok := wishes[strings.ToUpper(optOutType)]; ok {
		return w
	}
	word := strings.TrimFunc(body, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(word) > 20 {
		return ""
	}
	word = strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, word)
	return wishes[word]
}
