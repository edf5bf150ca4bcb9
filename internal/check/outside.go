package check

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/telemetry"
)

// ProbePath is where the gateway answers a request that is signed as Twilio signs with a Probe. It changes nothing.
const ProbePath = "/bling/twilio_probe"

// Probe is what the gateway says of itself.
type Probe struct {
	Version   string    `json:"version"`   // its build
	Time      time.Time `json:"time"`      // its clock
	Telephony string    `json:"telephony"` // how telephony stands, as the gateway sees it: ready, not ready, not reached
	Ticketing string    `json:"ticketing"` // the same
}

// Outside is a hotline's public address, seen from where the vendors are: it is asked as they ask it.
type Outside struct {
	URL string // BLING_PUBLIC_URL
	// TwilioTokens and HelpScoutSecrets must each be accepted.
	TwilioTokens, HelpScoutSecrets []string
	// TelnyxKeys are the public keys by which Telnyx's signatures are checked. With any there must be a door for Telnyx.
	TelnyxKeys []string
	// Version is the build that should answer. Empty: any.
	Version string
	// Quiet leaves out the request without a signature, which the gateway logs each time.
	Quiet bool
	// Simulated says that the vendors are on this machine or beside it: nobody else need find the address.
	Simulated bool
	// Now is the clock that the gateway's is compared with.
	Now func() time.Time
}

const (
	expiresSoon = 14 * 24 * time.Hour // whoever renews certificates does so before
	clockWarns  = 10 * time.Second
	clockFails  = 5 * time.Minute // certificates of ours are valid since then (package certs)
)

// Check is the check of it.
func (o Outside) Check() Check { return Check{Name: "public address", Do: o.look} }

// look goes the vendors' way step by step, and no further than it leads.
func (o Outside) look(ctx context.Context) []Finding {
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" {
		return Fail("Set BLING_PUBLIC_URL to an address such as https://hotline.example.org.", "BLING_PUBLIC_URL is no address.")
	}
	var found []Finding
	for _, step := range []func(context.Context, *url.URL) []Finding{o.found, o.certificate, o.unsigned, o.twilio, o.telnyx, o.helpScout} {
		found = append(found, step(ctx, u)...)
		for _, f := range found {
			if f.Name == "" && f.Level == Failure {
				return found // the address itself leads to nothing
			}
		}
	}
	return found
}

// found looks whether the address can be found from elsewhere.
func (o Outside) found(ctx context.Context, u *url.URL) []Finding {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	switch {
	case err != nil:
		return Fail(fmt.Sprintf("Make a DNS record for %s, or correct BLING_PUBLIC_URL.", u.Hostname()), "%s has no address: %v", u.Hostname(), err)
	case o.Simulated:
		return nil
	case all(addresses, netip.Addr.IsLoopback):
		return Fail("Set BLING_PUBLIC_URL to the address by which the internet finds the hotline.", "%s is this machine: the vendors cannot reach it.", u.Host)
	case all(addresses, netip.Addr.IsPrivate):
		return Warn("If the vendors find another address under this name, all is well; otherwise correct BLING_PUBLIC_URL or the DNS record.",
			"%s has, as seen from here, an address in a private network.", u.Hostname())
	case u.Scheme == "http":
		return Warn("Put something that ends TLS in front of the gateway, and let BLING_PUBLIC_URL begin with https.",
			"%s is not encrypted: what people write passes the internet in the clear.", o.URL)
	}
	return nil
}

func all(addresses []netip.Addr, is func(netip.Addr) bool) bool {
	for _, a := range addresses {
		if !is(a.Unmap()) {
			return false
		}
	}
	return true
}

