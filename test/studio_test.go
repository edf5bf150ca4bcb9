package test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

const flowSid = "FW000000000000000000000000000000b1"

// studioLine is a hotline, the clock of it, and a flow of deploy/studio.
type studioLine struct {
	*hotlinetest.Hotline
	t     *testing.T
	clock simulator.Clock
}

// eachStudio runs a test with a flow on each engine.
func eachStudio(t *testing.T, file string, test func(*studioLine)) {
	definition, err := os.ReadFile("../deploy/studio/" + file)
	if err != nil {
		t.Fatal(err)
	}
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		l := &studioLine{t: t}
		l.Hotline = hotlinetest.Start(t, hotlinetest.Options{
			DB: db, Now: l.clock.Now, Virtual: true, LookEvery: 50 * time.Millisecond, SweepEvery: 50 * time.Millisecond,
		})
		text := strings.ReplaceAll(string(definition), "https://hotline.example.org", l.URL)
		if err := l.Twilio.SetFlow(flowSid, []byte(text)); err != nil {
			t.Fatal(err)
		}
		test(l)
	})
}

// withFallback makes the flow the fallback of the number, as deploy/studio/README.md says.
func (l *studioLine) withFallback() {
	l.Twilio.SetNumber(twiliosim.Number{
		PhoneNumber: simulator.Hotline, SMSURL: l.URL + "/bling/twilio_sms#rc=3&rp=5xx,ct,rt", SMSFallbackURL: l.Twilio.FlowURL(flowSid),
		VoiceURL: l.URL + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000", VoiceFallbackURL: l.Twilio.FlowURL(flowSid),
		StatusCallback: l.URL + "/bling/twilio_call#rc=5&rp=5xx,ct,rt",
	})
}

// phone lets the supporter call.
func (l *studioLine) phone(acts ...twiliosim.Act) twiliosim.Leg {
	l.t.Helper()
	leg, err := l.Twilio.Call(l.t.Context(), twiliosim.Call{From: supporter, To: simulator.Hotline, Acts: acts})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Recorded()
	return leg
}

// speaks is a caller who leaves a message of 12 s.
func speaks(then ...twiliosim.Act) []twiliosim.Act {
	second := twiliosim.Duration(time.Second)
	return append([]twiliosim.Act{{On: "beep", After: second, Say: "Hello, please call me back", For: 12 * second}}, then...)
}

func hangsUp(after time.Duration) twiliosim.Act {
	return twiliosim.Act{After: twiliosim.Duration(after), HangUp: true}
}

// beep fails unless a caller was greeted within seconds, and heard a beep after the greeting.
func (l *studioLine) beep(leg twiliosim.Leg) {
	l.t.Helper()
	var said, beep time.Duration
	for _, m := range leg.Moments {
		switch {
		case m.What == "said" && strings.HasPrefix(m.Text, "You have reached our voicemail") && said == 0:
			said = max(m.At, 1)
		case m.What == "beep":
			beep = m.At
		}
	}
	if said == 0 || said > 5*time.Second || beep < said || beep > 15*time.Second {
		l.t.Errorf("greeted after %v, beep after %v: %+v", said, beep, leg.Moments)
	}
}

