package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

const (
	kim  = "+16175550142" // texts the hotline
	dana = "+16175550177" // calls back
)

// backs is a hotline to which Kim has written.
type backs struct {
	*hotlinetest.Hotline
	t            *testing.T
	conversation int64
}

func startBacks(t *testing.T, o hotlinetest.Options) *backs {
	t.Helper()
	b := &backs{Hotline: hotlinetest.Start(t, o), t: t}
	b.conversation = b.write(kim, "Please call me.")
	return b
}

// write has somebody text the hotline, and returns their conversation.
func (b *backs) write(from, body string) int64 {
	b.t.Helper()
	email := strings.TrimPrefix(from, "+1") + "@" + simulator.Domain
	before := b.HelpScout.Threads(email)
	if _, err := b.Twilio.Text(b.t.Context(), twiliosim.Text{From: from, To: simulator.Hotline, Body: body}); err != nil {
		b.t.Fatal(err)
	}
	if err := b.HelpScout.Wait(b.t.Context(), func(s *helpscoutsim.Sim) bool { return s.Threads(email) > before }); err != nil {
		b.t.Fatal(err)
	}
	if err := b.Idle(b.t.Context()); err != nil { // until we, too, know that it is there
		b.t.Fatal(err)
	}
	all := b.HelpScout.ConversationsOf(email)
	return all[len(all)-1].ID
}

func (b *backs) request(key string) *telephonyv1.StartCallBackRequest {
	return &telephonyv1.StartCallBackRequest{
		Key: key, Hotline: simulator.Hotline, Supporter: kim, AgentPhone: dana, Agent: "dana", AgentName: "Dana Rivers", ConversationId: b.conversation,
	}
}

func (b *backs) start(r *telephonyv1.StartCallBackRequest) {
	b.t.Helper()
	if _, err := b.CallBacks.StartCallBack(b.t.Context(), r); err != nil {
		b.t.Fatal(err)
	}
}

// watch follows a call to its end, and returns the states that it was seen in.
func (b *backs) watch(key string) (last *telephonyv1.CallBack, seen []telephonyv1.CallBackState) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	stream, err := b.CallBacks.WatchCallBack(ctx, &telephonyv1.WatchCallBackRequest{Key: key})
	if err != nil {
		b.t.Fatal(err)
	}
	for {
		res, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return last, seen
		}
		if err != nil {
			b.t.Fatal(err)
		}
		last = res.GetCallBack()
		seen = append(seen, last.GetState())
	}
}

// notes are the notes about calls back in Kim's ticket.
func (b *backs) notes() (notes []string) {
	v, _ := b.HelpScout.Conversation(b.conversation)
	for _, t := range v.Threads {
		if t.Type == "note" && strings.Contains(t.Body, "called back") {
			notes = append(notes, t.Body)
		}
	}
	return notes
}

// wantNote waits for the one note about calls back.
func (b *backs) wantNote(want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	if err := b.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return len(b.notes()) > 0 }); err != nil {
		b.t.Fatal("no note: ", err)
	}
	if err := b.Idle(ctx); err != nil {
		b.t.Fatal(err)
	}
	if notes := b.notes(); len(notes) != 1 || !strings.Contains(notes[0], want) {
		b.t.Errorf("notes: %q, want one with %q", notes, want)
	}
}

// rang is how often a phone was rung.
func (b *backs) rang(number string) (n int) {
	for _, l := range b.Twilio.LegsOf(number) {
		if l.To == number {
			n++
		}
	}
	return n
}

// after is a moment in a call.
func after(d time.Duration) twiliosim.Duration { return twiliosim.Duration(d) }

var (
	confirms = twiliosim.Handset{Answer: true, After: after(2 * time.Second), Acts: []twiliosim.Act{{On: "asked", After: after(time.Second), Press: "1"}}}
	talks    = twiliosim.Handset{Answer: true, After: after(3 * time.Second), Acts: []twiliosim.Act{{On: "connected", After: after(72 * time.Second), HangUp: true}}}
)

