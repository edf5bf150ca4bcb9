package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/services/ticketing"
)

// resolver is net.Resolver, or a test's.
type resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// contactDomain looks at the domain of the contact addresses, as far as it can be seen from here: whether somebody takes the mail that Help
// Scout sends there. Whether they swallow it is theirs to know.
func contactDomain(domain, helpScoutURL string) check.Check {
	return check.Check{Name: "contact domain", Do: func(ctx context.Context) []check.Finding {
		if helpScoutURL != ticketing.HelpScoutURL {
			return check.Fine("Help Scout is simulated, and sends no mail to it.")
		}
		return lookAtDomain(ctx, net.DefaultResolver, domain)
	}}
}

// examples are nobody's: https://www.rfc-editor.org/rfc/rfc2606.
var examples = []string{"example.org", "example.com", "example.net", "example", "invalid", "test", "localhost"}

func lookAtDomain(ctx context.Context, dns resolver, domain string) []check.Finding {
	const fix = "Set BLACKHOLE_DOMAIN to a domain of yours whose mail server takes everything and throws it away."
	if slices.ContainsFunc(examples, func(example string) bool { return strings.HasSuffix("."+strings.ToLower(domain), "."+example) }) {
		return check.Warn(fix, "%s is an example, and nobody's: what Help Scout mails there comes back as undeliverable.", domain)
	}
	records, err := dns.LookupMX(ctx, domain)
	if missing(err) { // then mail goes to the host of that name: https://www.rfc-editor.org/rfc/rfc5321#section-5.1
		_, err = dns.LookupHost(ctx, domain)
	}
	switch {
	case missing(err):
		return check.Warn(fix, "%s does not exist, or takes no mail: what Help Scout mails there comes back as undeliverable.", domain)
	case err != nil:
		return check.Warn("Look again; if it stays so, see the domain's name servers.", "%s cannot be looked up: %v", domain, err)
	case len(records) == 1 && records[0].Host == ".": // https://www.rfc-editor.org/rfc/rfc7505
		return check.Warn(fix, "%s says that it takes no mail (null MX): what Help Scout mails there comes back as undeliverable.", domain)
	}
	return check.Fine("%s takes mail. See that it throws it away, without an answer.", domain)
}

func missing(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}
