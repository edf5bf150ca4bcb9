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
	Type      string `json:"type"`    // email, chat, phone
	Threads   int    `json:"threads"` // published ones only
	Status    string `json:"status"`  // active, pending, closed, spam
	State     string `json:"state"`   // published, draft, deleted
	Subject   string `json:"subject"`
	MailboxID int64  `json:"mailboxId"`
	Assignee  *struct {
		ID int64 `json:"id"`
	} `json:"assignee"`
	Tags []struct {
		Tag string `json:"tag"`
	} `json:"tags"`
	PrimaryCustomer struct {
		ID    int64  `json:"id"`
		Email string `json:"email"`
	} `json:"primaryCustomer"`
	CreatedAt time.Time `json:"createdAt"`
	Embedded  struct {
		Threads []Thread `json:"threads"` // in webhooks
	} `json:"_embedded"`
	Links struct {
		Web struct {
			Href string `json:"href"`
		} `json:"web"`
	} `json:"_links"`
}

// Thread is one entry of a conversation.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/list/.
type Thread struct {
	ID     int64  `json:"id"`
	Type   string `json:"type"`  // customer, message or reply, note, lineitem, phone, forwardparent, ...
	State  string `json:"state"` // published, draft, hidden, underreview, ...
	Body   string `json:"body"`
	Source struct {
		Type string `json:"type"` // web, mobile, email, api, workflows, ...
		Via  string `json:"via"`  // user, customer
	} `json:"source"`
	CreatedBy struct {
		Type string `json:"type"` // user, customer, system_user
	} `json:"createdBy"`
	Customer struct {
		ID    int64  `json:"id"`
		Email string `json:"email"`
	} `json:"customer"` // whom it was written to, or who wrote it
	CreatedAt time.Time `json:"createdAt"`
	Embedded  struct {
		Attachments []Attachment `json:"attachments"`
	} `json:"_embedded"`
}

// Attachment is a file of a thread.
type Attachment struct {
	ID       int64  `json:"id"`
	FileName string `json:"filename"`
	MIMEType string `json:"mimeType"`
	Size     int64  `json:"size"` // bytes
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
	Imported  bool        `json:"imported,omitempty"` // history, which nobody is told of
}

// NewThread is a thread to add. Text is HTML.
type NewThread struct {
	Type     string    `json:"type,omitempty"`   // within a new conversation only
	Status   string    `json:"status,omitempty"` // what the conversation becomes; notes only
	Customer *Customer `json:"customer,omitempty"`
	Text     string    `json:"text"`
	// Imported is history: nobody is told of it, and it does not re-open a conversation. Only such a thread may have a time of its own, as in
	// 2006-01-02T15:04:05Z.
	Imported  bool   `json:"imported,omitempty"`
	CreatedAt string `json:"createdAt,omitempty"`
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

// ConversationsOf returns all conversations of a customer that the app's user may see, whatever mailbox they are in, as they were a moment ago:
// the search lags.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/.
func (c *Client) ConversationsOf(ctx context.Context, customerID int64) ([]Conversation, error) {
	query := url.Values{"status": {"all"}, "query": {fmt.Sprintf("(customerIds:%d)", customerID)}}
	return all[Conversation](ctx, c, "/v2/conversations?"+query.Encode(), "conversations")
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
func (c *Client) AddCustomerThread(ctx context.Context, conversationID int64, t NewThread) (id int64, err error) {
	t.Type = ""
	return c.addThread(ctx, conversationID, "customer", t)
}

// AddNote adds a private note. With reopen the conversation becomes active.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/note/.
func (c *Client) AddNote(ctx context.Context, conversationID int64, text string, reopen bool) (id int64, err error) {
	t := NewThread{Text: text}
	if reopen {
		t.Status = "active"
	}
	return c.addThread(ctx, conversationID, "notes", t)
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

// ThreadsSince returns the threads of a conversation from a time on, newest first, and perhaps some before it.
func (c *Client) ThreadsSince(ctx context.Context, conversationID int64, since time.Time) (all []Thread, err error) {
	for page, pages := 1, 1; page <= pages; page++ {
		var answer struct {
			Embedded struct {
				Threads []Thread `json:"threads"`
			} `json:"_embedded"`
			Page struct {
				TotalPages int `json:"totalPages"`
			} `json:"page"`
		}
		if _, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/conversations/%d/threads?page=%d", conversationID, page), nil, &answer); err != nil {
			return nil, err
		}
		list := answer.Embedded.Threads
		all, pages = append(all, list...), answer.Page.TotalPages
		if len(list) > 0 && list[len(list)-1].CreatedAt.Before(since) {
			break
		}
	}
	return all, nil
}

// SetTags replaces the tags of a conversation.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/tags/update/.
func (c *Client) SetTags(ctx context.Context, conversationID int64, tags []string) error {
	_, err := c.do(ctx, http.MethodPut, fmt.Sprintf("/v2/conversations/%d/tags", conversationID), map[string][]string{"tags": append([]string{}, tags...)}, nil)
	return err
}

// User is who works in Help Scout.
type User struct {
	ID        int64  `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// UserOf returns a user who has access to a mailbox; false if they have not.
// See https://developer.helpscout.com/mailbox-api/endpoints/users/list/.
func (c *Client) UserOf(ctx context.Context, mailboxID, userID int64) (u User, found bool, err error) {
	for page := 1; page <= 40; page++ {
		var list struct {
			Embedded struct {
				Users []User `json:"users"`
			} `json:"_embedded"`
			Page struct {
				TotalPages int `json:"totalPages"`
			} `json:"page"`
		}
		if _, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/users?mailbox=%d&page=%d", mailboxID, page), nil, &list); err != nil {
			return u, false, err
		}
		if i := slices.IndexFunc(list.Embedded.Users, func(u User) bool { return u.ID == userID }); i >= 0 {
			return list.Embedded.Users[i], true, nil
		}
		if page >= list.Page.TotalPages {
			break
		}
	}
	return u, false, nil
}

// AttachmentData returns the bytes of an attachment.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/get-data/.
func (c *Client) AttachmentData(ctx context.Context, conversationID, attachmentID int64) (data []byte, err error) {
	var answer struct {
		Data []byte `json:"data"`
	}
	_, err = c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/conversations/%d/attachments/%d/data", conversationID, attachmentID), nil, &answer)
	return answer.Data, err
}

// Attach attaches a file to a thread.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/create/.
func (c *Client) Attach(ctx context.Context, conversationID, threadID int64, fileName, mimeType string, data []byte) error {
	_, err := c.do(ctx, http.MethodPost, fmt.Sprintf("/v2/conversations/%d/threads/%d/attachments", conversationID, threadID), map[string]string{
		"fileName": fileName, "mimeType": mimeType, "data": base64.StdEncoding.EncodeToString(data),
	}, nil)
	return err
}
