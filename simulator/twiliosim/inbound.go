package twiliosim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"unicode/utf8"
)

// Text is a text from a supporter to a number of the account.
type Text struct {
	// From is usually E.164, but may be any caller ID, such as a short code or "anonymous".
	From string `json:"from"`
	To   string `json:"to"`
	Body string `json:"body"`
	// Media are files of the message: ContentType and Data of each.
	Media []Media `json:"media,omitempty"`
	// MessageSid is the message's SID. Default: a new one.
	MessageSid string `json:"message_sid,omitempty"`
}

// Delivery is what became of an inbound message's webhook.
type Delivery struct {
	MessageSid string    `json:"message_sid"`
	Attempts   []Attempt `json:"attempts"`
	// Lost says that neither the webhook nor its fallback took the message. It stays in the Messages list, unless the message is
	// Unlogged.
	Lost bool `json:"lost"`
}

// Text plays a supporter who sends a text, and returns when the webhook has been delivered or lost. An error means
// that there could be no such text. A webhook that fails is no error.
func (s *Sim) Text(ctx context.Context, t Text) (Delivery, error) {
	rec, err := s.receive(t)
	if err != nil {
		return Delivery{}, err
	}
	s.noteChange()
	return s.deliver(ctx, rec), nil
}

// Send plays a supporter who sends a text, and does not wait for what becomes of the webhook.
func (s *Sim) Send(t Text) (messageSid string, err error) {
	rec, err := s.receive(t)
	if err != nil {
		return "", err
	}
	s.noteChange()
	s.carrier.posting.Go(func() { s.deliver(s.ctx, rec) })
	return rec.Sid, nil
}

// Redeliver sends an inbound message's webhook once more, with the same idempotency token. Its answer is acted on too.
func (s *Sim) Redeliver(ctx context.Context, messageSid string) (Delivery, error) {
	s.mu.RLock()
	rec := s.store.messages[messageSid]
	if rec == nil || rec.Direction != Inbound {
		s.mu.RUnlock()
		return Delivery{}, fmt.Errorf("there is no inbound message %s", messageSid)
	}
	s.mu.RUnlock()
	return s.deliver(ctx, rec), nil
}

// receive stores a supporter's text.
func (s *Sim) receive(t Text) (*record, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store.lineOf(t.To) == nil {
		return nil, fmt.Errorf("the account has no number %s", t.To)
	}
	if t.MessageSid == "" {
		t.MessageSid = s.store.newSid(map[bool]string{false: "SM", true: "MM"}[len(t.Media) > 0])
	}
	if s.store.messages[t.MessageSid] != nil {
		return nil, fmt.Errorf("there is a message %s already", t.MessageSid)
	}
	now := s.now()
	rec := &record{Token: s.store.newToken(), Message: Message{
		Sid: t.MessageSid, From: t.From, To: t.To, Body: t.Body, Direction: Inbound, Status: StatusReceived,
		DateCreated: now, DateUpdated: now, DateSent: now,
	}}
	if svc := s.store.serviceOf(t.To); svc != nil {
		rec.MessagingServiceSid, rec.Unlogged = svc.Sid, svc.discards()
	}
	for _, m := range t.Media {
		rec.Media = append(rec.Media, Media{Sid: s.store.newSid("ME"), ContentType: m.ContentType, Data: m.Data})
	}
	s.store.add(rec)
	s.heedKeyword(rec)
	return rec, nil
}

func (t Text) check() error {
	switch {
	case t.From == "" || len(t.From) > 100:
		return errors.New("a text needs a sender of at most 100 bytes")
	case t.From == t.To:
		return errors.New("a number cannot text itself")
	case utf8.RuneCountInString(t.Body) > maxBody:
		return fmt.Errorf("a text has at most %d characters", maxBody)
	case len(t.Media) > maxMedia:
		return fmt.Errorf("a text has at most %d files", maxMedia)
	}
	for _, m := range t.Media {
		if m.ContentType == "" {
			return errors.New("a file needs a content type")
		}
	}
	return nil
}

