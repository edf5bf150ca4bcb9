package test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// From an account as it is bought to a hotline: texts, replies, calls, and what is left when none of our servers answers.
func TestProvision(t *testing.T) {
	vendorsFlow(t)
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		h := hotlinetest.Start(t, hotlinetest.Options{DB: db, Virtual: true, HelpScout: func(c *helpscoutsim.Config) { c.Webhooks = nil }})
		h.Twilio.SetNumbers([]twiliosim.Number{{PhoneNumber: simulator.Hotline, SMSURL: "https://demo.twilio.com/welcome/sms/reply/"}})
		bling := installation{environment: "production", url: h.URL, hotlines: hotline.Hotlines{hotline.New(simulator.Hotline, simulator.MailboxID)}}
		if got := bling.finds(t, h.Vendors); len(got) != 2 {
			t.Errorf("the checks find %q", got)
		}
		if n := bling.apply(t, h.Vendors); n != 3 {
			t.Errorf("%d changes", n)
		}
		if got := bling.finds(t, h.Vendors); len(got) != 0 {
			t.Errorf("the checks find %q", got)
		}
		text(t, h, supporter, "hello")
		c := desk(t, h, supporter, has("hello"))
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>Hi Ann</p>"})
		if got := phoneHas(t, h, supporter, 2); !slices.Contains(got, "Hi Ann") {
			t.Errorf("the supporter has %q", got)
		}
		call := func() []twiliosim.Moment {
			leg, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: supporter, To: simulator.Hotline, Acts: speaks(hangsUp(0))})
			if err != nil {
				t.Fatal(err)
			}
			return leg.Moments
		}
		heard := func(moments []twiliosim.Moment, what string) bool {
			return slices.ContainsFunc(moments, func(m twiliosim.Moment) bool { return m.What == what })
		}
		if moments := call(); !heard(moments, "beep") {
			t.Errorf("the caller heard %+v", moments)
		}
		h.Recorded()
		desk(t, h, supporter, has("Caller left a voicemail (12 seconds)"))

		h.Lose("/")
		if moments := call(); !heard(moments, "said") || !heard(moments, "beep") {
			t.Errorf("while nothing of ours answers, the caller heard %+v", moments)
		}
		const stranger = "+16175550143"
		text(t, h, stranger, "hello?")
		if got := phoneHas(t, h, stranger, 1); got[0] != hotline.DefaultFailure {
			t.Errorf("while nothing of ours answers, the supporter got %q", got)
		}
	})
}

// Applied again, nothing is asked that would change something, but for a token.
func TestProvisionTwice(t *testing.T) {
	var asked []string
	v := accountsOf(t, func(_ hotlinetest.Vendors, r *http.Request) { asked = append(asked, r.Method+" "+r.URL.Path) })
	if n := production().apply(t, v); n != 7 { // two flows, three numbers, a service, a webhook
		t.Errorf("%d changes", n)
	}
	before := state(t, v)
	asked = nil
	if n := production().apply(t, v); n != 0 || !slices.Equal(asked, []string{"POST /v2/oauth2/token"}) {
		t.Errorf("%d changes, by %q", n, asked)
	}
	if after := state(t, v); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
}

// Whichever request fails, done or not: no number points to nothing then, and the next run ends where an undisturbed one does.
func TestProvisionHalfWay(t *testing.T) {
	t.Parallel()
	// renumbered is production when a hotline's main number has changed: another flow is needed, and one is not any more.
	renumbered := production()
	renumbered.hotlines[0].Number, renumbered.hotlines[0].MoreNumbers = "+15017122662", []phone.Number{simulator.Hotline}
	renumbered.hotlines[1].Texts.Failure = "We are sorry."
	for name, run := range map[string]struct {
		before  []installation
		do      installation
		destroy bool
	}{
		"apply":   {nil, production(), false},
		"change":  {[]installation{production()}, renumbered, false},
		"destroy": {[]installation{staging(), production()}, production(), true},
	} {
		t.Run(name, func(t *testing.T) {
			prepare := func(each func(hotlinetest.Vendors, *http.Request)) hotlinetest.Vendors {
				armed := false
				v := accountsOf(t, func(v hotlinetest.Vendors, r *http.Request) {
					if armed {
						each(v, r)
					}
				})
				for _, i := range run.before {
					i.apply(t, v)
				}
				armed = true
				return v
			}
			writes := 0
			v := prepare(func(hotlinetest.Vendors, *http.Request) { writes++ })
			if _, err := run.do.carryOut(t.Context(), v, run.destroy); err != nil {
				t.Fatal(err)
			}
			want := state(t, v)
			if writes < 5 {
				t.Fatalf("only %d requests change something", writes)
			}
			for how, broken := range map[string]fault.Switches{
				"no connection": {DropBeforeNext: 1}, "no answer": {DropAfterNext: 1}, "an error": {FailNext: 1}, "too fast": {FailNext: 1, FailNextStatus: http.StatusTooManyRequests},
			} {
				for n := range writes {
					t.Run(fmt.Sprintf("%s to request %d", how, n+1), func(t *testing.T) {
						count := 0
						v := prepare(func(v hotlinetest.Vendors, r *http.Request) {
							if count++; count != n+1 {
								return
							}
							if _, _, ok := r.BasicAuth(); ok {
								v.Twilio.Faults().Set(broken)
							} else {
								v.HelpScout.Faults().Set(broken)
							}
						})
						if _, err := run.do.carryOut(t.Context(), v, run.destroy); err == nil {
							t.Error("no error")
						}
						state(t, v)
						if _, err := run.do.carryOut(t.Context(), v, run.destroy); err != nil {
							t.Fatal(err)
						}
						if got := state(t, v); got != want {
							t.Errorf("it is\n%s\nwant\n%s", got, want)
						}
						if plan, err := run.do.plan(t.Context(), v, run.destroy); err != nil || len(plan.Changes) > 0 {
							t.Errorf("still to do: %+v, %v", plan.Changes, err)
						}
					})
				}
			}
		})
	}
}

