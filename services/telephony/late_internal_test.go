package telephony

import (
	"fmt"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// A wish counts by the time at which the carrier says that it was said: one that comes late changes nothing. One from the future is of now.
func TestWishesByTime(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.at(hotline.Telnyx)
		defer h.incomes.Close()
		says := func(id, word, at string, want bool) {
			t.Helper()
			_, err := h.ReceiveTelnyxEvent(t.Context(), &telephonyv1.ReceiveTelnyxEventRequest{Body: []byte(fmt.Sprintf(`{"data": {"event_type": "message.received", "payload":
				{"id": "%s", "from": {"phone_number": "%s"}, "to": [{"phone_number": "%s"}], "text": "%s", "received_at": "%s"}}}`, id, caller, ours, word, at))})
			fatal(t, err)
			if out, err := h.store.OptedOut(t.Context(), ours, caller); out != want || err != nil {
				t.Errorf("%s: opted out %v, %v", id, out, err)
			}
		}
		says("1", "STOP", "2026-11-28T08:59:00Z", true)
		says("2", "START", "2026-11-28T08:58:00.5Z", true)
		says("3", "START", "2026-11-28T08:59:30Z", false)
		says("4", "STOP", "2027-11-28T08:59:00Z", true)
		h.now = h.now.Add(time.Minute)
		says("5", "START", "2026-11-28T09:00:30Z", false)
		says("6", "STOP", "", true)
		says("7", "START", "yesterday", false)
		var at int64
		fatal(t, h.DB.Read.QueryRow(`SELECT received_at FROM text_in WHERE message_sid = '3'`).Scan(&at))
		if got := time.UnixMicro(at).UTC().Format(time.RFC3339); got != "2026-11-28T08:59:30Z" {
			t.Errorf("it came at %s", got)
		}
	})
	a := newArchive(t) // M10: what is asked for late does not opt anybody in
	number := phone.Number(campaign)
	began := a.now
	_, err := a.sim.Text(caller, "189358", "START")
	fatal(t, err)
	a.now = a.now.Add(time.Hour)
	_, err = a.store.OptedOutAtCarrier(t.Context(), number, caller, a.now.Add(-time.Minute))
	fatal(t, err)
	_, err = a.textsIn(t.Context(), number, began.Add(-time.Second), a.now)
	fatal(t, err)
	if out, err := a.store.OptedOut(t.Context(), number, caller); !out || err != nil {
		t.Errorf("they are opted in by what they said before: %v", err)
	}
	var by hotline.Transport
	if err := a.DB.Read.QueryRow(`SELECT carrier FROM text_in`).Scan(&by); by != hotline.MobileCommons || err != nil {
		t.Errorf("it is at %q, %v", by, err)
	}
}

// What a load has brought in is no trouble.
func TestLoadedStory(t *testing.T) {
	a := newArchive(t)
	a.past(time.Hour, caller, "history")
	a.load(a.request(2*time.Hour, 30*time.Minute, time.Hour))
	a.deliverAll()
	var id string
	fatal(t, a.DB.Read.QueryRow(`SELECT message_sid FROM text_in`).Scan(&id))
	item, err := a.store.Item(t.Context(), id)
	fatal(t, err)
	line := &timeline{item: *item}
	fatal(t, a.tellStory(t.Context(), line))
	var brought bool
	for _, step := range line.steps {
		brought = brought || step.What == "brought in by a load"
		if step.Trouble {
			t.Errorf("trouble: %s", step.What)
		}
	}
	if !brought {
		t.Errorf("the story is %+v", line.steps)
	}
}
