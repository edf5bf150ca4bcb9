package ticketing

import (
	"context"

	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/services/ticketing/provision"
)

// HelpScoutURL is Help Scout's own address; any other one is that of a simulator.
const HelpScoutURL = "https://api.helpscout.net"

// checks is the chore of looking, if it is wanted.
func (s *Service) checks() []jobs.Chore {
	if s.CheckEvery == 0 {
		return nil
	}
	return []jobs.Chore{{Name: "check", Every: s.CheckEvery, Do: s.check}}
}

// check looks whether Help Scout's account is as it should be. What is found goes into a table, from where the switchboard and the metrics have
// it. It changes nothing else: not our readiness either (see process.Run).
//
// It asks even while texts wait for the budget, of which it needs next to nothing: that is when a webhook that is off must not go
// unnoticed. While Help Scout refuses us nothing is asked, and what was found before stands.
func (s *Service) check(ctx context.Context) error {
	b, err := s.store.Budget(ctx, s.Now())
	if err != nil || b.BlockedUntil.After(s.Now()) {
		return err
	}
	account := provision.New(provision.Config{Hotlines: s.Hotlines, PublicURL: s.PublicURL, Environment: s.Environment}, s.desk)
	return s.store.Findings().Look(ctx, s.Log, s.Now, account.Checks()...)
}
