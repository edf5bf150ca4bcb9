package twiliosim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// order calls a phone over REST.
func (l *line) order(to string, more url.Values) answer {
	form := url.Values{"To": {to}, "From": {hotline}, "StatusCallback": {l.studio.URL + "/progress"}, "StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"}}
	for name, values := range more {
		form[name] = values
	}
	return l.call(http.MethodPost, "/Calls.json", form)
}

func (l *line) waitForEnd() {
	l.world.t.Helper()
	l.wait("the end of all calls", func(s *twiliosim.Sim) bool { return s.OpenLegs() == 0 })
}

// progress are the statuses that the callback was told of.
func (l *line) progress() string {
	var all []string
	for _, form := range l.asked("/progress") {
		all = append(all, form.Get("CallStatus"))
	}
	return strings.Join(all, " ")
}

func (l *line) waitForProgress(want string) {
	l.world.t.Helper()
	l.wait(want, func(*twiliosim.Sim) bool { return len(strings.Fields(l.progress())) >= len(strings.Fields(want)) })
	if got := l.progress(); got != want {
		l.world.t.Errorf("told of %s, want %s", got, want)
	}
}

func TestCallBack(t *testing.T) {
	l := newLine(t)
	l.answer("/agent", `<Gather numDigits="1" action="/connect"><Say>Press 1.</Say></Gather>`)
	l.answer("/connect", `<Dial callerId="`+hotline+`" timeout="30" action="/done"><Number statusCallback="/leg">`+supporter+`</Number></Dial>`)
	l.answer("/done", "<Hangup/>")
	l.SetHandset(ann, answers(4, accepts(2)))
	l.SetHandset(supporter, answers(3, hangsUp(30)))
	a := l.order(ann, url.Values{"Url": {l.studio.URL + "/agent?attempt=1"}})
	if a.status != http.StatusCreated || a.str("status") != "queued" || a.str("direction") != "outbound-api" {
		t.Fatalf("answer %d %s", a.status, a.body)
	}
	l.waitForProgress("initiated ringing in-progress completed")
	leg, _ := l.Leg(a.str("sid"))
	l.wantStory(leg, "0s ringing, 4s answered, 4s asked, 4s said Press 1., 6s pressed 1, 9s connected, 39s disconnected 30s, 39s ended completed")
	l.wantDone("completed", "true", "")
	child := l.call(http.MethodGet, "/Calls.json?ParentCallSid="+leg.Sid, nil)
	if !strings.Contains(child.body, `"to":"`+supporter+`"`) || !strings.Contains(child.body, `"from":"`+hotline+`"`) {
		t.Errorf("children %s", child.body)
	}
	if got := l.call(http.MethodGet, "/Calls/"+leg.Sid+".json", nil); got.str("status") != "completed" || got.str("duration") != "35" {
		t.Errorf("call %s", got.body)
	}
	for query, want := range map[string]int{
		"": 2, "?To=" + url.QueryEscape(ann): 1, "?From=" + url.QueryEscape(hotline): 2, "?Status=busy": 0, "?Status=completed&PageSize=1": 1,
		"?StartTime%3E=2999-01-01": 0, "?StartTime%3C=2999-01-01": 2,
	} {
		calls, _ := l.call(http.MethodGet, "/Calls.json"+query, nil).json["calls"].([]any)
		if len(calls) != want {
			t.Errorf("%s: %d calls", query, len(calls))
		}
	}
}

func TestCallEnds(t *testing.T) {
	for _, test := range []struct {
		name    string
		handset twiliosim.Handset
		more    url.Values
		want    string
		at      time.Duration
	}{
		{"busy", twiliosim.Handset{Busy: true}, nil, "initiated busy", 0},
		{"unreachable", twiliosim.Handset{Unreachable: true}, nil, "initiated failed", 0},
		{"no answer", twiliosim.Handset{}, url.Values{"Timeout": {"20"}}, "initiated ringing no-answer", 20 * time.Second},
		{"inline", answers(1), url.Values{"Twiml": {`<Response><Say>Hi.</Say></Response>`}, "Url": nil}, "initiated ringing in-progress completed", 2 * time.Second},
		{"relative URL inline", answers(1), url.Values{"Twiml": {`<Response><Redirect>/x</Redirect></Response>`}, "Url": nil}, "initiated ringing in-progress completed", time.Second + 43*time.Second/15},
		{"time limit", answers(1), url.Values{"TimeLimit": {"10"}}, "initiated ringing in-progress completed", 11 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.answer("/agent", `<Pause length="60"/>`)
			l.SetHandset(ann, test.handset)
			form := url.Values{"Url": {l.studio.URL + "/agent"}}
			for name, values := range test.more {
				form[name] = values
			}
			l.order(ann, form)
			l.waitForProgress(test.want)
			if l.clock.Now() != test.at {
				t.Errorf("it took %v", l.clock.Now())
			}
		})
	}
}

