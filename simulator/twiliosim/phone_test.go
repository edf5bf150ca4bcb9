package twiliosim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

func TestCarrierEnds(t *testing.T) {
	tests := []struct {
		name      string
		carrier   twiliosim.Carrier
		statuses  string
		errorCode string
		arrives   bool
	}{
		{"usual", twiliosim.Carrier{}, "sending sent delivered", "", true},
		{"failed", twiliosim.Carrier{Fail: 30008}, "sending failed", "30008", false},
		{"undelivered", twiliosim.Carrier{Undelivered: 30007}, "sending sent undelivered", "30007", false},
		{"silent", twiliosim.Carrier{Silent: true}, "sending sent", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, twiliosim.Config{StatusBeforeCreate: true})
			w.SetCarrier(supporter, test.carrier)
			form := outgoing(supporter, "hi")
			form.Set("StatusCallback", w.gateway.URL+"/status")
			w.call("POST", "/Messages.json", form)
			all := w.gateway.requests()
			if got := w.gateway.statuses(); got != test.statuses || all[len(all)-1].PostForm.Get("ErrorCode") != test.errorCode {
				t.Errorf("statuses %s, error code %s", got, all[len(all)-1].PostForm.Get("ErrorCode"))
			}
			if got := len(w.Inbox(supporter)) == 1; got != test.arrives {
				t.Errorf("in the inbox: %v, want %v", got, test.arrives)
			}
			w.call("POST", "/Messages.json", outgoing("+14155550199", "hi"))
			if len(w.Inbox("+14155550199")) != 1 {
				t.Error("the text to another phone did not arrive")
			}
		})
	}
}

func TestCarrierRefuses(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	for _, code := range []int{21610, 21614, 21211, 21408, 29999} {
		w.SetCarrier(supporter, twiliosim.Carrier{Refuse: code})
		a := w.call("POST", "/Messages.json", outgoing(supporter, "hi"))
		if a.status != http.StatusBadRequest || a.code() != code || !strings.Contains(a.str("message"), supporter) {
			t.Errorf("status %d: %s; want code %d", a.status, a.body, code)
		}
	}
	w.SetCarrier(supporter, twiliosim.Carrier{Refuse: 20429})
	if a := w.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.status != http.StatusTooManyRequests {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if len(w.Messages()) != 0 {
		t.Errorf("messages %+v", w.Messages())
	}
	w.Reset()
	if a := w.call("POST", "/Messages.json", outgoing(supporter, "hi")); a.status != http.StatusCreated {
		t.Errorf("after a reset: %s", a.body)
	}
}

func TestCarrierOfTheNext(t *testing.T) {
	w := newWorld(t, twiliosim.Config{StatusBeforeCreate: true})
	send := func() string {
		a := w.call("POST", "/Messages.json", outgoing(supporter, "hi"))
		if a.status != http.StatusCreated {
			return "refused"
		}
		m, _ := w.Message(a.str("sid"))
		return m.Status
	}
	w.SetCarrier(supporter, twiliosim.Carrier{Refuse: 21610, Next: 2})
	got := []string{send(), send(), send()}
	w.SetCarrier(supporter, twiliosim.Carrier{Undelivered: 30003, Next: 1})
	got = append(got, send(), send())
	if want := []string{"refused", "refused", "delivered", "undelivered", "delivered"}; !slices.Equal(got, want) {
		t.Errorf("texts ended %v, want %v", got, want)
	}
	if c := w.Carrier(supporter); c != (twiliosim.Carrier{}) {
		t.Errorf("left over: %+v", c)
	}
}

func TestCarrierHolds(t *testing.T) {
	w := newWorld(t, twiliosim.Config{StatusBeforeCreate: true})
	w.SetCarrier(supporter, twiliosim.Carrier{Held: true})
	first := w.call("POST", "/Messages.json", outgoing(supporter, "first")).str("sid")
	second := w.call("POST", "/Messages.json", outgoing(supporter, "second")).str("sid")
	w.call("POST", "/Messages.json", outgoing("+14155550199", "other"))
	for _, sid := range []string{first, second} {
		if m, _ := w.Message(sid); m.Status != twiliosim.StatusQueued {
			t.Errorf("held back, and %s", m.Status)
		}
	}
	if a := w.call("POST", "/Messages/"+first+".json", url.Values{"Status": {"canceled"}}); a.status != 200 {
		t.Errorf("canceling: %s", a.body)
	}
	w.SetCarrier(supporter, twiliosim.Carrier{Undelivered: 30005})
	w.wait("the end", func(s *twiliosim.Sim) bool { return settled(s.Messages()) })
	if m, _ := w.Message(first); m.Status != twiliosim.StatusCanceled {
		t.Errorf("the canceled one is %s", m.Status)
	}
	if m, _ := w.Message(second); m.Status != twiliosim.StatusUndelivered || m.ErrorCode != 30005 {
		t.Errorf("released: %+v", m)
	}
}

func TestControlCarrier(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	at := "/sim/phones/" + supporter + "/carrier"
	tests := []struct {
		path, body string
		status     int
		then       string // what GET answers
	}{
		{at, `{"refuse":21610,"next":2}`, 200, `{"refuse":21610,"next":2}`},
		{at, `{"refuse":21610,"silent":true}`, 400, `{"refuse":21610,"next":2}`},
		{at, `{"refuse":-1}`, 400, `{"refuse":21610,"next":2}`},
		{at, `{"held":true,"next":1}`, 400, `{"refuse":21610,"next":2}`},
		{at, `{"fails":30003}`, 400, `{"refuse":21610,"next":2}`},
		{at, `{"held":true,"undelivered":30006}`, 200, `{"undelivered":30006,"held":true}`},
		{at, `{}`, 200, `{}`},
		{"/sim/phones/anonymous/carrier", `{"held":true}`, 400, `{}`},
	}
	for _, test := range tests {
		if got := w.control(base, "PUT", test.path, test.body, nil); got != test.status {
			t.Errorf("PUT %s %s: status %d, want %d", test.path, test.body, got, test.status)
		}
		if got := get(t, base+test.path).body; got != test.then {
			t.Errorf("after PUT %s %s: %s", test.path, test.body, got)
		}
	}
}

func TestControlShowsTwiliosOwnTexts(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	w.text("STOP")
	var inbox []twiliosim.Message
	w.control(base, "GET", "/sim/phones/"+supporter+"/inbox?wait_after=0", "", &inbox)
	if len(inbox) != 1 || !inbox[0].System {
		t.Errorf("the phone shows %+v", inbox)
	}
}
