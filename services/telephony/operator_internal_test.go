package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

func (d *desk) RecordInboundText(_ context.Context, r *ticketingv1.RecordInboundTextRequest, _ ...grpc.CallOption) (*ticketingv1.RecordInboundTextResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, r.GetParty().GetSupporter()+" "+r.GetBody())
	return &ticketingv1.RecordInboundTextResponse{ConversationId: 7}, nil
}

// took returns what the desk has taken since it was last asked.
func (d *desk) took() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	took := d.notes
	d.notes = nil
	return took
}

// receive has a text come in.
func (b *bench) receive(sid, from, to, body string) {
	b.t.Helper()
	_, err := b.ReceiveText(b.ctx, &telephonyv1.ReceiveTextRequest{MessageSid: sid, From: from, To: to, Body: body})
	fatal(b.t, err)
}

// A hotline that is paused with many lanes costs nothing while it is: none of them has a job. Resumed, all go on at once, each text
// once and in the order of its lane.
func TestPauseManyLanes(t *testing.T) {
	const lanes, texts = 100, 3
	b := newBench(t)
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	_, err := b.PauseHotline(ctx, &telephonyv1.PauseHotlineRequest{Pause: &telephonyv1.Pause{Hotline: ours, Reason: "fire drill"}})
	fatal(t, err)
	for n := range texts {
		var rows []sqlstore.TextInRow
		for l := range lanes {
			from := fmt.Sprintf("+1617555%04d", l)
			rows = append(rows, sqlstore.TextInRow{
				MessageSID: fmt.Sprintf("SM%d-%d", l, n), Lane: lane(ours, from), Hotline: ours, Supporter: from, Body: fmt.Sprint(n), ReceivedAt: b.Now(),
			})
		}
		for some := range slices.Chunk(rows, 100) {
			_, err := b.store.RecordTexts(ctx, some)
			fatal(t, err)
		}
	}
	ran, stopped := make(chan error, 1), context.CancelFunc(nil)
	runCtx, stopped := context.WithCancel(ctx)
	go func() { ran <- b.Run(runCtx) }()
	defer func() { stopped(); fatal(t, <-ran) }()
	fatal(t, jobs.Idle(ctx, b.DB))
	if took := b.desk.took(); len(took) != 0 {
		t.Fatalf("%d texts were delivered while paused", len(took))
	}
	_, err = b.ResumeHotline(ctx, &telephonyv1.ResumeHotlineRequest{Hotline: ours})
	fatal(t, err)
	fatal(t, jobs.Idle(ctx, b.DB))
	took := b.desk.took()
	if len(took) != lanes*texts {
		t.Errorf("%d texts were delivered, want %d", len(took), lanes*texts)
	}
	slices.SortStableFunc(took, func(a, b string) int { return strings.Compare(a[:12], b[:12]) })
	for i, text := range took {
		if text[13:] != fmt.Sprint(i%texts) {
			t.Fatalf("%q is out of order", text)
		}
	}
}

// Unrouted texts go on when their number is configured, without waiting for the next look; the lanes of what goes on are woken.
func TestRetryUnrouted(t *testing.T) {
	b := newBench(t)
	const other = "+15550100"
	for i, to := range []string{ours, other} {
		b.receive(fmt.Sprint("SM", i), caller, to, "hello")
		text, err := b.store.NextText(b.ctx, lane(phone.Number(to), caller))
		fatal(t, err)
		fatal(t, b.store.TextEnded(b.ctx, text, sqlstore.Unrouted, "no hotline has this number", b.Now())) // by another replica
	}
	res, err := b.RetryItems(b.ctx, &operatorv1.RetryItemsRequest{Unrouted: true})
	fatal(t, err)
	if !slices.Equal(res.GetId(), []string{"SM0"}) || res.GetCount() != 1 {
		t.Errorf("%v", res)
	}
	if more, err := b.deliver(b.ctx, lane(ours, caller)); !more || err != nil || len(b.desk.took()) != 1 {
		t.Errorf("it does not go on: %v, %v", more, err)
	}
}

