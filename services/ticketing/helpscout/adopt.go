package helpscout

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Created returns a page, from 1, of the conversations of a mailbox that were created from one time to another, both included, to the second:
// the newest first. total is how many there are in that time, and pages on how many pages. A zero from is the beginning. What was created in
// the last seconds may be missing: the list lags.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/.
func (c *Client) Created(ctx context.Context, mailboxID int64, from, till time.Time, page int) (list []Conversation, total int64, pages int, err error) {
	const format = "2006-01-02T15:04:05Z"
	since := "*"
	if !from.IsZero() {
		since = from.UTC().Format(format)
	}
	query := url.Values{
		"mailbox": {strconv.FormatInt(mailboxID, 10)}, "status": {"all"}, "sortField": {"createdAt"}, "sortOrder": {"desc"},
		"page": {strconv.Itoa(page)}, "query": {fmt.Sprintf("(createdAt:[%s TO %s])", since, till.UTC().Format(format))},
	}
	var answer struct {
		Embedded struct {
			Conversations []Conversation `json:"conversations"`
		} `json:"_embedded"`
		Page struct {
			TotalElements int64 `json:"totalElements"`
			TotalPages    int   `json:"totalPages"`
		} `json:"page"`
	}
	_, err = c.do(ctx, http.MethodGet, "/v2/conversations?"+query.Encode(), nil, &answer)
	return answer.Embedded.Conversations, answer.Page.TotalElements, answer.Page.TotalPages, err
}
