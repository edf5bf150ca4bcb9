package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// textsIn writes down the texts to a number that the carrier has and nobody told us of, in the order in which they were sent. From there they
// go the way of all texts, as what came at that time.
func (s *Service) textsIn(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error) {
	inbox := s.carrierOf(number).(carrier.Inbox)
	list, whole, err := inbox.TextsTo(ctx, number, from, to)
	if err != nil || !whole {
		return whole, err
	}
	known, err := s.store.TextsListed(ctx, textIDs(list))
	if err != nil {
		return false, err
	}
	list = slices.DeleteFunc(list, func(t carrier.ListedText) bool { return known[t.ID] })
	// A few at a time: what is written down is not looked for again if there is no time for the rest.
	for some := range slices.Chunk(list, 50) {
		if _, err := s.recordFound(ctx, inbox, number, some, false); err != nil {
			return false, err
		}
	}
	return true, nil
}

// recordFound writes texts of a list down, and returns how many are new. load says that they are from before the hotline was ours.
func (s *Service) recordFound(ctx context.Context, inbox carrier.Inbox, number phone.Number, list []carrier.ListedText, load bool) (fresh int, err error) {
	rows, by := make([]sqlstore.TextInRow, len(list)), s.transport(number)
	for i, t := range list {
		if rows[i], err = s.foundRow(ctx, by, inbox, t); err != nil {
			return 0, err
		}
		if load {
			rows[i].FoundAt, rows[i].Loaded = s.Now(), true
		}
	}
	results, err := s.record(ctx, rows)
	for _, r := range results {
		err = errors.Join(err, r.err)
		if r.fresh {
			fresh++
			s.metrics.accepted(ctx, true)
		}
	}
	if fresh > 0 && !load && by.Can().Webhooks {
		s.Log.WarnContext(ctx, "texts found that nobody told us about", "hotline", number, "texts", fresh)
		s.books.Recovered(ctx, operatorv1.Kind_KIND_TEXT_IN, fresh)
	}
	if err != nil {
		return fresh, err
	}
	_, err = s.store.TextsListed(ctx, textIDs(list))
	return fresh, err
}

// foundRow is a text as its webhook would have brought it.
func (s *Service) foundRow(ctx context.Context, by hotline.Transport, inbox carrier.Inbox, t carrier.ListedText) (row sqlstore.TextInRow, err error) {
	ctx, end := telemetry.Resume(ctx, "", "find text")
	defer func() { end(err) }()
	r := &telephonyv1.ReceiveTextRequest{MessageSid: t.ID, From: t.From, To: t.To, Body: t.Body}
	if t.Files > 0 {
		files, err := inbox.Files(ctx, t.ID)
		if err != nil && !carrier.NotFound(err) {
			return row, fmt.Errorf("asking for the files of a text: %w", err)
		}
		files = files[:min(len(files), maxMedia)]
		r.NumMedia = int32(len(files))
		for _, f := range files {
			r.MediaUrl, r.MediaContentType = append(r.MediaUrl, f.URL), append(r.MediaContentType, f.ContentType)
		}
	}
	row = s.textIn(ctx, by, r, t.At)
	if by.Can().Webhooks { // else this is how texts come in
		row.FoundAt = s.Now()
	}
	return row, nil
}

func textIDs(list []carrier.ListedText) (ids []string) {
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}

// textsOut looks at what the carrier says of the texts from a number: how ours stand, should their callbacks have been lost, and whether
// somebody has got one twice.
func (s *Service) textsOut(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error) {
	list, whole, err := s.carrierOf(number).(carrier.Outbox).TextsFrom(ctx, number, from, to)
	if err != nil || !whole {
		return whole, err
	}
	ours, err := s.store.MessagesByID(ctx, textIDs(list))
	if err != nil {
		return false, err
	}
	for _, t := range list {
		m, known := ours[t.ID]
		state := sqlstore.OutState(t.State)
		switch {
		case known && (m.MessageSID == t.ID || m.MessageSID == ""):
			if (m.State == sqlstore.Accepted || m.State == sqlstore.Sent) && state != m.State {
				err = s.store.AdvanceMessage(ctx, m.Key, t.ID, state, t.Code, s.Now())
			}
		case state != sqlstore.Sent && state != sqlstore.Delivered: // it did not leave
		case known: // two attempts at one message were accepted
			err = s.books.Doubled(ctx, operatorv1.Kind_KIND_TEXT_OUT, number, m.Key, t.At)
		default:
			err = s.foreignText(ctx, number, t)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// foreignText looks at a text from our number that belongs to none of our attempts. If it says what we have said to the same person,
// it is most likely ours, sent twice: an attempt that the carrier did not have when it was asked about it. Other systems may use the number too.
func (s *Service) foreignText(ctx context.Context, number phone.Number, t carrier.ListedText) error {
	sent, err := s.store.SentAlready(ctx, number, phone.Parse(t.To).Number, t.Body, t.At)
	if err != nil || !sent {
		return err
	}
	return s.books.Doubled(ctx, operatorv1.Kind_KIND_TEXT_OUT, number, t.ID, t.At)
}

// askAboutTexts asks the carriers how texts stand of which they have told nothing for long, and which may not be in a list because they never
// left: after 10 minutes, then when they are twice as old, for three days.
func (s *Service) askAboutTexts(ctx context.Context) error {
	const most = 100 // some carriers never say that a text has arrived
	ctx, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	messages, err := s.store.ToAsk(ctx, s.Now(), most)
	if err != nil {
		return err
	}
	for _, m := range messages {
		err := s.refresh(ctx, m)
		if ctx.Err() != nil {
			return nil // the rest next time
		}
		if failure, ok := errors.AsType[*carrier.Error](err); err != nil && !(ok && failure.Outcome == carrier.Refused) {
			return fmt.Errorf("asking how a text stands: %w", err)
		}
		if err := s.store.Asked(ctx, m, s.Now()); err != nil {
			return err
		}
	}
	return nil
}
