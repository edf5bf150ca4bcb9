package ticketing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const (
	dead = operatorv1.State_STATE_DEAD
	done = operatorv1.State_STATE_DONE
)

var notes = []operatorv1.Kind{operatorv1.Kind_KIND_NOTE}

// Whatever happens to a text is in its story, and nothing else.
func TestStories(t *testing.T) {
	lost := "! the answer was lost: Help Scout may have taken it ("
	for name, test := range map[string]struct {
		trouble func(d *desk, id int64)
		want    []string
	}{
		"all is well": {func(*desk, int64) {}, []string{"telephony handed it over", "it is in the ticket (conversation"}},
		"answer lost": {func(d *desk, _ int64) { d.sim.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "/customer"}) }, []string{lost, "it is there", "it is in the ticket"}},
		"cut off":     {func(d *desk, _ int64) { d.sim.Faults().Set(fault.Switches{DropBeforeNext: 1, Path: "/customer"}) }, []string{lost, "not there, and is posted again", "it is in the ticket"}},
		"502": {func(d *desk, _ int64) {
			d.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 502, Path: "/customer"})
		}, []string{lost + "status 502", "it is in the ticket"}},
		"429": {func(d *desk, _ int64) {
			d.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 1, Path: "/customer"})
		}, []string{"! Help Scout's budget is spent", "it is in the ticket"}},
		"locked":  {func(d *desk, id int64) { check(d.t, d.sim.Lock(id, 423)) }, []string{"its conversation takes no more threads (conversation", "status 423", "it goes on in a new conversation", "it is in the ticket"}},
		"deleted": {func(d *desk, id int64) { check(d.t, d.sim.Delete(id)) }, []string{"its conversation was deleted, or moved to another mailbox (conversation", "it is in the ticket"}},
		"merged":  {func(d *desk, id int64) { d.mergeIntoOther(id) }, []string{"its conversation was merged into another (conversation", "it is in the ticket"}},
		"spam": {func(d *desk, id int64) {
			check(d.t, d.sim.SetStatus(id, "spam"))
			d.event("convo.status", fmt.Sprintf(`{"id":%d,"mailboxId":%d}`, id, mailbox))
		}, nil},
		"no permissions": {func(d *desk, _ int64) {
			d.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 403, Path: "/customer"})
		}, []string{"! Help Scout does not answer as it should (status 403", "it is in the ticket"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				id := d.text("SM1", "first").GetConversationId()
				test.trouble(d, id)
				d.text("SM2", "xyzzy")
				if name == "spam" {
					d.story("SM2", operatorv1.State_STATE_REFUSED, "refused (the supporter's conversation is marked as spam)")
					return
				}
				d.story("SM2", done, test.want...)
				_, story := d.get("SM2")
				if lines := strings.Split(story, "\n"); len(slices.Compact(slices.Sorted(slices.Values(lines)))) != len(lines) {
					t.Errorf("it says something twice:\n%s", story)
				}
				if name == "locked" { // it cannot be told either where it goes on, which nobody needs to look at
					d.until(func() string {
						return d.list(&operatorv1.ListItemsRequest{Kind: notes, State: []operatorv1.State{operatorv1.State_STATE_REFUSED}})
					})
					if got := d.list(&operatorv1.ListItemsRequest{State: []operatorv1.State{dead}}); got != "" {
						t.Errorf("dead: %s", got)
					}
				}
				d.story("SM1", done, "telephony handed it over", "it is in the ticket")
			})
		})
	}
}

// mergeIntoOther merges a conversation into somebody else's.
func (d *desk) mergeIntoOther(id int64) {
	d.t.Helper()
	res, err := d.RecordInboundText(d.t.Context(), &ticketingv1.RecordInboundTextRequest{Key: "SMx", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: "+16175550143"}, Body: "other"})
	check(d.t, err)
	check(d.t, d.sim.Merge(id, res.GetConversationId()))
}

