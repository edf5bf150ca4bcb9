package twilio

import (
	"context"
	"net/http"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// What is deleted here is deleted for good; what is not there is deleted. Twilio refuses to delete what has not ended, and what has ended
// just now: see carrier.TooEarly. Its backups have a message for 30 days more (https://help.twilio.com/articles/223181008), and a recording's
// length and time are kept for 40 days (https://www.twilio.com/docs/voice/api/recording#delete-a-recording-resource).

// tooEarly is https://www.twilio.com/docs/api/errors/20009: usually for a minute, in rare cases for 14 days.
const tooEarly = 20009

// try does one call. That the resource is not there is no error.
func (c *Client) try(ctx context.Context, do func(*api.ApiService) error) error {
	call, service := c.call(ctx)
	defer call.cancel()
	if err := do(service); err != nil && call.status != http.StatusNotFound {
		return call.failed(err)
	}
	return nil
}

// DeleteMessage deletes a message with its files.
// See https://www.twilio.com/docs/messaging/api/message-resource#delete-a-message-resource.
func (c *Client) DeleteMessage(ctx context.Context, sid string) error {
	return c.try(ctx, func(s *api.ApiService) error { return s.DeleteMessage(sid, &api.DeleteMessageParams{}) })
}

// Redact deletes the words of a message.
// See https://www.twilio.com/docs/messaging/api/message-resource#update-a-message-resource.
func (c *Client) Redact(ctx context.Context, sid string) error {
	return c.try(ctx, func(s *api.ApiService) error {
		_, err := s.UpdateMessage(sid, (&api.UpdateMessageParams{}).SetBody(""))
		return err
	})
}

// DeleteFiles deletes the files of a message.
// See https://www.twilio.com/docs/messaging/api/media-resource#delete-a-media-resource.
func (c *Client) DeleteFiles(ctx context.Context, messageSID string) error {
	return c.deleteAll(ctx, func(s *api.ApiService) (sids []*string, err error) {
		list, err := s.ListMedia(messageSID, (&api.ListMediaParams{}).SetPageSize(20).SetLimit(20))
		for _, m := range list {
			sids = append(sids, m.Sid)
		}
		return sids, err
	}, func(ctx context.Context, sid string) error {
		return c.try(ctx, func(s *api.ApiService) error { return s.DeleteMedia(messageSID, sid, &api.DeleteMediaParams{}) })
	})
}

// DeleteTranscriptions deletes the words of a recording. They are found by way of it, so it is deleted after them.
// See https://www.twilio.com/docs/voice/api/recording-transcription#delete-a-transcription-resource.
func (c *Client) DeleteTranscriptions(ctx context.Context, recordingSID string) error {
	return c.deleteAll(ctx, func(s *api.ApiService) (sids []*string, err error) {
		list, err := s.ListRecordingTranscription(recordingSID, (&api.ListRecordingTranscriptionParams{}).SetPageSize(20).SetLimit(20))
		for _, t := range list {
			sids = append(sids, t.Sid)
		}
		return sids, err
	}, func(ctx context.Context, sid string) error {
		return c.try(ctx, func(s *api.ApiService) error {
			return s.DeleteTranscription(sid, &api.DeleteTranscriptionParams{})
		})
	})
}

// DeleteRecording deletes a recording with its words.
// See https://www.twilio.com/docs/voice/api/recording#delete-a-recording-resource.
func (c *Client) DeleteRecording(ctx context.Context, sid string) error {
	if err := c.DeleteTranscriptions(ctx, sid); err != nil {
		return err
	}
	return c.try(ctx, func(s *api.ApiService) error { return s.DeleteRecording(sid, &api.DeleteRecordingParams{}) })
}

// DeleteCall deletes a call with its recordings, and the calls that its document made.
// See https://www.twilio.com/docs/voice/api/call-resource#delete-a-call-resource.
func (c *Client) DeleteCall(ctx context.Context, sid string) error {
	err := c.deleteAll(ctx, func(s *api.ApiService) (sids []*string, err error) {
		list, err := s.ListRecording((&api.ListRecordingParams{}).SetCallSid(sid).SetPageSize(20).SetLimit(20))
		for _, r := range list {
			sids = append(sids, r.Sid)
		}
		return sids, err
	}, c.DeleteRecording)
	if err != nil {
		return err
	}
	deleteCall := func(ctx context.Context, sid string) error {
		return c.try(ctx, func(s *api.ApiService) error { return s.DeleteCall(sid, &api.DeleteCallParams{}) })
	}
	// Each ring of a phone is one.
	err = c.deleteAll(ctx, func(s *api.ApiService) (sids []*string, err error) {
		list, err := s.ListCall((&api.ListCallParams{}).SetParentCallSid(sid).SetPageSize(1000).SetLimit(1000))
		for _, v := range list {
			sids = append(sids, v.Sid)
		}
		return sids, err
	}, deleteCall)
	if err != nil {
		return err
	}
	return deleteCall(ctx, sid)
}

// deleteAll deletes what is in a list. One that is of something that is not there is empty.
func (c *Client) deleteAll(ctx context.Context, list func(*api.ApiService) ([]*string, error), del func(ctx context.Context, sid string) error) error {
	var sids []*string
	if err := c.try(ctx, func(s *api.ApiService) (err error) {
		sids, err = list(s)
		return err
	}); err != nil {
		return err
	}
	for _, sid := range sids {
		if err := del(ctx, word(sid)); err != nil {
			return err
		}
	}
	return nil
}

// MessagesOf returns all messages from and to somebody that are in the account, whosever they are. whole is false if they are too many.
// See https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources.
func (c *Client) MessagesOf(ctx context.Context, person phone.Number) (found []carrier.Found, whole bool, err error) {
	whole = true
	for _, params := range []*api.ListMessageParams{(&api.ListMessageParams{}).SetFrom(string(person)), (&api.ListMessageParams{}).SetTo(string(person))} {
		params.SetPageSize(onPage)
		all, err := c.pages(ctx, func(s *api.ApiService, token, number string) (next *string, err error) {
			page, err := s.PageMessage(params, token, number)
			if err != nil {
				return nil, err
			}
			for _, m := range page.Messages {
				at, _ := moment(m.DateCreated)
				found = append(found, carrier.Found{ID: word(m.Sid), From: word(m.From), To: word(m.To), Inbound: word(m.Direction) == "inbound", At: at})
			}
			return page.NextPageUri, nil
		})
		if err != nil {
			return nil, false, err
		}
		whole = whole && all
	}
	return found, whole, nil
}

// CallsOf does the same for calls.
// See https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources.
func (c *Client) CallsOf(ctx context.Context, person phone.Number) (found []carrier.Found, whole bool, err error) {
	whole = true
	for _, params := range []*api.ListCallParams{(&api.ListCallParams{}).SetFrom(string(person)), (&api.ListCallParams{}).SetTo(string(person))} {
		params.SetPageSize(onPage)
		all, err := c.pages(ctx, func(s *api.ApiService, token, number string) (next *string, err error) {
			page, err := s.PageCall(params, token, number)
			if err != nil {
				return nil, err
			}
			for _, v := range page.Calls {
				at, _ := moment(v.DateCreated)
				found = append(found, carrier.Found{ID: word(v.Sid), From: word(v.From), To: word(v.To), Inbound: word(v.Direction) == "inbound", At: at})
			}
			return page.NextPageUri, nil
		})
		if err != nil {
			return nil, false, err
		}
		whole = whole && all
	}
	return found, whole, nil
}
