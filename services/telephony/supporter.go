package telephony

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// notCalled says why a supporter is not called back, in words for people; empty if they may be.
func (s *Service) notCalled(ctx context.Context, h hotline.Hotline, supporter phone.Identity) (why string, err error) {
	if why := s.Hotlines.MayCall(h, supporter); why != "" {
		return why, nil
	}
	pause, err := s.store.Paused(ctx, h.Numbers()[0])
	if err != nil {
		return "", err
	}
	if pause != nil {
		return "The hotline is paused: " + pause.Reason, nil
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