// certificate looks whether the vendors would believe whom they reach, and for how long.
func (o Outside) certificate(ctx context.Context, u *url.URL) []Finding {
	if u.Scheme != "https" {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	conn, err := (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Fail("Renew the certificate of whatever ends TLS in front of the gateway, for this name and with its whole chain.",
			"The certificate of %s is not valid: %v.", u.Host, bad.Err)
	}
	if err != nil {
		return o.strange(u, 0, err)
	}
	defer conn.Close()
	until := conn.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter
	return named("public certificate", Expiry("the public address", until, o.Now(), "See why whatever ends TLS in front of the gateway does not renew it."))
}

// Expiry says until when a certificate is valid. A wrong one was found out before.
func Expiry(whose string, until, now time.Time, fix string) []Finding {
	if until.Sub(now) < expiresSoon {
		return Warn(fix, "The certificate of %s is valid only until %s.", whose, until.UTC().Format(time.DateOnly))
	}
	return Fine("The certificate of %s is valid until %s.", whose, until.UTC().Format(time.DateOnly))
}

// strange is an answer that no gateway of Bling gives, or none.
func (o Outside) strange(u *url.URL, status int, err error) []Finding {
	switch {
	case err != nil:
		return Fail("Start the hotline, and see that what is in front of it, firewalls and network policies let us through.",
			"Nobody answers at %s: %v", u.Host, telemetry.WithoutURL(err))
	case status >= 300 && status < 400:
		return Fail("Set BLING_PUBLIC_URL to the address that it leads to: signatures are for one address.", "%s leads somewhere else (status %d).", o.URL, status)
	case status >= 500:
		return Fail("See why what is in front of the gateway does not reach it.", "%s answers with status %d.", o.URL, status)
	}
	return Fail("Let BLING_PUBLIC_URL, the DNS record and what is in front of the gateway lead to this version of Bling.",
		"Somebody else than this hotline answers at %s, or an older version: status %d.", o.URL, status)
}

// unsigned looks whether strangers are sent away.
func (o Outside) unsigned(ctx context.Context, u *url.URL) []Finding {
	if o.Quiet {
		return nil
	}
	status, _, err := o.post(ctx, ProbePath, "", http.Header{})
	switch {
	case err == nil && sentAway(status):
		return Fine("What is not signed is refused at %s.", o.URL)
	case err == nil && status < 300:
		return Fail("See who answers there: a gateway of Bling refuses this.", "%s accepts a request that is not signed (status %d).", o.URL, status)
	}
	return o.strange(u, status, err)
}

// sentAway reports whether the gateway found a signature missing or wrong. 429 is for whom it found many of.
func sentAway(status int) bool {
	return status == http.StatusForbidden || status == http.StatusUnauthorized || status == http.StatusTooManyRequests
}

// twilio looks whether what Twilio signs is accepted, and at what the gateway says of itself.
func (o Outside) twilio(ctx context.Context, u *url.URL) []Finding {
	const name = "signature of Twilio"
	var probe Probe
	began := o.Now()
	for n, token := range o.TwilioTokens {
		status, body, err := o.post(ctx, ProbePath, "", http.Header{"X-Twilio-Signature": {signature.Twilio(token, o.URL+ProbePath, nil)}})
		switch {
		case err == nil && sentAway(status):
			return o.refused(name, "TWILIO_AUTH_TOKEN", n, len(o.TwilioTokens), status,
				"Give the gateway the same TWILIO_AUTH_TOKEN and BLING_PUBLIC_URL as here, and let what is in front of it leave paths as they are.")
		case err != nil || status != http.StatusOK || json.Unmarshal(body, &probe) != nil || probe.Time.IsZero():
			return o.strange(u, status, err)
		}
	}
	if len(o.TwilioTokens) == 0 {
		return nil
	}
	return slices.Concat(named(name, Fine("What is signed as Twilio signs is accepted at %s.", o.URL)), o.clock(began, probe.Time), o.version(probe.Version), behind(probe))
}

// refused says that a signature was not accepted. Which one is told by its place: secrets are never shown.
func (o Outside) refused(name, secrets string, n, of, status int, fix string) []Finding {
	which := "What is signed with " + secrets
	if of > 1 {
		which += fmt.Sprintf(" (number %d of %d)", n+1, of)
	}
	return named(name, Fail(fix, "%s is not accepted: status %d.", which, status))
}

func named(name string, found []Finding) []Finding {
	for i := range found {
		found[i].Name = name
	}
	return found
}

// clock compares the gateway's clock with ours, which was at began when it was asked.
func (o Outside) clock(began, theirs time.Time) []Finding {
	ended := o.Now()
	var off time.Duration
	switch {
	case theirs.Before(began):
		off = began.Sub(theirs)
	case theirs.After(ended):
		off = theirs.Sub(ended)
	}
	says := fmt.Sprintf("The clock here and the gateway's differ by %v.", off.Round(time.Second))
	const fix = "Let both machines take the time from the network (NTP)."
	switch {
	case off >= clockFails:
		return named("clock of the gateway", Fail(fix, "%s", says))
	case off >= clockWarns:
		return named("clock of the gateway", Warn(fix, "%s", says))
	}
	return named("clock of the gateway", Fine("The clock here and the gateway's agree."))
}

func (o Outside) version(theirs string) []Finding {
	if o.Version == "" {
		return nil
	}
	if theirs != o.Version {
		return named("version", Warn("Finish the upgrade, or look with the same version that runs.", "The hotline runs version %q, and this is %q.", theirs, o.Version))
	}
	return named("version", Fine("The hotline runs this version."))
}

// behind looks at how the services behind the gateway stand.
func behind(p Probe) (found []Finding) {
	for _, s := range []struct{ name, state string }{{"telephony", p.Telephony}, {"ticketing", p.Ticketing}} {
		if s.state == "ready" {
			found = append(found, named(s.name, Fine("%s is ready.", s.name))...)
			continue
		}
		found = append(found, named(s.name, Fail("See its log, and that its database answers.", "%s is %s, says the gateway.", s.name, s.state))...)
	}
	return found
}

// helpScout looks whether what Help Scout signs is accepted, by an event that means nothing
// (https://developer.helpscout.com/webhooks/).
func (o Outside) helpScout(ctx context.Context, u *url.URL) []Finding {
	const name, body = "signature of Help Scout", "{}"
	for n, secret := range o.HelpScoutSecrets {
		status, _, err := o.post(ctx, "/bling/helpscout_webhook", body, http.Header{
			"Content-Type": {"application/json"}, "X-Helpscout-Event": {TestEvent}, "X-Helpscout-Signature": {signature.HelpScout(secret, []byte(body))},
		})
		switch {
		case err == nil && sentAway(status):
			return o.refused(name, "HELPSCOUT_WEBHOOK_SECRET", n, len(o.HelpScoutSecrets), status, "Give the gateway the same HELPSCOUT_WEBHOOK_SECRET as here.")
		case err != nil || status >= 300:
			return named(name, o.strange(u, status, err))
		}
	}
	if len(o.HelpScoutSecrets) == 0 {
		return nil
	}
	return named(name, Fine("What is signed as Help Scout signs is accepted."))
}

// TestEvent is the event by which Help Scout, and we, try whether webhooks arrive. It is answered and not kept.
const TestEvent = "helpscout.test"

// post sends a body, and follows no redirect: what is signed for one address is not for another.
func (o Outside) post(ctx context.Context, path, body string, header http.Header) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header = header
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return res.StatusCode, answer, err
}