// An outage is one step that grows, however often somebody tries, whether Help Scout is asked or not.
func TestOutageStory(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		_, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{Key: "SM0", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: "+16175550143"}, Body: "before"})
		check(t, err)
		d.sim.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503})
		for range 12 { // more than it takes to stop asking
			if err := d.try("SM1"); errs.RetryAfter(err) == 0 && errs.KindOf(err) != errs.Unavailable {
				t.Fatal(err)
			}
		}
		res, story := d.get("SM1")
		if res.GetItem().GetState() != operatorv1.State_STATE_WAITING || strings.Count(story, "\n") != 1 || !strings.Contains(story, "! Help Scout does not answer as it should (") {
			t.Errorf("%v:\n%s", res.GetItem(), story)
		}
		if times := res.GetSteps()[1].GetTimes(); times != 12 {
			t.Errorf("%d times", times)
		}
		d.sim.Faults().Set(fault.Switches{})
		d.text("SM1", "xyzzy")
		d.story("SM1", done, "! Help Scout does not answer as it should", "it is in the ticket")
	})
}

// What Help Scout does not take is dead, until telephony comes with it again: then it is tried as if it were new. Meanwhile others have had
// their first contact.
func TestDeadText(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 413, Path: "POST /v2/conversations"})
		if err := d.try("SM1"); errs.KindOf(err) != errs.Precondition {
			t.Fatalf("not refused: %v", err)
		}
		d.story("SM1", dead, "telephony handed it over", "! given up (POST /v2/conversations: helpscout: status 413")
		if got := d.list(&operatorv1.ListItemsRequest{State: []operatorv1.State{dead}}); got != "SM1" {
			t.Errorf("dead: %q", got)
		}
		for _, r := range []*operatorv1.RetryItemsRequest{{Id: []string{"SM1"}}, {AllDead: []operatorv1.Kind{operatorv1.Kind_KIND_TEXT_IN}}, {AllDead: []operatorv1.Kind{0}}} {
			if got := d.retry(r); got != "" {
				t.Errorf("a text was taken up that is telephony's: %q", got)
			}
		}
		second := d.text("SM2", "and on")
		if again := d.text("SM1", "xyzzy"); again.GetFirstContact() || !second.GetFirstContact() || again.GetConversationId() != second.GetConversationId() {
			t.Errorf("%v after %v", again, second)
		}
		d.text("SM1", "xyzzy")
		if got := strings.Join(bodies(d.one()), "|"); got != "and on|xyzzy" {
			t.Error(got)
		}
		d.story("SM1", done, "! given up", "tried again", "it is in the ticket")
	})
}

// A note that was given up is posted, once, when an operator says so; one of those that follow it is not held up before.
func TestDeadNote(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.text("SM1", "hello").GetConversationId()
		d.sim.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 400, Path: "/notes"})
		party := &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}
		for _, key := range []string{"opt:SM1", "n2"} {
			_, err := d.FileNote(t.Context(), &ticketingv1.FileNoteRequest{Key: key, Party: party, Text: "xyzzy " + key})
			check(t, err)
		}
		if got := d.notes(id, 1); !strings.Contains(got[0], "n2") {
			t.Errorf("%q", got)
		}
		d.story("opt:SM1", dead, "accepted", "! given up")
		all := operatorv1.RetryItemsRequest{AllDead: notes}
		if got := d.retry(&operatorv1.RetryItemsRequest{Id: []string{"n2", "SM1", "nothing"}}); got != "" {
			t.Errorf("%q", got)
		}
		if got := d.retry(&all); got != "opt:SM1" {
			t.Errorf("%q", got)
		}
		d.notes(id, 2)
		if got := d.retry(&all); got != "" {
			t.Errorf("again: %q", got)
		}
		d.text("SM2", "the end") // the lane is free when the note is done
		d.story("opt:SM1", done, "! given up", "taken up again by an operator", "it is in the ticket")
		res, _ := d.get("SM1")
		if len(res.GetRelated()) != 1 || res.GetRelated()[0].GetId() != "opt:SM1" {
			t.Errorf("%v", res.GetRelated())
		}
		if res, _ := d.get("opt:SM1"); res.GetContent() != "13 characters" || len(res.GetRelated()) != 1 || res.GetRelated()[0].GetId() != "SM1" {
			t.Errorf("%v", res)
		}
	})
}

