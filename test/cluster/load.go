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
	replies  []reply
	callers  map[string]string // what became of them, by their numbers
	told     map[string]int    // texts whose senders were told to send them again, by the step
	step     string
	took     []time.Duration // until a text was acknowledged
	failures []string

	cancel context.CancelFunc
	going  sync.WaitGroup
}

// person is what one supporter has sent.
type person struct {
	number string
	texts  []string        // taken, in this order
	told   map[string]bool // those that they were told to send again
}

// reply is what an agent has written.
type reply struct{ to, words string }

func newLoad() *load {
	return &load{run: uint64(time.Now().Unix()), people: map[string]*person{}, callers: map[string]string{}, told: map[string]int{}}
}

// number is that of somebody who has never texted before.
func (l *load) number(i int) string {
	area := []int{617, 413, 508, 978}[l.run/100_000%4]
	return fmt.Sprintf("+1%d2%06d", area, (l.run%10_000*100+uint64(i))%1_000_000)
}

func (l *load) person(i int) *person {
	p := &person{number: l.number(i), told: map[string]bool{}}
	l.people[p.number] = p
	return p
}

// begin sets up the vendors: the volunteers' phones, and a Help Scout account with a budget.
func (l *load) begin(ctx context.Context, twilio, desk string) error {
	l.twilio, l.desk = twilio, desk
	if err := l.limit(ctx, unitsPerMinute); err != nil {
		return err
	}
	return ask(ctx, http.MethodPut, twilio+"/sim/phones/+16175550102/handset", twiliosim.Handset{Unreachable: true}, nil) // Ben's
}

func (l *load) limit(ctx context.Context, perMinute int) error {
	return ask(ctx, http.MethodPut, l.desk+"/sim/settings", map[string]int{"rate_limit": perMinute}, nil)
}

// start lets people begin, if they have not. step is what is done meanwhile.
func (l *load) start(ctx context.Context, step string) {
	l.mu.Lock()
	l.step = step
	l.mu.Unlock()
	if l.cancel != nil {
		return
	}
	ctx, l.cancel = context.WithCancel(ctx)
	for i := range supporters {
		p := l.person(i)
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
		took := time.Since(began)
		told := false
		if err == nil && strings.HasSuffix(d.Attempts[len(d.Attempts)-1].URL, "_fallback") {
			told, err = l.wasTold(context.WithoutCancel(ctx), p)
		}
		l.mu.Lock()
		switch {
		case err != nil:
			l.failures = append(l.failures, err.Error())
		case d.Lost:
			l.failures = append(l.failures, fmt.Sprintf("%s was lost: %+v", body, d.Attempts))
		default:
			p.texts = append(p.texts, body)
			l.took = append(l.took, took)
			if told {
				p.told[body] = true
				l.told[l.step]++
			}
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

// wasTold reports whether the person was just told that their text could not be received.
func (l *load) wasTold(ctx context.Context, p *person) (bool, error) {
	for began := time.Now(); time.Since(began) < 2*time.Second; time.Sleep(200 * time.Millisecond) { // the carrier takes a moment
		inbox, err := l.inbox(ctx, p.number)
		if err != nil {
			return false, err
		}
		said := 0
		for _, m := range inbox {
			if m.Body == hotline.DefaultFailure {
				said++
			}
		}
		if said > len(p.told) {
			return true, nil
		}
	}
	return false, nil
}

func (l *load) inbox(ctx context.Context, number string) (inbox []twiliosim.Message, err error) {
	return inbox, ask(ctx, http.MethodGet, l.twilio+"/sim/phones/"+url.PathEscape(number)+"/inbox", nil, &inbox)
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
	l.replies = append(l.replies, reply{number, words})
}

// call lets somebody call. Every other time Anna takes calls; if nobody does the caller leaves a voicemail.
func (l *load) call(ctx context.Context, n int) {
	from := l.number(5000 + n)
	anna := twiliosim.Handset{Answer: n%2 == 0, After: twiliosim.Duration(2 * time.Second), Acts: []twiliosim.Act{{On: "asked", Press: "1"}}}
	err := ask(ctx, http.MethodPut, l.twilio+"/sim/phones/+16175550101/handset", anna, nil)
	var made struct {
		Sid string `json:"sid"`
	}
	if err == nil {
		err = ask(ctx, http.MethodPost, l.twilio+"/sim/calls", twiliosim.Call{From: from, To: simulator.Hotline, Acts: []twiliosim.Act{
			{On: "beep", Say: "Please call me back.", For: twiliosim.Duration(2 * time.Second), HangUp: true},
		}}, &made)
	}
	outcome, thanked := "", false
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
		switch {
		case !now.Leg.Ended.IsZero():
			outcome = became(now.Leg)
		case now.Leg.BridgedWith != "" && !thanked: // says thank you, and that was it
			thanked = true
			ask(ctx, http.MethodPost, l.twilio+"/sim/calls/"+made.Sid+"/hang_up", struct{}{}, nil) //nolint:errcheck // Anna may have hung up
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures = append(l.failures, "calling: "+err.Error())
		return
	}
	l.callers[from] = outcome
}

// What can become of a caller.
const (
	someone = "a person"
	beep    = "a beep"
	silence = "neither a person nor a beep"
	trouble = "an error"
)

// became says what became of a caller.
func became(leg twiliosim.Leg) string {
	outcome := silence
	for _, m := range leg.Moments {
		switch {
		case strings.Contains(m.Text, "application error"):
			return trouble
		case m.What == "beep":
			outcome = beep
		}
	}
	if leg.BridgedWith != "" {
		outcome = someone
	}
	return outcome
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
	f := newLoad()
	f.twilio, f.desk, f.run = l.twilio, l.desk, l.run
	for i := range supporters {
		p := f.person(supporters + i)
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
		b, took, err := f.settle(context.WithoutCancel(ctx))
		fmt.Printf("   %s; all arrived %v after the last\n", b.texts, took.Round(time.Second))
		if err == nil && (!b.texts.right() || b.texts.told > 0) {
			err = errors.New("texts are missing, doubled, out of order or refused")
		}
		return err
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
