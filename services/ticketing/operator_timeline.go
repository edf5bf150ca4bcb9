package ticketing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// failure is the step of an attempt that failed. It says nothing of what an error may quote: numbers, and words of texts.
func failure(err error) sqlstore.Step {
	step := sqlstore.Step{Trouble: true}
	if said, ok := errors.AsType[*errs.Error](meaning(err)); ok {
		step.What = said.Message
	}
	if desk, ok := errors.AsType[*helpscout.Error](err); ok {
		step.Detail = strings.TrimPrefix(strings.TrimPrefix(desk.Error(), "helpscout: "), "status 0: ")
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, other := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case errors.Is(err, errFile):
		step.What = errFile.Error()
	case syntax, other:
		step.What, step.Detail = "what Help Scout says cannot be read", ""
	case helpscout.Unclear(err):
		step.What = "the answer was lost: Help Scout may have taken it"
	}
	return step
}

// elsewhere is the step of an item that goes to another conversation than was known; 0: to none. It is none if it does not.
func elsewhere(was, is int64) []sqlstore.Step {
	switch {
	case was == is:
		return nil
	case was == 0:
		return []sqlstore.Step{{What: "Help Scout has an older conversation", Detail: fmt.Sprintf("conversation %d", is)}}
	case is == 0:
		return []sqlstore.Step{{What: "its conversation was deleted, or moved to another mailbox", Detail: fmt.Sprintf("conversation %d", was)}}
	}
	return []sqlstore.Step{{What: "its conversation was merged into another", Detail: fmt.Sprintf("conversation %d into %d", was, is)}}
}

// GetItem returns what happened to an item.
func (s *Service) GetItem(ctx context.Context, r *operatorv1.GetItemRequest) (*operatorv1.GetItemResponse, error) {
	var check errs.Check
	checkKey(&check, "id", r.GetId())
	if err := check.Err(); err != nil {
		return nil, err
	}
	i, found, err := s.store.FindItem(ctx, ledgerKey(r.GetId()))
	if err != nil {
		return nil, meaning(err)
	}
	if !found {
		return nil, errs.New(errs.NotFound, "ticketing's ledger does not have it")
	}
	related, err := s.related(ctx, i)
	if err != nil {
		return nil, meaning(err)
	}
	steps, err := s.timeline(ctx, i, related)
	if err != nil {
		return nil, meaning(err)
	}
	return &operatorv1.GetItemResponse{Item: s.item(i), Steps: steps, Related: s.items(related), Content: content(i)}, nil
}

func content(i sqlstore.Item) string {
	switch i.Kind {
	case sqlstore.Note:
		return fmt.Sprintf("%d characters", i.Size)
	case sqlstore.EventItem:
		return fmt.Sprintf("%d bytes", i.Size)
	}
	return ""
}

