package playground

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/scenario"
	"github.com/bling-hotline/bling/simulator/story"
)

// trouble is what goes wrong at present, as the form has it. It is read from the vendors each time, so what was switched from a terminal
// is in it as well.
type trouble struct {
	TwilioDown    bool // its API answers 503
	TwilioErrors  int  // of 100 requests, so many fail and are not done
	TwilioLost    int  // so many are done, and the answer is lost
	TwilioDelayMS int
	Doubled       int  // how many more times each webhook of a text comes
	Shuffled      bool // status callbacks come in any order
	Early         bool // status callbacks come before the answer of the request that they are about
	ListLagS      int
	Unheard       bool // webhooks do not arrive

	DeskDown       bool
	DeskErrors     int
	DeskLost       int
	DeskDelayMS    int
	DeskListLagS   int
	DeskLimit      int // units per minute; -1: none
	DeskDoubled    int
	DeskShuffled   bool
	DeskWebhookOff bool

	// Elsewhere says that a vendor has faults that the form does not know: of some requests, or of the next ones.
	TwilioElsewhere, DeskElsewhere bool

	Now   time.Time
	Ahead time.Duration
	usual *trouble
}

// down is how a vendor that is down answers.
var down = fault.Switches{ErrorRate: 1, Status: http.StatusServiceUnavailable}

func percent(rate float64) int { return int(rate*100 + 0.5) }

func (p *Page) trouble() trouble {
	twilio, desk := p.Twilio.Faults().Get(), p.HelpScout.Faults().Get()
	ts, ds := p.Twilio.Settings(), p.HelpScout.Settings()
	t := trouble{
		TwilioDown: twilio.ErrorRate == 1, TwilioErrors: percent(twilio.ErrorRate), TwilioLost: percent(twilio.DropAfterRate), TwilioDelayMS: twilio.DelayMS,
		Doubled: ts.DuplicateWebhooks, Shuffled: ts.ShuffleStatus, Early: ts.StatusBeforeCreate, ListLagS: ts.ListLagMS / 1000,
		Unheard:  len(p.Lost()) > 0,
		DeskDown: desk.ErrorRate == 1, DeskErrors: percent(desk.ErrorRate), DeskLost: percent(desk.DropAfterRate), DeskDelayMS: desk.DelayMS,
		DeskListLagS: max(0, int(ds.ListLag/time.Second)), DeskLimit: max(-1, ds.RateLimit), DeskDoubled: ds.Duplicates, DeskShuffled: ds.Shuffle,
		Now: p.Clock.Now(), Ahead: p.Clock.Ahead().Round(time.Second),
	}
	t.DeskWebhookOff = slices.ContainsFunc(p.HelpScout.Webhooks(), func(w helpscoutsim.Webhook) bool { return w.State != "enabled" })
	if t.TwilioDown {
		t.TwilioErrors = 0
	}
	if t.DeskDown {
		t.DeskErrors = 0
	}
	t.usual = &p.usual
	if t.TwilioElsewhere = elsewhere(twilio); t.TwilioElsewhere {
		t.TwilioDown, t.TwilioErrors, t.TwilioLost, t.TwilioDelayMS = false, 0, 0, 0
	}
	if t.DeskElsewhere = elsewhere(desk); t.DeskElsewhere {
		t.DeskDown, t.DeskErrors, t.DeskLost, t.DeskDelayMS = false, 0, 0, 0
	}
	return t
}

// elsewhere reports whether a vendor's faults are none of the form.
func elsewhere(s fault.Switches) bool {
	return s.Path != "" || s.FailNext+s.DropBeforeNext+s.DropAfterNext > 0 || s.DropBeforeRate > 0
}