// An event whose replies cannot be found is put aside, does not hold up the others, and can be taken up.
func TestDeadEvent(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		c := d.one()
		_, err := d.sim.AgentReply(c.ID, helpscoutsim.Reply{Text: "<p>xyzzy</p>"})
		check(t, err)
		threads := fmt.Sprintf("GET /v2/conversations/%d/threads", c.ID)
		d.sim.Faults().Set(fault.Switches{ErrorRate: 1, Status: 400, Path: threads})
		hint := fmt.Sprintf(`{"id":%d,"mailboxId":%d,"type":"phone","threads":2,"primaryCustomer":{"email":"%s"}}`, c.ID, mailbox, address)
		d.event(reply, hint)
		// It fails for an hour; the first attempt is a real one.
		d.tire(func(attempts int) bool { return attempts > 0 })
		event := d.until(func() string { return d.list(&operatorv1.ListItemsRequest{State: []operatorv1.State{dead}}) })
		d.story(event, dead, "Help Scout told of it", "! Help Scout does not take it (status 400", "! given up (Help Scout does not take it: status 400")
		d.event(reply, payload(c, thread(900, "the next one")))
		if r := d.next(); r.GetBody() != "the next one" {
			t.Errorf("%v", r)
		}
		d.sim.Faults().Set(fault.Switches{})
		if got := d.retry(&operatorv1.RetryItemsRequest{AllDead: []operatorv1.Kind{operatorv1.Kind_KIND_EVENT}}); got != event {
			t.Errorf("%q", got)
		}
		r := d.next()
		if r.GetBody() != "xyzzy" {
			t.Errorf("%v", r)
		}
		d.event(reply, payload(c, thread(901, "the end")))
		if r := d.next(); r.GetBody() != "the end" {
			t.Errorf("it was sent twice: %v", r)
		}
		d.story(event, done, "! Help Scout does not take it", "! given up", "taken up again by an operator", "what was in it is handled")
		id := strings.TrimPrefix(r.GetKey(), "reply:")
		d.story(id, done, "Help Scout told of it", "! Help Scout does not take it", "! given up", "taken up again", "handed to telephony (reply:"+id)
		d.until(func() string { // they are telephony's before that is noted
			got := d.list(&operatorv1.ListItemsRequest{Query: "0142", Kind: []operatorv1.Kind{operatorv1.Kind_KIND_REPLY}})
			return map[bool]string{true: "so"}[got == "901 "+id+" 900"]
		})
	})
}

// A reply that had to wait for telephony says so, once, however often it was tried.
func TestWaitingReply(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		d.phone.down.Store(5)
		d.event(reply, payload(d.one(), thread(900, "xyzzy")))
		d.next()
		id := d.until(func() string { return d.list(&operatorv1.ListItemsRequest{Query: "900"}) })
		d.story(id, done, "Help Scout told of it", "! telephony does not take it", "handed to telephony (reply:900)")
		res, _ := d.get(id)
		if len(res.GetRelated()) != 1 || res.GetRelated()[0].GetKind() != operatorv1.Kind_KIND_EVENT {
			t.Errorf("%v", res.GetRelated())
		}
		d.until(func() string {
			event, story := d.get(res.GetRelated()[0].GetId())
			return map[bool]string{true: "so"}[event.GetItem().GetState() == done && strings.Contains(story, "what was in it is handled") && len(event.GetRelated()) == 1]
		})
	})
}

