package test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Replies whose webhooks are lost, so many that Help Scout has switched the webhook off, go out once and in order; nothing else does. When
// the webhooks come at last they change nothing.
func TestSweepReplies(t *testing.T) {
	t.Parallel()
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		const people = 30 // more than are on a page
		for i := range people {
			text(t, h, person(i), "hello")
		}
		for i := range people {
			phoneHas(t, h, person(i), 1)
		}
		h.Lose("/bling/helpscout_webhook")
		for i := range people {
			c := desk(t, h, person(i), has("hello"))
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>first</p>"})
			if _, err := h.HelpScout.AgentNote(c.ID, "<p>a note</p>"); err != nil {
				t.Fatal(err)
			}
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>a draft</p>", State: "draft"})
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>held back</p>", State: "underreview"})
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>by a workflow</p>", SourceType: "workflow"})
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>second</p>"})
		}
		clock.Advance(someTime)
		check := func() {
			t.Helper()
			for i := range people {
				if got := phoneHas(t, h, person(i), 3); !slices.Equal(got[1:], []string{"first", "second"}) {
					t.Errorf("%d has got %q", i, got)
				}
			}
		}
		check()
		booksAre(t, h, operatorv1.Kind_KIND_REPLY, 2*people, 2*people, 2*people, 0, 0)
		h.Lose()
		for i := range h.HelpScout.Deliveries() {
			if err := h.HelpScout.Redeliver(i); err != nil {
				t.Fatal(err)
			}
		}
		reply(t, h, desk(t, h, person(0), has("hello")), helpscoutsim.Reply{Text: "<p>third</p>"})
		clock.Advance(someTime) // the webhook is still off
		phoneHas(t, h, person(0), 4)
		if err := h.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < people; i++ {
			if got := phoneHas(t, h, person(i), 3); !slices.Equal(got[1:], []string{"first", "second"}) {
				t.Errorf("%d has got %q", i, got)
			}
		}
		booksAre(t, h, operatorv1.Kind_KIND_REPLY, 2*people+1, 2*people+1, 2*people+1, 0, 0)
	}, func(o *hotlinetest.Options) {
		o.HelpScout = func(c *helpscoutsim.Config) { c.MaxAttempts = 1 }
	})
}

// The ticket learns what became of a text although no callback has told us: from the list, and from the message itself where the list
// does not have it.
func TestSweepStatus(t *testing.T) {
	t.Parallel()
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		h.Lose("/bling/twilio_status/")
		h.Twilio.SetCarrier(person(2), twiliosim.Carrier{Undelivered: 30003})
		set := func(change func(*twiliosim.Settings)) {
			settings := h.Twilio.Settings()
			change(&settings)
			h.Twilio.SetSettings(settings)
		}
		answered := func(i int, after time.Duration, want string) {
			t.Helper()
			text(t, h, person(i), "hello")
			c := desk(t, h, person(i), has("hello"))
			set(func(s *twiliosim.Settings) { s.Hold = true })
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>reply</p>"})
			desk(t, h, person(i), has("Handed to the carrier")) // it has been asked, and does not know
			set(func(s *twiliosim.Settings) { s.Hold = false })
			if err := h.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool {
				return !slices.ContainsFunc(s.MessagesOf(person(i)), func(m twiliosim.Message) bool { return m.Status == twiliosim.StatusQueued })
			}); err != nil {
				t.Fatal(err)
			}
			clock.Advance(after)
			if c := desk(t, h, person(i), has(want)); strings.Count(entries(c), "note:") != 2 {
				t.Error(entries(c))
			}
		}
		answered(1, someTime, "Delivered to")
		answered(2, someTime, "the phone is switched off")
		set(func(s *twiliosim.Settings) { s.ListLagMS = int((24 * time.Hour).Milliseconds()) })
		answered(3, 11*time.Minute, "Delivered to")
	}, func(o *hotlinetest.Options) { o.Patience = time.Second })
}

// A call that we have heard nothing of is in the ticket as missed, once, and one that we know is not there again. Calls that are not ours to
// answer are left alone.
func TestSweepCalls(t *testing.T) {
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		hangsUp := []twiliosim.Act{{On: "ringing", After: twiliosim.Duration(time.Second), HangUp: true}}
		h.Lose("/bling/twilio_voice", "/bling/twilio_call")
		for i := range 3 {
			if _, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: person(i), To: simulator.Hotline, Acts: hangsUp}); err != nil {
				t.Fatal(err)
			}
		}
		h.Lose()
		if _, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: person(3), To: simulator.Hotline, Acts: hangsUp}); err != nil {
			t.Fatal(err)
		}
		if n := len(h.HelpScout.ConversationsOf(strings.TrimPrefix(person(0), "+1") + "@" + simulator.Domain)); n != 0 {
			t.Fatalf("there are %d tickets already", n)
		}
		number := h.Twilio.Numbers()[0]
		voice := number.VoiceURL
		number.VoiceURL = "https://pbx.example.org/voice"
		h.Twilio.SetNumber(number)
		clock.Advance(30 * time.Minute)
		booksAre(t, h, operatorv1.Kind_KIND_CALL, 1, 1, 0, 0, 0)
		number.VoiceURL = voice
		h.Twilio.SetNumber(number)
		booksAre(t, h, operatorv1.Kind_KIND_CALL, 4, 4, 3, 0, 0)
		for i := range 4 {
			if c := desk(t, h, person(i), has("Missed call (")); strings.Count(entries(c), "customer:") != 1 {
				t.Error(entries(c))
			}
		}
	}, func(o *hotlinetest.Options) {
		hot := hotline.New(simulator.Hotline, simulator.MailboxID)
		hot.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+16175550101"}}
		o.Hotlines, o.Virtual = hotline.Hotlines{hot}, true
	})
}

