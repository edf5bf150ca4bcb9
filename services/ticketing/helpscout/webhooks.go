package helpscout

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Webhook is what Help Scout tells us of, and where.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/get/.
type Webhook struct {
	ID             int64    `json:"id,omitempty"`
	URL            string   `json:"url"`
	Events         []string `json:"events"`
	Secret         string   `json:"secret,omitempty"` // at most 40 characters; cannot be read
	PayloadVersion string   `json:"payloadVersion"`   // V2, V3
	Label          string   `json:"label"`
	Notification   bool     `json:"notification"` // of what happened only an address is sent
	MailboxIDs     []int64  `json:"mailboxIds,omitempty"`
	State          string   `json:"state,omitempty"` // enabled, disabled; cannot be written
}

// Covers reports whether the webhook tells of a mailbox. One without mailboxes tells of all.
func (w Webhook) Covers(mailboxID int64) bool {
	return len(w.MailboxIDs) == 0 || slices.Contains(w.MailboxIDs, mailboxID)
}

// Webhooks returns the account's webhooks.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/list/.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	return all[Webhook](ctx, c, "/v2/webhooks", "webhooks")
}

// CreateWebhook makes a webhook and returns its id.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/create/.
func (c *Client) CreateWebhook(ctx context.Context, w Webhook) (id int64, err error) {
	w.ID, w.State = 0, ""
	r, err := c.do(ctx, http.MethodPost, "/v2/webhooks", w, nil)
	if err != nil {
		return 0, err
	}
	return r.id()
}

// UpdateWebhook changes a webhook to all that w says.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/update/.
func (c *Client) UpdateWebhook(ctx context.Context, w Webhook) error {
	path := webhookPath(w.ID)
	w.ID, w.State = 0, ""
	_, err := c.do(ctx, http.MethodPut, path, w, nil)
	return err
}

// DeleteWebhook deletes a webhook. One that is not there is deleted.
// See https://developer.helpscout.com/mailbox-api/endpoints/webhooks/delete/.
func (c *Client) DeleteWebhook(ctx context.Context, id int64) error {
	_, err := c.do(ctx, http.MethodDelete, webhookPath(id), nil, nil)
	return unlessGone(err)
}

func webhookPath(id int64) string { return "/v2/webhooks/" + strconv.FormatInt(id, 10) }

// all reads all pages of a list, whose path may have a query. Of an empty one _embedded may be missing.
func all[T any](ctx context.Context, c *Client, path, name string) (list []T, err error) {
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	for page, pages := 1, 1; page <= pages; page++ {
		var answer struct {
			Embedded map[string][]T `json:"_embedded"`
			Page     struct {
				TotalPages int `json:"totalPages"`
			} `json:"page"`
		}
		if _, err := c.do(ctx, http.MethodGet, fmt.Sprintf("%s%spage=%d", path, mark, page), nil, &answer); err != nil {
			return nil, err
		}
		list, pages = append(list, answer.Embedded[name]...), answer.Page.TotalPages
	}
	return list, nil
}
