package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	supporters = 24
	// textEvery is how long a supporter waits before the next text, at most twice as long.
	textEvery  = 8 * time.Second
	replyEvery = 4 * time.Second
	callEvery  = 6 * time.Second
	// unitsPerMinute is what the account may ask of Help Scout: about three times what the texts need.
	unitsPerMinute = 1200
	drainPatience  = 4 * time.Minute
)

// load is people who text and call, and agents who answer, at a steady pace.
type load struct {
	twilio, desk string
	run          uint64 // makes numbers and words of each run different

	mu       sync.Mutex
	people   map[string]*person
	replies  map[string]string // whom each was written to, by its words
	took     []time.Duration   // until a text was acknowledged
	calls    map[string]int    // by what became of them
	failures []string

	cancel context.CancelFunc
	going  sync.WaitGroup
}

// person is what one supporter has sent.
type person struct {
	number string
	texts  []string // acknowledged, in this order
	lost   int      // neither webhook nor fallback took it
}

func newLoad() *load {
	return &load{run: uint64(time.Now().Unix()), people: map[string]*person{}, replies: map[string]string{}, calls: map[string]int{}}
}

// number is that of somebody who has never texted before.
func (l *load) number(i int) string {
	area := []int{617, 413, 508, 978}[l.run/100_000%4]
	return fmt.Sprintf("+1%d2%06d", area, (l.run%10_000*100+uint64(i))%1_000_000)
}

// begin sets up the vendors: phones that pick up, and a Help Scout account with a budget.
func (l *load) begin(ctx context.Context, twilio, desk string) error {
	l.twilio, l.desk = twilio, desk
	if err := l.limit(ctx, unitsPerMinute); err != nil {
		return err
	}
	picksUp := twiliosim.Handset{Answer: true, After: twiliosim.Duration(2 * time.Second), Acts: []twiliosim.Act{{On: "asked", Press: "1"}}}
	// Anna takes calls, Ben's phone is off.
	return errors.Join(
		ask(ctx, http.MethodPut, twilio+"/sim/phones/+16175550101/handset", picksUp, nil),
		ask(ctx, http.MethodPut, twilio+"/sim/phones/+16175550102/handset", twiliosim.Handset{Unreachable: true}, nil))
}

func (l *load) limit(ctx context.Context, perMinute int) error {
	return ask(ctx, http.MethodPut, l.desk+"/sim/settings", map[string]int{"rate_limit": perMinute}, nil)
}

// start lets people begin, if they have not.
func (l *load) start(ctx context.Context) {
	if l.cancel != nil {
		return
	}
	ctx, l.cancel = context.WithCancel(ctx)
	for i := range supporters {
		p := &person{number: l.number(i)}
		l.people[p.number] = p
		l.going.Go(func() { l.text(ctx, p, textEvery) })
	}
	l.going.Go(func() { l.every(ctx, replyEvery, l.reply) })
	l.going.Go(func() {
		l.every(ctx, callEvery, func(ctx context.Context, n int) { l.going.Go(func() { l.call(ctx, n) }) })
	})
}

// every does something again and again.
func (l *load) every(ctx context.Context, pause time.Duration, do func(ctx context.Context, n int)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			do(context.WithoutCancel(ctx), n)
		case <-ctx.Done():
			return
		}
	}
}

// text lets one person text, each text when the one before has been taken.
func (l *load) text(ctx context.Context, p *person, pause time.Duration) {
	for n := 0; ctx.Err() == nil; n++ {
		body := fmt.Sprintf("text %d of %s in run %d 👋", n, p.number[8:], l.run)
		began := time.Now()
		var d twiliosim.Delivery
		err := ask(context.WithoutCancel(ctx), http.MethodPost, l.twilio+"/sim/texts", twiliosim.Text{From: p.number, To: simulator.Hotline, Body: body}, &d)
		l.mu.Lock()
		switch {
		case err != nil:
			l.failures = append(l.failures, err.Error())
		case d.Lost:
			p.lost++
			l.failures = append(l.failures, fmt.Sprintf("%s was lost: %+v", body, d.Attempts))
		default:
			p.texts = append(p.texts, body)
			l.took = append(l.took, time.Since(began))
		}
		l.mu.Unlock()
		if pause == 0 {
			continue
		}
		select {
		case <-time.After(rand.N(2 * pause)):
		case <-ctx.Done():
		}
	}
}

