package ticketing_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// pastText is a text of before.
type pastText struct {
	key, body string
	at        time.Time
}

// loads records a text of before, again and again while it is to be tried again.
func (d *desk) loads(p pastText) *ticketingv1.RecordInboundTextResponse {
	d.t.Helper()
	for {
		res, err := d.RecordInboundText(d.t.Context(), &ticketingv1.RecordInboundTextRequest{
			Key: p.key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller, Hotline: "+15017122661"}, Body: p.body,
			ReceivedAt: timestamppb.New(p.at), FoundLate: true, Loaded: true,
		})
		if kind := errs.KindOf(err); (kind == errs.Unavailable || kind == errs.Busy || kind == errs.RateLimited) && d.t.Context().Err() == nil {
			continue
		}
		check(d.t, err)
		return res
	}
}

// history is n texts of a year ago, one an hour. Some say the same as others, and as what is live.
func history(n int) (all []pastText) {
	begin := time.Now().AddDate(-1, 0, 0).Truncate(time.Second)
	for i := range n {
		body := []string{"ok", fmt.Sprint("text ", i), "👩‍👩‍👧‍👦 שלום", "", "live", "<b>&amp;</b>\nline", strings.Repeat("x", 10_000)}[i%7]
		all = append(all, pastText{fmt.Sprint("MC", i), body, begin.Add(time.Duration(i) * time.Hour)})
	}
	return all
}

// wantHistory fails unless the supporter's texts in a conversation are those of before, in their order and with their times, and then the live ones.
func wantHistory(t *testing.T, c helpscoutsim.Conversation, past []pastText, live ...string) {
	t.Helper()
	var threads []helpscoutsim.Thread
	for _, th := range c.Threads {
		if th.Type == "customer" {
			threads = append(threads, th)
		}
	}
	if len(threads) != len(past)+len(live) {
		t.Errorf("%d texts in the ticket, want %d", len(threads), len(past)+len(live))
	}
	got := bodies(c)
	for i, p := range past[:min(len(past), len(threads))] {
		want := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", "\n", "<br>\n").Replace(p.body)
		if want == "" {
			want = "(empty message)"
		}
		if got[i] != want || !threads[i].CreatedAt.Equal(p.at) {
			t.Errorf("text %d is %.40q of %v, want %.40q of %v", i, got[i], threads[i].CreatedAt, want, p.at)
		}
	}
	if len(got) > len(past) && !slices.Equal(got[len(past):], live) {
		t.Errorf("then there is %q, want %q", got[len(past):], live)
	}
}

// lostAnswers is how an answer is lost: after Help Scout has done what was asked, before, and with an error of which it is not known either.
var lostAnswers = []fault.Switches{{DropAfterNext: 1}, {DropBeforeNext: 1}, {FailNext: 1, FailNextStatus: 502}}

// Promise 3 for what is loaded: a text whose answer was lost stands deep in the conversation by its time, with more newer threads than
// Help Scout shows at once. It is found there, or posted again: nothing is doubled, nothing lost.
func TestLoadedUnclear(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var live []string
		for i := range 30 {
			body := "live"
			if i > 0 {
				body = fmt.Sprint("live ", i)
			}
			d.text(fmt.Sprint("SM", i), body)
			live = append(live, body)
		}
		id := d.one().ID
		past := history(42)
		for i, p := range past {
			switches := lostAnswers[i%len(lostAnswers)]
			switches.Path = fmt.Sprintf("POST /v2/conversations/%d/customer", id)
			d.sim.Faults().Set(switches)
			if res := d.loads(p); res.GetConversationId() != id || res.GetFirstContact() || res.GetThreadId() == 0 {
				t.Errorf("text %d: %v", i, res)
			}
			if i%10 == 0 { // the lane goes on meanwhile
				d.sim.Faults().Set(fault.Switches{DropAfterNext: 1, Path: switches.Path})
				d.text(fmt.Sprint("SM-", i), "live")
				live = append(live, "live")
			}
		}
		d.sim.Faults().Set(fault.Switches{})
		for _, p := range past { // whoever comes again is told the same
			d.loads(p)
		}
		wantHistory(t, d.one(), past, live...)
	})
}

