package helpscoutsim

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// state is everything Help Scout would keep. Sim.mu guards it. Slices inside the stored values are replaced or
// appended to, never modified in place, so that copies of the values stay as they were.
type state struct {
	ids           ids
	conversations map[int64]*record
	// order, byCustomer and byMailbox list conversations in the order of their ids. A conversation that changes its
	// customer or mailbox is listed under both: readers check what they find.
	order      []int64
	byCustomer map[int64][]int64
	byMailbox  map[int64][]int64
	customers  map[int64]*Customer
	byEmail    map[string]int64 // emailKey to customer id
	webhooks   map[int64]*Webhook
	tags       map[string]int64 // name to id
	tokens     map[string]time.Time
}

// ids are the last ids given out. The ranges are far apart, so that a mixed up id is not found.
type ids struct {
	Conversation, Number, Thread, Customer, Contact, Attachment, Webhook, Tag int64
}

// record is a conversation and how lists have seen it.
type record struct {
	Conversation
	views []view // oldest first; the newest one is the present
}

// view is a conversation as it was from a moment on. It is never modified.
type view struct {
	since time.Time
	Conversation
}

// firstIDs are where a fresh account starts.
var firstIDs = ids{
	Conversation: 2571000, Number: 1000, Thread: 88171880, Customer: 238600,
	Contact: 5000, Attachment: 71000, Webhook: 300, Tag: 9000,
}

func newState(from ids) *state {
	return &state{
		ids:           from,
		conversations: map[int64]*record{},
		byCustomer:    map[int64][]int64{},
		byMailbox:     map[int64][]int64{},
		customers:     map[int64]*Customer{},
		byEmail:       map[string]int64{},
		webhooks:      map[int64]*Webhook{},
		tags:          map[string]int64{},
		tokens:        map[string]time.Time{},
	}
}

func next(id *int64) int64 {
	*id++
	return *id
}

// index stores a conversation that has its id.
func (st *state) index(c Conversation) *record {
	rec := &record{Conversation: c}
	st.conversations[c.ID] = rec
	st.order = append(st.order, c.ID)
	st.listUnder(rec)
	return rec
}

// listUnder enters a conversation for its present customer and mailbox.
func (st *state) listUnder(rec *record) {
	enter(st.byCustomer, rec.CustomerID, rec.ID)
	enter(st.byMailbox, rec.MailboxID, rec.ID)
}

func enter(index map[int64][]int64, key, id int64) {
	if at, found := slices.BinarySearch(index[key], id); !found {
		index[key] = slices.Insert(index[key], at, id)
	}
}

// indexCustomer stores a customer that has its id.
func (st *state) indexCustomer(c *Customer) {
	st.customers[c.ID] = c
	for _, e := range c.Emails {
		st.byEmail[emailKey(e.Value)] = c.ID
	}
}

// customerOf finds a customer by e-mail address; nil if there is none.
func (st *state) customerOf(email string) *Customer {
	return st.customers[st.byEmail[emailKey(email)]]
}

// customerNamed finds a customer by e-mail address or id; nil if there is none.
func (st *state) customerNamed(name string) *Customer {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return st.customers[id]
	}
	return st.customerOf(name)
}

// conversationsOf returns the ids of the conversations a customer may have.
func (st *state) conversationsOf(email string) []int64 {
	c := st.customerOf(email)
	if c == nil {
		return nil
	}
	return st.byCustomer[c.ID]
}

// tagID returns the id of a tag, which exists from its first use on.
func (st *state) tagID(name string) int64 {
	if st.tags[name] == 0 {
		st.tags[name] = next(&st.ids.Tag)
	}
	return st.tags[name]
}

// webhooksInOrder returns the webhooks by id.
func (st *state) webhooksInOrder() []*Webhook {
	return slices.SortedFunc(maps.Values(st.webhooks), func(a, b *Webhook) int { return int(a.ID - b.ID) })
}

// see notes how the conversation is from now on, and forgets the views that no list will show again.
func (rec *record) see(now time.Time, lag time.Duration) {
	keep := 0
	for i, v := range rec.views {
		if !v.since.Add(lag).After(now) {
			keep = i
		}
	}
	rec.views = append(slices.Clone(rec.views[keep:]), view{since: now, Conversation: rec.Conversation})
}

// listed returns the conversation as a list shows it now; nil if none does. It must not be modified.
func (rec *record) listed(now time.Time, lag time.Duration) *Conversation {
	for i := len(rec.views) - 1; i >= 0; i-- {
		v := &rec.views[i]
		if v.since.Add(lag).After(now) {
			continue
		}
		if v.gone() {
			return nil
		}
		return &v.Conversation
	}
	return nil
}

// thread finds a thread by id; nil if the conversation has no such thread.
func (c *Conversation) thread(id int64) *Thread {
	for i := range c.Threads {
		if c.Threads[i].ID == id {
			return &c.Threads[i]
		}
	}
	return nil
}

// replaceThread puts t in the place of the thread with its id, in a new slice: views keep the old one.
func (c *Conversation) replaceThread(t Thread) {
	c.Threads = slices.Clone(c.Threads)
	*c.thread(t.ID) = t
}
