package twiliosim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const flowSid = "FW0123456789abcdef0123456789abcdef"

// flowOf puts an address in place of GATEWAY in the flow of the tests, and applies replacements.
func flowOf(gateway string, changes ...string) []byte {
	changes = append(changes, "GATEWAY", gateway)
	return []byte(strings.NewReplacer(changes...).Replace(`{"description": "", "flags": {"allow_concurrent_calls": true}, "initial_state": "Trigger", "states": [
{"name": "Trigger", "type": "trigger", "properties": {"offset": {"x": 0, "y": 0}}, "transitions": [
  {"event": "incomingMessage", "next": "hand_over"}, {"event": "incomingCall", "next": "ring"}, {"event": "incomingRequest"}]},
{"name": "hand_over", "type": "make-http-request", "properties": {"method": "POST", "url": "GATEWAY/again",
  "content_type": "application/x-www-form-urlencoded;charset=utf-8", "parameters": [
  {"key": "Body", "value": "{{trigger.message.Body}}"}, {"key": "from", "value": "<{{contact.channel.address}}> to {{ flow.channel.address }}"},
  {"key": "MediaUrl0", "value": "{{trigger.message.MediaUrl0}}"}]}, "transitions": [{"event": "success"}, {"event": "failed", "next": "sorry"}]},
{"name": "sorry", "type": "send-message", "properties": {"from": "{{flow.channel.address}}", "to": "{{contact.channel.address}}",
  "body": "Sorry, {{widgets.hand_over.status_code}}."}, "transitions": [{"event": "sent"}, {"event": "failed"}]},
{"name": "ring", "type": "connect-call-to", "properties": {"noun": "number-multi", "to": "+16175550101, +16175550102",
  "caller_id": "{{contact.channel.address}}", "timeout": 20, "record": false}, "transitions": [{"event": "callCompleted", "next": "answered"}, {"event": "hangup", "next": "left"}]},
{"name": "answered", "type": "split-based-on", "properties": {"input": "{{widgets.ring.DialCallStatus}}"}, "transitions": [{"event": "noMatch", "next": "greeting"},
  {"event": "match", "conditions": [{"friendly_name": "", "arguments": ["{{widgets.ring.DialCallStatus}}"], "type": "equal_to", "value": "completed"}]}]},
{"name": "greeting", "type": "say-play", "properties": {"say": "Leave a message & hang up.", "language": "en-US", "loop": 1}, "transitions": [{"event": "audioComplete", "next": "voicemail"}]},
{"name": "voicemail", "type": "record-voicemail", "properties": {"timeout": 5, "finish_on_key": "#", "max_length": 119, "play_beep": "true", "trim": "trim-silence",
  "transcribe": true, "transcription_callback_url": "GATEWAY/text"}, "transitions": [
  {"event": "recordingComplete", "next": "kept"}, {"event": "noAudio", "next": "nothing"}, {"event": "hangup", "next": "kept"}]},
{"name": "kept", "type": "make-http-request", "properties": {"method": "POST", "url": "GATEWAY/kept", "content_type": "application/x-www-form-urlencoded;charset=utf-8",
  "parameters": [{"key": "recording", "value": "{{widgets.voicemail.RecordingUrl}}"}, {"key": "length", "value": "{{widgets.voicemail.RecordingDuration}}"},
  {"key": "sid", "value": "{{trigger.call.CallSid}} {{widgets.voicemail.RecordingSid}}"}]}, "transitions": [{"event": "success", "next": "thanks"}, {"event": "failed"}]},
{"name": "left", "type": "send-message", "properties": {"from": "{{flow.channel.address}}", "to": "{{contact.channel.address}}", "body": "You left."}, "transitions": []},
{"name": "nothing", "type": "say-play", "properties": {"say": "Nothing."}, "transitions": [{"event": "audioComplete"}]},
{"name": "thanks", "type": "say-play", "properties": {"say": "Thanks."}, "transitions": [{"event": "audioComplete"}]}]}`))
}

