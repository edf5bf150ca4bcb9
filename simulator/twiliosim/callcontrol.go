package twiliosim

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// controlCalls adds the calls to the simulator's own API.
func (s *Sim) controlCalls(mux *http.ServeMux) {
	// terminal, page: somebody calls. {from,to,acts,sid} -> {"sid"}
	mux.Handle("POST /sim/calls", control(s.controlDial))
	// terminal, page: all legs, or those from or to ?number=
	mux.Handle("GET /sim/calls", control(s.controlLegs))
	// terminal, page: a leg and those that it rang, {"leg","children"}; with ?wait_after=N waits up to ?timeout_ms= for
	// more than N moments on all of them together
	mux.Handle("GET /sim/calls/{sid}", control(s.controlLeg))
	// terminal, page: what the person on a leg does -> the leg. {"keys"}, {"words","for"}, nothing, nothing
	mux.Handle("POST /sim/calls/{sid}/press", control(s.controlPress))
	mux.Handle("POST /sim/calls/{sid}/speak", control(s.controlSpeak))
	mux.Handle("POST /sim/calls/{sid}/hang_up", control(s.controlHangUp))
	mux.Handle("POST /sim/calls/{sid}/pick_up", control(s.controlPickUp))
	// terminal, page: what a phone does when it is rung -> Handset
	mux.Handle("GET /sim/phones/{number}/handset", control(func(r *http.Request) (any, error) {
		return s.Handset(r.PathValue("number")), nil
	}))
	mux.Handle("PUT /sim/phones/{number}/handset", control(s.controlSetHandset))
	// terminal, page: all recordings, and the sound of one (?format=mp3)
	mux.Handle("GET /sim/recordings", control(func(*http.Request) (any, error) { return s.Recordings(), nil }))
	mux.HandleFunc("GET /sim/recordings/{sid}/audio", s.controlAudio)
}

func (s *Sim) controlDial(r *http.Request) (any, error) {
	var c Call
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	sid, err := s.Dial(c)
	return map[string]string{"sid": sid}, err
}

func (s *Sim) controlLegs(r *http.Request) (any, error) {
	if number := r.URL.Query().Get("number"); number != "" {
		return s.LegsOf(number), nil
	}
	return s.Legs(), nil
}

// legAnswer is a leg with those that its Dials made.
type legAnswer struct {
	Leg      Leg   `json:"leg"`
	Children []Leg `json:"children"`
}

func (s *Sim) controlLeg(r *http.Request) (any, error) {
	query := r.URL.Query()
	after, err := natural(query.Get("wait_after"), 0)
	if err != nil {
		return nil, fmt.Errorf("wait_after %w", err)
	}
	timeout, err := natural(query.Get("timeout_ms"), 30_000)
	if err != nil || timeout > 600_000 {
		return nil, errors.New("timeout_ms must be from 0 to 600000")
	}
	if !query.Has("wait_after") {
		timeout = 0
	}
	timer := time.NewTimer(time.Duration(timeout) * time.Millisecond)
	defer timer.Stop()
	for {
		changed := s.changed.wait()
		answer, moments, err := s.family(r.PathValue("sid"))
		if err != nil || timeout == 0 || moments > after {
			return answer, err
		}
		select {
		case <-changed:
			continue
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		return answer, nil
	}
}

// family returns a leg, those that it rang, and how many moments they have together.
func (s *Sim) family(sid string) (answer legAnswer, moments int, err error) {
	x := s.calls
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.legs[sid]
	if l == nil {
		return answer, 0, fmt.Errorf("there is no call %s", sid)
	}
	answer = legAnswer{Leg: l.copy(), Children: []Leg{}}
	moments = len(l.Moments)
	for _, other := range l.talk.legs {
		if other.ParentSid == sid {
			answer.Children = append(answer.Children, other.copy())
			moments += len(other.Moments)
		}
	}
	return answer, moments, nil
}

// acted answers with the leg that something was done on.
func (s *Sim) acted(sid string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	l, _ := s.Leg(sid)
	return l, nil
}

func (s *Sim) controlPress(r *http.Request) (any, error) {
	var body struct {
		Keys string `json:"keys"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	sid := r.PathValue("sid")
	return s.acted(sid, s.Press(sid, body.Keys))
}

func (s *Sim) controlSpeak(r *http.Request) (any, error) {
	var body struct {
		Words string   `json:"words"`
		For   Duration `json:"for"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	sid := r.PathValue("sid")
	return s.acted(sid, s.Speak(sid, body.Words, time.Duration(body.For)))
}

func (s *Sim) controlHangUp(r *http.Request) (any, error) {
	sid := r.PathValue("sid")
	return s.acted(sid, s.HangUp(sid))
}

func (s *Sim) controlPickUp(r *http.Request) (any, error) {
	sid := r.PathValue("sid")
	return s.acted(sid, s.PickUp(sid))
}

func (s *Sim) controlSetHandset(r *http.Request) (any, error) {
	number := r.PathValue("number")
	if !isE164(number) {
		return nil, fmt.Errorf("%q is no number in E.164", number)
	}
	var h Handset
	if err := decode(r, &h); err != nil {
		return nil, err
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	s.SetHandset(number, h)
	return s.Handset(number), nil
}

// controlAudio needs no login, and does not wait until the recording can be fetched.
func (s *Sim) controlAudio(w http.ResponseWriter, r *http.Request) {
	rec, _, _ := s.recording(r.PathValue("sid"))
	if rec.Sid == "" || rec.Status == "in-progress" {
		http.NotFound(w, r)
		return
	}
	serveSound(w, r, rec, r.URL.Query().Get("format"))
}
