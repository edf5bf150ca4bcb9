package helpscoutsim

import (
	"cmp"
	"slices"
	"time"
)

// What can be done to a conversation or customer besides writing, by the API and by agents alike. Each leaves a line
// item, which counts towards the limit of threads, and emits its event, where Help Scout has them.

// lineItem notes in the conversation what a user did.
func (t *tx) lineItem(rec *record, action string, by User) Thread {
	return t.insert(rec, Thread{
		Type: "lineitem", Status: rec.Status, State: "published", Action: action, SourceType: "web", Via: "user",
		CustomerID: rec.CustomerID, CreatedBy: by.person(), AssigneeID: rec.AssigneeID, CreatedAt: t.now,
	})
}

// become changes the status without further ado.
func (t *tx) become(rec *record, status string, by Person) {
	switch {
	case status != "closed":
		rec.ClosedAt, rec.ClosedBy = time.Time{}, 0
	case rec.ClosedAt.IsZero() || rec.Status != status:
		rec.ClosedAt = t.now
		if by.Type == "user" {
			rec.ClosedBy = by.ID
		}
	}
	rec.Status = status
}

func (t *tx) setStatus(rec *record, status string, by User) {
	if rec.Status == status {
		return
	}
	t.become(rec, status, by.person())
	line := t.lineItem(rec, "changed-status-to-"+status, by)
	t.touch(rec)
	t.emit(EventStatus, rec, line.ID)
}

func (t *tx) assign(rec *record, user int64, by User) {
	rec.AssigneeID = user
	line := t.lineItem(rec, "assigned", by)
	t.touch(rec)
	t.emit(EventAssigned, rec, line.ID)
}

// move puts the conversation into another mailbox. The webhooks of both are told (U).
func (t *tx) move(rec *record, mailbox int64, by User) {
	from := rec.MailboxID
	rec.MailboxID = mailbox
	t.listUnder(rec)
	line := t.lineItem(rec, "moved-from-mailbox", by)
	t.touch(rec)
	t.emit(EventMoved, rec, line.ID, from)
}

// changeCustomer makes the conversation another customer's. Its threads stay who they were with. No event tells (U).
func (t *tx) changeCustomer(rec *record, customer int64, by User) {
	rec.CustomerID = customer
	t.listUnder(rec)
	t.lineItem(rec, "changed-ticket-customer", by)
	t.touch(rec)
}

// setPhones replaces the customer's phones, which have their ids.
func (t *tx) setPhones(c *Customer, phones []Contact) {
	changed := *c
	changed.Phones = phones
	t.replaceCustomer(&changed)
}

// replaceCustomer stores a changed copy of a customer, and tells.
func (t *tx) replaceCustomer(c *Customer) {
	for _, e := range t.customers[c.ID].Emails {
		delete(t.byEmail, emailKey(e.Value))
	}
	c.UpdatedAt = t.now
	t.indexCustomer(c)
	t.emitCustomer(EventCustomerUpdated, c)
}

func (t *tx) tag(rec *record, tags []string) {
	for _, tag := range tags {
		t.tagID(tag)
	}
	rec.Tags = tags
	t.touch(rec)
	t.emit(EventTags, rec, 0)
}

func (t *tx) remove(rec *record) {
	rec.State = "deleted"
	t.touch(rec)
	t.emit(EventDeleted, rec, 0)
}

// merge moves all threads of one conversation into another. The event is about the survivor (U).
func (t *tx) merge(from, into *record, by User) {
	threads := slices.Concat(into.Threads, from.Threads)
	slices.SortStableFunc(threads, func(a, b Thread) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	into.Threads, from.Threads = threads, nil
	from.MergedInto = into.ID
	line := t.lineItem(into, "merged", by)
	t.touch(from)
	t.touch(into)
	t.emit(EventMerged, into, line.ID)
}
