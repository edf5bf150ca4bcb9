package twiliosim

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The states of a flow. Drafts do not run.
const (
	flowPublished = "published"
	flowDraft     = "draft"
)

var flowParams = paramRules{known: []string{"FriendlyName", "Status", "Definition", "CommitMessage"}}

// studioRoutes are those of https://studio.twilio.com.
func (s *Sim) studioRoutes(mux *http.ServeMux) {
	mux.Handle("GET /v2/Flows", s.api(s.listFlows))
	mux.Handle("POST /v2/Flows", s.api(s.createFlow))
	mux.Handle("POST /v2/Flows/Validate", s.api(s.validateFlow))
	mux.Handle("GET /v2/Flows/{flow}", s.api(s.fetchFlow))
	mux.Handle("POST /v2/Flows/{flow}", s.api(s.updateFlow))
	mux.Handle("DELETE /v2/Flows/{flow}", s.api(s.deleteFlow))
}

// flowForm reads the parameters of a flow. A nil flow without a problem has no definition.
func flowForm(w http.ResponseWriter, r *http.Request, required ...string) (form url.Values, f *flow, problem error, err error) {
	if form, err = flowParams.form(w, r); err != nil {
		return nil, nil, nil, err
	}
	for _, name := range required {
		if form.Get(name) == "" {
			return nil, nil, nil, refuse(20001, "Missing required parameter %s in the post body", name)
		}
	}
	if status := form.Get("Status"); status != flowPublished && status != flowDraft {
		return nil, nil, nil, refuse(20001, "Status %q is neither draft nor published", status)
	}
	if form.Get("Definition") != "" {
		f, problem = parseFlow([]byte(form.Get("Definition")))
	}
	return form, f, problem, nil
}

// refuseFlow answers with what is wrong with a definition. Details of this answer are unverified.
func refuseFlow(w http.ResponseWriter, problem error) {
	writeJSON(w, http.StatusBadRequest, map[string]any{
		"code": 20001, "message": "Flow definition is invalid", "status": http.StatusBadRequest,
		"more_info": "https://www.twilio.com/docs/errors/20001", "details": map[string]any{"errors": flowErrors(problem)},
	})
}

func flowErrors(problem error) []map[string]string {
	list := []map[string]string{}
	if problem != nil {
		for line := range strings.Lines(problem.Error()) {
			list = append(list, map[string]string{"message": strings.TrimSpace(line)})
		}
	}
	return list
}

// validateFlow checks a definition.
//
// POST /v2/Flows/Validate
// https://www.twilio.com/docs/studio/rest-api/v2/flow-validate
func (s *Sim) validateFlow(w http.ResponseWriter, r *http.Request) error {
	_, _, problem, err := flowForm(w, r, "FriendlyName", "Status", "Definition")
	if err != nil {
		return err
	}
	if problem != nil {
		refuseFlow(w, problem)
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]any{"valid": true})
	return nil
}

// createFlow makes a flow.
//
// POST /v2/Flows
// https://www.twilio.com/docs/studio/rest-api/v2/flow#create-a-flow
func (s *Sim) createFlow(w http.ResponseWriter, r *http.Request) error {
	form, f, problem, err := flowForm(w, r, "FriendlyName", "Status", "Definition")
	if err != nil {
		return err
	}
	return s.keepFlow(w, s.calls.newSid("FW"), form, f, problem)
}

// updateFlow makes a new revision of a flow. A draft leaves the published one running.
//
// POST /v2/Flows/{Sid}
// https://www.twilio.com/docs/studio/rest-api/v2/flow#update-a-flow
func (s *Sim) updateFlow(w http.ResponseWriter, r *http.Request) error {
	form, f, problem, err := flowForm(w, r, "Status")
	if err != nil {
		return err
	}
	s.studio.mu.Lock()
	stored := s.studio.flows[r.PathValue("flow")]
	if stored != nil && f == nil && problem == nil {
		form.Set("Definition", string(stored.Definition))
		f, problem = parseFlow(stored.Definition)
	}
	s.studio.mu.Unlock()
	if stored == nil {
		return notFound(r)
	}
	return s.keepFlow(w, stored.Sid, form, f, problem)
}

