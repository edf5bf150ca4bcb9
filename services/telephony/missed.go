package telephony

import (
	"context"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// callOver looks at the next call of a lane that has ended: one that nobody took and that left no voicemail leaves what the
// hotline wants of it.
func (s *Service) callOver(ctx context.Context, lane string) (more bool, err error) {
	c, outcome, err := s.store.NextCallOver(ctx, lane)
	if err != nil || c == nil {
		return false, err
	}
	// A voicemail's callback may come after the end of its call.
	if wait := c.At.Add(s.CallSettle).Sub(s.Now()); wait > 0 && outcome == sqlstore.Missed {
		return false, errs.New(errs.Unavailable, "the call may have left a voicemail").After(wait)
	}
	h, _ := s.Hotlines.ByNumber(c.Hotline)
	text := fmt.Sprintf("Missed call (%d seconds). The caller left no voicemail.", c.Seconds)
	var entry *sqlstore.TextInRow
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
	}
	s.metrics.call(ctx, outcome)
	return true, s.store.CallDone(ctx, c, outcome, entry)
}

// closeLegs asks Twilio about phones that seem to be on a call for long: the callback that says otherwise may have been lost.
func (s *Service) closeLegs(ctx context.Context) error {
	const long = 5 * time.Minute
	legs, err := s.store.OpenLegs(ctx, s.Now().Add(-long))
	if err != nil {
		return err
	}
	for _, leg := range legs {
		c, err := s.twilio.Call(ctx, leg.LegSID)
		if err != nil {
			return fmt.Errorf("asking about a call: %w", err)
		}
		if !c.Over() {
			continue
		}
		leg.At, leg.Status = s.Now(), c.Status
		if err := s.store.LegEnded(ctx, leg); err != nil {
			return err
		}
	}
	return nil
}
