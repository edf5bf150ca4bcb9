package twiliosim_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// family is the answer of GET /sim/calls/{sid}.
type family struct {
	Leg      twiliosim.Leg
	Children []twiliosim.Leg
}

func (f family) moments() int {
	n := len(f.Leg.Moments)
	for _, c := range f.Children {
		n += len(c.Moments)
	}
	return n
}

// TestControlCalls lets a page play all the people, in real time.
func TestControlCalls(t *testing.T) {
	s := newLine(t).studio
	w := newWorld(t, twiliosim.Config{})
	srv := httptest.NewServer(w.Control())
	t.Cleanup(srv.Close)
	base := srv.URL
	s.answer("/voice", `<Dial action="/done"><Number>`+ann+`</Number></Dial>`)
	s.answer("/done", `<Gather numDigits="1" action="/keys"/>`)
	s.answer("/keys", `<Record action="/kept"/>`)

	number := `[{"phone_number":"` + hotline + `","sms_url":"","sms_fallback_url":"","voice_url":"` + s.URL + `/voice","voice_fallback_url":"","status_callback":"","voice_method":"POST"}]`
	var numbers []twiliosim.Number
	if w.control(base, "PUT", "/sim/numbers", number, &numbers); len(numbers) != 1 || numbers[0].VoiceURL != s.URL+"/voice" {
		t.Fatalf("numbers %+v", numbers)
	}
	phone := "/sim/phones/" + ann + "/handset"
	var h twiliosim.Handset
	if w.control(base, "PUT", phone, `{"manual":true,"after":"1500ms"}`, &h); !h.Manual || h.After != twiliosim.Duration(1500e6) {
		t.Errorf("handset %+v", h)
	}
	for _, bad := range []string{`{"busy":true,"answer":true}`, `{"after":"-1s"}`, `{"acts":[{"on":"x"}]}`, `{"answers":true}`, `{"after":3}`} {
		if status := w.control(base, "PUT", phone, bad, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if w.control(base, "GET", phone, "", &h); !h.Manual {
		t.Errorf("handset %+v", h)
	}

	var dialed struct{ Sid string }
	w.control(base, "POST", "/sim/calls", `{"from":"`+supporter+`","to":"`+hotline+`"}`, &dialed)
	call := "/sim/calls/" + dialed.Sid
	var f family
	until := func(what string) {
		t.Helper()
		for {
			n := f.moments()
			f = family{}
			w.control(base, "GET", call+"?wait_after="+strconv.Itoa(n), "", &f)
			all := story(f.Leg)
			for _, c := range f.Children {
				all += "; " + story(c)
			}
			if strings.Contains(all, what) {
				return
			}
			if f.moments() <= n {
				t.Fatalf("nothing more after %s", all)
			}
		}
	}
	until("; 0s ringing")
	child := "/sim/calls/" + f.Children[0].Sid
	post := func(path, body string) {
		t.Helper()
		if status := w.control(base, "POST", path, body, nil); status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
	}
	post(child+"/pick_up", "")
	until("connected")
	post(child+"/hang_up", "")
	until("asked")
	post(call+"/press", `{"keys":"5"}`)
	until("beep")
	post(call+"/speak", `{"words":"Hello.","for":"10ms"}`)
	post(call+"/hang_up", "")
	until("ended completed")
	var recordings []twiliosim.Recording
	if w.control(base, "GET", "/sim/recordings", "", &recordings); len(recordings) != 1 || recordings[0].Words != "Hello." {
		t.Fatalf("recordings %+v", recordings)
	}
	if a := get(t, base+"/sim/recordings/"+recordings[0].Sid+"/audio"); a.status != http.StatusOK || !strings.HasPrefix(a.body, "RIFF") {
		t.Errorf("sound: %d, %d bytes", a.status, len(a.body))
	}
	var legs []twiliosim.Leg
	if w.control(base, "GET", "/sim/calls", "", &legs); len(legs) != 2 {
		t.Errorf("legs %+v", legs)
	}
	if w.control(base, "GET", "/sim/calls?number=%2B16175550101", "", &legs); len(legs) != 1 || legs[0].ParentSid != dialed.Sid {
		t.Errorf("legs %+v", legs)
	}
	for path, body := range map[string]string{
		call + "/press": `{"keys":"5"}`, call + "/hang_up": "", "/sim/calls/CA1/hang_up": "", child + "/pick_up": "", "/sim/calls": `{"from":"1"}`,
	} {
		if status := w.control(base, "POST", path, body, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestPartialSettings leaves the settings of calls that are not named at their defaults.
func TestPartialSettings(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	w.control(base, "PUT", "/sim/settings", `{"first_answer_wins":true}`, nil)
	if set := w.Settings(); !set.FirstAnswerWins || !set.ActionAfterHangup || set.DialExtraSeconds != 5 || set.TranscriptionSeconds != 5 {
		t.Errorf("settings %+v", set)
	}
}
