package ticketing_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// Port of incoming_test.py "no conversation": T2, T9, P12.
func TestFirstText(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		res := d.text("SM1", "Hello & <b>welcome</b> 👋\nשלום")
		if !res.GetFirstContact() {
			t.Error("not a first contact")
		}
		c := d.one()
		if c.ID != res.GetConversationId() || c.Subject != "Request from 617-555-0142" || c.Type != "phone" || c.Status != "active" || c.MailboxID != mailbox {
			t.Errorf("%+v", c)
		}
		if c.Customer.First != "617-555-0142" || len(c.Customer.Phones) != 1 || c.Customer.Phones[0].Value != caller {
			t.Errorf("customer %+v", c.Customer)
		}
		if got := bodies(c); len(got) != 1 || got[0] != "Hello &amp; &lt;b&gt;welcome&lt;/b&gt; 👋<br>\nשלום" {
			t.Errorf("%q", got)
		}
	})
}

// Port of incoming_test.py "existing with room": T1, T10. A known supporter costs one call.
func TestSecondText(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first := d.text("SM1", "one")
		before := len(d.sim.History())
		second := d.text("SM2", "two")
		if second.GetFirstContact() || second.GetConversationId() != first.GetConversationId() || second.GetThreadId() == 0 {
			t.Errorf("%+v after %+v", second, first)
		}
		if calls := len(d.sim.History()) - before; calls != 1 {
			t.Errorf("%d calls for a known supporter, want 1", calls)
		}
		if got := bodies(d.one()); strings.Join(got, "|") != "one|two" {
			t.Errorf("%q", got)
		}
	})
}

// A ledger that was restored from a backup does not know what is in the tickets. What is found late in the carrier's list is looked for there
// first, so that nothing is there twice; what is not is posted.
func TestLostLedger(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		sim, url := newSim(t)
		came := timestamppb.Now()
		before := start(t, sqldbtest.Any(t), sim, url)
		for i, body := range []string{"one", "ok", "ok"} {
			before.text("SM"+itoa(int64(i)), body)
		}
		after := start(t, db, sim, url)
		for i, body := range []string{"one", "ok", "ok", "ok"} {
			res, err := after.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
				Key: "SM" + itoa(int64(i)), Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller, Hotline: "+15017122661"}, Body: body,
				ReceivedAt: came, FoundLate: true,
			})
			check(t, err)
			if res.GetConversationId() != after.one().ID || res.GetFirstContact() {
				t.Errorf("%s: %+v", body, res)
			}
		}
		if got := bodies(after.one()); strings.Join(got, "|") != "one|ok|ok|ok" {
			t.Errorf("%q", got)
		}
	})
}

// S5: the same text again is answered from the ledger.
func TestRepeatedText(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first := d.text("SM1", "one")
		again := d.text("SM1", "one")
		if again.GetConversationId() != first.GetConversationId() || again.GetFirstContact() != first.GetFirstContact() {
			t.Errorf("%+v, then %+v", first, again)
		}
		if n := len(bodies(d.one())); n != 1 {
			t.Errorf("%d threads", n)
		}
	})
}

// S1, S2: what stands in the ticket when there are no words.
func TestTextWithoutWords(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "")
		d.text("SM2", "  \n")
		d.text("SM3", "", "image/jpeg", "")
		if got := strings.Join(bodies(d.one()), "|"); got != "(empty message)|(empty message)|Attachment (image/jpeg)<br>\nAttachment (unknown type)" {
			t.Error(got)
		}
	})
}

// T6: two first texts at once make one conversation and one first contact.
func TestConcurrentFirstTexts(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		results := make(chan bool, 8)
		for i := range 8 {
			go func() { results <- d.text("SM"+string(rune('a'+i)), "hi").GetFirstContact() }()
		}
		firsts := 0
		for range 8 {
			if <-results {
				firsts++
			}
		}
		if firsts != 1 || len(bodies(d.one())) != 8 {
			t.Errorf("%d first contacts, %d texts", firsts, len(bodies(d.one())))
		}
	})
}

