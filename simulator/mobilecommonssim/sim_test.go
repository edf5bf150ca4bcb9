package mobilecommonssim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

// A text is sent to whoever is in the campaign, however the number is written and whatever the words are.
func TestSend(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	for i, to := range []string{kim, "16175550142", "617-555-0142", " (617) 555-0142"} {
		body := fmt.Sprintf("%d <b> & שלום 🙂\nline", i)
		a := b.send(to, body)
		inbox := b.sim.Inbox(kim)
		if !a.Success || a.Message.ID == "" || len(inbox) != i+1 || inbox[i].Body != body || inbox[i].ID != a.Message.ID {
			t.Fatalf("to %s: %+v, the phone has %+v", to, a, inbox)
		}
	}
	abroad := "+447911123456"
	b.text(abroad, help, "hello")
	if a := b.send(abroad[1:], "hi"); !a.Success || len(b.sim.Inbox(abroad)) != 1 {
		t.Errorf("abroad: %+v", a)
	}
	json, err := json.Marshal(map[string]any{"campaign_id": 998, "phone_number": 16175550142, "body": "as the original sends it"})
	if err != nil {
		t.Fatal(err)
	}
	if a := b.do(http.MethodPost, "send_message", "application/json", string(json)); !a.Success {
		t.Errorf("JSON: %+v", a)
	}
}

// What a client gets wrong is refused with the error that is documented for it, and nothing is sent.
func TestRefusals(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	for name, test := range map[string]struct {
		answer answer
		id     int
	}{
		"campaign":            {b.post("send_message", "campaign_id", "1", "phone_number", kim, "body", "x"), 1},
		"no campaign":         {b.post("send_message", "phone_number", kim, "body", "x"), 1},
		"body":                {b.send(kim, " \n"), 3},
		"nobody":              {b.send("+16175550199", "x"), 5},
		"garbage":             {b.send("hello", "x"), 5},
		"no number":           {b.post("send_message", "campaign_id", help, "body", "x"), 28},
		"not in the campaign": {b.post("send_message", "campaign_id", other, "phone_number", kim, "body", "x"), 11},
		"unknown parameter":   {b.post("send_message", "campaign_id", help, "phone_number", kim, "body", "x", "to", kim), 16},
		"twice":               {b.post("send_message", "campaign_id", help, "phone_number", kim, "body", "x", "body", "y"), 16},
		"no form":             {b.do(http.MethodPost, "send_message", "text/plain", "x"), 16},
		"profile of nobody":   {b.get("profile", "phone_number", "+16175550199"), 5},
		"opt-out of nobody":   {b.post("profile_opt_out", "phone_number", "+16175550199"), 5},
		"opt-out of nothing":  {b.post("profile_opt_out", "phone_number", kim, "campaign_id", "1"), 1},
		"begin":               {b.get("messages", "start_time", "yesterday"), 7},
		"end":                 {b.get("messages", "end_time", "tomorrow"), 8},
		"backwards":           {b.get("messages", "start_time", "2026-11-28 10:00:00 UTC", "end_time", "2026-11-28 09:00:00 UTC"), 35},
		"limit":               {b.get("sent_messages", "limit", "1001"), 16},
		"page":                {b.get("sent_messages", "page", "0"), 16},
		"list of no campaign": {b.get("messages", "campaign_id", "1"), 1},
		"subscribers":         {b.get("campaign_subscribers"), 1},
	} {
		if a := test.answer; a.Status != http.StatusOK || a.Success || a.Error.ID != test.id || a.Error.Message == "" {
			t.Errorf("%s: %+v, want error %d", name, a, test.id)
		}
	}
	if a := b.do(http.MethodGet, "send_message?"+values("campaign_id", help, "phone_number", kim, "body", "x").Encode(), "", ""); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET of send_message: %+v", a)
	}
	if a := b.send(kim, strings.Repeat("x", 2<<20)); a.Status != http.StatusBadRequest {
		t.Errorf("huge: %+v", a)
	}
	if inbox := b.sim.Inbox(kim); len(inbox) != 0 {
		t.Errorf("sent: %+v", inbox)
	}
	if res, err := http.Get(b.url + "messages"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without credentials: %v, %v", res, err)
	}
}

// STOP ends the texts of one campaign, whatever else is texted, until START.
func TestStop(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	b.text(kim, other, "hello")
	b.text(kim, help, " stop ")
	b.text(kim, help, "what?")
	if a := b.send(kim, "x"); a.Error.ID != 11 || b.sim.Subscribed(kim, help) || !b.sim.Subscribed(kim, other) {
		t.Errorf("after STOP: %+v", a)
	}
	if p := b.get("profile", "phone_number", kim).Profile; p.OptedOut != "" {
		t.Errorf("one campaign is left: %+v", p)
	}
	b.text(kim, help, "START")
	if a := b.send(kim, "x"); !a.Success {
		t.Errorf("after START: %+v", a)
	}
	if a := b.post("profile_opt_out", "phone_number", kim); a.Profile.OptedOut != "2026-11-28 09:00:00 UTC" || b.sim.Subscribed(kim, help) || b.sim.Subscribed(kim, other) {
		t.Errorf("out of all: %+v", a)
	}
	b.now = b.now.Add(time.Hour)
	b.text(kim, help, "STOP")
	if a := b.get("campaign_subscribers", "campaign_id", help, "from", "2026-11-28 09:00:01 UTC"); len(a.Subs) != 0 {
		t.Errorf("out again: %+v", a)
	}
	b.text(kim, help, "Start")
	if p := b.get("profile", "phone_number", kim).Profile; p.OptedOut != "" || !b.sim.Subscribed(kim, help) {
		t.Errorf("back: %+v", p)
	}
}

