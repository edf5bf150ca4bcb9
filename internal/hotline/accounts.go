package hotline

import (
	"slices"

	"github.com/bling-hotline/bling/internal/env"
)

// On are the hotlines at a carrier.
func (all Hotlines) On(t Transport) Hotlines {
	return slices.DeleteFunc(slices.Clone(all), func(h Hotline) bool { return h.Transport != t })
}

// need reports whether a carrier's account must be set: if there is a hotline, or if nobody can tell.
func (all Hotlines) need(t Transport) bool { return len(all) == 0 && t == Twilio || len(all.On(t)) > 0 }

// Secrets reads a secret of a carrier's account that may have several values, comma-separated, while it changes. It must be set if there is a
// hotline at that carrier, or if nobody can tell.
func (all Hotlines) Secrets(r *env.Reader, t Transport, name string) []string {
	if all.need(t) {
		return r.List(name)
	}
	return r.Optional(name)
}

// Secret is Secrets for one that has a single value, which may have a comma in it.
func (all Hotlines) Secret(r *env.Reader, t Transport, name string) string {
	if all.need(t) {
		return r.Require(name)
	}
	return r.Secret(name)
}

// FileSecrets are the secrets that may have signed the addresses of files that go with texts (signature.File), the first of which signs: that of
// the first carrier that a hotline is at, of Twilio, Telnyx, Mobile Commons. It must be set in telephony as well as in the gateway, or what one
// signs is nothing to the other.
func (all Hotlines) FileSecrets(r *env.Reader) []string {
	switch {
	case all.need(Twilio):
		return r.List("TWILIO_AUTH_TOKEN")
	case all.need(Telnyx):
		return []string{r.Require("TELNYX_API_KEY")}
	}
	return []string{r.Require("MOBILECOMMONS_PASSWORD")}
}
