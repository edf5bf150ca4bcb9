package switchboard

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

var kinds = map[operatorv1.Kind]string{
	operatorv1.Kind_KIND_TEXT_IN: "text in", operatorv1.Kind_KIND_TEXT_OUT: "text out", operatorv1.Kind_KIND_CALL: "call",
	operatorv1.Kind_KIND_VOICEMAIL: "voicemail", operatorv1.Kind_KIND_MISSED_CALL: "missed call", operatorv1.Kind_KIND_CALL_BACK: "call back",
	operatorv1.Kind_KIND_NOTE: "note", operatorv1.Kind_KIND_REPLY: "reply", operatorv1.Kind_KIND_EVENT: "webhook", operatorv1.Kind_KIND_MEDIA: "file",
}

// stateView is how a state is shown.
type stateView struct {
	state      operatorv1.State
	word, tone string
}

// states are the states, the one first that somebody must look at: where two services have the same item, that one counts.
var states = []stateView{
	{operatorv1.State_STATE_DEAD, "dead", "bad"}, {operatorv1.State_STATE_UNROUTED, "unrouted", "bad"}, {operatorv1.State_STATE_FAILED, "failed", "bad"},
	{operatorv1.State_STATE_UNKNOWN, "unknown", "warn"}, {operatorv1.State_STATE_UNDER_WAY, "under way", "wait"}, {operatorv1.State_STATE_WAITING, "waiting", "wait"},
	{operatorv1.State_STATE_REFUSED, "refused", "calm"}, {operatorv1.State_STATE_DONE, "done", "good"}, {operatorv1.State_STATE_UNSPECIFIED, "not known", "calm"},
}

func rank(state operatorv1.State) int {
	return slices.IndexFunc(states, func(v stateView) bool { return v.state == state })
}

// slug is how a kind or a state is named in addresses and forms: text_in.
func slug(enum fmt.Stringer) string {
	_, name, _ := strings.Cut(enum.String(), "_")
	return strings.ToLower(name)
}

func kindOf(slug string) operatorv1.Kind {
	return operatorv1.Kind(operatorv1.Kind_value["KIND_"+strings.ToUpper(slug)])
}

func stateOf(slug string) operatorv1.State {
	return operatorv1.State(operatorv1.State_value["STATE_"+strings.ToUpper(slug)])
}

// timeOf is a time that may be absent.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// thing is an item as all services together know it.
type thing struct {
	*operatorv1.Item
	latest time.Time // the time by which whoever has it last lists it
}

// together makes one list of several, newest first, and one item of those with the same id.
func together(lists ...[]*operatorv1.Item) (all []thing) {
	at := map[string]int{}
	for _, list := range lists {
		for _, item := range list {
			i, known := at[item.GetId()]
			if !known {
				at[item.GetId()] = len(all)
				all = append(all, thing{item, timeOf(item.GetAt())})
				continue
			}
			all[i].add(item)
		}
	}
	slices.SortStableFunc(all, func(a, b thing) int { return b.latest.Compare(a.latest) })
	return all
}

// add adds what another service knows, or the same one of another kind: a call and its entry have one id.
func (t *thing) add(other *operatorv1.Item) {
	if theirs := timeOf(other.GetAt()); theirs.After(t.latest) {
		t.latest = theirs
	} else {
		t.At = other.GetAt()
	}
	if rank(other.GetState()) < rank(t.GetState()) {
		t.State, t.Word, t.Reason = other.GetState(), other.GetWord(), other.GetReason()
	}
	if t.EndedAt == nil || other.GetEndedAt() == nil {
		t.EndedAt = nil
	} else if other.GetEndedAt().AsTime().After(t.EndedAt.AsTime()) {
		t.EndedAt = other.GetEndedAt()
	}
	if t.Kind == operatorv1.Kind_KIND_MISSED_CALL {
		t.Kind = other.GetKind()
	}
	t.Attempts = max(t.Attempts, other.GetAttempts())
	for _, pair := range []struct {
		ours   *string
		theirs string
	}{{&t.Hotline, other.GetHotline()}, {&t.Supporter, other.GetSupporter()}, {&t.Reason, other.GetReason()}, {&t.TraceId, other.GetTraceId()}} {
		if *pair.ours == "" {
			*pair.ours = pair.theirs
		}
	}
	if t.ConversationId == 0 {
		t.ConversationId = other.GetConversationId()
	}
}

// ref is how addresses and forms name an item: by its id, unless that tells a number.
func (s *Service) ref(me session, id, supporter string) string {
	if strings.HasPrefix(id, "~") || s.shown(id, supporter) != id {
		return "~" + me.seal(sealedItem, id)
	}
	return id
}

// idOf is the id that a ref names.
func (s *Service) idOf(me session, ref string) (id string, ok bool) {
	if sealed, is := strings.CutPrefix(ref, "~"); is {
		return me.open(sealedItem, sealed)
	}
	return ref, ref != ""
}

func (s *Service) itemHref(me session, id, supporter string) string {
	return "/switchboard/item?ref=" + url.QueryEscape(s.ref(me, id, supporter))
}

// personHref is the address of the page about somebody; empty if they cannot be named.
func personHref(me session, number string) string {
	if id := phone.Parse(number); id.Kind != phone.Full && id.Kind != phone.ShortCode {
		return ""
	}
	return "/switchboard/person?p=" + me.seal(sealedPerson, number)
}

// conversationHref is where agents see a conversation.
func (s *Service) conversationHref(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%s/conversation/%d", s.WebURL, id)
}

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// traceHref is where a trace is shown.
func (s *Service) traceHref(id string) string {
	if s.TraceURL == "" || !traceID.MatchString(id) {
		return ""
	}
	return strings.ReplaceAll(s.TraceURL, "{trace}", id)
}

func (s *Service) viewItem(me session, item *operatorv1.Item) pages.Item {
	state := states[max(0, rank(item.GetState()))]
	return pages.Item{
		Ref: s.ref(me, item.GetId(), item.GetSupporter()), Href: s.itemHref(me, item.GetId(), item.GetSupporter()), ID: s.shown(item.GetId(), item.GetSupporter()),
		Kind: kinds[item.GetKind()], State: state.word, Tone: state.tone, Hotline: s.hotline(item.GetHotline()), Supporter: masked(item.GetSupporter()),
		Reason: s.scrub(item.GetReason()), At: timeOf(item.GetAt()), Ended: timeOf(item.GetEndedAt()), Attempts: item.GetAttempts(),
		Conversation: item.GetConversationId(), ConversationHref: s.conversationHref(item.GetConversationId()),
	}
}

func (s *Service) viewItems(me session, all []thing) (list []pages.Item) {
	for _, t := range all {
		list = append(list, s.viewItem(me, t.Item))
	}
	return list
}

// choices are the hotlines' numbers for a form.
func (s *Service) choices(chosen string) (all []pages.Choice) {
	for _, h := range s.Hotlines {
		for _, n := range h.Numbers() {
			all = append(all, pages.Choice{Value: string(n), Text: s.hotline(string(n)), Chosen: string(n) == chosen})
		}
	}
	return all
}
