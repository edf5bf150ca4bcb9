package hotline

import (
	"slices"

	"github.com/bling-hotline/bling/internal/env"
)

// On are the hotlines at a carrier.
func (all Hotlines) On(t Transport) Hotlines {
	return slices.DeleteFunc(slices.Clone(all), func(h Hotline) bool { return h.Transport != t })
}

// Secrets reads a secret of a carrier's account. It must be set if there is a hotline at that carrier, or if nobody can tell.
func (all Hotlines) Secrets(r *env.Reader, t Transport, name string) []string {
	if len(all) == 0 && t == Twilio || len(all.On(t)) > 0 {
		return r.List(name)
	}
	return r.Optional(name)
}

// FileSecrets are the secrets that may have signed the addresses of files that go with texts (signature.File): those of the carriers'
// accounts, since both telephony and the gateway have them. The first one signs.
func FileSecrets(r *env.Reader) []string {
	return slices.Concat(r.Optional("TWILIO_AUTH_TOKEN"), r.Optional("TELNYX_API_KEY"), r.Optional("MOBILECOMMONS_PASSWORD"))
}