// Says lists what goes wrong, in words.
func (t trouble) Says() (all []string) {
	say := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(t.TwilioDown, "Twilio's API is down")
	say(t.TwilioErrors > 0, "Twilio's API fails %d times in 100", t.TwilioErrors)
	say(t.TwilioLost > 0, "%d of 100 answers of Twilio get lost", t.TwilioLost)
	say(t.TwilioDelayMS > 0, "Twilio takes %d ms longer", t.TwilioDelayMS)
	say(t.Doubled > 0, "webhooks come %d times", t.Doubled+1)
	say(t.Shuffled, "delivery reports come in any order")
	say(t.Early, "delivery reports come too early")
	say(t.ListLagS > 0, "Twilio's lists lag %d s", t.ListLagS)
	say(t.Unheard, "no webhook arrives")
	say(t.DeskDown, "Help Scout is down")
	say(t.DeskErrors > 0, "Help Scout fails %d times in 100", t.DeskErrors)
	say(t.DeskLost > 0, "%d of 100 answers of Help Scout get lost", t.DeskLost)
	say(t.DeskDelayMS > 0, "Help Scout takes %d ms longer", t.DeskDelayMS)
	say(t.TwilioElsewhere, "some requests to Twilio fail")
	say(t.DeskElsewhere, "some requests to Help Scout fail")
	say(t.DeskListLagS != t.usual.DeskListLagS, "Help Scout's searches lag %d s", t.DeskListLagS)
	say(t.DeskLimit < 0 && t.usual.DeskLimit > 0, "Help Scout has no limit")
	say(t.DeskLimit >= 0 && t.DeskLimit != t.usual.DeskLimit, "Help Scout allows %d units a minute", t.DeskLimit)
	say(t.DeskDoubled > 0, "Help Scout's webhooks come %d times", t.DeskDoubled+1)
	say(t.DeskShuffled, "Help Scout's webhooks come in any order")
	say(t.DeskWebhookOff, "Help Scout's webhook is switched off")
	say(t.Ahead != 0, "the clock is %v ahead", t.Ahead)
	return all
}

// setTrouble takes the whole form: what is not ticked is off.
func (p *Page) setTrouble(r *http.Request) error {
	f := fields{r: r}
	t := trouble{
		TwilioDown: f.tick("TwilioDown"), TwilioErrors: f.number("TwilioErrors", 0, 100), TwilioLost: f.number("TwilioLost", 0, 100), TwilioDelayMS: f.number("TwilioDelayMS", 0, 60_000),
		Doubled: f.number("Doubled", 0, 10), Shuffled: f.tick("Shuffled"), Early: f.tick("Early"), ListLagS: f.number("ListLagS", 0, 3600), Unheard: f.tick("Unheard"),
		DeskDown: f.tick("DeskDown"), DeskErrors: f.number("DeskErrors", 0, 100), DeskLost: f.number("DeskLost", 0, 100), DeskDelayMS: f.number("DeskDelayMS", 0, 60_000),
		DeskListLagS: f.number("DeskListLagS", 0, 3600), DeskLimit: f.number("DeskLimit", -1, 1_000_000), DeskDoubled: f.number("DeskDoubled", 0, 10), DeskShuffled: f.tick("DeskShuffled"),
		DeskWebhookOff: f.tick("DeskWebhookOff"),
	}
	if f.err != nil {
		return f.err
	}
	if t.DeskLimit == 0 {
		return errors.New("the limit of Help Scout must be at least 1, or -1 for none")
	}
	p.apply(t)
	return nil
}

func (p *Page) noTrouble(*http.Request) error {
	p.apply(p.usual)
	return nil
}