// A conversation that is older than our table is found and gone on with; its supporter is not new.
func TestAdoption(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		sim, url := newSim(t)
		other := sqldbtest.Any(t)
		old := start(t, other, sim, url).text("SM0", "before")
		res := start(t, db, sim, url).text("SM1", "after")
		if res.GetFirstContact() || res.GetConversationId() != old.GetConversationId() {
			t.Errorf("%+v, want the conversation of %+v", res, old)
		}
	})
}

// Port of incoming_test.py "newest full": T3, T4. The new conversation has the old one's assignee and tags, and
// both have a note that leads to the other.
func TestRollover(t *testing.T) {
	for name, fill := range map[string]func(t *testing.T, d *desk, id int64){
		"90 threads": func(t *testing.T, d *desk, _ int64) {
			for i := range 89 {
				d.text("SM-"+string(rune('A'+i)), "more")
			}
		},
		"412": func(t *testing.T, d *desk, id int64) { check(t, d.sim.Lock(id, 412)) },
		"423": func(t *testing.T, d *desk, id int64) { check(t, d.sim.Lock(id, 423)) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				old := d.text("SM1", "first").GetConversationId()
				check(t, d.sim.Assign(old, 99))
				check(t, d.sim.SetTags(old, "sms", "urgent"))
				fill(t, d, old)
				res := d.text("SM2", "next")
				if res.GetFirstContact() || res.GetConversationId() == old {
					t.Fatalf("%+v", res)
				}
				check(t, d.sim.Wait(t.Context(), func(s *helpscoutsim.Sim) bool {
					c, _ := s.Conversation(res.GetConversationId())
					o, _ := s.Conversation(old)
					locked := o.LockStatus != 0 // takes no note either
					return noteWith(c, "/conversation/") && (locked || noteWith(o, "/conversation/"))
				}))
				c, _ := d.sim.Conversation(res.GetConversationId())
				if c.AssigneeID != 99 || strings.Join(c.Tags, ",") != "sms,urgent" {
					t.Errorf("assignee %d, tags %v", c.AssigneeID, c.Tags)
				}
				if again := d.text("SM3", "and on"); again.GetConversationId() != res.GetConversationId() {
					t.Errorf("%+v went elsewhere", again)
				}
			})
		})
	}
}

func noteWith(c helpscoutsim.Conversation, part string) bool {
	for _, th := range c.Threads {
		if th.Type == "note" && strings.Contains(th.Body, part) {
			return true
		}
	}
	return false
}

// T8: what happens to a conversation in Help Scout is followed, whether its webhook comes or not.
func TestConversationChanges(t *testing.T) {
	event := func(d *desk, name, body string) {
		if _, err := d.hooks.ReceiveEvent(d.t.Context(), &ticketingv1.ReceiveEventRequest{Event: name, Body: []byte(body)}); err != nil {
			d.t.Fatal(err)
		}
	}
	t.Run("merged", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			old := d.text("SM1", "first").GetConversationId()
			res, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
				Key: "SMx", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: "+16175550143"}, Body: "other"})
			check(t, err)
			check(t, d.sim.Merge(old, res.GetConversationId()))
			if got := d.text("SM2", "second"); got.GetConversationId() != res.GetConversationId() || got.GetFirstContact() {
				t.Errorf("%+v, want the survivor %d", got, res.GetConversationId())
			}
		})
	})
	t.Run("deleted", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			old := d.text("SM1", "first").GetConversationId()
			check(t, d.sim.Delete(old))
			if got := d.text("SM2", "second"); got.GetConversationId() == old || got.GetFirstContact() {
				t.Errorf("%+v", got)
			}
		})
	})
	t.Run("moved", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			old := d.text("SM1", "first").GetConversationId()
			check(t, d.sim.Move(old, 206907))
			event(d, "convo.moved", `{"id":`+itoa(old)+`,"mailboxId":206907}`)
			got := d.text("SM2", "second")
			if c, _ := d.sim.Conversation(got.GetConversationId()); c.MailboxID != mailbox || got.GetFirstContact() {
				t.Errorf("%+v in mailbox %d", got, c.MailboxID)
			}
		})
	})
	t.Run("spam and back", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			id := d.text("SM1", "first").GetConversationId()
			check(t, d.sim.SetStatus(id, "spam"))
			event(d, "convo.status", `{"id":`+itoa(id)+`,"mailboxId":206906}`)
			for _, key := range []string{"SM2", "SM2", "SM3"} {
				if got := d.text(key, "buy"); got.GetRefused() == "" || got.GetConversationId() != 0 {
					t.Errorf("%+v was not refused", got)
				}
			}
			check(t, d.sim.SetStatus(id, "active"))
			if got := d.text("SM4", "sorry"); got.GetConversationId() != id {
				t.Errorf("%+v", got)
			}
			if got := strings.Join(bodies(d.one()), "|"); got != "first|sorry" {
				t.Error(got)
			}
		})
	})
}

