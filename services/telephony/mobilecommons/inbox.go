package mobilecommons

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

const (
	// maxPages is how many pages of texts are read for one time. More is asked for in two times.
	maxPages = 10
	// maxTries is how often one page is asked for. In between it waits for a second, two, four. Who is told to wait for longer than maxWait
	// does that elsewhere: somebody waits for an answer here.
	maxTries = 4
	maxWait  = 5 * time.Second
)

// withFile is added to a text that came with a file.
const withFile = "(with a file, which Mobile Commons does not hand out)"

// TextsTo returns the texts to a campaign, as carrier.Inbox has it. A page that cannot be had is asked for again, and none is left out.
func (c *Client) TextsTo(ctx context.Context, number phone.Number, from, to time.Time) (list []carrier.ListedText, whole bool, err error) {
	campaign := hotline.Campaign(number)
	if campaign == "" {
		return nil, false, &carrier.Error{Carrier: name, Outcome: carrier.Refused, Cause: errors.New("it is no campaign")}
	}
	seen := map[string]bool{} // a text that comes meanwhile may move others to the next page
	for page, last := 1, false; !last; page++ {
		if page > maxPages {
			return nil, false, nil
		}
		var texts []Received
		err := c.patiently(ctx, func() (err error) {
			texts, last, err = c.Received(ctx, campaign, from, to, page)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, t := range texts {
			if seen[t.ID] || t.Campaign != campaign {
				continue
			}
			seen[t.ID] = true
			if t.At.IsZero() {
				t.At = to
			}
			if t.MMS {
				t.Body = joined(t.Body, withFile)
			}
			list = append(list, carrier.ListedText{ID: ledgerID(t.ID), From: string(t.From), To: string(number), Body: t.Body, At: t.At})
		}
	}
	// Times are to the second; of two in the same the one with the smaller id came first.
	slices.SortFunc(list, func(a, b carrier.ListedText) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return list, true, nil
}

// Files returns none: see FetchMedia.
func (c *Client) Files(context.Context, string) ([]carrier.File, error) { return nil, nil }

// OptedOutOf returns who opted out of a campaign from one time to another, as carrier.OptOuts has it.
func (c *Client) OptedOutOf(ctx context.Context, number phone.Number, from, to time.Time) (list []carrier.OptOut, whole bool, err error) {
	campaign := hotline.Campaign(number)
	if campaign == "" {
		return nil, false, &carrier.Error{Carrier: name, Outcome: carrier.Refused, Cause: errors.New("it is no campaign")}
	}
	for page, last := 1, false; !last; page++ {
		if page > maxPages {
			return nil, false, nil
		}
		var outs []OptOut
		err := c.patiently(ctx, func() (err error) {
			outs, last, err = c.OptOuts(ctx, campaign, from, to, page)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, o := range outs {
			list = append(list, carrier.OptOut{Supporter: o.Phone, At: o.At})
		}
	}
	return list, true, nil
}

// patiently asks for a page until it is there, as long as ctx, maxTries and maxWait let it.
func (c *Client) patiently(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		e, failed := errors.AsType[*carrier.Error](err)
		if !failed || e.Outcome == carrier.Refused || try == maxTries || e.RetryAfter > maxWait {
			return err
		}
		select {
		case <-time.After(max(e.RetryAfter, time.Second<<(try-1))):
		case <-ctx.Done():
			return err
		}
	}
}

// ledgerID makes an id, which is a number here, one that no other carrier has.
func ledgerID(id string) string { return "MC" + id }

func joined(body, more string) string {
	if body == "" {
		return more
	}
	return body + "\n" + more
}