func TestSetFlow(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	for _, test := range []struct{ name, old, new, want string }{
		{"right", "", "", ""},
		{"no JSON", `"states": [`, `"states": {`, "cannot be read"},
		{"unknown field", `"flags"`, `"flag"`, `unknown field "flag"`},
		{"initial state", `"initial_state": "Trigger"`, `"initial_state": "ring"`, `initial_state "ring" is no trigger`},
		{"same name", `"name": "thanks"`, `"name": "sorry"`, "sorry: there are two widgets of that name"},
		{"bad name", `"name": "nothing"`, `"name": "no thing"`, `a widget cannot be called "no thing"`},
		{"next", `"next": "greeting"`, `"next": "greting"`, `answered: on noMatch: there is no widget "greting"`},
		{"to the trigger", `"next": "greeting"`, `"next": "Trigger"`, "answered: on noMatch: nothing leads to the trigger"},
		{"type", `"type": "split-based-on"`, `"type": "split-on"`, `answered: widgets of the type "split-on" do not exist`},
		{"event", `"event": "noAudio"`, `"event": "no_audio"`, `voicemail: a record-voicemail has no event "no_audio"`},
		{"event twice", `"event": "noAudio"`, `"event": "hangup"`, "voicemail: the event hangup has two transitions"},
		{"property", `"play_beep"`, `"beep"`, `voicemail: a record-voicemail has no property "beep"`},
		{"value", `"play_beep": "true"`, `"play_beep": true`, "play_beep: true is no text"},
		{"value of a list", `"trim-silence"`, `"trim"`, `trim: "trim" is none of trim-silence, do-not-trim`},
		{"number", `"timeout": 20`, `"timeout": "20"`, `timeout: "20" is no number from 1 to 600`},
		{"recorded call", `"record": false`, `"record": true`, "record: true is not simulated"},
		{"missing property", `"body": "You left."`, `"body": ""`, `left: the property "body" is missing`},
		{"phone", "+16175550102", "6175550102", `"6175550102" is no number in E.164`},
		{"one number", `"number-multi"`, `"number"`, "the noun number has one number"},
		{"variable", "trigger.message.Body", "trigger.message.Text", "hand_over: parameters: {{trigger.message.Text}} does not exist"},
		{"variable of a widget", "widgets.voicemail.RecordingUrl", "widgets.voicemail.Url", "{{widgets.voicemail.Url}} does not exist"},
		{"variable of no widget", "widgets.voicemail.RecordingUrl", "widgets.mail.RecordingUrl", `there is no widget "mail"`},
		{"filter", "{{trigger.message.Body}}", "{{trigger.message.Body | upcase}}", "does not exist"},
		{"tag", "You left.", "{% if true %}", "tags, or brackets without a partner"},
		{"open", "You left.", "{{trigger.message.Body}", "brackets without a partner"},
		{"url", "GATEWAY/again", "/again", `url: "/again" is no absolute http or https URL`},
		{"overrides", "GATEWAY/again", "http://gateway.example.org/again#rc=3", "has a fragment"},
		{"content type", "charset=utf-8", "charset=latin1", "content_type"},
		{"reserved", `"key": "Body"`, `"key": "method"`, "method is reserved"},
		{"condition", `"equal_to"`, `"contains"`, `on match: the condition "contains" does not exist`},
		{"argument", `["{{widgets.ring.DialCallStatus}}"]`, `["{{widgets.ring.DialCallSid}}"]`, "the arguments of a condition are the input"},
		{"transcription", `"transcribe": true`, `"transcribe": false`, "transcribe is not true"},
		{"say", `"say": "Nothing."`, `"language": "en-US"`, "either say or play is needed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var changes []string
			if test.old != "" {
				changes = []string{test.old, test.new}
			}
			got := ""
			if err := w.SetFlow(flowSid, flowOf("http://gateway.example.org", changes...)); err != nil {
				got = err.Error()
			}
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	err := w.SetFlow(flowSid, flowOf("http://h.example.org", `"play_beep"`, `"beep"`, `"say": "Nothing."`, `"play": "x"`, `"next": "sorry"`, `"next": "sory"`))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all problems: %v", err)
	}
	if err := w.SetFlow("FW1", flowOf("http://h.example.org")); err == nil {
		t.Error("FW1 is a SID")
	}
}

// TestTextFlow lets a flow take texts that the number's own URL did not.
func TestTextFlow(t *testing.T) {
	for _, test := range []struct {
		name    string
		again   int // what the flow's request is answered with
		inbox   string
		twilios bool // the flow's address is that of the real Twilio
	}{
		{name: "taken", again: 204, inbox: "[]"},
		{name: "failed", again: 500, inbox: "[Sorry, 500.]"},
		{name: "redirected", again: 302, inbox: "[Sorry, 302.]"},
		{name: "Twilio's own address", again: 204, inbox: "[]", twilios: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			flowURL := w.FlowURL(flowSid)
			if test.twilios {
				flowURL = strings.Replace(flowURL, w.api.URL, "https://webhooks.twilio.com", 1)
			}
			w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.gateway.URL + "/sms", SMSFallbackURL: flowURL})
			if err := w.SetFlow(flowSid, flowOf(w.gateway.URL)); err != nil {
				t.Fatal(err)
			}
			w.gateway.answerWith(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/again" {
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				rw.WriteHeader(test.again)
			})
			d := w.text("hi & bye")
			if d.Lost || len(d.Attempts) != 2 || d.Attempts[0].Status != 503 || d.Attempts[1].Status != 200 {
				t.Errorf("%+v", d)
			}
			requests := w.gateway.requests()
			form := requests[len(requests)-1].PostForm
			if len(requests) != 2 || form.Get("Body") != "hi & bye" || form.Get("from") != "<"+supporter+"> to "+hotline ||
				!form.Has("MediaUrl0") || form.Get("MediaUrl0") != "" || len(form) != 3 {
				t.Errorf("%d requests, the last with %v", len(requests), form)
			}
			if got := requests[1].Header.Get("Content-Type"); got != "application/x-www-form-urlencoded;charset=utf-8" {
				t.Errorf("the flow posts %s", got)
			}
			if test.inbox != "[]" {
				w.wait("the apology", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) > 0 })
			}
			if got := bodies(w.Inbox(supporter)); got != test.inbox {
				t.Errorf("the supporter got %s", got)
			}
		})
	}
}

