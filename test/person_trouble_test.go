package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Whatever fails meanwhile, at the vendors or here, and wherever it is cut off: asked for again and again, it ends as if nothing had.
func TestErasePersonInTrouble(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it takes a while")
	}
	people(t, func(t *testing.T, w *town) {
		before := w.others(lee)
		random := rand.New(rand.NewPCG(8, 3))
		trouble := fault.Switches{ErrorRate: 0.1, DropBeforeRate: 0.1, DropAfterRate: 0.1, Path: "/"}
		w.Twilio.Faults().Set(trouble)
		w.HelpScout.Faults().Set(trouble)
		done, tries := 0, 0
		for ; done < 2; tries++ { // both, one after the other
			ledger := []operatorv1.OperatorServiceClient{w.Operator.Telephony, w.Operator.Ticketing}[done]
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1005+random.IntN(100+20*tries))*time.Millisecond) // a second of it is for the answer
			res, err := ledger.ErasePerson(ctx, &operatorv1.ErasePersonRequest{Number: kim})
			cancel()
			switch {
			case res.GetDone():
				done++
			case tries > 300:
				t.Fatalf("not done: %v", err)
			case tries%20 == 10:
				w.Restart()
			}
		}
		t.Logf("after %d tries", tries)
		w.Twilio.Faults().Set(fault.Switches{})
		w.HelpScout.Faults().Set(fault.Switches{})
		w.idle()
		w.erase(kim) // the wake-ups
		w.wantGone("after trouble")
		if got := w.others(lee); got != before {
			t.Errorf("of Lee there was\n%s\nand is\n%s", before, got)
		}
	})
}

// Of a conversation that somebody else has written in, too, only what was theirs is taken out, and the answer says so. The other one goes on.
func TestErasePersonMerged(t *testing.T) {
	t.Parallel()
	for name, kimsStays := range map[string]bool{"into Lee's": false, "into Kim's": true} {
		t.Run(name, func(t *testing.T) {
			people(t, func(t *testing.T, w *town) {
				from, into := conversationOf(w.Vendors, kim).ID, conversationOf(w.Vendors, lee).ID
				if kimsStays {
					from, into = into, from
				}
				told := w.HelpScout.Delivered()
				w.ok(w.HelpScout.Merge(from, into))
				w.ok(w.HelpScout.Wait(t.Context(), func(s *helpscoutsim.Sim) bool { return s.Delivered() > told }))
				w.idle()
				deleted := w.erase(kim)
				if deleted["conversations left, because they hold others' texts"] != 1 || deleted["conversations"] != 0 || deleted["contacts"] != 0 || deleted["contacts emptied"] != 1 {
					t.Errorf("deleted %v", deleted)
				}
				for _, place := range w.left(kim, "raspberry") {
					// Help Scout shows who wrote a thread as they are now; what the simulator noted of them nobody sees. To which address a
					// reply was written cannot be changed.
					if !strings.Contains(place, "Where:createdBy") && !strings.Contains(place, "Where:to") {
						t.Errorf("Kim is still in %s", place)
					}
				}
				c, _ := w.HelpScout.Conversation(into)
				theirs := 0
				for _, th := range c.Threads {
					if strings.Contains(th.Body, "blueberry") {
						theirs++
					}
				}
				if theirs < 5 {
					t.Errorf("of Lee's threads there are %d: %+v", theirs, c)
				}
				_, err := w.Telephony.UnblockNumber(t.Context(), &telephonyv1.UnblockNumberRequest{Number: lee})
				w.ok(err)
				before := len(c.Threads)
				w.text(lee, "Are you there?")
				if c, _ = w.HelpScout.Conversation(into); len(c.Threads) != before+1 {
					t.Errorf("Lee goes on elsewhere")
				}
				w.text(kim, "It is me.")
				if list := w.HelpScout.ConversationsOf(address(kim)); len(list) != 1 || list[0].ID == into || len(list[0].Threads) != 1 {
					t.Errorf("Kim is not somebody new: %+v", list)
				}
			})
		})
	}
}