// keepFlow stores a flow and answers with it. A draft may be wrong, and then does not run.
func (s *Sim) keepFlow(w http.ResponseWriter, sid string, form url.Values, f *flow, problem error) error {
	if problem != nil && form.Get("Status") == flowPublished {
		refuseFlow(w, problem)
		return nil
	}
	status := http.StatusCreated
	s.studio.mu.Lock()
	if s.studio.flows[sid] != nil {
		status = http.StatusOK
	}
	stored := s.studio.keep(sid, []byte(form.Get("Definition")), s.now())
	stored.Status, stored.Name, stored.Message = form.Get("Status"), formOr(form, "FriendlyName", stored.Name), form.Get("CommitMessage")
	if stored.Status == flowPublished {
		stored.Published, stored.flow = stored.Definition, f
	}
	answer := s.flowJSON(stored)
	s.studio.mu.Unlock()
	s.noteChange()
	writeJSON(w, status, answer)
	return nil
}

// listFlows lists flows, newest first, without their definitions. There is no search: names need not be unique.
//
// GET /v2/Flows
// https://www.twilio.com/docs/studio/rest-api/v2/flow#read-a-list-of-flows
func (s *Sim) listFlows(w http.ResponseWriter, r *http.Request) error {
	query, page, err := pageQuery(r)
	if err != nil {
		return err
	}
	list := s.publicBase() + "/v2/Flows"
	s.studio.mu.Lock()
	defer s.studio.mu.Unlock()
	found, last, more := pageBack(s.studio.order, page, func(f *storedFlow) string { return f.Sid }, func(f *storedFlow) bool {
		return s.studio.flows[f.Sid] == f
	})
	rows := make([]map[string]any, len(found))
	for i, stored := range found {
		rows[i] = s.flowJSON(stored)
		for _, name := range []string{"definition", "valid", "errors", "warnings", "commit_message"} {
			rows[i][name] = nil
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"flows": rows, "meta": page.meta(list, query, "flows", last, more)})
	return nil
}

// deleteFlow removes a flow. Numbers whose URLs are the flow's turn to their fallback.
//
// DELETE /v2/Flows/{Sid}
// https://www.twilio.com/docs/studio/rest-api/v2/flow#delete-a-flow
func (s *Sim) deleteFlow(w http.ResponseWriter, r *http.Request) error {
	sid := r.PathValue("flow")
	s.studio.mu.Lock()
	known := s.studio.flows[sid] != nil
	delete(s.studio.flows, sid)
	s.studio.mu.Unlock()
	if !known {
		return notFound(r)
	}
	s.noteChange()
	note(r, sid, nil)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// fetchFlow returns a flow.
//
// GET /v2/Flows/{Sid}
// https://www.twilio.com/docs/studio/rest-api/v2/flow#fetch-a-flow-resource
func (s *Sim) fetchFlow(w http.ResponseWriter, r *http.Request) error {
	s.studio.mu.Lock()
	defer s.studio.mu.Unlock()
	stored := s.studio.flows[r.PathValue("flow")]
	if stored == nil {
		return notFound(r)
	}
	writeJSON(w, http.StatusOK, s.flowJSON(stored))
	return nil
}

// flowJSON needs the lock of the flows.
func (s *Sim) flowJSON(stored *storedFlow) map[string]any {
	_, problem := parseFlow(stored.Definition)
	j := map[string]any{
		"sid": stored.Sid, "account_sid": s.cfg.AccountSID, "friendly_name": stored.Name, "status": stored.Status,
		"revision": stored.Revision, "commit_message": nil, "valid": problem == nil, "errors": flowErrors(problem), "warnings": []string{},
		"date_created": stored.Created.Format(time.RFC3339), "date_updated": stored.Updated.Format(time.RFC3339),
		"webhook_url": s.FlowURL(stored.Sid), "url": s.publicBase() + "/v2/Flows/" + stored.Sid, "author_sid": nil,
		"links": struct{}{}, // what is below a flow is not simulated
	}
	if problem == nil {
		j["definition"] = stored.Definition
	}
	if stored.Message != "" {
		j["commit_message"] = stored.Message
	}
	return j
}
