package gateway_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/services/gateway"
)

// A public key by which nothing could ever be checked is found at start, and not when texts are refused.
func TestTelnyxKeys(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	key := encode(make([]byte, ed25519.PublicKeySize))
	for value, good := range map[string]bool{
		key: true, key + ", " + key: true, "": false, "KEY0123": false, key[1:]: false, key + "," + key[:20]: false,
		encode(make([]byte, ed25519.PublicKeySize-1)): false, encode(make([]byte, ed25519.PrivateKeySize)): false,
	} {
		r := env.New([]string{"TELNYX_PUBLIC_KEY=" + value, "TELNYX_API_KEY=key", "BLING_MAILBOXES=telnyx:+15017122661:1", "BLING_PUBLIC_URL=https://x.example.org", "HELPSCOUT_WEBHOOK_SECRET=s"})
		gateway.FromEnv(r)
		if err := r.Err(); (err == nil) != good || !good && (!strings.Contains(err.Error(), "TELNYX_PUBLIC_KEY: ") || value != "" && strings.Contains(err.Error(), value)) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
