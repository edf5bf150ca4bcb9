package telephony

import (
	"context"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

const (
	// maxPerMinute and maxSame are how many texts a person sends at most; more are those of a machine, which would
	// answer our answer.
	maxPerMinute = 10
	maxSame      = 3
	// inTalk is how long after an agent's reply a supporter is not told that nobody is there.
	inTalk = 30 * time.Minute
)

// answer is what we say of our own accord to a text or voicemail that came in, or nil: the confirmation of an opt-out if it is
// ours to give, the welcome to somebody new, or that nobody is there at this hour. Nothing goes to whoever cannot or
// does not want to be texted, nor to another machine.
func (s *Service) answer(ctx context.Context, h hotline.Hotline, t *sqlstore.TextInRow) (*sqlstore.TextOutRow, error) {
	if t.Kind == sqlstore.MissedCall || t.Loaded {
		return nil, nil
	}
	if !phone.Parse(t.Supporter).CanText() {
		t.Unanswered = "automatic texts do not go to such a number"
		return nil, nil
	}
	var err error
	isNew := t.FirstContact
	if !isNew {
		if isNew, err = s.store.OnlyMissed(ctx, t); err != nil {
			return nil, err
		}
	}
	texts := h.Texts
	if t.Kind == "" {
		texts = h.TextsFor(t.Body)
	}
	a := &sqlstore.TextOutRow{
		Lane: t.Lane, Hotline: t.Hotline, Supporter: phone.Number(t.Supporter), Trace: t.Trace, CreatedAt: s.Now(),
	}
	switch t.Opt {
	case sqlstore.OptOut:
		a.Key, a.Kind, a.Body = "stopped:"+t.MessageSID, sqlstore.Confirm, texts.Stopped
	case sqlstore.OptIn:
		a.Key, a.Kind, a.Body = "started:"+t.MessageSID, sqlstore.Confirm, texts.Started
	default:
		closed := !h.OpenAt(t.ReceivedAt) && texts.AfterHours != ""
		switch {
		case closed:
			a.Key, a.Body = "after-hours:"+t.MessageSID, texts.AfterHours
		case isNew:
			a.Key, a.Body = "welcome:"+t.MessageSID, texts.Welcome
		}
		a.Kind = sqlstore.Automatic
		if a.Body == "" {
			return nil, nil
		}
		if t.Unanswered, err = s.unanswered(ctx, h, t, closed); err != nil || t.Unanswered != "" {
			return nil, err
		}
	}
	if a.Body == "" {
		return nil, nil
	}
	return a, nil
}

// unanswered is why an answer is kept back; empty if it is not.
func (s *Service) unanswered(ctx context.Context, h hotline.Hotline, t *sqlstore.TextInRow, closed bool) (string, error) {
	out, err := s.store.OptedOut(ctx, t.Hotline, t.Supporter)
	if err != nil || out {
		return "they have opted out of texts", err
	}
	now := s.Now()
	traffic, err := s.store.Traffic(ctx, t, now)
	if err != nil {
		return "", err
	}
	switch {
	case now.Sub(traffic.Automatic) < h.AutoReplyEvery:
		return "they got an automatic text a short while ago", nil
	case closed && now.Sub(traffic.Agent) < inTalk:
		return "an agent has just written to them", nil
	case traffic.Minute > maxPerMinute, traffic.Same > maxSame:
		s.metrics.ended(ctx, "machine")
		return "so many texts are a machine's", nil
	}
	return "", nil
}