// K7: a write whose answer is lost is looked for before it is repeated.
func TestUnclearPosts(t *testing.T) {
	for name, fail := range map[string]fault.Switches{
		"create applied, answer lost": {DropAfterNext: 1, Path: "POST /v2/conversations"},
		"create cut off":              {DropBeforeNext: 1, Path: "POST /v2/conversations"},
		"create 500":                  {FailNext: 1, Path: "POST /v2/conversations"},
		"create 429":                  {FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 1, Path: "POST /v2/conversations"},
		"search 503":                  {FailNext: 1, FailNextStatus: 503, Path: "GET /v2/conversations"},
		"append applied, answer lost": {DropAfterNext: 1, Path: "/customer"},
		"append cut off":              {DropBeforeNext: 1, Path: "/customer"},
		"append 502":                  {FailNext: 1, FailNextStatus: 502, Path: "/customer"},
		"token revoked":               {},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				if fail.Path == "/customer" {
					d.sim.Faults().Set(fault.Switches{})
					d.text("SM1", "ok")
				}
				d.sim.Faults().Set(fail)
				if name == "token revoked" {
					d.text("SM1", "ok")
					d.sim.RevokeTokens()
				}
				first := d.text("SM1", "ok")
				d.text("SM2", "ok") // the same words again: not to be taken for the first
				if got := bodies(d.one()); len(got) != 2 || !first.GetFirstContact() {
					t.Errorf("%q, first contact %v", got, first.GetFirstContact())
				}
			})
		})
	}
}

// H10, and the reasons for which a request will never be taken.
func TestInvalidRequests(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for field, r := range map[string]*ticketingv1.RecordInboundTextRequest{
			"key":              {Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}},
			"party.mailbox_id": {Key: "SM1", Party: &ticketingv1.Party{MailboxId: 7, Supporter: caller}},
			"party.supporter":  {Key: "SM1", Party: &ticketingv1.Party{MailboxId: mailbox}},
			"party.event":      {Key: "SM1", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: "Anonymous"}},
		} {
			_, err := d.RecordInboundText(t.Context(), r)
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if n := len(d.sim.Conversations()); n != 0 {
			t.Errorf("%d conversations", n)
		}
	})
}

func TestNotes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		party := &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}
		_, err := d.FileNote(t.Context(), &ticketingv1.FileNoteRequest{Key: "n0", Party: party, Text: "too early"})
		if errs.KindOf(err) != errs.NotFound {
			t.Errorf("note without conversation: %v", err)
		}
		d.text("SM1", "hi")
		d.sim.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "/notes"})
		for range 2 {
			_, err = d.FileNote(t.Context(), &ticketingv1.FileNoteRequest{Key: "n1", Party: party, Text: "a < b\nc"})
			check(t, err)
		}
		_, err = d.FileNote(t.Context(), &ticketingv1.FileNoteRequest{Key: "n2", Party: party, Text: "second"})
		check(t, err)
		check(t, d.sim.Wait(t.Context(), func(*helpscoutsim.Sim) bool { return noteWith(d.one(), "second") }))
		var notes []string
		for _, th := range d.one().Threads {
			if th.Type == "note" {
				notes = append(notes, th.Body)
			}
		}
		if strings.Join(notes, "|") != "a &lt; b<br>\nc|second" {
			t.Errorf("%q", notes)
		}
	})
}

