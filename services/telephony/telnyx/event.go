package telnyx

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// What webhooks of messages tell: https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks.
const (
	Received  = "message.received"
	Sent      = "message.sent"
	Finalized = "message.finalized" // nothing follows
)

// Event is what a webhook tells.
//
// Telnyx waits two seconds for an answer of 2xx, and tries three times, then three times at the failover address. So an event comes more than
// once, perhaps twice at the same time: ID is then the same. A message's events may come in any order: the state that is further counts.
// See https://developers.telnyx.com/docs/development/api-fundamentals/webhooks.
type Event struct {
	ID   string
	Type string // Received, Sent, Finalized; of all others nothing more is read, and they want 2xx as well
	At   time.Time

	MessageID string

	// Of Received.

	From       string   // a number in E.164, a short code, or a name
	To, CC     []string // the hotline's number among them; more than one in a group
	Text       string
	Subject    string         // of pictures from some phones
	Media      []carrier.File // to be fetched with FetchMedia
	ReceivedAt time.Time
	// Keyword is STOP, START or HELP, if Telnyx has taken the text for one: after STOP it lets nothing through, until START.
	Keyword string

	// Of Sent and Finalized.

	State carrier.State
	Code  int // Telnyx's error code, if State is carrier.Failed
}

// message is what is read of a message, in answers and in webhooks.
type message struct {
	ID         string    `json:"id"`
	From       party     `json:"from"`
	To         []party   `json:"to"`
	CC         []party   `json:"cc"`
	Text       string    `json:"text"`
	Subject    string    `json:"subject"`
	Media      []file    `json:"media"`
	ReceivedAt string    `json:"received_at"`
	Keyword    string    `json:"autoresponse_type"`
	Errors     []problem `json:"errors"`
}

type party struct {
	PhoneNumber string `json:"phone_number"`
	Status      string `json:"status"`
}

type file struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
}

type problem struct {
	Code errorCode `json:"code"`
}

// errorCode is a number, written as a string.
type errorCode int

// UnmarshalJSON implements json.Unmarshaler. What is no code is 0.
func (c *errorCode) UnmarshalJSON(b []byte) error {
	n, _ := strconv.Atoi(strings.Trim(string(b), `"`))
	*c = errorCode(n)
	return nil
}

func codeOf(problems []problem) int {
	if len(problems) == 0 {
		return 0
	}
	return int(problems[0].Code)
}

// state is how an outbound message stands, and the error code if it failed.
func (m *message) state() (state carrier.State, code int) {
	status := ""
	if len(m.To) > 0 {
		status = m.To[0].Status
	}
	state = stateOf(status)
	if state == carrier.Failed {
		code = codeOf(m.Errors)
	}
	return state, code
}

// Read reads the body of a webhook whose signature was verified. An error has nothing of the body in it.
func Read(body []byte) (Event, error) {
	var hook struct {
		Data struct {
			ID         string          `json:"id"`
			EventType  string          `json:"event_type"`
			OccurredAt string          `json:"occurred_at"`
			Payload    json.RawMessage `json:"payload"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &hook) != nil || hook.Data.EventType == "" {
		return Event{}, errors.New("it is no event of Telnyx")
	}
	e := Event{ID: hook.Data.ID, Type: hook.Data.EventType, At: moment(hook.Data.OccurredAt)}
	if e.Type != Received && e.Type != Sent && e.Type != Finalized {
		return e, nil
	}
	var m message
	if json.Unmarshal(hook.Data.Payload, &m) != nil || m.ID == "" {
		return Event{}, errors.New("an event of Telnyx is without its message")
	}
	e.MessageID = m.ID
	if e.Type != Received {
		e.State, e.Code = m.state()
		return e, nil
	}
	e.From, e.To, e.CC = m.From.PhoneNumber, numbers(m.To), numbers(m.CC)
	if e.From == "" || len(e.To) == 0 {
		return Event{}, errors.New("a message is from nobody, or to nobody")
	}
	e.Text, e.Subject, e.Keyword, e.ReceivedAt = m.Text, m.Subject, m.Keyword, moment(m.ReceivedAt)
	for _, f := range m.Media {
		e.Media = append(e.Media, carrier.File(f))
	}
	return e, nil
}

func numbers(parties []party) (list []string) {
	for _, p := range parties {
		if p.PhoneNumber != "" {
			list = append(list, p.PhoneNumber)
		}
	}
	return list
}

// moment reads a time; zero if there is none.
func moment(s string) time.Time {
	at, _ := time.Parse(time.RFC3339, s)
	return at
}
