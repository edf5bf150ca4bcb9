package telephony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

const campaign = hotline.MobileCommons + ":189358"

// tickets takes every text, of somebody new.
type tickets struct {
	ticketingv1.TicketingServiceClient
	took []*ticketingv1.RecordInboundTextRequest
}

func (d *tickets) RecordInboundText(_ context.Context, r *ticketingv1.RecordInboundTextRequest, _ ...grpc.CallOption) (*ticketingv1.RecordInboundTextResponse, error) {
	d.took = append(d.took, r)
	return &ticketingv1.RecordInboundTextResponse{ConversationId: 7, FirstContact: true}, nil
}

func (d *tickets) FileNote(context.Context, *ticketingv1.FileNoteRequest, ...grpc.CallOption) (*ticketingv1.FileNoteResponse, error) {
	return &ticketingv1.FileNoteResponse{}, nil
}

// archive is a hotline that is a campaign since now, and the campaign's texts of before. Its number at Telnyx has no such list.
type archive struct {
	*Service
	t    *testing.T
	sim  *mobilecommonssim.Sim
	desk *tickets
	now  time.Time
}

func newArchive(t *testing.T) *archive {
	a := &archive{t: t, desk: &tickets{}, now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return a.now }
	a.sim = mobilecommonssim.New(mobilecommonssim.Config{Campaigns: []mobilecommonssim.Campaign{{ID: "189358", Name: "Help"}}, Now: clock})
	api := httptest.NewServer(a.sim.Handler())
	db, err := sqlstore.Open(t.Context(), sqldbtest.Any(t))
	fatal(t, err)
	t.Cleanup(func() { api.Close(); db.Close() })
	atTelnyx := hotline.New(ours, 206907)
	atTelnyx.Transport = hotline.Telnyx
	here := hotline.New(hotline.OfCampaign("189358"), 206906)
	here.Transport = hotline.MobileCommons
	c := Config{Hotlines: hotline.Hotlines{here, atTelnyx}, PublicURL: "https://hotline.example.org"}
	c.MobileCommons.URL, c.MobileCommons.Username, c.MobileCommons.Password = api.URL, mobilecommonssim.DefaultUsername, mobilecommonssim.DefaultPassword
	c.Telnyx.URL, c.Telnyx.APIKey = "https://telnyx.invalid", "key"
	a.Service, err = New(c, Deps{DB: db, Ticketing: a.desk, Log: slog.New(slog.DiscardHandler), Now: clock})
	fatal(t, err)
	return a
}

// past adds a text of some time ago.
func (a *archive) past(ago time.Duration, from, body string) {
	a.t.Helper()
	_, err := a.sim.Past(mobilecommonssim.Message{Campaign: "189358", Phone: from, Body: body, At: a.now.Add(-ago)})
	fatal(a.t, err)
}

// request is for all of the time from some time ago until another.
func (a *archive) request(from, to, step time.Duration) *telephonyv1.LoadTextsRequest {
	return &telephonyv1.LoadTextsRequest{
		Hotline: string(campaign), From: timestamppb.New(a.now.Add(-from)), To: timestamppb.New(a.now.Add(-to)), StepSeconds: int64(step / time.Second),
	}
}

// load loads step by step until the end, puts what is loaded into the tickets when it must, and returns how many texts were found and how many of
// them were new.
func (a *archive) load(r *telephonyv1.LoadTextsRequest) (found, fresh int64) {
	a.t.Helper()
	for range 10_000 {
		res, err := a.LoadTexts(a.t.Context(), r)
		if errs.KindOf(err) == errs.RateLimited {
			a.deliverAll()
			continue
		}
		fatal(a.t, err)
		found, fresh = found+res.GetFound(), fresh+res.GetFresh()
		if !res.GetTill().AsTime().Before(r.GetTo().AsTime()) {
			return found, fresh
		}
		if r.Again = false; r.GetDryRun() {
			r.After = res.GetTill()
		}
	}
	a.t.Fatal("it has no end")
	return 0, 0
}

// deliverAll puts all texts into the tickets.
func (a *archive) deliverAll() {
	a.t.Helper()
	lanes, err := a.store.Work(sqlstore.TextIn).Lanes(a.t.Context(), "", 1000)
	fatal(a.t, err)
	for _, lane := range lanes {
		for more := true; more; {
			more, err = a.deliver(a.t.Context(), lane)
			fatal(a.t, err)
		}
	}
}

// count is how many rows a table has.
func (a *archive) count(table string) (n int) {
	a.t.Helper()
	fatal(a.t, a.DB.Read.QueryRow(`SELECT count(*) FROM `+table).Scan(&n))
	return n
}

