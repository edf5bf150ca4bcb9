package twiliosim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// take is a recording, while it is made and after. See https://www.twilio.com/docs/voice/twiml/record.
type take struct {
	Recording
	leg     *leg
	verb    node
	action  target
	status  target // of recordingStatusCallback
	events  []string
	script  target // of transcribeCallback
	silence *scope // until nobody has spoken for too long
	began   time.Duration
	// first and last are when somebody began to speak, and was silent again.
	first, last time.Duration
	words       []string
	ready       bool // can be fetched
	created     time.Time
}

// record records the person on a leg.
func (x *exchange) record(l *leg, v node) {
	t := &take{
		Recording: Recording{Sid: x.newSid("RE"), CallSid: l.Sid, From: l.From, To: l.To, Status: "in-progress", Source: "RecordVerb"},
		leg:       l, verb: v, silence: &scope{}, began: x.clock.now(), created: x.sim.now(),
		action: l.at(v, "action", "method"), status: l.at(v, "recordingStatusCallback", "recordingStatusCallbackMethod"),
		events: strings.Fields(v.or("recordingStatusCallbackEvent", "completed")),
	}
	if t.action.url == "" {
		t.action = target{l.base, v.or("method", http.MethodPost)}
	}
	if v.is("transcribe") {
		t.script = l.at(v, "transcribeCallback", "")
	}
	x.takes[t.Sid] = t
	x.taken = append(x.taken, t)
	l.taking = t
	if v.or("playBeep", "true") == "true" {
		x.note(l, "beep", "")
	}
	x.reportTake(t, "in-progress")
	longest := 3600
	if v.is("transcribe") {
		longest = 120
	}
	x.after(l.step, v.seconds("maxLength", longest), func() { x.took(l, t, "") })
	if l.person.until > x.clock.now() {
		x.hear(l)
	} else {
		x.hush(l, t)
	}
	x.came(l, onBeep)
}

// hear takes down what the person has begun to say.
func (x *exchange) hear(l *leg) {
	t, now := l.taking, x.clock.now()
	if len(t.words) == 0 {
		t.first = now
	}
	t.words = append(t.words, l.person.words)
	t.last = max(t.last, l.person.until)
	t.silence.end()
	t.silence = &scope{}
	x.after(t.silence, t.last-now, func() { x.hush(l, t) })
}

// hush waits for somebody to speak.
func (x *exchange) hush(l *leg, t *take) {
	t.silence.end()
	t.silence = &scope{}
	if timeout := t.verb.seconds("timeout", 5); timeout > 0 {
		x.after(t.silence, timeout, func() { x.took(l, t, "") })
	}
}

// keyEnds ends a recording, if the key is one that does.
func (x *exchange) keyEnds(l *leg, t *take, key string) {
	if strings.Contains(t.verb.or("finishOnKey", allKeys), key) {
		x.took(l, t, key)
	}
}

// took ends a recording and asks its action what to do next.
func (x *exchange) took(l *leg, t *take, key string) {
	x.keep(l, t, key)
	x.ask(l, t.action, x.takeResult(t))
}

// takeResult is what the action is told.
func (x *exchange) takeResult(t *take) url.Values {
	result := url.Values{"RecordingUrl": {t.URL}, "RecordingSid": {t.Sid}, "RecordingDuration": {t.seconds()}}
	if t.endedBy != "" {
		result.Set("Digits", t.endedBy)
	}
	return result
}

// keep ends a recording, which can be fetched later.
func (x *exchange) keep(l *leg, t *take, endedBy string) {
	now := x.clock.now()
	t.silence.end()
	l.taking = nil
	l.passed(onBeep)
	t.last = min(t.last, now)
	spoke := len(t.words) > 0
	t.Words, t.endedBy = strings.Join(t.words, " "), endedBy
	t.URL = x.sim.publicBase() + x.sim.uri("/Recordings/"+t.Sid)
	switch {
	case !spoke: // nothing is left of silence
	case t.verb.or("trim", "trim-silence") == "trim-silence":
		t.Duration = t.last - t.first
	default:
		t.Duration = now - t.began
	}
	t.Status = "processing"
	x.note(l, "recorded", t.Duration.Round(time.Second).String())
	set := x.sim.Settings()
	l.talk.retain()
	x.later(t, time.Duration(set.RecordingLagMS)*time.Millisecond, func() {
		t.ready, t.Status = true, CallCompleted
		if !spoke && set.AbsentRecordings {
			t.ready, t.Status = false, "absent"
		}
		x.reportTake(t, t.Status)
		if t.ready && t.verb.is("transcribe") {
			x.transcribe(t)
		}
		l.talk.release()
	})
}

// later makes a step that does not depend on the leg, unless the recording is forgotten meanwhile.
func (x *exchange) later(t *take, d time.Duration, step func()) {
	x.clock.after(d, func() {
		x.do(func() {
			if x.takes[t.Sid] == t {
				step()
				return
			}
			t.leg.talk.release()
		})
	})
}

// reportTake tells the recording status callback. See
// https://www.twilio.com/docs/voice/twiml/record#attributes-recording-status-callback.
func (x *exchange) reportTake(t *take, status string) {
	if t.status.url == "" || !slices.Contains(t.events, status) {
		return
	}
	form := url.Values{
		"AccountSid": {x.sim.cfg.AccountSID}, "CallSid": {t.CallSid}, "RecordingSid": {t.Sid}, "RecordingStatus": {status},
		"RecordingUrl": {x.sim.publicBase() + x.sim.uri("/Recordings/"+t.Sid)}, "RecordingChannels": {"1"},
		"RecordingSource": {t.Source}, "RecordingStartTime": {rfc2822(t.created)}, "RecordingTrack": {"inbound"},
	}
	if status != "in-progress" {
		form.Set("RecordingDuration", t.seconds())
	}
	x.notify(t.leg, t.status, form)
}

func (t *take) seconds() string {
	return strconv.Itoa(int(t.Duration.Round(time.Second) / time.Second))
}
