package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/progress"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

const adoptHelp = `bling adopt                     makes the conversations that are in Help Scout already the hotlines', so that nobody who has one is new

For whoever comes from the original program: docs/switching.md says when to do it. It may be stopped at any time, and goes on where it was.
Done again, it looks at what has come since. It uses half of Help Scout's budget at most.

It talks gRPC to ticketing` + orToBling

// adoption is a run of bling adopt.
type adoption struct {
	ticketing ticketingv1.AdoptServiceClient
	dry       bool
	bar       *progress.Bar // of the mailbox it is at
}

// adopt adopts what is in Help Scout. What became of it goes to out, how far it is to progressTo, which may be a terminal.
func adopt(ctx context.Context, out, progressTo io.Writer, terminal bool, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet("adopt", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), adoptHelp); flags.PrintDefaults() }
	addr := flags.String("ticketing", r.String("BLING_TICKETING_ADDR", "localhost:9102"), "address of the ticketing service")
	mailbox := flags.Int64("mailbox", 0, "only this mailbox, by its `id` in Help Scout; default: those of all hotlines")
	dry := flags.Bool("dry-run", false, "list what would be adopted, and change nothing")
	again := flags.Bool("again", false, "look at all conversations again, not only at what has come since")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return fmt.Errorf("want no arguments, got %q", flags.Args())
	}
	conn, err := dial(r, "ticketing", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	a := adoption{ticketing: ticketingv1.NewAdoptServiceClient(conn), dry: *dry}
	res, err := a.ticketing.ListAdoptions(ctx, &ticketingv1.ListAdoptionsRequest{})
	if err != nil {
		return err
	}
	all := res.GetAdoptions()
	if *mailbox != 0 {
		all = slices.DeleteFunc(all, func(m *ticketingv1.Adoption) bool { return m.GetMailboxId() != *mailbox })
	}
	if len(all) == 0 {
		return errors.New("no hotline has this mailbox")
	}
	for _, m := range all {
		a.bar = progress.New(progressTo, terminal, 0, time.Now)
		a.bar.Label = fmt.Sprintf("mailbox %d", m.GetMailboxId())
		if err := a.mailbox(ctx, out, m.GetMailboxId(), *again); err != nil {
			a.bar.Done()
			return fmt.Errorf("mailbox %d; what is adopted stays so, and bling adopt goes on where it was: %w", m.GetMailboxId(), err)
		}
	}
	return nil
}

// mailbox adopts a mailbox, page by page.
func (a *adoption) mailbox(ctx context.Context, out io.Writer, id int64, again bool) error {
	r := &ticketingv1.AdoptConversationsRequest{MailboxId: id, Begin: true, Again: again, DryRun: a.dry}
	var lines []string
	listed := map[string]bool{}
	for {
		var res *ticketingv1.AdoptConversationsResponse
		err := patiently(ctx, a.bar, func(ctx context.Context) (err error) {
			res, err = a.ticketing.AdoptConversations(ctx, r)
			return err
		})
		if err != nil {
			return err
		}
		r.Begin, r.Again = false, false
		stands := res.GetAdoption()
		if a.dry {
			r.After = stands
			for _, c := range res.GetConversations() {
				if !listed[c.GetSupporter()] { // else they have a newer one
					lines = append(lines, fmt.Sprintf("mailbox %d  conversation #%d  %s  %d threads  supporter %v\n",
						id, c.GetNumber(), c.GetStatus(), c.GetThreads(), phone.Number(c.GetSupporter()).LogValue()))
				}
				listed[c.GetSupporter()] = true
			}
		}
		a.bar.Set(stands.GetTotal()-stands.GetLeft(), stands.GetTotal())
		if !stands.GetDone() {
			continue
		}
		a.bar.Done()
		for _, line := range lines {
			fmt.Fprint(out, line)
		}
		adopted, known, would := stands.GetAdopted(), stands.GetKnown(), ""
		if a.dry {
			known += adopted - int64(len(lines))
			adopted, would = int64(len(lines)), "would be "
		}
		_, err = fmt.Fprintf(out, "mailbox %d: %d conversations, created %s; %d %sadopted, %d older than another one of the same supporter or ours already, "+
			"%d whose number cannot be told, %d of nobody's who texts\n",
			id, stands.GetTotal(), span(stands), adopted, would, known, stands.GetUnclear(), stands.GetForeign())
		return err
	}
}

// span says which conversations were looked at.
func span(a *ticketingv1.Adoption) string {
	if a.GetFrom() == nil {
		return "until " + local(a.GetStartedAt().AsTime())
	}
	return "from " + local(a.GetFrom().AsTime()) + " until " + local(a.GetStartedAt().AsTime())
}

// said is what a service says of an error, without how it came here.
func said(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
