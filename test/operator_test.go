package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// told is telephony's story of an item, a line for each step.
func told(t *testing.T, h *hotlinetest.Hotline, id string) (*operatorv1.GetItemResponse, string) {
	t.Helper()
	res, err := h.Operator.Telephony.GetItem(t.Context(), &operatorv1.GetItemRequest{Id: id})
	must(t, err)
	var story strings.Builder
	for i, step := range res.GetSteps() {
		fmt.Fprintf(&story, "%dx %s (%s)\n", step.GetTimes(), step.GetWhat(), step.GetDetail())
		if i > 0 && step.GetAt().AsTime().Before(res.GetSteps()[i-1].GetAt().AsTime()) {
			t.Errorf("%s: %q comes too late", id, step.GetWhat())
		}
	}
	return res, story.String()
}

// wantTold fails unless an item's story has these lines, in this order.
func wantTold(t *testing.T, h *hotlinetest.Hotline, id string, state operatorv1.State, lines ...string) {
	t.Helper()
	res, story := told(t, h, id)
	rest := story
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line+"\n")
		if !found {
			t.Errorf("%s: no %q, in this order, in\n%s", id, line, story)
			break
		}
		rest = after
	}
	if res.GetItem().GetState() != state {
		t.Errorf("%s is %v, want %v\n%s", id, res.GetItem().GetState(), state, story)
	}
}

// What was given up is taken up again where it stood, before what came after it, once, and its story says all that.
func TestOperatorRetry(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		text(t, h, supporter, "one")
		desk(t, h, supporter, has("one"))
		phoneHas(t, h, supporter, 1)
		h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 400, Path: "POST /v2/conversations"})
		sid := text(t, h, supporter, "two")
		nothingLeft(t, h)
		wantTold(t, h, sid, operatorv1.State_STATE_DEAD, "1x accepted ()")
		h.HelpScout.Faults().Set(fault.Switches{})

		pause(t, h.Telephony) // so that there is something after it in the lane
		text(t, h, supporter, "three")
		for range 2 { // an impatient one
			for _, ledger := range []operatorv1.OperatorServiceClient{h.Operator.Ticketing, h.Operator.Telephony} {
				_, err := ledger.RetryItems(t.Context(), &operatorv1.RetryItemsRequest{Id: []string{sid}, AllDead: []operatorv1.Kind{operatorv1.Kind_KIND_TEXT_IN}})
				must(t, err)
			}
		}
		resume(t, h.Telephony)
		c := desk(t, h, supporter, has("three"))
		nothingLeft(t, h)
		var said []string
		for _, th := range c.Threads {
			if th.Type == "customer" {
				said = append(said, strings.TrimSpace(th.Body))
			}
		}
		if !slices.Equal(said, []string{"one", "two", "three"}) {
			t.Errorf("the ticket has %q", said)
		}
		phoneHas(t, h, supporter, 1)
		wantTold(t, h, sid, operatorv1.State_STATE_DONE, "1x taken up again by an operator (it was dead: Help Scout does not take this text: "+deadReason(t, h, sid)+")",
			fmt.Sprintf("1x in the ticket (conversation %d)", c.ID), "1x no automatic text follows (it is not the first that is heard of them)")
		wantTold(t, h, sid, operatorv1.State_STATE_DONE, "1x waited: the hotline was paused (by dana: fire drill)")
	})
}

// deadReason is why a text was dead, as its story quotes it.
func deadReason(t *testing.T, h *hotlinetest.Hotline, sid string) string {
	t.Helper()
	_, story := told(t, h, sid)
	_, reason, _ := strings.Cut(story, "does not take this text: ")
	reason, _, _ = strings.Cut(reason, ")\n")
	return reason
}

// A text to a number that is no hotline's is not taken up, whoever asks for it, until it is; then it is, and says so.
func TestOperatorUnrouted(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		other := hotline.Hotlines{{Transport: hotline.Twilio, Number: "+15005550001", MailboxID: simulator.MailboxID}}
		var sid string
		t.Run("before", func(t *testing.T) {
			h := hotlinetest.Start(t, hotlinetest.Options{DB: db, Hotlines: other})
			sid = text(t, h, supporter, "is this the right number?")
			nothingLeft(t, h)
			wantTold(t, h, sid, operatorv1.State_STATE_UNROUTED, "1x put aside (no hotline has this number)")
			res, err := h.Operator.Telephony.RetryItems(t.Context(), &operatorv1.RetryItemsRequest{Id: []string{sid}, Unrouted: true})
			must(t, err)
			if res.GetCount() != 0 {
				t.Errorf("%v go on", res.GetId())
			}
			list, err := h.Operator.Telephony.ListItems(t.Context(), &operatorv1.ListItemsRequest{State: []operatorv1.State{operatorv1.State_STATE_UNROUTED}})
			must(t, err)
			if len(list.GetItems()) != 1 || list.GetItems()[0].GetId() != sid {
				t.Errorf("%v", list)
			}
		})
		t.Run("after", func(t *testing.T) {
			h := hotlinetest.Start(t, hotlinetest.Options{DB: db})
			desk(t, h, supporter, has("customer: is this the right number?"))
			nothingLeft(t, h)
			wantTold(t, h, sid, operatorv1.State_STATE_DONE, "1x its number is a hotline's now (it was unrouted: no hotline has this number)", "1x an automatic text follows (welcome)")
		})
	})
}

