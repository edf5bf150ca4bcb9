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

// polled is a list that is asked for, of each of some numbers.
type polled struct {
	name    string // stable: it is stored
	every   time.Duration
	numbers []phone.Number
	look    func(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error)
}

// polls are what carriers are asked for who do not tell us: texts that came in, and who has opted out. Nobody is ever opted in again because of
// what a carrier says.
func (s *Service) polls() []polled {
	silent := s.numbersOf(func(h hotline.Hotline) bool {
		_, has := s.carry[h.Transport].(carrier.Inbox)
		return has && !h.Transport.Can().Webhooks
	})
	listed := s.numbersOf(func(h hotline.Hotline) bool { _, has := s.carry[h.Transport].(carrier.OptOuts); return has })
	return []polled{
		{"poll texts", s.PollEvery, silent, s.textsIn},
		{"poll opt-outs", s.SweepEvery, listed, s.optOuts},
	}
}

func (s *Service) polling() (chores []jobs.Chore) {
	for _, p := range s.polls() {
		if len(p.numbers) > 0 {
			chores = append(chores, jobs.Chore{Name: p.name, Every: p.every, Do: func(ctx context.Context) error { return s.poll(ctx, p) }})
		}
	}
	return chores
}

// beginPolls notes, for each number that is new, that nothing from before now is asked for: bling load brings that.
func (s *Service) beginPolls(ctx context.Context) error {
	for _, p := range s.polls() {
		for _, number := range p.numbers {
			if _, err := s.polledTill(ctx, p, number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) polledTill(ctx context.Context, p polled, number phone.Number) (time.Time, error) {
	return s.store.LookedTill(ctx, p.name+" "+string(number), s.Now())
}

// poll looks through a list of each number, from where it came to the last time.
func (s *Service) poll(ctx context.Context, p polled) error {
	ctx, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	var failed []error
	for _, number := range p.numbers {
		since, err := s.polledTill(ctx, p, number)
		if err != nil {
			return err
		}
		sweep := books.Sweep{
			Lag:  pollLag,
			Look: func(ctx context.Context, from, to time.Time) (bool, error) { return p.look(ctx, number, from, to) },
			Done: func(ctx context.Context, till time.Time) error {
				return s.store.LookedFor(ctx, p.name+" "+string(number), till)
			},
		}
		if _, err := sweep.Run(ctx, since, s.Now()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
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