func TestMachineDetection(t *testing.T) {
	for _, test := range []struct {
		name     string
		handset  twiliosim.Handset
		more     url.Values
		by       string
		document string // AnsweredBy of its request
	}{
		{"human", answers(1), url.Values{"MachineDetection": {"Enable"}}, "human", "human"},
		{"machine", twiliosim.Handset{Machine: true}, url.Values{"MachineDetection": {"Enable"}}, "machine_start", "machine_start"},
		{"its end", twiliosim.Handset{Machine: true}, url.Values{"MachineDetection": {"DetectMessageEnd"}}, "machine_end_beep", "machine_end_beep"},
		{"later", twiliosim.Handset{Machine: true}, url.Values{"MachineDetection": {"Enable"}, "AsyncAmd": {"true"}}, "machine_start", ""},
		{"not asked for", twiliosim.Handset{Machine: true}, nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.answer("/agent", `<Pause length="10"/>`)
			l.SetHandset(ann, test.handset)
			form := url.Values{"Url": {l.studio.URL + "/agent"}, "AsyncAmdStatusCallback": {l.studio.URL + "/amd"}}
			for name, values := range test.more {
				form[name] = values
			}
			sid := l.order(ann, form).str("sid")
			l.waitForProgress("initiated ringing in-progress completed")
			if leg, _ := l.Leg(sid); leg.AnsweredBy != test.by || l.one("/agent").Get("AnsweredBy") != test.document {
				t.Errorf("%+v", leg)
			}
			if n := len(l.asked("/amd")); n != map[bool]int{true: 1}[test.name == "later"] {
				t.Errorf("%d callbacks", n)
			}
		})
	}
}

func TestChangeCall(t *testing.T) {
	l := newLine(t)
	agent := url.Values{"Url": {l.studio.URL + "/agent"}}
	l.answer("/agent", `<Dial><Number>`+supporter+`</Number></Dial><Say>Alone.</Say>`)
	l.answer("/elsewhere", `<Say>Elsewhere.</Say>`)
	change := func(sid string, form url.Values) answer { return l.call(http.MethodPost, "/Calls/"+sid+".json", form) }

	l.clock.Hold()
	sid := l.order(ann, agent).str("sid")
	if a := change(sid, url.Values{"Url": {l.studio.URL + "/elsewhere"}}); a.code() != 21220 {
		t.Errorf("sent elsewhere before the answer: %s", a.body)
	}
	if a := change(sid, url.Values{"Status": {"canceled"}}); a.str("status") != "canceled" {
		t.Errorf("canceled: %s", a.body)
	}
	if a := change(sid, url.Values{"Status": {"completed"}}); a.code() != 21220 {
		t.Errorf("ended twice: %s", a.body)
	}
	l.clock.Release()
	l.waitForEnd()
	if got := l.progress(); got != "" {
		t.Errorf("a call that was queued was reported: %s", got)
	}

	// One that rings, forever as the clock stands still.
	manual := func(number string) { l.SetHandset(number, twiliosim.Handset{Manual: true}) }
	manual(ann)
	manual(supporter)
	still := l.hold(t)
	sid = l.order(ann, agent).str("sid")
	l.waitForProgress("initiated ringing")
	change(sid, url.Values{"Status": {"canceled"}})
	l.waitForProgress("initiated ringing canceled")

	// A bridged pair of which one is sent elsewhere.
	sid = l.order(ann, agent).str("sid")
	l.waitForProgress("initiated ringing canceled initiated ringing")
	if err := l.PickUp(sid); err != nil {
		t.Fatal(err)
	}
	l.wait("the supporter's phone", func(s *twiliosim.Sim) bool {
		legs := s.LegsOf(supporter)
		return len(legs) == 1 && legs[0].Status == twiliosim.CallRinging
	})
	child := l.LegsOf(supporter)[0].Sid
	if err := l.PickUp(child); err != nil {
		t.Fatal(err)
	}
	if a := change(sid, url.Values{"Status": {"canceled"}}); a.code() != 21220 {
		t.Errorf("canceled after the answer: %s", a.body)
	}
	if a := change(child, url.Values{"Url": {l.studio.URL + "/elsewhere"}}); a.status != http.StatusOK {
		t.Errorf("sent elsewhere: %s", a.body)
	}
	still()
	l.waitForEnd()
	leg, _ := l.Leg(sid)
	l.wantStory(leg, "0s ringing, 0s answered, 0s connected, 0s disconnected 0s, 0s said Alone., 1s ended completed")
	leg, _ = l.Leg(child)
	l.wantStory(leg, "0s ringing, 0s answered, 0s connected, 0s redirected, 0s disconnected 0s, 0s said Elsewhere., 1s ended completed")
}

