package twiliosim

import (
	"context"
	"fmt"
)

// maxRedirects is how many <Redirect> may follow each other.
const maxRedirects = 10

// ask posts an inbound message's webhook to a URL and does what the answer says.
func (s *Sim) ask(ctx context.Context, h hook) ([]Attempt, *failure) {
	var all []Attempt
	for range 1 + maxRedirects {
		a, attempts, f := s.post(ctx, h)
		all = append(all, attempts...)
		if f != nil {
			return all, f
		}
		t, f := a.twiml()
		if f != nil {
			last := &all[len(all)-1]
			last.Code, last.Err = f.code, f.text
			s.journal.add(Event{Kind: EventReply, Path: a.url, Sid: h.sid, Error: f.Error()})
			return all, f
		}
		s.reply(h, t.replies)
		if t.redirect == "" {
			return all, nil
		}
		h.url = t.redirect
	}
	return all, &failure{code: 11215, text: fmt.Sprintf("more than %d redirects", maxRedirects)}
}

// reply sends the texts that an answer asks for. One that is refused, such as one to somebody who just texted STOP,
// shows in the history only.
func (s *Sim) reply(h hook, replies []outgoing) {
	for _, o := range replies {
		o.direction = OutboundReply
		if o.from == "" {
			o.from = h.form.Get("To")
		}
		if o.to == "" {
			o.to = h.form.Get("From")
		}
		m, _, err := s.send(o)
		if err != nil {
			s.journal.add(Event{Kind: EventReply, Sid: h.sid, Error: err.Error()})
			continue
		}
		s.journal.add(Event{Kind: EventReply, Sid: m.Sid})
		s.carrier.take(m.Sid)
	}
}
