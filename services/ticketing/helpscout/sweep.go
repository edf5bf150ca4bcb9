package helpscout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Listed is a conversation in a list, with its threads.
type Listed struct {
	Conversation
	Raw json.RawMessage // as Help Scout has sent it, which is as in a webhook
}

// Modified returns a page, from 1, of the conversations of a mailbox that were last changed from one time to another, both included, to the
// second: the longest unchanged first. pages is how many pages there are. What was changed in the last seconds may be missing: the list lags.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/.
func (c *Client) Modified(ctx context.Context, mailboxID int64, from, to time.Time, page int) (list []Listed, pages int, err error) {
	const format = "2006-01-02T15:04:05Z"
	query := url.Values{
		"mailbox": {strconv.FormatInt(mailboxID, 10)}, "status": {"all"}, "sortField": {"modifiedAt"}, "sortOrder": {"asc"},
		"embed": {"threads"}, "page": {strconv.Itoa(page)},
		"query": {fmt.Sprintf("(modifiedAt:[%s TO %s])", from.UTC().Format(format), to.UTC().Format(format))},
	}
	var answer struct {
		Embedded struct {
			Conversations []json.RawMessage `json:"conversations"`
		} `json:"_embedded"`
		Page struct {
			TotalPages int `json:"totalPages"`
		} `json:"page"`
	}
	if _, err := c.do(ctx, http.MethodGet, "/v2/conversations?"+query.Encode(), nil, &answer); err != nil {
		return nil, 0, err
	}
	for _, raw := range answer.Embedded.Conversations {
		v := Listed{Raw: raw}
		if err := json.Unmarshal(raw, &v.Conversation); err != nil {
			return nil, 0, fmt.Errorf("reading a conversation in a list: %w", err)
		}
		list = append(list, v)
	}
	return list, answer.Page.TotalPages, nil
}
