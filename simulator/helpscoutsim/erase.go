package helpscoutsim

import (
	"net/http"
	"slices"
	"time"
)

// mostErased is how many conversations a customer may have who is deleted at once.
const mostErased = 100

// DELETE /v2/customers/{id}
// DELETE /v2/customers/{id}?async=true
//
// https://developer.helpscout.com/mailbox-api/endpoints/customers/delete/
// https://developer.helpscout.com/mailbox-api/endpoints/customers/delete-async/
//
// Whoever is deleted is gone for good, with the conversations they took part in: those that are theirs, and those that they have
// written in, whosever they are now. At once, that may be 100 conversations at most; asynchronously, customer.deleted tells when it
// is done. What else refuses it is that the app has no access to one of the conversations. Conversations that vanish so have no event
// of their own (U).
func (s *Sim) deleteCustomer(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	if err := onlyParameters(r.URL.Query(), "async"); err != nil {
		return answer{}, err
	}
	switch r.URL.Query().Get("async") {
	case "", "false":
		return noContent(), s.change(func(t *tx) error {
			if err := t.erasable(id, mostErased); err != nil {
				return err
			}
			t.erase(id)
			return nil
		})
	case "true":
		s.read(func(st *state) { err = (&tx{state: st, sim: s}).erasable(id, len(st.order)) })
		if err == nil {
			s.deleting.Go(func() { s.eraseLater(id) })
		}
		return answer{status: http.StatusAccepted}, err
	}
	return answer{}, badQuery("async", "must be true or false")
}

// eraseLater deletes a customer, unless the simulator is closed before.
func (s *Sim) eraseLater(id int64) {
	timer := time.NewTimer(s.cfg.DeletionTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
		return
	}
	s.change(func(t *tx) error { //nolint:errcheck // there is none
		if t.customers[id] != nil { // else they were deleted meanwhile
			t.erase(id)
		}
		return nil
	})
}

// erasable says why a customer cannot be deleted.
func (t *tx) erasable(id int64, most int) error {
	if t.customers[id] == nil {
		return notFound()
	}
	conversations := t.takenPartIn(id)
	if len(conversations) > most || slices.ContainsFunc(conversations, func(rec *record) bool { return !t.sim.sees(rec.MailboxID) }) {
		return noAccess()
	}
	return nil
}

// takenPartIn returns the conversations of a customer, and those they have written in.
func (st *state) takenPartIn(customer int64) []*record {
	var all []*record
	for _, id := range st.order {
		rec := st.conversations[id]
		wrote := func(th Thread) bool { return th.CreatedBy.Type == "customer" && th.CreatedBy.ID == customer }
		if rec.CustomerID == customer || slices.ContainsFunc(rec.Threads, wrote) {
			all = append(all, rec)
		}
	}
	return all
}

// erase removes a customer and their conversations.
func (t *tx) erase(id int64) {
	for _, rec := range t.takenPartIn(id) {
		t.forget(rec.ID)
	}
	customer := t.customers[id]
	for _, e := range customer.Emails {
		delete(t.byEmail, emailKey(e.Value))
	}
	delete(t.customers, id)
	t.emitCustomer(EventCustomerDeleted, customer)
}

// forget removes a conversation from everywhere. Lists may still be read, hence new ones.
func (st *state) forget(id int64) {
	delete(st.conversations, id)
	without := func(list []int64) []int64 {
		return slices.DeleteFunc(slices.Clone(list), func(other int64) bool { return other == id })
	}
	st.order = without(st.order)
	for _, index := range []map[int64][]int64{st.byCustomer, st.byMailbox} {
		for key, list := range index {
			if _, listed := slices.BinarySearch(list, id); listed {
				index[key] = without(list)
			}
		}
	}
}
