package helpscoutsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversationInput is a conversation to be created. Custom fields are not simulated.
type conversationInput struct {
	Subject   *string        `json:"subject"`
	Type      string         `json:"type"`
	MailboxID int64          `json:"mailboxId"`
	Status    string         `json:"status"`
	Customer  *customerInput `json:"customer"`
	Threads   []threadInput  `json:"threads"`
	Imported  bool           `json:"imported"`
	AutoReply bool           `json:"autoReply"` // accepted; no mail is sent from here
	AssignTo  optionalID     `json:"assignTo"`
	CreatedAt *string        `json:"createdAt"`
	Tags      []string       `json:"tags"`
	User      *int64         `json:"user"`
	CreatedBy *authorInput   `json:"createdBy"`
}

// authorInput is who wrote something, as Help Scout's PHP client says it beside user and customer. It is overlooked.
type authorInput struct {
	ID   int64  `json:"id"`
	Type string `json:"type"`
}

// POST /v2/conversations
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/create/
func (s *Sim) createConversation(r *http.Request) (answer, error) {
	in, err := decode[conversationInput](r)
	if err != nil {
		return answer{}, err
	}
	// Help Scout: more than 100 threads in one request is 412, and 100 is one more than may be added to.
	if len(in.Threads) > s.cfg.ThreadLimit+1 {
		return answer{}, refuse(http.StatusPreconditionFailed, "Too many threads")
	}
	var c checks
	createdAt := in.check(&c)
	threads, kinds := in.prepareThreads(&c, s.cfg.AttachmentLimit)
	var id int64
	err = s.change(func(t *tx) error {
		t.checkConversation(&c, in)
		if err := c.err(); err != nil {
			return err
		}
		if !s.sees(in.MailboxID) {
			return noAccess()
		}
		id = t.create(in, createdAt, threads, kinds)
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return created(r, "/v2/conversations", id), nil
}

func (in conversationInput) check(c *checks) (createdAt time.Time) {
	c.required("subject", in.Subject)
	c.oneOf("type", in.Type, "chat", "email", "phone")
	c.oneOf("status", in.Status, "active", "closed", "pending")
	if in.Customer == nil {
		c.add("customer", "may not be null", "NotNull")
	} else {
		in.Customer.check(c, "customer.")
	}
	if len(in.Threads) == 0 {
		c.add("threads", "may not be empty", "NotEmpty")
	}
	checkTags(c, in.Tags)
	return c.moment("createdAt", in.CreatedAt, time.Time{})
}

// prepareThreads checks the threads and returns them with their kinds. A thread of an imported conversation counts
// as imported itself.
func (in conversationInput) prepareThreads(c *checks, attachmentLimit int) ([]Thread, []kind) {
	threads, of := make([]Thread, len(in.Threads)), make([]kind, len(in.Threads))
	for i := range in.Threads {
		path := "threads[" + strconv.Itoa(i) + "]."
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.input == value(in.Threads[i].Type) })
		if at < 0 {
			c.oneOf(path+"type", value(in.Threads[i].Type), "customer", "phone", "chat", "note", "reply")
			continue
		}
		in.Threads[i].Imported = in.Threads[i].Imported || in.Imported
		of[i] = kinds[at]
		threads[i] = in.Threads[i].prepare(c, path, of[i], attachmentLimit)
	}
	return threads, of
}

func (t *tx) checkConversation(c *checks, in conversationInput) {
	c.exists("mailboxId", t.sim.hasMailbox(in.MailboxID))
	t.checkCustomer(c, "customer.", in.Customer)
	t.checkUser(c, "assignTo", in.AssignTo.ID)
	t.checkUser(c, "user", value(in.User))
	for i, thread := range in.Threads {
		t.checkReferences(c, "threads["+strconv.Itoa(i)+"].", thread)
	}
}

// create stores a checked conversation.
func (t *tx) create(in conversationInput, createdAt time.Time, threads []Thread, kinds []kind) int64 {
	customer := t.resolve(in.Customer)
	conv := Conversation{
		ID: next(&t.ids.Conversation), Number: next(&t.ids.Number), Type: in.Type, Status: in.Status,
		State: "published", Subject: *in.Subject, MailboxID: in.MailboxID, CustomerID: customer.ID,
		AssigneeID: in.AssignTo.ID, Tags: in.Tags, SourceType: "api", Via: "customer", CreatedAt: createdAt,
	}
	if createdAt.IsZero() {
		conv.CreatedAt = t.now
	}
	for _, tag := range in.Tags {
		t.tagID(tag)
	}
	rec := t.index(conv)
	for i, thread := range threads {
		thread = t.author(rec.Conversation, kinds[i], in.Threads[i], thread)
		thread.Status, thread.AssigneeID = rec.Status, rec.AssigneeID
		t.insert(rec, thread)
	}
	rec.CreatedBy, rec.Via = rec.Threads[0].CreatedBy, rec.Threads[0].Via
	t.become(rec, rec.Status, t.sim.owner().person())
	t.touch(rec)
	if !in.Imported {
		t.emit(EventCreated, rec, rec.Threads[len(rec.Threads)-1].ID)
	}
	return rec.ID
}