// what people write, and from where.
var written = []string{"hello", "👩‍👩‍👧‍👦 🏳️‍🌈", "שלום \u202Eabc مرحبا", "", strings.Repeat("x", 10_000), "STOP", "START", "hello"}
var writers = []string{"+16175550142", "+447911123456", "+972501234567", "+4915112345678"}

// M4, M7, M9: all texts of a time go into the tickets, each once and in the order of its time, as history; nobody gets an answer. What is done
// again, in other steps or for another time, finds nothing new.
func TestLoadTexts(t *testing.T) {
	a := newArchive(t)
	const texts = 500
	a.past(24*time.Hour+time.Second, caller, "too early")
	for i := range texts { // the first and the last at the very ends
		a.past(24*time.Hour-time.Duration(i)*(23*time.Hour)/(texts-1), writers[i%len(writers)], written[i/len(writers)%len(written)])
	}
	a.past(time.Hour-time.Second, caller, "too late")
	r := a.request(24*time.Hour, time.Hour, 20*time.Minute)
	if found, fresh := a.load(r); found != texts || fresh != texts {
		t.Errorf("%d found, %d new, want %d", found, fresh, texts)
	}
	a.deliverAll()
	if len(a.desk.took) != texts || a.count("text_out") != 0 {
		t.Errorf("%d texts are in the tickets, and %d answers are sent", len(a.desk.took), a.count("text_out"))
	}
	for _, from := range writers {
		var got []*ticketingv1.RecordInboundTextRequest
		for _, r := range a.desk.took {
			if r.GetParty().GetSupporter() == from {
				got = append(got, r)
			}
		}
		if !slices.IsSortedFunc(got, func(a, b *ticketingv1.RecordInboundTextRequest) int {
			return a.GetReceivedAt().AsTime().Compare(b.GetReceivedAt().AsTime())
		}) {
			t.Error("their order is not that of their times")
		}
		for i, r := range got {
			if r.GetBody() != written[i%len(written)] || !r.GetLoaded() || !r.GetFoundLate() || !strings.HasPrefix(r.GetKey(), "MC") || r.GetParty().GetHotline() != string(campaign) {
				t.Errorf("text %d: %+v", i, r)
			}
		}
		if a.sim.Subscribed(from, "189358") || len(a.sim.Inbox(from)) != 0 {
			t.Error("somebody is subscribed, or has a text")
		}
	}
	for name, again := range map[string]*telephonyv1.LoadTextsRequest{"done": a.request(24*time.Hour, time.Hour, time.Hour), "another time": a.request(24*time.Hour, 2*time.Hour, time.Hour)} {
		if found, fresh := a.load(again); fresh != 0 || name == "done" && found != 0 {
			t.Errorf("%s: %d found, %d new", name, found, fresh)
		}
	}
	r.Again = true
	if found, fresh := a.load(r); found != texts || fresh != 0 || len(a.desk.took) != texts {
		t.Errorf("again: %d found, %d new", found, fresh)
	}
}

// A dry run says what a load then does, also of texts at the ends of its steps, and leaves no trace.
func TestLoadTextsDryRun(t *testing.T) {
	a := newArchive(t)
	const texts, known = 60, 10
	for i := range texts { // one each minute, where the steps end
		a.past(2*time.Hour-time.Duration(i)*time.Minute, caller, "hello")
	}
	if found, fresh := a.load(a.request(2*time.Hour, 2*time.Hour-(known-1)*time.Minute, time.Hour)); found != known || fresh != known {
		t.Fatalf("%d found, %d new", found, fresh)
	}
	rows, looked := a.count("text_in"), a.count("looked")
	var dryFound, dryFresh int64
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour} {
		r := a.request(2*time.Hour, time.Hour, step)
		r.DryRun = true
		if dryFound, dryFresh = a.load(r); dryFound != texts || dryFresh != texts-known {
			t.Errorf("in steps of %v: %d found, %d new", step, dryFound, dryFresh)
		}
	}
	if a.count("text_in") != rows || a.count("looked") != looked || len(a.desk.took) != 0 {
		t.Error("it leaves something")
	}
	if found, fresh := a.load(a.request(2*time.Hour, time.Hour, 5*time.Minute)); found != dryFound || fresh != dryFresh {
		t.Errorf("then there are %d, %d of them new", found, fresh)
	}
}

