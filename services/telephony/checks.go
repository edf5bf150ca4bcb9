package telephony

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/services/telephony/provision"
)

// The carriers' own addresses. An account may have another one, such as https://acme.mcommons.com.
const (
	TwilioURL        = "https://api.twilio.com"
	TelnyxURL        = "https://api.telnyx.com"
	MobileCommonsURL = "https://secure.mcommons.com"
)

// Simulated reports whether a carrier that a hotline is at is a simulator: on this machine, or beside it.
func (c Config) Simulated() bool {
	for t, address := range map[hotline.Transport]string{hotline.Twilio: c.APIURL, hotline.Telnyx: c.Telnyx.URL, hotline.MobileCommons: c.MobileCommons.URL} {
		if len(c.Hotlines.On(t)) > 0 && near(address) {
			return true
		}
	}
	return false
}

// near reports whether an address is on this machine or in a private network, as far as it tells without being looked up.
func near(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsPrivate()
	}
	_, domain, _ := strings.Cut(u.Hostname(), ".")
	domain = domain[strings.LastIndex(domain, ".")+1:]
	return slices.Contains([]string{"", "localhost", "local", "internal", "svc"}, domain)
}

// checks is the chore of looking, if it is wanted.
func (s *Service) checks() []jobs.Chore {
	if s.CheckEvery == 0 {
		return nil
	}
	return []jobs.Chore{{Name: "check", Every: s.CheckEvery, Do: s.check}}
}

// check looks whether the carriers' accounts that hotlines are at are as they should be, and whether the vendors' way leads to us. What is
// found goes into a table, from where the switchboard and the metrics have it. It changes nothing else: not our readiness either (see process.Run).
func (s *Service) check(ctx context.Context) error {
	outside := check.Outside{URL: s.PublicURL, Quiet: true, Simulated: s.Simulated(), Now: s.Now}
	all := provision.CarrierChecks(s.Hotlines, s.carry)
	if on := s.Hotlines.On(hotline.Twilio); len(on) > 0 {
		outside.TwilioTokens = []string{s.AuthToken}
		all = append(all, provision.New(provision.Config{Hotlines: on, PublicURL: s.PublicURL, Environment: s.Environment}, s.twilio).Checks()...)
	}
	return s.store.Findings().Look(ctx, s.Log, s.Now, append(all, outside.Check())...)
}
