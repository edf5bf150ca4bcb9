package telnyx_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
)

// hook returns the body of a webhook, with what follows "payload": put in.
func hook(kind, payload string) string {
	return `{"data":{"record_type":"event","id":"e1","event_type":"` + kind + `","occurred_at":"2026-11-03T21:46:13.176+00:00","payload":` + payload +
		`},"meta":{"attempt":1,"delivered_to":"https://example.org/telnyx"}}`
}

func TestRead(t *testing.T) {
	at := time.Date(2026, 11, 3, 21, 46, 13, 176e6, time.UTC)
	const parties = `"id":"m1","from":{"phone_number":"+447700900123","status":"received"},"to":[{"phone_number":"+15017122661"}]`
	outbound := func(kind, status, errors string) string {
		return hook(kind, `{"id":"m1","direction":"outbound","to":[{"phone_number":"+14155550123","status":"`+status+`"}],"errors":`+errors+`}`)
	}
	for name, tt := range map[string]struct {
		body string
		want telnyx.Event
	}{
		"a text": {hook(telnyx.Received, `{`+parties+`,"cc":[],"text":"שלום 👋","subject":null,"media":[],"autoresponse_type":null,"received_at":"2026-11-03T16:46:13.030-05:00","errors":[]}`),
			telnyx.Event{Type: telnyx.Received, From: "+447700900123", To: []string{"+15017122661"}, Text: "שלום 👋", ReceivedAt: at.Add(-146 * time.Millisecond)}},
		"pictures in a group": {hook(telnyx.Received, `{"id":"m1","from":{"phone_number":"72345"},"to":[{"phone_number":"+15017122661"},{"phone_number":"+14155550124"}],
			"cc":[{"phone_number":"+14155550125"},{}],"text":"","subject":"cats","media":[{"url":"https://media.telnyx.com/1","content_type":"image/png","size":3,"hash_sha256":"0"},{"url":"https://media.telnyx.com/2","content_type":null}]}`),
			telnyx.Event{Type: telnyx.Received, From: "72345", To: []string{"+15017122661", "+14155550124"}, CC: []string{"+14155550125"}, Subject: "cats",
				Media: []carrier.File{{URL: "https://media.telnyx.com/1", ContentType: "image/png"}, {URL: "https://media.telnyx.com/2"}}}},
		"STOP":              {hook(telnyx.Received, `{`+parties+`,"text":"Stop","autoresponse_type":"STOP"}`), telnyx.Event{Type: telnyx.Received, From: "+447700900123", To: []string{"+15017122661"}, Text: "Stop", Keyword: "STOP"}},
		"nothing":           {hook(telnyx.Received, `{`+parties+`,"text":null,"media":null,"cc":null,"received_at":"yesterday"}`), telnyx.Event{Type: telnyx.Received, From: "+447700900123", To: []string{"+15017122661"}}},
		"sent":              {outbound(telnyx.Sent, "sent", `[]`), telnyx.Event{Type: telnyx.Sent, State: carrier.Sent}},
		"arrived":           {outbound(telnyx.Finalized, "delivered", `null`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Delivered}},
		"not confirmed":     {outbound(telnyx.Finalized, "delivery_unconfirmed", `[{"code":"40005"}]`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Sent}},
		"failed":            {outbound(telnyx.Finalized, "delivery_failed", `[{"code":"40008","title":"Undeliverable"},{"code":"1"}]`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Failed, Code: 40008}},
		"failed, a number":  {outbound(telnyx.Finalized, "sending_failed", `[{"code":40300}]`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Failed, Code: 40300}},
		"failed, no reason": {outbound(telnyx.Finalized, "expired", `[]`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Failed}},
		"queued":            {outbound(telnyx.Sent, "queued", `[]`), telnyx.Event{Type: telnyx.Sent, State: carrier.Accepted}},
		"a new state":       {outbound(telnyx.Finalized, "teleported", `[]`), telnyx.Event{Type: telnyx.Finalized, State: carrier.Accepted}},
		"to nobody":         {hook(telnyx.Sent, `{"id":"m1"}`), telnyx.Event{Type: telnyx.Sent, State: carrier.Accepted}},
		"something else":    {hook("call.initiated", `{"id":1,"from":"+14155550123","to":"+15017122661"}`), telnyx.Event{Type: "call.initiated"}},
	} {
		tt.want.ID, tt.want.At = "e1", at
		if tt.want.Type != "call.initiated" {
			tt.want.MessageID = "m1"
		}
		got, err := telnyx.Read([]byte(tt.body))
		got.At, got.ReceivedAt = got.At.UTC(), got.ReceivedAt.UTC()
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, tt.want)
		}
	}
}

func TestReadNonsense(t *testing.T) {
	for _, body := range []string{
		"", "null", "[]", "{}", `{"data":null}`, `{"data":{"id":"e1"}}`, `{"data":{"event_type":14155550123}}`, "+14155550123",
		hook(telnyx.Received, `null`), hook(telnyx.Received, `"+14155550123"`), hook(telnyx.Received, `{}`),
		hook(telnyx.Received, `{"id":"m1"}`), hook(telnyx.Received, `{"id":"m1","from":{"phone_number":"+14155550123"},"to":[]}`),
		hook(telnyx.Received, `{"id":"m1","to":[{"phone_number":"+14155550123"}]}`), hook(telnyx.Received, `{"id":"m1","from":{"phone_number":14155550123}}`),
		hook(telnyx.Finalized, `{"to":[{"status":"delivered"}]}`),
	} {
		e, err := telnyx.Read([]byte(body))
		if err == nil {
			t.Errorf("%s is %+v", body, e)
		} else if strings.Contains(err.Error(), "5550123") {
			t.Errorf("the error says %v", err)
		}
	}
}

// What the simulator tells, as an event and its file.
func TestReadSimulated(t *testing.T) {
	sim, client := newSim(t)
	events := make(chan telnyx.Event, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := telnyx.Read(body)
		if err != nil {
			t.Error(err)
		}
		events <- e
	}))
	t.Cleanup(gateway.Close)
	sim.SetProfile(gateway.URL, "")
	want := []byte("\x89PNG")
	id, err := sim.Text(supporter, hotline, words, telnyxsim.Media{ContentType: "image/png", Data: want})
	if err != nil {
		t.Fatal(err)
	}
	e := <-events
	if e.MessageID != id || e.From != supporter || e.To[0] != hotline || e.Text != words || e.ReceivedAt.IsZero() || e.ID == "" {
		t.Errorf("%+v", e)
	}
	data, mimeType, err := client.FetchMedia(t.Context(), e.Media[0].URL, 10)
	if !bytes.Equal(data, want) || mimeType != "image/png" || err != nil {
		t.Errorf("%q, %s, %v", data, mimeType, err)
	}
}

// Nothing that is sent makes it panic, and what it returns is whole.
func FuzzRead(f *testing.F) {
	f.Add([]byte(hook(telnyx.Received, `{"id":"m1","from":{"phone_number":"1"},"to":[{"phone_number":"2"}],"media":[{}]}`)))
	f.Add([]byte(hook(telnyx.Finalized, `{"id":"m1","to":[{"status":"expired"}],"errors":[{"code":{}}]}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := telnyx.Read(body)
		switch {
		case err != nil:
		case e.Type == "":
			t.Error("an event without type")
		case e.Type == telnyx.Received && (e.MessageID == "" || e.From == "" || len(e.To) == 0):
			t.Errorf("%+v", e)
		}
	})
}
