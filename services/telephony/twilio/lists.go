package twilio

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// What Twilio's lists have of a number and a time. They are newest first, in pages, and are returned oldest first. The filters by time
// are documented for whole days and work to the second (https://github.com/twilio/twilio-oai/issues/21); what is outside of the
// time is left out in either case.
const (
	// onPage is how many are on a page: the answer with the longest texts is read as a whole.
	onPage = 250
	// maxPages is how many pages are read of a list at most.
	maxPages = 20
)

// TextsTo returns the messages that came in to a number.
// See https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources.
func (c *Client) TextsTo(ctx context.Context, number phone.Number, from, to time.Time) (list []carrier.ListedText, whole bool, err error) {
	return c.texts(ctx, "inbound", (&api.ListMessageParams{}).SetTo(string(number)), from, to)
}

// TextsFrom does the same for those that we have sent from a number. One that is still queued is not there yet.
func (c *Client) TextsFrom(ctx context.Context, number phone.Number, from, to time.Time) (list []carrier.ListedText, whole bool, err error) {
	return c.texts(ctx, "outbound-api", (&api.ListMessageParams{}).SetFrom(string(number)), from, to)
}

func (c *Client) texts(ctx context.Context, direction string, params *api.ListMessageParams, from, to time.Time) (list []carrier.ListedText, whole bool, err error) {
	params.SetDateSentAfter(from.UTC().Truncate(time.Second)).SetDateSentBefore(to.UTC()).SetPageSize(onPage)
	whole, err = c.pages(ctx, func(service *api.ApiService, token, number string) (next *string, err error) {
		page, err := service.PageMessage(params, token, number)
		if err != nil {
			return nil, err
		}
		past := len(page.Messages) > 0
		for _, m := range page.Messages {
			at, ok := moment(m.DateSent)
			if !ok {
				at, ok = moment(m.DateCreated)
			}
			past = past && ok && at.Before(from.Truncate(time.Second))
			if !ok || !within(at, from, to) || word(m.Sid) == "" || word(m.Direction) != direction || word(m.Status) == "receiving" {
				continue
			}
			t := carrier.ListedText{ID: *m.Sid, From: word(m.From), To: word(m.To), Body: word(m.Body), State: StateOf(word(m.Status)), At: at}
			t.Files, _ = strconv.Atoi(word(m.NumMedia)) // 0 if there is none
			if m.ErrorCode != nil {
				t.Code = *m.ErrorCode
			}
			list = append(list, t)
		}
		if past {
			return nil, nil
		}
		return page.NextPageUri, nil
	})
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b carrier.ListedText) int { return a.At.Compare(b.At) })
	return list, whole, err
}

// Files returns the files of a message, with the addresses that its webhook has for them.
// See https://www.twilio.com/docs/messaging/api/media-resource#read-multiple-media-resources.
func (c *Client) Files(ctx context.Context, messageSID string) (files []carrier.File, err error) {
	call, service := c.call(ctx)
	defer call.cancel()
	list, err := service.ListMedia(messageSID, (&api.ListMediaParams{}).SetPageSize(20).SetLimit(20))
	if err != nil {
		return nil, call.failed(err)
	}
	for _, m := range list {
		address := c.base.JoinPath("2010-04-01", "Accounts", c.sid, "Messages", messageSID, "Media", word(m.Sid))
		files = append(files, carrier.File{URL: address.String(), ContentType: word(m.ContentType)})
	}
	return files, nil
}

// ListedCall is a call in Twilio's list.
type ListedCall struct {
	Call
	SID              string
	Direction        string
	BeganAt, EndedAt time.Time // to the second; EndedAt is zero while it goes on
}

// CallsTo returns the calls to a number that began from one time to another. whole is false if they are too many.
// See https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources.
func (c *Client) CallsTo(ctx context.Context, number phone.Number, from, to time.Time) (list []ListedCall, whole bool, err error) {
	params := (&api.ListCallParams{}).SetTo(string(number)).SetPageSize(onPage)
	params.SetStartTimeAfter(from.UTC().Truncate(time.Second)).SetStartTimeBefore(to.UTC())
	whole, err = c.pages(ctx, func(service *api.ApiService, token, number string) (next *string, err error) {
		page, err := service.PageCall(params, token, number)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Calls {
			at, ok := moment(v.StartTime)
			if !ok || !within(at, from, to) || word(v.Sid) == "" {
				continue
			}
			listed := ListedCall{SID: *v.Sid, Direction: word(v.Direction), BeganAt: at, Call: Call{From: word(v.From), To: word(v.To), Status: word(v.Status)}}
			listed.EndedAt, _ = moment(v.EndTime)
			listed.Seconds, _ = strconv.Atoi(word(v.Duration)) // 0 while it goes on
			list = append(list, listed)
		}
		return page.NextPageUri, nil
	})
	slices.Reverse(list)
	return list, whole, err
}

// pages reads a list, each page in the time of a call. next is where the following one is; nil or empty: nowhere.
func (c *Client) pages(ctx context.Context, read func(service *api.ApiService, token, number string) (next *string, err error)) (whole bool, err error) {
	token, number := "", ""
	for range maxPages {
		call, service := c.call(ctx)
		next, err := read(service, token, number)
		call.cancel()
		if err != nil {
			return false, call.failed(err)
		}
		if word(next) == "" {
			return true, nil
		}
		u, err := url.Parse(*next)
		if err != nil {
			return false, call.failed(err)
		}
		token, number = u.Query().Get("PageToken"), u.Query().Get("Page")
	}
	return false, nil
}

// moment reads a time; false if there is none.
func moment(s *string) (at time.Time, ok bool) {
	at, err := time.Parse(time.RFC1123Z, word(s))
	return at, err == nil
}

// within reports whether a time, which is to the second, is from one time to another.
func within(at, from, to time.Time) bool {
	return !at.Before(from.Truncate(time.Second)) && !at.After(to)
}
