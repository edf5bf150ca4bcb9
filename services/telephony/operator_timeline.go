package telephony

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// GetItem tells what happened to an item: what its row and those of its parts say (operator_story.go), and what was noted besides
// (steps.go).
func (s *Service) GetItem(ctx context.Context, r *operatorv1.GetItemRequest) (*operatorv1.GetItemResponse, error) {
	i, err := s.store.Item(ctx, clean(r.GetId()))
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	if i == nil {
		return nil, errs.New(errs.NotFound, "nothing in the ledger has this id")
	}
	t := &timeline{item: *i}
	if err := s.tellStory(ctx, t); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	slices.SortStableFunc(t.steps, func(a, b sqlstore.StepRow) int { return a.At.Compare(b.At) })
	res := &operatorv1.GetItemResponse{Item: s.itemProto(*i), Related: s.itemProtos(t.related), Content: strings.Join(t.content, ", ")}
	for _, st := range t.steps {
		res.Steps = append(res.Steps, stepProto(st, i.Trace))
	}
	return res, nil
}

func stepProto(st sqlstore.StepRow, trace string) *operatorv1.Step {
	p := &operatorv1.Step{At: timestamppb.New(st.At), Times: int32(max(1, st.Times)), What: st.What, Detail: st.Detail, Trouble: st.Trouble}
	if st.Until.After(st.At) {
		p.Until = timestamppb.New(st.Until)
	}
	if id := telemetry.TraceID(st.Trace); id != telemetry.TraceID(trace) {
		p.TraceId = id
	}
	return p
}

// timeline is what is told of an item.
type timeline struct {
	item    sqlstore.ItemRow
	steps   []sqlstore.StepRow
	related []sqlstore.ItemRow
	content []string
}

// add adds what happened at a time; one that was not written down is that of the item's end, or else of its beginning.
func (t *timeline) add(at time.Time, what, detail string) { t.addStep(at, what, detail, false) }

// trouble adds what went wrong.
func (t *timeline) trouble(at time.Time, what, detail string) { t.addStep(at, what, detail, true) }

func (t *timeline) addStep(at time.Time, what, detail string, trouble bool) {
	for _, known := range []time.Time{t.item.EndedAt, t.item.At} {
		if at.IsZero() {
			at = known
		}
	}
	// The same right after itself is one step.
	if n := len(t.steps); n > 0 && t.steps[n-1].What == what && t.steps[n-1].Detail == detail {
		t.steps[n-1].Times++
		t.steps[n-1].Until = at
		return
	}
	t.steps = append(t.steps, sqlstore.StepRow{At: at, Times: 1, What: what, Detail: detail, Trouble: trouble, Trace: t.item.Trace})
}

// relate adds the item with an id, if there is one.
func (s *Service) relate(ctx context.Context, t *timeline, id string, kinds ...string) (*sqlstore.ItemRow, error) {
	found, err := s.store.Item(ctx, id, kinds...)
	if found != nil {
		t.related = append(t.related, *found)
	}
	return found, err
}

// counted adds how much there is of something, if there is any.
func (t *timeline) counted(n int, one string) {
	switch {
	case n == 1:
		t.content = append(t.content, "1 "+one)
	case n > 1:
		t.content = append(t.content, fmt.Sprintf("%d %ss", n, one))
	}
}

func (s *Service) tellStory(ctx context.Context, t *timeline) error {
	tell, key := map[string]func(context.Context, *timeline) error{
		sqlstore.ItemTextIn: s.textStory, sqlstore.ItemVoicemail: s.textStory, sqlstore.ItemMissed: s.textStory, sqlstore.ItemTextOut: s.textOutStory,
		sqlstore.ItemCall: s.callStory, sqlstore.ItemCallBack: s.callBackStory, sqlstore.ItemMedia: s.mediaStory,
	}[t.item.Kind], t.item.ID
	if t.item.Kind == sqlstore.ItemMedia {
		key = mediaKey(key)
	}
	if err := tell(ctx, t); err != nil {
		return err
	}
	if t.item.State == sqlstore.ItemWaiting {
		if err := s.tellPause(ctx, t); err != nil {
			return err
		}
	}
	noted, err := s.store.Steps(ctx, key)
	t.steps = append(t.steps, noted...)
	return err
}

// tellPause says that an item waits because its hotline is paused.
func (s *Service) tellPause(ctx context.Context, t *timeline) error {
	p, err := s.store.Paused(ctx, t.item.Hotline)
	if err != nil || p == nil {
		return err
	}
	at := p.Since
	if t.item.At.After(at) {
		at = t.item.At
	}
	t.add(at, "waits: the hotline is paused", "by "+cmp.Or(p.By, "an operator")+": "+p.Reason)
	return nil
}

// mediaKey is a file's key in the ledger.
func mediaKey(id string) string { return strings.ReplaceAll(id, "/", ":") }