// What is said to operators of an error never has what somebody else put into it.
func TestReason(t *testing.T) {
	secret := errors.New("to +16175550142: the body")
	for want, err := range map[string]error{
		"a mistake of ours; the log says more":                                 fmt.Errorf("reading: %w", secret),
		"delivering text: ticketing cannot do this now":                        errs.Wrap(errs.Unavailable, errs.Wrap(errs.Unavailable, secret, "ticketing cannot do this now"), "delivering text"),
		"carrier does not take texts now: Twilio answers with status 429":      errs.Wrap(errs.Unavailable, &carrier.Error{Carrier: "Twilio", Status: 429}, "carrier does not take texts now"),
		"not now: Telnyx answers with status 400, error 21211":                 errs.Wrap(errs.Unavailable, fmt.Errorf("%w: %w", &carrier.Error{Carrier: "Telnyx", Status: 400, Code: 21211}, secret), "not now"),
		"Twilio does not answer":                                               &carrier.Error{Carrier: "Twilio"},
		"attaching media: the carrier does not have the file yet":              errs.Wrap(errs.Unavailable, fmt.Errorf("%w: %w", carrier.ErrNotReady, secret), "attaching media"),
		"Help Scout does not take this text: its subject has too many letters": fmt.Errorf("calling: %w", errs.New(errs.Precondition, "Help Scout does not take this text: its subject has too many letters")),
	} {
		if got := reason(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A step shows the trace that it was in if it is not its item's.
func TestTraceIDs(t *testing.T) {
	const first, second = "0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c"
	item := "00-" + first + "-b7ad6b7169203331-01"
	for carried, want := range map[string]string{"": "", "00-" + first + "-c7ad6b7169203331-01": "", "00-" + second + "-b7ad6b7169203331-01": second} {
		if got := stepProto(sqlstore.StepRow{Trace: carried}, item).GetTraceId(); got != want {
			t.Errorf("a step in %q has %q", carried, got)
		}
	}
}

// What waits for its time, or for another worker, is no trouble; what fails is noted, once.
func TestNoted(t *testing.T) {
	b := newBench(t)
	stopping, stop := context.WithCancel(b.ctx)
	stop()
	for _, err := range []error{
		nil, errs.New(errs.Unavailable, "its turn has not come").After(time.Second), errs.Wrap(errs.Busy, errors.New("held"), "somebody else works on it"),
	} {
		if got := b.noted(b.ctx, "SM1", "waits", err); !errors.Is(got, err) {
			t.Errorf("%v came back as %v", err, got)
		}
	}
	b.noted(stopping, "SM1", "waits", errors.New("cancelled")) //nolint:errcheck // it is the same error
	if steps, err := b.store.Steps(b.ctx, "SM1"); len(steps) != 0 || err != nil {
		t.Errorf("noted: %+v, %v", steps, err)
	}
	for range 3 {
		b.noted(b.ctx, "SM1", "waits", errors.New("broken")) //nolint:errcheck // it is the same error
	}
	if steps, err := b.store.Steps(b.ctx, "SM1"); len(steps) != 1 || err != nil || !steps[0].Trouble {
		t.Errorf("noted: %+v, %v", steps, err)
	}
}

// The live view tells who talks; while nobody does, whose phones ring; and then that it is the voicemail's turn.
func TestLiveCall(t *testing.T) {
	b := newBench(t, func(c *hotline.Calls) {
		c.Phones = []hotline.Phone{{Name: "Anna", Number: "+16175550101"}, {Name: "Ben", Number: "+16175550102"}}
		c.Strategy, c.AtOnce = hotline.RingInOrder, 1
	})
	show := func(want string) {
		t.Helper()
		b.Recorded()
		res, err := b.GetOverview(b.ctx, &operatorv1.GetOverviewRequest{})
		fatal(t, err)
		got := ""
		for _, c := range res.GetCalls() {
			got += c.GetState() + " " + strings.Join(c.GetPeople(), ", ")
		}
		if got != want {
			t.Errorf("calls: %q, want %q", got, want)
		}
	}
	show("")
	_, err := b.ReceiveCall(b.ctx, &telephonyv1.ReceiveCallRequest{CallSid: "CA1", From: caller, To: ours})
	fatal(t, err)
	show("ringing Anna")
	began := b.Now().UnixMilli()
	_, err = b.EndRound(b.ctx, &telephonyv1.EndRoundRequest{
		CallSid: "CA1", From: caller, To: ours, DialCallStatus: "no-answer", DialBridged: "false", Round: 1, Began: began, Since: began, Rung: "0", Rest: "1",
	})
	fatal(t, err)
	show("ringing Ben")
	_, err = b.AskPhone(b.ctx, &telephonyv1.AskPhoneRequest{CallSid: "CL2", ParentCallSid: "CA1", To: "+16175550102", Hotline: ours, Phone: 1, Round: 2})
	fatal(t, err)
	_, err = b.TakeKey(b.ctx, &telephonyv1.TakeKeyRequest{CallSid: "CL2", ParentCallSid: "CA1", To: "+16175550102", Hotline: ours, Phone: 1, Round: 2, Digits: "1"})
	fatal(t, err)
	show("talking Ben")
	_, err = b.EndRound(b.ctx, &telephonyv1.EndRoundRequest{
		CallSid: "CA1", From: caller, To: ours, DialCallStatus: "completed", DialBridged: "false", Round: 2, Began: began, Since: began, Rung: "1",
	})
	fatal(t, err)
	show("voicemail ")
	_, err = b.ReceiveCallStatus(b.ctx, &telephonyv1.ReceiveCallStatusRequest{CallSid: "CA1", From: caller, To: ours, CallStatus: "completed", CallDuration: 30})
	fatal(t, err)
	show("")
}

// Pauses are checked like blocks: a hotline must be one, and somebody must say why.
func TestPauseErrors(t *testing.T) {
	b := newBench(t)
	for field, p := range map[string]*telephonyv1.Pause{
		"pause.hotline":   {Hotline: "+15550100", Reason: "why"},
		"pause.reason":    {Hotline: ours, Reason: ""},
		"pause.paused_by": {Hotline: ours, Reason: "why", PausedBy: strings.Repeat("x", 101)},
	} {
		if _, err := b.PauseHotline(b.ctx, &telephonyv1.PauseHotlineRequest{Pause: p}); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := b.ResumeHotline(b.ctx, &telephonyv1.ResumeHotlineRequest{Hotline: ours}); err != nil {
		t.Errorf("what is not paused: %v", err)
	}
}

// A hotline that is paused stays so with the numbers that it gets.
func TestPauseNewNumber(t *testing.T) {
	b := newBench(t)
	_, err := b.PauseHotline(b.ctx, &telephonyv1.PauseHotlineRequest{Pause: &telephonyv1.Pause{Hotline: ours, Reason: "fire drill", PausedBy: "dana"}})
	fatal(t, err)
	b.Hotlines[0].MoreNumbers = []phone.Number{"+15017122662"}
	fatal(t, b.pauseNewNumbers(b.ctx))
	b.receive("SM1", caller, "+15017122662", "hello")
	if more, err := b.deliver(b.ctx, lane("+15017122662", caller)); more || err != nil {
		t.Errorf("it is delivered: %v, %v", more, err)
	}
	list, err := b.ListPauses(b.ctx, &telephonyv1.ListPausesRequest{})
	fatal(t, err)
	if len(list.GetPauses()) != 1 || list.GetPauses()[0].GetHotline() != ours || list.GetPauses()[0].GetPausedBy() != "dana" {
		t.Errorf("%v", list)
	}
}