// Nobody is erased while they talk; and what Twilio does not delete yet is deleted when it does.
func TestErasePersonTooEarly(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		clock := &simulator.Clock{}
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db, Now: clock.Now}), t}
		erase := func(want errs.Kind) {
			t.Helper()
			res, err := w.Operator.Telephony.ErasePerson(t.Context(), &operatorv1.ErasePersonRequest{Number: kim})
			if errs.KindOf(err) != want || want == "" && !res.GetDone() {
				t.Errorf("%v, %v; want %q", res, err, want)
			}
		}
		w.text(kim, "I am the raspberry")
		sid, err := w.Twilio.Dial(twiliosim.Call{From: kim, To: simulator.Hotline})
		w.ok(err)
		w.ok(w.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool { l, _ := s.Leg(sid); return l.Status == twiliosim.CallInProgress }))
		w.Recorded()
		erase(errs.Precondition)
		if n := len(w.Twilio.Traces(kim)); n < 3 {
			t.Errorf("something was deleted: %d traces", n)
		}
		w.ok(w.Twilio.HangUp(sid))
		w.ok(w.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool { return s.OpenLegs() == 0 }))
		w.idle()
		set := w.Twilio.Settings()
		set.DeleteLagMS = 60_000
		w.Twilio.SetSettings(set)
		_, err = w.Operator.Telephony.ErasePerson(t.Context(), &operatorv1.ErasePersonRequest{Number: kim}) // some records are nothing at Twilio
		w.ok(err)
		erase(errs.Precondition)
		if len(w.left(kim, "raspberry")) < 5 {
			t.Error("what Twilio still has was forgotten here")
		}
		clock.Advance(time.Minute)
		w.erase(kim)
		w.wantGone("a minute later")
		erase("")
		for _, number := range []string{"", "kim", "+1", "anonymous"} {
			for _, ledger := range []operatorv1.OperatorServiceClient{w.Operator.Telephony, w.Operator.Ticketing} {
				if _, err := ledger.ErasePerson(t.Context(), &operatorv1.ErasePersonRequest{Number: number}); errs.KindOf(err) != errs.Invalid {
					t.Errorf("%q: %v", number, err)
				}
				if _, err := ledger.ExportPerson(t.Context(), &operatorv1.ExportPersonRequest{Number: number}); errs.KindOf(err) != errs.Invalid {
					t.Errorf("%q: %v", number, err)
				}
			}
		}
	})
}

// What waits is neither delivered nor sent any more, and what Twilio has that we know nothing of is deleted there: texts that no webhook has
// brought, which the look at the lists does not bring either.
func TestErasePersonWaiting(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		clock := &simulator.Clock{}
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db, Now: clock.Now, SweepEvery: 100 * time.Millisecond}), t}
		w.text(kim, "I am the raspberry")
		received := len(w.Twilio.Inbox(kim))
		w.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Path: "POST /v2/"})
		w.Twilio.Faults().Set(fault.Switches{ErrorRate: 1, Path: "POST /"})
		for i := range 3 {
			_, err := w.Twilio.Text(t.Context(), twiliosim.Text{From: kim, To: simulator.Hotline, Body: fmt.Sprint("More of raspberry ", i)})
			w.ok(err)
		}
		_, err := w.Telephony.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "K", Hotline: simulator.Hotline, To: kim, Body: "To the raspberry"})
		w.ok(err)
		_, err = w.Ticketing.FileNote(t.Context(), &ticketingv1.FileNoteRequest{
			Key: "N", Party: &ticketingv1.Party{MailboxId: simulator.MailboxID, Supporter: kim}, Text: "About the raspberry",
		})
		w.ok(err)
		w.Lose("/bling/twilio_sms", "/bling/twilio_sms_fallback")
		d, err := w.Twilio.Text(t.Context(), twiliosim.Text{From: kim, To: simulator.Hotline, Body: "A lost raspberry"})
		w.ok(err)
		if !d.Lost {
			t.Fatal("it was not lost")
		}
		for done := false; !done; { // or it is not clear for a minute whether the text has left
			res, err := w.Operator.Telephony.ErasePerson(t.Context(), &operatorv1.ErasePersonRequest{Number: kim})
			if done = res.GetDone() || errs.KindOf(err) == errs.Precondition; !done {
				w.ok(err)
			}
		}
		clock.Advance(time.Minute)
		w.erase(kim)
		w.Twilio.Faults().Set(fault.Switches{})
		w.HelpScout.Faults().Set(fault.Switches{})
		w.Lose()
		clock.Advance(someTime)
		w.text(lee, "I am the blueberry")
		clock.Advance(someTime)
		booksAre(t, w.Hotline, operatorv1.Kind_KIND_TEXT_IN, 2, 2, 0, 0, 0) // what was buried, and Lee's
		w.idle()
		w.erase(kim) // the wake-ups
		w.wantGone("after all")
		if got := w.Twilio.Inbox(kim); len(got) != received {
			t.Errorf("they got %v", got[received:])
		}
	})
}

// What is being delivered while they are erased is waited for: nothing follows from it.
func TestErasePersonUnderWay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db}), t}
		w.HelpScout.Faults().Set(fault.Switches{DelayMS: 500, Path: "POST /v2/conversations"})
		d, err := w.Twilio.Text(t.Context(), twiliosim.Text{From: kim, To: simulator.Hotline, Body: "I am the raspberry"})
		w.ok(err)
		for w.count("ticketing.entry", d.MessageSid, "posting") == 0 { // nobody is told that it is being posted
			if t.Context().Err() != nil {
				t.Fatal("it is not posted")
			}
		}
		w.erase(kim)
		w.idle()
		w.erase(kim) // the wake-ups
		w.wantGone("erased while their text was being posted")
		if got := w.Twilio.Inbox(kim); len(got) > 0 {
			t.Errorf("they got %v", got)
		}
	})
}

