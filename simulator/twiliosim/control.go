package twiliosim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// Control serves the simulator's own API, which is never faulty. Everything is JSON; an error is {"error": "..."}.
//
// There are no credentials: listen on a loopback address only. Pages of other origins are kept from changing anything.
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	// terminal, page: a supporter texts. {from,to,body,media:[{content_type,data}],message_sid} -> Delivery
	mux.Handle("POST /sim/texts", control(s.controlText))
	// terminal, page: the same webhook once more -> Delivery
	mux.Handle("POST /sim/texts/{sid}/redeliver", control(s.controlRedeliver))
	// terminal, page: all messages, or those from or to ?number=, without the data of files
	mux.Handle("GET /sim/messages", control(s.controlMessages))
	// page: a file of a message
	mux.HandleFunc("GET /sim/media/{sid}", func(w http.ResponseWriter, r *http.Request) { s.serveFile(w, r, r.PathValue("sid")) })
	// terminal: what a phone has received, Twilio's own texts included; with ?wait_after=N waits up to ?timeout_ms= for
	// more than N messages
	mux.Handle("GET /sim/phones/{number}/inbox", control(s.controlInbox))
	// terminal, page: how texts to a phone end -> Carrier
	mux.Handle("GET /sim/phones/{number}/carrier", control(func(r *http.Request) (any, error) {
		return s.Carrier(r.PathValue("number")), nil
	}))
	mux.Handle("PUT /sim/phones/{number}/carrier", control(s.controlSetCarrier))
	s.controlCalls(mux)
	// terminal, page: the newest events, those after ?after=ID
	mux.Handle("GET /sim/history", control(s.controlHistory))
	// page: the same as a stream
	mux.HandleFunc("GET /sim/events", s.streamEvents)
	// terminal, page: what goes wrong with the REST API
	mux.Handle("GET /sim/faults", control(func(*http.Request) (any, error) { return s.faults.Get(), nil }))
	mux.Handle("PUT /sim/faults", control(s.controlSetFaults))
	// terminal, page: how Twilio behaves where it may behave in several ways
	mux.Handle("GET /sim/settings", control(func(*http.Request) (any, error) { return s.Settings(), nil }))
	mux.Handle("PUT /sim/settings", control(s.controlSetSettings))
	// scripts: what the account says of itself -> Account
	mux.Handle("GET /sim/account", control(func(*http.Request) (any, error) { return s.Account(), nil }))
	mux.Handle("PUT /sim/account", control(s.controlSetAccount))
	// scripts: where a phone number still occurs at Twilio
	mux.Handle("GET /sim/phones/{number}/traces", control(func(r *http.Request) (any, error) {
		return append([]Trace{}, s.Traces(r.PathValue("number"))...), nil
	}))
	// terminal, page: the account's numbers; PUT replaces all
	mux.Handle("GET /sim/numbers", control(func(*http.Request) (any, error) { return s.Numbers(), nil }))
	mux.Handle("PUT /sim/numbers", control(s.controlSetNumbers))
	// terminal, page: back to an account without messages
	mux.Handle("DELETE /sim/state", control(func(*http.Request) (any, error) { s.Reset(); return struct{}{}, nil }))
	return http.NewCrossOriginProtection().Handler(mux)
}

// control answers with what do returns. Its errors are those of the caller.
func control(do func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		answer, err := do(r)
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, answer)
	})
}

// maxControlBody has room for ten files of 5 MB in base64.
const maxControlBody = 72 << 20

func (s *Sim) controlText(r *http.Request) (any, error) {
	var t Text
	if err := decode(r, &t); err != nil {
		return nil, err
	}
	return s.Text(r.Context(), t)
}

func (s *Sim) controlRedeliver(r *http.Request) (any, error) {
	return s.Redeliver(r.Context(), r.PathValue("sid"))
}

func (s *Sim) controlMessages(r *http.Request) (any, error) {
	if number := r.URL.Query().Get("number"); number != "" {
		return withoutData(s.MessagesOf(number)), nil
	}
	return withoutData(s.Messages()), nil
}

