package helpscoutsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
)

// Delivery is a webhook that was sent, or is about to be.
type Delivery struct {
	Index          int // counts from 0; for Redeliver
	Event          string
	WebhookID      int64
	ConversationID int64
	Body           []byte
}

// deliveriesKept is how many past deliveries can be sent again.
const deliveriesKept = 1000

// sending is one delivery on its way.
type sending struct {
	Delivery
	attempt int  // made so far
	once    bool // a duplicate: never retried, never counted as discarded
}

// courier delivers webhooks in the background, a few at a time.
//
// See "Webhooks" at https://developer.helpscout.com/webhooks/ for the rules: up to ten attempts, then the event is
// discarded; ten discarded events, or an answer of 410, switch the webhook off.
type courier struct {
	sim    *Sim
	client *http.Client
	ctx    context.Context // ends with stop
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	random  *rand.Rand
	queue   []*sending
	workers int
	stopped bool
	past    []Delivery
	sent    int // deliveries so far, past ones that were forgotten included
}

func newCourier(s *Sim) *courier {
	client := *s.cfg.Client
	// Help Scout does not follow redirects (U): one is a failed attempt.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &courier{sim: s, client: &client, random: rand.New(rand.NewPCG(s.cfg.Seed, 1))}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// stop ends deliveries; what was not sent is lost.
func (c *courier) stop() {
	c.mu.Lock()
	c.stopped, c.queue = true, nil
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
}

// dispatch sends events to their webhooks.
func (c *courier) dispatch(events []event) {
	for _, e := range events {
		body, err := encode(e.body, c.sim.cfg.PayloadPlain)
		if err != nil {
			c.sim.cfg.Logger.Error("encoding a webhook failed", "event", e.name, "err", err)
			continue
		}
		for _, id := range e.webhooks {
			c.send(Delivery{Event: e.name, WebhookID: id, ConversationID: e.conversationID, Body: body})
		}
	}
}

// send puts a new delivery, and its duplicates, on its way.
func (c *courier) send(d Delivery) {
	set := c.sim.Settings()
	c.mu.Lock()
	d.Index = c.sent
	c.sent++
	if len(c.past) == deliveriesKept {
		c.past = c.past[1:]
	}
	c.past = append(c.past, d)
	var delay time.Duration
	if set.Shuffle {
		delay = time.Duration(c.random.Int64N(int64(100 * time.Millisecond)))
	}
	duplicates := set.Duplicates
	if most := c.sim.cfg.DuplicatesUpTo; most > 0 {
		duplicates += c.random.IntN(most + 1)
	}
	c.mu.Unlock()
	c.pushAfter(delay, &sending{Delivery: d})
	for range duplicates {
		c.pushAfter(delay, &sending{Delivery: d, once: true})
	}
}

func (c *courier) pushAfter(delay time.Duration, s *sending) {
	if delay <= 0 {
		c.push(s)
		return
	}
	time.AfterFunc(delay, func() { c.push(s) })
}

// push queues s and makes sure that somebody works on the queue.
func (c *courier) push(s *sending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.queue = append(c.queue, s)
	if c.workers < c.sim.cfg.Deliveries {
		c.workers++
		c.wg.Go(c.work)
	}
}

func (c *courier) work() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.workers--
			c.mu.Unlock()
			return
		}
		s := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		c.attempt(s)
	}
}

// attempt tries once, and arranges for what follows.
func (c *courier) attempt(s *sending) {
	hook, active := c.sim.webhook(s.WebhookID)
	if !active {
		c.record(s, KindDiscard, 0, errors.New("the webhook is off or deleted"))
		return
	}
	s.attempt++
	status, err := c.post(hook, s)
	if c.ctx.Err() != nil {
		return
	}
	if err == nil && status/100 == 2 {
		c.record(s, KindWebhook, status, nil)
		return
	}
	if err == nil {
		err = fmt.Errorf("answered %d", status)
	}
	c.record(s, KindWebhook, status, err)
	switch {
	case status == http.StatusGone:
		c.switchOff(s, "answered 410")
	case s.once:
	case s.attempt < c.sim.cfg.MaxAttempts:
		c.pushAfter(c.sim.cfg.Backoff(s.attempt), s)
	default:
		c.discard(s)
	}
}

// post makes the request. An answer that does not come in time is an error.
func (c *courier) post(hook Webhook, s *sending) (status int, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.sim.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(s.Body))
	if err != nil {
		return 0, err
	}
	secret := hook.Secret
	if c.sim.cfg.BadSignature {
		secret += "-wrong"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HelpScout-Event", s.Event)
	req.Header.Set("X-HelpScout-Signature", signature.HelpScout(secret, s.Body))
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	return resp.StatusCode, nil
}

// discard gives the event up, and the webhook too if that happens too often.
func (c *courier) discard(s *sending) {
	var off bool
	c.sim.updateWebhook(s.WebhookID, func(w *Webhook) {
		w.Discarded++
		off = w.Discarded >= c.sim.cfg.DiscardLimit
	})
	c.record(s, KindDiscard, 0, errors.New("too many attempts"))
	if off {
		c.switchOff(s, "too many discarded events")
	}
}

func (c *courier) switchOff(s *sending, reason string) {
	c.sim.updateWebhook(s.WebhookID, func(w *Webhook) { w.State = "disabled" })
	c.record(s, KindOff, 0, errors.New(reason))
}

func (c *courier) record(s *sending, kind string, status int, err error) {
	e := Event{
		Kind: kind, Name: s.Event, WebhookID: s.WebhookID, ConversationID: s.ConversationID,
		Attempt: s.attempt, Status: status,
	}
	if err != nil {
		e.Error = err.Error()
	}
	c.sim.journal.add(e)
}

// webhook returns a copy of a webhook, and whether it may be used.
func (s *Sim) webhook(id int64) (hook Webhook, active bool) {
	s.read(func(st *state) {
		if w := st.webhooks[id]; w != nil {
			hook, active = *w, w.State == "enabled"
		}
	})
	return hook, active
}

// EnableWebhook switches a webhook on, as somebody does by hand after Help Scout has switched it off; or off.
func (s *Sim) EnableWebhook(id int64, on bool) {
	s.updateWebhook(id, func(w *Webhook) {
		w.State, w.Discarded = "disabled", 0
		if on {
			w.State = "enabled"
		}
	})
}

// updateWebhook replaces a webhook by a changed copy, if it is still there.
func (s *Sim) updateWebhook(id int64, f func(*Webhook)) {
	s.mu.Lock()
	if w := s.state.webhooks[id]; w != nil {
		changed := *w
		f(&changed)
		s.state.webhooks[id] = &changed
	}
	s.mu.Unlock()
	s.noteChange()
}

// Deliveries returns the last 1,000 webhooks, oldest first, each once however often it was tried.
func (s *Sim) Deliveries() []Delivery {
	s.courier.mu.Lock()
	defer s.courier.mu.Unlock()
	return append([]Delivery(nil), s.courier.past...)
}

// Redeliver sends a past delivery again with the same body, as Help Scout may even a day later. i is its Index;
// a negative i counts from the end, -1 being the latest.
func (s *Sim) Redeliver(i int) error {
	c := s.courier
	c.mu.Lock()
	if i < 0 {
		i += c.sent
	}
	at := i - (c.sent - len(c.past))
	if at < 0 || at >= len(c.past) {
		c.mu.Unlock()
		return fmt.Errorf("delivery %d: %w", i, ErrNotFound)
	}
	d := c.past[at]
	c.mu.Unlock()
	c.push(&sending{Delivery: d})
	return nil
}
