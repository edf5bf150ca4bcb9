package twiliosim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// TestCallsAtOnce begins calls at one moment, which all want the same two phones' answer, again and again.
func TestCallsAtOnce(t *testing.T) {
	var before string
	for range 5 {
		l := newLine(t)
		l.ringBoth()
		l.SetHandset(ann, answers(3, accepts(2)))
		l.SetHandset(bob, answers(3, accepts(2)))
		l.clock.Hold()
		for i := range 8 {
			_, err := l.Dial(twiliosim.Call{From: fmt.Sprintf("+1415555%04d", i), To: hotline, Acts: []twiliosim.Act{hangsUp(10 + i%3)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		l.clock.Release()
		l.waitForEnd()
		var all []string
		for _, leg := range l.Legs() {
			all = append(all, leg.From+" "+leg.To+" "+leg.Sid+" "+story(leg))
		}
		got := strings.Join(all, "\n")
		if before != "" && got != before {
			t.Fatalf("once:\n%s\nanother time:\n%s", before, got)
		}
		before = got
	}
	if n := strings.Count(before, "0s ringing, 5s answered, 5s connected"); n != 8 {
		t.Errorf("%d bridged:\n%s", n, before)
	}
}

func TestJumps(t *testing.T) {
	l := newLine(t)
	var mu sync.Mutex
	var jumps []time.Duration
	l.clock.OnJump = func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		jumps = append(jumps, d)
	}
	l.answer("/voice", `<Pause length="60"/><Pause length="2"/>`)
	l.phone(twiliosim.Act{After: seconds(61), Press: "1"}, twiliosim.Act{After: seconds(100), Press: "1"})
	mu.Lock()
	defer mu.Unlock()
	if want := []time.Duration{60e9, 1e9, 1e9}; !slices.Equal(jumps, want) {
		t.Errorf("jumps %v", jumps)
	}
}

func TestShuffledCallbacks(t *testing.T) {
	l := newLine(t)
	l.set(func(s *twiliosim.Settings) { s.ShuffleCallbacks, s.DuplicateWebhooks = true, 1 })
	l.answer("/agent", `<Say>Hi.</Say>`)
	l.SetHandset(ann, answers(1))
	for range 10 {
		l.order(ann, map[string][]string{"Url": {l.studio.URL + "/agent"}})
	}
	l.wait("all", func(*twiliosim.Sim) bool { return len(l.asked("/progress")) == 80 })
	late, last := 0, map[string]string{}
	for _, form := range l.asked("/progress") {
		sid, number := form.Get("CallSid"), form.Get("SequenceNumber")
		if number < last[sid] {
			late++
		}
		last[sid] = number
	}
	if late == 0 {
		t.Error("all are in order")
	}
}

func TestRealTime(t *testing.T) {
	s := newLine(t).studio
	w := newWorld(t, twiliosim.Config{})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, VoiceURL: s.URL + "/voice"})
	s.answer("/voice", `<Dial>`+ann+`</Dial>`)
	w.SetHandset(ann, twiliosim.Handset{Manual: true})
	sid, err := w.Dial(twiliosim.Call{From: supporter, To: hotline})
	if err != nil {
		t.Fatal(err)
	}
	var child twiliosim.Leg
	w.wait("ringing", func(s *twiliosim.Sim) bool {
		legs := s.LegsOf(ann)
		if len(legs) == 1 {
			child = legs[0]
		}
		return child.Status == twiliosim.CallRinging
	})
	if w.Press(child.Sid, "1") == nil || w.PickUp(sid) == nil || w.Press(sid, "x") == nil {
		t.Error("a phone that rings can be used")
	}
	if err := w.PickUp(child.Sid); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Press(child.Sid, "1"), w.Speak(sid, "Hi.", 0), w.HangUp(sid)); err != nil {
		t.Fatal(err)
	}
	if leg, _ := w.Leg(child.Sid); leg.Status != twiliosim.CallCompleted || leg.BridgedWith != sid {
		t.Errorf("%+v", leg)
	}
	if w.HangUp(sid) == nil || w.HangUp("CA0") == nil {
		t.Error("a call that has ended was hung up")
	}
}

func TestNoSuchCall(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", "")
	sid, _ := l.Dial(twiliosim.Call{From: supporter, To: hotline})
	for name, call := range map[string]twiliosim.Call{
		"no caller":      {To: hotline},
		"itself":         {From: hotline, To: hotline},
		"not our number": {From: supporter, To: bob},
		"SID taken":      {From: supporter, To: hotline, Sid: sid},
		"no such moment": {From: supporter, To: hotline, Acts: []twiliosim.Act{{On: "never"}}},
		"no such key":    {From: supporter, To: hotline, Acts: []twiliosim.Act{{Press: "A"}}},
	} {
		if _, err := l.Dial(call); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestEndInTheMiddle ends calls with the simulator, with the caller's patience and by forgetting them.
func TestEndInTheMiddle(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("calls", func(t *testing.T) {
		for _, end := range []string{"close", "patience", "reset"} {
			t.Run(end, func(t *testing.T) {
				l := newLine(t)
				l.ringBoth()
				ctx, cancel := context.WithCancel(t.Context())
				entered, block := make(chan bool), make(chan bool)
				l.answerWith("/voice", func(http.ResponseWriter, *http.Request) {
					close(entered)
					<-block
				})
				failed := make(chan error, 1)
				go func() {
					_, err := l.Call(ctx, twiliosim.Call{From: supporter, To: hotline})
					failed <- err
				}()
				<-entered
				switch end {
				case "close":
					l.Sim.Close()
				case "patience":
					cancel()
				case "reset":
					l.Reset()
				}
				err := <-failed
				close(block)
				cancel()
				if (err == nil) != (end == "reset") || end == "close" && !errors.Is(err, twiliosim.ErrClosed) {
					t.Errorf("error %v", err)
				}
				if end == "patience" {
					l.waitForEnd()
				}
				if n := len(l.Legs()); (n == 0) != (end == "reset") {
					t.Errorf("%d legs", n)
				}
			})
		}
	})
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	http.DefaultClient.CloseIdleConnections()
	buffer := make([]byte, 1<<20)
	if stacks := string(buffer[:runtime.Stack(buffer, true)]); strings.Contains(stacks, "twiliosim.(*exchange)") || strings.Contains(stacks, "twiliosim.(*VirtualClock)") {
		t.Errorf("left behind:\n%s", stacks)
	}
}

func TestLegAsJSON(t *testing.T) {
	l := newLine(t)
	l.ringBoth()
	l.SetHandset(ann, answers(3, accepts(2), hangsUp(60)))
	leg, _ := l.phone()
	data, err := json.Marshal(leg)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"talked":"1m0s"`) || !strings.Contains(string(data), `{"at":"5s","what":"answered"}`) {
		t.Errorf("%s", data)
	}
	var back twiliosim.Leg
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back.Moments, leg.Moments) || back.Talked != leg.Talked || back.Sid != leg.Sid {
		t.Errorf("%+v became %+v, %v", leg, back, err)
	}
}
