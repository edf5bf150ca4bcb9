package ticketing_test

import (
	"database/sql"
	"strings"
	"time"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// get returns an item with what happened to it, one line a step, which never says whose it is or what they wrote.
func (d *desk) get(id string) (*operatorv1.GetItemResponse, string) {
	d.t.Helper()
	res, err := d.op.GetItem(d.t.Context(), &operatorv1.GetItemRequest{Id: id})
	check(d.t, err)
	var lines []string
	for i, step := range res.GetSteps() {
		line := step.GetWhat() + " (" + step.GetDetail() + ")"
		if step.GetTrouble() {
			line = "! " + line
		}
		if step.GetTimes() > 1 {
			line += " again and again"
		}
		lines = append(lines, line)
		if i > 0 && step.GetAt().AsTime().Before(res.GetSteps()[i-1].GetAt().AsTime()) {
			d.t.Errorf("%s: not in order: %v", id, res.GetSteps())
		}
		if step.GetTimes() > 1 != (step.GetUntil() != nil) {
			d.t.Errorf("%s: %v", id, step)
		}
	}
	all := strings.Join(lines, "\n")
	for _, private := range []string{"6175550142", "xyzzy"} {
		if strings.Contains(all+res.GetItem().GetReason()+res.GetContent(), private) {
			d.t.Errorf("%s: it says %s:\n%s\n%v", id, private, all, res.GetItem())
		}
	}
	return res, all
}

// story fails unless these steps of an item are there in this order, and nothing else went wrong.
func (d *desk) story(id string, state operatorv1.State, want ...string) {
	d.t.Helper()
	res, all := d.get(id)
	if res.GetItem().GetState() != state {
		d.t.Errorf("%s is %s:\n%s", id, res.GetItem().GetState(), all)
	}
	rest, trouble := all, 0
	for _, part := range want {
		_, after, found := strings.Cut(rest, part)
		if !found {
			d.t.Errorf("%s: no %q in\n%s", id, part, all)
		}
		rest, trouble = after, trouble+strings.Count(part, "! ")
	}
	if n := strings.Count(all, "! "); n != trouble {
		d.t.Errorf("%s: %d steps are trouble, want %d:\n%s", id, n, trouble, all)
	}
}

// list returns the ids of items.
func (d *desk) list(r *operatorv1.ListItemsRequest) string {
	d.t.Helper()
	res, err := d.op.ListItems(d.t.Context(), r)
	check(d.t, err)
	var ids []string
	for _, i := range res.GetItems() {
		ids = append(ids, i.GetId())
	}
	return strings.Join(ids, " ")
}

// retry takes up items, and returns which.
func (d *desk) retry(r *operatorv1.RetryItemsRequest) string {
	d.t.Helper()
	res, err := d.op.RetryItems(d.t.Context(), r)
	check(d.t, err)
	if int(res.GetCount()) != len(res.GetId()) {
		d.t.Errorf("%v", res)
	}
	return strings.Join(res.GetId(), " ")
}

// try records a text once.
func (d *desk) try(key string) error {
	_, err := d.RecordInboundText(d.t.Context(), &ticketingv1.RecordInboundTextRequest{
		Key: key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller, Hotline: "+15017122661"}, Body: "xyzzy",
	})
	return err
}

// tire makes the pending events as old as after an hour of trouble, once one of them is as far as ready wants it.
func (d *desk) tire(ready func(attempts int) bool) {
	d.t.Helper()
	d.until(func() string {
		var attempts int
		if err := d.db.Read.QueryRow(`SELECT attempts FROM event WHERE state = 'pending'`).Scan(&attempts); err != nil || !ready(attempts) {
			return ""
		}
		return "ready"
	})
	check(d.t, d.db.Update(d.t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE event SET attempts = 60 WHERE state = 'pending'`)
		return err
	}))
}

// until asks again and again until there is an answer.
func (d *desk) until(ask func() string) string {
	d.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if s := ask(); s != "" {
			return s
		}
	}
	d.t.Fatal("it does not come to it")
	return ""
}
