package hotlinetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Crowd is many supporters who text at once, and a carrier that delivers each text one to four times, in any order.
type Crowd struct {
	Supporters, Texts int // Texts in all
	Concurrency       int
	Seed              uint64
	// Patience is how long a webhook is delivered again and again until it is acknowledged. Default: once.
	Patience time.Duration

	sent []*sent
}

// sent is one text and when the hotline acknowledged it.
type sent struct {
	supporter string
	body      string
	sid       string

	mu           sync.Mutex
	first        time.Time // when it was first delivered; a hotline that was killed may have stored it then
	begun, acked time.Time // of the first delivery that was acknowledged
	known        bool      // to the carrier
}

// Number returns the number of a supporter.
func (c *Crowd) Number(i int) string { return fmt.Sprintf("+1617%07d", 2000000+i) }

// Send texts it all and returns when every text is acknowledged.
func (c *Crowd) Send(ctx context.Context, t testing.TB, twilio *twiliosim.Sim) {
	t.Helper()
	random := rand.New(rand.NewPCG(c.Seed, 1))
	var deliveries []*sent
	for i := range c.Texts {
		s := &sent{supporter: c.Number(i % c.Supporters), body: fmt.Sprintf("text %d 👋", i), sid: fmt.Sprintf("SM%032x", c.Seed<<32+uint64(i))}
		c.sent = append(c.sent, s)
		for range 1 + random.IntN(4) {
			deliveries = append(deliveries, s)
		}
	}
	random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	queue := make(chan *sent)
	var wg sync.WaitGroup
	for range c.Concurrency {
		wg.Go(func() {
			for s := range queue {
				if err := c.deliver(ctx, twilio, s); err != nil {
					t.Errorf("%s: %v", s.sid, err)
				}
			}
		})
	}
	for _, s := range deliveries {
		queue <- s
	}
	close(queue)
	wg.Wait()
	t.Logf("%d webhooks of %d texts acknowledged", len(deliveries), c.Texts)
}

// Took returns how long an acknowledgement took: the median for 0.5, the slowest for 1. Only the first one of each
// text counts.
func (c *Crowd) Took(quantile float64) time.Duration {
	var all []time.Duration
	for _, s := range c.sent {
		all = append(all, s.acked.Sub(s.begun))
	}
	slices.Sort(all)
	return all[int(quantile*float64(len(all)-1))]
}

// deliver delivers a text once more, until the hotline acknowledges it or patience ends.
func (c *Crowd) deliver(ctx context.Context, twilio *twiliosim.Sim, s *sent) error {
	until := time.Now().Add(c.Patience)
	for {
		begun := time.Now()
		d, err := c.post(ctx, twilio, s)
		switch {
		case err != nil:
			return err
		case !d.Lost:
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.acked.IsZero() {
				s.begun, s.acked = begun, time.Now()
			}
			return nil
		case time.Now().After(until):
			return fmt.Errorf("lost: %+v", d.Attempts)
		}
	}
}

// post lets the carrier have the text, or deliver the webhook of one it has.
func (c *Crowd) post(ctx context.Context, twilio *twiliosim.Sim, s *sent) (twiliosim.Delivery, error) {
	s.mu.Lock()
	if s.known {
		s.mu.Unlock()
		return twilio.Redeliver(ctx, s.sid)
	}
	defer s.mu.Unlock()
	s.known, s.first = true, time.Now()
	return twilio.Text(ctx, twiliosim.Text{From: s.supporter, To: simulator.Hotline, Body: s.body, MessageSid: s.sid})
}

// Arrived waits until the help desk and the phones have at least as much as was sent.
func (c *Crowd) Arrived(ctx context.Context, t testing.TB, v Vendors) {
	t.Helper()
	if err := v.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
		n := 0
		for i := range c.Supporters {
			n += s.Threads(c.email(i))
		}
		return n >= c.Texts
	}); err != nil {
		t.Errorf("waiting for the help desk: %v", err)
	}
	if err := v.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool {
		for i := range c.Supporters {
			if len(s.Inbox(c.Number(i))) == 0 {
				return false
			}
		}
		return true
	}); err != nil {
		t.Errorf("waiting for the phones: %v", err)
	}
}

func (c *Crowd) email(i int) string {
	return phone.Parse(c.Number(i)).Address("") + "@" + simulator.Domain
}

// Check compares the books: every text is in its supporter's one conversation, once and in order, and every
// supporter has one welcome text.
func (c *Crowd) Check(t testing.TB, v Vendors) {
	t.Helper()
	lost, doubled, misordered, conversations, welcomes := 0, 0, 0, 0, 0
	for i := range c.Supporters {
		list := v.HelpScout.ConversationsOf(c.email(i))
		conversations += len(list)
		welcomes += len(v.Twilio.Inbox(c.Number(i)))
		if len(v.Twilio.Inbox(c.Number(i))) != 1 {
			t.Errorf("%s has %d welcome texts", c.Number(i), len(v.Twilio.Inbox(c.Number(i))))
		}
		var there []string
		for _, conv := range list {
			for _, th := range conv.Threads {
				if th.Type == "customer" {
					there = append(there, th.Body)
				}
			}
		}
		l, d, m := c.compare(c.Number(i), there)
		lost, doubled, misordered = lost+l, doubled+d, misordered+m
	}
	t.Logf("%d texts of %d supporters: %d lost, %d doubled, %d misordered; %d conversations, %d welcome texts",
		c.Texts, c.Supporters, lost, doubled, misordered, conversations, welcomes)
	if lost+doubled+misordered > 0 || conversations != c.Supporters || welcomes != c.Supporters {
		t.Error("the books do not agree")
	}
}

// compare holds what was sent against what is there. Order is broken where a text stands before one that had been
// acknowledged before it was first delivered.
func (c *Crowd) compare(supporter string, there []string) (lost, doubled, misordered int) {
	var mine []*sent
	for _, s := range c.sent {
		if s.supporter == supporter {
			mine = append(mine, s)
		}
	}
	place := map[string]int{}
	for i, body := range there {
		body = strings.TrimSpace(body)
		if _, twice := place[body]; twice {
			doubled++
		}
		place[body] = i
	}
	for _, s := range mine {
		if _, ok := place[s.body]; !ok {
			lost++
		}
	}
	slices.SortFunc(mine, func(a, b *sent) int { return a.acked.Compare(b.acked) })
	for i, a := range mine {
		for _, b := range mine[i+1:] {
			if a.acked.Before(b.first) && place[a.body] > place[b.body] {
				misordered++
			}
		}
	}
	return lost, doubled, misordered
}
