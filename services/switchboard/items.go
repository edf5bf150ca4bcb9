package switchboard

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// perPage is how many items a page has.
const perPage = 50

// search goes to the list of what was searched for. What may be a number is sealed in its address.
func (s *Service) search(w http.ResponseWriter, r *http.Request, me session) {
	query := url.Values{}
	for _, name := range []string{"conversation", "kind", "state", "hotline"} {
		if v := strings.TrimSpace(r.PostFormValue(name)); v != "" {
			query.Set(name, v)
		}
	}
	if v := strings.TrimSpace(r.PostFormValue("query")); v != "" {
		query.Set("q", me.seal(sealedQuery, v))
	} else if v := r.PostFormValue("q"); v != "" { // what was searched for before
		query.Set("q", v)
	}
	http.Redirect(w, r, "/switchboard/items?"+query.Encode(), http.StatusSeeOther)
}

// items is the list of items, filtered.
func (s *Service) items(w http.ResponseWriter, r *http.Request, me session) {
	query := r.Form
	p := pages.Items{Frame: s.frame(me, "items"), Conversation: query.Get("conversation")}
	question := &operatorv1.ListItemsRequest{Hotline: query.Get("hotline"), Limit: perPage + 2} // one that says that there are more, and one that was there before
	if k := kindOf(query.Get("kind")); k != 0 {
		question.Kind = []operatorv1.Kind{k}
	}
	if st := stateOf(query.Get("state")); st != 0 {
		question.State = []operatorv1.State{st}
	}
	typed := ""
	if p.Sealed = query.Get("q"); p.Sealed != "" {
		var ok bool
		if typed, ok = me.open(sealedQuery, p.Sealed); !ok {
			p.Sealed, p.Problem = "", "What was searched for is not known any more. Type it again."
		}
	}
	if p.Conversation != "" {
		id, err := strconv.ParseInt(strings.TrimPrefix(p.Conversation, "#"), 10, 64)
		if err != nil || id <= 0 {
			p.Problem = "A conversation is a number: the one in its address."
		}
		question.ConversationId = id
	}
	if before, err := strconv.ParseInt(query.Get("before"), 10, 64); err == nil {
		question.Before = timestamppb.New(time.UnixMicro(before))
	}
	if typed != "" {
		p.Query = s.shownQuery(typed)
	}
	p.Kinds, p.States, p.Numbers = kindChoices(query.Get("kind")), stateChoices(query.Get("state")), s.choices(question.Hotline)
	if p.Problem != "" {
		s.show(w, r, http.StatusUnprocessableEntity, p)
		return
	}
	q := s.round(r.Context())
	found := q.items(question, queries(typed)...)
	p.Missing = q.wait()
	// The last one of the page before is here again, if one service wrote it down later than the other.
	last, _ := s.idOf(me, query.Get("last"))
	all := slices.DeleteFunc(found(), func(t thing) bool { return t.GetId() == last })
	if len(all) > perPage {
		n := perPage
		for n < len(all) && all[n].latest.Equal(all[n-1].latest) {
			n++ // the next page begins before this moment
		}
		query.Set("before", strconv.FormatInt(all[n-1].latest.UnixMicro(), 10))
		query.Set("last", s.ref(me, all[n-1].GetId(), all[n-1].GetSupporter()))
		all, p.Older = all[:n], "/switchboard/items?"+query.Encode()
	}
	p.Items = s.viewItems(me, all)
	s.show(w, r, http.StatusOK, p)
}

// items asks all services for items, with each of the queries. What they are is known when the round has ended.
func (q *round) items(question *operatorv1.ListItemsRequest, queries ...string) (all func() []thing) {
	answers := make([][]*operatorv1.ListItemsResponse, len(queries))
	for i, query := range queries {
		one := proto.CloneOf(question)
		one.Query = query
		answers[i] = askAll(q, "items", operatorv1.OperatorServiceClient.ListItems, one)
	}
	return func() []thing {
		var lists [][]*operatorv1.Item
		for _, a := range slices.Concat(answers...) {
			lists = append(lists, a.GetItems())
		}
		return together(lists...)
	}
}

var notDigits = regexp.MustCompile(`[ ().-]`)

// queries are what is asked for when somebody has typed this: an id as it is, a number as it is stored. It may be either.
func queries(typed string) []string {
	bare := notDigits.ReplaceAllString(typed, "")
	digits := strings.Trim(bare, "0123456789") == "" && bare != ""
	switch id := phone.Parse(typed); {
	case digits && len(bare) < 10:
		return []string{bare} // an id, or the end of a number
	case digits && id.Kind == phone.Full:
		return []string{typed, string(id.Number)}
	case id.Kind == phone.Full:
		return []string{string(id.Number)}
	default:
		return []string{typed}
	}
}

// shownQuery is what is shown of what somebody has typed.
func (s *Service) shownQuery(typed string) string {
	asked := queries(typed)
	if last := asked[len(asked)-1]; strings.HasPrefix(last, "+") {
		return masked(last)
	} else if len(last) > 2 && strings.Trim(last, "0123456789") == "" {
		return hidden + last[len(last)-2:]
	}
	return s.scrubTyped(typed)
}

func kindChoices(chosen string) (all []pages.Choice) {
	for k := operatorv1.Kind(1); kinds[k] != ""; k++ {
		all = append(all, pages.Choice{Value: slug(k), Text: kinds[k], Chosen: slug(k) == chosen})
	}
	return all
}

func stateChoices(chosen string) (all []pages.Choice) {
	for _, v := range states[:len(states)-1] {
		all = append(all, pages.Choice{Value: slug(v.state), Text: v.word, Chosen: slug(v.state) == chosen})
	}
	return all
}
