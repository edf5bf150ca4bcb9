package telnyxsim

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// Outcome is how texts to a phone end.
type Outcome struct {
	Status string // Delivered, Unconfirmed, Undelivered or SendingFailed
	Code   int    // the error code, if they fail
}

// SetOutcome says how texts to a phone end from now on. At first they are delivered.
func (s *Sim) SetOutcome(phone string, o Outcome) {
	defer s.change()()
	s.outcomes[phone] = o
}

// keywords are what is taken for a wish to leave or to come back, if the text has nothing else in it. A person who leaves is blocked for all
// numbers of the profile. Those of HELP are unverified.
// See https://developers.telnyx.com/docs/messaging/messages/advanced-opt-in-out and
// https://support.telnyx.com/en/articles/1270091-sms-opt-out-keywords-and-stop-words.
var keywords = map[string]string{
	"STOP": "STOP", "STOPALL": "STOP", "STOP ALL": "STOP", "UNSUBSCRIBE": "STOP", "CANCEL": "STOP", "END": "STOP", "QUIT": "STOP",
	"START": "START", "UNSTOP": "START",
	"HELP": "HELP", "INFO": "HELP",
}

// answers are what Telnyx says to it. Whether it does so without having been told to is unverified: its pages say both.
var answers = map[string]string{
	"STOP":  "You are unsubscribed from this number. Reply START to come back.",
	"START": "You are subscribed to this number again. Reply STOP to leave.",
}

// Text lets a person text a number of the account, and returns the message's id. The text is told to the profile's webhook in the background.
func (s *Sim) Text(from, to, body string, media ...Media) (id string, err error) {
	defer s.change()()
	if !s.numbers[to] {
		return "", errors.New("the account does not have the number that was texted")
	}
	m := &Message{
		ID: newID(), Inbound: true, From: from, To: to, Text: body, ReceivedAt: s.now(),
		Keyword: keywords[strings.ToUpper(strings.TrimSpace(body))],
	}
	for _, file := range media {
		secret := newID() // Telnyx's addresses are signed, and need no key
		file.URL = s.publicURL + "/mms/" + secret
		s.files[secret] = file
		m.Media = append(m.Media, file)
	}
	s.messages = append(s.messages, m)
	switch m.Keyword {
	case "STOP":
		s.optedOut[from] = true
	case "START":
		delete(s.optedOut, from)
	}
	if answer := answers[m.Keyword]; answer != "" {
		s.messages = append(s.messages, &Message{
			ID: newID(), From: to, To: from, Text: answer, Status: Delivered, Arrived: true, System: true, ReceivedAt: m.ReceivedAt,
		})
	}
	e, profile := s.newEvent("message.received", m), s.profile
	s.start(func() {
		s.tell(e, profile)
		s.told(m)
	})
	return m.ID, nil
}

// carry takes an outbound message to its phone, and tells of it.
func (s *Sim) carry(m *Message) {
	media, fetched := s.fetch(m.Media)
	unlock := s.change()
	o := s.outcomes[m.To]
	if o.Status == "" {
		o.Status = Delivered
	}
	if !fetched {
		o = Outcome{SendingFailed, 40317}
	}
	m.Media = media
	var events []event
	if o.Status != SendingFailed {
		m.Status, m.SentAt = Sent, s.now()
		events = append(events, s.newEvent("message.sent", m))
	}
	m.Status, m.Code, m.CompletedAt = o.Status, o.Code, s.now()
	m.Arrived = o.Status == Delivered || o.Status == Unconfirmed
	events = append(events, s.newEvent("message.finalized", m))
	unlock()
	if s.cfg.FinalizedFirst {
		slices.Reverse(events)
	}
	for _, e := range events {
		s.tell(e, m.hooks, m.also)
	}
	s.told(m)
}

func (s *Sim) told(m *Message) {
	defer s.change()()
	m.Told = true
}

// maxFiles is how many bytes the files of a message may have: https://developers.telnyx.com/api-reference/messages.
const maxFiles = 1 << 20

// fetch returns files with their data; false if they cannot be had, or are too large together. How Telnyx tells of that is unverified.
func (s *Sim) fetch(files []Media) ([]Media, bool) {
	files = slices.Clone(files)
	total := 0
	for i := range files {
		status, data := s.request(http.MethodGet, files[i].URL, http.Header{}, nil)
		total += len(data)
		if status != http.StatusOK || len(data) == 0 || total >= maxFiles {
			return files, false
		}
		files[i].Data = data
	}
	return files, true
}