// A change that is made twice, as when two people apply at once, is made once.
func TestProvisionDoneTwice(t *testing.T) {
	v := accountsOf(t, nil)
	for _, destroy := range []bool{false, true} {
		other := accountsOf(t, nil)
		production().apply(t, other)
		if destroy {
			if _, err := production().carryOut(t.Context(), other, true); err != nil {
				t.Fatal(err)
			}
		}
		plan, err := production().plan(t.Context(), v, destroy)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range plan.Changes {
			for range 2 {
				if err := c.Do(t.Context()); err != nil {
					t.Errorf("%s %s: %v", c.Action, c.What, err)
				}
			}
		}
		if got, want := state(t, v), state(t, other); got != want {
			t.Errorf("it is\n%s\nwant\n%s", got, want)
		}
	}
}

// Two environments on one account leave each other's things alone, whichever comes first and goes first.
func TestProvisionTwoEnvironments(t *testing.T) {
	v := accountsOf(t, nil)
	untouched := state(t, v)
	production().apply(t, v)
	alone := state(t, v)
	staging().apply(t, v)
	both := state(t, v)
	for _, i := range []installation{production(), staging()} {
		if plan, err := i.plan(t.Context(), v, false); err != nil || len(plan.Changes)+len(plan.Conflicts) > 0 {
			t.Errorf("%s: %+v, %v", i.environment, plan, err)
		}
		if got := i.finds(t, v); len(got) > 0 {
			t.Errorf("%s: the checks find %q", i.environment, got)
		}
	}
	// A change of one changes nothing of the other.
	moved := staging()
	moved.url = "https://elsewhere.example.org"
	moved.take = []phone.Number{"+15017122664"}
	moved.apply(t, v)
	staging := staging()
	staging.take = moved.take
	staging.apply(t, v)
	if got := state(t, v); got != both {
		t.Errorf("it is\n%s\nwant\n%s", got, both)
	}
	if _, err := staging.carryOut(t.Context(), v, true); err != nil {
		t.Fatal(err)
	}
	if got := state(t, v); got != alone {
		t.Errorf("it is\n%s\nwant\n%s", got, alone)
	}
	if _, err := production().carryOut(t.Context(), v, true); err != nil {
		t.Fatal(err)
	}
	// What was switched in a Messaging Service stays so, and the demo is not brought back.
	untouched = strings.ReplaceAll(untouched, "FriendlyName:Help line InboundRequestURL: FallbackURL: UseInboundWebhookOnNumber:false", "FriendlyName:Help line InboundRequestURL: FallbackURL: UseInboundWebhookOnNumber:true")
	untouched = strings.ReplaceAll(strings.ReplaceAll(untouched, "https://demo.twilio.com/welcome/sms/reply/", ""), "https://demo.twilio.com/welcome/voice/", "")
	if got := state(t, v); got != untouched {
		t.Errorf("it is\n%s\nwant\n%s", got, untouched)
	}
}

// A number or a mailbox that another environment has is in the way.
func TestProvisionShared(t *testing.T) {
	v := accountsOf(t, nil)
	production().apply(t, v)
	before := state(t, v)
	for name, change := range map[string]func(*installation){
		"+15017122663":                       func(i *installation) { i.hotlines[0].Number = "+15017122663" },
		"the environment production":         func(i *installation) { i.hotlines[0].MailboxID = simulator.MailboxID },
		"https://crm.example.com/texts":      func(i *installation) { i.hotlines[0].Number = "+15017122665" },
		"206907 (Office), 206908 (Español).": func(i *installation) { i.hotlines[0].MailboxID = 1 },
		"the account does not have it":       func(i *installation) { i.hotlines[0].Number = "+15017122669" },
	} {
		i := staging()
		change(&i)
		if _, err := i.carryOut(t.Context(), v, false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := state(t, v); got != before {
		t.Errorf("it is\n%s\nwant\n%s", got, before)
	}
}
