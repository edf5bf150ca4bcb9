package twiliosim_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func (l *line) wantDone(status, bridged, sid string) {
	l.world.t.Helper()
	done := l.one("/done")
	if done.Get("DialCallStatus") != status || done.Get("DialBridged") != bridged || sid != "" && done.Get("DialCallSid") != sid {
		l.world.t.Errorf("the action was told %v", done)
	}
}

func TestRingAndBridge(t *testing.T) {
	l := newLine(t)
	l.ringBoth()
	l.SetHandset(ann, answers(3, accepts(2), hangsUp(60)))
	leg, legs := l.phone()
	l.wantStory(leg, "0s ringing, 5s answered, 5s connected, 1m5s disconnected 1m0s, 1m5s ended completed")
	l.wantStory(legs[0], "0s ringing, 3s answered, 3s asked, 3s said Press 1., 5s pressed 1, 5s connected, 1m5s disconnected 1m0s, 1m5s ended completed")
	l.wantStory(legs[1], "0s ringing, 5s ended canceled")
	if leg.BridgedWith != legs[0].Sid || legs[0].BridgedWith != leg.Sid || leg.Talked != time.Minute || l.OpenLegs() != 0 {
		t.Errorf("legs %+v and %+v", leg, legs[0])
	}
	l.wantDone("completed", "true", legs[0].Sid)
	if d := l.one("/done").Get("DialCallDuration"); d != "62" {
		t.Errorf("DialCallDuration is %s", d)
	}
	if n := len(l.LegsOf(ann)); n != 1 || l.clock.Now() != 65*time.Second {
		t.Errorf("%d legs of Ann, and it is %v", n, l.clock.Now())
	}
}

func TestCallParameters(t *testing.T) {
	l := newLine(t)
	l.ringBoth()
	l.SetHandset(ann, answers(3, accepts(2), hangsUp(60)))
	leg, legs := l.phone()
	want := func(path string, values map[string]string) {
		t.Helper()
		got := l.asked(path)[0]
		for name, value := range values {
			if got.Get(name) != value {
				t.Errorf("%s of %s is %q, want %q", name, path, got.Get(name), value)
			}
		}
	}
	want("/voice", map[string]string{
		"CallSid": leg.Sid, "AccountSid": twiliosim.DefaultAccountSID, "From": supporter, "To": hotline, "Caller": supporter,
		"Called": hotline, "CallStatus": "ringing", "ApiVersion": "2010-04-01", "Direction": "inbound", "CallerState": "CA", "ToState": "AR",
	})
	want("/screen", map[string]string{
		"CallSid": legs[0].Sid, "ParentCallSid": leg.Sid, "Direction": "outbound-dial", "From": supporter, "To": ann, "CallStatus": "in-progress",
	})
	want("/accept", map[string]string{"Digits": "1", "CallSid": legs[0].Sid})
	want("/ended", map[string]string{"CallStatus": "completed", "CallDuration": "60", "CallSid": leg.Sid, "Direction": "inbound"})
	l.one("/ended")
	var statuses []string
	for i, got := range l.asked("/leg") {
		statuses = append(statuses, got.Get("CallStatus"))
		if got.Get("SequenceNumber") != strconv.Itoa(i) || got.Get("CallbackSource") != "call-progress-events" || got.Get("Timestamp") == "" {
			t.Errorf("callback %v", got)
		}
	}
	if got := strings.Join(statuses, " "); got != "initiated ringing in-progress completed" {
		t.Errorf("callbacks %s", got)
	}
}

func TestTwoAcceptAtOnce(t *testing.T) {
	l := newLine(t)
	l.ringBoth()
	l.SetHandset(ann, answers(3, accepts(2)))
	l.SetHandset(bob, answers(3, accepts(2)))
	leg, legs := l.phone(hangsUp(10))
	l.wantStory(legs[0], "0s ringing, 3s answered, 3s asked, 3s said Press 1., 5s pressed 1, 5s connected, 15s disconnected 10s, 15s ended completed")
	l.wantStory(legs[1], "0s ringing, 3s answered, 3s asked, 3s said Press 1., 5s pressed 1, 5s ended completed")
	if n := len(l.asked("/accept")); n != 2 || legs[1].BridgedWith != "" || leg.BridgedWith != legs[0].Sid {
		t.Errorf("%d accepted; %+v", n, legs)
	}
}

