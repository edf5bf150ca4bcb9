package telephony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// tellSettle is how long after the end of a call its note waits at most for what the carrier still says of it.
const tellSettle = 2 * time.Second

// tellCallBack puts into the ticket how a call ended.
func (s *Service) tellCallBack(ctx context.Context, key string) (more bool, err error) {
	c, err := s.store.FindCallBack(ctx, key)
	if errors.Is(err, sqlstore.ErrNoCallBack) || err == nil && (c.Told || c.State != sqlstore.CallBackEnded) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if pause, err := s.store.Paused(ctx, c.Hotline); err != nil || pause != nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, c.Trace, "tell of a call back")
	defer func() { end(s.noted(ctx, c.Key, "the ticket is not told yet", err)) }()
	if wait := c.EndedAt.Add(min(tellSettle, s.CallSettle)).Sub(s.Now()); wait > 0 {
		return false, errs.New(errs.Unavailable, "how a call ended may still be told").After(wait)
	}
	if c.Result == sqlstore.BackAgentHungUp {
		if c, err = s.surelyHungUp(ctx, c); err != nil {
			return false, err
		}
	}
	return true, s.noteCallBack(ctx, c)
}

// surelyHungUp asks Twilio whether the supporter really had not answered when the agent hung up: what says so may have been lost.
func (s *Service) surelyHungUp(ctx context.Context, c sqlstore.CallBackRow) (sqlstore.CallBackRow, error) {
	seconds, talked, err := s.twilio.Talked(ctx, c.AgentSID)
	if err != nil && s.Now().Sub(c.EndedAt) < freshFor {
		return c, errs.Wrap(errs.Unavailable, err, "asking whether they have talked").After(5 * time.Second)
	}
	if !talked {
		return c, nil
	}
	return s.store.EndCallBack(ctx, c.Key, max(1, seconds), s.Now(), func(sqlstore.CallBackRow) string { return sqlstore.BackTalked })
}

func (s *Service) noteCallBack(ctx context.Context, c sqlstore.CallBackRow) error {
	h, _ := s.Hotlines.ByNumber(c.Hotline)
	_, err := s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
		Key: "call-back:" + c.Key, Party: party(h.MailboxID, string(c.Supporter), ""), ConversationId: c.ConversationID, Text: callBackNote(c),
	})
	switch errs.KindOf(err) {
	case "":
	case errs.NotFound, errs.Invalid, errs.Precondition:
		s.Log.WarnContext(ctx, "no ticket to tell about a call back", "err", err)
	default:
		return err
	}
	s.metrics.call(ctx, "back "+c.Result)
	return s.store.CallBackTold(ctx, c.Key, s.Now())
}

// callBackNote is how a call ended, for the ticket.
func callBackNote(c sqlstore.CallBackRow) string {
	who := c.AgentName
	if who == "" {
		who = "An agent"
	}
	how, known := map[string]string{
		sqlstore.BackTalked:           fmt.Sprintf("They were connected for %s.", length(c.TalkedSeconds)),
		sqlstore.BackCancelled:        "The call was cancelled. The supporter was not called.",
		sqlstore.BackNotStarted:       "The call could not be started. The supporter was not called.",
		sqlstore.BackAgentNoAnswer:    "The agent's own phone was not picked up. The supporter was not called.",
		sqlstore.BackAgentBusy:        "The agent's own phone was busy. The supporter was not called.",
		sqlstore.BackAgentFailed:      "The agent's own phone could not be called. The supporter was not called.",
		sqlstore.BackAgentUnconfirmed: "The agent's own phone was picked up, but the call was not confirmed. The supporter was not called.",
		sqlstore.BackAgentHungUp:      "The agent hung up before the supporter answered.",
		sqlstore.BackNoAnswer:         "The supporter did not answer.",
		sqlstore.BackBusy:             "The supporter's phone was busy, or they declined the call.",
		sqlstore.BackFailed:           "The supporter's phone could not be reached.",
	}[c.Result]
	if c.Result == sqlstore.BackCancelled && c.SupporterCalled {
		how = "The call was cancelled before the supporter answered."
	}
	if !known {
		how = "How the call ended is not known."
	}
	return fmt.Sprintf("%s called back from %s. %s", who, phone.Parse(string(c.Hotline)).Display(), how)
}

func length(seconds int) string {
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
}
