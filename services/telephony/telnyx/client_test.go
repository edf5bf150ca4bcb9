package telnyx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
)

const (
	hotline   = "+15017122661"
	supporter = "+14155550123"
	words     = "שלום 👋 <&>"
)

var (
	_ carrier.Carrier = (*telnyx.Client)(nil)
	_ carrier.Teller  = (*telnyx.Client)(nil)
)

func newSim(t *testing.T) (*telnyxsim.Sim, *telnyx.Client) {
	t.Helper()
	sim := telnyxsim.New(telnyxsim.Config{})
	t.Cleanup(sim.Close)
	api := httptest.NewServer(sim.Handler())
	t.Cleanup(api.Close)
	sim.SetPublicURL(api.URL)
	sim.AddNumber(hotline)
	return sim, newClient(t, api.URL)
}

func newClient(t *testing.T, base string) *telnyx.Client {
	t.Helper()
	c, err := telnyx.New(base, telnyxsim.DefaultAPIKey)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func hello(statusURL string) carrier.NewMessage {
	return carrier.NewMessage{From: hotline, To: supporter, Body: words, StatusURL: statusURL}
}

// failure is the error of a call, which must not tell who wrote to whom, and what.
func failure(t *testing.T, err error) *carrier.Error {
	t.Helper()
	e, ok := errors.AsType[*carrier.Error](err)
	if !ok {
		t.Fatalf("no *carrier.Error: %v", err)
	}
	for _, secret := range []string{"5550123", "7122661", "שלום", telnyxsim.DefaultAPIKey} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error has %q: %v", secret, err)
		}
	}
	if e.Carrier != "Telnyx" || e.Cause == nil {
		t.Errorf("the error is %#v", e)
	}
	return e
}

func TestNew(t *testing.T) {
	for _, base := range []string{"", "api.telnyx.com", "ftp://api.telnyx.com", "https://", "https://%zz"} {
		if _, err := telnyx.New(base, "key"); err == nil {
			t.Errorf("%q is an address", base)
		}
	}
}

