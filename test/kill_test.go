package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Nothing is lost and nothing doubled when the whole hotline is killed, twenty times, at any moment, while a crowd texts
// and both vendors fail.
func TestKill(t *testing.T) {
	t.Parallel()
	ctx, vendors, bling := served(t, hotlinetest.Options{})
	vendors.Twilio.Faults().Set(trouble)
	vendors.HelpScout.Faults().Set(trouble)
	crowd := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 200, Texts: 2000, Concurrency: 16, Seed: 11, Patience: time.Minute}}
	killed := killed(ctx, t, vendors, bling, 20, 11)
	crowd.Send(ctx, t, vendors.Twilio)
	<-killed
	crowd.Arrived(ctx, t, vendors)
	crowd.Check(t, vendors)
}

// served runs the whole hotline as a process of its own, beside the vendors. o's database does not count. The context ends
// when the test has had its time, in which the compiler's is not.
func served(t *testing.T, o hotlinetest.Options, environ ...string) (context.Context, hotlinetest.Vendors, *hotlinetest.Process) {
	t.Helper()
	binary := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	addr := hotlinetest.FreeAddr(t)
	vendors := hotlinetest.StartVendors(t, o, "http://"+addr)
	environ = append(append(vendors.Environ(), "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL=http://"+addr,
		"BLING_DATA_DIR="+t.TempDir(), "BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error"), environ...)
	bling := hotlinetest.NewProcess(t, binary, []string{"serve"}, environ...)
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+addr+"/readyz")
	return ctx, vendors, bling
}

// killed kills the hotline so many times and starts it again. What it returns is closed when it is done.
func killed(ctx context.Context, t *testing.T, vendors hotlinetest.Vendors, bling *hotlinetest.Process, kills int, seed uint64) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(seed, 2))
		for range kills {
			// The moment is so many calls at the help desk from now: in the middle of the work.
			until := calls(vendors.HelpScout) + 1 + random.IntN(100)
			if err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return calls(s) >= until }); err != nil {
				t.Errorf("waiting to kill: %v", err)
				return
			}
			bling.Kill()
			bling.Start()
		}
	}()
	return done
}

func calls(s *helpscoutsim.Sim) (n int) {
	for _, m := range s.Usage().Requests {
		n += m
	}
	return n
}

