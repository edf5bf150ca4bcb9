package twiliosim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Limits of a message. See https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource.
const (
	maxBody  = 1600 // characters
	maxMedia = 10
)

var createParams = paramRules{
	// Those after StatusCallback are accepted and change nothing here.
	known: []string{
		"To", "From", "Body", "StatusCallback", "ValidityPeriod", "ProvideFeedback", "ForceDelivery", "SmartEncoded",
		"SendAsMms", "MaxPrice", "Attempt", "ContentRetention", "AddressRetention", "TrafficType", "ShortenUrls", "RiskCheck",
	},
	repeatable: []string{"MediaUrl", "PersistentAction"},
	unsimulated: []string{
		"MessagingServiceSid", "ContentSid", "ContentVariables", "ScheduleType", "SendAt", "FallbackFrom", "ApplicationSid",
	},
}

// createMessage sends a text.
//
// POST /2010-04-01/Accounts/{AccountSid}/Messages.json
// https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
func (s *Sim) createMessage(w http.ResponseWriter, r *http.Request) error {
	form, err := createParams.form(w, r)
	if err != nil {
		return err
	}
	if period := form.Get("ValidityPeriod"); period != "" {
		if n, err := strconv.Atoi(period); err != nil || n < 1 || n > 36000 {
			return refuse(20001, "ValidityPeriod %q is not from 1 to 36000", period)
		}
	}
	m, settled, err := s.send(outgoingOf(form))
	if err != nil {
		return err
	}
	note(r, m.Sid, nil)
	if set := s.Settings(); set.StatusBeforeCreate && !set.Hold && !s.Carrier(m.To).Held {
		s.carrier.take(m.Sid)
		select {
		case <-settled:
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		writeJSON(w, http.StatusCreated, s.messageJSON(m))
		return nil
	}
	// Taken last, so that the first status callback is not likely to overtake the answer.
	defer s.carrier.take(m.Sid)
	writeJSON(w, http.StatusCreated, s.messageJSON(m))
	http.NewResponseController(w).Flush()
	return nil
}

// outgoing is a message to be sent, by the API or by the answer of a webhook.
type outgoing struct {
	from, to, body string
	media          []string // URLs
	callback       string
	direction      string
}

func outgoingOf(form url.Values) outgoing {
	return outgoing{
		from: form.Get("From"), to: form.Get("To"), body: form.Get("Body"), media: form["MediaUrl"],
		callback: form.Get("StatusCallback"), direction: OutboundAPI,
	}
}

// send stores a message as queued, or says why Twilio would not. The channel is closed when all status callbacks have
// been posted, for which the carrier has to take it first; until then it holds up what follows to the same phone.
func (s *Sim) send(o outgoing) (Message, <-chan struct{}, error) {
	if err := o.check(); err != nil {
		return Message{}, nil, err
	}
	s.mu.Lock()
	if err := s.mayText(o.from, o.to); err != nil {
		s.mu.Unlock()
		return Message{}, nil, err
	}
	rec := s.queued(o)
	s.store.add(rec)
	s.store.queue = append(s.store.queue, rec.Sid)
	m := rec.copy()
	s.mu.Unlock()
	s.noteChange()
	return m, rec.settled, nil
}

// queued needs the lock.
func (s *Sim) queued(o outgoing) *record {
	now := s.now()
	prefix := "SM"
	if len(o.media) > 0 {
		prefix = "MM"
	}
	rec := &record{settled: make(chan struct{}), Message: Message{
		Sid: s.store.newSid(prefix), From: o.from, To: o.to, Body: o.body, Direction: o.direction,
		Status: StatusQueued, StatusCallback: o.callback, DateCreated: now, DateUpdated: now,
	}}
	for _, address := range o.media {
		rec.Media = append(rec.Media, Media{Sid: s.store.newSid("ME"), ContentType: typeByURL(address), URL: address})
	}
	return rec
}

// check covers what does not depend on the account.
func (o outgoing) check() error {
	switch {
	case o.to == "":
		return refuse(21604, "A 'To' phone number is required.")
	case o.from == "":
		return refuse(21603, "A 'From' phone number is required.")
	case o.body == "" && len(o.media) == 0:
		return refuse(21602, "Message body is required.")
	case utf8.RuneCountInString(o.body) > maxBody:
		return refuse(21617, "The message body has %d characters, more than %d.", utf8.RuneCountInString(o.body), maxBody)
	case !utf8.ValidString(o.body):
		return refuse(20001, "The message body is not UTF-8.")
	case len(o.media) > maxMedia:
		return refuse(21623, "The message has %d media files, more than %d.", len(o.media), maxMedia)
	case slices.ContainsFunc(o.media, func(u string) bool { return !isWebURL(u) }):
		return refuse(21620, "A 'MediaUrl' is no absolute http or https URL.")
	case o.callback != "" && !isWebURL(o.callback):
		return refuse(21609, "The 'StatusCallback' URL %s is no absolute http or https URL.", o.callback)
	case !isE164(o.to):
		return refuse(21211, "The 'To' number %s is not a valid phone number.", o.to)
	case !isE164(o.from):
		return refuse(21212, "The 'From' number %s is not a valid phone number.", o.from)
	}
	return nil
}

// mayText covers what depends on the account and on the phone. It needs the lock.
func (s *Sim) mayText(from, to string) error {
	if code := magicFrom[from]; code != 0 {
		return refuse(code, "The 'From' number %s %s.", from, errorText(code))
	}
	if from != magicSender && s.store.lineOf(from) == nil {
		return refuse(21606, "The 'From' number %s %s.", from, errorText(21606))
	}
	if code := magicTo[to]; code != 0 {
		return refuse(code, "The 'To' number %s %s.", to, errorText(code))
	}
	if s.store.optOuts[optOut{to, from}] {
		return refuse(21610, "The 'To' number %s %s.", to, errorText(21610))
	}
	if from == to {
		return refuse(21266, "'To' and 'From' are the same number, %s.", to)
	}
	if code := s.store.refused(to); code != 0 {
		return refuse(code, "The 'To' number %s %s.", to, errorText(code))
	}
	return nil
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func isE164(number string) bool { return e164.MatchString(number) }
