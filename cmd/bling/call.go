package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const callHelp = `bling call NUMBER

Calls the running simulated hotline as the person with that number, in real time: shows who is rung and what is heard. If nobody
takes the call, the caller leaves a voicemail, and its way into the help desk is shown. Start the hotline first: go run ./cmd/bling

  bling call +16175550142                             nobody answers: voicemail
  bling call -answer +16175550101 +16175550142        a volunteer picks up and presses 1
  bling call -machine +16175550101 +16175550142       a volunteer's own answering machine picks up
  bling call -hangup 3s +16175550142                  the caller gives up

`

// caller is what the person who calls does, and the volunteers.
type caller struct {
	say             string
	hangUp          time.Duration
	answer, machine string
}

// call plays somebody who calls.
func call(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), callHelp); flags.PrintDefaults() }
	v := vendorsFrom(flags)
	var c caller
	flags.StringVar(&c.say, "say", "Hello, I need some help. Please call me back.", "what the caller says after the beep")
	flags.DurationVar(&c.hangUp, "hangup", 0, "hang up after so long, whatever happens")
	flags.StringVar(&c.answer, "answer", "", "number of a volunteer who takes the call")
	flags.StringVar(&c.machine, "machine", "", "number of a volunteer whose answering machine picks up")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return fmt.Errorf("want a number, got %d arguments", flags.NArg())
	}
	from := phone.Parse(flags.Arg(0))
	if from.Kind != phone.Full {
		return fmt.Errorf("%q is not a phone number; try +16175550142", flags.Arg(0))
	}
	return v.call(ctx, os.Stdout, from, c)
}

// acts are what the caller does: they say something after the beep and hang up, or just hang up in the end.
func (c caller) acts() []twiliosim.Act {
	if c.hangUp > 0 {
		return []twiliosim.Act{{After: twiliosim.Duration(c.hangUp), HangUp: true}}
	}
	second := twiliosim.Duration(time.Second)
	return []twiliosim.Act{{On: "beep", After: second, Say: c.say}, {After: second, HangUp: true}}
}

// handsets are what the volunteers' phones do during the call.
func (c caller) handsets() map[string]twiliosim.Handset {
	second := twiliosim.Duration(time.Second)
	sets := map[string]twiliosim.Handset{}
	if c.answer != "" {
		sets[c.answer] = twiliosim.Handset{Answer: true, After: 3 * second, Acts: []twiliosim.Act{
			{On: "asked", After: second, Press: "1"}, {On: "connected", After: 5 * second, HangUp: true},
		}}
	}
	if c.machine != "" {
		sets[c.machine] = twiliosim.Handset{Machine: true, After: 2 * second}
	}
	return sets
}

// call shows a call while it goes on, and then what has become of it.
func (v *vendors) call(ctx context.Context, out io.Writer, from phone.Identity, c caller) error {
	email := from.Address("") + "@" + simulator.Domain
	before, err := v.conversations(ctx, email)
	if err != nil {
		return fmt.Errorf("no simulated hotline is running here (start one with: go run ./cmd/bling): %w", err)
	}
	for number, set := range c.handsets() {
		path := v.twilio + "/sim/phones/" + url.PathEscape(number) + "/handset"
		var was twiliosim.Handset
		if err := v.get(ctx, path, &was); err != nil {
			return err
		}
		if err := v.put(ctx, path, set); err != nil {
			return err
		}
		defer v.put(context.WithoutCancel(ctx), path, was) //nolint:errcheck // the next call says what it wants
	}
	step := stopwatch(out)
	fmt.Fprintf(out, "           %s calls %s\n", from.Display(), phone.Parse(simulator.Hotline).Display())
	var begun struct {
		SID string `json:"sid"`
	}
	if err := v.post(ctx, v.twilio+"/sim/calls", twiliosim.Call{From: string(from.Number), To: simulator.Hotline, Acts: c.acts()}, &begun); err != nil {
		return err
	}
	entry, err := v.listen(ctx, step, begun.SID)
	if err != nil {
		return err
	}
	if !entry {
		step("they have talked; there is nothing of it in the help desk")
		return nil
	}
	conversation, err := v.arrival(ctx, email, threads(before)+1)
	if err != nil {
		return err
	}
	step("it is in the help desk: conversation %d, %q", conversation.Number, conversation.Subject)
	for _, t := range conversation.Threads {
		fmt.Fprintf(out, "             %-8s  %s\n", t.Type, oneLine(t.Body))
	}
	fmt.Fprintf(out, "\n           The help desk: %s/sim/inbox\n", v.helpScout)
	return nil
}

// heardMoment is something that happened on a phone during a call.
type heardMoment struct {
	who string
	twiliosim.Moment
}

// line is what happened, in words.
func (m heardMoment) line() string {
	switch m.What {
	case "said", "spoke":
		return m.What + ": " + m.Text
	case "connected":
		return m.What // the other leg's id tells nobody anything
	}
	return strings.TrimSpace(m.What + " " + m.Text)
}

// listen shows what happens until the call is over. It reports whether the call leaves something in the help desk.
func (v *vendors) listen(ctx context.Context, step func(string, ...any), sid string) (entry bool, err error) {
	for shown := 0; ; {
		var now struct {
			Leg      twiliosim.Leg   `json:"leg"`
			Children []twiliosim.Leg `json:"children"`
		}
		if err := v.get(ctx, fmt.Sprintf("%s/sim/calls/%s?wait_after=%d&timeout_ms=%d", v.twilio, sid, shown, wait.Milliseconds()), &now); err != nil {
			return false, err
		}
		var all []heardMoment
		for _, m := range now.Leg.Moments {
			all = append(all, heardMoment{"caller", m})
		}
		for _, leg := range now.Children {
			for _, m := range leg.Moments {
				all = append(all, heardMoment{phone.Parse(leg.To).Display(), m})
			}
		}
		slices.SortStableFunc(all, func(a, b heardMoment) int { return int(a.At - b.At) })
		for _, m := range all[min(shown, len(all)):] {
			step("%-12s  %s", m.who, m.line())
		}
		shown = len(all)
		if !now.Leg.Ended.IsZero() {
			return now.Leg.BridgedWith == "", nil
		}
	}
}

func (v *vendors) put(ctx context.Context, address string, in any) error {
	var answer any
	return v.send(ctx, http.MethodPut, address, in, &answer)
}
