package telephony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// pollLag is how late something may appear in the list of a carrier that tells us nothing.
const pollLag = 15 * time.Minute

// polling are the chores that ask carriers who do not tell us: for texts that came in, and for who has opted out. Nobody is ever opted in again
// because of what a carrier says.
func (s *Service) polling() (chores []jobs.Chore) {
	silent := s.numbersOf(func(h hotline.Hotline) bool {
		_, has := s.carry[h.Transport].(carrier.Inbox)
		return has && !h.Transport.Can().Webhooks
	})
	if len(silent) > 0 {
		chores = append(chores, jobs.Chore{Name: "poll texts", Every: s.PollEvery, Do: func(ctx context.Context) error {
			return s.poll(ctx, "polled texts ", silent, s.textsIn)
		}})
	}
	listed := s.numbersOf(func(h hotline.Hotline) bool { _, has := s.carry[h.Transport].(carrier.OptOuts); return has })
	if len(listed) > 0 {
		chores = append(chores, jobs.Chore{Name: "poll opt-outs", Every: s.SweepEvery, Do: func(ctx context.Context) error {
			return s.poll(ctx, "opt-outs ", listed, s.optOuts)
		}})
	}
	return chores
}

// poll looks through a list of each number, from where it came to the last time.
func (s *Service) poll(ctx context.Context, name string, numbers []phone.Number, look func(ctx context.Context, number phone.Number, from, to time.Time) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	var failed []error
	for _, number := range numbers {
		since, err := s.store.LookedTill(ctx, name+string(number), s.Now())
		if err != nil {
			return err
		}
		sweep := books.Sweep{
			Lag:  pollLag,
			Look: func(ctx context.Context, from, to time.Time) (bool, error) { return look(ctx, number, from, to) },
			Done: func(ctx context.Context, till time.Time) error {
				return s.store.LookedFor(ctx, name+string(number), till)
			},
		}
		if _, err := sweep.Run(ctx, since, s.Now()); err != nil {
			failed = append(failed, fmt.Errorf("asking for %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// optOuts notes who has opted out at the carrier.
func (s *Service) optOuts(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error) {
	list, whole, err := s.carrierOf(number).(carrier.OptOuts).OptedOutOf(ctx, number, from, to)
	if err != nil || !whole {
		return whole, err
	}
	for _, o := range list {
		if err := s.store.OptedOutAtCarrier(ctx, number, string(o.Supporter), o.At); err != nil {
			return false, err
		}
	}
	return true, nil
}
