package switchboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// overview says at a glance whether everything is all right.
func (s *Service) overview(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Overview{Frame: s.frame(me, ""), Calls: -1}
	p.Live = true
	q := s.round(r.Context())
	stands := askAll(q, "state", operatorv1.OperatorServiceClient.GetOverview, &operatorv1.GetOverviewRequest{})
	found := askAll(q, "findings", operatorv1.OperatorServiceClient.ListFindings, &operatorv1.ListFindingsRequest{})
	books := askAll(q, "days", operatorv1.OperatorServiceClient.ListDays, &operatorv1.ListDaysRequest{Days: 2})
	var pauses *telephonyv1.ListPausesResponse
	ask(q, telephony, "pauses", s.Phones.ListPauses, &telephonyv1.ListPausesRequest{}, &pauses)
	p.Missing = q.wait()

	findings := s.viewFindings(found)
	p.Checks = len(findings)
	p.Problems = slices.Concat(s.pausedOnes(pauses), troubled(stands), wrong(findings))
	slices.SortStableFunc(p.Problems, func(a, b pages.Problem) int { return cmp.Compare(a.Tone, b.Tone) }) // bad, warn
	p.Topics, p.Idle = s.topics(stands)
	p.Lately = lately(stands)
	p.Budget = s.budget(stands)
	p.Days = s.viewDays(books)
	if stands[0] != nil {
		p.Calls = len(stands[0].GetCalls())
	}
	s.show(w, r, http.StatusOK, p)
}

// pausedOnes are the hotlines that are paused.
func (s *Service) pausedOnes(pauses *telephonyv1.ListPausesResponse) (all []pages.Problem) {
	for _, h := range pauses.GetPauses() {
		all = append(all, pages.Problem{
			Tone: "warn", Text: s.hotline(h.GetHotline()) + " is paused.",
			Fix: fmt.Sprintf("%s (%s)", s.scrubTyped(h.GetReason()), h.GetPausedBy()), Resume: h.GetHotline(), Href: "/switchboard/hotlines", Link: "See",
		})
	}
	return all
}

// troubled are the states that somebody should look at.
func troubled(stands []*operatorv1.GetOverviewResponse) (all []pages.Problem) {
	n := map[operatorv1.State]int64{}
	for _, o := range stands {
		for _, c := range o.GetCounts() {
			n[c.GetState()] += c.GetCount()
		}
	}
	for _, t := range []struct {
		state                      operatorv1.State
		tone, text, fix, href, see string
	}{
		{operatorv1.State_STATE_DEAD, "bad", "given up.", "Mend the reason, then retry.", "/switchboard/dead", "Dead letters"},
		{operatorv1.State_STATE_UNROUTED, "bad", "came for a number that is no hotline's.", "Add the number to the configuration.", "/switchboard/dead", "Which"},
		{operatorv1.State_STATE_UNKNOWN, "warn", "in the last day of which nobody can know whether it was done.", "It is not repeated. Ask the supporter, if it matters.", "/switchboard/items?state=unknown", "Which"},
	} {
		if n[t.state] > 0 {
			all = append(all, pages.Problem{Tone: t.tone, Text: fmt.Sprintf("%d %s", n[t.state], t.text), Fix: t.fix, Href: t.href, Link: t.see})
		}
	}
	return all
}

// wrong are the findings that are not as they should be.
func wrong(findings []pages.Finding) (all []pages.Problem) {
	for _, f := range findings {
		if f.Tone != "good" {
			all = append(all, pages.Problem{Tone: f.Tone, Text: f.Name + ": " + f.Says, Fix: f.Fix, Href: "/switchboard/findings", Link: "Findings"})
		}
	}
	return all
}

// topics are the kinds of work of which something waits, and the names of the others.
func (s *Service) topics(stands []*operatorv1.GetOverviewResponse) (all []pages.Topic, idle string) {
	var others []string
	for i, l := range s.ledgers() {
		for _, t := range stands[i].GetTopics() {
			if t.GetWaiting() == 0 {
				others = append(others, t.GetName())
				continue
			}
			all = append(all, pages.Topic{Service: l.name, Name: t.GetName(), Waiting: t.GetWaiting(), Lanes: t.GetLanes(), Oldest: timeOf(t.GetOldest())})
		}
	}
	return all, strings.Join(others, ", ")
}

