package helpscout

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Customer says whose a conversation is. Help Scout makes the customer when the address is new to it, and ignores
// the rest when it is not, so a name that an agent has set stays.
type Customer struct {
	Email     string `json:"email"`
	Phone     string `json:"phone,omitempty"`
	FirstName string `json:"firstName,omitempty"`
}

// Conversation is a conversation as Help Scout has it.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/get/.
type Conversation struct {
	ID        int64  `json:"id"`
	Number    int64  `json:"number"`
	Threads   int    `json:"threads"` // published ones only
	Status    string `json:"status"`  // active, pending, closed, spam
	State     string `json:"state"`   // published, draft, deleted
	MailboxID int64  `json:"mailboxId"`
	Assignee  *struct {
		ID int64 `json:"id"`
	} `json:"assignee"`
	Tags []struct {
		Tag string `json:"tag"`
	} `json:"tags"`
	PrimaryCustomer struct {
		Email string `json:"email"`
	} `json:"primaryCustomer"`
	CreatedAt time.Time `json:"createdAt"`
	Links     struct {
		Web struct {
			Href string `json:"href"`
		} `json:"web"`
	} `json:"_links"`
}

// Thread is one entry of a conversation.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/.
type Thread struct {
	ID        int64     `json:"id"`
	Type      string    `json:"type"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"createdAt"`
	Embedded  struct {
		Attachments []struct {
			FileName string `json:"filename"`
		} `json:"attachments"`
	} `json:"_embedded"`
}

// FileNames returns the names of the thread's attachments.
func (t Thread) FileNames() (names []string) {
	for _, a := range t.Embedded.Attachments {
		names = append(names, a.FileName)
	}
	return names
}

// NewConversation is a conversation to create. All conversations of a hotline have type phone.
type NewConversation struct {
	Subject   string      `json:"subject"`
	Type      string      `json:"type"`
	MailboxID int64       `json:"mailboxId"`
	Status    string      `json:"status"`
	Customer  Customer    `json:"customer"`
	Threads   []NewThread `json:"threads"`
	Tags      []string    `json:"tags,omitempty"`
	AssignTo  int64       `json:"assignTo,omitempty"`
	AutoReply bool        `json:"autoReply"`
}

// NewThread is a thread to add. Text is HTML.
type NewThread struct {
	Type     string    `json:"type,omitempty"` // within a new conversation only
	Customer *Customer `json:"customer,omitempty"`
	Text     string    `json:"text"`
}

// Search returns the newest conversations of a contact address in a mailbox, at most 25. What was created or changed
// in the last seconds may be missing: the search lags.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/.
func (c *Client) Search(ctx context.Context, mailboxID int64, email string) ([]Conversation, error) {
	if strings.ContainsAny(email, `"\()`) {
		return nil, fmt.Errorf("%q cannot be searched for", email)
	}
	query := url.Values{
		"mailbox": {strconv.FormatInt(mailboxID, 10)}, "status": {"all"},
		"sortField": {"createdAt"}, "sortOrder": {"desc"}, "query": {`(email:"` + email + `")`},
	}
	var page struct {
		Embedded struct {
			Conversations []Conversation `json:"conversations"`
		} `json:"_embedded"`
	}
	if _, err := c.do(ctx, http.MethodGet, "/v2/conversations?"+query.Encode(), nil, &page); err != nil {
		return nil, err
	}
	// The search finds addresses that merely contain what was asked for.
	return slices.DeleteFunc(page.Embedded.Conversations, func(v Conversation) bool {
		return v.PrimaryCustomer.Email != "" && !strings.EqualFold(v.PrimaryCustomer.Email, email)
	}), nil
}

// Conversation returns a conversation. One that was merged away is an *Error with status 301 and a Location.
func (c *Client) Conversation(ctx context.Context, id int64) (Conversation, error) {
	var v Conversation
	_, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/conversations/%d", id), nil, &v)
	return v, err
}

// Create creates a conversation and returns its id.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/create/.
func (c *Client) Create(ctx context.Context, v NewConversation) (id int64, err error) {
	r, err := c.do(ctx, http.MethodPost, "/v2/conversations", v, nil)
	if err != nil {
		return 0, err
	}
	return r.id()
}

// AddCustomerThread adds what a supporter wrote, which re-opens the conversation, and returns the thread's id.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/customer/.
func (c *Client) AddCustomerThread(ctx context.Context, conversationID int64, customer Customer, text string) (id int64, err error) {
	return c.addThread(ctx, conversationID, "customer", NewThread{Customer: &customer, Text: text})
}

// AddNote adds a private note.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/note/.
func (c *Client) AddNote(ctx context.Context, conversationID int64, text string) (id int64, err error) {
	return c.addThread(ctx, conversationID, "notes", NewThread{Text: text})
}

func (c *Client) addThread(ctx context.Context, conversationID int64, kind string, t NewThread) (int64, error) {
	r, err := c.do(ctx, http.MethodPost, fmt.Sprintf("/v2/conversations/%d/%s", conversationID, kind), t, nil)
	if err != nil {
		return 0, err
	}
	return r.id()
}

// ThreadsPage is how many threads Threads returns at most.
const ThreadsPage = 25

// Threads returns the newest threads of a conversation, newest first, at most ThreadsPage.
func (c *Client) Threads(ctx context.Context, conversationID int64) ([]Thread, error) {
	var page struct {
		Embedded struct {
			Threads []Thread `json:"threads"`
		} `json:"_embedded"`
	}
	_, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/conversations/%d/threads", conversationID), nil, &page)
	return page.Embedded.Threads, err
}

// Attach attaches a file to a thread.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/create/.
func (c *Client) Attach(ctx context.Context, conversationID, threadID int64, fileName, mimeType string, data []byte) error {
	_, err := c.do(ctx, http.MethodPost, fmt.Sprintf("/v2/conversations/%d/threads/%d/attachments", conversationID, threadID), map[string]string{
		"fileName": fileName, "mimeType": mimeType, "data": base64.StdEncoding.EncodeToString(data),
	}, nil)
	return err
}
