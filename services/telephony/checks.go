package telephony

import (
	"context"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/services/telephony/provision"
)

// The carriers' own addresses; any other one is that of a simulator.
const (
	TwilioURL        = "https://api.twilio.com"
	TelnyxURL        = "https://api.telnyx.com"
	MobileCommonsURL = "https://secure.mcommons.com"
)

// Simulated reports whether a carrier is a simulator.
func (c Config) Simulated() bool {
	return c.APIURL != TwilioURL || c.Telnyx.URL != TelnyxURL || c.MobileCommons.URL != MobileCommonsURL
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
