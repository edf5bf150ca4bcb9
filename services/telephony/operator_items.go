package telephony

import (
	"cmp"
	"context"
	"regexp"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// ListItems returns what is in the ledger, newest first.
func (s *Service) ListItems(ctx context.Context, r *operatorv1.ListItemsRequest) (*operatorv1.ListItemsResponse, error) {
	const most = 500
	f := sqlstore.ItemFilter{
		ID: clean(strings.TrimSpace(r.GetQuery())), Digits: digits(r.GetQuery()), Kinds: itemKinds(r.GetKind()), ConversationID: r.GetConversationId(),
		Limit: int(r.GetLimit()),
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	for _, state := range r.GetState() {
		if state != operatorv1.State_STATE_UNSPECIFIED {
			f.States = append(f.States, strings.ToLower(strings.TrimPrefix(state.String(), "STATE_")))
		}
	}
	if r.GetHotline() != "" {
		number := phone.Parse(r.GetHotline()).Number
		if f.Hotlines = []phone.Number{number}; number != "" {
			if h, known := s.Hotlines.ByNumber(number); known {
				f.Hotlines = h.Numbers()
			}
		}
	}
	if r.GetBefore() != nil {
		f.Before = r.GetBefore().AsTime()
	}
	var check errs.Check
	check.That(f.Limit > 0 && f.Limit <= most, "limit", "must be 500 at most")
	check.That(len(f.ID) <= 256, "query", "must have at most 256 bytes")
	if err := check.Err(); err != nil {
		return nil, err
	}
	rows, err := s.store.Items(ctx, f)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the ledger could not be read")
	}
	return &operatorv1.ListItemsResponse{Items: s.itemProtos(rows)}, nil
}

var asNumber = regexp.MustCompile(`^[+0-9()./\s-]+$`)

// digits are those of a query that may be a number, or the end of one.
func digits(query string) string {
	if !asNumber.MatchString(query) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, query)
}

// itemKinds are kinds as the store has them. Those that are ticketing's are none of ours, which is not the same as no condition.
func itemKinds(kinds []operatorv1.Kind) (names []string) {
	for _, kind := range kinds {
		if kind != operatorv1.Kind_KIND_UNSPECIFIED {
			names = append(names, strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_")))
		}
	}
	return names
}

func (s *Service) itemProtos(rows []sqlstore.ItemRow) (items []*operatorv1.Item) {
	for _, i := range rows {
		items = append(items, s.itemProto(i))
	}
	return items
}

func (s *Service) itemProto(i sqlstore.ItemRow) *operatorv1.Item {
	h, _ := s.Hotlines.ByNumber(i.Hotline)
	item := &operatorv1.Item{
		Id: i.ID, Kind: operatorv1.Kind(operatorv1.Kind_value["KIND_"+strings.ToUpper(i.Kind)]), Hotline: string(i.Hotline), Supporter: i.Supporter,
		State: operatorv1.State(operatorv1.State_value["STATE_"+strings.ToUpper(i.State)]), Word: i.Word, Reason: s.itemReason(i), At: timestamppb.New(i.At),
		Attempts: int32(i.Attempts), ConversationId: i.ConversationID, TraceId: telemetry.TraceID(i.Trace), MailboxId: h.MailboxID,
	}
	if !i.EndedAt.IsZero() {
		item.EndedAt = timestamppb.New(i.EndedAt)
	}
	return item
}

// itemReason is why an item is as it is: of a text that the carrier did not deliver its error, in words if there are any.
func (s *Service) itemReason(i sqlstore.ItemRow) string {
	if i.ErrorCode == 0 {
		return i.Reason
	}
	return carrierError(s.carrierNamed(cmp.Or(i.Carrier, s.transport(i.Hotline))), i.ErrorCode)
}
