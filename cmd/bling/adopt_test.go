package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// pages is a ticketing service with two mailboxes of some pages each. Whoever asks for a page gets the errors first.
type pages struct {
	ticketingv1.UnimplementedAdoptServiceServer
	errors []error
	asked  []*ticketingv1.AdoptConversationsRequest
	at     map[int64]int64 // mailbox to page
}

const pagesEach = 3

func (p *pages) ListAdoptions(context.Context, *ticketingv1.ListAdoptionsRequest) (*ticketingv1.ListAdoptionsResponse, error) {
	return &ticketingv1.ListAdoptionsResponse{Adoptions: []*ticketingv1.Adoption{{MailboxId: 7}, {MailboxId: 8}}}, nil
}

func (p *pages) AdoptConversations(_ context.Context, r *ticketingv1.AdoptConversationsRequest) (*ticketingv1.AdoptConversationsResponse, error) {
	p.asked = append(p.asked, proto.CloneOf(r))
	if len(p.errors) > 0 {
		err := p.errors[0]
		p.errors = p.errors[1:]
		return nil, err
	}
	at := &p.at
	if r.GetDryRun() {
		at = &map[int64]int64{r.GetMailboxId(): r.GetAfter().GetTotal() - r.GetAfter().GetLeft()}
	}
	(*at)[r.GetMailboxId()]++
	n := (*at)[r.GetMailboxId()]
	return &ticketingv1.AdoptConversationsResponse{
		Adoption: &ticketingv1.Adoption{
			MailboxId: r.GetMailboxId(), StartedAt: timestamppb.New(time.Unix(1e9, 0)), Total: pagesEach, Left: pagesEach - n, Adopted: n, Unclear: 11, Foreign: 12, Done: n == pagesEach,
		},
		Conversations: []*ticketingv1.AdoptedConversation{{ConversationId: 1000 + n, Number: 40 + n, Supporter: fmt.Sprintf("+161755501%02d", 40+n/2), Threads: 5, Status: "closed"}},
	}, nil
}

// runAdopt runs the command against it, not at a terminal.
func runAdopt(t *testing.T, p *pages, args ...string) (out, progress string, err error) {
	t.Helper()
	p.at, p.asked = map[int64]int64{}, nil
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	ticketingv1.RegisterAdoptServiceServer(server, p)
	go server.Serve(lis) //nolint:errcheck // it ends with the test
	defer server.Server.Stop()
	var o, e strings.Builder
	err = adopt(t.Context(), &o, &e, false, []string{"BLING_TICKETING_ADDR=" + lis.Addr().String(), "BLING_PRIVATE_ADDR=:9999"}, args)
	return o.String(), e.String(), err
}

// All pages of all mailboxes are asked for, each again while there is reason to wait, and no longer than it says.
func TestAdoptCommand(t *testing.T) {
	p := &pages{errors: []error{
		errs.New(errs.RateLimited, "the budget is spent").After(time.Second), errs.New(errs.Busy, "somebody else").After(time.Millisecond),
		errs.New(errs.Unavailable, "the database is away").After(time.Millisecond),
	}}
	began := time.Now()
	out, progress, err := runAdopt(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(began) < time.Second {
		t.Error("it does not wait as long as it is told to")
	}
	if !strings.Contains(progress, "waits 1s: the budget is spent\n") || !strings.Contains(progress, "mailbox 8  3 of 3") {
		t.Errorf("progress %q", progress)
	}
	for _, mailbox := range []string{"7", "8"} {
		if !strings.Contains(out, "mailbox "+mailbox+": 3 conversations, created until ") || strings.Count(out, "; 3 adopted, 0 older") != 2 || !strings.Contains(out, "11 whose number cannot be told, 12 of") {
			t.Errorf("it says %q", out)
		}
	}
	if len(p.asked) != 2*pagesEach+3 {
		t.Errorf("asked %d times", len(p.asked))
	}
	for i, r := range p.asked {
		first := i < 4 || i == 3+pagesEach
		if r.GetBegin() != first || r.GetAgain() || r.GetDryRun() || r.GetAfter() != nil {
			t.Errorf("request %d: %v", i, r)
		}
	}
}

// Only one mailbox, from the beginning; what begins anew does so once.
func TestAdoptAgain(t *testing.T) {
	p := &pages{}
	if _, _, err := runAdopt(t, p, "-mailbox", "8", "-again"); err != nil {
		t.Fatal(err)
	}
	for i, r := range p.asked {
		if r.GetMailboxId() != 8 || r.GetAgain() != (i == 0) {
			t.Errorf("request %d: %v", i, r)
		}
	}
}

// A dry run goes on from what it was told, and lists each supporter once, without their number.
func TestAdoptDryRun(t *testing.T) {
	p := &pages{}
	out, progress, err := runAdopt(t, p, "-mailbox", "7", "-dry-run")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range p.asked {
		if !r.GetDryRun() || r.GetAfter().GetAdopted() != int64(i) {
			t.Errorf("request %d: %v", i, r)
		}
	}
	want := "mailbox 7  conversation #41  closed  5 threads  supporter ..40\nmailbox 7  conversation #42  closed  5 threads  supporter ..41\n"
	if !strings.HasPrefix(out, want+"mailbox 7: 3 conversations") || !strings.Contains(out, "; 2 would be adopted, 1 older than") {
		t.Errorf("it says %q", out)
	}
	if strings.Contains(out+progress, "555") {
		t.Errorf("a number is shown: %q", out)
	}
}

// What waiting does not cure is said at once.
func TestAdoptRefused(t *testing.T) {
	for _, args := range [][]string{{"-mailbox", "9"}, {"7"}, {"-x"}} {
		if out, _, err := runAdopt(t, &pages{}, args...); err == nil || out != "" {
			t.Errorf("%q: %q, %v", args, out, err)
		}
	}
	p := &pages{errors: []error{errs.New(errs.Precondition, "Help Scout does not take it")}}
	if _, _, err := runAdopt(t, p); err == nil || !strings.Contains(err.Error(), "goes on where it was") || len(p.asked) != 1 {
		t.Errorf("after %d requests: %v", len(p.asked), err)
	}
}