// A text of a year ago that failed is tried again as soon as any other: telephony waits the longer the older a text is, unless it is told.
func TestLoadedAgain(t *testing.T) {
	sim, url := newSim(t)
	d := start(t, sqldbtest.Any(t), sim, url)
	p := history(1)[0]
	r := &ticketingv1.RecordInboundTextRequest{
		Key: p.key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Body: p.body, ReceivedAt: timestamppb.New(p.at), FoundLate: true,
	}
	for _, r.Loaded = range []bool{true, false} {
		sim.Faults().Set(fault.Switches{FailNext: 2, FailNextStatus: 500, Path: "/v2/conversations"}) // a GET is tried twice
		_, err := d.RecordInboundText(t.Context(), r)
		if wait := errs.RetryAfter(err); errs.KindOf(err) != errs.Unavailable || (wait > 0) != r.Loaded || wait > 5*time.Second {
			t.Errorf("loaded: %v: %v, again after %v", r.Loaded, err, wait)
		}
	}
}

// The same for the text that begins a conversation, also if Help Scout should take its time for that of the conversation (unverified).
func TestLoadedUnclearCreation(t *testing.T) {
	created := regexp.MustCompile(`"createdAt":"[^"]*"`)
	for i := range 2 * len(lostAnswers) {
		sim, address := newSim(t)
		past := history(3)
		url := address
		if i >= len(lostAnswers) {
			url = before(t, address, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || r.URL.Path != "/v2/conversations" {
					return false
				}
				answer := httptest.NewRecorder()
				sim.Handler().ServeHTTP(answer, r)
				w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
				w.WriteHeader(answer.Code)
				_, err := w.Write(created.ReplaceAll(answer.Body.Bytes(), fmt.Appendf(nil, `"createdAt":%q`, past[0].at.UTC().Format(time.RFC3339))))
				check(t, err)
				return true
			})
		}
		d := start(t, sqldbtest.Any(t), sim, url)
		switches := lostAnswers[i%len(lostAnswers)]
		switches.Path = "POST /v2/conversations"
		sim.Faults().Set(switches)
		for n, p := range past {
			if res := d.loads(p); res.GetFirstContact() != (n == 0) {
				t.Errorf("text %d: %v", n, res)
			}
		}
		d.text("SM1", "live")
		wantHistory(t, d.one(), past, "live")
	}
}

// What somebody else's ledger has brought into the conversation is found there, each text once, also those that say the same as others; what
// is not there goes where it belongs by its time.
func TestLoadedBefore(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		sim, url := newSim(t)
		former := start(t, sqldbtest.Any(t), sim, url)
		past := history(42)
		for i, p := range past {
			if i%14 != 1 { // what nobody else says
				former.loads(p)
			}
		}
		d := start(t, db, sim, url)
		for _, p := range past {
			if d.loads(p).GetFirstContact() {
				t.Error("they are new")
			}
		}
		wantHistory(t, d.one(), past)
	})
}

// Promise 9 for what is loaded: it has half of Help Scout's budget, holds nobody up who waits for the other half, and what it is told about
// waiting is meant for itself alone.
func TestLoadedYields(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		const limit = 60
		sim, url := newSim(t, func(c *helpscoutsim.Config) { c.RateLimit = limit })
		d := start(t, db, sim, url)
		d.text("SM1", "hello")
		loaded := 0
		for ; ; loaded++ {
			_, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
				Key: fmt.Sprint("MC", loaded), Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Body: "of before",
				ReceivedAt: timestamppb.New(time.Now().AddDate(-1, 0, 0)), Loaded: true,
			})
			if err == nil && loaded < limit {
				continue
			}
			if errs.KindOf(err) != errs.Unavailable || errs.RetryAfter(err) == 0 {
				t.Errorf("after %d texts: %v, to be tried again in %v", loaded, err, errs.RetryAfter(err))
			}
			break
		}
		if loaded == 0 || loaded > limit/2/2 { // each write costs two units
			t.Errorf("%d texts were loaded at once", loaded)
		}
		if _, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
			Key: "SM2", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Body: "meanwhile",
		}); err != nil {
			t.Errorf("a live text: %v", err)
		}
	})
}
