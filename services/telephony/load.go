package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// mostLoaded is how many texts may be loaded and not be in the ticket yet. So a load takes as long as the tickets do, and leaves the lanes and
// the account's budget to what is live.
const mostLoaded = 100

// listFor is how long a step may take to be listed; the rest of the caller's minute is for writing it down.
const listFor = 40 * time.Second

// LoadTexts brings in what came to a hotline before it was ours, a step of a time at a time. How far it is, is noted after the texts are: what it
// was cut off from noting is found again, and known.
func (s *Service) LoadTexts(ctx context.Context, r *telephonyv1.LoadTextsRequest) (*telephonyv1.LoadTextsResponse, error) {
	number, from, to := phone.Parse(r.GetHotline()).Number, r.GetFrom().AsTime(), r.GetTo().AsTime()
	h, known := s.Hotlines.ByNumber(number)
	inbox, has := s.carry[h.Transport].(carrier.Inbox)
	var check errs.Check
	check.That(known, "hotline", "is not a configured hotline")
	check.That(!known || has, "hotline", fmt.Sprintf("is at %s, which has no list of texts", h.Transport))
	check.That(from.Before(to) && !to.After(s.Now()), "from, to", "must be a time that is over")
	check.That(r.GetStepSeconds() > 0, "step_seconds", "must be at least 1")
	if err := check.Err(); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("load %s %d %d", number, from.Unix(), to.Unix())
	at := from
	if r.GetDryRun() {
		if r.GetAfter() != nil {
			at = r.GetAfter().AsTime()
		}
	} else {
		n, err := s.store.LoadedPending(ctx, mostLoaded)
		if err == nil && n >= mostLoaded {
			return nil, errs.New(errs.RateLimited, "what was loaded is not in the tickets yet").After(time.Second)
		}
		if err == nil && r.GetAgain() {
			err = s.store.ForgetLooked(ctx, name)
		}
		if err == nil {
			at, err = s.store.LookedTill(ctx, name, from)
		}
		if err != nil {
			return nil, unread(err)
		}
	}
	res := &telephonyv1.LoadTextsResponse{Till: timestamppb.New(at)}
	till := at.Add(time.Duration(r.GetStepSeconds()) * time.Second)
	if till.After(to) {
		till = to
	}
	if !at.Before(to) {
		return res, nil
	}
	live, err := s.liveSince(ctx, number)
	if err != nil {
		return nil, unread(err)
	}
	listing, cancel := context.WithTimeout(ctx, listFor)
	defer cancel()
	list, whole, err := inbox.TextsTo(listing, number, at, till)
	if errors.Is(listing.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		whole, err = false, nil // a shorter step has fewer pages
	}
	if err != nil {
		return nil, notListed(err)
	}
	if !whole {
		res.TooMuch = true
		return res, nil
	}
	list = slices.DeleteFunc(list, func(t carrier.ListedText) bool { return !t.At.Before(live) })
	res.Till = timestamppb.New(till)
	// The ends of a time are in two steps, as carriers count them differently; what is there is counted in one.
	counted := slices.DeleteFunc(slices.Clone(list), func(t carrier.ListedText) bool {
		return t.At.Before(at) || !t.At.Before(till) && till.Before(to)
	})
	res.Found = int64(len(counted))
	if r.GetDryRun() {
		known, err := s.store.TextsKnown(ctx, textIDs(counted))
		if err != nil {
			return nil, unread(err)
		}
		res.Fresh = int64(len(counted) - len(known))
		return res, nil
	}
	for some := range slices.Chunk(list, 100) {
		fresh, foundErr := s.recordFound(ctx, inbox, number, some, true)
		res.Fresh += int64(fresh)
		if err = foundErr; err != nil {
			break
		}
	}
	if err == nil {
		err = s.store.LookedFor(ctx, name, till)
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "what was found could not be stored; ask again").After(time.Second)
	}
	return res, nil
}

// liveSince is since when texts to a hotline come by themselves, and are looked for should they not: they are answered, and no load must
// bring them in before, as history.
func (s *Service) liveSince(ctx context.Context, number phone.Number) (since time.Time, err error) {
	for _, l := range s.lists() {
		if l.kind == operatorv1.Kind_KIND_TEXT_IN {
			since, err = s.sweptTill(ctx, l, number)
		}
	}
	if oldest := s.Now().Add(-books.Back); since.Before(oldest) {
		since = oldest // nothing older is looked for
	}
	return since.Truncate(time.Second), err
}

func unread(err error) error {
	return errs.Wrap(errs.Unavailable, err, "how far the load is could not be read; ask again").After(time.Second)
}

// notListed says when a list that could not be had is to be asked for again.
func notListed(err error) error {
	kind, wait := errs.Unavailable, 5*time.Second
	if e, ok := errors.AsType[*carrier.Error](err); ok {
		switch {
		case e.Outcome == carrier.Refused:
			return errs.Wrap(errs.Precondition, err, "%s", reason(err))
		case e.Status == 429:
			kind, wait = errs.RateLimited, max(time.Second, e.RetryAfter)
		}
	}
	return errs.Wrap(kind, err, "%s", reason(err)).After(wait)
}
