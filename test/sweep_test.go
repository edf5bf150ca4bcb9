package test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	telephonystore "github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// swept runs a test against a new hotline on each engine, which compares the vendors' lists all the time and whose clock can be moved on.
func swept(t *testing.T, test func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock), change ...func(*hotlinetest.Options)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		clock := &simulator.Clock{}
		o := hotlinetest.Options{DB: db, Now: clock.Now, SweepEvery: 100 * time.Millisecond, LookEvery: 100 * time.Millisecond}
		for _, f := range change {
			f(&o)
		}
		test(t, hotlinetest.Start(t, o), clock)
	})
}

// someTime is longer than what is left to the webhooks.
const someTime = 3 * time.Minute

// sum is what the books of both services have of a kind, over all days.
func sum(ctx context.Context, h *hotlinetest.Hotline, kind operatorv1.Kind) (all books.Count, err error) {
	for _, ledger := range []operatorv1.OperatorServiceClient{h.Operator.Telephony, h.Operator.Ticketing} {
		list, err := ledger.ListDays(ctx, &operatorv1.ListDaysRequest{})
		if err != nil {
			return all, err
		}
		for _, d := range list.GetDays() {
			if d.GetKind() == kind && d.GetHotline() == simulator.Hotline {
				all.Received += d.GetReceived()
				all.Delivered += d.GetDelivered()
				all.Recovered += d.GetRecovered()
				all.Missing += d.GetMissing()
				all.Doubled += d.GetDoubled()
			}
		}
	}
	return all, nil
}

// booksAre waits until the books of a kind have these numbers: received, delivered, recovered, missing, doubled.
func booksAre(t *testing.T, h *hotlinetest.Hotline, kind operatorv1.Kind, want ...int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond) // nobody is told that the books have changed
	defer tick.Stop()
	for {
		d, err := sum(ctx, h, kind)
		got := []int64{d.Received, d.Delivered, d.Recovered, d.Missing, d.Doubled}
		if err == nil && slices.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%v: received, delivered, recovered, missing, doubled are %d, want %d; %v", kind, got, want, err)
		}
	}
}

// person is somebody in a crowd.
func person(i int) string { return fmt.Sprintf("+1617556%04d", i) }

// said is what a supporter has said, in its order: the conversation's threads of theirs.
func said(h *hotlinetest.Hotline, from string) (texts []string, files int) {
	list := h.HelpScout.ConversationsOf(strings.TrimPrefix(from, "+1") + "@" + simulator.Domain)
	for _, c := range list {
		for _, th := range c.Threads {
			if th.Type == "customer" {
				texts = append(texts, th.Body)
				files += len(th.Attachments)
			}
		}
	}
	return texts, files
}

// 500 texts of 50 people that no webhook has brought, with pictures and wishes among them, all arrive, in order, once, although the hotline
// is stopped again and again while it looks for them, and more come in meanwhile. The books say first that they are missing, and at last
// that nothing is. What was there before we were is left alone.
func TestSweepTexts(t *testing.T) {
	var log safe
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		const people, each = 50, 10
		h.Lose("/bling/twilio_sms", "/bling/twilio_sms_fallback")
		clock.Advance(-time.Hour)
		send(t, h, person(0), "before", true)
		clock.Advance(time.Hour)
		body := func(i, n int) string {
			switch {
			case n == 6 && i%7 == 0:
				return "STOP"
			case n == 8 && i%14 == 0:
				return "Start"
			}
			return fmt.Sprintf("text %d of %d", n, i)
		}
		sids := make([][]string, people)
		var crowd errgroup.Group
		crowd.SetLimit(16)
		for i := range people {
			crowd.Go(func() error {
				for n := range each {
					var media []twiliosim.Media
					if n == 3 && i%5 == 0 {
						media = []twiliosim.Media{picture, picture}
					}
					sids[i] = append(sids[i], send(t, h, person(i), body(i, n), true, media...))
				}
				return nil
			})
		}
		if err := crowd.Wait(); err != nil {
			t.Fatal(err)
		}
		h.Twilio.Faults().Set(fault.Switches{DelayMS: 10, Path: "/Media.json"})
		clock.Advance(20 * time.Minute)
		h.Lose()
		for range 5 {
			h.Restart()
		}
		for i := range 2 * people {
			if i%5 == 0 { // half of them are new
				send(t, h, person(i), fmt.Sprint("live ", i), false)
			}
		}
		const all = people*each + 2*people/5
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, people*each, people*each, people*each, 0, 0)
		if len(log.lines("level=ERROR msg=day", "text_in.recovered")) == 0 || len(log.lines("text_in.missing=0")) > 0 {
			t.Errorf("the log does not say that texts were missing: %q", log.lines("msg=day"))
		}
		if err := h.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		check := func() {
			t.Helper()
			for i := range 2 * people {
				var want []string
				for n := range each {
					if i < people {
						want = append(want, body(i, n))
					}
				}
				if i%5 == 0 {
					want = append(want, fmt.Sprint("live ", i))
				}
				got, files := said(h, person(i))
				// What comes in now does not wait for what may be found.
				slices.SortStableFunc(got, func(a, b string) int { return strings.Count(a, "live") - strings.Count(b, "live") })
				if !slices.Equal(got, want) {
					t.Errorf("%d has said %q, want %q", i, got, want)
				}
				if wantFiles := map[bool]int{true: 2}[i < people && i%5 == 0]; files != wantFiles {
					t.Errorf("%d has sent %d files, want %d", i, files, wantFiles)
				}
				who, err := h.CallBacks.GetSupporter(ctx, &telephonyv1.GetSupporterRequest{Hotline: simulator.Hotline, Supporter: person(i)})
				if out := i < people && i%7 == 0 && i%14 != 0; err != nil || who.GetOptedOut() != out {
					t.Errorf("%d has opted out: %v, want %v; %v", i, who.GetOptedOut(), out, err)
				} else if welcomes := len(h.Twilio.Inbox(person(i))); len(want) > 0 && welcomes != 1 && i%7 != 0 { // who said STOP may have said it in time
					t.Errorf("%d, who has opted out %v, has %d texts of ours", i, out, welcomes)
				}
			}
		}
		check()
		// Webhooks that come late change nothing.
		for _, list := range sids {
			if d, err := h.Twilio.Redeliver(ctx, list[0]); err != nil || d.Lost {
				t.Fatal(d, err)
			}
		}
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, all, all, people*each, 0, 0)
		if err := h.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		check()
	}, func(o *hotlinetest.Options) {
		log = safe{}
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
}

