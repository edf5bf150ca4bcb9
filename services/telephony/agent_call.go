package telephony

import (
	"context"
	"errors"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// callBack does the next thing for a call back: have the agent called, find out whether they are being called, or hang up.
func (s *Service) callBack(ctx context.Context, key string) (more bool, err error) {
	c, err := s.store.FindCallBack(ctx, key)
	if errors.Is(err, sqlstore.ErrNoCallBack) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, c.Trace, "call back")
	defer func() { end(s.noted(ctx, c.Key, "not done yet", err)) }()
	switch {
	case c.State == sqlstore.CallQueued:
		return true, s.callAgent(ctx, c)
	case c.AgentSID == "" && c.State == sqlstore.CallingAgent:
		return true, s.lookForCall(ctx, c)
	case c.Cancelled && c.State != sqlstore.CallBackEnded:
		return true, s.hangUp(ctx, c)
	}
	return false, nil
}

const (
	// freshFor is how old a press of the button may be: after that nobody sits at their phone.
	freshFor = time.Minute
	// callLooks is how often Twilio must say that it has no such call before we believe it.
	callLooks = 3
)

// callAgent has the agent's phone called. The intent is committed first, so that a crash leaves an unclear call and never a second
// one.
func (s *Service) callAgent(ctx context.Context, c sqlstore.CallBackRow) error {
	if c.Cancelled {
		return s.endNow(ctx, c, sqlstore.BackCancelled)
	}
	if s.Now().Sub(c.CreatedAt) > freshFor {
		return s.endNow(ctx, c, sqlstore.BackNotStarted)
	}
	mine, err := s.store.BeginCallBack(ctx, c.Key, s.Now())
	if err != nil || !mine {
		return err
	}
	b := s.back(c)
	ask, status := b.URLs()
	sid, err := s.twilio.CreateCall(ctx, twilio.NewCall{
		From: c.Hotline, To: c.AgentPhone, URL: ask, StatusCallback: status, RingFor: b.Hotline.CallBack.RingAgent,
		Longest: b.Hotline.CallBack.Longest + b.Hotline.CallBack.Ring + time.Minute,
	})
	if err == nil {
		_, _, err = s.store.AgentLeg(ctx, c.Key, sid, sqlstore.CallingAgent, s.Now())
		return err
	}
	failure, _ := errors.AsType[*carrier.Error](err)
	switch failure.Outcome {
	case carrier.Refused:
		s.Log.WarnContext(ctx, "carrier refused to call an agent", "code", failure.Code)
		return s.endNow(ctx, c, sqlstore.BackAgentFailed)
	case carrier.NotDone:
		if err := s.store.CallBackNotBegun(ctx, c.Key); err != nil {
			return err
		}
		return errs.Wrap(errs.Unavailable, err, "carrier does not take calls now").After(max(time.Second, failure.RetryAfter))
	default:
		s.metrics.call(ctx, "back unclear")
		return errs.Wrap(errs.Unavailable, err, "unclear whether an agent is being called").After(s.Settle)
	}
}

// lookForCall finds out what became of a call whose answer was lost. Its callbacks may have told by now (then it is not in this
// state any more); else Twilio's list is searched. It is never made again: whoever pressed the button sees what happened, and
// can press it again. Should the agent's phone ring all the same, it is hung up on (AskAgent).
func (s *Service) lookForCall(ctx context.Context, c sqlstore.CallBackRow) error {
	if wait := c.AttemptedAt.Add(s.Settle * time.Duration(c.Looks+1)).Sub(s.Now()); wait > 0 {
		return errs.New(errs.Unavailable, "waiting for word on an unclear call").After(wait)
	}
	const clockSkew = time.Minute
	sids, err := s.twilio.FindCalls(ctx, c.Hotline, c.AgentPhone, c.AttemptedAt.Add(-clockSkew))
	if err != nil && s.Now().Sub(c.AttemptedAt) < freshFor {
		return errs.Wrap(errs.Unavailable, err, "asking about an unclear call").After(s.Settle)
	}
	for _, sid := range sids {
		known, err := s.store.IsAgentLeg(ctx, sid)
		if err != nil {
			return err
		}
		if !known {
			_, _, err := s.store.AgentLeg(ctx, c.Key, sid, sqlstore.CallingAgent, s.Now())
			return err
		}
	}
	if err == nil && c.Looks+1 < callLooks {
		return s.store.CallBackLooked(ctx, c.Key)
	}
	return s.endNow(ctx, c, sqlstore.BackNotStarted)
}

// hangUp ends a call that was cancelled, with both phones.
func (s *Service) hangUp(ctx context.Context, c sqlstore.CallBackRow) error {
	if err := s.twilio.HangUp(ctx, c.AgentSID); err != nil {
		return errs.Wrap(errs.Unavailable, err, "hanging up").After(time.Second)
	}
	_, err := s.store.EndCallBack(ctx, c.Key, 0, s.Now(), func(c sqlstore.CallBackRow) string { return agentResult(c, "canceled") })
	return err
}

func (s *Service) endNow(ctx context.Context, c sqlstore.CallBackRow, result string) error {
	_, err := s.store.EndCallBack(ctx, c.Key, 0, s.Now(), func(sqlstore.CallBackRow) string { return result })
	return err
}

// closeCallBacks asks Twilio about calls back that are in one state for long: a callback may have been lost.
func (s *Service) closeCallBacks(ctx context.Context) error {
	const long = 2 * time.Minute
	open, err := s.store.OpenCallBacks(ctx, s.Now().Add(-long))
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range open {
		if call, over := s.over(ctx, c.AgentSID, &failed); over {
			failed = append(failed, s.agentLegOver(ctx, c.Key, c.AgentSID, call.Status))
		}
	}
	return errors.Join(failed...)
}
