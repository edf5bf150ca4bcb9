package switchboard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// ledger is a fake of what telephony and ticketing say of theirs.
type ledger struct {
	operatorv1.OperatorServiceClient // what is not below panics
	telephonyv1.TelephonyServiceClient
	dialerv1.DialerServiceClient

	mu       sync.Mutex
	items    map[string]*operatorv1.GetItemResponse
	overview *operatorv1.GetOverviewResponse
	findings []*operatorv1.Finding
	days     []*operatorv1.Day
	blocks   []*telephonyv1.Block
	pauses   []*telephonyv1.Pause
	wishes   []*telephonyv1.Wish
	agents   []*dialerv1.Agent
	audit    []*dialerv1.AuditEntry
	export   string
	erase    []*operatorv1.ErasePersonResponse // the answers, in their order; then it is done
	did      []string                          // what was asked to be done, in its order
	err      error                             // of all calls
	hang     bool                              // until the caller gives up
	before   func(did string)                  // is called before something is done
}

// answer is how each call begins: no answer, or an error.
func (l *ledger) answer(ctx context.Context, did string, args ...any) error {
	if did != "" {
		did = fmt.Sprintf(did, args...)
		if l.before != nil {
			l.before(did)
		}
		l.mu.Lock()
		l.did = append(l.did, did)
		l.mu.Unlock()
	}
	if l.hang {
		<-ctx.Done()
		return errs.Wrap(errs.Unavailable, ctx.Err(), "the service does not answer")
	}
	return l.err
}

// sendable is an error if gRPC could not send a message.
func sendable(m proto.Message) error {
	_, err := proto.Marshal(m)
	return err
}

func (l *ledger) put(item *operatorv1.Item, more ...*operatorv1.GetItemResponse) {
	res := &operatorv1.GetItemResponse{}
	if len(more) > 0 {
		res = more[0]
	}
	res.Item = item
	l.items[item.GetId()] = res
}

func (l *ledger) ListItems(ctx context.Context, r *operatorv1.ListItemsRequest, _ ...grpc.CallOption) (*operatorv1.ListItemsResponse, error) {
	if err := errors.Join(l.answer(ctx, ""), sendable(r)); err != nil {
		return nil, err
	}
	res := &operatorv1.ListItemsResponse{}
	for _, i := range l.items {
		item := proto.CloneOf(i.GetItem())
		if q := r.GetQuery(); q != "" && item.GetId() != q && !(len(q) >= 4 && strings.HasSuffix(item.GetSupporter(), q)) ||
			len(r.GetKind()) > 0 && !slices.Contains(r.GetKind(), item.GetKind()) || len(r.GetState()) > 0 && !slices.Contains(r.GetState(), item.GetState()) ||
			r.GetHotline() != "" && r.GetHotline() != item.GetHotline() || r.GetConversationId() != 0 && r.GetConversationId() != item.GetConversationId() ||
			r.GetBefore() != nil && !item.GetAt().AsTime().Before(r.GetBefore().AsTime()) {
			continue
		}
		res.Items = append(res.Items, item)
	}
	slices.SortFunc(res.Items, func(a, b *operatorv1.Item) int { return b.GetAt().AsTime().Compare(a.GetAt().AsTime()) })
	res.Items = res.Items[:min(len(res.Items), int(r.GetLimit()))]
	return res, nil
}

func (l *ledger) GetItem(ctx context.Context, r *operatorv1.GetItemRequest, _ ...grpc.CallOption) (*operatorv1.GetItemResponse, error) {
	if err := errors.Join(l.answer(ctx, ""), sendable(r)); err != nil {
		return nil, err
	}
	if i := l.items[r.GetId()]; i != nil {
		return proto.CloneOf(i), nil
	}
	return nil, errs.New(errs.NotFound, "no such item")
}

func (l *ledger) RetryItems(ctx context.Context, r *operatorv1.RetryItemsRequest, _ ...grpc.CallOption) (*operatorv1.RetryItemsResponse, error) {
	if err := l.answer(ctx, "retry %v %v %v", r.GetId(), r.GetAllDead(), r.GetUnrouted()); err != nil {
		return nil, err
	}
	res := &operatorv1.RetryItemsResponse{}
	for id, i := range l.items {
		dead := i.GetItem().GetState() == operatorv1.State_STATE_DEAD
		if dead && (slices.Contains(r.GetId(), id) || slices.Contains(r.GetAllDead(), i.GetItem().GetKind())) || r.GetUnrouted() && i.GetItem().GetState() == operatorv1.State_STATE_UNROUTED {
			i.Item.State = operatorv1.State_STATE_WAITING
			res.Count++
		}
	}
	return res, nil
}

func (l *ledger) GetOverview(ctx context.Context, _ *operatorv1.GetOverviewRequest, _ ...grpc.CallOption) (*operatorv1.GetOverviewResponse, error) {
	return l.overview, l.answer(ctx, "")
}