// hold keeps time from passing, though not things from happening, until the function that it returns is called.
func (l *line) hold(t *testing.T) (release func()) {
	block := make(chan struct{})
	done := false
	l.clock.OnJump = func(time.Duration) { <-block }
	release = func() {
		if !done {
			done = true
			close(block)
		}
	}
	t.Cleanup(release)
	return release
}

func TestCallStatusBeforeCreate(t *testing.T) {
	l := newLine(t)
	l.set(func(s *twiliosim.Settings) { s.StatusBeforeCreate = true })
	l.hold(t)
	l.order(ann, url.Values{"Url": {l.studio.URL + "/agent"}})
	if got := l.progress(); got != "initiated ringing" {
		t.Errorf("told of %q when the answer had come", got)
	}
}

func TestRefusedCalls(t *testing.T) {
	l := newLine(t)
	good := url.Values{"Url": {l.studio.URL + "/agent"}}
	for name, test := range map[string]struct {
		form url.Values
		code int
	}{
		"no To":          {url.Values{"To": nil}, 21201},
		"no From":        {url.Values{"From": nil}, 21213},
		"bad To":         {url.Values{"To": {"12"}}, 21211},
		"bad From":       {url.Values{"From": {"12"}}, 21212},
		"not ours":       {url.Values{"From": {bob}}, 21210},
		"unreachable":    {url.Values{"To": {"+15005550002"}}, 21214},
		"no document":    {url.Values{"Url": nil}, 21205},
		"relative":       {url.Values{"Url": {"/agent"}}, 21205},
		"unknown":        {url.Values{"url": {"x"}}, 20001},
		"not simulated":  {url.Values{"Record": {"true"}}, 20001},
		"timeout":        {url.Values{"Timeout": {"601"}}, 20001},
		"event":          {url.Values{"StatusCallbackEvent": {"initiated ringing"}}, 20001},
		"document":       {url.Values{"Twiml": {"<Response><Nix/></Response>"}}, 12100},
		"long document":  {url.Values{"Twiml": {"<Response><Say>" + strings.Repeat("x", 4000) + "</Say></Response>"}}, 20001},
		"given twice":    {url.Values{"Url": {"http://a.org", "http://b.org"}}, 20001},
		"bad method":     {url.Values{"Method": {"PUT"}}, 20001},
		"bad detection":  {url.Values{"MachineDetection": {"true"}}, 20001},
		"callback's URL": {url.Values{"StatusCallback": {"x"}}, 21205},
	} {
		form := url.Values{}
		for _, from := range []url.Values{good, test.form} {
			for key, values := range from {
				form[key] = values
			}
		}
		if a := l.order(ann, form); a.code() != test.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	l.Faults().Set(fault.Switches{FailNext: 1})
	if a := l.order(ann, good); a.status < 500 {
		t.Errorf("without a fault: %d", a.status)
	}
	if n := len(l.Legs()); n != 0 {
		t.Errorf("%d calls", n)
	}
}
