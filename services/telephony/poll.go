package telephony

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
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

// poll looks through a list of each number, from where it came to the last time. They come in any order, and each gets a
// quarter of the time that is left, or an equal share if they are fewer: one that is slow does not keep the others waiting each time.
func (s *Service) poll(ctx context.Context, p polled) error {
	ctx, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	end, _ := ctx.Deadline()
	var failed []error
	for i, which := range rand.Perm(len(p.numbers)) {
		if ctx.Err() != nil {
			break // the rest the next time
		}
		number := p.numbers[which]
		since, err := s.polledTill(ctx, p, number)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		sweep := books.Sweep{
			Lag:  pollLag,
			Look: func(ctx context.Context, from, to time.Time) (bool, error) { return p.look(ctx, number, from, to) },
			Done: func(ctx context.Context, till time.Time) error {
				return s.store.LookedFor(ctx, p.name+" "+string(number), till)
			},
		}
		share, cancel := context.WithTimeout(ctx, time.Until(end)/time.Duration(min(len(p.numbers)-i, 4)))
		_, err = sweep.Run(share, since, s.Now())
		cancel()
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		s.logUnread(ctx, number)
	}
	return errors.Join(failed...)
}

// logUnread says that the carrier of a number has listed what cannot be read. It goes on without: nobody's texts wait for another's.
func (s *Service) logUnread(ctx context.Context, number phone.Number) {
	if c, ok := s.carrierOf(number).(interface{ Unread() int64 }); ok {
		if n := c.Unread(); n > 0 {
			s.Log.ErrorContext(ctx, "a carrier's list has what cannot be read", "carrier", s.transport(number), "items", n)
		}
	}
}

// optOuts notes who has opted out at the carrier, and tells their tickets.
func (s *Service) optOuts(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error) {
	list, whole, err := s.carrierOf(number).(carrier.OptOuts).OptedOutOf(ctx, number, from, to)
	if err != nil || !whole {
		return whole, err
	}
	for _, o := range list {
		changed, err := s.store.OptedOutAtCarrier(ctx, number, string(o.Supporter), o.At)
		if err != nil {
			return false, err
		}
		if changed {
			s.noteOptOut(ctx, number, o)
		}
	}
	return true, nil
}

// noteOptOut tells the ticket that a supporter has opted out; who has no conversation gets none for this. That it cannot be told does not matter
// much: should an agent answer, the ticket says why it is not sent.
func (s *Service) noteOptOut(ctx context.Context, number phone.Number, o carrier.OptOut) {
	h, _ := s.Hotlines.ByNumber(number)
	// The key tells nobody's number, as it may be in a log.
	key := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", number, o.Supporter, o.At.Unix()))
	_, err := s.Ticketing.FileNote(ctx, optNote(party(h.MailboxID, string(o.Supporter), ""), &sqlstore.TextInRow{MessageSID: hex.EncodeToString(key[:]), Opt: sqlstore.OptOut}))
	if kind := errs.KindOf(err); err != nil && kind != errs.NotFound && kind != errs.Invalid {
		s.Log.ErrorContext(ctx, "the ticket cannot be told of an opt-out", "hotline", number, "phone", o.Supporter, "err", err)
	}
}
