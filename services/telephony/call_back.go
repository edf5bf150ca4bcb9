package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// StartCallBack accepts a call back for the ledger. callBack makes the call.
func (s *Service) StartCallBack(ctx context.Context, r *telephonyv1.StartCallBackRequest) (*telephonyv1.StartCallBackResponse, error) {
	from, supporter, agent := phone.Parse(r.GetHotline()), phone.Parse(r.GetSupporter()), phone.Parse(r.GetAgentPhone())
	h, known := s.Hotlines.ByNumber(from.Number)
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	check.That(known, "hotline", "is not a configured hotline")
	check.That(r.GetAgent() != "" && len(r.GetAgent()) <= 100, "agent", "must have 1 to 100 characters")
	check.That(utf8.RuneCountInString(r.GetAgentName()) <= 200, "agent_name", "must have at most 200 characters")
	if err := check.Err(); err != nil {
		return nil, err
	}
	// A call that is there is the answer, whatever has changed since.
	c, err := s.store.FindCallBack(ctx, r.GetKey())
	switch {
	case err == nil && (c.Hotline != from.Number || c.Supporter != supporter.Number || c.Agent != clean(r.GetAgent())):
		return nil, errs.New(errs.Precondition, "This key is another call's.")
	case err == nil:
		return &telephonyv1.StartCallBackResponse{CallBack: callBackProto(c), Known: true}, nil
	case !errors.Is(err, sqlstore.ErrNoCallBack):
		return nil, callBackErr(err)
	}
	if why := s.Hotlines.MayCall(h, agent); why != "" {
		return nil, s.refuseCall(ctx, "phone", "Your phone cannot be used. "+why)
	}
	if agent.Number == supporter.Number {
		return nil, s.refuseCall(ctx, "phone", "This is your own number.")
	}
	why, err := s.notCalled(ctx, h, supporter)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "it could not be found out whether they may be called; try again")
	}
	if why != "" {
		return nil, s.refuseCall(ctx, "supporter", why)
	}
	c, err = s.store.QueueCallBack(ctx, sqlstore.CallBackRow{
		Key: r.GetKey(), Lane: lane(from.Number, string(supporter.Number)), Hotline: from.Number, Supporter: supporter.Number,
		Agent: clean(r.GetAgent()), AgentName: clean(r.GetAgentName()), AgentPhone: agent.Number, ConversationID: r.GetConversationId(),
		Trace: telemetry.Carry(ctx), CreatedAt: s.Now(),
	}, h.Numbers(), func(load sqlstore.CallBackLoad) error { return s.mayStart(ctx, h, load) })
	var refused *errs.Error
	if err != nil && !errors.As(err, &refused) {
		err = errs.Wrap(errs.Unavailable, err, "the call could not be stored; start it again")
	}
	if err != nil {
		return nil, err
	}
	return &telephonyv1.StartCallBackResponse{CallBack: callBackProto(c)}, nil
}

// notCalled says why a supporter is not called back, in words for people; empty if they may be.
func (s *Service) notCalled(ctx context.Context, h hotline.Hotline, supporter phone.Identity) (why string, err error) {
	if why := s.Hotlines.MayCall(h, supporter); why != "" {
		return why, nil
	}
	for _, number := range h.Numbers() {
		block, err := s.store.Blocked(ctx, string(supporter.Number), number, s.Now())
		if err != nil {
			return "", err
		}
		if block != nil {
			return "They are blocked: " + block.Reason, nil
		}
	}
	refused, err := s.store.WantsNoCalls(ctx, h.Numbers(), string(supporter.Number))
	if refused {
		return "They asked not to be called.", nil
	}
	return "", err
}

// mayStart says which limit a further call would break.
func (s *Service) mayStart(ctx context.Context, h hotline.Hotline, load sqlstore.CallBackLoad) error {
	switch {
	case load.AgentBusy:
		return s.refuseCall(ctx, "busy", "You are in a call already.")
	case load.SupporterBusy:
		return s.refuseCall(ctx, "busy", "Somebody else is calling them back just now.")
	case load.ByAgent >= h.CallBack.PerAgent:
		return s.limitCall(ctx, fmt.Sprintf("You have called back %d times in the last hour, which is the limit.", load.ByAgent))
	case load.ByHotline >= h.CallBack.PerHour:
		return s.limitCall(ctx, fmt.Sprintf("The hotline has called back %d times in the last hour, which is the limit.", load.ByHotline))
	}
	return nil
}

func (s *Service) refuseCall(ctx context.Context, what, why string) error {
	s.metrics.call(ctx, "back refused: "+what)
	return errs.New(errs.Precondition, "%s", why)
}

func (s *Service) limitCall(ctx context.Context, why string) error {
	s.metrics.call(ctx, "back limited")
	s.Log.WarnContext(ctx, "a limit on calls back was reached", "limit", why)
	return errs.New(errs.RateLimited, "%s", why)
}

// CancelCallBack has a call ended.
func (s *Service) CancelCallBack(ctx context.Context, r *telephonyv1.CancelCallBackRequest) (*telephonyv1.CancelCallBackResponse, error) {
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	if err := check.Err(); err != nil {
		return nil, err
	}
	c, err := s.store.CancelCallBack(ctx, r.GetKey(), s.Now())
	if err != nil {
		return nil, callBackErr(err)
	}
	return &telephonyv1.CancelCallBackResponse{CallBack: callBackProto(c)}, nil
}

// watchEvery is how often a call that somebody watches is looked at. Watchers are few, and a call may change on any replica.
const watchEvery = 250 * time.Millisecond

