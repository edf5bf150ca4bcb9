package twiliosim

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// studio keeps the flows of the account: programs that Twilio runs when a number's URL is that of a flow.
// See https://www.twilio.com/docs/studio.
//
// studioflow.go reads and checks a definition, by the rules of studiowidget.go and studiotemplate.go; studiorun.go runs it;
// studiovoice.go says in TwiML what a caller hears, and its continuation is asked of the flow again, as Studio does it;
// studioapi.go is the REST API.
type studio struct {
	mu    sync.Mutex
	flows map[string]*storedFlow // by SID
	order []*storedFlow
	runs  map[string]*flowRun // by the SID of their call: those that wait for what a widget comes to
}

// storedFlow is a flow as the account has it.
type storedFlow struct {
	Sid        string          `json:"sid"`
	Name       string          `json:"friendly_name"`
	Status     string          `json:"status"`
	Message    string          `json:"commit_message"`
	Revision   int             `json:"revision"`
	Definition json.RawMessage `json:"definition"`          // of the newest revision
	Published  json.RawMessage `json:"published,omitempty"` // of the newest published one; none: it does not run
	Created    time.Time       `json:"date_created"`
	Updated    time.Time       `json:"date_updated"`
	flow       *flow           // what Published says
}

// flowSID is what the SID of a flow looks like.
var flowSID = regexp.MustCompile(`^FW[0-9a-f]{32}$`)

// studioHost is where the URLs of flows are at Twilio. The simulator takes those for its own too.
const studioHost = "https://webhooks.twilio.com"

// SetFlow publishes a flow: the JSON text that Studio exports. The error has every problem of it.
func (s *Sim) SetFlow(sid string, definition []byte) error {
	if !flowSID.MatchString(sid) {
		return fmt.Errorf("%q is no SID of a flow", sid)
	}
	f, err := parseFlow(definition)
	if err != nil {
		return err
	}
	s.studio.mu.Lock()
	stored := s.studio.keep(sid, definition, s.now())
	stored.Status, stored.Published, stored.flow = flowPublished, stored.Definition, f
	s.studio.mu.Unlock()
	s.noteChange()
	return nil
}

// keep stores a new revision of a flow, which may be a new one. It needs the lock.
func (st *studio) keep(sid string, definition []byte, now time.Time) *storedFlow {
	stored := st.flows[sid]
	if stored == nil {
		stored = &storedFlow{Sid: sid, Name: sid, Created: now}
		st.add(stored)
	}
	stored.Revision++
	stored.Definition, stored.Updated = definition, now
	return stored
}

// add stores a flow. It needs the lock.
func (st *studio) add(stored *storedFlow) {
	if st.flows == nil {
		st.flows = map[string]*storedFlow{}
	}
	st.flows[stored.Sid] = stored
	st.order = append(st.order, stored)
}

// FlowURL is what a number's URL has to be for a flow to answer its calls or texts.
func (s *Sim) FlowURL(sid string) string { return s.publicBase() + s.flowPath(sid) }

func (s *Sim) flowPath(sid string) string {
	return "/v1/Accounts/" + s.cfg.AccountSID + "/Flows/" + sid
}

// flowAt is the flow that a URL is of, if it is one's.
func (s *Sim) flowAt(target string) (sid string, ok bool) {
	address, _, _ := strings.Cut(target, "#")
	address, _, _ = strings.Cut(address, "?")
	for _, base := range []string{s.publicBase(), studioHost} {
		if sid, ok = strings.CutPrefix(address, base+s.flowPath("")); ok {
			return sid, true
		}
	}
	return "", false
}

// isFlow reports whether a flow answers at a URL.
func (s *Sim) isFlow(target string) bool {
	_, ok := s.flowAt(target)
	return ok
}

// resetRuns forgets the runs of calls that are forgotten.
func (st *studio) resetRuns() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.runs = nil
}

// askFlow lets a flow take a text or a call, or go on with a call that it has. It takes the place of a request.
func (s *Sim) askFlow(ctx context.Context, h hook, target string) (answer, []Attempt, *failure) {
	a := answer{url: target, status: http.StatusOK, contentType: "text/xml"}
	verbs, f := s.flowVerbs(ctx, h, target)
	switch {
	case f != nil:
		a.status = http.StatusNotFound
	default:
		var err error
		if a.body, err = xml.Marshal(node{XMLName: xml.Name{Local: "Response"}, Children: verbs}); err != nil {
			f = &failure{code: 12100, text: "what the flow says is no XML: " + err.Error()}
		}
	}
	return a, []Attempt{s.noteAttempt(h, a, f)}, f
}

func (s *Sim) flowVerbs(ctx context.Context, h hook, target string) ([]node, *failure) {
	sid, _ := s.flowAt(target)
	u, err := url.Parse(target)
	if err != nil {
		return nil, &failure{code: 11100, text: err.Error()}
	}
	if h.kind != EventVoice && h.kind != EventWebhook {
		return nil, &failure{code: 11200, text: "flows take calls and texts, and nothing else"}
	}
	if after := u.Query().Get(afterParam); after != "" {
		return s.studio.goOn(ctx, h, after)
	}
	s.studio.mu.Lock()
	stored := s.studio.flows[sid]
	s.studio.mu.Unlock()
	if stored == nil || stored.flow == nil {
		return nil, &failure{code: 11200, text: fmt.Sprintf("there is no published flow %s", sid)}
	}
	if h.kind == EventVoice && h.form.Get("Direction") != Inbound {
		return nil, &failure{code: 11200, text: "flows for calls that the account makes are not simulated"}
	}
	return s.newRun(h, stored).begin(ctx), nil
}
