package twiliosim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// EventFlow is the kind of events that say what a flow did: a request that it made, or a text that could not be sent.
const EventFlow = "flow"

// flowRun is an execution of a flow, for a call or a text. One widget of it runs at a time.
type flowRun struct {
	sim    *Sim
	flow   *flow
	hook   hook // that began it
	base   string
	voice  bool
	gone   bool              // the caller has hung up
	values map[string]string // of variables
	at     *widget           // what the caller hears or does at present
}

func (s *Sim) newRun(h hook, stored *storedFlow) *flowRun {
	r := &flowRun{sim: s, flow: stored.flow, hook: h, base: s.FlowURL(stored.Sid), voice: h.kind == EventVoice, values: map[string]string{}}
	kind := "message"
	if r.voice {
		kind = "call"
	}
	for name := range h.form {
		r.values["trigger."+kind+"."+name] = h.form.Get(name)
	}
	r.values["contact.channel.address"], r.values["flow.channel.address"] = h.form.Get("From"), h.form.Get("To")
	return r
}

// begin runs a flow from its trigger. It returns what the caller is to hear.
func (r *flowRun) begin(ctx context.Context) []node {
	event := "incomingMessage"
	if r.voice {
		event = "incomingCall"
	}
	return r.walk(ctx, r.flow.after(r.flow.widget(r.flow.InitialState), event))
}

// goOn takes up a call where a widget has ended.
func (st *studio) goOn(ctx context.Context, h hook, name string) ([]node, *failure) {
	st.mu.Lock()
	r := st.runs[h.sid]
	st.mu.Unlock()
	if r == nil || r.at == nil || r.at.Name != name {
		return nil, &failure{code: 11200, text: fmt.Sprintf("the call %s is not in the widget %s", h.sid, name)}
	}
	w := r.at
	r.at = nil
	return r.walk(ctx, r.flow.after(w, r.ended(w, h.form))), nil
}

// maxSteps is how many widgets a run may have. See https://www.twilio.com/docs/studio/user-guide/limits.
const maxSteps = 1000

// walk runs widgets until one needs the caller, or none is left.
func (r *flowRun) walk(ctx context.Context, w *widget) []node {
	for range maxSteps {
		if w == nil {
			return r.end()
		}
		event := ""
		switch w.Type {
		case requestType:
			event = r.request(ctx, w)
		case messageType:
			event = r.send(w)
		case splitType:
			if w = r.split(w); w == nil {
				return r.end()
			}
			continue
		case sayType, connectType, recordType:
			if !r.voice {
				return r.fail(ctx, w.Name+" needs a call")
			}
			if r.gone {
				return r.end()
			}
			r.wait(w)
			return r.verbs(w)
		}
		w = r.flow.after(w, event)
	}
	return r.fail(ctx, fmt.Sprintf("more than %d steps", maxSteps))
}

// wait keeps a run until the caller is done with a widget.
func (r *flowRun) wait(w *widget) {
	r.at = w
	st := &r.sim.studio
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.runs == nil {
		st.runs = map[string]*flowRun{}
	}
	st.runs[r.hook.sid] = r
}

func (r *flowRun) end() []node {
	st := &r.sim.studio
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.runs, r.hook.sid)
	if r.voice {
		return []node{verb("Hangup", "")}
	}
	return nil
}

// fail ends a run that went wrong. Whoever called or texted is not told.
func (r *flowRun) fail(ctx context.Context, why string) []node {
	r.sim.noteLost(ctx, r.hook, &failure{code: 81000, text: "the flow failed: " + why})
	return r.end()
}

func (r *flowRun) fill(text string) string { return fill(text, r.values) }

// filled is a property with its variables filled in.
func (r *flowRun) filled(w *widget, property string) string { return r.fill(w.text(property)) }

// set gives a widget's variable a value.
func (r *flowRun) set(w *widget, name, value string) { r.values["widgets."+w.Name+"."+name] = value }

// split returns what follows a split. How upper and lower case compare is unverified: here they differ.
func (r *flowRun) split(w *widget) *widget {
	for _, t := range w.Transitions {
		if t.Event != matchEvent {
			continue
		}
		match := true
		for _, c := range t.Conditions {
			match = match && r.fill(c.Arguments[0]) == r.fill(c.Value)
		}
		if match {
			return r.flow.widget(t.Next)
		}
	}
	return r.flow.after(w, noMatchEvent)
}

// send sends a text. It counts as sent as soon as Twilio takes it, whatever becomes of it.
// See https://www.twilio.com/docs/studio/widget-library/send-message.
func (r *flowRun) send(w *widget) (event string) {
	m, _, err := r.sim.send(outgoing{
		from: r.filled(w, "from"), to: r.filled(w, "to"), body: r.filled(w, "body"), direction: OutboundAPI,
	})
	if err != nil {
		r.sim.journal.add(Event{Kind: EventFlow, Sid: r.hook.sid, Error: err.Error()})
		return "failed"
	}
	r.sim.carrier.take(m.Sid)
	return "sent"
}

// flowPatience is how long a flow waits for an answer. See https://www.twilio.com/docs/studio/widget-library/http-request.
const flowPatience = 10 * time.Second

// request asks a URL, once. It is signed as a webhook is, with the port (unverified).
func (r *flowRun) request(ctx context.Context, w *widget) (event string) {
	var all []parameter
	json.Unmarshal(w.Properties["parameters"], &all) //nolint:errcheck // was checked; there may be none
	h := hook{kind: EventFlow, sid: r.hook.sid, method: w.text("method"), url: r.filled(w, "url"), form: url.Values{}}
	for _, p := range all {
		h.form.Set(p.Key, r.fill(p.Value))
	}
	status, body, err := r.sim.flowRequest(ctx, h)
	e := Event{Kind: h.kind, Method: h.method, Path: h.url, Status: status, Sid: h.sid}
	if err != nil {
		e.Error = err.Error()
	}
	r.sim.journal.add(e)
	r.set(w, "status_code", strconv.Itoa(status))
	r.set(w, "body", string(body))
	if err != nil {
		return "failed"
	}
	return "success"
}

func (s *Sim) flowRequest(ctx context.Context, h hook) (status int, body []byte, err error) {
	if !isWebURL(h.url) {
		return 0, nil, fmt.Errorf("%q is no absolute http or https URL", h.url)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, flowPatience, errTooSlow)
	defer cancel()
	req, err := s.request(ctx, h, h.url)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Del("I-Twilio-Idempotency-Token")
	if h.method == http.MethodPost {
		req.Header.Set("Content-Type", formContent)
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return 0, nil, cause(ctx, err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		err = cause(ctx, err)
	case len(body) > maxAnswer:
		err = fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		err = errors.New("the answer is " + res.Status + ", and redirects are not simulated")
	case res.StatusCode/100 != 2:
		err = errors.New("the answer is " + res.Status)
	}
	return res.StatusCode, body, err
}
