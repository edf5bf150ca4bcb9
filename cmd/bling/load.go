package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/progress"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

const loadHelp = `bling load mobilecommons        brings texts of a time that is over into the tickets: those that came to the campaigns before they were ours
bling load twilio               the same for a number that was somebody else's until now

Nobody gets an answer because of it, and nobody is subscribed. It may be stopped at any time, and goes on where it was if it is given the same
time. It takes as long as the tickets do: everything that comes in meanwhile goes first. What has come since the hotline is ours is left alone:
that comes by itself.

It talks gRPC to telephony` + orToBling

const (
	// shortestStep and longestStep are how much of a time is looked at in one go; fewTexts make the step longer.
	shortestStep, longestStep = time.Second, 7 * 24 * time.Hour
	fewTexts                  = 20
)

// load brings texts of the past into the tickets.
func load(ctx context.Context, out, progressTo io.Writer, terminal bool, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), loadHelp); flags.PrintDefaults() }
	addr := flags.String("telephony", r.String("BLING_TELEPHONY_ADDR", "localhost:9101"), "address of the telephony service")
	var from, to time.Time
	flags.Func("from", "the beginning of the `time`, such as 2026-10-01 or 2026-10-01T08:30:00Z; required", moment(&from))
	flags.Func("to", "its end; default: now", moment(&to))
	only := flags.String("hotline", "", "only this hotline: a campaign's `id`, or a number; default: all of them at this carrier")
	dry := flags.Bool("dry-run", false, "count what would be loaded, and change nothing")
	again := flags.Bool("again", false, "look at all of the time again, not only at what is left of it")
	words, err := mixed(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || from.IsZero() {
		flags.Usage()
		return errors.New("want the name of a carrier, and -from")
	}
	now := time.Now().Truncate(time.Second)
	if to.IsZero() {
		to = now
	}
	if !from.Before(to) || to.After(now) {
		return fmt.Errorf("from %s to %s is not a time that is over", local(from), local(to))
	}
	at := hotline.FromEnv(r).On(hotline.Transport(words[0]))
	conn, err := dial(r, "telephony", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	l := loading{telephony: telephonyv1.NewLoadServiceClient(conn), from: from, to: to, dry: *dry}
	loaded := 0
	for _, h := range at {
		for _, number := range h.Numbers() {
			if *only != "" && *only != hotline.Campaign(number) && phone.Parse(*only).Number != number {
				continue
			}
			l.bar = progress.New(progressTo, terminal, 0, time.Now)
			l.bar.Label = string(number)
			if err := l.number(ctx, out, number, *again); err != nil {
				l.bar.Done()
				if !l.dry && errs.KindOf(err) != errs.Invalid { // whoever stops it sees no error
					fmt.Fprintln(progressTo, "what is loaded stays so; this goes on where it was: bling load", words[0], l.arguments(*only))
				}
				return fmt.Errorf("%s: %w", number, err)
			}
			loaded++
		}
	}
	if loaded == 0 {
		return fmt.Errorf("no hotline is at %s, or none is the one that is wanted", words[0])
	}
	return nil
}

// moment reads a day, in this machine's time, or a time.
func moment(into *time.Time) func(string) error {
	return func(s string) (err error) {
		if *into, err = time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
			return nil
		}
		if *into, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("%q is not a time such as 2026-10-01 or 2026-10-01T08:30:00Z", s)
		}
		return nil
	}
}

// loading is a run of bling load.
type loading struct {
	telephony telephonyv1.LoadServiceClient
	from, to  time.Time
	dry       bool
	bar       *progress.Bar // of the hotline it is at
}

// arguments are those that go on with this load, which is known by its time.
func (l *loading) arguments(only string) string {
	s := "-from " + l.from.UTC().Format(time.RFC3339) + " -to " + l.to.UTC().Format(time.RFC3339)
	if only != "" {
		s += " -hotline " + only
	}
	return s
}

// number loads the texts to a number, step by step. How long the steps are depends on how much there is.
func (l *loading) number(ctx context.Context, out io.Writer, number phone.Number, again bool) error {
	r := &telephonyv1.LoadTextsRequest{
		Hotline: string(number), From: timestamppb.New(l.from), To: timestamppb.New(l.to), Again: again, DryRun: l.dry,
	}
	var found, fresh int64
	for step := time.Hour; ; {
		r.StepSeconds = int64(step / time.Second)
		var res *telephonyv1.LoadTextsResponse
		err := patiently(ctx, l.bar, func(ctx context.Context) (err error) {
			res, err = l.telephony.LoadTexts(ctx, r)
			return err
		})
		if err != nil {
			return err
		}
		r.Again = false
		till := res.GetTill()
		if l.dry {
			r.After = till
		}
		found, fresh = found+res.GetFound(), fresh+res.GetFresh()
		l.bar.Count, l.bar.Unit = fresh, "texts"
		l.bar.Set(int64(till.AsTime().Sub(l.from)/time.Second), int64(l.to.Sub(l.from)/time.Second))
		switch {
		case res.GetTooMuch() && step == shortestStep:
			return fmt.Errorf("there are more texts in the second of %s than the list shows", local(till.AsTime()))
		case res.GetTooMuch():
			step = max(shortestStep, (step / 4).Truncate(time.Second))
		case !till.AsTime().Before(l.to):
			l.bar.Done()
			would := ""
			if l.dry {
				would = "would be "
			}
			_, err := fmt.Fprintf(out, "%s: %d texts found, of which %d %snew\n", number, found, fresh, would)
			return err
		case res.GetFound() < fewTexts:
			step = min(longestStep, 2*step)
		}
	}
}