// A contact that is somebody of the organisation's other mailboxes as well keeps what is not the hotline's, and the answer says so.
func TestErasePersonKnownElsewhere(t *testing.T) {
	people(t, func(t *testing.T, w *town) {
		desk := helpscout.New(w.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, free{})
		customer, _ := w.HelpScout.Customer(address(kim))
		w.ok(desk.ChangeContact(t.Context(), customer.ID, []helpscout.Patch{{Op: "add", Path: "/emails", Value: map[string]string{"type": "home", "value": "kim@example.org"}}}))
		deleted := w.erase(kim)
		if deleted["contacts left, because they have other addresses"] != 1 || deleted["conversations"] != 1 || deleted["contacts"] != 0 {
			t.Errorf("deleted %v", deleted)
		}
		w.wantGone("erased")
		if left, found := w.HelpScout.Customer("kim@example.org"); !found || len(left.Emails) != 1 || len(left.Phones) != 0 {
			t.Errorf("the contact: %+v", left)
		}
	})
}

// The contact goes only if nobody else's conversation goes with it: others may have written to them in mailboxes of which the hotline knows nothing.
func TestErasePersonInOtherMailboxes(t *testing.T) {
	const office, ben = simulator.MailboxID + 1, "ben@example.org"
	people(t, func(t *testing.T, w *town) {
		desk := helpscout.New(w.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, free{})
		write := func(email, text string) int64 {
			t.Helper()
			who := helpscout.Customer{Email: email}
			id, err := desk.Create(t.Context(), helpscout.NewConversation{
				Subject: "Hello", Type: "email", MailboxID: office, Status: "active", Customer: who, Threads: []helpscout.NewThread{{Type: "customer", Customer: &who, Text: text}},
			})
			w.ok(err)
			return id
		}
		for range 30 {
			write(address(kim), "I am the raspberry")
		}
		bens, kims := write(ben, "I am the cranberry"), write(address(kim), "Here is the raspberry as well")
		w.ok(w.HelpScout.Merge(bens, kims))
		deleted := w.erase(kim)
		if deleted["conversations"] != 31 || deleted["conversations left, because they hold others' texts"] != 1 || deleted["contacts"] != 0 || deleted["contacts emptied"] != 1 {
			t.Errorf("deleted %v", deleted)
		}
		if c, there := w.HelpScout.Conversation(kims); !there || !strings.Contains(fmt.Sprintf("%+v", c), "cranberry") {
			t.Errorf("Ben's text is gone: %+v", c)
		}
		for _, place := range w.left(kim, "raspberry") {
			if !strings.Contains(place, "Where:createdBy") && !strings.Contains(place, "Where:to") {
				t.Errorf("Kim is still in %s", place)
			}
		}
	})
}

// As long as Help Scout's list lags it may not show somebody else's conversation that the contact was just made the customer of.
func TestErasePersonWhileTheListLags(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db, HelpScout: func(c *helpscoutsim.Config) { c.ListLag = time.Hour }}), t}
		w.text(kim, "I am the raspberry")
		w.text(lee, "I am the blueberry")
		lees := conversationOf(w.Vendors, lee).ID
		w.ok(w.HelpScout.ChangeCustomer(lees, address(kim)))
		deleted := w.erase(kim)
		if deleted["contacts"] != 0 || deleted["contacts emptied"] != 1 {
			t.Errorf("deleted %v", deleted)
		}
		if c, there := w.HelpScout.Conversation(lees); !there || !strings.Contains(fmt.Sprintf("%+v", c), "blueberry") {
			t.Errorf("Lee's text is gone: %+v", c)
		}
	})
}

// What somebody has mailed to other mailboxes from an address of their own is not the hotline's.
func TestErasePersonLeavesTheirMail(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db}), t}
		w.text(kim, "I am the raspberry")
		desk := helpscout.New(w.HelpScoutURL, helpscoutsim.DefaultClientID, helpscoutsim.DefaultClientSecret, free{})
		customer, _ := w.HelpScout.Customer(address(kim))
		w.ok(desk.ChangeContact(t.Context(), customer.ID, []helpscout.Patch{{Op: "add", Path: "/emails", Value: map[string]string{"type": "home", "value": "kim@example.org"}}}))
		kims := helpscout.Customer{Email: "kim@example.org"}
		mail, err := desk.Create(t.Context(), helpscout.NewConversation{
			Subject: "Hello", Type: "email", MailboxID: simulator.MailboxID + 1, Status: "active", Customer: kims,
			Threads: []helpscout.NewThread{{Type: "customer", Customer: &kims, Text: "Not for the hotline"}},
		})
		w.ok(err)
		deleted := w.erase(kim)
		if c, there := w.HelpScout.Conversation(mail); !there || len(c.Threads) != 1 || deleted["conversations"] != 1 {
			t.Errorf("deleted %v; their mail: %+v", deleted, c)
		}
	})
}