// TestNoFlow asks the fallback if there is no such flow.
func TestNoFlow(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.FlowURL(flowSid), SMSFallbackURL: w.gateway.URL + "/sms"})
	if d := w.text("hi"); d.Lost || len(d.Attempts) != 2 || !strings.Contains(d.Attempts[0].Err, "no published flow") {
		t.Errorf("%+v", d)
	}
	if form := w.gateway.requests()[0].PostForm; form.Get("ErrorUrl") != w.FlowURL(flowSid) {
		t.Errorf("the fallback was told %v", form)
	}
}

func TestCallFlow(t *testing.T) {
	hangUp := func(after int) twiliosim.Act { return twiliosim.Act{After: seconds(after), HangUp: true} }
	for _, test := range []struct {
		name    string
		primary bool // the number's own URL is asked first, and fails
		ann     twiliosim.Handset
		set     func(*twiliosim.Settings)
		acts    []twiliosim.Act
		story   string
		kept    string // the length that the flow posted; "-": it posted nothing
		text    string // the transcription
		inbox   string
	}{
		{
			name: "nobody answers, key", acts: []twiliosim.Act{says("Please call me.", 10), {Press: "#"}},
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 27s redirected, 27s beep, 28s spoke Please call me., 38s pressed #, 38s recorded 10s, 38s said Thanks., 39s redirected, 39s ended completed",
			kept:  "10", text: "Please call me.", inbox: "[]",
		},
		{
			name: "hung up in the recording, as the fallback", primary: true, acts: []twiliosim.Act{says("Please call me.", 10), hangUp(2)},
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 27s redirected, 27s beep, 28s spoke Please call me., 40s recorded 10s, 40s ended completed",
			kept:  "10", text: "Please call me.", inbox: "[]",
		},
		{
			name: "nothing said", acts: nil,
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 27s redirected, 27s beep, 32s recorded 0s, 32s said Nothing., 33s redirected, 33s ended completed",
			kept:  "-", inbox: "[]",
		},
		{
			name: "hung up without a word", acts: []twiliosim.Act{{On: "beep", After: seconds(1), HangUp: true}},
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 27s redirected, 27s beep, 28s recorded 0s, 28s ended completed",
			kept:  "0", inbox: "[]",
		},
		{
			name: "hung up without a word, absent", acts: []twiliosim.Act{{On: "beep", After: seconds(1), HangUp: true}},
			set:   func(s *twiliosim.Settings) { s.AbsentRecordings = true },
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 27s redirected, 27s beep, 28s recorded 0s, 28s ended completed",
			kept:  "", inbox: "[]",
		},
		{
			name: "hung up in the greeting", acts: []twiliosim.Act{hangUp(26)},
			story: "0s ringing, 0s answered, 25s said Leave a message & hang up., 26s ended completed",
			kept:  "-", inbox: "[]",
		},
		{
			name: "hung up while it rings", acts: []twiliosim.Act{hangUp(7)}, set: func(s *twiliosim.Settings) { s.ActionAfterHangup = false },
			story: "0s ringing, 0s answered, 7s ended completed",
			kept:  "-", inbox: "[You left.]",
		},
		{
			name: "answered", ann: answers(5, hangsUp(60)),
			story: "0s ringing, 0s answered, 5s connected, 1m5s disconnected 1m0s, 1m5s ended completed",
			kept:  "-", inbox: "[]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			if test.set != nil {
				l.set(test.set)
			}
			gateway := l.gateway.URL
			if err := l.SetFlow(flowSid, flowOf(gateway)); err != nil {
				t.Fatal(err)
			}
			number := twiliosim.Number{PhoneNumber: hotline, VoiceURL: l.FlowURL(flowSid)}
			if test.primary {
				number.VoiceURL, number.VoiceFallbackURL = gateway+"/voice", l.FlowURL(flowSid)
			}
			l.SetNumber(number)
			l.gateway.answerWith(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/voice" {
					w.WriteHeader(http.StatusBadGateway)
				}
			})
			l.SetHandset(ann, test.ann)
			leg, _ := l.phone(test.acts...)
			l.wantStory(leg, test.story)
			kept, text := "-", ""
			for _, r := range l.gateway.requests() {
				switch r.URL.Path {
				case "/kept":
					kept = r.PostForm.Get("length")
					if rec := l.Recordings()[0]; r.PostForm.Get("sid") != strings.TrimSpace(leg.Sid+" "+rec.Sid) && kept != "" {
						t.Errorf("kept %v of %+v", r.PostForm, rec)
					}
				case "/text":
					text = r.PostForm.Get("TranscriptionText")
				}
			}
			if kept != test.kept || text != test.text {
				t.Errorf("kept %q, transcribed %q", kept, text)
			}
			if test.inbox != "[]" {
				l.wait("the text", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) > 0 })
			}
			if got := bodies(l.Inbox(supporter)); got != test.inbox {
				t.Errorf("the caller got %s", got)
			}
			for _, rec := range l.Recordings() {
				if rec.Source != "RecordVerb" {
					t.Errorf("%+v", rec)
				}
			}
			if lost := l.events(twiliosim.EventLost); len(lost) > 0 {
				t.Errorf("lost: %+v", lost)
			}
		})
	}
}