// An outage of Twilio is one step in a text's story, which grows minute by minute as long as it lasts, and says why.
func TestOperatorTwilioDown(t *testing.T) {
	t.Parallel()
	began := time.Now()
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		const create = "POST /2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + "/Messages.json"
		h.Twilio.Faults().Set(fault.Switches{FailNext: 3, FailNextStatus: 429, FailNextRetryAfter: 2, Path: create})
		_, err := h.Telephony.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "k", Hotline: simulator.Hotline, To: supporter, Body: "hi"})
		must(t, err)
		settled(t, h, "k")
		nothingLeft(t, h)
		sid := h.Twilio.Inbox(supporter)[0].Sid
		wantTold(t, h, "k", operatorv1.State_STATE_DONE, "1x accepted (of another service)",
			"3x not sent yet (carrier does not take texts now: Twilio answers with status 429)", "1x Twilio has it ("+sid+")", "1x it is on the phone ()")
		list, err := h.Operator.Telephony.ListItems(t.Context(), &operatorv1.ListItemsRequest{Query: sid})
		must(t, err)
		if len(list.GetItems()) != 1 || list.GetItems()[0].GetId() != "k" || list.GetItems()[0].GetAttempts() != 3 {
			t.Errorf("%v", list)
		}
	}, func(o *hotlinetest.Options) {
		o.Now = func() time.Time { return began.Add(60 * time.Since(began)) } // a minute is a second
	})
}

// While Help Scout is down, a text that waits says so once for each reason, however often it is tried.
func TestOperatorHelpScoutDown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		text(t, h, supporter, "hello")
		desk(t, h, supporter, has("hello"))
		nothingLeft(t, h)
		h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503})
		sid := text(t, h, supporter, "again")
		must(t, h.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return failures(s) >= 7 }))
		res, story := told(t, h, sid)
		if n := strings.Count(story, "not in the ticket yet"); n == 0 || n > 2 || res.GetItem().GetState() != operatorv1.State_STATE_WAITING {
			t.Errorf("%v\n%s", res.GetItem(), story)
		}
		h.HelpScout.Faults().Set(fault.Switches{})
		c := desk(t, h, supporter, has("again"))
		nothingLeft(t, h)
		wantTold(t, h, sid, operatorv1.State_STATE_DONE, "1x accepted ()", fmt.Sprintf("1x in the ticket (conversation %d)", c.ID))
	})
}

// What a number's owner has not wanted, and what the hotline has done for them, is found by the last digits of their number; what was sent
// to nobody's business does not say what it was.
func TestOperatorList(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		text(t, h, supporter, "look", picture)
		desk(t, h, supporter, has("attachment-0.png"))
		phoneHas(t, h, supporter, 1)
		text(t, h, supporter, "STOP")
		_, err := h.Telephony.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "code", Hotline: simulator.Hotline, To: "+16175550199", Body: "4711", Private: true})
		must(t, err)
		settled(t, h, "code")
		nothingLeft(t, h)
		var all []*operatorv1.Item
		for before := (*timestamppb.Timestamp)(nil); ; before = all[len(all)-1].GetAt() {
			page, err := h.Operator.Telephony.ListItems(t.Context(), &operatorv1.ListItemsRequest{Query: "555-0142", Limit: 1, Before: before})
			must(t, err)
			if len(page.GetItems()) == 0 {
				break
			}
			all = append(all, page.GetItems()...)
		}
		var ids []string
		for _, i := range all {
			if i.GetSupporter() != supporter || i.GetHotline() != simulator.Hotline || i.GetMailboxId() != simulator.MailboxID {
				t.Errorf("%v", i)
			}
			ids = append(ids, i.GetId())
		}
		if len(ids) != 3 || !strings.HasPrefix(ids[1], "welcome:") {
			t.Errorf("%q", ids)
		}
		res, _ := told(t, h, ids[2])
		if res.GetContent() != "4 characters, 1 file" || len(res.GetRelated()) != 2 {
			t.Errorf("%q, %v", res.GetContent(), res.GetRelated())
		}
		wantTold(t, h, ids[2]+"/0", operatorv1.State_STATE_DONE, "1x attached ()")
		wantTold(t, h, ids[0], operatorv1.State_STATE_DONE, "1x it says that they want no more texts ()")
		if res, story := told(t, h, "code"); strings.Contains(fmt.Sprint(res, story), "4711") || strings.Contains(res.GetContent(), "character") {
			t.Errorf("%v", res)
		}
		wishes, err := h.Telephony.ListWishes(t.Context(), &telephonyv1.ListWishesRequest{Supporter: "617-555-0142"})
		must(t, err)
		if len(wishes.GetWishes()) != 1 || !wishes.GetWishes()[0].GetNoTexts() || wishes.GetWishes()[0].GetSource() != ids[0] {
			t.Errorf("%v", wishes)
		}
		if _, err := h.Operator.Telephony.GetItem(t.Context(), &operatorv1.GetItemRequest{Id: "nobody's"}); errs.KindOf(err) != errs.NotFound {
			t.Error(err)
		}
	})
}