func TestFirstAnswer(t *testing.T) {
	for _, test := range []struct {
		wins            bool
		status, bob     string
		bridged, onDone string
	}{
		{false, "completed", "0s ringing, 6s answered, 6s asked, 6s said Press 1., 8s pressed 1, 8s connected, 18s disconnected 10s, 18s ended completed", "true", "completed"},
		{true, "completed", "0s ringing, 3s ended canceled", "false", "no-answer"},
	} {
		l := newLine(t)
		l.set(func(s *twiliosim.Settings) { s.FirstAnswerWins = test.wins })
		l.ringBoth()
		l.SetHandset(ann, answers(3)) // and presses nothing
		l.SetHandset(bob, answers(6, accepts(2), hangsUp(10)))
		leg, legs := l.phone()
		l.wantStory(legs[1], test.bob)
		l.wantDone(test.onDone, test.bridged, "")
		if leg.Status != test.status {
			t.Errorf("the call is %s", leg.Status)
		}
	}
}

func TestScreeningRefused(t *testing.T) {
	for _, completed := range []bool{false, true} {
		l := newLine(t)
		l.set(func(s *twiliosim.Settings) { s.RefusedIsCompleted = completed })
		l.ringBoth()
		l.answerWith("/accept", func(w http.ResponseWriter, r *http.Request) {
			doc := "<Response><Hangup/></Response>"
			if r.PostFormValue("Digits") == "1" {
				doc = "<Response/>"
			}
			document("text/xml", doc)(w, r)
		})
		l.SetHandset(ann, answers(3, twiliosim.Act{On: "asked", After: seconds(1), Press: "2"}))
		l.SetHandset(bob, twiliosim.Handset{Decline: true, After: seconds(4)})
		leg, legs := l.phone()
		l.wantStory(legs[0], "0s ringing, 3s answered, 3s asked, 3s said Press 1., 4s pressed 2, 4s ended completed")
		l.wantStory(legs[1], "0s ringing, 4s ended busy")
		l.wantStory(leg, "0s ringing, 4s answered, 4s ended completed")
		l.wantDone(map[bool]string{false: "no-answer", true: "completed"}[completed], "false", "")
	}
}

func TestScreeningOutlastsTimeout(t *testing.T) {
	l := newLine(t)
	l.ringBoth() // for 25 s
	l.SetHandset(ann, answers(24, accepts(4), hangsUp(1)))
	_, legs := l.phone()
	l.wantStory(legs[0], "0s ringing, 24s answered, 24s asked, 24s said Press 1., 28s pressed 1, 28s connected, 29s disconnected 1s, 29s ended completed")
	l.wantStory(legs[1], "0s ringing, 25s ended no-answer")
	l.wantDone("completed", "true", legs[0].Sid)
}

func TestMachine(t *testing.T) {
	l := newLine(t)
	l.ringBoth()
	l.SetHandset(ann, twiliosim.Handset{Machine: true, After: seconds(5)})
	_, legs := l.phone()
	l.wantStory(legs[0], "0s ringing, 5s answered, 5s asked, 5s said Press 1., 14s ended completed")
	l.wantDone("no-answer", "false", "")

	// Without a screening it takes the call.
	l.answer("/voice", `<Dial timeout="20" action="/taken"><Number machineDetection="Enable" amdStatusCallback="/amd">`+ann+`</Number></Dial>`)
	l.answer("/taken", "")
	leg, legs := l.phone()
	l.wantStory(leg, "0s ringing, 0s answered, 5s connected, 55s disconnected 50s, 55s ended completed")
	if by := l.one("/amd").Get("AnsweredBy"); by != "machine_start" || legs[0].AnsweredBy != by || legs[0].Talked != 50*time.Second {
		t.Errorf("answered by %s; %+v", by, legs[0])
	}
}

func TestDialStatus(t *testing.T) {
	busy, gone, rings := twiliosim.Handset{Busy: true}, twiliosim.Handset{Unreachable: true}, twiliosim.Handset{}
	for _, test := range []struct {
		name     string
		dial     string
		ann, bob twiliosim.Handset
		status   string
		at       time.Duration
	}{
		{"busy", `<Number>` + ann + `</Number><Number>` + bob + `</Number>`, busy, twiliosim.Handset{Decline: true, After: seconds(9)}, "busy", 9 * time.Second},
		{"failed", `<Number>` + ann + `</Number><Number>` + bob + `</Number>`, gone, gone, "failed", 0},
		{"mixed", `<Number>` + ann + `</Number><Number>` + bob + `</Number>`, gone, busy, "no-answer", 0},
		{"time is up", `<Number>` + ann + `</Number><Number>` + bob + `</Number>`, rings, busy, "no-answer", 17 * time.Second},
		{"bare number", ann, busy, busy, "busy", 0},
		{"ourselves", hotline, busy, busy, "failed", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLine(t)
			l.set(func(s *twiliosim.Settings) { s.DialExtraSeconds = 7 })
			l.answer("/voice", `<Dial timeout="10" action="/done">`+test.dial+`</Dial>`)
			l.answer("/done", "<Hangup/>")
			l.SetHandset(ann, test.ann)
			l.SetHandset(bob, test.bob)
			l.phone()
			l.wantDone(test.status, "false", "")
			if l.clock.Now() != test.at {
				t.Errorf("it took %v", l.clock.Now())
			}
		})
	}
}

