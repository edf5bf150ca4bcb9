package telephony

import (
	"context"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/services/telephony/provision"
)

// TwilioURL is Twilio's own address; any other one is that of a simulator.
const TwilioURL = "https://api.twilio.com"

// checks is the chore of looking, if it is wanted.
func (s *Service) checks() []jobs.Chore {
	if s.CheckEvery == 0 {
		return nil
	}
	return []jobs.Chore{{Name: "check", Every: s.CheckEvery, Do: s.check}}
}

// check looks whether Twilio's account, if there is one, is as it should be, and whether the vendors' way leads to us. What is found goes into a table, from where
// the switchboard and the metrics have it. It changes nothing else: not our readiness either (see process.Run).
func (s *Service) check(ctx context.Context) error {
	outside := check.Outside{URL: s.PublicURL, Quiet: true, Simulated: s.APIURL != TwilioURL, Now: s.Now}
	var all []check.Check
	if on := s.Hotlines.On(hotline.Twilio); len(on) > 0 {
		outside.TwilioTokens = []string{s.AuthToken}
		all = provision.New(provision.Config{Hotlines: on, PublicURL: s.PublicURL, Environment: s.Environment}, s.twilio).Checks()
	}
	return s.store.Findings().Look(ctx, s.Log, s.Now, append(all, outside.Check())...)
}
