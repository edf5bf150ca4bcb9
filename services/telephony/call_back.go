package telephony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
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
	s.Log.InfoContext(ctx, "a call back is asked for", "caller", rpc.Caller(ctx), "agent", r.GetAgent(), "phone", agent, "supporter", supporter)
	if err := s.mayCall(ctx, h, agent, supporter); err != nil {
		return nil, err
	}
	c, again, err := s.store.QueueCallBack(ctx, sqlstore.CallBackRow{
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
	return &telephonyv1.StartCallBackResponse{CallBack: callBackProto(c), Known: again}, nil
}

// mayCall refuses phones that are not called.
func (s *Service) mayCall(ctx context.Context, h hotline.Hotline, agent, supporter phone.Identity) error {
	if why := s.Hotlines.MayCall(h, agent); why != "" {
		return s.refuseCall(ctx, "phone", "Your phone cannot be used. "+why)
	}
	if agent.Number == supporter.Number {
		return s.refuseCall(ctx, "phone", "This is your own number.")
	}
	why, err := s.notCalled(ctx, h, supporter)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "it could not be found out whether they may be called; try again")
	}
	if why != "" {
		return s.refuseCall(ctx, "supporter", why)
	}
	return nil
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
