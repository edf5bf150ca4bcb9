package switchboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// item is the page of one item.
func (s *Service) item(w http.ResponseWriter, r *http.Request, me session) {
	id, ok := s.idOf(me, r.FormValue("ref"))
	if !ok {
		s.lost(w, r, me, "This address was good only while you were signed in. Search for the item again.")
		return
	}
	s.showItem(w, r, me, id, false)
}

// showItem shows what all services know of an item, with the supporter's whole number if reveal is true.
func (s *Service) showItem(w http.ResponseWriter, r *http.Request, me session, id string, reveal bool) {
	p := pages.ItemPage{Frame: s.frame(me, "items")}
	answers, missing := s.askItem(r.Context(), id)
	p.Missing = missing
	var own, related [][]*operatorv1.Item
	var contents []string
	for i, l := range s.ledgers() {
		a := answers[i]
		if a.GetItem() == nil {
			continue
		}
		own, related = append(own, []*operatorv1.Item{a.GetItem()}), append(related, a.GetRelated())
		if word := a.GetItem().GetWord(); word != "" {
			p.Words = append(p.Words, l.name+": "+word)
		}
		if a.GetContent() != "" && !slices.Contains(contents, a.GetContent()) {
			contents = append(contents, a.GetContent())
		}
		p.Steps = append(p.Steps, s.viewSteps(l, a.GetSteps())...)
	}
	if len(own) == 0 {
		if len(missing) > 0 {
			s.show(w, r, http.StatusServiceUnavailable, pages.Message{Frame: p.Frame, Title: "Not known now", Text: "Whether there is such an item cannot be said while a service does not answer."})
			return
		}
		s.lost(w, r, me, "There is no such item, or it was deleted.")
		return
	}
	whose := together(own...)[0]
	if traceID.MatchString(whose.GetTraceId()) {
		p.Trace, p.TraceURL = whose.GetTraceId(), s.traceHref(whose.GetTraceId())
	}
	slices.SortStableFunc(p.Steps, func(a, b pages.Step) int { return a.At.Compare(b.At) })
	p.Item, p.Content = s.viewItem(me, whose.Item), strings.Join(contents, "; ")
	p.Related = s.viewItems(me, slices.DeleteFunc(together(related...), func(t thing) bool { return t.GetId() == id }))
	p.CanRetry = retriable(whose.GetState())
	if p.Person = personHref(me, whose.GetSupporter()); p.Person != "" {
		p.Token = me.seal(sealedPerson, whose.GetSupporter())
	}
	if reveal {
		p.Revealed = whole(whose.GetSupporter())
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("retried")); err == nil {
		p.Done = "It is taken up again."
		if n == 0 {
			p.Done = "Nothing was taken up again: it is under way, done, or cannot be repeated."
		}
	}
	s.show(w, r, http.StatusOK, p)
}

func (s *Service) viewSteps(l ledger, steps []*operatorv1.Step) (all []pages.Step) {
	for _, step := range steps {
		all = append(all, pages.Step{
			At: timeOf(step.GetAt()), Until: timeOf(step.GetUntil()), Times: step.GetTimes(), Service: l.name, What: s.scrub(step.GetWhat()),
			Detail: s.scrub(step.GetDetail()), Trouble: step.GetTrouble(), Trace: s.traceHref(step.GetTraceId()),
		})
	}
	return all
}

// askItem asks all services for an item; what does not know it answers nil.
func (s *Service) askItem(ctx context.Context, id string) (answers []*operatorv1.GetItemResponse, missing []string) {
	q := s.round(ctx)
	answers = askAll(q, "part of the timeline", operatorv1.OperatorServiceClient.GetItem, &operatorv1.GetItemRequest{Id: id})
	return answers, q.wait()
}

// retriable reports whether an item in this state may be taken up again.
func retriable(state operatorv1.State) bool {
	return state == operatorv1.State_STATE_DEAD || state == operatorv1.State_STATE_UNROUTED || state == operatorv1.State_STATE_FAILED
}

// revealItem shows an item with its number.
func (s *Service) revealItem(w http.ResponseWriter, r *http.Request, me session) {
	id, ok := s.idOf(me, r.PostFormValue("ref"))
	if !ok {
		s.lost(w, r, me, "There is no such item.")
		return
	}
	err := s.act(r.Context(), entry(r, me, revealed, s.subject(r.PostFormValue("ref"), id)), func(context.Context) (string, error) { return done, nil })
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	s.showItem(w, r, me, id, true)
}

// retryItem takes an item up again.
func (s *Service) retryItem(w http.ResponseWriter, r *http.Request, me session) {
	ref := r.PostFormValue("ref")
	id, ok := s.idOf(me, ref)
	if !ok {
		s.lost(w, r, me, "There is no such item.")
		return
	}
	count, err := s.retry(r, me, retried, s.subject(ref, id), &operatorv1.RetryItemsRequest{Id: []string{id}})
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	if !strings.HasPrefix(ref, "~") {
		ref = s.ref(me, id, "")
	}
	http.Redirect(w, r, fmt.Sprintf("/switchboard/item?ref=%s&retried=%d", url.QueryEscape(ref), count), http.StatusSeeOther)
}

// retry has all services take up what the question names, and returns how many items they did. If one does not answer, the others do all
// the same; the error says so.
func (s *Service) retry(r *http.Request, me session, action, subject string, question *operatorv1.RetryItemsRequest) (count int64, err error) {
	err = s.act(r.Context(), entry(r, me, action, subject), func(ctx context.Context) (string, error) {
		var failed error
		for _, l := range s.ledgers() {
			answer, err := l.client.RetryItems(ctx, question)
			if err != nil {
				failed = named(l, err)
				continue
			}
			count += answer.GetCount()
		}
		return fmt.Sprintf("%d taken up", count), failed
	})
	return count, err
}

// named says of an error which service it comes from.
func named(l ledger, err error) error {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return errs.Wrap(e.Kind, err, "%s: %s", l.name, e.Message)
	}
	return fmt.Errorf("%s: %w", l.name, err)
}
