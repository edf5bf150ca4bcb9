package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// sids are the SIDs on a page of a list.
func sids(a answer, name string) []string {
	var all []string
	rows, _ := a.json[name].([]any)
	for _, row := range rows {
		all = append(all, row.(map[string]any)["sid"].(string))
	}
	return all
}

// traces are the kinds of places where a number occurs, sorted.
func (w *world) traces(number string) string {
	var kinds []string
	for _, trace := range w.Traces(number) {
		kinds = append(kinds, trace.Kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// TestErase removes all that there is of a person, as a hotline would, and looks for what is left after each step.
func TestErase(t *testing.T) {
	l := newLine(t)
	const kim, lee = supporter, "+16175550142"
	l.answer("/voice", voicemail)
	l.answer("/kept", "<Hangup/>")
	l.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: l.gateway.URL + "/sms", VoiceURL: l.studio.URL + "/voice"})
	if _, err := l.Text(t.Context(), twiliosim.Text{From: kim, To: hotline, Body: "Look.", Media: []twiliosim.Media{{ContentType: "image/png", Data: []byte("x")}}}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"It is from (415) 555-0123.", "Not from 141555501234."} {
		if _, err := l.Text(t.Context(), twiliosim.Text{From: lee, To: hotline, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	answered := outgoing(kim, "Thank you.")
	answered.Set("StatusCallback", l.gateway.URL+"/status/"+url.PathEscape(kim))
	sent := l.call("POST", "/Messages.json", answered).str("sid")
	l.wait("delivery", func(s *twiliosim.Sim) bool { m, _ := s.Message(sent); return m.Status == twiliosim.StatusDelivered })
	leg, _ := l.phone(says("Please call me.", 10), twiliosim.Act{After: seconds(1), HangUp: true})
	if got := l.traces(kim); got != "call media message message message message recording transcription" {
		t.Fatalf("at first: %s", got)
	}

	list := l.call("GET", "/Messages.json?From="+url.QueryEscape(kim), nil)
	mms := sids(list, "messages")[0]
	file := sids(l.call("GET", "/Messages/"+mms+"/Media.json", nil), "media_list")[0]
	link := l.call("GET", "/Messages/"+mms+"/Media/"+file, nil).header.Get("Location")
	for _, path := range []string{"/Messages/" + mms + ".json", "/Messages/" + sent + ".json", "/Calls/" + leg.Sid + ".json"} {
		if a := l.call("DELETE", path, nil); a.status != http.StatusNoContent {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		if a := l.call("GET", path, nil); a.status != 404 {
			t.Errorf("%s after that: %d", path, a.status)
		}
	}
	if a := get(t, link); a.status != 404 {
		t.Errorf("the file of a deleted text: %d", a.status)
	}
	if a := l.call("GET", "/Messages/"+mms+"/Media.json", nil); a.status != 404 {
		t.Errorf("the files of a deleted text: %d", a.status)
	}
	if a := l.call("GET", "/Calls.json", nil); len(sids(a, "calls")) != 0 {
		t.Errorf("calls: %s", a.body)
	}
	if a := l.call("POST", "/Calls/"+leg.Sid+".json", url.Values{"Status": {"completed"}}); a.status != 404 {
		t.Errorf("a deleted call was changed: %d", a.status)
	}
	// Who sent nothing but their number is somebody else's text, and recordings have to be looked for themselves.
	if got := l.traces(kim); got != "message recording transcription" {
		t.Errorf("after texts and calls: %s", got)
	}
	recording := sids(l.call("GET", "/Calls/"+leg.Sid+"/Recordings.json", nil), "recordings")[0]
	text := sids(l.call("GET", "/Recordings/"+recording+"/Transcriptions.json", nil), "transcriptions")[0]
	if a := l.call("DELETE", "/Recordings/"+recording+".json", nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := l.traces(kim); got != "message transcription" {
		t.Errorf("after recordings: %s", got)
	}
	if a := l.call("GET", "/Recordings/"+recording+"/Transcriptions/"+text+".json", nil); a.status != 404 {
		t.Errorf("by way of the recording: %d", a.status)
	}
	if a := l.call("GET", "/Transcriptions/"+text+".txt", nil); a.body != "Please call me." {
		t.Errorf("the words: %s", a.body)
	}
	if a := l.call("DELETE", "/Transcriptions/"+text+".json", nil); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := l.call("GET", "/Transcriptions.json", nil); len(sids(a, "transcriptions")) != 0 {
		t.Errorf("transcriptions: %s", a.body)
	}
	left := l.Traces(kim)
	if len(left) != 1 || left[0].Where != "body" {
		t.Fatalf("left are %+v", left)
	}
	if a := l.call("POST", "/Messages/"+left[0].Sid+".json", url.Values{"Body": {""}}); a.status != 200 || a.str("body") != "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if left := l.Traces(kim); len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
	if got := bodies(l.Inbox(kim)); got != "[Thank you.]" {
		t.Errorf("the phone has %s", got)
	}
	control := httptest.NewServer(l.Control())
	t.Cleanup(control.Close)
	var found []twiliosim.Trace
	l.control(control.URL, "GET", "/sim/phones/"+lee+"/traces", "", &found)
	if len(found) != 2 || found[0] != (twiliosim.Trace{Kind: "message", Sid: found[0].Sid, Where: "from"}) {
		t.Errorf("of another: %+v", found)
	}
}

func TestTracesOfWishes(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	sid := w.text("STOP").MessageSid
	w.call("DELETE", "/Messages/"+sid+".json", nil)
	if got := w.traces(supporter); got != "opt-out" {
		t.Errorf("after STOP: %s", got)
	}
}

func TestSpellings(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	for number, spelled := range map[string]map[string]bool{
		"+14155550123": {
			"+14155550123": true, "call 415-555-0123!": true, "(415) 555-0123": true, "1.415.555.0123": true, "14155550123@sms.example.org": true,
			"4155550124": false, "94155550123": false, "41555501234": false, "+44 4155550123": true,
		},
		"+447911123456": {"+44 7911 123456": true, "07911 123456": false},
		"anonymous":     {"anonymous": true, "an anonymous call": false},
	} {
		for body, want := range spelled {
			d, err := w.Text(t.Context(), twiliosim.Text{From: "+19995550000", To: hotline, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(w.Traces(number), func(trace twiliosim.Trace) bool { return trace.Sid == d.MessageSid })
			if found != want {
				t.Errorf("%s in %q: %t", number, body, found)
			}
		}
	}
}

// TestSweep deletes while it pages, as retention does: nothing is skipped, and nothing stops it early.
func TestSweep(t *testing.T) {
	l := newLine(t)
	l.answer("/voice", voicemail)
	l.answer("/kept", "<Hangup/>")
	l.gateway.answerWith(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusInternalServerError) })
	l.SetNumber(twiliosim.Number{PhoneNumber: hotline, SMSURL: l.gateway.URL + "/sms", VoiceURL: l.studio.URL + "/voice"})
	for i := range 5 {
		if d := l.text(fmt.Sprint(i)); !d.Lost { // and yet it is in the list
			t.Fatalf("%+v", d)
		}
		l.phone(says("Please call me.", 10), twiliosim.Act{After: seconds(1), HangUp: true})
	}
	since := url.QueryEscape(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	for _, list := range []struct{ path, name, filters string }{
		{"/Messages", "messages", "To=" + url.QueryEscape(hotline) + "&From=" + url.QueryEscape(supporter) + "&DateSent%3E=" + since},
		{"/Calls", "calls", "To=" + url.QueryEscape(hotline) + "&From=" + url.QueryEscape(supporter) + "&StartTime%3E=" + since},
		{"/Recordings", "recordings", "DateCreated%3E=" + since},
		{"/Transcriptions", "transcriptions", ""},
	} {
		if a := l.call("GET", list.path+".json?PageSize=1000&"+list.filters, nil); len(sids(a, list.name)) != 5 {
			t.Errorf("%s: %s", list.path, a.body)
		}
		n := 0
		for next := list.path + ".json?PageSize=2&" + list.filters; next != ""; {
			a := l.call("GET", next, nil)
			for _, sid := range sids(a, list.name) {
				if a := l.call("DELETE", list.path+"/"+sid+".json", nil); a.status != http.StatusNoContent {
					t.Errorf("%s: %d %s", list.path, a.status, a.body)
				}
				n++
			}
			next = a.str("next_page_uri")
		}
		if a := l.call("GET", list.path+".json", nil); n != 5 || len(sids(a, list.name)) != 0 {
			t.Errorf("%s: deleted %d, left %s", list.path, n, a.body)
		}
	}
}

// TestTooEarlyToDelete is refused with 20009, which is worth another try later.
func TestTooEarlyToDelete(t *testing.T) {
	c := newClock()
	w := newWorld(t, twiliosim.Config{Now: c.Now})
	w.SetHandset(supporter, twiliosim.Handset{Answer: true})
	w.SetCarrier(supporter, twiliosim.Carrier{Silent: true})
	sent := w.call("POST", "/Messages.json", outgoing(supporter, "hi")).str("sid")
	w.wait("the text", func(s *twiliosim.Sim) bool { m, _ := s.Message(sent); return m.Status == twiliosim.StatusSent })
	made := w.call("POST", "/Calls.json", url.Values{"From": {hotline}, "To": {supporter}, "Twiml": {`<Response><Pause length="600"/></Response>`}}).str("sid")
	w.wait("the call", func(s *twiliosim.Sim) bool { leg, _ := s.Leg(made); return leg.Status == twiliosim.CallInProgress })
	remove := func(path string, status int) {
		t.Helper()
		a := w.call("DELETE", path, nil)
		if a.status != status || status == 400 && a.code() != 20009 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	message, call := "/Messages/"+sent+".json", "/Calls/"+made+".json"
	remove(message, 400) // its delivery may still be reported
	remove(call, 400)
	if err := w.HangUp(made); err != nil {
		t.Fatal(err)
	}
	set := w.Settings()
	set.DeleteLagMS = 60_000
	w.SetSettings(set)
	remove(call, 400)
	c.add(time.Minute)
	remove(call, 204)
	remove(message, 400)
	c.add(time.Hour)
	remove(message, 204)
	received := w.text("hi").MessageSid
	remove("/Messages/"+received+".json", 400)
	c.add(time.Minute)
	remove("/Messages/"+received+".json", 204)
}

// TestTracesOfFlows calls a flow, which knows who calls for as long as the call lasts.
func TestTracesOfFlows(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	if err := w.SetFlow(flowSid, flowOf(w.gateway.URL)); err != nil {
		t.Fatal(err)
	}
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, VoiceURL: w.FlowURL(flowSid)})
	sid, err := w.Dial(twiliosim.Call{From: supporter, To: hotline})
	if err != nil {
		t.Fatal(err)
	}
	w.wait("the flow", func(*twiliosim.Sim) bool { return strings.Contains(w.traces(supporter), "flow") })
	if err := w.HangUp(sid); err != nil {
		t.Fatal(err)
	}
	w.wait("its end", func(s *twiliosim.Sim) bool { return s.OpenLegs() == 0 })
	if got := w.traces(supporter); strings.Contains(got, "flow") {
		t.Errorf("after the call: %s", got)
	}
}
