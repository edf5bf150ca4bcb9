package telnyxsim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
)

// tries is how often each address is tried.
const tries = 3

// Attempt is a request of a webhook.
type Attempt struct {
	EventID, Type string
	MessageID     string
	URL           string
	Number        int // counts from 1, the attempts at the failover address included
	Status        int // 0: no answer
}

// event is something to tell of.
type event struct {
	id, kind  string
	at        time.Time
	messageID string
	payload   object // as it was then
}

func (s *Sim) newEvent(kind string, m *Message) event {
	return event{newID(), kind, s.now(), m.ID, m.wire()}
}

// tell delivers an event: at least once, if anybody takes it.
// See https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks.
func (s *Sim) tell(e event, to ...hooks) {
	number := 0
	for _, h := range to {
		for _, address := range []string{h.url, h.failover} {
			for i := 0; address != "" && i < tries; i++ {
				number++
				if !s.post(e, address, number) {
					if !s.pause() {
						return
					}
					continue
				}
				for range s.cfg.Duplicates {
					s.post(e, address, number)
				}
				return
			}
		}
	}
}

// pause reports false if the simulator was closed meanwhile.
func (s *Sim) pause() bool {
	timer := time.NewTimer(s.cfg.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
	return s.ctx.Err() == nil
}

// post makes one request, and reports whether it was taken.
func (s *Sim) post(e event, address string, number int) bool {
	body, err := json.Marshal(object{
		"data": object{"record_type": "event", "id": e.id, "event_type": e.kind, "occurred_at": date(e.at), "payload": e.payload},
		"meta": object{"attempt": number, "delivered_to": address},
	})
	if err != nil {
		panic(err) // only types of this package get here
	}
	timestamp := strconv.FormatInt(s.now().Unix(), 10)
	header := http.Header{
		"Content-Type":             {"application/json"},
		"Telnyx-Timestamp":         {timestamp},
		"Telnyx-Signature-Ed25519": {signature.Telnyx(s.cfg.Key, timestamp, body)},
	}
	status, _ := s.request(http.MethodPost, address, header, body)
	if s.ctx.Err() != nil {
		return false
	}
	defer s.change()()
	s.attempts = append(s.attempts, Attempt{e.id, e.kind, e.messageID, address, number, status})
	return status/100 == 2
}

// request makes a request to our side. status is 0 if there is no answer in time.
func (s *Sim) request(method, address string, header http.Header, body []byte) (status int, answer []byte) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header = header
	res, err := s.cfg.Client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxFiles+1))
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, answer
}
