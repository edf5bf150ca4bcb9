package twiliosim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// control calls the simulator's own API and decodes the answer into out, unless that is nil.
func (w *world) control(base, method, path, body string, out any) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(a.body), out); err != nil {
			w.t.Fatalf("%s %s: %s: %v", method, path, a.body, err)
		}
	}
	return a.status
}

func controlServer(t *testing.T, cfg twiliosim.Config) (*world, string) {
	w := newWorld(t, cfg)
	srv := httptest.NewServer(w.Control())
	t.Cleanup(srv.Close)
	return w, srv.URL
}

func TestControl(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	var d twiliosim.Delivery
	w.control(base, "POST", "/sim/texts", fmt.Sprintf(
		`{"from":%q,"to":%q,"body":"hi","media":[{"content_type":"image/png","data":"AQID"}]}`, supporter, hotline), &d)
	if d.Lost || len(d.Attempts) != 1 || d.MessageSid == "" {
		t.Fatalf("delivery %+v", d)
	}
	w.control(base, "POST", "/sim/texts/"+d.MessageSid+"/redeliver", "", &d)
	if len(d.Attempts) != 1 || len(w.gateway.requests()) != 2 {
		t.Errorf("redelivery %+v", d)
	}
	var messages []twiliosim.Message
	w.control(base, "GET", "/sim/messages?number=%2B14155550123", "", &messages)
	if len(messages) != 1 || len(messages[0].Media) != 1 || messages[0].Media[0].Data != nil {
		t.Fatalf("messages %+v", messages)
	}
	if a := get(t, base+"/sim/media/"+messages[0].Media[0].Sid); a.body != "\x01\x02\x03" {
		t.Errorf("file %q", a.body)
	}
	var events []twiliosim.Event
	w.control(base, "GET", "/sim/history?after=1", "", &events)
	if len(events) != 1 || events[0].Kind != twiliosim.EventWebhook || events[0].ID != 2 {
		t.Errorf("history %+v", events)
	}
	w.control(base, "DELETE", "/sim/state", "", nil)
	w.control(base, "GET", "/sim/messages", "", &messages)
	if len(messages) != 0 || len(w.History()) != 0 || len(w.Numbers()) != 1 {
		t.Error("the reset left something, or took the numbers")
	}
}

func TestControlSwitches(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	tests := []struct {
		path, body string
		status     int
		then       string // part of what GET answers
	}{
		{"/sim/faults", `{"fail_next":2,"fail_next_status":503}`, 200, `"fail_next":2`},
		{"/sim/faults", `{"error_rate":2}`, 400, `"fail_next":2`},
		{"/sim/faults", `{"fail_nextt":2}`, 400, `"fail_next":2`},
		{"/sim/settings", `{"list_lag_ms":1500,"hold":true}`, 200, `"list_lag_ms":1500,`},
		{"/sim/settings", `{"list_lag_ms":-1}`, 400, `"hold":true`},
		{"/sim/numbers", `[{"phone_number":"+16175550100","sms_url":"http://127.0.0.1:1/sms"}]`, 200, `"sms_url":"http://127.0.0.1:1/sms"`},
		{"/sim/numbers", `[{"phone_number":"617"}]`, 400, `+16175550100`},
		{"/sim/numbers", `[{"phone_number":"+16175550100","sms_url":"sms"}]`, 400, `127.0.0.1:1`},
	}
	for _, test := range tests {
		if got := w.control(base, "PUT", test.path, test.body, nil); got != test.status {
			t.Errorf("PUT %s %s: status %d, want %d", test.path, test.body, got, test.status)
		}
		if got := get(t, base+test.path).body; !strings.Contains(got, test.then) {
			t.Errorf("after PUT %s %s: %s", test.path, test.body, got)
		}
	}
	if got := w.Numbers(); len(got) != 1 {
		t.Errorf("numbers %+v: PUT should replace all", got)
	}
	var problem map[string]string
	if got := w.control(base, "POST", "/sim/texts", `{"from":"+14155550123","to":"+15550000000"}`, &problem); got != 400 || problem["error"] == "" {
		t.Errorf("status %d, %v", got, problem)
	}
}

func TestControlRefusesOtherOrigins(t *testing.T) {
	_, base := controlServer(t, twiliosim.Config{})
	r, err := http.NewRequestWithContext(t.Context(), "DELETE", base+"/sim/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a, err := do(r); err != nil || a.status != http.StatusForbidden {
		t.Errorf("status %d, error %v", a.status, err)
	}
}

func TestInboxLongPoll(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	inbox := base + "/sim/phones/" + supporter + "/inbox"
	if got := get(t, inbox).body; got != "[]" {
		t.Errorf("empty inbox: %s", got)
	}
	if got := get(t, inbox+"?wait_after=0&timeout_ms=1").body; got != "[]" {
		t.Errorf("after the timeout: %s", got)
	}
	polled := make(chan string)
	go func() {
		res, err := http.Get(inbox + "?wait_after=1")
		if err != nil {
			polled <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		polled <- string(body)
	}()
	w.call("POST", "/Messages.json", outgoing(supporter, "one"))
	w.call("POST", "/Messages.json", outgoing(supporter, "two"))
	var messages []twiliosim.Message
	if err := json.Unmarshal([]byte(<-polled), &messages); err != nil || bodies(messages) != "[one two]" {
		t.Errorf("polled %s, error %v", bodies(messages), err)
	}
	if a := get(t, inbox+"?wait_after=x"); a.status != 400 {
		t.Errorf("status %d", a.status)
	}
}

func TestEventStream(t *testing.T) {
	w, base := controlServer(t, twiliosim.Config{})
	w.text("before")
	res, err := http.Get(base + "/sim/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	next := func() (e twiliosim.Event) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
		}
		t.Fatal("the stream ended")
		return e
	}
	first := next()
	w.text("after")
	second := next()
	if first.Kind != twiliosim.EventWebhook || first.ID != 1 || second.ID != 2 || second.Status != 200 {
		t.Errorf("events %+v, %+v", first, second)
	}
}

func TestWaitEnds(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	never := func(*twiliosim.Sim) bool { return false }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Wait(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context(), never); !errors.Is(err, twiliosim.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
