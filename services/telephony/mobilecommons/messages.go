package mobilecommons

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Send sends a text in a campaign and returns the id of it. The documentation's answer has only a success, the original's author has seen one
// with the message's fields; without them the id is looked for, and is empty if it cannot be had. Files cannot be sent. The error is always a *carrier.Error.
func (c *Client) Send(ctx context.Context, m carrier.NewMessage) (id string, err error) {
	campaign := hotline.Campaign(m.From)
	if campaign == "" || len(m.Media) > 0 {
		return "", &carrier.Error{Carrier: name, Outcome: carrier.Refused, Cause: errors.New("only words can be sent, and only from a campaign")}
	}
	began := time.Now()
	answer, err := c.post(ctx, "send_message", url.Values{"campaign_id": {campaign}, "phone_number": {string(m.To)}, "body": {m.Body}})
	if err != nil {
		return "", err
	}
	if id := answer.get("message", "id"); id != "" {
		return ledgerID(id), nil
	}
	// It was sent; that its id cannot be had is no failure, and nothing to wait for.
	wait := idTimeout
	if end, has := ctx.Deadline(); has {
		wait = min(wait, time.Until(end)/2) // the rest is for noting that it was sent
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	list, _ := c.Find(ctx, m.From, m.To, began.Add(-clockSkew)) //nolint:errcheck // see above
	for _, sent := range list {
		if sent.Body == m.Body {
			return sent.ID, nil
		}
	}
	return "", nil
}

// idTimeout is for looking for the id of what was sent.
const idTimeout = 2 * time.Second

// clockSkew is how much Mobile Commons' clock may be behind ours.
const clockSkew = time.Minute

const (
	// findOnPage is how many of the sent messages are on a page, the most there may be, and findPages how many pages are read at most: a
	// broadcast may be among them.
	findOnPage, findPages = 1000, 5
	// onPage is how many messages or subscriptions are on a page otherwise, as in the original.
	onPage = 100
)

// Find returns the messages of a campaign to a number that were sent at or after since, newest first. There is no list of what one
// person was sent, so it reads what everybody was. The error is a *carrier.Error: what is too much to be read is Unclear.
func (c *Client) Find(ctx context.Context, from, to phone.Number, since time.Time) (found []carrier.Message, err error) {
	campaign := hotline.Campaign(from)
	if campaign == "" {
		return nil, &carrier.Error{Carrier: name, Outcome: carrier.Refused, Cause: errors.New("the sender is no campaign")}
	}
	seen := map[string]bool{} // a message that comes meanwhile moves others to the next page
	for page := 1; page <= findPages; page++ {
		list, err := c.list(ctx, "sent_messages", "messages", window(campaign, "start_time", since, "", time.Time{}, findOnPage, page))
		if err != nil {
			return nil, err
		}
		items := list.items("message")
		for _, m := range items {
			at, err := moment(m.get("sent_at"))
			id := m.get("id")
			if err != nil || id == "" {
				return nil, unreadable()
			}
			early := !at.IsZero() && at.Before(since.Truncate(time.Second)) // without a time it still waits to be sent
			if early || seen[id] || number(m.get("phone_number")) != to {
				continue
			}
			seen[id] = true
			found = append(found, carrier.Message{ID: ledgerID(id), Body: m.get("body"), Outbound: true, CreatedAt: at})
		}
		if isLast(list, len(items), findOnPage, page) {
			slices.SortStableFunc(found, func(a, b carrier.Message) int { return b.CreatedAt.Compare(a.CreatedAt) })
			return found, nil
		}
	}
	return nil, &carrier.Error{Carrier: name, Cause: errors.New("too many messages were sent to look through")}
}

// Received is a text that somebody sent to a campaign.
type Received struct {
	ID       string
	From     phone.Number
	Body     string
	At       time.Time // to the second; zero if the answer does not say, or not in a way that we know
	Campaign string
	MMS      bool // there was more to it than words, which the API does not hand out
}

// Received returns a page of the texts to a campaign, or to all of them if it is empty, that came from one time to another, to the
// second. Pages begin at 1; last says that no other follows, which only a page that is not full can be. One without an id or a number is passed
// over: see Unread. The error is a *carrier.Error, after which the same page can be asked for again.
func (c *Client) Received(ctx context.Context, campaign string, from, to time.Time, page int) (texts []Received, last bool, err error) {
	list, err := c.list(ctx, "messages", "messages", window(campaign, "start_time", from, "end_time", to, onPage, page))
	if err != nil {
		return nil, false, err
	}
	items := list.items("message")
	for _, m := range items {
		at, err := moment(m.get("received_at"))
		if err != nil {
			c.unread.Add(1) // of its time: the text is there
		}
		text := Received{
			ID: m.get("id"), From: number(m.get("phone_number")), Body: m.get("body"), At: at,
			Campaign: cmp.Or(m.campaign(), campaign), MMS: m.get("mms") == "true",
		}
		if text.ID == "" || text.From == "" {
			c.unread.Add(1)
			continue
		}
		texts = append(texts, text)
	}
	return texts, isLast(list, len(items), onPage, page), nil
}

// window is the query for a page of a list. The lists name the ends of the time differently.
func window(campaign, begins string, from time.Time, ends string, to time.Time, limit, page int) url.Values {
	q := url.Values{begins: {from.UTC().Format(stamp)}, "limit": {strconv.Itoa(limit)}, "page": {strconv.Itoa(page)}}
	if ends != "" {
		q.Set(ends, to.UTC().Format(stamp))
	}
	if campaign != "" {
		q.Set("campaign_id", campaign)
	}
	return q
}

// isLast reports whether no page follows one with n items. A short page is the last, as in the original, unless the answer itself
// counts more pages: the API may have a lower limit than the one asked for.
func isLast(list element, n, limit, page int) bool {
	if pages, err := strconv.Atoi(list.get("page_count")); err == nil && n > 0 && page < pages {
		return false
	}
	return n < limit
}