// TestFlowRuns ends a run that Studio would not allow, and says so.
func TestFlowRuns(t *testing.T) {
	for name, changes := range map[string][]string{
		"a call's widget for a text": {`"incomingMessage", "next": "hand_over"`, `"incomingMessage", "next": "greeting"`},
		"endless":                    {`"event": "success"}, {"event": "failed", "next": "sorry"}`, `"event": "success", "next": "hand_over"}, {"event": "failed"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{})
			if err := w.SetFlow(flowSid, flowOf(w.gateway.URL, changes...)); err != nil {
				t.Fatal(err)
			}
			w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.FlowURL(flowSid)})
			w.text("hi")
			if lost := w.events(twiliosim.EventLost); len(lost) != 1 || !strings.Contains(lost[0].Error, "the flow failed") {
				t.Errorf("lost: %+v", lost)
			}
		})
	}
}

// TestFlowTimeout waits for an answer that does not come, in real time.
func TestFlowTimeout(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 seconds")
	}
	t.Parallel()
	w := newWorld(t, twiliosim.Config{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.ParseForm() //nolint:errcheck // only then the end of the connection is noticed
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	if err := w.SetFlow(flowSid, flowOf(slow.URL)); err != nil {
		t.Fatal(err)
	}
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: w.FlowURL(flowSid)})
	began := time.Now()
	w.text("hi")
	if took := time.Since(began); took < 9*time.Second {
		t.Errorf("it took %v", took)
	}
	w.wait("the apology", func(s *twiliosim.Sim) bool { return bodies(s.Inbox(supporter)) == "[Sorry, 0.]" })
}

func TestFlowAPI(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	post := func(path string, form url.Values) answer {
		t.Helper()
		return w.call("POST", path, form)
	}
	form := func(status string, changes ...string) url.Values {
		return url.Values{"FriendlyName": {"Test"}, "Status": {status}, "Definition": {string(flowOf(w.gateway.URL, changes...))}}
	}
	wrong := []string{`"play_beep"`, `"beep"`}
	for _, test := range []struct {
		path   string
		form   url.Values
		status int
	}{
		{"/v2/Flows/Validate", form("published"), 200},
		{"/v2/Flows/Validate", form("published", wrong...), 400},
		{"/v2/Flows", form("published", wrong...), 400},
		{"/v2/Flows", form("public"), 400},
		{"/v2/Flows", url.Values{"Status": {"draft"}, "FriendlyName": {"Test"}}, 400},
		{"/v2/Flows/" + flowSid, form("published"), 404},
	} {
		if a := post(test.path, test.form); a.status != test.status {
			t.Errorf("%s: %d %s", test.path, a.status, a.body)
		}
	}
	made := post("/v2/Flows", form("published"))
	sid := made.str("sid")
	if made.status != 201 || made.str("webhook_url") != w.FlowURL(sid) || made.json["valid"] != true || made.json["revision"] != 1.0 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	changed := post("/v2/Flows/"+sid, form("draft", wrong...))
	if changed.status != 200 || changed.json["valid"] != false || changed.json["revision"] != 2.0 || !strings.Contains(changed.body, "no property") {
		t.Errorf("%d %s", changed.status, changed.body)
	}
	// What was published still runs.
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: made.str("webhook_url")})
	w.text("hi")
	if len(w.gateway.requests()) != 1 {
		t.Error("the flow did not run")
	}
	if a := post("/v2/Flows/"+sid, url.Values{"Status": {"published"}}); a.status != 400 {
		t.Errorf("a wrong draft was published: %s", a.body)
	}

	// Names need not be unique: who looks for a flow of that name gets all.
	other := post("/v2/Flows", form("published")).str("sid")
	var listed []string
	for list := "/v2/Flows?PageSize=1"; list != ""; {
		a := w.call("GET", list, nil)
		row := a.json["flows"].([]any)[0].(map[string]any)
		if row["definition"] != nil || row["friendly_name"] != "Test" {
			t.Errorf("listed %v", row)
		}
		listed = append(listed, row["sid"].(string))
		next, _ := a.json["meta"].(map[string]any)["next_page_url"].(string)
		list = strings.TrimPrefix(next, w.api.URL)
	}
	if !slices.Equal(listed, []string{other, sid}) {
		t.Errorf("listed %v", listed)
	}
	if a := w.call("DELETE", "/v2/Flows/"+sid, nil); a.status != 204 {
		t.Errorf("deleting: %d %s", a.status, a.body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if a := w.call(method, "/v2/Flows/"+sid, nil); a.status != 404 {
			t.Errorf("%s of a deleted flow: %d", method, a.status)
		}
	}
	if d := w.text("hi"); !d.Lost {
		t.Error("the deleted flow ran")
	}
}
