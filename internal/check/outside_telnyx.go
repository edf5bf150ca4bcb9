package check

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/url"
)

// telnyx looks whether there is a door for Telnyx's webhooks, and whether what it checks signatures by can be keys. It cannot be tried: Telnyx
// alone has the other half of a key.
func (o Outside) telnyx(ctx context.Context, u *url.URL) []Finding {
	const name, path = "signature of Telnyx", "/bling/telnyx_sms"
	for n, key := range o.TelnyxKeys {
		if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != ed25519.PublicKeySize {
			return named(name, Fail("Set it to the public key that https://portal.telnyx.com shows, under Keys & Credentials.",
				"TELNYX_PUBLIC_KEY (number %d of %d) is no key, so nothing is accepted by it.", n+1, len(o.TelnyxKeys)))
		}
	}
	if len(o.TelnyxKeys) == 0 || o.Quiet {
		return nil
	}
	switch status, _, err := o.post(ctx, path, "{}", http.Header{"Content-Type": {"application/json"}}); {
	case err == nil && sentAway(status):
		return named(name, Fine("What is not signed is refused at %s%s. Whether what Telnyx signs is accepted shows when somebody texts.", o.URL, path))
	case err == nil && status == http.StatusNotFound:
		return named(name, Fail("Give the gateway the same hotlines and TELNYX_PUBLIC_KEY as here.", "There is no door for Telnyx at %s%s.", o.URL, path))
	default:
		return named(name, o.strange(u, status, err))
	}
}
