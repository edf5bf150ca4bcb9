package test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Whatever the group, its volunteers, their machines and the callers do: a caller talks with one human, or is greeted by the
// voicemail within the ceiling, or has hung up before. Nobody talks with a machine or with two people, and no leg is left.
func TestCalls(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		h, outcomes := randomCalls(t, 80, hotlinetest.Options{DB: db}, nil)
		if err := h.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The records are true as well.
		for sid, outcome := range outcomes {
			want := map[string]string{"talked": "talked", "greeted": "missed", "gone": "missed"}[outcome]
			if slices.ContainsFunc(h.Twilio.Recordings(), func(r twiliosim.Recording) bool { return r.CallSid == sid }) {
				want = "voicemail"
			}
			if got, err := h.CallOutcome(t.Context(), sid); got != want || err != nil {
				t.Errorf("%s is recorded as %q, %v; want %q", sid, got, err, want)
			}
		}
	})
}

// The same while telephony's database is away: calls need nothing but configuration.
func TestCallsWithoutDatabase(t *testing.T) {
	t.Parallel()
	randomCalls(t, 20, hotlinetest.Options{
		DB: sqldb.Config{Dir: t.TempDir()}, CallPatience: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	}, func(h *hotlinetest.Hotline) { running(t, h); h.StopDatabase() })
}

// The same while it hangs, which is worse.
func TestCallsWithFrozenDatabase(t *testing.T) {
	db := sqldbtest.Postgres(t)
	other, err := sql.Open("pgx", db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	frozen, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	randomCalls(t, 40, hotlinetest.Options{DB: db, CallPatience: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}, func(h *hotlinetest.Hotline) {
		running(t, h)
		h.Unrecorded()
		// Nobody on the phone waits for those, but the test would.
		h.Lose("/bling/twilio_leg", "/bling/twilio_call", "/bling/twilio_recording")
		if _, err := frozen.Exec(`LOCK TABLE telephony.block, telephony.call_in, telephony.call_leg, telephony.call_claim IN ACCESS EXCLUSIVE MODE`); err != nil {
			t.Fatal(err)
		}
	})
	frozen.Rollback() //nolint:errcheck // the connection is closed
}

// Two volunteers press 1 at the same moment: one talks, the other does not, and hears so if there is time for it before Twilio
// hangs up.
func TestBothPress(t *testing.T) {
	hot := hotline.New(simulator.Hotline, simulator.MailboxID)
	volunteers := []string{"+16175550101", "+16175550102"}
	for _, number := range volunteers {
		hot.Calls.Phones = append(hot.Calls.Phones, hotline.Phone{Name: number, Number: phone.Number(number)})
	}
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t), Hotlines: hotline.Hotlines{hot}, Virtual: true})
	for _, number := range volunteers {
		h.Twilio.SetHandset(number, twiliosim.Handset{Answer: true, After: twiliosim.Duration(2 * time.Second), Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
	}
	told := 0
	for n := 0; told == 0 && n < 200; n++ {
		caller, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: fmt.Sprintf("+1617555%04d", 200+n), To: simulator.Hotline, Acts: []twiliosim.Act{{On: "connected", After: twiliosim.Duration(time.Minute), HangUp: true}}})
		if err != nil {
			t.Fatal(err)
		}
		talks := 0
		for _, leg := range h.Twilio.Legs() {
			if leg.ParentSid != caller.Sid {
				continue
			}
			if leg.BridgedWith == caller.Sid {
				talks++
			} else if slices.ContainsFunc(leg.Moments, func(m twiliosim.Moment) bool { return m.What == "said" && strings.HasPrefix(m.Text, "Somebody else") }) {
				told++
			}
		}
		if talks != 1 {
			t.Fatalf("%d volunteers talk", talks)
		}
	}
	if told == 0 {
		t.Error("nobody was ever told that the call is taken")
	}
}