// Every way that a call back can go, on both databases: what the page is told, what the ticket is told, and who was rung.
func TestCallBack(t *testing.T) {
	t.Parallel()
	hangsUp := confirms
	hangsUp.Acts = append(hangsUp.Acts[:1:1], twiliosim.Act{On: "connected", After: after(30 * time.Second), HangUp: true})
	impatient := confirms
	impatient.Acts = append(impatient.Acts[:1:1], twiliosim.Act{After: after(8 * time.Second), HangUp: true})
	slow := confirms
	slow.Acts = []twiliosim.Act{{On: "asked", After: after(time.Second), Press: "7"}, {On: "asked", After: after(2 * time.Second), Press: "1"}}
	for _, test := range []struct {
		name      string
		agent     twiliosim.Handset
		supporter twiliosim.Handset
		result    telephonyv1.CallBackResult
		seconds   int32
		note      string
		rung      int // how often the supporter's phone
	}{
		{"talk", confirms, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED, 72, "Dana Rivers called back from 501-712-2661. They were connected for 1 min 12 s.", 1},
		{"agent hangs up", hangsUp, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED, 30, "They were connected for 30 s.", 1},
		{"wrong key first", slow, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED, 72, "1 min 12 s", 1},
		{"no answer", confirms, twiliosim.Handset{}, telephonyv1.CallBackResult_CALL_BACK_RESULT_NO_ANSWER, 0, "The supporter did not answer.", 1},
		{"busy", confirms, twiliosim.Handset{Busy: true}, telephonyv1.CallBackResult_CALL_BACK_RESULT_BUSY, 0, "was busy, or they declined", 1},
		{"declined", confirms, twiliosim.Handset{Decline: true, After: after(4 * time.Second)}, telephonyv1.CallBackResult_CALL_BACK_RESULT_BUSY, 0, "was busy, or they declined", 1},
		{"unreachable", confirms, twiliosim.Handset{Unreachable: true}, telephonyv1.CallBackResult_CALL_BACK_RESULT_FAILED, 0, "could not be reached", 1},
		{"agent is impatient", impatient, twiliosim.Handset{}, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_HUNG_UP, 0, "hung up before the supporter answered", 1},
		{"agent does not pick up", twiliosim.Handset{}, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_NO_ANSWER, 0, "own phone was not picked up. The supporter was not called.", 0},
		{"agent is busy", twiliosim.Handset{Busy: true}, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_BUSY, 0, "own phone was busy", 0},
		{"agent is unreachable", twiliosim.Handset{Unreachable: true}, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_FAILED, 0, "own phone could not be called", 0},
		{"agent's mailbox", twiliosim.Handset{Machine: true}, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_UNCONFIRMED, 0, "was not confirmed. The supporter was not called.", 0},
		{"agent presses nothing", twiliosim.Handset{Answer: true}, talks, telephonyv1.CallBackResult_CALL_BACK_RESULT_AGENT_UNCONFIRMED, 0, "was not confirmed", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
				t.Parallel()
				b := startBacks(t, hotlinetest.Options{DB: c, Virtual: true})
				b.Twilio.SetHandset(dana, test.agent)
				b.Twilio.SetHandset(kim, test.supporter)
				b.start(b.request("K"))
				end, seen := b.watch("K")
				if end.GetResult() != test.result || end.GetState() != telephonyv1.CallBackState_CALL_BACK_STATE_ENDED {
					t.Errorf("ended as %v, seen as %v", end, seen)
				}
				b.wantNote(test.note)
				if end, _ = b.watch("K"); end.GetTalkedSeconds() != test.seconds {
					t.Errorf("talked for %d s, want %d", end.GetTalkedSeconds(), test.seconds)
				}
				if b.rang(dana) != 1 || b.rang(kim) != test.rung {
					t.Errorf("the agent was rung %d times, the supporter %d", b.rang(dana), b.rang(kim))
				}
				for _, l := range b.Twilio.LegsOf(kim) {
					if l.To == kim && l.From != simulator.Hotline {
						t.Errorf("the supporter sees %s", l.From)
					}
				}
			})
		})
	}
}

