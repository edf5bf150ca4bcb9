package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const phoneHelp = `bling phone NUMBER

Is the phone with that number in the running simulated hotline, until Ctrl-C: shows the texts that come, and rings. Type

  Enter         to pick up
  1             or another key, to press it
  bye           to hang up
  other words   to say them

`

// handset is a phone at the terminal.
type handset struct {
	*vendors
	out   io.Writer
	path  string // of the phone in the simulator's own API
	texts int    // how many were shown
	calls map[string]int
	line  string // the SID of the call that it is in, or that rings
}

func playPhone(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("phone", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), phoneHelp); flags.PrintDefaults() }
	v := vendorsFrom(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	id := phone.Parse(flags.Arg(0))
	if flags.NArg() != 1 || id.Kind != phone.Full {
		flags.Usage()
		return fmt.Errorf("want a phone number such as +16175550177")
	}
	h := &handset{vendors: v, out: os.Stdout, path: v.twilio + "/sim/phones/" + url.PathEscape(string(id.Number)), calls: map[string]int{}}
	if err := v.put(ctx, h.path+"/handset", twiliosim.Handset{Manual: true}); err != nil {
		return fmt.Errorf("no simulated hotline is running here (start one with: go run ./cmd/bling): %w", err)
	}
	defer v.put(context.WithoutCancel(ctx), h.path+"/handset", twiliosim.Handset{}) //nolint:errcheck // the hotline may be gone
	if err := h.look(ctx, string(id.Number), false); err != nil {
		return err
	}
	fmt.Fprintf(h.out, "%s is on. Enter picks up, 1 presses a key, bye hangs up; Ctrl-C ends it.\n", id.Display())
	typed := make(chan string)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			typed <- lines.Text()
		}
	}()
	for tick := time.NewTicker(250 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case line := <-typed:
			if err := h.act(ctx, strings.TrimSpace(line)); err != nil {
				fmt.Fprintln(h.out, "  "+err.Error())
			}
		case <-tick.C:
			if err := h.look(ctx, string(id.Number), true); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// look shows what is new on the phone.
func (h *handset) look(ctx context.Context, number string, show bool) error {
	var inbox []twiliosim.Message
	if err := h.get(ctx, h.path+"/inbox", &inbox); err != nil {
		return err
	}
	for _, m := range inbox[min(h.texts, len(inbox)):] {
		if show {
			fmt.Fprintf(h.out, "  text from %s: %s\n", phone.Parse(m.From).Display(), m.Body)
		}
	}
	h.texts = len(inbox)
	var legs []twiliosim.Leg
	if err := h.get(ctx, h.twilio+"/sim/calls?number="+url.QueryEscape(number), &legs); err != nil {
		return err
	}
	h.line = ""
	for _, l := range legs {
		if l.To != number {
			continue
		}
		if l.Ended.IsZero() {
			h.line = l.Sid
		}
		for _, m := range l.Moments[min(h.calls[l.Sid], len(l.Moments)):] {
			if show {
				fmt.Fprintf(h.out, "  call from %s: %s\n", phone.Parse(l.From).Display(), heardMoment{Moment: m}.line())
			}
		}
		h.calls[l.Sid] = len(l.Moments)
	}
	return nil
}

// act does what was typed.
func (h *handset) act(ctx context.Context, line string) error {
	if h.line == "" {
		return fmt.Errorf("the phone does not ring")
	}
	var answer any
	act := func(what string, body any) error {
		return h.post(ctx, h.twilio+"/sim/calls/"+h.line+"/"+what, body, &answer)
	}
	switch {
	case line == "":
		return act("pick_up", struct{}{})
	case line == "bye":
		return act("hang_up", struct{}{})
	case strings.Trim(line, "0123456789*#") == "":
		return act("press", map[string]string{"keys": line})
	}
	return act("speak", map[string]string{"words": line, "for": "2s"})
}