// running waits until all services work.
func running(t *testing.T, h *hotlinetest.Hotline) {
	t.Helper()
	text(t, h, supporter, "Anybody there?")
	if err := h.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The same while ticketing is away.
func TestCallsWithoutTicketing(t *testing.T) {
	t.Parallel()
	randomCalls(t, 20, hotlinetest.Options{DB: sqldbtest.Any(t), Log: slog.New(slog.DiscardHandler)}, (*hotlinetest.Hotline).StopTicketing)
}

// The same while all services are replaced again and again between two requests of a call.
func TestCallsWithRestarts(t *testing.T) {
	t.Parallel()
	var h *hotlinetest.Hotline
	var requests atomic.Int64
	randomCalls(t, 20, hotlinetest.Options{
		DB: sqldbtest.Any(t), Log: slog.New(slog.DiscardHandler),
		Before: func(path string) {
			if path != "/bling/twilio_voice" && requests.Add(1)%40 == 0 {
				h.Restart()
			}
		},
	}, func(started *hotlinetest.Hotline) { h = started })
}

// randomCalls makes a number of random calls, looks at each, and says what became of them. ready is called when the hotline runs.
func randomCalls(t *testing.T, number int, o hotlinetest.Options, ready func(*hotlinetest.Hotline)) (h *hotlinetest.Hotline, outcomes map[string]string) {
	if testing.Short() {
		number /= 4
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	o.Virtual = true
	for i := range 12 {
		o.Hotlines = append(o.Hotlines, randomHotline(r, i))
	}
	h, outcomes = hotlinetest.Start(t, o), map[string]string{}
	if ready != nil {
		ready(h)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var talks, greetings, gone int
	for made := 0; made < number; {
		h.Twilio.SetSettings(randomSettings(r, h.Twilio.Settings()))
		hot := o.Hotlines[r.IntN(len(o.Hotlines))]
		for _, p := range hot.Calls.Phones {
			h.Twilio.SetHandset(string(p.Number), randomHandset(r, hot.Calls.RingFor))
		}
		// Up to three call the same hotline at once.
		h.Clock.Hold()
		var callers sync.WaitGroup
		n := 1 + r.IntN(3)
		sids, calls := make([]string, n), make([]twiliosim.Call, n)
		for i := range n {
			call := twiliosim.Call{From: fmt.Sprintf("+1617555%04d", made+i), To: string(hot.Number), Acts: randomCaller(r)}
			calls[i] = call
			callers.Go(func() {
				leg, err := h.Twilio.Call(ctx, call)
				if err != nil {
					t.Error(err)
				}
				sids[i] = leg.Sid
			})
		}
		if err := h.Twilio.Wait(ctx, func(sim *twiliosim.Sim) bool { return sim.OpenLegs() >= n }); err != nil {
			t.Fatal(err)
		}
		h.Clock.Release()
		callers.Wait()
		made += n
		if left := h.Twilio.OpenLegs(); left > 0 {
			t.Fatalf("%d legs are left", left)
		}
		for i, sid := range sids {
			leg, _ := h.Twilio.Leg(sid)
			outcomes[sid] = judge(t, h, hot, calls[i], leg)
			switch outcomes[sid] {
			case "talked":
				talks++
			case "greeted":
				greetings++
			case "gone":
				gone++
			}
		}
		if t.Failed() {
			return h, outcomes
		}
	}
	t.Logf("%d talks, %d voicemail greetings, %d callers gone before", talks, greetings, gone)
	if number >= 60 && (talks == 0 || greetings == 0) { // a few may well be all alike
		t.Error("the calls were all alike")
	}
	return h, outcomes
}

// judge says what became of a caller, and fails the test if it should not have.
func judge(t *testing.T, h *hotlinetest.Hotline, hot hotline.Hotline, call twiliosim.Call, caller twiliosim.Leg) string {
	bridged := 0
	for _, leg := range h.Twilio.Legs() {
		if leg.ParentSid != caller.Sid || leg.BridgedWith == "" {
			continue
		}
		bridged++
		if h.Twilio.Handset(leg.To).Machine {
			t.Error("the caller was connected with a machine")
		}
	}
	var greeted, ended time.Duration
	for _, m := range caller.Moments {
		switch {
		case greeted == 0 && (m.What == "said" || m.What == "beep"):
			greeted = max(m.At, 1)
		case m.What == "ended":
			ended = m.At
		}
		if strings.Contains(m.Text, "application error") {
			t.Errorf("the caller heard: %s", m.Text)
		}
	}
	outcome := ""
	switch {
	case bridged > 1:
		t.Errorf("the caller was connected with %d people", bridged)
	case bridged == 1 && greeted > 0:
		t.Error("the caller talked and was greeted by the voicemail")
	case bridged == 1:
		outcome = "talked"
	case greeted > 0:
		outcome = "greeted"
		if greeted > hot.Calls.Ceiling {
			t.Errorf("greeted after %v, the ceiling is %v", greeted, hot.Calls.Ceiling)
		}
	case call.Acts[0].On == "" && time.Duration(call.Acts[0].After) == ended: // gave up
		outcome = "gone"
		if ended > hot.Calls.Ceiling {
			t.Errorf("the caller waited for %v and heard nothing", ended)
		}
	default:
		t.Error("the caller reached neither a person nor a beep")
	}
	if t.Failed() {
		t.Logf("hotline %+v", hot.Calls)
		for _, leg := range h.Twilio.Legs() {
			if leg.Sid == caller.Sid || leg.ParentSid == caller.Sid {
				t.Logf("%s -> %s %s %+v %+v", leg.From, leg.To, leg.Status, h.Twilio.Handset(leg.To), leg.Moments)
			}
		}
	}
	return outcome
}

func randomHotline(r *rand.Rand, i int) hotline.Hotline {
	h := hotline.New(phone.Number(fmt.Sprintf("+150171226%02d", 10+i)), simulator.MailboxID)
	c := &h.Calls
	c.Missed = hotline.MissedNothing
	for j := range r.IntN(24) {
		c.Phones = append(c.Phones, hotline.Phone{Name: fmt.Sprint("V", j), Number: phone.Number(fmt.Sprintf("+1857555%02d%02d", i, j))})
	}
	c.Strategy = []hotline.Strategy{hotline.RingAll, hotline.RingInOrder, hotline.RingLongestIdle}[r.IntN(3)]
	c.AtOnce = 1 + r.IntN(10)
	c.RingFor = time.Duration(5+r.IntN(26)) * time.Second
	c.Ceiling = c.RingFor + 30*time.Second
	if r.IntN(2) == 0 {
		c.Ceiling += time.Duration(r.IntN(120)) * time.Second
	}
	return h
}

func seconds(r *rand.Rand, most int) twiliosim.Duration {
	return twiliosim.Duration(time.Duration(r.IntN(most*10)) * 100 * time.Millisecond)
}

func randomHandset(r *rand.Rand, ringFor time.Duration) twiliosim.Handset {
	set := twiliosim.Handset{After: seconds(r, int(ringFor.Seconds()))}
	if r.IntN(4) == 0 {
		set.After = twiliosim.Duration(ringFor + 4900*time.Millisecond) // at the last moment
	}
	switch r.IntN(8) {
	case 0:
		set.Busy = true
	case 1:
		set.Decline = true
	case 2:
		set.Unreachable = true
	case 3, 4:
		set.Machine = true
	case 5:
	default:
		set.Answer = true
		for range 1 + r.IntN(3) {
			set.Acts = append(set.Acts, twiliosim.Act{On: "asked", After: seconds(r, 9), Press: []string{"1", "1", "2", "7", "*"}[r.IntN(5)]})
		}
		if r.IntN(4) == 0 {
			set.Acts = append(set.Acts, twiliosim.Act{After: seconds(r, 10), HangUp: true})
		}
		set.Acts = append(set.Acts, twiliosim.Act{On: "connected", After: seconds(r, 300), HangUp: true})
	}
	return set
}

func randomCaller(r *rand.Rand) []twiliosim.Act {
	switch r.IntN(4) {
	case 0:
		return []twiliosim.Act{{After: seconds(r, 60), HangUp: true}}
	case 1:
		return []twiliosim.Act{{On: "connected", After: seconds(r, 60), HangUp: true}}
	default:
		return []twiliosim.Act{{On: "beep", After: seconds(r, 5), Say: "Hello", For: seconds(r, 60)}, {After: seconds(r, 20), HangUp: true}}
	}
}

// randomSettings are what Twilio does where it is not known what it does.
func randomSettings(r *rand.Rand, s twiliosim.Settings) twiliosim.Settings {
	yes := func() bool { return r.IntN(2) == 0 }
	s.FirstAnswerWins, s.RefusedIsCompleted, s.ActionAfterHangup, s.ShuffleCallbacks = yes(), yes(), yes(), yes()
	s.DuplicateWebhooks = r.IntN(2)
	return s
}