// One press is one call: pressed many times at once, with the answer of the call that makes it lost, on two replicas.
func TestCallBackOnce(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"", "answer", "request"} {
		t.Run("lost "+lost, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
				t.Parallel()
				o := hotlinetest.Options{DB: c}
				if c.URL != "" {
					o.Replicas = 2
				}
				b := startBacks(t, o)
				b.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
				b.Twilio.SetHandset(kim, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "connected", After: after(time.Second), HangUp: true}}})
				switch lost {
				case "answer":
					b.Twilio.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "/Calls.json"})
				case "request":
					b.Twilio.Faults().Set(fault.Switches{DropBeforeNext: 1, Path: "/Calls.json"})
				}
				var all sync.WaitGroup
				for range 8 {
					all.Go(func() {
						if _, err := b.CallBacks.StartCallBack(t.Context(), b.request("K")); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				end, _ := b.watch("K")
				want, rung := telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED, 1
				if lost == "request" { // it is not made again: the agent sees that it was not
					want, rung = telephonyv1.CallBackResult_CALL_BACK_RESULT_NOT_STARTED, 0
				}
				if end.GetResult() != want {
					t.Errorf("%v", end)
				}
				b.wantNote("Dana Rivers called back")
				if b.rang(dana) != rung || b.rang(kim) != rung {
					t.Errorf("the agent was rung %d times, the supporter %d", b.rang(dana), b.rang(kim))
				}
			})
		})
	}
}

// A call is cancelled in every state; then both phones fall silent, and nobody else is called.
func TestCallBackCancel(t *testing.T) {
	t.Parallel()
	waits := twiliosim.Handset{Answer: true}
	presses := twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}}
	for state, test := range map[telephonyv1.CallBackState]struct {
		agent, supporter twiliosim.Handset
		want             telephonyv1.CallBackResult
	}{
		telephonyv1.CallBackState_CALL_BACK_STATE_CALLING_AGENT:     {twiliosim.Handset{}, waits, telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED},
		telephonyv1.CallBackState_CALL_BACK_STATE_ASKING_AGENT:      {waits, waits, telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED},
		telephonyv1.CallBackState_CALL_BACK_STATE_CALLING_SUPPORTER: {presses, twiliosim.Handset{}, telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED},
		telephonyv1.CallBackState_CALL_BACK_STATE_CONNECTED:         {presses, waits, telephonyv1.CallBackResult_CALL_BACK_RESULT_TALKED},
	} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
				t.Parallel()
				b := startBacks(t, hotlinetest.Options{DB: c})
				b.Twilio.SetHandset(dana, test.agent)
				b.Twilio.SetHandset(kim, test.supporter)
				b.start(b.request("K"))
				stream, err := b.CallBacks.WatchCallBack(t.Context(), &telephonyv1.WatchCallBackRequest{Key: "K"})
				if err != nil {
					t.Fatal(err)
				}
				for {
					res, err := stream.Recv()
					if err != nil {
						t.Fatalf("it never was %v: %v", state, err)
					}
					if res.GetCallBack().GetState() == state {
						break
					}
				}
				for range 2 { // a second time changes nothing
					if _, err := b.CallBacks.CancelCallBack(t.Context(), &telephonyv1.CancelCallBackRequest{Key: "K"}); err != nil {
						t.Fatal(err)
					}
				}
				if end, _ := b.watch("K"); end.GetResult() != test.want || !end.GetCancelled() {
					t.Errorf("%v", end)
				}
				b.wantNote("Dana Rivers called back")
				if err := b.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool {
					for _, l := range s.Legs() {
						if l.Ended.IsZero() {
							return false
						}
					}
					return true
				}); err != nil {
					t.Error("a phone is still on the line")
				}
			})
		})
	}
}

