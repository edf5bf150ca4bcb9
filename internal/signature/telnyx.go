package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"strconv"
	"time"
)

// telnyxTolerance is how old a webhook of Telnyx may be, or how far ahead of our clock: what Telnyx's own libraries allow. Each attempt to
// deliver it is signed anew, with the time of the attempt.
// See https://github.com/team-telnyx/telnyx-go/blob/main/lib/webhook_verification.go.
const telnyxTolerance = 5 * time.Minute

// Telnyx returns the value of telnyx-signature-ed25519 for a webhook with the given raw body. timestamp is the value of telnyx-timestamp,
// in seconds since 1970.
// See https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks#webhook-signature-verification.
func Telnyx(key ed25519.PrivateKey, timestamp string, body []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, telnyxSigned(timestamp, body)))
}

func telnyxSigned(timestamp string, body []byte) []byte {
	return append([]byte(timestamp+"|"), body...)
}

// VerifyTelnyx reports whether sig is Telnyx's signature of the raw body and the timestamp by any of the public keys, which are in base64
// as Telnyx's portal shows them, and whether the timestamp is at most 5 minutes from now. Within them a webhook can be sent once more by
// whoever has seen it: what is told twice must not be done twice.
func VerifyTelnyx(publicKeys []string, timestamp, sig string, body []byte, now time.Time) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-telnyxTolerance)) || at.After(now.Add(telnyxTolerance)) {
		return false
	}
	got, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return false
	}
	for _, publicKey := range publicKeys {
		key, err := base64.StdEncoding.DecodeString(publicKey)
		if err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, telnyxSigned(timestamp, body), got) {
			return true
		}
	}
	return false
}