// Every caller hears the beep, from us or from Twilio's own flow, and what they say is in the ticket once, with its sound, when the
// whole hotline is killed again and again while they call.
func TestKillCalls(t *testing.T) {
	ctx, vendors, bling := served(t, hotlinetest.Options{Virtual: true}, "BLING_LOOK_EVERY=1s", "BLING_CALL_SETTLE=1s")
	fallback, err := os.ReadFile("../deploy/studio/fallback.json")
	if err != nil {
		t.Fatal(err)
	}
	number := vendors.Twilio.Numbers()[0]
	gateway, _, _ := strings.Cut(number.SMSURL, "/bling/")
	if err := vendors.Twilio.SetFlow(flowSid, []byte(strings.ReplaceAll(string(fallback), "https://hotline.example.org", gateway))); err != nil {
		t.Fatal(err)
	}
	number.VoiceFallbackURL = vendors.Twilio.FlowURL(flowSid)
	vendors.Twilio.SetNumber(number)

	const callers, atOnce = 120, 8
	killed := killed(ctx, t, vendors, bling, 6, 5)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range callers {
		group.Go(func() error {
			leg, err := vendors.Twilio.Call(ctx, twiliosim.Call{From: fmt.Sprintf("+1617555%04d", i), To: simulator.Hotline, Acts: []twiliosim.Act{
				{On: "beep", After: twiliosim.Duration(time.Second), Say: "Hello", For: twiliosim.Duration(5 * time.Second)}, {HangUp: true},
			}})
			if err == nil && !slices.ContainsFunc(leg.Moments, func(m twiliosim.Moment) bool { return m.What == "beep" }) {
				err = fmt.Errorf("%s heard no beep: %+v", leg.From, leg.Moments)
			}
			// A text keeps the help desk busy, and so the killer.
			if _, textErr := vendors.Twilio.Text(ctx, twiliosim.Text{From: fmt.Sprintf("+1857555%04d", i), To: simulator.Hotline, Body: "Hello"}); err == nil {
				err = textErr
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	<-killed
	for _, r := range vendors.Twilio.Recordings() {
		email := phone.Parse(r.From).Address("") + "@" + simulator.Domain
		var entries, sounds int
		err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
			entries, sounds = 0, 0
			for _, c := range s.ConversationsOf(email) {
				for _, th := range c.Threads {
					if th.Type == "customer" {
						entries++
						sounds += len(th.Attachments)
					}
				}
			}
			return entries > 0 && sounds > 0
		})
		if err != nil {
			t.Fatalf("%s: %d entries with %d sounds, %v; call %s", r.From, entries, sounds, err, r.CallSid)
		}
		if entries != 1 || sounds != 1 {
			t.Errorf("%s: %d entries with %d sounds, %v", r.From, entries, sounds, err)
		}
	}
	if n := len(vendors.Twilio.Recordings()); n != callers {
		t.Errorf("%d voicemails of %d callers", n, callers)
	}
}

// One press of Dial is one call at most, and one note, when the whole hotline is killed at any moment of it.
func TestKillCallBack(t *testing.T) {
	t.Parallel()
	ctx, vendors, bling := served(t, hotlinetest.Options{}, "BLING_LOOK_EVERY=1s")
	gateway, _, _ := strings.Cut(vendors.Twilio.Numbers()[0].SMSURL, "/bling/")
	b := (&backs{Hotline: &hotlinetest.Hotline{Vendors: vendors, URL: gateway}, t: t}).browser()
	if _, err := vendors.Twilio.Text(ctx, twiliosim.Text{From: kim, To: simulator.Hotline, Body: "Please call me."}); err != nil {
		t.Fatal(err)
	}
	if err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return len(s.Conversations()) == 1 }); err != nil {
		t.Fatal(err)
	}
	b.conversation = vendors.HelpScout.Conversations()[0].ID
	for !callBackLink.MatchString(b.sidebar(danaID).body) { // until we, too, know that it is there
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
	b.enrol(danaID, dana)
	soon := twiliosim.Duration(200 * time.Millisecond)
	vendors.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, After: soon, Acts: []twiliosim.Act{{On: "asked", After: soon, Press: "1"}}})
	vendors.Twilio.SetHandset(kim, twiliosim.Handset{Answer: true, After: soon, Acts: []twiliosim.Act{{On: "connected", After: soon, HangUp: true}}})
	for i, moment := range []struct{ number, what string }{
		{"", ""}, {dana, "ringing"}, {dana, "answered"}, {dana, "pressed"}, {kim, "ringing"}, {kim, "connected"}, {dana, "ended"}, {kim, "ended"},
	} {
		dial := b.get(fmt.Sprintf("/dialer/conversations/%d", b.conversation))
		b.want(dial, http.StatusOK, "Dial")
		pressed := make(chan struct{})
		go func() {
			defer close(pressed)
			for ctx.Err() == nil { // whoever gets no answer presses again
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.base+dial.action, strings.NewReader(dial.form.Encode()))
				if err != nil {
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if res, err := b.Do(r); err == nil {
					if res.Body.Close(); res.StatusCode == http.StatusOK {
						return
					}
				}
			}
		}()
		if moment.what != "" {
			if err := vendors.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool {
				n := 0
				for _, l := range s.LegsOf(moment.number) {
					if l.To == moment.number && slices.ContainsFunc(l.Moments, func(m twiliosim.Moment) bool { return m.What == moment.what }) {
						n++
					}
				}
				return n > 0 && b.rang(dana) == i+1
			}); err != nil {
				t.Fatalf("%v never: %v", moment, err)
			}
		}
		bling.Kill()
		bling.Start()
		<-pressed
		if err := vendors.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return len(b.notes()) >= i+1 }); err != nil {
			t.Fatalf("%v: no note: %v", moment, err)
		}
		if b.rang(dana) > i+1 || b.rang(kim) > i+1 || len(b.notes()) > i+1 {
			t.Errorf("killed at %v: after %d presses the agent was rung %d times, the supporter %d, and there are %d notes", moment, i+1, b.rang(dana), b.rang(kim), len(b.notes()))
		}
	}
	for _, note := range b.notes() {
		t.Log(note)
	}
}
