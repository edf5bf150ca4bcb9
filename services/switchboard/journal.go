package switchboard

import (
	"fmt"
	"net/http"
	"strconv"

	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	"github.com/bling-hotline/bling/services/switchboard/pages"
)

// entriesPerPage is how much of an audit log a page has.
const entriesPerPage = 100

// journal is the audit log, and that of the dialer.
func (s *Service) journal(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Audit{Frame: s.frame(me, "audit")}
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64) // 0: from the newest on
	all, err := s.store.Audit(r.Context(), before, entriesPerPage)
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	for _, a := range all {
		p.Entries = append(p.Entries, pages.Entry{At: a.At, Who: a.Who, Action: a.Action, Subject: a.Subject, Detail: a.Detail, Outcome: a.Outcome, Source: a.Source})
	}
	if len(all) == entriesPerPage {
		p.Older = fmt.Sprintf("/switchboard/audit?before=%d", all[len(all)-1].Seq)
	}
	if before == 0 {
		q := s.round(r.Context())
		var agents *dialerv1.ListAuditResponse
		ask(q, dialer, "audit log", s.Dialer.ListAudit, &dialerv1.ListAuditRequest{Limit: entriesPerPage}, &agents)
		p.Missing = q.wait()
		for _, a := range agents.GetEntries() {
			e := pages.Entry{At: timeOf(a.GetAt()), Who: a.GetName(), Action: a.GetAction(), Detail: s.scrub(a.GetDetail()), Source: a.GetSource()}
			if a.GetConversationId() != 0 {
				e.Subject = fmt.Sprintf("conversation %d", a.GetConversationId())
			}
			p.Agents = append(p.Agents, e)
		}
	}
	s.show(w, r, http.StatusOK, p)
}

// accounts are the operators, and the agents who can call back.
func (s *Service) accounts(w http.ResponseWriter, r *http.Request, me session) {
	p := pages.Operators{Frame: s.frame(me, "operators")}
	all, err := s.store.Operators(r.Context())
	if err != nil {
		s.trouble(w, r, me, err)
		return
	}
	for _, o := range all {
		p.Operators = append(p.Operators, pages.Account{Name: o.Name, Role: o.Role, Since: o.InvitedAt, Seen: o.SeenAt})
	}
	q := s.round(r.Context())
	var agents *dialerv1.ListAgentsResponse
	ask(q, dialer, "agents", s.Dialer.ListAgents, &dialerv1.ListAgentsRequest{}, &agents)
	p.Missing = q.wait()
	for _, a := range agents.GetAgents() {
		p.Agents = append(p.Agents, pages.Account{Name: a.GetName(), Role: "ends in " + a.GetPhoneEnding(), Since: timeOf(a.GetEnrolledAt())})
	}
	s.show(w, r, http.StatusOK, p)
}
