package telephony

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

const (
	// reserve is what is left of a step's time for writing down what came of asking a carrier.
	reserve = 2 * time.Second
	// noteFor is how long that may take. It is over before the lane could be another worker's (jobs: rescueAfter).
	noteFor = 4 * time.Second
)

// asking is the time that a carrier has in a step.
func asking(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-reserve))
	}
	return context.WithCancel(ctx)
}

// noting is the time for writing down what came of it, even if the step's is over.
func noting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), noteFor)
}

const (
	// looks is how often the carrier must say that it does not have a message before we believe it.
	looks = 3
	// attempts is how often a text is handed to the carrier at most, not counting those that surely did not get there.
	attempts = 4
	// askFor is how long the carrier is asked about an unclear text if it does not answer.
	askFor = time.Hour
)

// look finds out what became of an attempt whose answer was lost. The status callback may have told us by now
// (then the text is not in this state any more); else the list of messages is searched of the carrier that may have got it, whoever carries
// the hotline now. A text is sent again only when that carrier has said repeatedly that it does not have it, and can be believed.
func (s *Service) look(ctx context.Context, m *sqlstore.MessageOutRow) error {
	a, total, err := s.store.OpenAttempt(ctx, m.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return errs.New(errs.Unavailable, "a callback has just told what became of a text").After(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	next := a.StartedAt.Add(s.Settle * time.Duration(a.Looks+1))
	if wait := next.Sub(s.Now()); wait > 0 {
		return errs.New(errs.Unavailable, "waiting for word on an unclear text").After(wait)
	}
	if a.AskedAt.IsZero() {
		a.AskedAt = s.Now()
		if err := s.store.Asking(ctx, a.ID, a.AskedAt); err != nil {
			return err
		}
	}
	calling, cancel := asking(ctx)
	list, proof, err := s.find(calling, m, a)
	cancel()
	ctx, cancel = noting(ctx)
	defer cancel()
	found := ""
	if err == nil {
		found, err = s.pick(ctx, m, list, proof)
	}
	switch {
	case err != nil && s.Now().Sub(a.AskedAt) > askFor:
		s.metrics.sent(ctx, "unknown")
		s.Log.ErrorContext(ctx, "nobody can tell whether a text was sent", "key", m.Key, "err", err)
		return s.store.AttemptUnknown(ctx, m.Key, a.ID, s.Now())
	case err != nil:
		return errs.Wrap(errs.Unavailable, err, "asking about an unclear text").After(2 * s.Settle)
	case found != "":
		s.metrics.sent(ctx, "resolved")
		return s.accepted(ctx, a.ID, a.Carrier, found)
	case a.Looks+1 < looks:
		return s.store.Looked(ctx, a.ID)
	case !proof: // only the callback would have been
		s.metrics.sent(ctx, "unknown")
		return s.store.AttemptUnknown(ctx, m.Key, a.ID, s.Now())
	default:
		s.metrics.sent(ctx, "absent")
		return s.store.AttemptAbsent(ctx, m.Key, a.ID, total < attempts, s.Now())
	}
}

// find asks the carrier of an attempt for its messages to the supporter since then. proof says that what is not there was not sent: not so if there
// is no list, or the account is not set any more, or if the list is all that the carrier ever tells of texts: it may be late.
func (s *Service) find(ctx context.Context, m *sqlstore.MessageOutRow, a sqlstore.Attempt) (list []carrier.Message, proof bool, err error) {
	const clockSkew = time.Minute
	finder, has := s.carrierNamed(a.Carrier).(carrier.Finder)
	if !has {
		return nil, false, nil
	}
	list, err = finder.Find(ctx, m.Hotline, m.Supporter, a.StartedAt.Add(-clockSkew))
	return list, a.Carrier.Can().Status, err
}

// pick returns the id of the message in a list that is an attempt's at m: it has its words, and is no other attempt's. A list that is no proof may
// have the words otherwise as well; there any that is no other attempt's counts.
func (s *Service) pick(ctx context.Context, m *sqlstore.MessageOutRow, list []carrier.Message, proof bool) (id string, err error) {
	for _, found := range list {
		same := strings.TrimSpace(found.Body) == strings.TrimSpace(m.Body)
		if !found.Outbound || proof && !same {
			continue
		}
		claimed, err := s.store.Claimed(ctx, found.ID)
		switch {
		case err != nil:
			return "", err
		case claimed:
		case same:
			return found.ID, nil
		default:
			id = found.ID
		}
	}
	return id, nil
}
