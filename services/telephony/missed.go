package telephony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// callOver looks at the next call of a lane that has ended: one that nobody took and that left no voicemail leaves what the
// hotline wants of it.
func (s *Service) callOver(ctx context.Context, lane string) (more bool, err error) {
	c, outcome, err := s.store.NextCallOver(ctx, lane)
	if err != nil || c == nil {
		return false, err
	}
	defer func() { s.noted(ctx, c.CallSID, "how it ended is not settled yet", err) }() //nolint:errcheck // it is err
	// A voicemail's callback may come after the end of its call.
	if wait := c.At.Add(s.CallSettle).Sub(s.Now()); wait > 0 && outcome == sqlstore.Missed {
		return false, errs.New(errs.Unavailable, "the call may have left a voicemail").After(wait)
	}
	if outcome == sqlstore.Missed {
		recorded, err := s.twilio.CallRecorded(ctx, c.CallSID)
		switch age := s.Now().Sub(c.At); {
		case err != nil && age < time.Hour:
			return false, errs.Wrap(errs.Unavailable, err, "asking whether a call has left a voicemail").After(30 * time.Second)
		case recorded: // it will be told of, or found
			outcome = sqlstore.Voicemail
		}
	}
	h, _ := s.Hotlines.ByNumber(c.Hotline)
	text := fmt.Sprintf("Missed call (%d seconds). The caller left no voicemail.", c.Seconds)
	var entry *sqlstore.TextInRow
	var steps []sqlstore.StepRow
	switch {
	case outcome != sqlstore.Missed:
	case h.Calls.Missed == hotline.MissedEntry:
		entry = &sqlstore.TextInRow{
			Kind: sqlstore.MissedCall, MessageSID: c.CallSID, CallSID: c.CallSID, Lane: c.Lane, Hotline: c.Hotline, Supporter: c.Supporter,
			Body: text, ReceivedAt: s.Now(),
		}
	case h.Calls.Missed == hotline.MissedNote:
		_, err := s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
			Key: "missed:" + c.CallSID, Party: party(h.MailboxID, c.Supporter, c.CallSID), Text: text,
		})
		// Who has no conversation gets none for this.
		if kind := errs.KindOf(err); err != nil && kind != errs.NotFound && kind != errs.Invalid {
			return false, errs.Wrap(kind, err, "noting a missed call").After(5 * time.Second)
		}
		if err == nil {
			steps = append(steps, s.step(ctx, c.CallSID, "the ticket was told", "missed"))
		}
	}
	s.metrics.call(ctx, outcome)
	return true, s.store.CallDone(ctx, c, outcome, entry, steps...)
}

// closeCalls asks Twilio about calls, and about phones on a call, that seem to go on for long: the callback that says otherwise may
// have been lost.
func (s *Service) closeCalls(ctx context.Context) error {
	const long = 5 * time.Minute
	before := s.Now().Add(-long)
	calls, err := s.store.OpenCalls(ctx, before)
	if err != nil {
		return err
	}
	legs, err := s.store.OpenLegs(ctx, before)
	if err != nil {
		return err
	}
	var failed []error
	for _, row := range calls {
		if c, over := s.over(ctx, row.CallSID, &failed); over {
			row.At, row.Answered = row.At.Add(time.Duration(c.Seconds)*time.Second), c.Status == "completed"
			failed = append(failed, s.store.CallEnded(ctx, row))
		}
	}
	for _, leg := range legs {
		if c, over := s.over(ctx, leg.LegSID, &failed); over {
			leg.At, leg.Status = s.Now(), c.Status
			failed = append(failed, s.store.LegEnded(ctx, leg))
		}
	}
	return errors.Join(failed...)
}

// over reports whether Twilio says that a call is over. One that it does not know is.
func (s *Service) over(ctx context.Context, sid string, failed *[]error) (c twilio.Call, over bool) {
	c, err := s.twilio.Call(ctx, sid)
	if carrier.NotFound(err) {
		return c, true
	}
	if err != nil {
		*failed = append(*failed, fmt.Errorf("asking about a call: %w", err))
		return c, false
	}
	return c, c.Over()
}