// timeline puts together what an item's row says and what was noted.
func (s *Service) timeline(ctx context.Context, i sqlstore.Item, related []sqlstore.Item) ([]*operatorv1.Step, error) {
	steps, err := s.store.Steps(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	begin := sqlstore.Step{At: i.At, What: "telephony handed it over"}
	end := sqlstore.Step{At: i.EndedAt, Detail: i.Reason, Trouble: i.State == sqlstore.Dead}
	if end.At.IsZero() {
		end.At = i.At // it is from before this was noted
	}
	switch i.State {
	case sqlstore.Done:
		end.What = "it is in the ticket"
		end.Detail = fmt.Sprintf("conversation %d", i.ConversationID)
		if i.ThreadID != 0 {
			end.Detail += fmt.Sprintf(", thread %d", i.ThreadID)
		}
	case sqlstore.Refused:
		end.What = "refused"
	case sqlstore.Dead:
		end.What = "given up"
	case sqlstore.Pending:
		if end, err = s.waits(ctx, i); err != nil {
			return nil, err
		}
	}
	switch i.Kind {
	case sqlstore.Note:
		begin.What = "accepted"
	case sqlstore.EventItem:
		begin.What = "Help Scout told of it"
		if i.State == sqlstore.Done {
			end.What, end.Detail = "what was in it is handled", ""
			if len(related) == 0 {
				end.What = "nothing in it was to be sent, or it was handled before"
			}
		}
	case sqlstore.ReplyItem:
		begin = sqlstore.Step{}
		if i.State == sqlstore.Sent {
			end.What, end.Detail = "handed to telephony", "reply:"+i.ID
		}
		for _, e := range related {
			if e.Kind != sqlstore.EventItem {
				continue
			}
			begin = sqlstore.Step{At: e.At, What: "Help Scout told of it"}
			before, err := s.store.Steps(ctx, e.ID)
			if err != nil {
				return nil, err
			}
			for _, step := range before {
				if !step.At.After(i.At) {
					steps = append(steps, step)
				}
			}
		}
	}
	steps = append(append([]sqlstore.Step{begin}, steps...), end)
	steps = slices.DeleteFunc(steps, func(step sqlstore.Step) bool { return step.What == "" })
	slices.SortStableFunc(steps, func(a, b sqlstore.Step) int { return a.At.Compare(b.At) })
	var all []*operatorv1.Step
	for _, step := range steps {
		p := &operatorv1.Step{
			At: timestamppb.New(step.At), Times: int32(max(1, step.Times)), What: step.What, Detail: step.Detail, Trouble: step.Trouble, TraceId: telemetry.TraceID(step.Trace),
		}
		if step.Times > 1 {
			p.Until = timestamppb.New(step.Until)
		}
		all = append(all, p)
	}
	return all, nil
}

// waits is the step that says what an item that is pending waits for, besides a vendor.
func (s *Service) waits(ctx context.Context, i sqlstore.Item) (step sqlstore.Step, err error) {
	step = sqlstore.Step{At: s.Now()}
	before := ""
	switch i.Kind {
	case sqlstore.Note:
		before, err = s.store.NextNote(ctx, i.Lane)
	case sqlstore.EventItem:
		var next *sqlstore.PendingEvent
		if next, err = s.store.NextEvent(ctx, strconv.FormatInt(i.ConversationID, 10)); next != nil {
			before = next.Hash
		}
	}
	if err != nil {
		return step, err
	}
	if before != "" && before != i.ID {
		step.What, step.Detail = "it waits for what comes before it in this conversation", before
		return step, nil
	}
	until, err := s.store.HeldUntil(ctx, i.Lane, s.Now())
	if !until.IsZero() && i.Kind != sqlstore.EventItem {
		step.What, step.Detail = "somebody works on its conversation", "until "+until.UTC().Format(time.TimeOnly)+" UTC at most"
	}
	return step, err
}

// related are the items that belong to one: the notes and files of a text, the reply and the text of a note, the event of a reply and the
// other way round. Notes are found by the keys that telephony gives them.
func (s *Service) related(ctx context.Context, i sqlstore.Item) (all []sqlstore.Item, err error) {
	var keys []string
	reply := ""
	switch i.Kind {
	case sqlstore.Text, sqlstore.Voicemail, sqlstore.MissedCall:
		keys = []string{"opt:" + i.ID, "transcript:" + i.ID, "missed:" + i.ID}
		for n := range 10 {
			file := fmt.Sprintf("%s:%d", i.ID, n)
			keys = append(keys, file, "media:"+file)
		}
	case sqlstore.Attachment:
		keys = []string{"media:" + i.ID, i.ID[:max(0, strings.LastIndex(i.ID, ":"))]}
	case sqlstore.Note:
		kind, of, _ := strings.Cut(i.ID, ":")
		switch kind {
		case "media":
			keys = []string{of, of[:max(0, strings.LastIndex(of, ":"))]}
		case "reply":
			reply = of
		case "text":
			if of, ok := strings.CutPrefix(of, "reply:"); ok {
				reply, _, _ = strings.Cut(of, ":")
			}
		default:
			keys = []string{of}
		}
	case sqlstore.ReplyItem:
		keys = []string{"reply:" + i.ID}
		for _, what := range []string{"underway", "delivered", "failed", "unknown"} {
			keys = append(keys, "text:reply:"+i.ID+":"+what)
		}
	case sqlstore.EventItem:
		return s.store.RepliesOf(ctx, i.ID)
	}
	if len(keys) > 0 {
		all, err = s.store.EntriesOf(ctx, keys...)
	}
	if reply != "" && err == nil {
		r, found, err := s.store.FindItem(ctx, reply)
		if err != nil || !found {
			return nil, err
		}
		return []sqlstore.Item{r}, nil
	}
	if i.Kind == sqlstore.ReplyItem && err == nil {
		e, err := s.store.EventOf(ctx, i.ThreadID)
		return append(e, all...), err
	}
	return all, err
}
