// Package crowd lets very many people text a hotline at once, and compares the books at the end: what was sent against what is in the
// help desk and on the phones.
package crowd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	// First is the number of the first supporter without its +, from which the others count up. Default: 16172000000.
	First int64
	// Patience is how long a webhook is delivered again and again until it is acknowledged. Default: once.
	Patience time.Duration

	sent                     []*sent
	webhooks, acked, refused atomic.Int64
}

// Vendors are where a crowd texts, and where its texts arrive.
type Vendors struct {
	Twilio    *twiliosim.Sim
	HelpScout *helpscoutsim.Sim
}

// Progress is how far it has got.
type Progress struct {
	Texts     int // in all
	Acked     int // acknowledged by the hotline
	Lost      int // not acknowledged, however often they were delivered
	Delivered int // in the help desk
	Welcomed  int // supporters who have got an answer
}

// Report is what became of it.
type Report struct {
	Progress
	Supporters    int
	Webhooks      int // delivered, doubled ones included
	Missing       int // texts that are not in the help desk
	Doubled       int // texts that are there more than once
	Misordered    int
	Conversations int
	Welcomes      int // texts on the supporters' phones
}

// Right reports whether each text is there once and in order, and each supporter has one conversation and one welcome text.
func (r Report) Right() bool {
	return r.Missing+r.Doubled+r.Misordered == 0 && r.Conversations == r.Supporters && r.Welcomes == r.Supporters && r.Welcomed == r.Supporters
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
func (c *Crowd) Number(i int) string {
	return fmt.Sprintf("+%d", cmp.Or(c.First, 16172000000)+int64(i))
}

// Send texts it all and returns when every text is acknowledged. The error names those that were not.
func (c *Crowd) Send(ctx context.Context, twilio *twiliosim.Sim) error {
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
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for range c.Concurrency {
		wg.Go(func() {
			for s := range queue {
				c.webhooks.Add(1)
				if err := c.deliver(ctx, twilio, s); err != nil {
					c.refused.Add(1)
					mu.Lock()
					failed = append(failed, fmt.Errorf("%s: %w", s.sid, err))
					mu.Unlock()
				}
			}
		})
	}
	for _, s := range deliveries {
		if ctx.Err() != nil {
			break
		}
		queue <- s
	}
	close(queue)
	wg.Wait()
	return errors.Join(append(failed, ctx.Err())...)
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
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		begun := time.Now()
		d, err := c.post(ctx, twilio, s)
		switch {
		case err != nil:
			return err
		case !d.Lost:
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.acked.IsZero() {
				c.acked.Add(1)
				s.begun, s.acked = begun, time.Now()
			}
			return nil
		case time.Now().After(until):
			return fmt.Errorf("lost: %+v", d.Attempts)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
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
	if ctx.Err() != nil {
		return twiliosim.Delivery{}, ctx.Err()
	}
	s.known, s.first = true, time.Now()
	return twilio.Text(ctx, twiliosim.Text{From: s.supporter, To: simulator.Hotline, Body: s.body, MessageSid: s.sid})
}

// Arrived waits until the help desk and the phones have at least as much as was sent.
func (c *Crowd) Arrived(ctx context.Context, v Vendors) error {
	if err := v.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return c.delivered(s) >= c.Texts }); err != nil {
		return fmt.Errorf("waiting for the help desk: %w", err)
	}
	if err := v.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool { return c.welcomed(s) == c.Supporters }); err != nil {
		return fmt.Errorf("waiting for the phones: %w", err)
	}
	return nil
}

func (c *Crowd) delivered(s *helpscoutsim.Sim) (n int) {
	for i := range c.Supporters {
		n += s.Threads(c.email(i))
	}
	return n
}

func (c *Crowd) welcomed(s *twiliosim.Sim) (n int) {
	for i := range c.Supporters {
		if len(s.Inbox(c.Number(i))) > 0 {
			n++
		}
	}
	return n
}

// Progress may be called while the crowd texts.
func (c *Crowd) Progress(v Vendors) Progress {
	return Progress{
		Texts: c.Texts, Acked: int(c.acked.Load()), Lost: int(c.refused.Load()),
		Delivered: c.delivered(v.HelpScout), Welcomed: c.welcomed(v.Twilio),
	}
}

func (c *Crowd) email(i int) string {
	return phone.Parse(c.Number(i)).Address("") + "@" + simulator.Domain
}

// Check compares the books, once Send has returned: every text is in its supporter's one conversation, once and in order, and every
// supporter has one welcome text.
func (c *Crowd) Check(v Vendors) Report {
	r := Report{Progress: c.Progress(v), Supporters: c.Supporters, Webhooks: int(c.webhooks.Load())}
	for i := range c.Supporters {
		list := v.HelpScout.ConversationsOf(c.email(i))
		r.Conversations += len(list)
		r.Welcomes += len(v.Twilio.Inbox(c.Number(i)))
		var there []string
		for _, conv := range list {
			for _, th := range conv.Threads {
				if th.Type == "customer" {
					there = append(there, th.Body)
				}
			}
		}
		missing, doubled, misordered := c.compare(c.Number(i), there)
		r.Missing, r.Doubled, r.Misordered = r.Missing+missing, r.Doubled+doubled, r.Misordered+misordered
	}
	return r
}

// String is the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d texts of %d supporters in %d webhooks: %d lost, %d doubled, %d misordered; %d conversations, %d welcome texts",
		r.Texts, r.Supporters, r.Webhooks, r.Missing, r.Doubled, r.Misordered, r.Conversations, r.Welcomes)
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
