package telephony

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// GetOverview tells how telephony stands. What failed, what nobody can know and what was done is counted over the last day; what is dead or
// unrouted waits for somebody, however old it is.
func (s *Service) GetOverview(ctx context.Context, _ *operatorv1.GetOverviewRequest) (*operatorv1.GetOverviewResponse, error) {
	const mostLanes, mostCalls = 50, 200
	topics, lanes, err := s.store.Backlog(ctx, mostLanes)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	counts, err := s.store.Counts(ctx, s.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	calls, back, err := s.store.CallsGoingOn(ctx, s.Now(), mostCalls)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	res := &operatorv1.GetOverviewResponse{}
	for _, t := range topics {
		p := &operatorv1.Topic{Name: t.Name, Waiting: t.Waiting, Lanes: t.Lanes}
		if !t.Oldest.IsZero() {
			p.Oldest = timestamppb.New(t.Oldest)
		}
		res.Topics = append(res.Topics, p)
	}
	for _, l := range lanes {
		res.Lanes = append(res.Lanes, &operatorv1.Lane{
			Topic: l.Topic, Hotline: string(l.Hotline), Supporter: l.Supporter, Waiting: l.Waiting, Oldest: timestamppb.New(l.Oldest), First: l.First,
		})
	}
	for _, c := range counts {
		i := s.itemProto(sqlstore.ItemRow{Kind: c.Kind, State: c.State})
		res.Counts = append(res.Counts, &operatorv1.Count{Kind: i.GetKind(), State: i.GetState(), Count: c.Count})
	}
	for _, c := range calls {
		res.Calls = append(res.Calls, s.liveCall(c))
	}
	for _, c := range back {
		res.Calls = append(res.Calls, &operatorv1.Call{
			Id: c.Key, Kind: operatorv1.Kind_KIND_CALL_BACK, Hotline: string(c.Hotline), Supporter: string(c.Supporter), Since: timestamppb.New(c.CreatedAt),
			State: strings.ReplaceAll(c.State, "_", " "), People: []string{c.AgentName},
		})
	}
	slices.SortStableFunc(res.Calls, func(a, b *operatorv1.Call) int { return a.GetSince().AsTime().Compare(b.GetSince().AsTime()) })
	return res, nil
}

// liveCall is how a call stands: who talks or, if nobody does, whose phones ring.
func (s *Service) liveCall(c sqlstore.OpenCall) *operatorv1.Call {
	p := &operatorv1.Call{
		Id: c.CallSID, Kind: operatorv1.Kind_KIND_CALL, Hotline: string(c.Hotline), Supporter: c.Supporter, Since: timestamppb.New(c.At), State: "voicemail",
	}
	if c.Ringing != "" && !c.Recorded {
		p.State = "ringing"
	}
	round, ended := 0, map[phone.Number]bool{}
	for _, l := range c.Legs {
		if l.Round > round {
			round, ended = l.Round, map[phone.Number]bool{}
		}
		ended[l.Phone] = !l.EndedAt.IsZero()
		if !l.AcceptedAt.IsZero() && l.EndedAt.IsZero() {
			p.State, p.People = "talking", []string{s.volunteer(c.Hotline, l.Phone)}
			return p
		}
	}
	if p.State == "ringing" {
		for number := range strings.SplitSeq(c.Ringing, ",") {
			if !ended[phone.Number(number)] {
				p.People = append(p.People, s.volunteer(c.Hotline, phone.Number(number)))
			}
		}
	}
	return p
}