// No more is loaded while much of it is not in the tickets; a dry run does not wait for that.
func TestLoadTextsWaits(t *testing.T) {
	a := newArchive(t)
	for i := range mostLoaded + 10 {
		a.past(2*time.Hour-time.Duration(i)*time.Second, caller, "hello")
	}
	r := a.request(2*time.Hour, time.Hour, (mostLoaded-1)*time.Second)
	_, err := a.LoadTexts(t.Context(), r)
	fatal(t, err)
	at := a.count("text_in")
	if _, err := a.LoadTexts(t.Context(), r); errs.KindOf(err) != errs.RateLimited || errs.RetryAfter(err) <= 0 || a.count("text_in") != at || at < mostLoaded {
		t.Errorf("after %d texts: %v", at, err)
	}
	dry := a.request(2*time.Hour, time.Hour, time.Hour)
	dry.DryRun = true
	if found, fresh := a.load(dry); found != mostLoaded+10 || fresh != 10 {
		t.Errorf("a dry run: %d found, %d new", found, fresh)
	}
	a.deliverAll()
	if _, err := a.LoadTexts(t.Context(), r); err != nil || a.count("text_in") != mostLoaded+10 {
		t.Errorf("it does not go on: %v", err)
	}
}

// What has come since the hotline is ours is no history, even if nobody has asked for it yet: it comes by itself, and is answered.
func TestLoadTextsLive(t *testing.T) {
	a := newArchive(t)
	a.past(time.Minute, caller, "before")
	live := a.now
	_, err := a.sim.Text("+16175550177", "189358", "just now")
	fatal(t, err)
	a.now = a.now.Add(time.Minute)
	number := phone.Number(campaign)
	for range 2 {
		if found, fresh := a.load(a.request(time.Hour, 0, time.Hour)); found != 1 || fresh > 1 {
			t.Errorf("%d found, %d new", found, fresh)
		}
		a.now = a.now.Add(time.Second) // until another now
	}
	_, err = a.textsIn(t.Context(), number, live, a.now)
	fatal(t, err)
	a.deliverAll()
	if len(a.desk.took) != 2 || a.count("text_out") != 1 || a.desk.took[0].GetLoaded() == a.desk.took[1].GetLoaded() {
		t.Errorf("%v are in the tickets, and %d are answered", a.desk.took, a.count("text_out"))
	}
	// Of a hotline that was away for long, what nobody will look for any more is history.
	_, err = a.sim.Text("+16175550178", "189358", "is anybody there?")
	fatal(t, err)
	a.now = a.now.Add(10 * 24 * time.Hour)
	if found, fresh := a.load(a.request(11*24*time.Hour, 9*24*time.Hour, 24*time.Hour)); found != 3 || fresh != 1 {
		t.Errorf("after long: %d found, %d new", found, fresh)
	}
}

// What makes no sense is refused, and so is a carrier that has no list; what will never go, does not wait.
func TestLoadTextsRefuses(t *testing.T) {
	a := newArchive(t)
	for name, change := range map[string]func(*telephonyv1.LoadTextsRequest){
		"no hotline":      func(r *telephonyv1.LoadTextsRequest) { r.Hotline = "" },
		"another's":       func(r *telephonyv1.LoadTextsRequest) { r.Hotline = "mobilecommons:1" },
		"without a list":  func(r *telephonyv1.LoadTextsRequest) { r.Hotline = ours },
		"backwards":       func(r *telephonyv1.LoadTextsRequest) { r.From, r.To = r.GetTo(), r.GetFrom() },
		"no time":         func(r *telephonyv1.LoadTextsRequest) { r.To = r.GetFrom() },
		"the future":      func(r *telephonyv1.LoadTextsRequest) { r.To = timestamppb.New(a.now.Add(time.Second)) },
		"no step":         func(r *telephonyv1.LoadTextsRequest) { r.StepSeconds = 0 },
		"a negative step": func(r *telephonyv1.LoadTextsRequest) { r.StepSeconds = -1 },
	} {
		r := a.request(2*time.Hour, time.Hour, time.Hour)
		change(r)
		if _, err := a.LoadTexts(t.Context(), r); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	secret := errors.New("a number and words")
	for name, test := range map[string]struct {
		err  error
		kind errs.Kind
		wait time.Duration
	}{
		"refused":  {&carrier.Error{Carrier: "Mobile Commons", Outcome: carrier.Refused, Code: 1, Cause: secret}, errs.Precondition, 0},
		"too fast": {&carrier.Error{Carrier: "Mobile Commons", Status: 429, RetryAfter: time.Hour, Cause: secret}, errs.RateLimited, time.Hour},
		"at once":  {&carrier.Error{Carrier: "Mobile Commons", Status: 429, Cause: secret}, errs.RateLimited, time.Second},
		"away":     {&carrier.Error{Carrier: "Mobile Commons", Status: 503, Cause: secret}, errs.Unavailable, 5 * time.Second},
		"other":    {fmt.Errorf("asking: %w", secret), errs.Unavailable, 5 * time.Second},
	} {
		err := notListed(test.err)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Kind != test.kind || e.RetryAfter != test.wait || strings.Contains(e.Message, secret.Error()) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}
