package twiliosim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

var createCallParams = paramRules{
	// SendDigits, CallReason, CallToken and the limits of machine detection are accepted and change nothing here.
	known: []string{
		"To", "From", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
		"Timeout", "TimeLimit", "MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod",
		"MachineDetectionTimeout", "MachineDetectionSpeechThreshold", "MachineDetectionSpeechEndThreshold",
		"MachineDetectionSilenceTimeout", "SendDigits", "CallReason", "CallToken",
	},
	repeatable: []string{"StatusCallbackEvent"},
	unsimulated: strings.Fields("ApplicationSid Record RecordingChannels RecordingStatusCallback RecordingStatusCallbackMethod " +
		"RecordingStatusCallbackEvent RecordingTrack SipAuthUsername SipAuthPassword Trim CallerId Byoc ClientNotificationUrl"),
}

// createCall calls a phone.
//
// POST /2010-04-01/Accounts/{AccountSid}/Calls.json
// https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
func (s *Sim) createCall(w http.ResponseWriter, r *http.Request) error {
	form, err := createCallParams.form(w, r)
	if err != nil {
		return err
	}
	if err := s.mayCall(form); err != nil {
		return err
	}
	x := s.calls
	var l *leg
	var answer callJSON
	if err := x.try(func() error {
		l = x.newLeg(nil, "", form.Get("From"), form.Get("To"), OutboundAPI)
		l.order(form)
		answer = s.callJSON(l)
		return nil
	}); err != nil {
		return err
	}
	note(r, l.Sid, nil)
	start := func() {
		x.do(func() { x.after(l.life, 0, func() { x.ringOrdered(l) }) })
	}
	if s.Settings().StatusBeforeCreate {
		start()
		s.Wait(r.Context(), func(*Sim) bool { //nolint:errcheck // the answer is the same
			x.mu.Lock()
			defer x.mu.Unlock()
			return l.Status != StatusQueued && !l.posting
		})
		writeJSON(w, http.StatusCreated, answer)
		return nil
	}
	// Begun last, so that the first status callback is not likely to overtake the answer.
	defer start()
	writeJSON(w, http.StatusCreated, answer)
	http.NewResponseController(w).Flush()
	return nil
}

// ordered is what the REST API was told of a call.
type ordered struct {
	doc           target
	twiml         string // in place of doc
	timeout       time.Duration
	limit         time.Duration
	detect, async bool
	detectEnd     bool
	asyncDone     target
}

// order notes what a call is to do.
func (l *leg) order(form url.Values) {
	at := func(url, method string) target {
		return target{form.Get(url), formOr(form, method, http.MethodPost)}
	}
	seconds := func(name, missing string) time.Duration {
		n, _ := strconv.Atoi(formOr(form, name, missing)) // was checked
		return time.Duration(n) * time.Second
	}
	l.ordered = ordered{
		doc: at("Url", "Method"), twiml: form.Get("Twiml"), timeout: seconds("Timeout", "60"), limit: seconds("TimeLimit", "14400"),
		// Keys to be sent switch detection off, see https://www.twilio.com/docs/voice/answering-machine-detection.
		detect:    form.Get("MachineDetection") != "" && form.Get("SendDigits") == "",
		detectEnd: form.Get("MachineDetection") == "DetectMessageEnd", async: form.Get("AsyncAmd") == "true",
		asyncDone: at("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"),
	}
	l.fall = at("FallbackUrl", "FallbackMethod")
	l.progress = at("StatusCallback", "StatusCallbackMethod")
	if l.events = form["StatusCallbackEvent"]; len(l.events) == 0 {
		l.events = []string{"completed"}
	}
}

func formOr(form url.Values, name, missing string) string {
	if value := form.Get(name); value != "" {
		return value
	}
	return missing
}

// ringOrdered rings the phone of a call that was made over REST.
func (x *exchange) ringOrdered(l *leg) {
	l.talk.began = x.clock.now()
	x.after(l.life, l.ordered.timeout, func() {
		if !l.answered() {
			x.end(l, CallNoAnswer)
		}
	})
	x.ring(l)
}