// Who is not called, and why, and that a limit counts.
func TestCallBackRefused(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		t.Parallel()
		const more, another = "+15017122662", "+15017122663"
		h := hotline.New(simulator.Hotline, simulator.MailboxID)
		h.MoreNumbers = []phone.Number{more}
		h.CallBack.PerAgent, h.CallBack.PerHour = 2, 3
		b := startBacks(t, hotlinetest.Options{DB: c, Hotlines: hotline.Hotlines{h, hotline.New(another, 206907)}})
		refused := func(name string, kind errs.Kind, why string, change func(*telephonyv1.StartCallBackRequest)) {
			t.Helper()
			r := b.request("refused " + name)
			change(r)
			_, err := b.CallBacks.StartCallBack(t.Context(), r)
			if errs.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, number := range []string{"+19005550142", "+18005550142", "+447911123456", "+18765550142", "+882123456789", "12345", "anonymous", simulator.Hotline, more, another, "+11234567890"} {
			refused("agent "+number, errs.Precondition, "Your phone cannot be used", func(r *telephonyv1.StartCallBackRequest) { r.AgentPhone = number })
			refused("supporter "+number, errs.Precondition, "", func(r *telephonyv1.StartCallBackRequest) { r.Supporter = number })
		}
		refused("own", errs.Precondition, "your own number", func(r *telephonyv1.StartCallBackRequest) { r.Supporter = dana })
		refused("hotline", errs.Invalid, "hotline", func(r *telephonyv1.StartCallBackRequest) { r.Hotline = "+15017122669" })
		refused("key", errs.Invalid, "key", func(r *telephonyv1.StartCallBackRequest) { r.Key = "" })

		const lee = "+16175550143"
		b.write(lee, "Do not call!")
		refused("wish", errs.Precondition, "asked not to be called", func(r *telephonyv1.StartCallBackRequest) { r.Supporter = lee })
		refused("wish at the other number", errs.Precondition, "asked not to be called", func(r *telephonyv1.StartCallBackRequest) { r.Supporter, r.Hotline = lee, more })
		b.write(lee, "calls ok")
		if _, err := b.Telephony.BlockNumber(t.Context(), &telephonyv1.BlockNumberRequest{Block: &telephonyv1.Block{Number: lee, Reason: "threats"}}); err != nil {
			t.Fatal(err)
		}
		refused("blocked", errs.Precondition, "blocked: threats", func(r *telephonyv1.StartCallBackRequest) { r.Supporter = lee })

		for i, agent := range []string{"dana", "dana", "eve"} {
			r := b.request(fmt.Sprint("K", i))
			r.Agent = agent
			b.start(r)
			refused("two at once", errs.Precondition, "already", func(r *telephonyv1.StartCallBackRequest) { r.Agent = agent })
			refused("the phone is in a call", errs.Precondition, "already", func(r *telephonyv1.StartCallBackRequest) { r.Agent = "ann" })
			again, err := b.CallBacks.StartCallBack(t.Context(), r)
			if err != nil || !again.GetKnown() {
				t.Errorf("the same press: %v, %v", again, err)
			}
			refused("two agents", errs.Precondition, "Somebody else", func(r *telephonyv1.StartCallBackRequest) { r.Agent, r.AgentPhone = "ann", "+16175550178" })
			if _, err := b.CallBacks.CancelCallBack(t.Context(), &telephonyv1.CancelCallBackRequest{Key: r.Key}); err != nil {
				t.Fatal(err)
			}
			b.watch(r.Key)
			if i == 1 {
				refused("agent's limit", errs.RateLimited, "2 times in the last hour", func(*telephonyv1.StartCallBackRequest) {})
			}
		}
		refused("hotline's limit at its other number", errs.RateLimited, "3 times in the last hour", func(r *telephonyv1.StartCallBackRequest) { r.Agent, r.Hotline = "ann", more })
		refused("another call's key", errs.Precondition, "another call's", func(r *telephonyv1.StartCallBackRequest) { r.Key, r.Supporter = "K0", lee })
		refused("hotline's limit", errs.RateLimited, "3 times in the last hour", func(r *telephonyv1.StartCallBackRequest) { r.Agent = "ann" })
		for _, number := range []string{"+19005550142", lee} {
			if b.rang(number) > 0 {
				t.Errorf("%s was rung", number)
			}
		}
	})
}