// What telephony owns too has the same id and kind there.
func TestItemKinds(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for _, key := range []string{"SM1", "RE1", "CA1"} {
			d.text(key, "xyzzy")
		}
		_, err := d.AttachMedia(t.Context(), &ticketingv1.AttachMediaRequest{Key: "SM1:0", TextKey: "SM1", FileName: "a.png", MimeType: "image/png", Data: []byte("png")})
		check(t, err)
		res, err := d.op.ListItems(t.Context(), &operatorv1.ListItemsRequest{Query: caller})
		check(t, err)
		var got []string
		for _, i := range res.GetItems() {
			got = append(got, i.GetId()+" "+i.GetKind().String())
			if i.GetHotline() != "+15017122661" || i.GetSupporter() != caller || i.GetMailboxId() != mailbox || i.GetConversationId() != d.one().ID || i.GetState() != done || i.GetEndedAt() == nil {
				t.Errorf("%v", i)
			}
		}
		if s := strings.Join(got, ", "); s != "SM1/0 KIND_MEDIA, CA1 KIND_MISSED_CALL, RE1 KIND_VOICEMAIL, SM1 KIND_TEXT_IN" {
			t.Error(s)
		}
		d.story("SM1/0", done, "telephony handed it over", "it is in the ticket")
		if got := d.list(&operatorv1.ListItemsRequest{Query: "SM1/0"}); got != "SM1/0" {
			t.Errorf("by its id: %q", got)
		}
		if got := d.list(&operatorv1.ListItemsRequest{Kind: []operatorv1.Kind{operatorv1.Kind_KIND_CALL, operatorv1.Kind_KIND_TEXT_OUT}}); got != "" {
			t.Errorf("calls: %q", got)
		}
		if got := d.list(&operatorv1.ListItemsRequest{Hotline: "+15005550006"}) + d.list(&operatorv1.ListItemsRequest{State: []operatorv1.State{operatorv1.State_STATE_UNROUTED}}); got != "" {
			t.Errorf("of none: %q", got)
		}
		if got := d.list(&operatorv1.ListItemsRequest{Hotline: "+1 501 712 2661", Limit: 2}); got != "SM1/0 CA1" {
			t.Errorf("of the hotline: %q", got)
		}
		if _, err := d.op.GetItem(t.Context(), &operatorv1.GetItemRequest{Id: "SM9"}); errs.KindOf(err) != errs.NotFound {
			t.Error(err)
		}
		for _, r := range []*operatorv1.ListItemsRequest{{Limit: -1}, {Limit: 501}, {ConversationId: -1}, {Query: strings.Repeat("x", 300)}} {
			if _, err := d.op.ListItems(t.Context(), r); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%v: %v", r, err)
			}
		}
	})
}

// The overview says what waits for a Help Scout that is down, whose it is, and what the budget is.
func TestOverview(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.text("SM1", "hello")
		d.sim.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503})
		for _, key := range []string{"n1", "n2"} {
			_, err := d.FileNote(t.Context(), &ticketingv1.FileNoteRequest{Key: key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Text: "xyzzy"})
			check(t, err)
		}
		res, err := d.op.GetOverview(t.Context(), &operatorv1.GetOverviewRequest{})
		check(t, err)
		topics, lanes := res.GetTopics(), res.GetLanes()
		if len(topics) != 2 || topics[0].GetName() != "notes" || topics[0].GetWaiting() != 2 || topics[0].GetLanes() != 1 || topics[0].GetOldest() == nil || topics[1].GetName() != "replies" || topics[1].GetOldest() != nil {
			t.Errorf("%v", topics)
		}
		if len(lanes) != 1 || lanes[0].GetSupporter() != caller || lanes[0].GetFirst() != "n1" || lanes[0].GetWaiting() != 2 {
			t.Errorf("%v", lanes)
		}
		if b := res.GetBudget(); b.GetAllowed() != 40 || b.GetLeft() <= 0 || b.GetLeft() >= 40 {
			t.Errorf("%v", b)
		}
		d.until(func() string { // the second one waits for the first
			_, story := d.get("n2")
			return map[bool]string{true: "so"}[strings.Contains(story, "it waits for what comes before it in this conversation (n1)")]
		})
	}, func(c *helpscoutsim.Config) { c.RateLimit = 40 })
}