// deliver posts the webhook of an inbound message, and as many duplicates of it as the settings say.
func (s *Sim) deliver(ctx context.Context, rec *record) Delivery {
	d := Delivery{MessageSid: rec.Sid}
	for range 1 + s.Settings().DuplicateWebhooks {
		h, fallback, err := s.inboundHook(rec)
		if err != nil {
			d.Lost = true
			s.noteLost(ctx, h, err)
			break
		}
		attempts, f := s.askEither(ctx, h, fallback)
		d.Attempts = append(d.Attempts, attempts...)
		d.Lost = f != nil
		if d.Lost {
			s.noteLost(ctx, h, f)
			break
		}
	}
	return d
}

// askEither turns to the fallback, which is told why, as soon as the webhook has failed. See
// https://www.twilio.com/docs/usage/security/availability-reliability.
func (s *Sim) askEither(ctx context.Context, h hook, fallback string) ([]Attempt, *failure) {
	attempts, f := s.ask(ctx, h)
	if f == nil || fallback == "" {
		return attempts, f
	}
	failed, _, _ := splitOverrides(h.url)
	h.form = maps.Clone(h.form)
	h.form.Set("ErrorCode", strconv.Itoa(f.code))
	h.form.Set("ErrorUrl", failed)
	h.url = fallback
	more, f := s.ask(ctx, h)
	return append(attempts, more...), f
}

// inboundHook returns the webhook of an inbound message, and what is asked if it fails.
func (s *Sim) inboundHook(rec *record) (h hook, fallback string, f *failure) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h = hook{kind: EventWebhook, sid: rec.Sid, token: rec.Token}
	h.url, fallback, f = s.store.askedAbout(rec.To)
	h.form = s.inboundForm(rec.Message)
	return h, fallback, f
}

// askedAbout returns the URLs that are asked about a text to a number: those of its Messaging Service, unless that leaves it
// to the number; else the number's own, unless an application overrides them. See
// https://www.twilio.com/docs/messaging/services/api.
func (st *store) askedAbout(number string) (address, fallback string, f *failure) {
	l, svc := st.lineOf(number), st.serviceOf(number)
	switch {
	case l == nil:
		return "", "", &failure{code: 11100, text: "the account has the number no more"}
	case svc != nil && svc.discards():
		return "", "", &failure{code: 11100, text: "the number's Messaging Service has no InboundRequestUrl, which overrides the number's SmsUrl"}
	case svc != nil && !svc.defers():
		return svc.Props["InboundRequestUrl"], svc.Props["FallbackUrl"], nil
	case l.Props["SmsApplicationSid"] != "":
		return "", "", &failure{code: 11100, text: "the number's SmsApplicationSid overrides its SmsUrl"}
	case l.Props["SmsUrl"] == "":
		return "", "", &failure{code: 11100, text: "the number has no SmsUrl"}
	}
	return l.Props["SmsUrl"], l.Props["SmsFallbackUrl"], nil
}

// inboundForm is what the webhook of an inbound message carries. See
// https://www.twilio.com/docs/messaging/guides/webhook-request.
func (s *Sim) inboundForm(m Message) url.Values {
	form := url.Values{
		"MessageSid": {m.Sid}, "SmsSid": {m.Sid}, "SmsMessageSid": {m.Sid}, "AccountSid": {s.cfg.AccountSID},
		"From": {m.From}, "To": {m.To}, "Body": {m.Body}, "SmsStatus": {StatusReceived}, "ApiVersion": {apiVersion},
		"NumSegments": {strconv.Itoa(segments(m.Body))},
	}
	if m.MessagingServiceSid != "" {
		form.Set("MessagingServiceSid", m.MessagingServiceSid)
	}
	placeParams(form, "From", m.From)
	placeParams(form, "To", m.To)
	mediaParams(form, m, s.publicURL, s.cfg.AccountSID)
	return form
}