// reply lets an agent answer somebody who has written.
func (l *load) reply(ctx context.Context, n int) {
	l.mu.Lock()
	var numbers []string
	for number, p := range l.people {
		if len(p.texts) > 0 {
			numbers = append(numbers, number)
		}
	}
	l.mu.Unlock()
	if len(numbers) == 0 {
		return
	}
	number := numbers[rand.IntN(len(numbers))]
	list, err := l.conversations(ctx, number)
	if err != nil || len(list) == 0 {
		return // not there yet
	}
	words := fmt.Sprintf("answer %d in run %d", n, l.run)
	err = ask(ctx, http.MethodPost, fmt.Sprintf("%s/sim/conversations/%d/reply", l.desk, list[len(list)-1].ID), helpscoutsim.Reply{Text: words}, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures = append(l.failures, err.Error())
		return
	}
	l.replies[words] = number
}

// call lets somebody call, who talks a little or leaves a voicemail.
func (l *load) call(ctx context.Context, n int) {
	call := twiliosim.Call{From: fmt.Sprintf("+1617556%04d", n%10_000), To: simulator.Hotline, Acts: []twiliosim.Act{{On: "connected", After: twiliosim.Duration(3 * time.Second), HangUp: true}}}
	if n%2 == 1 { // speaks to the machine: Anna is busy, for this caller
		call.Acts = []twiliosim.Act{{On: "beep", Say: "Please call me back.", For: twiliosim.Duration(2 * time.Second), HangUp: true}}
	}
	var made struct {
		Sid string `json:"sid"`
	}
	err := ask(ctx, http.MethodPost, l.twilio+"/sim/calls", call, &made)
	outcome := ""
	for seen := 0; err == nil && outcome == ""; {
		var now struct {
			Leg      twiliosim.Leg   `json:"leg"`
			Children []twiliosim.Leg `json:"children"`
		}
		err = ask(ctx, http.MethodGet, fmt.Sprintf("%s/sim/calls/%s?wait_after=%d&timeout_ms=60000", l.twilio, made.Sid, seen), nil, &now)
		seen = len(now.Leg.Moments)
		for _, child := range now.Children {
			seen += len(child.Moments)
		}
		if !now.Leg.Ended.IsZero() {
			outcome = became(now.Leg)
		} else if now.Leg.BridgedWith != "" && n%2 == 1 { // a caller who wants the machine and gets a person is content
			ask(ctx, http.MethodPost, l.twilio+"/sim/calls/"+made.Sid+"/hang_up", struct{}{}, nil) //nolint:errcheck // they may have hung up
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures = append(l.failures, "calling: "+err.Error())
		return
	}
	l.calls[outcome]++
}

// became says what became of a caller.
func became(leg twiliosim.Leg) string {
	outcome := "neither a person nor a beep"
	for _, m := range leg.Moments {
		switch {
		case strings.Contains(m.Text, "application error"):
			return "an error"
		case m.What == "beep":
			outcome = "a beep"
		}
	}
	if leg.BridgedWith != "" {
		outcome = "a person"
	}
	return outcome
}

// stop lets nobody begin anything more, waits until all has arrived, and compares the books.
func (l *load) stop(ctx context.Context) error {
	l.cancel()
	l.going.Wait()
	l.cancel = nil
	began := time.Now()
	var b books
	for {
		var err error
		if b, err = l.compare(ctx); err != nil {
			return err
		}
		if b.open() == 0 || time.Since(began) > drainPatience {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		return l.took[int(share*float64(len(l.took)-1))].Round(time.Millisecond)
	}
	var usage helpscoutsim.Usage
	if err := ask(ctx, http.MethodGet, l.desk+"/sim/usage", nil, &usage); err != nil {
		return err
	}
	fmt.Printf("   texts:   %d acknowledged; %d in the help desk, %d whose senders were told to send again, %d lost, %d doubled, %d out of order\n",
		b.texts, b.there, b.told, b.missing, b.doubled, b.misordered)
	fmt.Printf("            taken within %v (half), %v (of a hundred 99), %v (all); all arrived %v after the last\n", at(0.5), at(0.99), at(1), time.Since(began).Round(time.Second))
	fmt.Printf("   people:  %d, with %d conversations and %d welcome texts\n", len(l.people), b.conversations, b.welcomes)
	fmt.Printf("   replies: %d; %d on the phone once, %d missing, %d doubled\n", len(l.replies), b.replied, b.unanswered, b.repeated)
	fmt.Printf("   calls:   %v\n", l.calls)
	fmt.Printf("   Help Scout: %d units in the busiest minute of %d allowed, %d requests refused for that\n", usage.MaxWindow, unitsPerMinute, usage.Limited)
	for _, f := range l.failures {
		fmt.Printf("   failed: %s\n", f)
	}
	if !b.right(len(l.people)) || len(l.failures) > 0 || l.calls["an error"]+l.calls["neither a person nor a beep"] > 0 {
		return errors.New("the books are not right")
	}
	return nil
}

// books is what was sent against what is there.
type books struct {
	texts, there, told, missing, doubled, misordered int
	conversations, welcomes                          int
	replied, unanswered, repeated                    int
}

// open is how much has not arrived yet.
func (b books) open() int { return b.missing + b.unanswered }

func (b books) right(people int) bool {
	return b.open()+b.doubled+b.misordered+b.repeated == 0 && b.conversations == people && b.welcomes == people
}

// welcome is how the text begins that k8s/overlays/local/hotlines.yaml has.
const welcome = "Thank you for your message"

func (l *load) compare(ctx context.Context) (b books, err error) {
	for number, p := range l.people {
		list, err := l.conversations(ctx, number)
		if err != nil {
			return b, err
		}
		b.conversations += len(list)
		var there []string
		for _, c := range list {
			for _, th := range c.Threads {
				if th.Type == "customer" {
					there = append(there, strings.TrimSpace(th.Body))
				}
			}
		}
		var inbox []twiliosim.Message
		if err := ask(ctx, http.MethodGet, l.twilio+"/sim/phones/"+url.PathEscape(number)+"/inbox", nil, &inbox); err != nil {
			return b, err
		}
		count := map[string]int{}
		told := 0
		for _, m := range inbox {
			switch {
			case strings.HasPrefix(m.Body, welcome):
				b.welcomes++
			case m.Body == hotline.DefaultFailure:
				told++
			}
			count[m.Body]++
		}
		missing, last := 0, -1
		for _, body := range p.texts {
			i := slices.Index(there, body)
			switch {
			case i < 0:
				missing++
			case slices.Contains(there[i+1:], body):
				b.doubled++
				fallthrough
			default:
				b.there++
				if i < last {
					b.misordered++
				}
				last = i
			}
		}
		b.texts += len(p.texts)
		b.told += told
		b.missing += max(0, missing-told) // whoever was told knows
		for words, to := range l.replies {
			if to != number {
				continue
			}
			switch count[words] {
			case 0:
				b.unanswered++
			case 1:
				b.replied++
			default:
				b.repeated++
			}
		}
	}
	return b, nil
}

func (l *load) conversations(ctx context.Context, number string) ([]helpscoutsim.Conversation, error) {
	var answer struct {
		Conversations []helpscoutsim.Conversation `json:"conversations"`
	}
	email := phone.Parse(number).Address("") + "@" + simulator.Domain
	err := ask(ctx, http.MethodGet, l.desk+"/sim/conversations?email="+url.QueryEscape(email), nil, &answer)
	return answer.Conversations, err
}

// flood lets many people text as fast as they can, and returns how to end that.
func (l *load) flood(ctx context.Context) (end func() error, err error) {
	if err := l.limit(ctx, -1); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var going sync.WaitGroup
	f := &load{twilio: l.twilio, desk: l.desk, run: l.run, people: map[string]*person{}}
	for i := range supporters {
		p := &person{number: l.number(supporters + i)}
		f.people[p.number] = p
		going.Go(func() { f.text(ctx, p, 0) })
	}
	began := time.Now()
	return func() error {
		cancel()
		going.Wait()
		took := time.Since(began)
		fmt.Printf("   %d texts were taken, %.0f a second\n", len(f.took), float64(len(f.took))/took.Seconds())
		if len(f.failures) > 0 {
			return fmt.Errorf("%d texts failed, such as: %s", len(f.failures), f.failures[0])
		}
		return nil
	}, nil
}

// ask asks a simulated vendor's own API, in JSON.
func ask(ctx context.Context, method, address string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(data))
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(data, out)
}
