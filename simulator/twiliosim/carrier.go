package twiliosim

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

// carrier takes outbound messages, one after the other, to the phones they are for. So two messages to one phone
// arrive in the order in which they were created, though their status callbacks may not. A message that waits for its
// files, or is held back by the phone's carrier, is passed by those to other phones.
type carrier struct {
	sim      *Sim
	work     chan struct{} // has room for one: "look at the queue"
	done     chan struct{} // closed when the carrier has ended
	posting  sync.WaitGroup
	postings chan struct{}   // as many as may post status callbacks or fetch files at a time
	fetching map[string]bool // the phones whose next message has its files fetched; Sim.mu guards it
}

// maxPostings bounds the open connections to a slow receiver of status callbacks, and to a slow server of files.
const maxPostings = 64

func startCarrier(s *Sim) *carrier {
	c := &carrier{
		sim: s, work: make(chan struct{}, 1), done: make(chan struct{}), postings: make(chan struct{}, maxPostings),
		fetching: map[string]bool{},
	}
	go c.run()
	c.wake() // for what the state file holds
	return c
}

// stop waits for the end of what the simulator's context has ended.
func (c *carrier) stop() {
	<-c.done
	c.posting.Wait()
}

// take hands a queued message over. It has its place in the queue already.
func (c *carrier) take(sid string) {
	c.sim.mu.Lock()
	if rec := c.sim.store.messages[sid]; rec != nil { // nil: forgotten by Reset
		rec.taken = true
	}
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

// next takes one message all the way, or has its files fetched first, and reports whether there was one.
func (c *carrier) next() bool {
	s := c.sim
	s.mu.Lock()
	at := c.pick()
	if at < 0 {
		s.mu.Unlock()
		return false
	}
	rec := s.store.messages[s.store.queue[at]]
	s.store.unqueue(at)
	if rec.wantsFiles() {
		c.fetching[rec.To] = true
		files := rec.Media
		s.mu.Unlock()
		c.posting.Go(func() { c.fetch(rec, files) })
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

// pick returns the place in the queue of the first message that need not wait, or -1. It needs the lock.
func (c *carrier) pick() int {
	if c.sim.settings.Hold {
		return -1
	}
	waiting := map[string]bool{} // phones whose next message is not taken yet
	return slices.IndexFunc(c.sim.store.queue, func(sid string) bool {
		rec := c.sim.store.messages[sid]
		if !rec.taken {
			waiting[rec.To] = true
		}
		return !waiting[rec.To] && !c.fetching[rec.To] && !c.sim.store.carriers[rec.To].Held
	})
}

// wantsFiles reports whether files have to be fetched before the message goes on. It needs the lock.
func (r *record) wantsFiles() bool {
	return r.Status == StatusQueued && r.mediaCode == 0 && slices.ContainsFunc(r.Media, Media.awaited)
}

// fetch gets the files of a message and puts it back in front of the queue. Other messages to the phone wait so long,
// those to other phones do not.
func (c *carrier) fetch(rec *record, files []Media) {
	s := c.sim
	var f *failure
	if leave, ok := c.enter(); ok {
		files, f = s.fetchFiles(s.ctx, rec.Sid, files)
		leave()
	}
	s.mu.Lock()
	defer c.wake()
	defer s.mu.Unlock()
	delete(c.fetching, rec.To)
	switch {
	case s.ctx.Err() != nil || s.store.messages[rec.Sid] != rec: // closed: the state file has it as queued; or forgotten
		close(rec.settled)
		return
	case f != nil:
		rec.mediaCode = f.code
	default:
		// But for those that were deleted meanwhile.
		rec.Media = slices.DeleteFunc(files, func(m Media) bool { return s.store.media[m.Sid] == nil })
	}
	s.store.queue = slices.Insert(s.store.queue, 0, rec.Sid)
}

// enter waits for room to use the network, and reports whether there was any before the end.
func (c *carrier) enter() (leave func(), ok bool) {
	select {
	case c.postings <- struct{}{}:
		return func() { <-c.postings }, true
	case <-c.sim.ctx.Done():
		return nil, false
	}
}

// live applies what happens to a message and returns its status callbacks. It needs the lock.
func (s *Sim) live(rec *record) []hook {
	if rec.Status != StatusQueued {
		return nil
	}
	var hooks []hook
	for _, step := range s.store.lifeOf(rec) {
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
	leave, ok := c.enter()
	if !ok {
		return
	}
	defer leave()
	for _, h := range hooks {
		if _, _, failure := c.sim.post(c.sim.ctx, h); failure != nil {
			c.sim.noteLost(c.sim.ctx, h, failure)
		}
	}
}

// noteLost is where a webhook ends that nobody took.
func (s *Sim) noteLost(ctx context.Context, h hook, failure *failure) {
	s.cfg.Logger.WarnContext(ctx, "webhook lost", "kind", h.kind, "sid", h.sid, "err", failure)
	s.journal.add(Event{Kind: EventLost, Sid: h.sid, Error: failure.Error()})
}