func lately(stands []*operatorv1.GetOverviewResponse) (all []pages.Lately) {
	n := map[operatorv1.Kind]int64{}
	for _, o := range stands {
		for _, c := range o.GetCounts() {
			if c.GetState() == operatorv1.State_STATE_DONE {
				n[c.GetKind()] = max(n[c.GetKind()], c.GetCount()) // the same text is in both ledgers
			}
		}
	}
	for k := operatorv1.Kind(1); kinds[k] != ""; k++ {
		if n[k] > 0 {
			all = append(all, pages.Lately{Kind: kinds[k], Count: n[k]})
		}
	}
	return all
}

// unitsEach is what a piece of work costs of Help Scout's budget, about: one write.
// https://developer.helpscout.com/mailbox-api/overview/rate-limiting/
const unitsEach = 2

// without are the kinds of work that need nothing of Help Scout.
var without = []string{"text_out", "call_back"}

// budget is what Help Scout allows, and how long what waits will take by it.
func (s *Service) budget(stands []*operatorv1.GetOverviewResponse) *pages.Budget {
	var b *operatorv1.Budget
	var waiting int64
	for _, o := range stands {
		b = cmp.Or(o.GetBudget(), b)
		for _, t := range o.GetTopics() {
			if !slices.Contains(without, t.GetName()) {
				waiting += t.GetWaiting()
			}
		}
	}
	if b == nil {
		return nil
	}
	now := s.Now()
	view := &pages.Budget{Allowed: b.GetAllowed(), Left: max(0, b.GetLeft()), Waiting: waiting}
	if until := timeOf(b.GetBlockedUntil()); until.After(now) {
		view.BlockedUntil = until
	}
	if waiting > 0 && b.GetAllowed() > 0 {
		takes := time.Duration(float64(waiting*unitsEach) / float64(b.GetAllowed()) * float64(time.Minute))
		if !view.BlockedUntil.IsZero() {
			takes += view.BlockedUntil.Sub(now)
		}
		view.Drain = "less than a minute"
		if takes >= time.Minute {
			view.Drain = "about " + pages.Age(now.Add(takes), now)
		}
	} else if waiting > 0 {
		view.Drain = "how long it takes is not known yet"
	}
	return view
}

// lanes are the lanes that wait longest.
func (s *Service) lanes(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Lanes{Frame: s.frame(me, "lanes")}
	p.Live = true
	var stands []*operatorv1.GetOverviewResponse
	stands, p.Missing = s.stands(r)
	for i, l := range s.ledgers() {
		for _, lane := range stands[i].GetLanes() {
			v := pages.Lane{
				Service: l.name, Topic: lane.GetTopic(), Hotline: s.hotline(lane.GetHotline()), Supporter: masked(lane.GetSupporter()), Person: personHref(me, lane.GetSupporter()),
				Conversation: lane.GetConversationId(), ConversationHref: s.conversationHref(lane.GetConversationId()), Waiting: lane.GetWaiting(), Oldest: timeOf(lane.GetOldest()),
			}
			if lane.GetFirst() != "" {
				v.First, v.FirstHref = s.shown(lane.GetFirst(), lane.GetSupporter()), s.itemHref(me, lane.GetFirst(), lane.GetSupporter())
			}
			p.Lanes = append(p.Lanes, v)
		}
	}
	slices.SortStableFunc(p.Lanes, func(a, b pages.Lane) int { return a.Oldest.Compare(b.Oldest) })
	s.show(w, r, http.StatusOK, p)
}

// calls are the calls that go on now.
func (s *Service) calls(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Calls{Frame: s.frame(me, "calls")}
	p.Live = true
	var stands []*operatorv1.GetOverviewResponse
	stands, p.Missing = s.stands(r)
	for _, o := range stands {
		for _, c := range o.GetCalls() {
			p.Calls = append(p.Calls, s.viewCall(me, c))
		}
	}
	slices.SortStableFunc(p.Calls, func(a, b pages.Call) int { return a.Since.Compare(b.Since) })
	s.show(w, r, http.StatusOK, p)
}

func (s *Service) viewCall(me session, c *operatorv1.Call) pages.Call {
	return pages.Call{
		Href: s.itemHref(me, c.GetId(), c.GetSupporter()), Kind: kinds[c.GetKind()], Hotline: s.hotline(c.GetHotline()), Supporter: masked(c.GetSupporter()),
		Person: personHref(me, c.GetSupporter()), State: c.GetState(), People: s.scrubTyped(strings.Join(c.GetPeople(), ", ")), Since: timeOf(c.GetSince()),
	}
}

// stands asks all services how they stand.
func (s *Service) stands(r *http.Request) (stands []*operatorv1.GetOverviewResponse, missing []string) {
	q := s.round(r.Context())
	stands = askAll(q, "state", operatorv1.OperatorServiceClient.GetOverview, &operatorv1.GetOverviewRequest{})
	return stands, q.wait()
}