func TestCallerID(t *testing.T) {
	l := newLine(t)
	for id, want := range map[string]string{hotline: "completed", supporter: "completed", bob: "failed"} {
		l.answer("/voice", `<Dial callerId="`+id+`" action="/done/`+id[1:]+`"><Number>`+ann+`</Number></Dial>`)
		l.SetHandset(ann, answers(1, hangsUp(1)))
		leg, legs := l.phone()
		if got := l.one("/done/" + id[1:]).Get("DialCallStatus"); got != want {
			t.Errorf("%s: %s", id, got)
		}
		if want == "failed" && (len(legs) > 0 || !strings.Contains(story(leg), "refused the callerId")) {
			t.Errorf("legs %v of %s", legs, story(leg))
		}
		if want == "completed" && legs[0].From != id {
			t.Errorf("the phone shows %s", legs[0].From)
		}
	}
}

func TestSequentialDial(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", `<Dial sequential="true" timeout="10"><Number>`+ann+`</Number><Number>`+bob+`</Number></Dial><Say>Bye.</Say>`)
	l.SetHandset(bob, answers(2, hangsUp(3)))
	leg, legs := l.phone()
	l.wantStory(legs[0], "0s ringing, 15s ended no-answer")
	l.wantStory(legs[1], "15s ringing, 17s answered, 17s connected, 20s disconnected 3s, 20s ended completed")
	l.wantStory(leg, "0s ringing, 0s answered, 17s connected, 20s disconnected 3s, 20s said Bye., 21s ended completed")
}

func TestConversationLimits(t *testing.T) {
	l := newLine(t)
	l.SetHandset(ann, answers(0))
	l.answer("/voice", `<Dial timeLimit="30">`+ann+`</Dial>`)
	leg, _ := l.phone()
	l.wantStory(leg, "0s ringing, 0s answered, 0s connected, 30s disconnected 30s, 30s ended completed")
	l.answer("/voice", `<Dial hangupOnStar="true">`+ann+`</Dial>`)
	leg, _ = l.phone(twiliosim.Act{On: "connected", After: seconds(5), Press: "1*"})
	l.wantStory(leg, "0s ringing, 0s answered, 0s connected, 5s pressed 1*, 5s disconnected 5s, 5s ended completed")
}

func TestCallerHangsUp(t *testing.T) {
	for _, test := range []struct {
		name             string
		act              twiliosim.Act
		status           string
		ann, bob, action string
	}{
		{"ringing", twiliosim.Act{On: "ringing", After: seconds(2), HangUp: true}, "no-answer", "canceled", "canceled", "canceled"},
		{"screening", twiliosim.Act{On: "ringing", After: seconds(4), HangUp: true}, "no-answer", "completed", "canceled", "no-answer"},
		{"connected", hangsUp(7), "completed", "completed", "canceled", "completed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, asks := range []bool{true, false} {
				l := newLine(t)
				l.set(func(s *twiliosim.Settings) { s.ActionAfterHangup = asks })
				l.ringBoth()
				l.answer("/done", "<Say>Nobody hears this.</Say>")
				l.SetHandset(ann, answers(3, accepts(2)))
				leg, legs := l.phone(test.act)
				if leg.Status != test.status || legs[0].Status != test.ann || legs[1].Status != test.bob || strings.Contains(story(leg), "said") {
					t.Errorf("%s\n%s\n%s", story(leg), story(legs[0]), story(legs[1]))
				}
				if got := l.one("/ended").Get("CallStatus"); got != test.status {
					t.Errorf("the number was told %s", got)
				}
				if !asks {
					if n := len(l.asked("/done")); n != 0 {
						t.Errorf("%d requests of the action", n)
					}
					continue
				}
				l.wantDone(test.action, map[bool]string{true: "true", false: "false"}[test.name == "connected"], "")
			}
		})
	}
}
