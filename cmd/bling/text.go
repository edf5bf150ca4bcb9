package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const textHelp = `bling text NUMBER 'hello'

Texts the running simulated hotline as the person with that number, and shows the text's way into the help desk
and what comes back. Start the hotline first: go run ./cmd/bling

`

// vendors are the running simulated vendors, seen from a terminal.
type vendors struct{ twilio, helpScout string }

// vendorsFrom adds the flags that say where the vendors are.
func vendorsFrom(flags *flag.FlagSet) *vendors {
	var v vendors
	flags.StringVar(&v.twilio, "twilio", "http://"+simulator.TwilioAddr, "address of the simulated Twilio")
	flags.StringVar(&v.helpScout, "helpscout", "http://"+simulator.HelpScoutAddr, "address of the simulated Help Scout")
	return &v
}

// stopwatch returns what prints a step with the time that it took to come there.
func stopwatch(out io.Writer) func(format string, args ...any) {
	start := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(out, "%6.0f ms  %s\n", float64(time.Since(start).Microseconds())/1000, fmt.Sprintf(format, args...))
	}
}

// oneLine is a thread's body on one line.
func oneLine(body string) string {
	return strings.ReplaceAll(html.UnescapeString(body), "<br>\n", " / ")
}

// text plays a supporter who sends one text.
func text(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("text", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), textHelp); flags.PrintDefaults() }
	v := vendorsFrom(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return fmt.Errorf("want a number and a text, got %d arguments", flags.NArg())
	}
	from := phone.Parse(flags.Arg(0))
	if from.Kind != phone.Full && from.Kind != phone.ShortCode {
		return fmt.Errorf("%q is not a phone number; try +16175550142", flags.Arg(0))
	}
	return v.text(ctx, os.Stdout, from, flags.Arg(1))
}

// wait is how long the terminal waits for each step.
const wait = 10 * time.Second

func (v *vendors) text(ctx context.Context, out io.Writer, from phone.Identity, body string) error {
	email := from.Address("") + "@" + simulator.Domain
	before, err := v.conversations(ctx, email)
	if err != nil {
		return fmt.Errorf("no simulated hotline is running here (start one with: go run ./cmd/bling): %w", err)
	}
	var inbox []twiliosim.Message
	if err := v.get(ctx, v.twilio+"/sim/phones/"+url.PathEscape(string(from.Number))+"/inbox", &inbox); err != nil {
		return err
	}
	step := stopwatch(out)
	fmt.Fprintf(out, "           %s texts %s: %s\n", from.Display(), phone.Parse(simulator.Hotline).Display(), body)

	var delivery twiliosim.Delivery
	if err := v.post(ctx, v.twilio+"/sim/texts", twiliosim.Text{From: string(from.Number), To: simulator.Hotline, Body: body}, &delivery); err != nil {
		return err
	}
	if delivery.Lost {
		return fmt.Errorf("the hotline did not take the text: %+v", delivery.Attempts)
	}
	step("the hotline has it: stored and answered (%s)", delivery.MessageSid)

	c, err := v.arrival(ctx, email, threads(before)+1)
	if err != nil {
		return err
	}
	step("it is in the help desk: conversation %d, %q", c.Number, c.Subject)
	for _, t := range c.Threads {
		fmt.Fprintf(out, "             %-8s  %s\n", t.Type, oneLine(t.Body))
	}
	if len(before) > 0 {
		return nil
	}
	n := len(inbox)
	if err := v.get(ctx, fmt.Sprintf("%s/sim/phones/%s/inbox?wait_after=%d&timeout_ms=%d", v.twilio, url.PathEscape(string(from.Number)), n, wait.Milliseconds()), &inbox); err != nil {
		return err
	}
	if len(inbox) > n {
		step("and back on the phone: %s", inbox[len(inbox)-1].Body)
	}
	fmt.Fprintf(out, "\n           The help desk: %s/sim/inbox\n", v.helpScout)
	return nil
}

// arrival waits until the supporter's conversations have n threads of theirs and returns the newest conversation.
func (v *vendors) arrival(ctx context.Context, email string, n int) (c helpscoutsim.Conversation, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for have := n; ; have++ {
		var waited any
		if err := v.get(ctx, fmt.Sprintf("%s/sim/wait?email=%s&threads=%d&timeout_ms=%d", v.helpScout, url.QueryEscape(email), have, wait.Milliseconds()), &waited); err != nil {
			return c, err
		}
		list, err := v.conversations(ctx, email)
		if err != nil {
			return c, err
		}
		if threads(list) >= n {
			return list[len(list)-1], nil
		}
	}
}

func (v *vendors) conversations(ctx context.Context, email string) ([]helpscoutsim.Conversation, error) {
	var answer struct {
		Conversations []helpscoutsim.Conversation `json:"conversations"`
	}
	err := v.get(ctx, v.helpScout+"/sim/conversations?email="+url.QueryEscape(email), &answer)
	return answer.Conversations, err
}

// threads counts what the supporter has written.
func threads(list []helpscoutsim.Conversation) (n int) {
	for _, c := range list {
		for _, t := range c.Threads {
			if t.Type == "customer" {
				n++
			}
		}
	}
	return n
}

func (v *vendors) get(ctx context.Context, address string, out any) error {
	return v.ask(ctx, http.MethodGet, address, nil, out)
}

func (v *vendors) post(ctx context.Context, address string, in, out any) error {
	return v.send(ctx, http.MethodPost, address, in, out)
}

func (v *vendors) send(ctx context.Context, method, address string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return v.ask(ctx, method, address, body, out)
}

func (v *vendors) ask(ctx context.Context, method, address string, body []byte, out any) error {
	q, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(data)))
	}
	return json.Unmarshal(data, out)
}
