package twiliosim

import (
	"context"
	"net/url"
	"strconv"
	"sync"
)

// carrier takes outbound messages, one after the other, to the phones they are for. So two messages to one phone
// arrive in the order in which they were created, though their status callbacks may not.
type carrier struct {
	sim      *Sim
	work     chan struct{} // has room for one: "look at the queue"
	done     chan struct{} // closed when the carrier has ended
	posting  sync.WaitGroup
	postings chan struct{} // as many as may post status callbacks at a time
}

// maxPostings bounds the open connections to a slow receiver of status callbacks.
const maxPostings = 64

func startCarrier(s *Sim) *carrier {
	c := &carrier{sim: s, work: make(chan struct{}, 1), done: make(chan struct{}), postings: make(chan struct{}, maxPostings)}
	go c.run()
	c.wake() // for what the state file holds
	return c
}

// stop waits for the end of what the simulator's context has ended.
func (c *carrier) stop() {
	<-c.done
	c.posting.Wait()
}

// take hands a queued message over.
func (c *carrier) take(sid string) {
	c.sim.mu.Lock()
	c.sim.store.queue = append(c.sim.store.queue, sid)
	c.sim.mu.Unlock()
	c.wake()
}

func (c *carrier) wake() {
	select {
	case c.work <- struct{}{}:
	default:
	}
}

func (c *carrier) run() {
	defer close(c.done)
	for {
		select {
		case <-c.work:
		case <-c.sim.ctx.Done():
			return
		}
		for c.sim.ctx.Err() == nil && c.next() {
		}
	}
}

// next takes one message all the way, and reports whether there was one.
func (c *carrier) next() bool {
	s := c.sim
	s.mu.Lock()
	if s.settings.Hold || len(s.store.queue) == 0 {
		s.mu.Unlock()
		return false
	}
	rec := s.store.messages[s.store.queue[0]]
	s.store.queue = s.store.queue[1:]
	if rec == nil { // forgotten by Reset
		s.mu.Unlock()
		return true
	}
	hooks := s.live(rec)
	s.mu.Unlock()
	s.noteChange()
	if len(hooks) == 0 {
		close(rec.settled)
		return true
	}
	c.posting.Go(func() {
		defer close(rec.settled)
		c.post(hooks)
	})
	return true
}

// live applies what happens to a message and returns its status callbacks. It needs the lock.
func (s *Sim) live(rec *record) []hook {
	if rec.Status != StatusQueued {
		return nil
	}
	var hooks []hook
	for _, step := range lifeOf(rec.To) {
		rec.Status, rec.ErrorCode, rec.DateUpdated = step.status, step.code, s.now()
		if step.status == StatusSent {
			rec.DateSent = rec.DateUpdated
		}
		if step.arrives {
			s.store.arrive(rec)
		}
		if rec.StatusCallback != "" {
			h := hook{kind: EventStatus, sid: rec.Sid, url: rec.StatusCallback, form: s.statusForm(rec), token: s.store.newToken()}
			for range 1 + s.settings.DuplicateWebhooks {
				hooks = append(hooks, h)
			}
		}
	}
	if s.settings.ShuffleStatus {
		s.store.random.Shuffle(len(hooks), func(i, j int) { hooks[i], hooks[j] = hooks[j], hooks[i] })
	}
	return hooks
}

// statusForm is what a status callback carries. See
// https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks.
func (s *Sim) statusForm(rec *record) url.Values {
	form := url.Values{
		"MessageSid": {rec.Sid}, "SmsSid": {rec.Sid}, "MessageStatus": {rec.Status}, "SmsStatus": {rec.Status},
		"AccountSid": {s.cfg.AccountSID}, "From": {rec.From}, "To": {rec.To}, "ApiVersion": {apiVersion},
	}
	if rec.ErrorCode != 0 {
		form.Set("ErrorCode", strconv.Itoa(rec.ErrorCode))
	}
	if rec.Status == StatusDelivered || rec.Status == StatusUndelivered {
		form.Set("RawDlrDoneDate", rec.DateUpdated.Format("0601021504"))
	}
	return form
}

// post sends the status callbacks of one message in their order. There is no fallback for those that nobody takes.
func (c *carrier) post(hooks []hook) {
	select {
	case c.postings <- struct{}{}:
		defer func() { <-c.postings }()
	case <-c.sim.ctx.Done():
		return
	}
	for _, h := range hooks {
		if _, _, failure := c.sim.post(c.sim.ctx, h); failure != nil {
			c.sim.noteLost(c.sim.ctx, h, failure)
		}
	}
}

// noteLost is where a webhook ends that nobody took.
func (s *Sim) noteLost(ctx context.Context, h hook, failure *failure) {
	s.cfg.Logger.WarnContext(ctx, "webhook lost", "kind", h.kind, "message_sid", h.sid, "err", failure)
	s.journal.add(Event{Kind: EventLost, Sid: h.sid, Error: failure.Error()})
}
