package telephony

import (
	"context"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

const (
	// eraseFor is how long one call of ErasePerson works; what is left is for another one.
	eraseFor = 8 * time.Second
	// answerFor is the least that is left of the caller's time for the answer.
	answerFor = time.Second
)

// person reads whose number a request names.
func person(number string) (phone.Number, error) {
	id := phone.Parse(number)
	var check errs.Check
	check.That(id.Kind == phone.Full || id.Kind == phone.ShortCode, "number", "must be in E.164, or a short code")
	return id.Number, check.Err()
}

// ExportPerson returns all that the ledger has about somebody.
func (s *Service) ExportPerson(ctx context.Context, r *operatorv1.ExportPersonRequest) (*operatorv1.ExportPersonResponse, error) {
	number, err := person(r.GetNumber())
	if err != nil {
		return nil, err
	}
	all, err := s.store.Export(ctx, string(number))
	if errs.KindOf(err) == errs.Internal {
		err = errs.Wrap(errs.Unavailable, err, "what is kept of them could not be read; try again")
	}
	if err != nil {
		return nil, err
	}
	return &operatorv1.ExportPersonResponse{Json: all}, nil
}

// ErasePerson deletes all that is kept about somebody, here and at the carriers, of all hotlines. What waits is dropped, not sent. If it was cut off, or
// a carrier did not answer, doing it again goes on; an error is only returned if nothing could be deleted at all.
func (s *Service) ErasePerson(ctx context.Context, r *operatorv1.ErasePersonRequest) (*operatorv1.ErasePersonResponse, error) {
	number, err := person(r.GetNumber())
	if err != nil {
		return nil, err
	}
	e := &erasure{Service: s, supporter: string(number), deleted: map[string]int64{}}
	working, cancel := context.WithTimeout(ctx, eraseFor)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		working, cancel = context.WithDeadline(working, deadline.Add(-answerFor))
		defer cancel()
	}
	err = e.run(working)
	switch {
	case err == nil && e.tooEarly == 0:
		s.Log.InfoContext(ctx, "somebody was erased", "deleted", e.deleted)
		return &operatorv1.ErasePersonResponse{Done: true, Deleted: e.deleted}, nil
	case len(e.deleted) > 0, working.Err() != nil && errs.KindOf(err) != errs.Precondition:
		s.Log.InfoContext(ctx, "somebody was erased in part", "deleted", e.deleted, "too_early", e.tooEarly, "err", err)
		return &operatorv1.ErasePersonResponse{Deleted: e.deleted}, nil
	case err == nil:
		return nil, errs.New(errs.Precondition, "the carrier does not delete %d messages or calls yet, which were a moment ago; try again in a minute. If that goes on, in an hour: "+
			"it waits for word whether a text has arrived", e.tooEarly)
	case errs.KindOf(err) == errs.Internal:
		return nil, errs.Wrap(errs.Unavailable, err, "not all of it could be deleted; do it again")
	}
	return nil, err
}