// The same when the hotline is killed again and again in the middle of it.
func TestKillSweep(t *testing.T) {
	const people, each = 40, 10
	clock, dir := &simulator.Clock{}, t.TempDir()
	ctx, vendors, bling := served(t, hotlinetest.Options{Now: clock.Now, HelpScout: func(c *helpscoutsim.Config) { c.Now = time.Now }},
		"BLING_SWEEP_EVERY=1s", "BLING_DATA_DIR="+dir)
	if err := bling.Stop(); err != nil {
		t.Fatal(err)
	}
	// It has been there for an hour, and down for ten minutes.
	db, err := telephonystore.Open(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE looked SET till = till - $1`, time.Hour.Microseconds())
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-10 * time.Minute)
	for n := range each {
		for i := range people {
			d, err := vendors.Twilio.Text(ctx, twiliosim.Text{From: person(i), To: simulator.Hotline, Body: fmt.Sprint("text ", n), Media: []twiliosim.Media{picture}[:i%2]})
			if err != nil || !d.Lost {
				t.Fatal(d, err)
			}
		}
	}
	clock.Advance(10 * time.Minute)
	vendors.Twilio.Faults().Set(fault.Switches{DelayMS: 10, Path: "/Media.json"})
	bling.Start()
	<-killed(ctx, t, vendors, bling, 10, 13)
	h := &hotlinetest.Hotline{Vendors: vendors}
	if err := vendors.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool {
		texts, files := 0, 0
		for i := range people {
			said, sent := said(h, person(i))
			texts, files = texts+len(said), files+sent
		}
		return texts >= people*each && files >= people/2*each
	}); err != nil {
		t.Error(err)
	}
	if err := vendors.Twilio.Wait(ctx, func(*twiliosim.Sim) bool { return len(vendors.Twilio.Inbox(person(people-1))) > 0 }); err != nil {
		t.Error(err)
	}
	for i := range people {
		var want []string
		for n := range each {
			want = append(want, fmt.Sprint("text ", n))
		}
		got, files := said(h, person(i))
		if !slices.Equal(got, want) || files != i%2*each || len(vendors.Twilio.Inbox(person(i))) != 1 {
			t.Errorf("%d has said %q, with %d files, and has got %d texts", i, got, files, len(vendors.Twilio.Inbox(person(i))))
		}
	}
}

// send sends a text, which is lost or not.
func send(t *testing.T, h *hotlinetest.Hotline, from, body string, lost bool, media ...twiliosim.Media) (sid string) {
	t.Helper()
	d, err := h.Twilio.Text(t.Context(), twiliosim.Text{From: from, To: simulator.Hotline, Body: body, Media: media})
	if err != nil || d.Lost != lost {
		t.Errorf("lost: %v, want %v; %v", d.Lost, lost, err)
	}
	return d.MessageSid
}

// An old STOP that is found does not take back what was said since, nor an old START.
func TestSweepOldWishes(t *testing.T) {
	swept(t, func(t *testing.T, h *hotlinetest.Hotline, clock *simulator.Clock) {
		for _, lost := range [][]string{{"STOP", "START"}, {"START", "STOP"}} {
			from := person(map[string]int{"STOP": 1, "START": 2}[lost[0]])
			h.Lose("/bling/twilio_sms", "/bling/twilio_sms_fallback")
			send(t, h, from, lost[0], true)
			clock.Advance(10 * time.Second)
			h.Lose()
			send(t, h, from, lost[1], false)
		}
		clock.Advance(someTime)
		booksAre(t, h, operatorv1.Kind_KIND_TEXT_IN, 4, 4, 2, 0, 0)
		for i, out := range map[int]bool{1: false, 2: true} {
			who, err := h.CallBacks.GetSupporter(t.Context(), &telephonyv1.GetSupporterRequest{Hotline: simulator.Hotline, Supporter: person(i)})
			if err != nil || who.GetOptedOut() != out {
				t.Errorf("%d has opted out: %v, %v", i, who.GetOptedOut(), err)
			}
		}
	})
}
