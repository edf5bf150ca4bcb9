package switchboard

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// maxDead is how many dead letters a page has.
const maxDead = 200

// dead is the page of what was given up, and of what came for numbers that are no hotline's.
func (s *Service) dead(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Dead{Frame: s.frame(me, "dead")}
	q := s.round(r.Context())
	given := q.items(&operatorv1.ListItemsRequest{State: []operatorv1.State{operatorv1.State_STATE_DEAD}, Limit: maxDead + 1}, "")
	stray := q.items(&operatorv1.ListItemsRequest{State: []operatorv1.State{operatorv1.State_STATE_UNROUTED}, Limit: maxDead}, "")
	counts := askAll(q, "counts", operatorv1.OperatorServiceClient.GetOverview, &operatorv1.GetOverviewRequest{})
	p.Missing = q.wait()
	all := given()
	if p.More = len(all) > maxDead; p.More {
		all = all[:maxDead]
	}
	p.Items = s.viewItems(me, all)
	p.Kinds = deadKinds(counts, all)
	p.Unrouted = s.unrouted(me, stray())
	if n, err := strconv.Atoi(r.URL.Query().Get("retried")); err == nil {
		p.Done = fmt.Sprintf("%d taken up again.", n)
	}
	s.show(w, r, http.StatusOK, p)
}

// deadKinds is how many dead letters of each kind there are: as the services count them, or at least those that are shown.
func deadKinds(counts []*operatorv1.GetOverviewResponse, listed []thing) (all []pages.Kind) {
	n := map[operatorv1.Kind]int64{}
	for _, t := range listed {
		n[t.GetKind()]++
	}
	counted := map[operatorv1.Kind]int64{}
	for _, o := range counts {
		for _, c := range o.GetCounts() {
			if c.GetState() == operatorv1.State_STATE_DEAD {
				counted[c.GetKind()] += c.GetCount()
			}
		}
	}
	for k := operatorv1.Kind(1); kinds[k] != ""; k++ {
		if count := max(n[k], counted[k]); count > 0 {
			all = append(all, pages.Kind{Value: slug(k), Text: kinds[k], Count: count})
		}
	}
	return all
}

// unrouted is what came for numbers that are no hotline's, by number.
func (s *Service) unrouted(me session, all []thing) (groups []pages.Unrouted) {
	at := map[string]int{}
	for _, t := range all {
		number := t.GetHotline()
		if _, ok := at[number]; !ok {
			at[number] = len(groups)
			_, configured := s.Hotlines.ByNumber(phone.Parse(number).Number)
			groups = append(groups, pages.Unrouted{Number: s.hotline(number), Configured: configured})
		}
		g := &groups[at[number]]
		g.Items = append(g.Items, s.viewItem(me, t.Item))
	}
	return groups
}

// retryDead takes dead letters up again: those that were selected, or all of a kind.
func (s *Service) retryDead(w http.ResponseWriter, r *http.Request, me session) {
	question, subject := &operatorv1.RetryItemsRequest{}, ""
	if kind := kindOf(r.PostFormValue("all")); kind != 0 {
		question.AllDead, subject = []operatorv1.Kind{kind}, "all of: "+kinds[kind]
	}
	var subjects []string
	for _, ref := range r.PostForm["ref"] {
		if id, ok := s.idOf(me, ref); ok {
			question.Id = append(question.Id, id)
			subjects = append(subjects, s.subject(ref, id))
		}
	}
	if len(question.GetId()) > 0 {
		question.AllDead, subject = nil, strings.Join(subjects, " ")
	}
	if subject == "" {
		s.show(w, r, http.StatusUnprocessableEntity, pages.Message{Frame: s.frame(me, "dead"), Title: "Nothing was selected", Text: "Nothing was done.", Href: "/switchboard/dead", Link: "Back to the dead letters"})
		return
	}
	s.retryMany(w, r, me, retried, subject, question)
}

// reroute takes up what came for numbers that were no hotline's, and are now.
func (s *Service) reroute(w http.ResponseWriter, r *http.Request, me session) {
	s.retryMany(w, r, me, rerouted, "", &operatorv1.RetryItemsRequest{Unrouted: true})
}

func (s *Service) retryMany(w http.ResponseWriter, r *http.Request, me session, action, subject string, question *operatorv1.RetryItemsRequest) {
	count, err := s.retry(r, me, action, subject, question)
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/switchboard/dead?retried=%d", count), http.StatusSeeOther)
}