// free is a budget without end.
type free struct{}

func (free) Take(context.Context, helpscout.Class, int) error { return nil }
func (free) Report(context.Context, int, int)                 {}
func (free) Exhausted(context.Context, time.Duration)         {}

// What is in a ticket twice, or was sent twice, is counted; what somebody has said twice, or we have, is not.
func TestSweepDoubled(t *testing.T) {
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		for range 2 {
			text(t, h, person(1), "hello?")
		}
		text(t, h, person(2), "help")
		c := desk(t, h, person(1), func(c helpscoutsim.Conversation) bool { return strings.Count(entries(c), "hello?") == 2 })
		for range 2 {
			reply(t, h, c, helpscoutsim.Reply{Text: "<p>yes</p>"})
		}
		phoneHas(t, h, person(2), 1)
		desk(t, h, person(1), func(c helpscoutsim.Conversation) bool { return strings.Count(entries(c), "Delivered to") == 2 })
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, 3, 3, 0, 0, 0)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_OUT, 4, 4, 0, 0, 0)

		twice, err := twilio.New(h.TwilioURL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"yes", "of another system"} {
			if _, err := twice.Send(t.Context(), carrier.NewMessage{From: simulator.Hotline, To: "+16175560001", Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		client := helpscout.New(h.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, free{})
		who := func(i int) *helpscout.Customer {
			return &helpscout.Customer{Email: strings.TrimPrefix(person(i), "+1") + "@" + simulator.Domain}
		}
		for _, words := range []string{"hello?", "of another system"} {
			if _, err := client.AddCustomerThread(t.Context(), c.ID, helpscout.NewThread{Customer: who(1), Text: words}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.Create(t.Context(), helpscout.NewConversation{
			Subject: "Request", Type: "phone", MailboxID: simulator.MailboxID, Status: "active", Customer: *who(2),
			Threads: []helpscout.NewThread{{Type: "customer", Customer: who(2), Text: "help"}},
		}); err != nil {
			t.Fatal(err)
		}
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, 3, 3, 0, 0, 2)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_OUT, 4, 4, 0, 0, 1)
	})
}

// safe is a log that can be read while it is written.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// lines are those with all of these parts.
func (s *safe) lines(parts ...string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.SplitSeq(s.b.String(), "\n") {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			found = append(found, line)
		}
	}
	return found
}

// When a day is over, each service says once how it was, with all numbers, and none of a person.
func TestDaysLine(t *testing.T) {
	var log safe
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		began := h.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour) // a noon
		clock.Advance(began.Sub(h.Now()))
		text(t, h, person(1), "hello")
		reply(t, h, desk(t, h, person(1), has("hello")), helpscoutsim.Reply{Text: "<p>yes</p>"})
		desk(t, h, person(1), has("Delivered to")) // which is a change, too
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_REPLY, 1, 1, 0, 0, 0)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, 1, 1, 0, 0, 0)
		midnight := began.Truncate(24*time.Hour).AddDate(0, 0, 1)
		clock.Advance(midnight.Add(90 * time.Minute).Sub(h.Now()))
		today := "msg=day date=" + began.Format(time.DateOnly)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for len(log.lines(today, "reply.")) == 0 || len(log.lines(today, "text_in.")) == 0 {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatal("nothing is said")
			}
		}
		for _, want := range []string{
			"level=INFO " + today, "text_in.received=1 text_in.delivered=1 text_in.recovered=0 text_in.missing=0 text_in.doubled=0",
			"text_out.received=2 text_out.delivered=2", "call.received=0 call.delivered=0", "voicemail.received=0",
		} {
			if len(log.lines(today, "text_in.", want)) != 1 {
				t.Errorf("no %q in %q", want, log.lines(today))
			}
		}
		if len(log.lines("level=INFO "+today, "reply.received=1 reply.delivered=1 reply.recovered=0 reply.missing=0 reply.doubled=0")) != 1 {
			t.Errorf("%q", log.lines(today))
		}
		h.Restart()
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_CALL, 0, 0, 0, 0, 0)
		if lines := log.lines(today); len(lines) != 2 || len(log.lines(person(1)[2:])) > 0 {
			t.Errorf("%q", lines)
		}
	}, func(o *hotlinetest.Options) {
		log = safe{}
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
		o.Hotlines = hotline.Hotlines{hotline.New(simulator.Hotline, simulator.MailboxID)}
	})
}