func (l *ledger) ListFindings(ctx context.Context, _ *operatorv1.ListFindingsRequest, _ ...grpc.CallOption) (*operatorv1.ListFindingsResponse, error) {
	return &operatorv1.ListFindingsResponse{Findings: l.findings}, l.answer(ctx, "")
}

func (l *ledger) ListDays(ctx context.Context, _ *operatorv1.ListDaysRequest, _ ...grpc.CallOption) (*operatorv1.ListDaysResponse, error) {
	return &operatorv1.ListDaysResponse{Days: l.days}, l.answer(ctx, "")
}

func (l *ledger) ExportPerson(ctx context.Context, r *operatorv1.ExportPersonRequest, _ ...grpc.CallOption) (*operatorv1.ExportPersonResponse, error) {
	return &operatorv1.ExportPersonResponse{Json: []byte(l.export)}, l.answer(ctx, "export %s", r.GetNumber())
}

func (l *ledger) ErasePerson(ctx context.Context, r *operatorv1.ErasePersonRequest, _ ...grpc.CallOption) (*operatorv1.ErasePersonResponse, error) {
	if err := l.answer(ctx, "erase %s", r.GetNumber()); err != nil {
		return nil, err
	}
	if len(l.erase) == 0 {
		return &operatorv1.ErasePersonResponse{Done: true}, nil
	}
	res := l.erase[0]
	l.erase = l.erase[1:]
	return res, nil
}

func (l *ledger) ListBlocks(ctx context.Context, _ *telephonyv1.ListBlocksRequest, _ ...grpc.CallOption) (*telephonyv1.ListBlocksResponse, error) {
	return &telephonyv1.ListBlocksResponse{Blocks: l.blocks}, l.answer(ctx, "")
}

func (l *ledger) BlockNumber(ctx context.Context, r *telephonyv1.BlockNumberRequest, _ ...grpc.CallOption) (*telephonyv1.BlockNumberResponse, error) {
	b := r.GetBlock()
	return nil, l.answer(ctx, "block %s %s %s %s %s", b.GetNumber(), b.GetHotline(), b.GetReason(), b.GetBlockedBy(), timeOf(b.GetUntil()))
}

func (l *ledger) UnblockNumber(ctx context.Context, r *telephonyv1.UnblockNumberRequest, _ ...grpc.CallOption) (*telephonyv1.UnblockNumberResponse, error) {
	return nil, l.answer(ctx, "unblock %s %s", r.GetNumber(), r.GetHotline())
}

func (l *ledger) ListPauses(ctx context.Context, _ *telephonyv1.ListPausesRequest, _ ...grpc.CallOption) (*telephonyv1.ListPausesResponse, error) {
	return &telephonyv1.ListPausesResponse{Pauses: l.pauses}, l.answer(ctx, "")
}

func (l *ledger) PauseHotline(ctx context.Context, r *telephonyv1.PauseHotlineRequest, _ ...grpc.CallOption) (*telephonyv1.PauseHotlineResponse, error) {
	return nil, l.answer(ctx, "pause %s %s %s", r.GetPause().GetHotline(), r.GetPause().GetReason(), r.GetPause().GetPausedBy())
}

func (l *ledger) ResumeHotline(ctx context.Context, r *telephonyv1.ResumeHotlineRequest, _ ...grpc.CallOption) (*telephonyv1.ResumeHotlineResponse, error) {
	return nil, l.answer(ctx, "resume %s", r.GetHotline())
}

func (l *ledger) ListWishes(ctx context.Context, _ *telephonyv1.ListWishesRequest, _ ...grpc.CallOption) (*telephonyv1.ListWishesResponse, error) {
	return &telephonyv1.ListWishesResponse{Wishes: l.wishes}, l.answer(ctx, "")
}

func (l *ledger) ListAgents(ctx context.Context, _ *dialerv1.ListAgentsRequest, _ ...grpc.CallOption) (*dialerv1.ListAgentsResponse, error) {
	return &dialerv1.ListAgentsResponse{Agents: l.agents}, l.answer(ctx, "")
}

func (l *ledger) ListAudit(ctx context.Context, _ *dialerv1.ListAuditRequest, _ ...grpc.CallOption) (*dialerv1.ListAuditResponse, error) {
	return &dialerv1.ListAuditResponse{Entries: l.audit}, l.answer(ctx, "")
}

func timeOf(t *timestamppb.Timestamp) string {
	if t == nil {
		return "for good"
	}
	return t.AsTime().Format(time.DateTime)
}

// wantDid says what a service was asked to do, all of it.
func (l *ledger) wantDid(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.did, want) {
		t.Errorf("was asked to %q, want %q", l.did, want)
	}
	l.did = nil
}

func at(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(start.Add(d)) }

func newLedger() *ledger {
	return &ledger{items: map[string]*operatorv1.GetItemResponse{}, overview: &operatorv1.GetOverviewResponse{}, export: "{}"}
}
