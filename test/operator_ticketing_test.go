package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// nothingLeft waits until the hotline has nothing left to do.
func nothingLeft(t *testing.T, h *hotlinetest.Hotline) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, h.Idle(ctx))
}

// ledgers are both services' words on one item.
func ledgers(t *testing.T, h *hotlinetest.Hotline, id string) (states [2]operatorv1.State, story string) {
	t.Helper()
	for i, ledger := range []operatorv1.OperatorServiceClient{h.Operator.Telephony, h.Operator.Ticketing} {
		list, err := ledger.ListItems(t.Context(), &operatorv1.ListItemsRequest{Query: id})
		must(t, err)
		for _, item := range list.GetItems() {
			if item.GetId() == id {
				states[i] = item.GetState()
			}
		}
	}
	res, err := h.Operator.Ticketing.GetItem(t.Context(), &operatorv1.GetItemRequest{Id: id})
	must(t, err)
	for _, step := range res.GetSteps() {
		story += fmt.Sprintf("%dx %s (%s) %v\n", step.GetTimes(), step.GetWhat(), step.GetDetail(), step.GetTrouble())
	}
	return states, story
}

// What Help Scout refuses for good is dead in both ledgers and holds nobody up. When an operator says so, whichever ledger is told first, it
// comes into the ticket once, as if nothing had been.
func TestOperatorDeadText(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 413} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			each(t, func(t *testing.T, h *hotlinetest.Hotline) {
				h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: status, Path: "POST /v2/conversations"})
				sid := text(t, h, supporter, "refused at first")
				nothingLeft(t, h)
				dead, done := operatorv1.State_STATE_DEAD, operatorv1.State_STATE_DONE
				if states, story := ledgers(t, h, sid); states != [2]operatorv1.State{dead, dead} || !strings.Contains(story, fmt.Sprint("status ", status)) {
					t.Fatalf("%v\n%s", states, story)
				}
				h.HelpScout.Faults().Set(fault.Switches{})
				text(t, h, supporter, "and on")
				desk(t, h, supporter, has("and on"))
				phoneHas(t, h, supporter, 1)
				order := []operatorv1.OperatorServiceClient{h.Operator.Telephony, h.Operator.Ticketing}
				if status == 413 {
					order[0], order[1] = order[1], order[0]
				}
				taken := int64(0)
				for range 2 { // an impatient one
					for _, ledger := range order {
						res, err := ledger.RetryItems(t.Context(), &operatorv1.RetryItemsRequest{Id: []string{sid}})
						must(t, err)
						taken += res.GetCount()
					}
				}
				desk(t, h, supporter, has("refused at first"))
				nothingLeft(t, h)
				if states, story := ledgers(t, h, sid); states != [2]operatorv1.State{done, done} || taken != 1 {
					t.Errorf("%v, %d taken up\n%s", states, taken, story)
				}
				if all := entries(desk(t, h, supporter, has(""))); strings.Count(all, "customer: ") != 2 || strings.Count(all, "refused at first") != 1 {
					t.Errorf("the ticket is\n%s", all)
				}
				if got := phoneHas(t, h, supporter, 1); len(got) != 1 {
					t.Errorf("on the phone: %q", got)
				}
			})
		})
	}
}

// An agent's reply that could not be found for an hour goes out once when an operator says so, and not before.
func TestOperatorDeadEvent(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		text(t, h, supporter, "hello")
		phoneHas(t, h, supporter, 1)
		c := desk(t, h, supporter, has("hello"))
		threads := fmt.Sprintf("/v2/conversations/%d/threads", c.ID)
		h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 400, Path: "GET " + threads})
		thread, err := h.HelpScout.AgentReply(c.ID, helpscoutsim.Reply{Text: "<p>Hi, of course.</p>"})
		must(t, err)
		must(t, h.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
			for _, e := range s.History() {
				if e.Status == 400 && strings.HasPrefix(e.Path, threads) {
					return true
				}
			}
			return false
		}))
		must(t, h.TireEvents(ctx))
		nothingLeft(t, h)
		h.HelpScout.Faults().Set(fault.Switches{})
		find := func(state operatorv1.State) []*operatorv1.Item {
			list, err := h.Operator.Ticketing.ListItems(ctx, &operatorv1.ListItemsRequest{Query: "0142", State: []operatorv1.State{state}, Kind: []operatorv1.Kind{operatorv1.Kind_KIND_EVENT}})
			must(t, err)
			return list.GetItems()
		}
		dead := find(operatorv1.State_STATE_DEAD)
		if len(dead) != 1 || dead[0].GetConversationId() != c.ID || dead[0].GetReason() == "" {
			t.Fatalf("%v", dead)
		}
		text(t, h, supporter, "are you there?") // time passes
		desk(t, h, supporter, has("are you there?"))
		nothingLeft(t, h)
		phoneHas(t, h, supporter, 1)
		for range 2 {
			_, err = h.Operator.Ticketing.RetryItems(ctx, &operatorv1.RetryItemsRequest{AllDead: []operatorv1.Kind{operatorv1.Kind_KIND_EVENT}})
			must(t, err)
		}
		if got := phoneHas(t, h, supporter, 2); got[1] != "Hi, of course." {
			t.Errorf("%q", got)
		}
		nothingLeft(t, h)
		phoneHas(t, h, supporter, 2)
		if left := find(operatorv1.State_STATE_DEAD); len(left) != 0 {
			t.Errorf("%v", left)
		}
		res, err := h.Operator.Ticketing.GetItem(ctx, &operatorv1.GetItemRequest{Id: fmt.Sprint(thread)})
		must(t, err)
		if res.GetItem().GetState() != operatorv1.State_STATE_DONE || len(res.GetRelated()) < 2 || res.GetRelated()[0].GetId() != dead[0].GetId() {
			t.Errorf("%v", res)
		}
	}, func(o *hotlinetest.Options) {
		o.HelpScout = func(c *helpscoutsim.Config) { c.Embed = helpscoutsim.EmbedNone }
	})
}

// An outage of Help Scout is one step in the story of a text, which grows as long as it lasts, and says why.
func TestOperatorOutage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		text(t, h, "+16175550143", "before")
		desk(t, h, "+16175550143", has("before"))
		nothingLeft(t, h)
		h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503})
		sid := text(t, h, supporter, "hello")
		must(t, h.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
			return s.Usage().Requests["GET /v2/conversations"] > 0 && failures(s) >= 7
		}))
		_, story := ledgers(t, h, sid)
		if strings.Count(story, "true") != 1 || !strings.Contains(story, "Help Scout does not answer as it should (status 503") || strings.Contains(story, "\n1x Help Scout") {
			t.Errorf("during the outage:\n%s", story)
		}
		h.HelpScout.Faults().Set(fault.Switches{})
		desk(t, h, supporter, has("hello"))
		nothingLeft(t, h)
		if states, story := ledgers(t, h, sid); strings.Count(story, "true") != 1 || states[1] != operatorv1.State_STATE_DONE {
			t.Errorf("after it: %v\n%s", states, story)
		}
	})
}

// failures is how many requests Help Scout has failed.
func failures(s *helpscoutsim.Sim) (n int) {
	for _, e := range s.History() {
		if e.Status == 503 {
			n++
		}
	}
	return n
}