// apiAnswered goes on with a call that was made over REST, once it is answered.
func (x *exchange) apiAnswered(l *leg, machine bool) {
	o := &l.ordered
	x.after(l.life, o.limit, func() { x.end(l, CallCompleted) })
	switch {
	case o.detect && o.async:
		x.detect(l, machine, o.detectEnd, func() { x.notifyDetected(l, o.asyncDone) })
	case o.detect:
		x.detect(l, machine, o.detectEnd, func() { x.begin(l) })
		return
	}
	x.begin(l)
}

// begin does what the REST API has asked for.
func (x *exchange) begin(l *leg) {
	if l.ordered.doc.url != "" {
		x.ask(l, l.ordered.doc, nil)
		return
	}
	doc, f := parseScript([]byte(l.ordered.twiml), "", CheckVoice)
	if f != nil {
		x.note(l, "refused", f.text)
		x.fail(l)
		return
	}
	x.run(l, doc)
}

// magicCalled refuse calls. Twilio documents no such numbers for calls; these are the simulator's own.
var magicCalled = map[string]int{"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}

// mayCall says why Twilio would refuse to make a call.
func (s *Sim) mayCall(form url.Values) error {
	to, caller := form.Get("To"), form.Get("From")
	switch {
	case to == "":
		return refuse(21201, "No 'To' number is specified.")
	case caller == "":
		return refuse(21213, "No 'From' number is specified.")
	case !isE164(to):
		return refuse(21211, "The 'To' number %s is not a valid phone number.", to)
	case !isE164(caller):
		return refuse(21212, "The 'From' number %s is not a valid phone number.", caller)
	case magicCalled[to] != 0:
		return refuse(magicCalled[to], "The 'To' number %s cannot be called.", to)
	case caller != magicSender && !s.calls.owns(caller):
		return refuse(21210, "The 'From' number %s is not a number of this account.", caller)
	case form.Get("Url") == "" && form.Get("Twiml") == "":
		return refuse(21205, "A 'Url' or 'Twiml' is required.")
	}
	return checkCallForm(form)
}

// maxTwiml is the limit of Twiml. See https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource.
const maxTwiml = 4000

// checkCallForm covers what can be said of a call in a request, be it a new one or not.
func checkCallForm(form url.Values) error {
	for name := range form {
		value := form.Get(name)
		isURL := name == "Url" || name == "FallbackUrl" || name == "StatusCallback" || name == "AsyncAmdStatusCallback"
		switch {
		case isURL && value != "" && !isWebURL(value):
			return refuse(21205, "%s %q is no absolute http or https URL.", name, value)
		case strings.HasSuffix(name, "Method") && method(value) != nil:
			return refuse(20001, "%s %q is neither GET nor POST.", name, value)
		}
	}
	for name, check := range map[string]attrCheck{
		"Timeout": from(1, 600), "TimeLimit": from(1, 86400), "MachineDetection": oneOf("Enable", "DetectMessageEnd"), "AsyncAmd": boolean,
	} {
		if form.Has(name) {
			if err := check(form.Get(name)); err != nil {
				return refuse(20001, "%s %q %v.", name, form.Get(name), err)
			}
		}
	}
	events := []string{"initiated", "ringing", "answered", "completed"}
	for _, event := range form["StatusCallbackEvent"] {
		if !slices.Contains(events, event) {
			return refuse(20001, "StatusCallbackEvent %q is none of %s.", event, strings.Join(events, ", "))
		}
	}
	if doc := form.Get("Twiml"); doc != "" {
		if len(doc) > maxTwiml {
			return refuse(20001, "Twiml has more than %d characters.", maxTwiml)
		}
		if err := CheckVoice([]byte(doc)); err != nil {
			return refuse(12100, "Twiml: %v.", err)
		}
	}
	return nil
}
