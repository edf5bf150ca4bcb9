package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/netip"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
)

// Config is what the gateway needs to know.
type Config struct {
	// Addr is where it listens. Default: :8080.
	Addr string
	// PublicURL is what the vendors call. Signatures are checked against it, and never against what a request says
	// of itself.
	PublicURL string
	// Hotlines say what a supporter is told when a text is really lost.
	Hotlines hotline.Hotlines
	// TwilioTokens are the auth tokens that may have signed; two while one is rotated.
	TwilioTokens []string
	// FileSecrets may have signed the addresses of files. Default: the Twilio tokens.
	FileSecrets []string
	// TelnyxKeys are the public keys that may have signed, in base64. Without any there is no door for Telnyx.
	TelnyxKeys []string
	// HelpScoutSecrets are the webhook secrets that may have signed.
	HelpScoutSecrets []string
	// AppSecrets are the sidebar app's secrets that may have signed. Without any there is no way to the dialer.
	AppSecrets []string
	// DialerURL is where the dialer's pages are. Default: http://localhost:9113.
	DialerURL string
	// TrustedProxies are the networks whose X-Forwarded-For is believed when failed requests are counted by source.
	// Optional.
	TrustedProxies []netip.Prefix
	// MaxBody is the largest webhook in bytes. Default: 1 MiB.
	MaxBody int64
	// InsistFor is how long a text is tried again and again at the fallback. The last attempt takes up to 5.5 s more; Twilio waits for 15 s.
	// Default: 8 s.
	InsistFor time.Duration
	// Grace is how long requests under way may take when the gateway stops. Default: 15 s.
	Grace time.Duration
	// MaxFailures is how many requests with a wrong signature a source may send at once, and a minute, before it is
	// told to go away. Correctly signed requests are never counted. Default: 60.
	MaxFailures int
}

// FromEnv reads the configuration; problems go to r.
func FromEnv(r *env.Reader) Config {
	hotlines := hotline.FromEnv(r)
	return Config{
		Hotlines:         hotlines,
		Addr:             r.String("BLING_GATEWAY_ADDR", ":8080"),
		PublicURL:        r.URL("BLING_PUBLIC_URL", ""),
		TwilioTokens:     hotlines.Secrets(r, hotline.Twilio, "TWILIO_AUTH_TOKEN"),
		TelnyxKeys:       telnyxKeys(r, hotlines),
		FileSecrets:      hotlines.FileSecrets(r),
		HelpScoutSecrets: helpScoutSecrets(r),
		AppSecrets:       r.Optional("HELPSCOUT_APP_SECRET"),
		TrustedProxies:   r.Prefixes("BLING_TRUSTED_PROXIES"),
	}
}

// telnyxKeys are public keys by which a signature can be checked.
func telnyxKeys(r *env.Reader, hotlines hotline.Hotlines) []string {
	const name = "TELNYX_PUBLIC_KEY"
	keys := hotlines.Secrets(r, hotline.Telnyx, name)
	for _, key := range keys {
		if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) != ed25519.PublicKeySize {
			r.Problem(name, "must be %d bytes in base64, as Telnyx's portal shows it", ed25519.PublicKeySize)
		}
	}
	return keys
}

// helpScoutSecrets are the parts of the secret between commas, and the whole, since a secret may have a comma in it.
func helpScoutSecrets(r *env.Reader) []string {
	return append(r.List("HELPSCOUT_WEBHOOK_SECRET"), r.Require("HELPSCOUT_WEBHOOK_SECRET"))
}

func (c *Config) setDefaults() {
	if c.FileSecrets == nil {
		c.FileSecrets = c.TwilioTokens
	}
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if c.DialerURL == "" {
		c.DialerURL = "http://localhost:9113"
	}
	if c.Grace == 0 {
		c.Grace = 15 * time.Second
	}
	if c.InsistFor == 0 {
		c.InsistFor = 8 * time.Second
	}
	if c.MaxFailures == 0 {
		c.MaxFailures = 60
	}
}
