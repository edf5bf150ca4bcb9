package helpscoutsim

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// kind is a way to add a thread, and the fields it takes beyond text, imported, createdAt and attachments.
type kind struct {
	path   string // the last part of the route
	input  string // type in a create request
	stored string // type when read
	// fromCustomer threads are written by the customer, the others by a user.
	fromCustomer bool
	customer     bool // required then
	copies       bool // cc and bcc
	user, status bool
	draft        bool // and assignTo
}

// The five kinds of https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/.
var (
	customerThread = kind{path: "customer", input: "customer", stored: "customer", fromCustomer: true, customer: true, copies: true}
	phoneThread    = kind{path: "phones", input: "phone", stored: "phone", fromCustomer: true, customer: true}
	chatThread     = kind{path: "chats", input: "chat", stored: "chat", fromCustomer: true, customer: true}
	noteThread     = kind{path: "notes", input: "note", stored: "note", user: true, status: true}
	replyThread    = kind{path: "reply", input: "reply", stored: "message", customer: true, copies: true, user: true, status: true, draft: true}
)

var kinds = []kind{customerThread, phoneThread, chatThread, noteThread, replyThread}

// threadInput is a thread to be added.
type threadInput struct {
	Type        *string           `json:"type"` // of use within a new conversation only
	Text        *string           `json:"text"`
	Customer    *customerInput    `json:"customer"`
	User        *int64            `json:"user"`
	CreatedBy   *authorInput      `json:"createdBy"`
	Status      *string           `json:"status"`
	Draft       *bool             `json:"draft"`
	AssignTo    optionalID        `json:"assignTo"`
	Imported    bool              `json:"imported"`
	CreatedAt   *string           `json:"createdAt"`
	CC          []string          `json:"cc"`
	BCC         []string          `json:"bcc"`
	Attachments []attachmentInput `json:"attachments"`
}

type attachmentInput struct {
	FileName *string `json:"fileName"`
	MimeType *string `json:"mimeType"`
	Data     *string `json:"data"`
}

// POST /v2/conversations/{id}/customer
// POST /v2/conversations/{id}/phones
// POST /v2/conversations/{id}/chats
// POST /v2/conversations/{id}/notes
// POST /v2/conversations/{id}/reply
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/customer/ and its siblings
func (s *Sim) appendThread(k kind) handler {
	return func(r *http.Request) (answer, error) {
		id, err := pathID(r, "id")
		if err != nil {
			return answer{}, err
		}
		in, err := decode[threadInput](r)
		if err != nil {
			return answer{}, err
		}
		var c checks
		c.absent("type", in.Type != nil && *in.Type != k.input)
		thread := in.prepare(&c, "", k, s.cfg.AttachmentLimit)
		var added int64
		err = s.change(func(t *tx) error {
			rec, err := t.writable(id)
			if err != nil {
				return err
			}
			t.checkReferences(&c, "", in)
			if err := c.err(); err != nil {
				return err
			}
			if err := t.roomFor(rec); err != nil {
				return err
			}
			added = t.write(rec, k, in, thread)
			return nil
		})
		if err != nil {
			return answer{}, err
		}
		return created(r, "/v2/conversations/"+strconv.FormatInt(id, 10)+"/threads", added), nil
	}
}

// prepare checks what can be checked without the state, and decodes attachments, which takes time.
func (in threadInput) prepare(c *checks, path string, k kind, attachmentLimit int) Thread {
	c.required(path+"text", in.Text)
	if k.customer && in.Customer == nil {
		c.add(path+"customer", "may not be null", "NotNull")
	}
	in.refuseForeign(c, path, k)
	if in.Customer != nil {
		in.Customer.check(c, path+"customer.")
	}
	if in.Status != nil {
		c.oneOf(path+"status", *in.Status, statuses...)
	}
	for _, address := range slices.Concat(in.CC, in.BCC) {
		c.email(path+"cc", address)
	}
	if in.CreatedAt != nil && !in.Imported {
		c.add(path+"createdAt", "may only be set if imported is true", "InvalidValue")
	}
	thread := Thread{
		Type: k.stored, State: stateOf(value(in.Draft), "draft"), Body: value(in.Text), SourceType: "api", Via: "user",
		CC: in.CC, BCC: in.BCC, CreatedAt: c.moment(path+"createdAt", in.CreatedAt, time.Time{}),
	}
	if k.fromCustomer {
		thread.Via = "customer"
	}
	for i, a := range in.Attachments {
		at := path + "attachments[" + strconv.Itoa(i) + "]."
		thread.Attachments = append(thread.Attachments, a.prepare(c, at, attachmentLimit))
	}
	return thread
}

// refuseForeign refuses the fields that other kinds of thread have.
func (in threadInput) refuseForeign(c *checks, path string, k kind) {
	c.absent(path+"customer", in.Customer != nil && !k.customer)
	c.absent(path+"user", in.User != nil && !k.user)
	c.absent(path+"status", in.Status != nil && !k.status)
	c.absent(path+"draft", in.Draft != nil && !k.draft)
	c.absent(path+"assignTo", in.AssignTo.Sent && !k.draft)
	c.absent(path+"cc", len(in.CC) > 0 && !k.copies)
	c.absent(path+"bcc", len(in.BCC) > 0 && !k.copies)
}