// Lists have what is in their time and campaign, newest first, in pages.
func TestLists(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	begin := b.now
	const texts = 25
	for i := range texts { // one a minute
		b.now = begin.Add(time.Duration(i) * time.Minute)
		b.text(fmt.Sprintf("+1617555%04d", i), help, fmt.Sprint(i))
	}
	b.text(kim, other, "elsewhere")
	if a := b.get("messages", "campaign_id", help, "limit", "10", "page", "3"); a.Messages.Pages != 3 || len(a.Messages.All) != 5 || a.Messages.All[4].Body != "0" || a.Messages.All[4].At != "2026-11-28 09:00:00 UTC" {
		t.Errorf("last page: %+v", a)
	}
	if a := b.get("messages", "page", "9"); !a.Success || len(a.Messages.All) != 0 {
		t.Errorf("behind the last page: %+v", a)
	}
	if a := b.get("messages", "start_time", "2026-11-28T09:03:00Z", "end_time", "2026-11-28 09:05:00 UTC"); len(a.Messages.All) != 3 || a.Messages.All[0].Body != "5" {
		t.Errorf("three minutes: %+v", a)
	}
	if a := b.get("sent_messages"); len(a.Messages.All) != 0 {
		t.Errorf("sent: %+v", a)
	}
	b.now = begin.Add(time.Hour)
	b.text("+16175550007", help, "STOP")
	a := b.get("campaign_subscribers", "campaign_id", help, "from", "2026-11-28 10:00:00 UTC")
	if len(a.Subs) != 1 || a.Subs[0].Phone != "16175550007" || a.Subs[0].OptedOutAt != "2026-11-28 10:00:00 UTC" {
		t.Errorf("subscriptions that changed: %+v", a)
	}
}

// A profile has messages when they are asked for, by GET and by POST.
func TestProfile(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	b.send(kim, "hi")
	b.sim.SetProfile(kim, "Kim & Co", "", nil)
	for _, a := range []answer{b.get("profile", "phone_number", kim, "include_messages", "1"), b.post("profile", "phone_number", kim, "include_messages", "true")} {
		if p := a.Profile; p.FirstName != "Kim & Co" || p.Phone != kim[1:] || len(p.Messages) != 2 || p.Messages[1].Body != "hi" {
			t.Errorf("%+v", a)
		}
	}
	if a := b.get("profile", "phone_number", kim); !a.Success || len(a.Profile.Messages) != 0 {
		t.Errorf("without messages: %+v", a)
	}
}

// Above the limit requests are refused until the minute is over, whatever they are.
func TestRateLimit(t *testing.T) {
	const limit = 3
	b := start(t, mobilecommonssim.Config{RateLimit: limit})
	for range limit {
		if a := b.get("messages"); a.Status != http.StatusOK {
			t.Fatalf("%+v", a)
		}
	}
	b.now = b.now.Add(50 * time.Second)
	if a := b.get("messages"); a.Status != http.StatusTooManyRequests || a.Error.ID != 27 || a.Retry != "10" {
		t.Errorf("above the limit: %+v", a)
	}
	b.now = b.now.Add(10 * time.Second)
	if a := b.get("messages"); a.Status != http.StatusOK {
		t.Errorf("a minute later: %+v", a)
	}
}

// Faults are in front of the API: what is cut off afterwards has been done.
func TestFaults(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	b.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 503})
	if a := b.send(kim, "x"); a.Status != 503 || len(b.sim.Inbox(kim)) != 0 {
		t.Errorf("%+v", a)
	}
}

// Wait ends when what it waits for is there, or with its context.
func TestWait(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	done := make(chan error, 1)
	go func() {
		done <- b.sim.Wait(t.Context(), func(s *mobilecommonssim.Sim) bool { return len(s.Inbox(kim)) == 1 })
	}()
	b.send(kim, "hi")
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.sim.Wait(ctx, func(*mobilecommonssim.Sim) bool { return false }); err != context.Canceled {
		t.Errorf("canceled: %v", err)
	}
	if _, err := b.sim.Text(kim, "1", "hello"); err == nil {
		t.Error("a text to no campaign")
	}
}

// What is added to the past is in the lists by its time, and nobody is subscribed because of it.
func TestPast(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	old := b.now.AddDate(-1, 0, 0)
	id, err := b.sim.Past(mobilecommonssim.Message{Campaign: help, Phone: kim, Body: "hello", At: old})
	if err != nil {
		t.Fatal(err)
	}
	at := old.Format("2006-01-02 15:04:05 UTC")
	all := b.get("messages", "campaign_id", help, "start_time", at, "end_time", at).Messages.All
	if len(all) != 1 || all[0].ID != id || all[0].Body != "hello" || all[0].At != at || b.sim.Subscribed(kim, help) {
		t.Errorf("%+v, subscribed: %v", all, b.sim.Subscribed(kim, help))
	}
	for _, m := range []mobilecommonssim.Message{{Campaign: help, Phone: "hello"}, {Campaign: "1", Phone: kim}} {
		if _, err := b.sim.Past(m); err == nil {
			t.Errorf("%+v is taken", m)
		}
	}
}
