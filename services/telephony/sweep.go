package telephony

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// list is one of a carrier's lists that is compared with the ledger, for each of our numbers: webhooks that no attempt has delivered
// are lost, and only the lists tell (https://www.twilio.com/docs/usage/security/availability-reliability).
//
// Each run asks for what is new, and once more for the last quarter of an hour: with 20,000 texts a day in each direction these are some 280
// on two pages, so 600 requests a day and direction. Twilio does not limit how many, only how many at once. Counting the days takes half
// a second on SQLite then, and less on PostgreSQL.
type list struct {
	name string // stable: it is stored
	// lag is how late something may appear in the list, or be over.
	lag  time.Duration
	look func(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error)
	// has says whether there is such a list for a hotline.
	has func(hotline.Hotline) bool
	// kind is what is in it, and count counts the days of that.
	kind  operatorv1.Kind
	count func(ctx context.Context, since, now time.Time) (books.Counts, error)
}

const (
	// sweepAge is how old something must be to be looked for: what is younger is left to the webhooks.
	sweepAge = 2 * time.Minute
	// listLag is how late a text may appear in a list.
	listLag = 15 * time.Minute
	// sweepFor is what a chore has for looking; the rest of its minute is for counting.
	sweepFor = 45 * time.Second
)

func (s *Service) lists() []list {
	inbox := func(h hotline.Hotline) bool { _, has := s.carry[h.Transport].(carrier.Inbox); return has }
	outbox := func(h hotline.Hotline) bool { _, has := s.carry[h.Transport].(carrier.Outbox); return has }
	calls := func(h hotline.Hotline) bool { return h.Transport.Can().Calls }
	return []list{
		{name: "texts in", lag: listLag, look: s.textsIn, has: inbox, kind: operatorv1.Kind_KIND_TEXT_IN, count: s.store.CountTextsIn},
		{name: "texts out", lag: listLag, look: s.textsOut, has: outbox, kind: operatorv1.Kind_KIND_TEXT_OUT, count: s.store.CountTextsOut},
		// A call is looked at when it is over. It may take four hours.
		{name: "calls", lag: 5 * time.Hour, look: s.callsIn, has: calls, kind: operatorv1.Kind_KIND_CALL, count: s.store.CountCalls},
	}
}

// sweeps are the chores that compare the carriers' lists with the ledger.
func (s *Service) sweeps() (chores []jobs.Chore) {
	for _, l := range s.lists() {
		chores = append(chores, jobs.Chore{Name: "sweep " + l.name, Every: s.SweepEvery, Do: func(ctx context.Context) error { return s.sweep(ctx, l) }})
	}
	return append(chores, jobs.Chore{Name: "ask about texts", Every: s.SweepEvery, Do: s.askAboutTexts})
}

// beginSweeps notes, for each number that is new, that nothing from before now is ever looked for: it was somebody else's.
func (s *Service) beginSweeps(ctx context.Context) error {
	for _, l := range s.lists() {
		for _, number := range s.numbersOf(l.has) {
			if _, err := s.sweptTill(ctx, l, number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) sweptTill(ctx context.Context, l list, number phone.Number) (time.Time, error) {
	return s.store.LookedTill(ctx, l.name+" "+string(number), s.Now())
}

// sweep compares a list with the ledger and counts the days.
func (s *Service) sweep(ctx context.Context, l list) error {
	looking, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	var compared []phone.Number
	var failed []error
	numbers := s.numbersOf(l.has)
	// In any order, so that one with much to do does not keep the others waiting each time.
	for _, i := range rand.Perm(len(numbers)) {
		number := numbers[i]
		since, err := s.sweptTill(ctx, l, number)
		if err != nil {
			return err
		}
		sweep := books.Sweep{
			Age: sweepAge, Lag: l.lag,
			Look: func(ctx context.Context, from, to time.Time) (bool, error) { return l.look(ctx, number, from, to) },
			Done: func(ctx context.Context, till time.Time) error {
				return s.store.LookedFor(ctx, l.name+" "+string(number), till)
			},
		}
		complete, err := sweep.Run(looking, since, s.Now())
		if err != nil {
			failed = append(failed, fmt.Errorf("comparing with the list of %s: %w", l.name, err))
		}
		if complete {
			compared = append(compared, number)
		}
	}
	return errors.Join(append(failed, s.countDays(ctx, l.kind, l.count, compared))...)
}

// countDays counts the days of a kind, which was compared with the carrier's list for these numbers.
func (s *Service) countDays(ctx context.Context, kind operatorv1.Kind, count func(ctx context.Context, since, now time.Time) (books.Counts, error), compared []phone.Number) error {
	now := s.Now()
	counts, err := count(ctx, books.First(now), now)
	if err != nil {
		return err
	}
	counts.Today(now, compared)
	return s.books.Put(ctx, kind, counts, compared)
}
