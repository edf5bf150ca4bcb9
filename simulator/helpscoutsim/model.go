package helpscoutsim

import (
	"strings"
	"time"
)

// Mailbox is an inbox of the account.
type Mailbox struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// User is a person who works with Help Scout: an agent, or the owner of the app.
type User struct {
	ID    int64  `json:"id"`
	First string `json:"first"`
	Last  string `json:"last"`
	Email string `json:"email"`
	// Mailboxes are those the user has access to; none: all.
	Mailboxes []int64 `json:"mailboxes,omitempty"`
}

// Person is who did something: a user or a customer.
type Person struct {
	ID    int64  `json:"id"`
	Type  string `json:"type"` // user, customer, system_user
	First string `json:"first"`
	Last  string `json:"last"`
	Email string `json:"email"`
}

// Contact is an e-mail address or phone number of a customer.
type Contact struct {
	ID    int64  `json:"id"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Customer is a person who writes to us.
type Customer struct {
	ID           int64     `json:"id"`
	First        string    `json:"first"`
	Last         string    `json:"last"`
	PhotoURL     string    `json:"photo_url,omitempty"`
	PhotoType    string    `json:"photo_type,omitempty"`
	JobTitle     string    `json:"job_title,omitempty"`
	Background   string    `json:"background,omitempty"`
	Location     string    `json:"location,omitempty"`
	Organization string    `json:"organization,omitempty"`
	Gender       string    `json:"gender,omitempty"`
	Age          string    `json:"age,omitempty"`
	Emails       []Contact `json:"emails,omitempty"`
	Phones       []Contact `json:"phones,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"` // zero: never
}

// updated is when the customer changed last.
func (c Customer) updated() time.Time {
	if c.UpdatedAt.IsZero() {
		return c.CreatedAt
	}
	return c.UpdatedAt
}

// Email returns the customer's first e-mail address, or "".
func (c Customer) Email() string {
	if len(c.Emails) == 0 {
		return ""
	}
	return c.Emails[0].Value
}

func (c Customer) person() Person {
	return Person{ID: c.ID, Type: "customer", First: c.First, Last: c.Last, Email: c.Email()}
}

func (u User) person() Person {
	return Person{ID: u.ID, Type: "user", First: u.First, Last: u.Last, Email: u.Email}
}

// Conversation is a conversation with all its threads.
type Conversation struct {
	ID         int64     `json:"id"`
	Number     int64     `json:"number"`
	Type       string    `json:"type"`   // email, chat, phone
	Status     string    `json:"status"` // active, pending, closed, spam
	State      string    `json:"state"`  // published, draft, deleted
	Subject    string    `json:"subject"`
	MailboxID  int64     `json:"mailbox_id"`
	CustomerID int64     `json:"customer_id"`
	AssigneeID int64     `json:"assignee_id,omitempty"`
	CreatedBy  Person    `json:"created_by"`
	SourceType string    `json:"source_type"`
	Via        string    `json:"via"` // user, customer
	Tags       []string  `json:"tags,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	ClosedBy   int64     `json:"closed_by,omitempty"`
	// MergedInto is the conversation that took this one's threads; 0 if none did.
	MergedInto int64 `json:"merged_into,omitempty"`
	// LockStatus is what attempts to add a thread are answered with, 412 or 423; 0 if the conversation is open.
	LockStatus int `json:"lock_status,omitempty"`
	// Customer is filled in for readers of a copy; the state holds only CustomerID.
	Customer *Customer `json:"customer,omitempty"`
	Threads  []Thread  `json:"threads"` // oldest first
}

// statuses are what a conversation's status can be.
var statuses = []string{"active", "pending", "closed", "spam"}

// gone reports whether the conversation can no longer be written to.
func (c Conversation) gone() bool { return c.MergedInto != 0 || c.State == "deleted" }

// Thread is one entry of a conversation: a message, a note, a line about what happened.
type Thread struct {
	ID          int64        `json:"id"`
	Type        string       `json:"type"`   // customer, message, reply, note, phone, chat, lineitem
	Status      string       `json:"status"` // of the conversation, after it
	State       string       `json:"state"`  // published, draft, hidden
	Action      string       `json:"action,omitempty"`
	Body        string       `json:"body,omitempty"` // HTML, as it was given
	SourceType  string       `json:"source_type"`
	Via         string       `json:"via"`
	CustomerID  int64        `json:"customer_id,omitempty"`
	CreatedBy   Person       `json:"created_by"`
	AssigneeID  int64        `json:"assignee_id,omitempty"`
	To          []string     `json:"to,omitempty"`
	CC          []string     `json:"cc,omitempty"`
	BCC         []string     `json:"bcc,omitempty"`
	CreatedAt   time.Time    `json:"created_at"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Attachment is a file of a thread. Data is shared with the simulator and must not be modified.
type Attachment struct {
	ID       int64  `json:"id"`
	FileName string `json:"file_name"`
	MimeType string `json:"mime_type"`
	Data     []byte `json:"data"`
}

// Webhook is a subscription to events.
type Webhook struct {
	ID     int64    `json:"id"`
	URL    string   `json:"url"`
	Events []string `json:"events"` // in Config.Webhooks, empty means every event there is
	Secret string   `json:"secret"`
	// PayloadVersion is V2 (default) or V3, which calls the author of an automatic answer system_user, where V2 says
	// user. In Config.Webhooks it may also be V1, the first generation, which the API refuses since it is gone.
	PayloadVersion string  `json:"payload_version"`
	Label          string  `json:"label,omitempty"`
	MailboxIDs     []int64 `json:"mailbox_ids,omitempty"` // empty: all
	State          string  `json:"state"`                 // enabled, disabled
	Discarded      int     `json:"discarded"`             // events given up since it was enabled
}

// Reply is what an agent writes. The zero values stand for an ordinary answer from the web inbox.
type Reply struct {
	Text        string       `json:"text"`                  // HTML
	Type        string       `json:"type,omitempty"`        // message (default) or reply
	SourceType  string       `json:"source_type,omitempty"` // web (default), mobile, email, workflows, api, beacon, ...
	Via         string       `json:"via,omitempty"`         // user (default) or customer
	AuthorType  string       `json:"author_type,omitempty"` // createdBy.type: user (default), system_user, customer
	State       string       `json:"state,omitempty"`       // published (default), draft, hidden, underreview, review, bounced
	Status      string       `json:"status,omitempty"`      // of the conversation from now on; default: unchanged
	UserID      int64        `json:"user_id,omitempty"`     // default: the second of Config.Users
	Attachments []Attachment `json:"attachments,omitempty"` // their ids are given out
}

// What some fields of a reply can be.
var (
	threadStates = []string{"published", "draft", "hidden", "underreview", "review", "bounced"}
	authorTypes  = []string{"user", "system_user", "customer"}
)

func emailKey(address string) string { return strings.ToLower(strings.TrimSpace(address)) }