// apply switches the vendors, and writes down what that changes.
func (p *Page) apply(t trouble) {
	was, calm := p.trouble(), t == p.usual
	before := was.Says()
	faults := func(isDown bool, errors, lost, delay int) fault.Switches {
		if isDown {
			return down
		}
		return fault.Switches{ErrorRate: float64(errors) / 100, DropAfterRate: float64(lost) / 100, DelayMS: delay}
	}
	// What was switched elsewhere stays, until the form says something else of it.
	if f := faults(t.TwilioDown, t.TwilioErrors, t.TwilioLost, t.TwilioDelayMS); !was.TwilioElsewhere || f != (fault.Switches{}) || calm {
		p.Twilio.Faults().Set(f)
	}
	if f := faults(t.DeskDown, t.DeskErrors, t.DeskLost, t.DeskDelayMS); !was.DeskElsewhere || f != (fault.Switches{}) || calm {
		p.HelpScout.Faults().Set(f)
	}
	ts := p.Twilio.Settings()
	ts.DuplicateWebhooks, ts.ShuffleStatus, ts.StatusBeforeCreate, ts.ListLagMS = t.Doubled, t.Shuffled, t.Early, t.ListLagS*1000
	ts.ShuffleCallbacks = t.Shuffled
	p.Twilio.SetSettings(ts)
	lag := time.Duration(t.DeskListLagS) * time.Second
	if lag == 0 {
		lag = -1
	}
	ds := p.HelpScout.Settings()
	ds.ListLag, ds.RateLimit, ds.Duplicates, ds.Shuffle = lag, t.DeskLimit, t.DeskDoubled, t.DeskShuffled
	p.HelpScout.SetSettings(ds)
	for _, w := range p.HelpScout.Webhooks() {
		if on := !t.DeskWebhookOff; on != (w.State == "enabled") {
			p.HelpScout.EnableWebhook(w.ID, on)
		}
	}
	if t.Unheard {
		p.Lose("/bling/")
	} else {
		p.Lose()
	}
	after := p.trouble().Says()
	for _, says := range after {
		if !slices.Contains(before, says) {
			p.Story.Add(story.Line{At: p.Clock.Now(), Kind: story.Trouble, Title: "from now on " + says, Failed: true})
		}
	}
	for _, said := range before {
		if !slices.Contains(after, said) {
			p.Story.Add(story.Line{At: p.Clock.Now(), Kind: story.Trouble, Title: "no longer so: " + said})
		}
	}
	var changed []string
	for i, command := range t.commands() {
		if command != was.commands()[i] {
			changed = append(changed, command)
		}
	}
	if changed != nil {
		p.acts.add(p.Clock.Now(), changed...)
	}
}

// commands are what a scenario says to bring all of this about, as far as it can.
func (t trouble) commands() []string {
	vendor := func(name string, isDown bool, errors, lost, delay int) string {
		if isDown {
			return "fault " + name + " error_rate=1 status=503"
		}
		return strings.TrimSpace(fmt.Sprintf("fault %s error_rate=%v drop_after_rate=%v delay_ms=%d", name, float64(errors)/100, float64(lost)/100, delay))
	}
	return []string{
		vendor("twilio", t.TwilioDown, t.TwilioErrors, t.TwilioLost, t.TwilioDelayMS),
		vendor("helpscout", t.DeskDown, t.DeskErrors, t.DeskLost, t.DeskDelayMS),
		fmt.Sprintf("twilio duplicate_webhooks=%d shuffle_status=%t status_before_create=%t list_lag_ms=%d", t.Doubled, t.Shuffled, t.Early, t.ListLagS*1000),
		map[bool]string{true: "lose /bling/", false: "found"}[t.Unheard],
	}
}

// setClock moves the clock ahead.
func (p *Page) setClock(r *http.Request) error {
	d, err := time.ParseDuration(r.PostFormValue("by"))
	if err != nil || d <= 0 || d > 31*24*time.Hour {
		return errors.New("the clock can be moved ahead by up to 31 days, such as 90m or 24h")
	}
	p.Clock.Advance(d)
	p.Story.Add(story.Line{At: p.Clock.Now(), Kind: story.Trouble, Title: "the clock was moved ahead by " + d.String()})
	return nil
}

// fields reads a form. The first problem stays in err.
type fields struct {
	r   *http.Request
	err error
}

func (f *fields) tick(name string) bool { return f.r.PostFormValue(name) != "" }

func (f *fields) number(name string, least, most int) int {
	n, err := strconv.Atoi(cmp.Or(strings.TrimSpace(f.r.PostFormValue(name)), "0"))
	if (err != nil || n < least || n > most) && f.err == nil {
		f.err = fmt.Errorf("%s must be a number from %d to %d", name, least, most)
	}
	return n
}

// notes are what was done to the vendors, for a scenario.
type notes struct {
	mu  sync.Mutex
	all []scenario.Did
}

func (n *notes) add(at time.Time, commands ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, scenario.Did{At: at, Commands: commands})
}

func (n *notes) list() []scenario.Did {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

func (n *notes) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = nil
}

// ResetVendors makes the vendors as if they had never been used.
func (p *Page) ResetVendors(context.Context) error {
	p.Twilio.Reset()
	err := p.HelpScout.Reset()
	p.HelpScout.Faults().Set(fault.Switches{})
	p.apply(p.usual)
	p.Clock.Advance(-p.Clock.Ahead())
	p.Story.Clear()
	return err
}
