package ticketing

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// kinds are the operators' words for the ledger's. What telephony owns has the same id there.
var kinds = map[operatorv1.Kind]string{
	operatorv1.Kind_KIND_TEXT_IN:     sqlstore.Text,
	operatorv1.Kind_KIND_VOICEMAIL:   sqlstore.Voicemail,
	operatorv1.Kind_KIND_MISSED_CALL: sqlstore.MissedCall,
	operatorv1.Kind_KIND_MEDIA:       sqlstore.Attachment,
	operatorv1.Kind_KIND_NOTE:        sqlstore.Note,
	operatorv1.Kind_KIND_REPLY:       sqlstore.ReplyItem,
	operatorv1.Kind_KIND_EVENT:       sqlstore.EventItem,
}

// states are the operators' words for the ledger's.
var states = map[operatorv1.State][]string{
	operatorv1.State_STATE_WAITING:   {sqlstore.Pending},
	operatorv1.State_STATE_UNDER_WAY: {sqlstore.Posting},
	operatorv1.State_STATE_DONE:      {sqlstore.Done, sqlstore.Sent},
	operatorv1.State_STATE_REFUSED:   {sqlstore.Refused},
	operatorv1.State_STATE_DEAD:      {sqlstore.Dead},
}

const (
	usualItems = 50
	mostItems  = 500
	mostRetry  = 1000 // ids in a request, and in an answer
)

// ListItems returns what is in the ledger.
func (s *Service) ListItems(ctx context.Context, r *operatorv1.ListItemsRequest) (*operatorv1.ListItemsResponse, error) {
	var check errs.Check
	check.That(r.GetLimit() >= 0 && r.GetLimit() <= mostItems, "limit", "must be between 0 and 500")
	check.That(len(r.GetQuery()) <= 256, "query", "must have at most 256 bytes")
	check.That(r.GetConversationId() >= 0, "conversation_id", "must not be negative")
	if err := check.Err(); err != nil {
		return nil, err
	}
	f := sqlstore.Filter{
		Query:          ledgerKey(strings.TrimSpace(strings.ReplaceAll(r.GetQuery(), "\x00", ""))),
		ConversationID: r.GetConversationId(), Limit: int(r.GetLimit()),
	}
	if r.GetHotline() != "" {
		h, ours := s.Hotlines.ByNumber(phone.Parse(r.GetHotline()).Number)
		if !ours {
			return &operatorv1.ListItemsResponse{}, nil
		}
		f.MailboxID = h.MailboxID
	}
	if f.Limit == 0 {
		f.Limit = usualItems
	}
	if r.GetBefore() != nil {
		f.Before = r.GetBefore().AsTime()
	}
	some := true // of what is asked for
	if f.Kinds, some = kindsOf(r.GetKind()); !some {
		return &operatorv1.ListItemsResponse{}, nil
	}
	if !slices.Contains(r.GetState(), operatorv1.State_STATE_UNSPECIFIED) {
		for _, state := range r.GetState() {
			f.States = append(f.States, states[state]...)
		}
		if len(r.GetState()) > 0 && len(f.States) == 0 {
			return &operatorv1.ListItemsResponse{}, nil
		}
	}
	items, err := s.store.Items(ctx, f)
	if err != nil {
		return nil, meaning(err)
	}
	return &operatorv1.ListItemsResponse{Items: s.items(items)}, nil
}

// kindsOf returns the ledger's words for kinds; none: any. It reports false if kinds are asked for that are all telephony's.
func kindsOf(asked []operatorv1.Kind) (ours []string, some bool) {
	if len(asked) == 0 || slices.Contains(asked, operatorv1.Kind_KIND_UNSPECIFIED) {
		return nil, true
	}
	for _, k := range asked {
		if word, ok := kinds[k]; ok {
			ours = append(ours, word)
		}
	}
	return ours, len(ours) > 0
}

// ledgerKey is the ledger's name of an item: a file's has a colon where the operators' has a slash.
func ledgerKey(id string) string {
	if i := strings.LastIndex(id, "/"); i >= 0 {
		return id[:i] + ":" + id[i+1:]
	}
	return id
}

func (s *Service) items(items []sqlstore.Item) (all []*operatorv1.Item) {
	for _, i := range items {
		all = append(all, s.item(i))
	}
	return all
}

func (s *Service) item(i sqlstore.Item) *operatorv1.Item {
	p := &operatorv1.Item{
		Id: i.ID, Hotline: i.Hotline, Supporter: i.Supporter, Word: i.State, Reason: i.Reason, At: timestamppb.New(i.At), EndedAt: timestamp(i.EndedAt),
		Attempts: int32(i.Attempts), ConversationId: i.ConversationID, TraceId: telemetry.TraceID(i.Trace), MailboxId: i.MailboxID,
	}
	for kind, word := range kinds {
		if word == i.Kind {
			p.Kind = kind
		}
	}
	for state, words := range states {
		if slices.Contains(words, i.State) {
			p.State = state
		}
	}
	if colon := strings.LastIndex(i.ID, ":"); i.Kind == sqlstore.Attachment && colon >= 0 {
		p.Id = i.ID[:colon] + "/" + i.ID[colon+1:]
	}
	if h, ours := s.Hotlines.ByMailbox(i.MailboxID); ours && p.Hotline == "" {
		p.Hotline = string(h.Number)
	}
	return p
}

// timestamp leaves a time away that is not known.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// RetryItems takes up notes and events that were given up. Texts, voicemails and files are telephony's to take up; when it comes with them
// again they are tried anew.
func (s *Service) RetryItems(ctx context.Context, r *operatorv1.RetryItemsRequest) (*operatorv1.RetryItemsResponse, error) {
	var check errs.Check
	check.That(len(r.GetId()) <= mostRetry, "id", "must be at most 1000")
	if err := check.Err(); err != nil {
		return nil, err
	}
	step := sqlstore.Step{What: "taken up again by an operator", Trace: telemetry.Carry(ctx)}
	var retried []string
	retry := func(kind, id string) error {
		ids, err := s.store.Retry(ctx, kind, id, step, s.Now())
		retried = append(retried, ids...)
		return err
	}
	var err error
	for _, id := range r.GetId() {
		i, found, findErr := s.store.FindItem(ctx, ledgerKey(id))
		if err = findErr; err == nil && found && i.State == sqlstore.Dead {
			err = retry(i.Kind, i.ID)
		}
		if err != nil {
			break
		}
	}
	if asked, some := kindsOf(r.GetAllDead()); err == nil && some && len(r.GetAllDead()) > 0 {
		for _, kind := range []string{sqlstore.Note, sqlstore.EventItem} {
			if err == nil && (len(asked) == 0 || slices.Contains(asked, kind)) {
				err = retry(kind, "")
			}
		}
	}
	if len(retried) > 0 {
		s.Log.InfoContext(ctx, "items are taken up again", "items", len(retried))
	}
	if err != nil {
		return nil, meaning(err)
	}
	return &operatorv1.RetryItemsResponse{Id: retried[:min(mostRetry, len(retried))], Count: int64(len(retried))}, nil
}
