package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const replyHelp = `bling reply NUMBER 'we can help'

Answers the person with that number, as an agent in the running simulated help desk, and shows the answer's way to the
phone and what the ticket says of it. Text the hotline first: bling text NUMBER 'hello'

`

// reply plays an agent who answers once.
func reply(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("reply", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), replyHelp); flags.PrintDefaults() }
	v := vendorsFrom(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return fmt.Errorf("want a number and a text, got %d arguments", flags.NArg())
	}
	return v.reply(ctx, os.Stdout, phone.Parse(flags.Arg(0)), flags.Arg(1))
}

func (v *vendors) reply(ctx context.Context, out io.Writer, to phone.Identity, body string) error {
	list, err := v.conversations(ctx, to.Address("")+"@"+simulator.Domain)
	if err != nil {
		return fmt.Errorf("no simulated hotline is running here (start one with: go run ./cmd/bling): %w", err)
	}
	if len(list) == 0 {
		return fmt.Errorf("%s has not written yet; try: bling text %s 'hello'", to.Display(), to.Number)
	}
	c := list[len(list)-1]
	inbox := v.twilio + "/sim/phones/" + url.PathEscape(string(to.Number)) + "/inbox"
	var before, after []twiliosim.Message
	if err := v.get(ctx, inbox, &before); err != nil {
		return err
	}
	step := stopwatch(out)
	var answer any
	if err := v.post(ctx, fmt.Sprintf("%s/sim/conversations/%d/reply", v.helpScout, c.ID), helpscoutsim.Reply{Text: body}, &answer); err != nil {
		return err
	}
	step("an agent has answered in conversation %d", c.Number)
	// The note comes in any case, the text does not: the supporter may have opted out.
	note, err := v.nextNote(ctx, c)
	if err != nil {
		return err
	}
	if err := v.get(ctx, inbox, &after); err != nil {
		return err
	}
	for _, m := range after[len(before):] {
		step("it is on the phone: %s", m.Body)
	}
	step("and the ticket says: %s", note)
	return nil
}

// nextNote waits until a conversation has one more note, and returns it.
func (v *vendors) nextNote(ctx context.Context, before helpscoutsim.Conversation) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var c helpscoutsim.Conversation
		if err := v.get(ctx, fmt.Sprintf("%s/sim/conversations/%d", v.helpScout, before.ID), &c); err != nil {
			return "", err
		}
		for _, t := range c.Threads[len(before.Threads):] {
			if t.Type == "note" {
				return oneLine(t.Body), nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the ticket says nothing of it: %w", ctx.Err())
		}
	}
}
