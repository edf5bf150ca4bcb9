package mobilecommons_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

// M1: a client that is given nothing but an account works. What is sent is on the phone as it was written.
func TestSend(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	for i, body := range []string{words, "line\nline", "<b>&amp; + %41", "שלום", strings.Repeat("🙂", 1600)} {
		id, err := b.send(body)
		inbox := b.sim.Inbox(string(kim))
		if err != nil || len(inbox) != i+1 || "MC"+inbox[i].ID != id || inbox[i].Body != body || inbox[i].Campaign != help {
			t.Fatalf("%.20q: id %q, %v, the phone has %d", body, id, err, len(inbox))
		}
	}
	if asked := b.asked(); asked[0] != "POST /api/send_message" {
		t.Errorf("asked %s", asked[0])
	}
}

// M2: every answer is examined, and says whether the text may be there.
func TestSendOutcomes(t *testing.T) {
	const sent = `<response success="true"><message id="77"><phone_number>16175550142</phone_number><body>a secret</body></message></response>`
	refusal := func(id int) string {
		return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><response success="false"><error id="%d" message="617-555-0142 does not like a secret"/></response>`, id)
	}
	const page = "<html><body><h1>a secret</h1></body></html>"
	for name, test := range map[string]struct {
		status  int
		body    string
		id      string
		outcome carrier.Outcome
		code    int
	}{
		"sent":                         {200, sent, "77", -1, 0},
		"sent, id as an element":       {200, `<response success="true"><message><id> 78 </id></message></response>`, "78", -1, 0},
		"sent, no id":                  {200, `<response success="true"></response>`, "", -1, 0},
		"invalid campaign":             {200, refusal(1), "", carrier.Refused, 1},
		"invalid number":               {200, refusal(5), "", carrier.Refused, 5},
		"not opted in":                 {200, refusal(11), "", carrier.Refused, 11},
		"error that is new":            {200, refusal(99), "", carrier.Refused, 99},
		"400 with an error":            {400, refusal(3), "", carrier.Refused, 3},
		"400 without":                  {400, page, "", carrier.Refused, 0},
		"invalid key":                  {200, refusal(10), "", carrier.NotDone, 10},
		"invalid company":              {400, refusal(4), "", carrier.NotDone, 4},
		"invalid user":                 {200, refusal(26), "", carrier.NotDone, 26},
		"too many messages":            {200, refusal(17), "", carrier.NotDone, 17},
		"rate limit, by error":         {200, refusal(27), "", carrier.NotDone, 27},
		"rate limit, by status":        {429, page, "", carrier.NotDone, 0},
		"credentials":                  {401, page, "", carrier.NotDone, 0},
		"forbidden":                    {403, page, "", carrier.NotDone, 0},
		"unknown error":                {200, refusal(0), "", carrier.Unclear, 0},
		"no success, no error":         {200, `<response success="false"/>`, "", carrier.Unclear, 0},
		"neither":                      {200, `<response><message id="77"/></response>`, "", carrier.Unclear, 0},
		"no answer of the API's":       {200, page, "", carrier.Unclear, 0},
		"success of something else":    {200, `<html success="true"/>`, "", carrier.Unclear, 0},
		"nothing":                      {200, "", "", carrier.Unclear, 0},
		"cut off":                      {200, sent[:len(sent)-3], "", carrier.Unclear, 0},
		"an entity that is not there":  {200, `<response success="true"><message id="77">&secret;</message></response>`, "", carrier.Unclear, 0},
		"no end":                       {200, sent[:40] + strings.Repeat(" ", 9<<20) + sent[40:], "", carrier.Unclear, 0},
		"redirect":                     {302, sent, "", carrier.Unclear, 0},
		"timed out":                    {408, page, "", carrier.Unclear, 0},
		"broken":                       {500, refusal(3), "", carrier.Unclear, 3},
		"heavy load":                   {503, page, "", carrier.Unclear, 0},
		"success with a broken status": {502, sent, "", carrier.Unclear, 0},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := canned(t, test.status, test.body).Send(t.Context(), message(words))
			if test.outcome < 0 {
				if err != nil || id != "MC"+test.id && (id != "" || test.id != "") {
					t.Errorf("%q, %v", id, err)
				}
				return
			}
			e := failed(t, err)
			if e.Outcome != test.outcome || e.Code != test.code || e.Status != test.status || id != "" {
				t.Errorf("outcome %d, code %d, status %d, id %q", e.Outcome, e.Code, e.Status, id)
			}
		})
	}
}

// What the limit says of when to come back is passed on.
func TestRetryAfter(t *testing.T) {
	b := start(t, mobilecommonssim.Config{RateLimit: 1})
	b.text(kim, help, "hello")
	if _, err := b.send("one"); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(18 * time.Second)
	_, err := b.send("two")
	if e := failed(t, err); e.Outcome != carrier.NotDone || e.RetryAfter != 42*time.Second || e.Status != http.StatusTooManyRequests {
		t.Errorf("%+v", e)
	}
	b.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: http.StatusTooManyRequests, FailNextRetryAfter: 1796000000}) // a time, not a duration
	_, err = b.send("three")
	if e := failed(t, err); e.RetryAfter <= 0 || e.RetryAfter > time.Hour {
		t.Errorf("%+v", e)
	}
}

// Without a connection nothing was done. With one, nobody knows, and Find does.
func TestSendCut(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, words)
	since := b.now
	for _, test := range []struct {
		switches fault.Switches
		there    int
	}{{fault.Switches{DropBeforeNext: 1}, 0}, {fault.Switches{DropAfterNext: 1}, 1}} {
		b.sim.Faults().Set(test.switches)
		_, err := b.send(words)
		if e := failed(t, err); e.Outcome != carrier.Unclear || e.Status != 0 {
			t.Errorf("%+v: %+v", test, e)
		}
		found, err := b.client.Find(t.Context(), hotline.OfCampaign(help), kim, since)
		if err != nil || len(found) != test.there {
			t.Errorf("%+v: found %+v, %v", test, found, err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, err = clientOf(t, "http://"+listener.Addr().String()).Send(t.Context(), message(words))
	if e := failed(t, err); e.Outcome != carrier.NotDone {
		t.Errorf("nobody listens: %+v", e)
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	_, err = clientOf(t, secure.URL).Send(t.Context(), message(words))
	if e := failed(t, err); e.Outcome != carrier.NotDone {
		t.Errorf("somebody else listens: %+v", e)
	}
}

// What is sent goes nowhere else, whoever says so.
func TestSendRedirected(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody else was asked") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	_, err := clientOf(t, server.URL).Send(t.Context(), message(words))
	if e := failed(t, err); e.Outcome != carrier.Unclear {
		t.Errorf("%+v", e)
	}
}

// A call ends with its context, and nobody knows what became of it.
func TestSendContext(t *testing.T) {
	arrived, done := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-done
	}))
	defer server.Close()
	defer close(done)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := clientOf(t, server.URL).Send(ctx, message(words))
	if e := failed(t, err); e.Outcome != carrier.Unclear || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v", e)
	}
}

// What is sent is sent, also if its id is not to be had: that is not waited for, least of all until the time is over.
func TestSendWithoutID(t *testing.T) {
	t.Parallel()
	looks := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/send_message" {
			_, _ = w.Write([]byte(`<response success="true"/>`))
			return
		}
		looks <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	for _, most := range []time.Duration{time.Minute, time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), most)
		defer cancel()
		id, err := clientOf(t, server.URL).Send(ctx, message(words))
		if end, _ := ctx.Deadline(); id != "" || err != nil || len(looks) != 1 || time.Until(end) < most/5 {
			t.Errorf("id %q, %v, with %v left of %v", id, err, time.Until(end), most)
		}
		<-looks
	}
}

// What cannot be sent is not asked for.
func TestSendNothing(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, "hello")
	picture := message(words)
	picture.Media = []string{"https://example.org/a.png"}
	number := message(words)
	number.From = "+15017122661"
	nowhere := message(words)
	nowhere.From = hotline.OfCampaign("")
	for _, m := range []carrier.NewMessage{picture, number, nowhere} {
		_, err := b.client.Send(t.Context(), m)
		if e := failed(t, err); e.Outcome != carrier.Refused {
			t.Errorf("%+v", e)
		}
	}
	if asked := b.asked(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

// A misspelt address is an error at start, and a file is one that agents understand.
func TestNewAndMedia(t *testing.T) {
	for _, address := range []string{"", "secure.mcommons.com", "ftp://secure.mcommons.com", "https://", "https://%"} {
		if _, err := mobilecommons.New(address, "", ""); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
	_, _, err := clientOf(t, "https://secure.mcommons.com").FetchMedia(t.Context(), "https://secure.mcommons.com/1.png", 1)
	if _, ok := errors.AsType[carrier.MediaError](err); !ok {
		t.Errorf("media: %v", err)
	}
}

// Errors that agents can do something about are explained, and no other is taken for a wish to get no texts.
func TestExplain(t *testing.T) {
	c := clientOf(t, "https://secure.mcommons.com")
	for _, code := range []int{1, 3, 5, 11, 14, 99} {
		if reason := c.Explain(code); !strings.Contains(reason, "What to do: ") || c.OptedOut(code) {
			t.Errorf("%d: %s", code, reason)
		}
	}
	if !strings.Contains(c.Explain(99), "99") || strings.Contains(c.Explain(11), "11") {
		t.Error("the code is named where the reason is known")
	}
}
