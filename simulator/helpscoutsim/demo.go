package helpscoutsim

import "strconv"

// Populate adds the cases a client meets sooner or later: a conversation that takes one more thread, a
// merged pair, a closed conversation, a customer without an e-mail address and one with two phone numbers. No
// webhook tells of them. Numbers and addresses are made up.
func (s *Sim) Populate() error {
	return s.change(func(t *tx) error {
		mailbox := s.cfg.Mailboxes[0].ID
		full := t.demo(mailbox, t.demoCustomer("617-555-0101", "6175550101@sms.example.org"), "active", "Hi, it's me again")
		for i := len(full.Threads); i < s.cfg.ThreadLimit-1; i++ {
			t.insert(full, t.demoNote(full, "Call "+strconv.Itoa(i)))
		}
		t.touch(full)

		twice := t.demoCustomer("617-555-0102", "6175550102@sms.example.org", "617-555-0102", "617-555-0103")
		t.merge(
			t.demo(mailbox, twice, "active", "Sorry, wrong conversation"),
			t.demo(mailbox, twice, "active", "Can somebody call me?"), s.owner())
		t.demo(mailbox, t.demoCustomer("617-555-0104", "6175550104@sms.example.org"), "closed", "Thank you, all good now")
		t.demo(mailbox, t.demoCustomer("No Address", ""), "pending", "Left a voicemail")
		t.events = nil
		return nil
	})
}

func (t *tx) demoCustomer(name, email string, phones ...string) *Customer {
	var emails, numbers []Contact
	if email != "" {
		emails = []Contact{{Type: "other", Value: email}}
	}
	for _, phone := range phones {
		numbers = append(numbers, Contact{Type: "mobile", Value: phone})
	}
	return t.newCustomer(&customerInput{FirstName: &name}, emails, numbers)
}

// demo adds a conversation in which the customer wrote once.
func (t *tx) demo(mailbox int64, customer *Customer, status, words string) *record {
	subject, by := "Text from "+customer.First, &customerInput{ID: &customer.ID}
	in := conversationInput{
		Subject: &subject, Type: "phone", MailboxID: mailbox, Status: status, Customer: by, Imported: true,
		Threads: []threadInput{{Text: &words, Customer: by}},
	}
	first := Thread{Type: "customer", State: "published", Body: words, SourceType: "api", Via: "customer"}
	id := t.create(in, t.now, []Thread{first}, []kind{customerThread})
	return t.conversations[id]
}

func (t *tx) demoNote(rec *record, words string) Thread {
	return Thread{
		Type: "note", Status: rec.Status, State: "published", Body: words, SourceType: "api", Via: "user",
		CustomerID: rec.CustomerID, CreatedBy: t.sim.owner().person(), CreatedAt: t.now,
	}
}