func TestAttachments(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("MM1", "look", "image/png")
		attach := func(key, text, name string) error {
			for {
				_, err := d.AttachMedia(t.Context(), &ticketingv1.AttachMediaRequest{Key: key, TextKey: text, FileName: name, MimeType: "image/png", Data: []byte("png")})
				if errs.KindOf(err) != errs.Unavailable {
					return err
				}
			}
		}
		d.sim.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "/attachments"})
		check(t, attach("MM1:0", "MM1", "a.png"))
		check(t, attach("MM1:0", "MM1", "a.png"))
		d.text("MM2", "again", "image/png")
		check(t, attach("MM2:0", "MM2", "b.png"))
		if err := attach("MM9:0", "MM9", "c.png"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("unknown text: %v", err)
		}
		var files []string
		for _, th := range d.one().Threads {
			for _, a := range th.Attachments {
				files = append(files, th.Body+":"+a.FileName)
			}
		}
		if strings.Join(files, "|") != "look:a.png|again:b.png" {
			t.Errorf("%q", files)
		}
	})
}

// Promise 9: the account's budget is never exceeded, and what waits for it is done later.
func TestBudget(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ended := make(chan int64)
		for i := range 30 {
			go func() {
				res, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{
					Key: "SM" + string(rune('A'+i)), Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: "+1617555" + itoa(int64(1000+i))}, Body: "hi"})
				if err != nil && errs.KindOf(err) != errs.RateLimited {
					t.Error(err)
				}
				if err != nil && errs.RetryAfter(err) <= 0 {
					t.Errorf("no advice when to try again: %v", err)
				}
				ended <- res.GetConversationId()
			}()
		}
		done := 0
		for range 30 {
			if <-ended != 0 {
				done++
			}
		}
		usage := d.sim.Usage()
		if done < 5 || done == 30 || usage.Limited > 0 {
			t.Errorf("%d of 30 within the budget, %d answers 429", done, usage.Limited)
		}
	}, func(c *helpscoutsim.Config) { c.RateLimit = 40 })
}

// Two replicas on one database keep one supporter's texts together, and the budget.
func TestReplicas(t *testing.T) {
	db := sqldbtest.Postgres(t)
	sim, url := newSim(t)
	a, b := start(t, db, sim, url), start(t, db, sim, url)
	ended := make(chan bool)
	for i := range 20 {
		d := map[bool]*desk{true: a, false: b}[i%2 == 0]
		go func() { ended <- d.text("SM"+string(rune('a'+i/2)), "hi").GetFirstContact() }()
	}
	firsts := 0
	for range 20 {
		if <-ended {
			firsts++
		}
	}
	// Each text was given to both; the one that was first is so in both answers.
	if n := len(bodies(a.one())); n != 10 || firsts != 2 {
		t.Errorf("%d threads of 10 texts, %d first contacts", n, firsts)
	}
}

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for body, want := range map[string]errs.Kind{
			`{"id":1,"mailboxId":206906}`:       "",
			`{"id":1,"mailboxId":7}`:            "",
			`{"id":"x","mailbox":"y","tags":3}`: "",
			`[1]`:                               "",
			`{`:                                 errs.Invalid,
			``:                                  errs.Invalid,
		} {
			for range 2 {
				_, err := d.hooks.ReceiveEvent(t.Context(), &ticketingv1.ReceiveEventRequest{Event: "convo.created", Body: []byte(body)})
				if errs.KindOf(err) != want {
					t.Errorf("%s: %v", body, err)
				}
			}
		}
	})
}
