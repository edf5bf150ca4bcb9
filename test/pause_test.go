package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/rpc"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

func pause(t *testing.T, c telephonyv1.TelephonyServiceClient) {
	t.Helper()
	_, err := c.PauseHotline(t.Context(), &telephonyv1.PauseHotlineRequest{Pause: &telephonyv1.Pause{Hotline: simulator.Hotline, Reason: "fire drill", PausedBy: "dana"}})
	must(t, err)
}

func resume(t *testing.T, c telephonyv1.TelephonyServiceClient) {
	t.Helper()
	_, err := c.ResumeHotline(t.Context(), &telephonyv1.ResumeHotlineRequest{Hotline: simulator.Hotline})
	must(t, err)
}

// Who calls a paused hotline hears the beep at once, and nobody is called back; afterwards volunteers are rung again. Meanwhile the overview
// says who is in which call.
func TestPauseCalls(t *testing.T) {
	hot := hotline.New(simulator.Hotline, simulator.MailboxID)
	hot.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+16175550101"}}
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		soon := twiliosim.Duration(2 * time.Second)
		h.Twilio.SetHandset("+16175550101", twiliosim.Handset{Answer: true, After: soon, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
		call := func() twiliosim.Leg {
			t.Helper()
			leg, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: supporter, To: simulator.Hotline, Acts: []twiliosim.Act{
				{On: "beep", After: soon, Say: "Hello", For: soon}, {On: "connected", After: soon, HangUp: true},
			}})
			must(t, err)
			h.Recorded()
			return leg
		}
		pause(t, h.Telephony)
		leg := call()
		if !slices.ContainsFunc(leg.Moments, func(m twiliosim.Moment) bool { return m.What == "beep" }) || len(h.Twilio.Legs()) != 1 {
			t.Errorf("while paused: %+v, %d legs", leg.Moments, len(h.Twilio.Legs()))
		}
		_, err := h.CallBacks.StartCallBack(t.Context(), &telephonyv1.StartCallBackRequest{
			Key: "B", Hotline: simulator.Hotline, Supporter: supporter, Agent: "1", AgentName: "Dana", AgentPhone: "+16175550177",
		})
		if errs.KindOf(err) != errs.Precondition || !strings.Contains(err.Error(), "The hotline is paused: fire drill") {
			t.Errorf("called back: %v", err)
		}
		if n := len(h.HelpScout.Conversations()); n != 0 {
			t.Errorf("%d conversations while paused", n)
		}
		resume(t, h.Telephony)
		desk(t, h, supporter, has("left a voicemail"))
		taken := call()
		nothingLeft(t, h)
		for _, over := range []string{"1x Anna hung up (round 1)", "1x the call ended (somebody took it)"} { // Twilio tells of both at once
			wantTold(t, h, taken.Sid, operatorv1.State_STATE_DONE, "1x the call began ()", "1x Anna picked up (round 1)", "1x Anna pressed 1 and has the call (round 1)", over)
		}
		res, _ := told(t, h, leg.Sid)
		if len(res.GetRelated()) != 1 || res.GetRelated()[0].GetKind() != operatorv1.Kind_KIND_VOICEMAIL {
			t.Errorf("related: %v", res.GetRelated())
		}
	}, func(o *hotlinetest.Options) { o.Virtual, o.Hotlines = true, hotline.Hotlines{hot} })
}

// Nothing is lost, doubled or out of order when a hotline is paused in the middle of a crowd, killed while it is paused, and resumed; and while
// it is paused nothing moves but a code that somebody waits for.
func TestPauseKill(t *testing.T) {
	t.Parallel()
	grpc := hotlinetest.FreeAddr(t)
	ctx, vendors, bling := served(t, hotlinetest.Options{HelpScout: func(c *helpscoutsim.Config) {
		c.MaxAttempts, c.DiscardLimit, c.Backoff = 1000, 1000, func(int) time.Duration { return 100 * time.Millisecond }
	}}, "BLING_GRPC_ADDR="+grpc)
	conn, err := rpc.Dial("telephony", grpc, nil)
	must(t, err)
	defer conn.Close()
	telephony := telephonyv1.NewTelephonyServiceClient(conn)

	before := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 20, Texts: 60, Concurrency: 8, Seed: 5, Patience: time.Minute}}
	before.Send(ctx, t, vendors.Twilio)
	before.Arrived(ctx, t, vendors)
	pause(t, telephony)
	marked := func(key string) {
		t.Helper()
		must(t, retried(ctx, func() error {
			_, err := telephony.SendText(ctx, &telephonyv1.SendTextRequest{Key: key, Hotline: simulator.Hotline, To: "+16175550199", Body: key, Private: true})
			return err
		}))
		must(t, vendors.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool {
			return slices.ContainsFunc(s.Inbox("+16175550199"), func(m twiliosim.Message) bool { return m.Body == key })
		}))
	}
	const replies = 3
	for i := range before.Supporters {
		for n := range replies {
			_, err := vendors.HelpScout.AgentReply(conversationOf(vendors, before.Number(i)).ID, helpscoutsim.Reply{Text: fmt.Sprintf("<p>reply %d.</p>", n)})
			must(t, err)
		}
	}
	meanwhile := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 40, Texts: 160, First: 16173000000, Concurrency: 8, Seed: 6, Patience: time.Minute}}
	sent := make(chan struct{})
	go func() { defer close(sent); meanwhile.Send(ctx, t, vendors.Twilio) }()
	marked("code 1")
	bling.Kill()
	bling.Start()
	<-sent
	marked("code 2")
	if n := len(vendors.HelpScout.Conversations()); n != before.Supporters {
		t.Errorf("%d conversations while paused, want %d", n, before.Supporters)
	}
	for i := range before.Supporters {
		if got := vendors.Twilio.Inbox(before.Number(i)); len(got) != 1 {
			t.Errorf("%s has %d texts while paused", before.Number(i), len(got))
		}
	}
	must(t, retried(ctx, func() error {
		_, err := telephony.ResumeHotline(ctx, &telephonyv1.ResumeHotlineRequest{Hotline: simulator.Hotline})
		return err
	}))
	meanwhile.Arrived(ctx, t, vendors)
	meanwhile.Check(t, vendors)
	must(t, vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
		notes := 0
		for i := range before.Supporters {
			for _, of := range notesByReply(conversationOf(vendors, before.Number(i))) {
				notes += len(of)
			}
		}
		return notes >= replies*before.Supporters
	}))
	for i := range before.Supporters {
		var got []string
		for _, m := range vendors.Twilio.Inbox(before.Number(i))[1:] {
			got = append(got, m.Body)
		}
		if !slices.Equal(got, []string{"reply 0.", "reply 1.", "reply 2."}) {
			t.Errorf("%s got %q", before.Number(i), got)
		}
		for n, notes := range notesByReply(conversationOf(vendors, before.Number(i))) {
			if len(notes) != 1 || !strings.HasPrefix(notes[0], "Delivered") {
				t.Errorf("of reply %d the ticket says %q", n, notes)
			}
		}
	}
}

// retried does something again until the hotline, which has just been killed, is there.
func retried(ctx context.Context, do func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if errs.KindOf(err) != errs.Unavailable {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
