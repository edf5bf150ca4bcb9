package helpscoutsim

import (
	"fmt"
	"slices"
)

// The first generation of webhook bodies, which Help Scout no longer offers. Only [Config.Webhooks] can ask for it, as
// "V1": a hotline that was set up long ago may still get such bodies. What stands in them beyond the fields that the
// first Bling read is from memory (U).

type firstPersonJSON struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Phone     string `json:"phone,omitempty"` // of a customer: the first of them
}

type firstMailboxJSON struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type firstConversationJSON struct {
	ID          int64             `json:"id"`
	Number      int64             `json:"number"`
	Type        string            `json:"type"`
	IsDraft     bool              `json:"isDraft"`
	Mailbox     firstMailboxJSON  `json:"mailbox"`
	Owner       *firstPersonJSON  `json:"owner"`
	Customer    *firstPersonJSON  `json:"customer"`
	ThreadCount int               `json:"threadCount"`
	Status      string            `json:"status"`
	Subject     string            `json:"subject"`
	Preview     string            `json:"preview"`
	CreatedBy   firstPersonJSON   `json:"createdBy"`
	CreatedAt   string            `json:"createdAt"`
	Source      sourceJSON        `json:"source"`
	Tags        []string          `json:"tags"`
	Threads     []firstThreadJSON `json:"threads"` // line items too
}

type firstThreadJSON struct {
	ID          int64                 `json:"id"`
	Type        string                `json:"type"`
	Status      string                `json:"status"`
	State       string                `json:"state"`
	Source      sourceJSON            `json:"source"`
	AssignedTo  *firstPersonJSON      `json:"assignedTo"`
	Customer    *firstPersonJSON      `json:"customer"`
	CreatedBy   firstPersonJSON       `json:"createdBy"`
	CreatedAt   string                `json:"createdAt"`
	Body        *string               `json:"body"` // null in line items
	Attachments []firstAttachmentJSON `json:"attachments"`
}

type firstAttachmentJSON struct {
	ID       int64  `json:"id"`
	FileName string `json:"fileName"`
	MimeType string `json:"mimeType"`
	Size     int    `json:"size"`
	URL      string `json:"url"`
}

// firstConversation renders a conversation with the given threads, which are oldest first.
func (rd renderer) firstConversation(c Conversation, embedded []Thread) firstConversationJSON {
	j := firstConversationJSON{
		ID: c.ID, Number: c.Number, Type: c.Type, IsDraft: c.State == "draft", Mailbox: firstMailboxJSON{ID: c.MailboxID},
		Owner: rd.firstUser(c.AssigneeID), Customer: rd.firstCustomer(c.CustomerID), ThreadCount: rd.sim.countThreads(c),
		Status: c.Status, Subject: c.Subject, Preview: preview(c), CreatedBy: rd.firstPerson(c.CreatedBy),
		CreatedAt: stamp(c.CreatedAt), Source: sourceJSON{c.SourceType, c.Via}, Tags: some(c.Tags),
		Threads: make([]firstThreadJSON, 0, len(embedded)),
	}
	for _, m := range rd.sim.cfg.Mailboxes {
		if m.ID == c.MailboxID {
			j.Mailbox.Name = m.Name
		}
	}
	for _, t := range slices.Backward(embedded) {
		j.Threads = append(j.Threads, rd.firstThread(t))
	}
	return j
}

func (rd renderer) firstThread(t Thread) firstThreadJSON {
	j := firstThreadJSON{
		ID: t.ID, Type: t.Type, Status: t.Status, State: t.State, Source: sourceJSON{t.SourceType, t.Via},
		AssignedTo: rd.firstUser(t.AssigneeID), Customer: rd.firstCustomer(t.CustomerID),
		CreatedBy: rd.firstPerson(t.CreatedBy), CreatedAt: stamp(t.CreatedAt), Attachments: []firstAttachmentJSON{},
	}
	if t.Type != "lineitem" {
		j.Body = &t.Body
	}
	for _, a := range t.Attachments {
		j.Attachments = append(j.Attachments, firstAttachmentJSON{
			ID: a.ID, FileName: a.FileName, MimeType: a.MimeType, Size: len(a.Data),
			URL: fmt.Sprintf("https://secure.helpscout.net/attachment/%d/%s", a.ID, a.FileName),
		})
	}
	return j
}

func (rd renderer) firstPerson(p Person) firstPersonJSON {
	p = rd.shown(p)
	return firstPersonJSON{ID: p.ID, Type: p.Type, FirstName: p.First, LastName: p.Last, Email: p.Email}
}

func (rd renderer) firstUser(id int64) *firstPersonJSON {
	u, ok := rd.sim.user(id)
	if id == 0 || !ok {
		return nil
	}
	p := rd.firstPerson(u.person())
	return &p
}

func (rd renderer) firstCustomer(id int64) *firstPersonJSON {
	c := rd.state.customers[id]
	if c == nil {
		return nil
	}
	p := rd.firstPerson(c.person())
	if len(c.Phones) > 0 {
		p.Phone = c.Phones[0].Value
	}
	return &p
}