// A call goes on when every service is replaced in the middle of it, and its status callbacks are lost.
func TestCallBackRestart(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		t.Parallel()
		var b *backs
		var restarts atomic.Int32
		o := hotlinetest.Options{DB: c, Virtual: true, Jump: func(time.Duration) {
			if b != nil && restarts.Add(1)%2 == 0 {
				b.Restart()
			}
		}}
		b = startBacks(t, o)
		b.Lose("/bling/twilio_agent_status", "/bling/twilio_agent_leg")
		b.Twilio.SetHandset(dana, confirms)
		b.Twilio.SetHandset(kim, talks)
		b.start(b.request("K"))
		b.wantNote("They were connected for 1 min 12 s.")
		if restarts.Load() < 4 {
			t.Errorf("only %d jumps of the clock", restarts.Load())
		}
	})
}

// They talked, and all that would have said so is lost, or only what would have said it well: the ticket has it right.
func TestCallBackTalkUntold(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{
		"all": {"/bling/twilio_agent_leg", "/bling/twilio_agent_done", "/bling/twilio_agent_status"}, "but the agent's": {"/bling/twilio_agent_leg", "/bling/twilio_agent_done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
				t.Parallel()
				var later atomic.Int64
				b := startBacks(t, hotlinetest.Options{DB: c, Virtual: true, LookEvery: 50 * time.Millisecond, Now: func() time.Time {
					return time.Now().Add(time.Duration(later.Load()))
				}})
				b.Lose(lost...)
				b.Twilio.SetHandset(dana, confirms)
				b.Twilio.SetHandset(kim, talks)
				b.start(b.request("K"))
				if err := b.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool {
					legs := s.LegsOf(dana)
					return len(legs) > 0 && !legs[len(legs)-1].Ended.IsZero()
				}); err != nil {
					t.Fatal(err)
				}
				later.Store(int64(3 * time.Minute)) // then we ask
				b.wantNote("They were connected for 1 min 12 s.")
			})
		})
	}
}

// Who watches does not hold up a service that is being replaced, and is told to come back.
func TestCallBackWatchedRestart(t *testing.T) {
	t.Parallel()
	b := startBacks(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	b.start(b.request("K"))
	stream, err := b.CallBacks.WatchCallBack(t.Context(), &telephonyv1.WatchCallBackRequest{Key: "K"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	restarted := make(chan struct{})
	go func() {
		defer close(restarted)
		b.Restart()
	}()
	for {
		if _, err = stream.Recv(); err != nil {
			break
		}
	}
	if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "is being replaced") { // not cut off by force
		t.Errorf("the watcher is told %v", err)
	}
	<-restarted
}

// While ticketing does not take notes, calls are made and cancelled all the same.
func TestCallBackWithoutTicketing(t *testing.T) {
	t.Parallel()
	b := startBacks(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	b.StopTicketing()
	for i := range 12 {
		r := b.request(fmt.Sprint("K", i))
		b.start(r)
		if _, err := b.CallBacks.CancelCallBack(t.Context(), &telephonyv1.CancelCallBackRequest{Key: r.Key}); err != nil {
			t.Fatal(err)
		}
		if end, _ := b.watch(r.Key); end.GetResult() != telephonyv1.CallBackResult_CALL_BACK_RESULT_CANCELLED {
			t.Errorf("%v", end)
		}
	}
}
