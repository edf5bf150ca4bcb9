package ticketing

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

const (
	// eraseFor is how long one call of ErasePerson works; what is left is for another one.
	eraseFor = 8 * time.Second
	// answerFor is the least that is left of the caller's time for the answer.
	answerFor = time.Second
)

// person reads whose number a request names.
func person(number string) (phone.Identity, error) {
	id := phone.Parse(number)
	var check errs.Check
	check.That(id.Kind == phone.Full || id.Kind == phone.ShortCode, "number", "must be in E.164, or a short code")
	return id, check.Err()
}

// laneOf is the lane of somebody in a mailbox.
func (s *Service) laneOf(mailboxID int64, who phone.Identity) string {
	return fmt.Sprintf("%d|%s@%s", mailboxID, who.Address(""), s.Domain)
}

// ExportPerson returns all that our tables have about somebody. Their conversations are Help Scout's.
func (s *Service) ExportPerson(ctx context.Context, r *operatorv1.ExportPersonRequest) (*operatorv1.ExportPersonResponse, error) {
	who, err := person(r.GetNumber())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, h := range s.Hotlines {
		names = append(names, s.laneOf(h.MailboxID, who))
	}
	all, err := s.store.Export(ctx, string(who.Number), names)
	if errs.KindOf(err) == errs.Internal {
		err = errs.Wrap(errs.Unavailable, err, "what is kept of them could not be read; try again")
	}
	if err != nil {
		return nil, err
	}
	return &operatorv1.ExportPersonResponse{Json: all}, nil
}

// ErasePerson deletes all that is kept about somebody, here and in Help Scout, of all mailboxes. What waits is dropped, not posted or sent. If it was
// cut off, or Help Scout did not answer, doing it again goes on; an error is only returned if nothing could be deleted at all. What must
// be left to somebody is counted in the last answer.
func (s *Service) ErasePerson(ctx context.Context, r *operatorv1.ErasePersonRequest) (*operatorv1.ErasePersonResponse, error) {
	who, err := person(r.GetNumber())
	if err != nil {
		return nil, err
	}
	e := &erasure{Service: s, who: who, address: who.Address("") + "@" + s.Domain, deleted: map[string]int64{}, left: map[string]int64{}, seen: map[int64]bool{}, listed: map[int64]bool{}}
	working, cancel := context.WithTimeout(helpscout.WithClass(ctx, helpscout.Backfill), eraseFor)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		working, cancel = context.WithDeadline(working, deadline.Add(-answerFor))
		defer cancel()
	}
	err = meaning(e.run(working))
	switch {
	case err == nil:
		maps.Copy(e.deleted, e.left)
		s.Log.InfoContext(ctx, "somebody was erased", "deleted", e.deleted)
		return &operatorv1.ErasePersonResponse{Done: true, Deleted: e.deleted}, nil
	case len(e.deleted) > 0, working.Err() != nil && errs.KindOf(err) != errs.Precondition:
		s.Log.InfoContext(ctx, "somebody was erased in part", "deleted", e.deleted, "err", err)
		return &operatorv1.ErasePersonResponse{Deleted: e.deleted}, nil
	}
	return nil, err
}