func (a attachmentInput) prepare(c *checks, path string, limit int) Attachment {
	c.required(path+"fileName", a.FileName)
	c.required(path+"mimeType", a.MimeType)
	c.required(path+"data", a.Data)
	data, err := base64.StdEncoding.DecodeString(value(a.Data))
	if err != nil {
		c.add(path+"data", "must be base64", "InvalidFormat")
	}
	if len(data) > limit {
		c.tooLarge = true
	}
	return Attachment{FileName: value(a.FileName), MimeType: value(a.MimeType), Data: data}
}

// checkReferences checks that the ids of a thread stand for something.
func (t *tx) checkReferences(c *checks, path string, in threadInput) {
	t.checkCustomer(c, path+"customer.", in.Customer)
	t.checkUser(c, path+"user", value(in.User))
	t.checkUser(c, path+"assignTo", in.AssignTo.ID)
}

// checkUser accepts 0, which stands for no user or for the app's owner.
func (t *tx) checkUser(c *checks, path string, id int64) {
	_, found := t.sim.user(id)
	c.exists(path, found)
}

// writable finds a conversation that takes changes. A merged one answers as if it were deleted.
func (t *tx) writable(id int64) (*record, error) {
	rec := t.conversations[id]
	switch {
	case rec == nil || rec.gone():
		return nil, notFound()
	case !t.sim.sees(rec.MailboxID):
		return nil, noAccess()
	}
	return rec, nil
}

// roomFor checks that a thread may be added.
func (t *tx) roomFor(rec *record) error {
	if rec.LockStatus != 0 {
		return refuse(rec.LockStatus, "Conversation is locked")
	}
	if len(rec.Threads) >= t.sim.cfg.ThreadLimit {
		return refuse(http.StatusPreconditionFailed, "Conversation has reached the limit of threads")
	}
	return nil
}

// write adds a checked thread, applies what it means for the conversation, and tells.
func (t *tx) write(rec *record, k kind, in threadInput, thread Thread) int64 {
	before := rec.Status
	thread = t.author(rec.Conversation, k, in, thread)
	t.become(rec, statusAfter(rec.Status, k, in), thread.CreatedBy)
	if in.AssignTo.Sent {
		rec.AssigneeID = in.AssignTo.ID
	}
	thread.Status, thread.AssigneeID = rec.Status, rec.AssigneeID
	thread = t.insert(rec, thread)
	t.touch(rec)
	if in.Imported || thread.State != "published" {
		return thread.ID // neither is announced (U)
	}
	t.emit(eventOf(thread), rec, thread.ID)
	if rec.Status != before {
		t.emit(EventStatus, rec, thread.ID)
	}
	return thread.ID
}

// author fills in who wrote the thread, and when.
func (t *tx) author(conv Conversation, k kind, in threadInput, thread Thread) Thread {
	thread.CustomerID = conv.CustomerID
	if in.Customer != nil {
		thread.CustomerID = t.resolve(in.Customer).ID
	}
	customer := value(t.customers[thread.CustomerID]).person()
	user, _ := t.sim.user(value(in.User))
	thread.CreatedBy = user.person()
	switch {
	case k.fromCustomer:
		thread.CreatedBy = customer
	case k.stored == "message" && customer.Email != "":
		thread.To = []string{customer.Email}
	}
	if thread.CreatedAt.IsZero() {
		thread.CreatedAt = t.now
	}
	return thread
}

// statusAfter is the conversation's status once the thread is there: customers and replies re-open it.
func statusAfter(status string, k kind, in threadInput) string {
	if in.Status != nil {
		return *in.Status
	}
	reopens := k.stored == "customer" || k.stored == "message" && !value(in.Draft)
	if reopens && !in.Imported {
		return "active"
	}
	return status
}

// insert gives the thread and its attachments their ids and puts it in its place by time.
func (t *tx) insert(rec *record, thread Thread) Thread {
	thread.ID = next(&t.ids.Thread)
	for i := range thread.Attachments {
		thread.Attachments[i].ID = next(&t.ids.Attachment)
	}
	t.place(rec, thread)
	return thread
}

// place puts a thread that has its id in its place by time.
func (t *tx) place(rec *record, thread Thread) {
	last := len(rec.Threads) - 1
	if last >= 0 && thread.CreatedAt.Before(rec.Threads[last].CreatedAt) {
		// Imported history goes where it belongs. Lists may still show the old slice, hence a new one.
		rec.Threads = append(slices.Clone(rec.Threads), thread)
		slices.SortStableFunc(rec.Threads, func(a, b Thread) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		return
	}
	rec.Threads = append(rec.Threads, thread)
}

// touch notes that the conversation has changed.
func (t *tx) touch(rec *record) {
	rec.UpdatedAt = t.now
	rec.see(t.now, t.lag)
}