// GET /v2/conversations/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/get/
//
// A merged conversation answers 301 with the one it went into. That one may itself have been merged since: each
// answer names one step only.
func (s *Sim) getConversation(r *http.Request) (a answer, err error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	if err := onlyParameters(r.URL.Query(), "embed"); err != nil {
		return answer{}, err
	}
	s.read(func(st *state) {
		rec := st.conversations[id]
		switch {
		case rec == nil || rec.State == "deleted":
			err = notFound()
		case !s.sees(rec.MailboxID):
			err = noAccess()
		case rec.MergedInto != 0:
			a.status = http.StatusMovedPermanently
			a.location = fmt.Sprintf("%s/v2/conversations/%d", baseURL(r), rec.MergedInto)
		default:
			rd := s.render(st, r)
			j := rd.conversation(rec.Conversation)
			if r.URL.Query().Get("embed") == "threads" {
				j.Embedded = rd.threads(rec.Conversation, rec.Threads)
			}
			a = ok(j)
		}
	})
	return a, err
}

// patchInput is one operation on one field.
type patchInput struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// PATCH /v2/conversations/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/update/
func (s *Sim) patchConversation(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	in, err := decode[patchInput](r)
	if err != nil {
		return answer{}, err
	}
	err = s.change(func(t *tx) error {
		rec, err := t.writable(id)
		if err != nil {
			return err
		}
		return t.patch(rec, in)
	})
	return noContent(), err
}

func (t *tx) patch(rec *record, in patchInput) error {
	var c checks
	apply := t.operation(&c, rec, in)
	if err := c.err(); err != nil {
		return err
	}
	apply()
	return nil
}

// operation checks a patch and returns what it does.
func (t *tx) operation(c *checks, rec *record, in patchInput) (apply func()) {
	owner := t.sim.owner()
	switch in.Op + " " + in.Path {
	case "replace /subject":
		subject := text(c, in)
		return func() { rec.Subject = subject; t.touch(rec) }
	case "replace /draft":
		draft := flag(c, in)
		return func() { rec.State = stateOf(draft, "draft"); t.touch(rec) }
	case "replace /status":
		status := text(c, in)
		c.oneOf("value", status, statuses...)
		return func() { t.setStatus(rec, status, owner) }
	case "replace /assignTo":
		user := number(c, in)
		t.checkUser(c, "value", user)
		return func() { t.assign(rec, user, owner) }
	case "remove /assignTo":
		return func() { t.assign(rec, 0, owner) }
	case "replace /primaryCustomer.id":
		customer := number(c, in)
		c.exists("value", t.customers[customer] != nil)
		return func() { t.changeCustomer(rec, customer, owner) }
	case "move /mailboxId":
		mailbox := number(c, in)
		c.exists("value", t.sim.hasMailbox(mailbox))
		return func() { t.move(rec, mailbox, owner) }
	}
	c.add("path", "no such operation", "InvalidValue")
	return nil
}

// stateOf is the special state, or published.
func stateOf(special bool, state string) string {
	if special {
		return state
	}
	return "published"
}

// text, flag and number read the value of a patch.
func text(c *checks, in patchInput) string {
	s := patchValue[string](c, in)
	c.required("value", &s)
	return s
}

func flag(c *checks, in patchInput) bool { return patchValue[bool](c, in) }

func number(c *checks, in patchInput) int64 { return patchValue[int64](c, in) }

func patchValue[T any](c *checks, in patchInput) T {
	var v *T
	if err := json.Unmarshal(in.Value, &v); err != nil || v == nil {
		c.add("value", "has the wrong type", "InvalidValue")
	}
	return value(v)
}

// DELETE /v2/conversations/{id}
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/delete/
func (s *Sim) deleteConversation(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	return noContent(), s.change(func(t *tx) error {
		rec, err := t.writable(id)
		if err != nil {
			return err
		}
		t.remove(rec)
		return nil
	})
}

// PUT /v2/conversations/{id}/tags
//
// https://developer.helpscout.com/mailbox-api/endpoints/conversations/tags/update/
func (s *Sim) putTags(r *http.Request) (answer, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return answer{}, err
	}
	in, err := decode[struct {
		Tags []string `json:"tags"`
	}](r)
	if err != nil {
		return answer{}, err
	}
	var c checks
	if in.Tags == nil {
		c.add("tags", "may not be null", "NotNull")
	}
	checkTags(&c, in.Tags)
	return noContent(), s.change(func(t *tx) error {
		rec, err := t.writable(id)
		if err != nil {
			return err
		}
		if err := c.err(); err != nil {
			return err
		}
		t.tag(rec, in.Tags)
		return nil
	})
}

func checkTags(c *checks, tags []string) {
	for i, tag := range tags {
		if strings.TrimSpace(tag) == "" {
			c.add("tags["+strconv.Itoa(i)+"]", "may not be empty", "NotEmpty")
		}
	}
}