// A text with pictures arrives once, as it was written, and what becomes of it is told at its own address only.
func TestSend(t *testing.T) {
	sim, client := newSim(t)
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "cat") }))
	t.Cleanup(hooks.Close)
	sim.SetProfile(hooks.URL+"/in", "")
	m := hello(hooks.URL + "/status")
	m.Media = []string{hooks.URL + "/1", hooks.URL + "/2"}
	id, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Wait(t.Context(), func(s *telnyxsim.Sim) bool { return len(s.Attempts()) == 2 }); err != nil {
		t.Fatal(err)
	}
	for _, a := range sim.Attempts() {
		if a.MessageID != id || a.URL != m.StatusURL {
			t.Errorf("told: %+v", a)
		}
	}
	inbox := sim.Inbox(supporter)
	if len(inbox) != 1 || inbox[0].ID != id || inbox[0].From != hotline || inbox[0].Text != words || len(inbox[0].Media) != 2 || inbox[0].Media[1].URL != m.Media[1] {
		t.Errorf("the phone has %+v", inbox)
	}

	// Pictures alone, and a text that nobody is to be told of.
	if _, err := client.Send(t.Context(), carrier.NewMessage{From: hotline, To: supporter, Media: m.Media[:1]}); err != nil {
		t.Fatal(err)
	}
	if err := sim.Wait(t.Context(), func(s *telnyxsim.Sim) bool { return len(s.Inbox(supporter)) == 2 && s.Messages()[1].Told }); err != nil {
		t.Fatal(err)
	}
	if n := len(sim.Attempts()); n != 2 {
		t.Errorf("%d are told", n)
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[string]struct {
		state carrier.State
		code  int
	}{
		telnyxsim.Delivered:     {carrier.Delivered, 0},
		telnyxsim.Unconfirmed:   {carrier.Sent, 0},
		telnyxsim.Undelivered:   {carrier.Failed, 40008},
		telnyxsim.SendingFailed: {carrier.Failed, 40008},
	} {
		sim, client := newSim(t)
		sim.SetOutcome(supporter, telnyxsim.Outcome{Status: status, Code: 40008})
		id, err := client.Send(t.Context(), hello(""))
		if err != nil {
			t.Fatal(err)
		}
		if err := sim.Wait(t.Context(), func(s *telnyxsim.Sim) bool { return s.Messages()[0].Status == status }); err != nil {
			t.Fatal(err)
		}
		state, code, err := client.Status(t.Context(), id)
		if state != want.state || code != want.code || err != nil {
			t.Errorf("%s: %s, %d, %v; want %+v", status, state, code, err, want)
		}
	}
	_, client := newSim(t)
	there, err := client.Send(t.Context(), hello(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"forgotten", "a/b?c#d", "a/../" + there} {
		if _, _, err := client.Status(t.Context(), id); failure(t, err).Outcome != carrier.Refused || failure(t, err).Status != http.StatusNotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestOptedOut(t *testing.T) {
	sim, client := newSim(t)
	if _, err := sim.Text(supporter, hotline, "STOP"); err != nil {
		t.Fatal(err)
	}
	_, err := client.Send(t.Context(), hello(""))
	if e := failure(t, err); e.Outcome != carrier.Refused || !client.OptedOut(e.Code) || client.Explain(e.Code) != carrier.OptedOut {
		t.Errorf("%v", err)
	}
	if client.OptedOut(40008) || client.OptedOut(0) {
		t.Error("everybody has opted out")
	}
}

func TestExplain(t *testing.T) {
	client := newClient(t, "https://api.telnyx.com")
	for _, code := range []int{40001, 40008, 40317, 99} {
		if reason := client.Explain(code); !strings.Contains(reason, "What to do: ") {
			t.Errorf("%d: %s", code, reason)
		}
	}
	if !strings.Contains(client.Explain(99), "99") || strings.Contains(client.Explain(40001), "40001") {
		t.Error("the code is named where the reason is known")
	}
}

// Each answer, and what is known after it of a text that was to be sent.
func TestOutcomes(t *testing.T) {
	coded := func(code any) string {
		return fmt.Sprintf(`{"errors":[{"code":%v,"title":"Refused %s","detail":"from %s to %s: %s"}]}`, code, supporter, hotline, supporter, words)
	}
	for name, tt := range map[string]struct {
		status     int
		header     string // name: value
		body       string
		outcome    carrier.Outcome
		code       int
		retryAfter time.Duration
	}{
		"too fast":                {429, "Retry-After: 7", coded(`"10011"`), carrier.NotDone, 10011, 7 * time.Second},
		"too fast, as documented": {429, "x-ratelimit-reset: 3", coded(`"10011"`), carrier.NotDone, 10011, 3 * time.Second},
		"too fast, until 2027":    {429, "x-ratelimit-reset: 1800000000", coded(`"10011"`), carrier.NotDone, 10011, 0},
		"too fast, negative":      {429, "Retry-After: -1", "", carrier.NotDone, 0, 0},
		"too fast, no number":     {429, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", "<html>", carrier.NotDone, 0, 0},
		"wrong key":               {401, "", coded(`"10009"`), carrier.NotDone, 10009, 0},
		"no right":                {403, "", coded(`"10010"`), carrier.NotDone, 10010, 0},
		"a proxy says no":         {403, "", "<html>", carrier.NotDone, 0, 0},
		"no money":                {402, "", coded(`"20100"`), carrier.NotDone, 20100, 0},
		"account blocked":         {403, "", coded(`"20013"`), carrier.NotDone, 20013, 0},
		"queue full":              {400, "", coded(`"40318"`), carrier.NotDone, 40318, 0},
		"number not yet ours":     {400, "", coded(`"40320"`), carrier.NotDone, 40320, 0},
		"STOP":                    {403, "", coded(`"40300"`), carrier.Refused, 40300, 0},
		"STOP, otherwise":         {400, "Retry-After: 7", coded(40300), carrier.Refused, 40300, 0},
		"no such number":          {400, "", coded(`"40310"`), carrier.Refused, 40310, 0},
		"unprocessable":           {422, "", coded(`"10015"`), carrier.Refused, 10015, 0},
		"unreadable no":           {400, "", `{"errors":`, carrier.Refused, 0, 0},
		"no without reason":       {404, "", `{"errors":[]}`, carrier.Refused, 0, 0},
		"no with odd reason":      {400, "", coded(`{"a":1}`), carrier.Refused, 0, 0},
		"too slow":                {408, "", coded(`"10008"`), carrier.Unclear, 10008, 0},
		"broken":                  {500, "", coded(`"10007"`), carrier.Unclear, 10007, 0},
		"down":                    {503, "Retry-After: 7", "<html>", carrier.Unclear, 0, 0},
		"elsewhere":               {307, "Location: /v2/messages", "", carrier.Unclear, 0, 0},
		"empty":                   {200, "", "", carrier.Unclear, 0, 0},
		"unreadable":              {200, "", "<html>", carrier.Unclear, 0, 0},
		"no id":                   {200, "", `{"data":{"to":[{"status":"queued"}]}}`, carrier.Unclear, 0, 0},
		"null":                    {200, "", `null`, carrier.Unclear, 0, 0},
		"endless":                 {200, "", `{"data":{"id":"1","text":"` + strings.Repeat("x", 2<<20) + `"}}`, carrier.Unclear, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				if name, value, ok := strings.Cut(tt.header, ": "); ok {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			_, err := newClient(t, api.URL).Send(t.Context(), hello(""))
			api.Close()
			e := failure(t, err)
			if e.Outcome != tt.outcome || e.Code != tt.code || e.Status != tt.status || e.RetryAfter != tt.retryAfter {
				t.Errorf("%#v", e)
			}
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

// A connection that is cut leaves it unclear whether the text was sent; and it is not sent again by itself.
func TestCut(t *testing.T) {
	for name, switches := range map[string]fault.Switches{"before": {DropBeforeNext: 1}, "after": {DropAfterNext: 1}} {
		sim, client := newSim(t)
		if _, err := client.Send(t.Context(), hello("")); err != nil { // from now on there is a connection to be used again
			t.Fatal(err)
		}
		sim.Faults().Set(switches)
		_, err := client.Send(t.Context(), hello(""))
		if e := failure(t, err); e.Outcome != carrier.Unclear || e.Status != 0 {
			t.Errorf("%s: %#v", name, e)
		}
		if n, want := len(sim.Messages()), 1+switches.DropAfterNext; n != want {
			t.Errorf("%s: %d messages, want %d", name, n, want)
		}
	}
}

// Without a connection nothing was sent.
func TestNoConnection(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + taken.Addr().String()
	taken.Close()
	stranger := httptest.NewTLSServer(http.NotFoundHandler()) // with a certificate of nobody
	t.Cleanup(stranger.Close)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, sim := newSim(t)
	for name, send := range map[string]func() (string, error){
		"closed":   func() (string, error) { return newClient(t, closed).Send(t.Context(), hello("")) },
		"stranger": func() (string, error) { return newClient(t, stranger.URL).Send(t.Context(), hello("")) },
		"too late": func() (string, error) { return sim.Send(gone, hello("")) },
	} {
		_, err := send()
		if e := failure(t, err); e.Outcome != carrier.NotDone || e.Status != 0 {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

// Whoever does not wait for the answer does not know.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(api.Close)
	_, err := newClient(t, api.URL).Send(ctx, hello(""))
	if e := failure(t, err); e.Outcome != carrier.Unclear || !errors.Is(err, context.Canceled) {
		t.Errorf("%#v", e)
	}
}
