package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// stop lets nobody begin anything more, waits until all has arrived, and a while longer, and compares the books.
func (l *load) stop(ctx context.Context) error {
	l.cancel()
	l.going.Wait()
	l.cancel = nil
	b, took, err := l.settle(ctx)
	if err != nil {
		return err
	}
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		return l.took[int(share*float64(len(l.took)-1))].Round(time.Millisecond)
	}
	var usage helpscoutsim.Usage
	if err := ask(ctx, http.MethodGet, l.desk+"/sim/usage", nil, &usage); err != nil {
		return err
	}
	outcomes := map[string]int{}
	for _, outcome := range l.callers {
		outcomes[outcome]++
	}
	fmt.Printf("   texts:   %s\n", b.texts)
	fmt.Printf("            taken within %v (half), %v (of a hundred 99), %v (all); all arrived %v after the last\n", at(0.5), at(0.99), at(1), took.Round(time.Second))
	fmt.Printf("            told to send again, by step: %v\n", l.told)
	fmt.Printf("   people:  %d with %d conversations, %d of them follow a full one; %d welcome texts\n", len(l.people), b.conversations, b.followed, b.welcomes)
	fmt.Printf("   replies: %s\n", b.replies)
	fmt.Printf("   calls:   %d: %v; %d voicemails in the help desk with their sound\n", len(l.callers), outcomes, b.voicemails)
	fmt.Printf("   Help Scout: %d units in the busiest minute of %d allowed, %d requests refused for that\n", usage.MaxWindow, unitsPerMinute, usage.Limited)
	for _, f := range l.failures {
		fmt.Printf("   failed: %s\n", f)
	}
	var wrong []error
	must := func(so bool, what string) {
		if !so {
			wrong = append(wrong, errors.New(what))
		}
	}
	must(b.texts.right() && b.replies.right(), "texts or replies are missing, doubled or out of order")
	must(b.conversations-b.followed == len(l.people) && b.welcomes == len(l.people), "not everybody has one conversation and one welcome text")
	must(l.told["roll"]+l.told["drain"] == 0, "texts were refused while everything was only moved")
	must(outcomes[silence]+outcomes[trouble] == 0, "callers heard neither a person nor a beep")
	must(b.voicemails == outcomes[beep], "voicemails are missing")
	must(len(l.replies) > 0 && outcomes[beep] > 0 && outcomes[someone] > 0, "not everything was tried")
	must(usage.Limited == 0, "Help Scout was asked too much")
	must(len(l.failures) == 0, "some requests failed")
	return errors.Join(wrong...)
}

// settle waits until all has arrived, and then for what may come twice: unclear posts are looked up and jobs rescued within a minute.
func (l *load) settle(ctx context.Context) (b books, took time.Duration, err error) {
	for began := time.Now(); ; {
		if b, err = l.compare(ctx); err != nil {
			return b, took, err
		}
		beeps := 0
		for _, outcome := range l.callers {
			if outcome == beep {
				beeps++
			}
		}
		if took = time.Since(began); b.texts.missing+b.replies.missing == 0 && b.voicemails >= beeps || took > drainPatience {
			break
		}
		if err := pause(ctx, time.Second); err != nil {
			return b, took, err
		}
	}
	if err := pause(ctx, time.Minute); err != nil {
		return b, took, err
	}
	b, err = l.compare(ctx)
	return b, took, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// page is what was sent against what is there.
type page struct {
	sent, there, told, untrue, missing, doubled, misordered int
}

func (p page) right() bool { return p.missing+p.doubled+p.misordered == 0 }

// String is the page in words.
func (p page) String() string {
	s := fmt.Sprintf("%d sent, %d there, %d missing, %d doubled, %d out of order", p.sent, p.there, p.missing, p.doubled, p.misordered)
	if p.told > 0 {
		s += fmt.Sprintf("; of %d the sender was told to send again (%d are there all the same)", p.told, p.untrue)
	}
	return s
}

// enter compares what was sent, in its order, with what is there. Whoever was told that it could not be received knows.
func (p *page) enter(sent []string, told map[string]bool, there []string) {
	last := -1
	for _, s := range sent {
		p.sent++
		i := slices.Index(there, s)
		if told[s] {
			p.told++
		}
		switch {
		case i < 0 && told[s]:
		case i < 0:
			p.missing++
		default:
			p.there++
			if told[s] {
				p.untrue++
			}
			if slices.Contains(there[i+1:], s) {
				p.doubled++
			}
			if i < last {
				p.misordered++
			}
			last = i
		}
	}
}

// books are all pages, and what else is there.
type books struct {
	texts, replies                                page
	conversations, followed, welcomes, voicemails int
}

const (
	// welcome is how the text begins that k8s/overlays/local/hotlines.yaml has.
	welcome = "Thank you for your message"
	// full is how many threads a conversation has before another one follows (ticketing.Config, ThreadLimit).
	full = 90
)

func (l *load) compare(ctx context.Context) (b books, err error) {
	for number, p := range l.people {
		list, err := l.conversations(ctx, number)
		if err != nil {
			return b, err
		}
		b.conversations += len(list)
		var there, onPhone, replies []string
		for i, c := range list {
			if i+1 < len(list) && len(c.Threads) >= full {
				b.followed++
			}
			for _, th := range c.Threads {
				if th.Type == "customer" {
					there = append(there, strings.TrimSpace(th.Body))
				}
			}
		}
		b.texts.enter(p.texts, p.told, there)
		inbox, err := l.inbox(ctx, number)
		if err != nil {
			return b, err
		}
		for _, m := range inbox {
			if strings.HasPrefix(m.Body, welcome) {
				b.welcomes++
			}
			onPhone = append(onPhone, m.Body)
		}
		for _, r := range l.replies {
			if r.to == number {
				replies = append(replies, r.words)
			}
		}
		b.replies.enter(replies, nil, onPhone)
	}
	for number, outcome := range l.callers {
		if outcome != beep {
			continue
		}
		list, err := l.conversations(ctx, number)
		if err != nil {
			return b, err
		}
		for _, c := range list {
			for _, th := range c.Threads {
				if th.Type == "customer" && len(th.Attachments) > 0 {
					b.voicemails++
				}
			}
		}
	}
	return b, nil
}
