package telephony

import (
	"context"
	"errors"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/callflow"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// AskAgent asks an agent who has picked up for a key. A leg that is not the call's, or a call that is over, is hung up on: this is
// what becomes of a call that Twilio made though it told us otherwise.
func (s *Service) AskAgent(ctx context.Context, r *telephonyv1.AskAgentRequest) (*telephonyv1.AskAgentResponse, error) {
	c, mine, err := s.agentLeg(ctx, r.GetCallBack(), r.GetCallSid(), sqlstore.AskingAgent)
	if err != nil {
		return nil, err
	}
	if !mine {
		return &telephonyv1.AskAgentResponse{Twiml: callflow.HangUp()}, nil
	}
	return &telephonyv1.AskAgentResponse{Twiml: s.back(c).Ask(0)}, nil
}

// TakeAgentKey calls the supporter once the key was pressed.
func (s *Service) TakeAgentKey(ctx context.Context, r *telephonyv1.TakeAgentKeyRequest) (*telephonyv1.TakeAgentKeyResponse, error) {
	c, mine, err := s.agentLeg(ctx, r.GetCallBack(), r.GetCallSid(), sqlstore.AskingAgent)
	if err != nil {
		return nil, err
	}
	call, twiml := s.back(c).AgentKey(int(r.GetAgain()), r.GetDigits())
	if call && mine {
		c, mine, err = s.agentLeg(ctx, r.GetCallBack(), r.GetCallSid(), sqlstore.CallingSupporter)
		twiml = s.back(c).Dial()
	}
	if err != nil {
		return nil, err
	}
	if !mine {
		twiml = callflow.HangUp()
	}
	return &telephonyv1.TakeAgentKeyResponse{Twiml: twiml}, nil
}

// EndCallBack ends the agent's leg when that of the supporter has ended.
func (s *Service) EndCallBack(ctx context.Context, r *telephonyv1.EndCallBackRequest) (*telephonyv1.EndCallBackResponse, error) {
	c, err := s.store.FindCallBack(ctx, clean(r.GetCallBack()))
	if errors.Is(err, sqlstore.ErrNoCallBack) || err == nil && c.AgentSID != clean(r.GetCallSid()) {
		return &telephonyv1.EndCallBackResponse{Twiml: callflow.HangUp()}, nil
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the call could not be looked up; ask again")
	}
	result, known := supporterResults[r.GetDialCallStatus()]
	if !known {
		result = sqlstore.BackFailed
	}
	if over := r.GetCallStatus() != "in-progress" && r.GetCallStatus() != ""; over && result != sqlstore.BackTalked {
		result = sqlstore.BackAgentHungUp
	}
	if c, err = s.endCallBack(ctx, c.Key, talked(result, r.GetDialCallDuration()), supporterResult(result)); err != nil {
		return nil, err
	}
	return &telephonyv1.EndCallBackResponse{Twiml: s.back(c).Over(c.Result == sqlstore.BackTalked || c.Result == sqlstore.BackCancelled)}, nil
}

// supporterResults say what Twilio's status of the supporter's leg, at its end, means.
var supporterResults = map[string]string{
	"completed": sqlstore.BackTalked, "answered": sqlstore.BackTalked, "busy": sqlstore.BackBusy, "no-answer": sqlstore.BackNoAnswer,
	"failed": sqlstore.BackFailed, "canceled": sqlstore.BackAgentHungUp,
}

// supporterResult decides how a call ended, from how the supporter's leg did.
func supporterResult(result string) func(sqlstore.CallBackRow) string {
	return func(c sqlstore.CallBackRow) string {
		if c.Cancelled && result != sqlstore.BackTalked {
			return sqlstore.BackCancelled
		}
		return result
	}
}

// talked is how long they talked, in seconds: the duration of a leg that was not answered is none.
func talked(result string, seconds int32) int {
	if result != sqlstore.BackTalked {
		return 0
	}
	return int(seconds)
}

// ReceiveAgentStatus follows the agent's leg.
func (s *Service) ReceiveAgentStatus(ctx context.Context, r *telephonyv1.ReceiveAgentStatusRequest) (*telephonyv1.ReceiveAgentStatusResponse, error) {
	state := sqlstore.CallingAgent
	switch r.GetCallStatus() {
	case "in-progress":
		state = sqlstore.AskingAgent
	case "completed", "busy", "no-answer", "failed", "canceled":
		return &telephonyv1.ReceiveAgentStatusResponse{}, s.agentLegOver(ctx, clean(r.GetCallBack()), clean(r.GetCallSid()), r.GetCallStatus())
	}
	_, _, err := s.agentLeg(ctx, r.GetCallBack(), r.GetCallSid(), state)
	return &telephonyv1.ReceiveAgentStatusResponse{}, err
}

// agentLegOver ends the call when the agent's leg has ended.
func (s *Service) agentLegOver(ctx context.Context, key, sid, status string) error {
	c, _, err := s.agentLeg(ctx, key, sid, sqlstore.CallingAgent)
	if err != nil || c.AgentSID != sid {
		return err
	}
	_, err = s.endCallBack(ctx, key, 0, func(c sqlstore.CallBackRow) string { return agentResult(c, status) })
	return err
}

// agentResult says what the end of the agent's leg means for a call as it stands.
func agentResult(c sqlstore.CallBackRow, status string) string {
	switch {
	case !c.ConnectedAt.IsZero():
		return sqlstore.BackTalked
	case c.Cancelled, status == "canceled":
		return sqlstore.BackCancelled
	case c.State == sqlstore.CallingSupporter:
		return sqlstore.BackAgentHungUp
	case status == "busy":
		return sqlstore.BackAgentBusy
	case status == "no-answer":
		return sqlstore.BackAgentNoAnswer
	case status == "failed":
		return sqlstore.BackAgentFailed
	default:
		return sqlstore.BackAgentUnconfirmed
	}
}

// ReceiveSupporterStatus follows the supporter's leg.
func (s *Service) ReceiveSupporterStatus(ctx context.Context, r *telephonyv1.ReceiveSupporterStatusRequest) (*telephonyv1.ReceiveSupporterStatusResponse, error) {
	res := &telephonyv1.ReceiveSupporterStatusResponse{}
	c, err := s.store.FindCallBack(ctx, clean(r.GetCallBack()))
	if errors.Is(err, sqlstore.ErrNoCallBack) || err == nil && c.AgentSID != clean(r.GetParentCallSid()) {
		return res, nil
	}
	if err == nil && r.GetCallStatus() == "in-progress" {
		err = s.store.Connected(ctx, c.Key, s.Now())
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the status could not be stored; send it again")
	}
	// How it ended is told to EndCallBack as well, which knows whether the agent is still there.
	if r.GetCallStatus() == "completed" {
		_, err = s.endCallBack(ctx, c.Key, int(r.GetCallDuration()), supporterResult(sqlstore.BackTalked))
	}
	return res, err
}

// agentLeg notes how far a call back has come. A call that we do not know is nobody's.
func (s *Service) agentLeg(ctx context.Context, key, sid, state string) (sqlstore.CallBackRow, bool, error) {
	c, mine, err := s.store.AgentLeg(ctx, clean(key), clean(sid), state, s.Now())
	if errors.Is(err, sqlstore.ErrNoCallBack) {
		s.Log.WarnContext(ctx, "a call back that is not ours", "call_sid", sid)
		return c, false, nil
	}
	if err != nil {
		return c, false, errs.Wrap(errs.Unavailable, err, "the call could not be looked up; ask again")
	}
	return c, mine, nil
}

// endCallBack notes how a call ended: as decide says of the call as it stands.
func (s *Service) endCallBack(ctx context.Context, key string, talked int, decide func(sqlstore.CallBackRow) string) (sqlstore.CallBackRow, error) {
	c, err := s.store.EndCallBack(ctx, key, talked, s.Now(), decide)
	if err != nil {
		return c, errs.Wrap(errs.Unavailable, err, "the end of the call could not be stored; send it again")
	}
	return c, nil
}

// back is what the call flow needs to know of a call back.
func (s *Service) back(c sqlstore.CallBackRow) callflow.Back {
	h, ok := s.Hotlines.ByNumber(c.Hotline)
	if !ok {
		h = hotline.New(c.Hotline, 0)
	}
	return callflow.Back{
		Key:  c.Key,
		Call: callflow.Call{Hotline: h, From: phone.Parse(string(c.Supporter)), To: phone.Parse(string(c.Hotline)), Base: s.PublicURL, Now: s.Now()},
	}
}