// WatchCallBack tells how a call stands until it has ended.
func (s *Service) WatchCallBack(r *telephonyv1.WatchCallBackRequest, stream grpc.ServerStreamingServer[telephonyv1.WatchCallBackResponse]) error {
	ctx := stream.Context()
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	if err := check.Err(); err != nil {
		return err
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for last := (sqlstore.CallBackRow{}); ; {
		c, err := s.store.FindCallBack(ctx, r.GetKey())
		if err != nil {
			return callBackErr(err)
		}
		if c.State != last.State || c.Cancelled != last.Cancelled || c.Result != last.Result {
			if err := stream.Send(&telephonyv1.WatchCallBackResponse{CallBack: callBackProto(c)}); err != nil {
				return err
			}
		}
		if last = c; c.State == sqlstore.CallBackEnded {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.watching.Done(): // the watcher comes back, and meets another replica
			return errs.New(errs.Unavailable, "the service is being replaced; watch again")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func callBackErr(err error) error {
	if errors.Is(err, sqlstore.ErrNoCallBack) {
		return errs.New(errs.NotFound, "no call back has this key")
	}
	return errs.Wrap(errs.Unavailable, err, "the call could not be read; try again")
}

func callBackProto(c sqlstore.CallBackRow) *telephonyv1.CallBack {
	return &telephonyv1.CallBack{
		Key: c.Key, Since: timestamppb.New(c.StateAt), Cancelled: c.Cancelled, Result: resultProto(c.Result), TalkedSeconds: int32(c.TalkedSeconds),
		State: telephonyv1.CallBackState(telephonyv1.CallBackState_value["CALL_BACK_STATE_"+strings.ToUpper(c.State)]),
	}
}

func resultProto(result string) telephonyv1.CallBackResult {
	return telephonyv1.CallBackResult(telephonyv1.CallBackResult_value["CALL_BACK_RESULT_"+strings.ToUpper(result)])
}

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
	defer func() { end(err) }()
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
	failure, _ := errors.AsType[*twilio.Error](err)
	switch failure.Outcome {
	case twilio.Refused:
		s.Log.WarnContext(ctx, "carrier refused to call an agent", "code", failure.Code)
		return s.endNow(ctx, c, sqlstore.BackAgentFailed)
	case twilio.NotDone:
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

// tellSettle is how long after the end of a call its note waits for what the carrier says of its length.
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
	ctx, end := telemetry.Resume(ctx, c.Trace, "tell of a call back")
	defer func() { end(err) }()
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
	if wait := c.EndedAt.Add(tellSettle).Sub(s.Now()); wait > 0 {
		return errs.New(errs.Unavailable, "the length of a call may still be told").After(wait)
	}
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
	return errors.Join(slices.DeleteFunc(failed, func(err error) bool { return err == nil })...)
}

// GetSupporter tells what the hotline knows of a supporter.
func (s *Service) GetSupporter(ctx context.Context, r *telephonyv1.GetSupporterRequest) (*telephonyv1.GetSupporterResponse, error) {
	from, id := phone.Parse(r.GetHotline()), phone.Parse(clean(r.GetSupporter()))
	h, known := s.Hotlines.ByNumber(from.Number)
	var check errs.Check
	check.That(known, "hotline", "is not a configured hotline")
	check.That(r.GetSupporter() != "", "supporter", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	res, err := s.supporter(ctx, h, from.Number, id)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "what is known of them could not be read; try again")
	}
	return res, nil
}

// pastCalls is how many calls are told of a supporter.
const pastCalls = 5

func (s *Service) supporter(ctx context.Context, h hotline.Hotline, number phone.Number, id phone.Identity) (*telephonyv1.GetSupporterResponse, error) {
	res, supporter := &telephonyv1.GetSupporterResponse{}, string(id.Number)
	var err error
	if res.OptedOut, err = s.store.OptedOut(ctx, number, supporter); err != nil {
		return nil, err
	}
	if res.NoCalls, err = s.store.WantsNoCalls(ctx, h.Numbers(), supporter); err != nil {
		return nil, err
	}
	block, err := s.store.Blocked(ctx, supporter, number, s.Now())
	if err != nil {
		return nil, err
	}
	if block != nil {
		res.Blocked = block.Reason
	}
	if res.NotCalled, err = s.notCalled(ctx, h, id); err != nil {
		return nil, err
	}
	t, messages, found, err := s.store.LastTextOut(ctx, lane(number, supporter))
	if err != nil {
		return nil, err
	}
	if found {
		res.LastText, res.LastTextAt = proto(t, messages), timestamppb.New(t.CreatedAt)
	}
	calls, err := s.store.PastCalls(ctx, lane(number, supporter), pastCalls)
	for _, c := range calls {
		res.Calls = append(res.Calls, &telephonyv1.PastCall{
			At: timestamppb.New(c.At), Kind: pastKinds[c.Kind], Seconds: int32(c.Seconds), Result: resultProto(c.Result), AgentName: c.AgentName,
		})
	}
	return res, err
}

var pastKinds = map[string]telephonyv1.PastCallKind{
	sqlstore.Talked: telephonyv1.PastCallKind_PAST_CALL_KIND_TALKED, sqlstore.Voicemail: telephonyv1.PastCallKind_PAST_CALL_KIND_VOICEMAIL,
	sqlstore.Missed: telephonyv1.PastCallKind_PAST_CALL_KIND_MISSED, "back": telephonyv1.PastCallKind_PAST_CALL_KIND_CALL_BACK,
}