func (s *Sim) controlInbox(r *http.Request) (any, error) {
	number := r.PathValue("number")
	query := r.URL.Query()
	after, err := natural(query.Get("wait_after"), 0)
	if err != nil {
		return nil, fmt.Errorf("wait_after %w", err)
	}
	timeout, err := natural(query.Get("timeout_ms"), 30_000)
	if err != nil || timeout > 600_000 {
		return nil, errors.New("timeout_ms must be from 0 to 600000")
	}
	if query.Has("wait_after") && timeout > 0 {
		s.waitForInbox(r, number, after, time.Duration(timeout)*time.Millisecond)
	}
	return withoutData(s.Received(number)), nil
}

// waitForInbox returns when the inbox is long enough, or time is up.
func (s *Sim) waitForInbox(r *http.Request, number string, after int, timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		changed := s.changed.wait()
		if s.received(number) > after {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Sim) controlSetCarrier(r *http.Request) (any, error) {
	number := r.PathValue("number")
	if !isE164(number) {
		return nil, fmt.Errorf("%q is no number in E.164", number)
	}
	var c Carrier
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	s.SetCarrier(number, c)
	return s.Carrier(number), nil
}

func (s *Sim) controlHistory(r *http.Request) (any, error) {
	after, err := natural(r.URL.Query().Get("after"), 0)
	if err != nil {
		return nil, fmt.Errorf("after %w", err)
	}
	return append([]Event{}, s.journal.since(uint64(after))...), nil
}

func (s *Sim) controlSetFaults(r *http.Request) (any, error) {
	var switches fault.Switches
	if err := decode(r, &switches); err != nil {
		return nil, err
	}
	if err := switches.Validate(); err != nil {
		return nil, err
	}
	s.faults.Set(switches)
	return s.faults.Get(), nil
}

func (s *Sim) controlSetSettings(r *http.Request) (any, error) {
	set := callSettings()
	if err := decode(r, &set); err != nil {
		return nil, err
	}
	if set.DeleteLagMS < 0 {
		return nil, errors.New("delete_lag_ms must not be negative")
	}
	if set.ListLagMS < 0 || set.DuplicateWebhooks < 0 || set.DuplicateWebhooks > 10 {
		return nil, errors.New("list_lag_ms must not be negative, duplicate_webhooks must be from 0 to 10")
	}
	if set.DialExtraSeconds < 0 || set.RecordingLagMS < 0 || set.TranscriptionSeconds < 0 {
		return nil, errors.New("dial_extra_seconds, recording_lag_ms and transcription_seconds must not be negative")
	}
	s.SetSettings(set)
	return s.Settings(), nil
}

func (s *Sim) controlSetAccount(r *http.Request) (any, error) {
	var a Account
	if err := decode(r, &a); err != nil {
		return nil, err
	}
	a = a.withDefaults()
	if err := a.check(); err != nil {
		return nil, err
	}
	s.SetAccount(a)
	return s.Account(), nil
}

func (s *Sim) controlSetNumbers(r *http.Request) (any, error) {
	var numbers []Number
	if err := decode(r, &numbers); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if err := n.check(); err != nil {
			return nil, err
		}
	}
	s.SetNumbers(numbers)
	return s.Numbers(), nil
}

func (n Number) check() error {
	if !isE164(n.PhoneNumber) {
		return fmt.Errorf("%q is no number in E.164", n.PhoneNumber)
	}
	for _, address := range []string{n.SMSURL, n.SMSFallbackURL, n.VoiceURL, n.VoiceFallbackURL, n.StatusCallback} {
		if address != "" && !isWebURL(address) {
			return fmt.Errorf("%q is no absolute http or https URL", address)
		}
	}
	for _, method := range []string{n.VoiceMethod, n.VoiceFallbackMethod, n.StatusCallbackMethod} {
		if method != "" && method != http.MethodGet && method != http.MethodPost {
			return fmt.Errorf("%q is neither GET nor POST", method)
		}
	}
	if n.VoiceApplicationSID != "" && n.TrunkSID != "" {
		return errors.New("a number has a voice_application_sid or a trunk_sid, not both")
	}
	return nil
}

// decode refuses unknown fields, as the API refuses unknown parameters.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

func natural(value string, missing int) (int, error) {
	if value == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("must be a natural number, not %q", value)
	}
	return n, nil
}

// withoutData leaves the files to /sim/media/{sid}.
func withoutData(messages []Message) []Message {
	for _, m := range messages {
		for i := range m.Media {
			m.Media[i].Data = nil
		}
	}
	return messages
}
