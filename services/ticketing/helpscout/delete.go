package helpscout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Contact is a customer, with all by which they are known.
type Contact struct {
	ID        int64  `json:"id"`
	FirstName string `json:"firstName"`
	Embedded  struct {
		Emails []ContactEntry `json:"emails"`
		Phones []ContactEntry `json:"phones"`
	} `json:"_embedded"`
}

// ContactEntry is an address or a phone of a customer.
type ContactEntry struct {
	ID    int64  `json:"id"`
	Value string `json:"value"`
}

// Emails returns the customer's addresses.
func (c Contact) Emails() []string { return values(c.Embedded.Emails) }

// Phones returns the customer's phones, as somebody has typed them in.
func (c Contact) Phones() []string { return values(c.Embedded.Phones) }

func values(list []ContactEntry) (all []string) {
	for _, v := range list {
		all = append(all, v.Value)
	}
	return all
}

// Contact returns a customer.
// See https://developer.helpscout.com/mailbox-api/endpoints/customers/get/.
func (c *Client) Contact(ctx context.Context, id int64) (found Contact, err error) {
	_, err = c.do(ctx, http.MethodGet, fmt.Sprintf("/v2/customers/%d", id), nil, &found)
	return found, err
}

// FindContact returns the customer with an address; false if there is none.
// See https://developer.helpscout.com/mailbox-api/endpoints/customers/list/.
func (c *Client) FindContact(ctx context.Context, email string) (found Contact, ok bool, err error) {
	if strings.ContainsAny(email, `"\()`) {
		return found, false, errors.New("this address cannot be searched for")
	}
	var page struct {
		Embedded struct {
			Customers []Contact `json:"customers"`
		} `json:"_embedded"`
	}
	query := url.Values{"query": {`(email:"` + email + `")`}}
	if _, err := c.do(ctx, http.MethodGet, "/v2/customers?"+query.Encode(), nil, &page); err != nil {
		return found, false, err
	}
	// The search finds addresses that merely contain what was asked for.
	for _, customer := range page.Embedded.Customers {
		if slices.ContainsFunc(customer.Emails(), func(e string) bool { return strings.EqualFold(e, email) }) {
			return customer, true, nil
		}
	}
	return found, false, nil
}

// DeleteContact deletes a customer for good, and with them all conversations that they have ever taken part in, also those in which
// others have written. later says that it takes its time, as it does with more than 100 conversations. One that is not there is deleted.
// See https://developer.helpscout.com/mailbox-api/endpoints/customers/delete/ and .../delete-async/.
func (c *Client) DeleteContact(ctx context.Context, id int64) (later bool, err error) {
	path := fmt.Sprintf("/v2/customers/%d", id)
	_, err = c.do(ctx, http.MethodDelete, path, nil, nil)
	if StatusOf(err) == http.StatusForbidden { // too many conversations, or no access to one
		later = true
		_, err = c.do(ctx, http.MethodDelete, path+"?async=true", nil, nil)
	}
	return later && err == nil, unlessGone(err)
}

// Patch is a change of one field: https://developer.helpscout.com/mailbox-api/endpoints/customers/update/.
type Patch struct {
	Op    string `json:"op"` // replace, remove
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// ChangeContact changes a customer, all or nothing.
func (c *Client) ChangeContact(ctx context.Context, id int64, patches []Patch) error {
	_, err := c.do(ctx, http.MethodPatch, fmt.Sprintf("/v2/customers/%d", id), patches, nil)
	return unlessGone(err)
}

// DeleteConversation deletes a conversation. One that is not there is deleted.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/delete/.
func (c *Client) DeleteConversation(ctx context.Context, id int64) error {
	_, err := c.do(ctx, http.MethodDelete, fmt.Sprintf("/v2/conversations/%d", id), nil, nil)
	return unlessGone(err)
}

// SetSubject changes the subject of a conversation.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/update/.
func (c *Client) SetSubject(ctx context.Context, conversationID int64, subject string) error {
	_, err := c.do(ctx, http.MethodPatch, fmt.Sprintf("/v2/conversations/%d", conversationID), Patch{"replace", "/subject", subject}, nil)
	return err
}

// AllThreads returns all threads of a conversation, newest first.
func (c *Client) AllThreads(ctx context.Context, conversationID int64) ([]Thread, error) {
	return all[Thread](ctx, c, fmt.Sprintf("/v2/conversations/%d/threads", conversationID), "threads")
}

// SetThreadText changes what a thread says. Only administrators may do so, unless all may edit threads.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/threads/update/.
func (c *Client) SetThreadText(ctx context.Context, conversationID, threadID int64, text string) error {
	_, err := c.do(ctx, http.MethodPatch, fmt.Sprintf("/v2/conversations/%d/threads/%d", conversationID, threadID), Patch{"replace", "/text", text}, nil)
	return unlessGone(err)
}

// DeleteAttachment deletes a file of a thread.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/attachments/delete/.
func (c *Client) DeleteAttachment(ctx context.Context, conversationID, attachmentID int64) error {
	_, err := c.do(ctx, http.MethodDelete, fmt.Sprintf("/v2/conversations/%d/attachments/%d", conversationID, attachmentID), nil, nil)
	return unlessGone(err)
}

func unlessGone(err error) error {
	if StatusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}
