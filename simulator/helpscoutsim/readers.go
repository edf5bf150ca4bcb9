package helpscoutsim

import (
	"maps"
	"slices"
)

// Conversations returns copies of all conversations by id, without those merged or deleted.
func (s *Sim) Conversations() []Conversation {
	return s.copies(func(st *state) []int64 { return st.order }, func(Conversation) bool { return true })
}

// ConversationsOf returns copies of a customer's conversations by id, without those merged or deleted.
func (s *Sim) ConversationsOf(email string) []Conversation {
	var customer int64
	return s.copies(func(st *state) []int64 {
		customer = value(st.customerOf(email)).ID
		return st.byCustomer[customer]
	}, func(c Conversation) bool { return c.CustomerID == customer })
}

// ConversationsIn returns copies of a mailbox's conversations by id, without those merged or deleted.
func (s *Sim) ConversationsIn(mailboxID int64) []Conversation {
	return s.copies(func(st *state) []int64 { return st.byMailbox[mailboxID] },
		func(c Conversation) bool { return c.MailboxID == mailboxID })
}

// Conversation returns a copy of one conversation, even if it was merged or deleted.
func (s *Sim) Conversation(id int64) (conv Conversation, found bool) {
	s.read(func(st *state) {
		if rec := st.conversations[id]; rec != nil {
			conv, found = st.copyOf(rec), true
		}
	})
	return conv, found
}

// Customer returns a copy of the customer with the given e-mail address.
func (s *Sim) Customer(email string) (customer Customer, found bool) {
	s.read(func(st *state) {
		if c := st.customerOf(email); c != nil {
			customer, found = copyCustomer(*c), true
		}
	})
	return customer, found
}

// Threads returns how many threads, of any type, a customer's conversations have in total.
func (s *Sim) Threads(email string) int {
	n := 0
	s.read(func(st *state) {
		customer := value(st.customerOf(email)).ID
		for _, id := range st.byCustomer[customer] {
			if rec := st.conversations[id]; !rec.gone() && rec.CustomerID == customer {
				n += len(rec.Threads)
			}
		}
	})
	return n
}

// Webhooks returns copies of all webhooks by id.
func (s *Sim) Webhooks() []Webhook {
	var list []Webhook
	s.read(func(st *state) {
		for _, w := range st.webhooksInOrder() {
			hook := *w
			hook.Events, hook.MailboxIDs = slices.Clone(w.Events), slices.Clone(w.MailboxIDs)
			list = append(list, hook)
		}
	})
	return list
}

// Mailboxes returns the mailboxes of the account.
func (s *Sim) Mailboxes() []Mailbox { return slices.Clone(s.cfg.Mailboxes) }

func (s *Sim) copies(ids func(*state) []int64, wanted func(Conversation) bool) []Conversation {
	list := []Conversation{}
	s.read(func(st *state) {
		for _, id := range ids(st) {
			if rec := st.conversations[id]; !rec.gone() && wanted(rec.Conversation) {
				list = append(list, st.copyOf(rec))
			}
		}
	})
	return list
}

// copyOf returns a copy that the reader may modify, but for the bytes of attachments.
func (st *state) copyOf(rec *record) Conversation {
	c := rec.Conversation
	c.Tags, c.Threads = slices.Clone(c.Tags), slices.Clone(c.Threads)
	for i := range c.Threads {
		t := &c.Threads[i]
		t.To, t.CC, t.BCC = slices.Clone(t.To), slices.Clone(t.CC), slices.Clone(t.BCC)
		t.Attachments = slices.Clone(t.Attachments)
	}
	if customer := st.customers[c.CustomerID]; customer != nil {
		cp := copyCustomer(*customer)
		c.Customer = &cp
	}
	return c
}

func copyCustomer(c Customer) Customer {
	c.Emails, c.Phones = slices.Clone(c.Emails), slices.Clone(c.Phones)
	return c
}

// snapshot is what the state file holds.
type snapshot struct {
	IDs           ids              `json:"ids"`
	Conversations []Conversation   `json:"conversations"`
	Customers     []Customer       `json:"customers"`
	Webhooks      []Webhook        `json:"webhooks"`
	Tags          map[string]int64 `json:"tags"`
	Tokens        map[string]int64 `json:"tokens"` // to Unix seconds of expiry
}

// snapshot copies the state under the lock; encoding, which takes longer, happens without it.
func (s *Sim) snapshot() snapshot {
	var snap snapshot
	s.read(func(st *state) {
		snap = snapshot{IDs: st.ids, Tags: maps.Clone(st.tags), Tokens: map[string]int64{}}
		for _, id := range st.order {
			snap.Conversations = append(snap.Conversations, st.conversations[id].Conversation)
		}
		for _, id := range slices.Sorted(maps.Keys(st.customers)) {
			snap.Customers = append(snap.Customers, *st.customers[id])
		}
		for _, w := range st.webhooksInOrder() {
			snap.Webhooks = append(snap.Webhooks, *w)
		}
		for token, until := range st.tokens {
			snap.Tokens[token] = until.Unix()
		}
	})
	return snap
}