// quiet waits until nothing is left to do, and once more after what a look for lost recordings would find.
func (l *studioLine) quiet() {
	l.t.Helper()
	for range 2 {
		if err := l.Idle(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
		l.clock.Advance(5 * time.Minute)
		asked := l.looks()
		if err := l.Twilio.Wait(l.t.Context(), func(*twiliosim.Sim) bool { return l.looks() >= asked+2 }); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := l.Idle(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// looks is how often telephony has looked for recordings.
func (l *studioLine) looks() (n int) {
	for _, e := range l.Twilio.History() {
		if e.Kind == twiliosim.EventRequest && strings.Contains(e.Path, "/Recordings.json") {
			n++
		}
	}
	return n
}

// voicemail waits for the one voicemail in the ticket, with its audio, and for everything else to be done. Of texts the caller
// gets the welcome only.
func (l *studioLine) voicemail() helpscoutsim.Conversation {
	l.t.Helper()
	desk(l.t, l.Hotline, supporter, has("Caller left a voicemail (12 seconds)"))
	l.quiet()
	c := desk(l.t, l.Hotline, supporter, func(helpscoutsim.Conversation) bool { return true })
	customers, audio := 0, 0
	for _, th := range c.Threads {
		if th.Type == "customer" {
			customers++
		}
		for _, a := range th.Attachments {
			if a.MimeType == "audio/mpeg" && len(a.Data) > 0 {
				audio++
			}
		}
	}
	if customers != 1 || audio != 1 {
		l.t.Errorf("want one voicemail with its audio:\n%s", entries(c))
	}
	if n := len(l.HelpScout.Conversations()); n != 1 {
		l.t.Errorf("%d conversations", n)
	}
	if got := phoneHas(l.t, l.Hotline, supporter, 1); got[0] != hotline.DefaultWelcome {
		l.t.Errorf("the caller got %q", got)
	}
	return c
}

// nothing fails if there is a ticket.
func (l *studioLine) nothing() {
	l.t.Helper()
	l.quiet()
	if list := l.HelpScout.Conversations(); len(list) > 0 {
		l.t.Errorf("there is a ticket:\n%s", entries(list[0]))
	}
}

// The gateway does not answer calls, but the rest works: the voicemail comes by the flow, whenever the caller hangs up.
func TestStudioCallFallback(t *testing.T) {
	t.Parallel()
	vendorsFlow(t)
	for name, acts := range map[string][]twiliosim.Act{
		"hung up":              speaks(hangsUp(2 * time.Second)),
		"key, thanked":         speaks(twiliosim.Act{Press: "#"}),
		"hung up when thanked": speaks(twiliosim.Act{Press: "#"}, hangsUp(500*time.Millisecond)),
		"silent, then hung up": speaks(hangsUp(11 * time.Second)),
		"silent":               speaks(),
	} {
		t.Run(name, func(t *testing.T) {
			eachStudio(t, "fallback.json", func(l *studioLine) {
				l.withFallback()
				l.Lose("/bling/twilio_voice")
				l.beep(l.phone(acts...))
				// Before telephony would look for it.
				desk(l.t, l.Hotline, supporter, has("Caller left a voicemail (12 seconds)"))
				l.voicemail()
			})
		})
	}
}

// Nothing of ours answers: the voicemail stays at Twilio, until telephony finds it there.
func TestStudioCallOutage(t *testing.T) {
	vendorsFlow(t)
	eachStudio(t, "fallback.json", func(l *studioLine) {
		l.withFallback()
		l.Lose("/")
		l.beep(l.phone(speaks(hangsUp(2 * time.Second))...))
		l.Lose()
		l.clock.Advance(3 * time.Minute)
		l.voicemail()
	})
}

// What the number's own address did not take the flow hands over again. When the first comes through after all, it is known.
func TestStudioTextFallback(t *testing.T) {
	vendorsFlow(t)
	eachStudio(t, "fallback.json", func(l *studioLine) {
		l.withFallback()
		number := l.Twilio.Numbers()[0]
		number.SMSURL = l.URL + "/bling/away"
		l.Twilio.SetNumber(number)
		sid := text(l.t, l.Hotline, supporter, "Can you hear me & help?", picture)
		l.withFallback()
		if _, err := l.Twilio.Redeliver(l.t.Context(), sid); err != nil {
			l.t.Fatal(err)
		}
		desk(l.t, l.Hotline, supporter, has("Can you hear me"))
		l.quiet()
		c := desk(l.t, l.Hotline, supporter, has("[")) // the picture
		if got := entries(c); strings.Count(got, "Can you hear me") != 1 || strings.Count(got, "image/png") != 1 {
			l.t.Errorf("the ticket is\n%s", got)
		}
		if got := phoneHas(l.t, l.Hotline, supporter, 1); got[0] != hotline.DefaultWelcome {
			l.t.Errorf("the supporter got %q", got)
		}
	})
}

// A text that nothing of ours takes: its sender is told, once. It is found when we are back.
func TestStudioTextOutage(t *testing.T) {
	t.Parallel()
	vendorsFlow(t)
	eachStudio(t, "fallback.json", func(l *studioLine) {
		l.withFallback()
		l.Lose("/")
		text(l.t, l.Hotline, supporter, "Can you hear me?")
		if got := phoneHas(l.t, l.Hotline, supporter, 1); !strings.HasPrefix(got[0], "Sorry, we could not receive your message") {
			l.t.Errorf("the supporter got %q", got)
		}
		l.Lose()
		l.quiet()
		desk(l.t, l.Hotline, supporter, has("customer: Can you hear me?"))
		phoneHas(l.t, l.Hotline, supporter, 2) // that it is not here, and later the welcome
	})
}

// Studio answers calls, and only its voicemails are ours. The number has no status callback: the calls are not ours.
func TestKeepStudio(t *testing.T) {
	t.Parallel()
	vendorsFlow(t)
	const ann, bob = "+16175550101", "+16175550102" // as in the flow
	keep := func(l *studioLine) {
		l.Twilio.SetNumber(twiliosim.Number{PhoneNumber: simulator.Hotline, SMSURL: l.URL + "/bling/twilio_sms", VoiceURL: l.Twilio.FlowURL(flowSid)})
	}
	t.Run("nobody answers", func(t *testing.T) {
		eachStudio(t, "keep-studio.json", func(l *studioLine) {
			keep(l)
			l.Twilio.SetHandset(ann, twiliosim.Handset{Busy: true})
			leg := l.phone(speaks(hangsUp(2 * time.Second))...)
			if rung := len(l.Twilio.LegsOf(ann)) + len(l.Twilio.LegsOf(bob)); rung != 2 || leg.Status != twiliosim.CallCompleted {
				l.t.Errorf("%d phones rang: %+v", rung, leg)
			}
			// Before telephony would look for it.
			desk(l.t, l.Hotline, supporter, has("Caller left a voicemail (12 seconds)"))
			c := l.voicemail()
			notes := 0
			for _, th := range c.Threads {
				if th.Type == "note" && strings.Contains(th.Body, "Hello, please call me back") {
					notes++
				}
			}
			if notes != 1 {
				l.t.Errorf("want one note with the words:\n%s", entries(c))
			}
		})
	})
	t.Run("answered", func(t *testing.T) {
		eachStudio(t, "keep-studio.json", func(l *studioLine) {
			keep(l)
			l.Twilio.SetHandset(bob, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "connected", After: twiliosim.Duration(time.Minute), HangUp: true}}})
			if leg := l.phone(); leg.BridgedWith == "" || leg.Talked != time.Minute {
				l.t.Errorf("%+v", leg)
			}
			l.nothing()
			phoneHas(l.t, l.Hotline, supporter, 0)
		})
	})
	t.Run("hung up while it rings", func(t *testing.T) {
		eachStudio(t, "keep-studio.json", func(l *studioLine) {
			keep(l)
			l.phone(hangsUp(7 * time.Second))
			l.nothing()
			phoneHas(l.t, l.Hotline, supporter, 0)
		})
	})
	// What telephony finds later was not lost, so nobody may have been told so.
	t.Run("nothing of ours answers", func(t *testing.T) {
		eachStudio(t, "keep-studio.json", func(l *studioLine) {
			keep(l)
			l.Lose("/")
			l.phone(speaks(hangsUp(2 * time.Second))...)
			l.Lose()
			l.clock.Advance(3 * time.Minute)
			l.voicemail()
		})
	})
}

// vendorsFlow skips short tests, which are for races: what runs in these is Twilio's flow, and hardly any of ours.
func vendorsFlow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("short: Twilio's flow")
	}
}
