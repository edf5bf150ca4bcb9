package ticketing

import (
	"context"
	"time"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const (
	mostLanes = 50
	lately    = 24 * time.Hour
)

// GetOverview tells what waits, what was given up, and how Help Scout's budget stands. Texts and files are in telephony's overview.
func (s *Service) GetOverview(ctx context.Context, _ *operatorv1.GetOverviewRequest) (*operatorv1.GetOverviewResponse, error) {
	res := &operatorv1.GetOverviewResponse{}
	waiting, err := s.store.Waiting(ctx)
	if err != nil {
		return nil, meaning(err)
	}
	for _, w := range waiting {
		res.Topics = append(res.Topics, &operatorv1.Topic{Name: w.Topic, Waiting: w.Count, Lanes: w.Lanes, Oldest: timestamp(w.Oldest)})
	}
	counts, err := s.store.Counts(ctx, s.Now().Add(-lately))
	if err != nil {
		return nil, meaning(err)
	}
	for _, c := range counts {
		i := s.item(sqlstore.Item{Kind: c.Kind, State: c.State})
		res.Counts = append(res.Counts, &operatorv1.Count{Kind: i.GetKind(), State: i.GetState(), Count: c.Count})
	}
	lanes, err := s.store.OldestLanes(ctx, mostLanes)
	if err != nil {
		return nil, meaning(err)
	}
	for _, l := range lanes {
		res.Lanes = append(res.Lanes, &operatorv1.Lane{
			Topic: l.Topic, Hotline: l.Hotline, Supporter: l.Supporter, ConversationId: l.ConversationID, Waiting: l.Count, Oldest: timestamp(l.Oldest), First: l.First,
		})
	}
	b, err := s.store.Budget(ctx, s.Now())
	if err != nil {
		return nil, meaning(err)
	}
	res.Budget = &operatorv1.Budget{Allowed: int32(b.Allowed), Left: int32(max(0, b.Left)), BlockedUntil: timestamp(b.BlockedUntil)}
	return res, nil
}
