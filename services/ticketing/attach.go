package ticketing

import (
	"context"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// maxAttachment is the largest file in bytes that Help Scout is given.
const maxAttachment = 10 << 20

// AttachMedia attaches a file to the thread of a text that was recorded before, once.
func (s *Service) AttachMedia(ctx context.Context, r *ticketingv1.AttachMediaRequest) (*ticketingv1.AttachMediaResponse, error) {
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	checkKey(&check, "text_key", r.GetTextKey())
	check.That(r.GetFileName() != "" && len(r.GetFileName()) <= 200, "file_name", "must have 1 to 200 characters")
	check.That(r.GetMimeType() != "", "mime_type", "must not be empty")
	check.That(len(r.GetData()) > 0 && len(r.GetData()) <= maxAttachment, "data", "must have 1 byte to 10 MiB")
	if err := check.Err(); err != nil {
		return nil, err
	}
	text, found, err := s.store.FindEntry(ctx, r.GetTextKey())
	switch {
	case err != nil:
		return nil, meaning(err)
	case !found || text.State != sqlstore.Done:
		return nil, errs.New(errs.NotFound, "no text with this key is in Help Scout")
	}
	e := sqlstore.Entry{Key: r.GetKey(), Kind: sqlstore.Attachment, ConversationID: text.ConversationID, Trace: telemetry.Carry(ctx)}
	e, err = s.once(ctx, supporter{lane: sqlstore.Lane{ID: text.Lane}}, e, func(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry) ([]sqlstore.Entry, error) {
		return nil, s.attach(ctx, lane, e, text, r)
	})
	if err == nil && e.State == sqlstore.Dead {
		err = errs.New(errs.Precondition, "Help Scout does not take this file: %s", e.Reason)
	}
	if err != nil {
		return nil, err
	}
	return &ticketingv1.AttachMediaResponse{}, nil
}

func (s *Service) attach(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry, text sqlstore.Entry, r *ticketingv1.AttachMediaRequest) error {
	conversationID, threadID := text.ConversationID, text.ThreadID
	if e.State == sqlstore.Posting || threadID == 0 {
		// Of a conversation's first thread the creation did not tell the id, and of an attempt that broke off nobody
		// told the outcome.
		t, err := s.findRecorded(ctx, conversationID, threadID)
		if err != nil {
			return err
		}
		threadID = t.ID
		if e.State == sqlstore.Posting {
			if done, err := s.attached(e, t, r.GetFileName()); done || err != nil {
				return err
			}
		}
	}
	if err := s.intend(ctx, lane, e, conversationID); err != nil {
		return err
	}
	err := s.desk.Attach(ctx, conversationID, threadID, r.GetFileName(), r.GetMimeType(), r.GetData())
	if helpscout.StatusOf(err) == 404 {
		// Merged, perhaps: the thread is in the survivor then.
		if v, gone := s.current(ctx, conversationID); gone == nil && v.ID != conversationID {
			e.Steps = append(e.Steps, elsewhere(conversationID, v.ID)...)
			err = s.desk.Attach(ctx, v.ID, threadID, r.GetFileName(), r.GetMimeType(), r.GetData())
		}
	}
	if err != nil {
		return s.failed(e, err)
	}
	e.State = sqlstore.Done
	return nil
}

// attached finds out whether an upload whose answer was lost is there after all. A large file may still be on its way
// when we have given up on it, so it is not sent again at once.
func (s *Service) attached(e *sqlstore.Entry, t helpscout.Thread, fileName string) (bool, error) {
	if slices.Contains(t.FileNames(), fileName) {
		e.State = sqlstore.Done
		e.Steps = append(e.Steps, sqlstore.Step{What: "looked for it in Help Scout: it is there"})
		return true, nil
	}
	if e.UnclearAt.IsZero() {
		e.UnclearAt = s.Now()
		e.Steps = append(e.Steps, sqlstore.Step{What: "the work on it broke off: Help Scout may have it", Trouble: true})
	}
	if wait := e.UnclearAt.Add(s.ListLag).Sub(s.Now()); wait > 0 {
		return false, errs.New(errs.Unavailable, "it is not clear yet whether Help Scout has this file").After(wait)
	}
	e.State, e.UnclearAt = sqlstore.Pending, time.Time{}
	e.Steps = append(e.Steps, sqlstore.Step{What: "looked for it in Help Scout: it is not there, and is sent again"})
	return false, nil
}

// findRecorded returns the thread with an id among the newest; of 0 the supporter's oldest there.
func (s *Service) findRecorded(ctx context.Context, conversationID, threadID int64) (helpscout.Thread, error) {
	threads, err := s.desk.Threads(ctx, conversationID)
	if err != nil {
		return helpscout.Thread{}, err
	}
	for _, t := range slices.Backward(threads) {
		if t.ID == threadID || threadID == 0 && t.Type == "customer" {
			return t, nil
		}
	}
	return helpscout.Thread{}, errs.New(errs.NotFound, "the text's thread is not in its conversation any more")
}
