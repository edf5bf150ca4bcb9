package telephony

import (
	"context"
	"slices"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
)

// ReceiveTelnyxEvent takes what Telnyx tells: a text came in, or what became of one of ours. From there both go the way of Twilio's.
func (s *Service) ReceiveTelnyxEvent(ctx context.Context, r *telephonyv1.ReceiveTelnyxEventRequest) (*telephonyv1.ReceiveTelnyxEventResponse, error) {
	e, err := telnyx.Read(r.GetBody())
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "this is no event of Telnyx's")
	}
	switch {
	case e.Type == telnyx.Received:
		err = s.receive(ctx, hotline.Telnyx, s.telnyxText(e), e.ReceivedAt)
	case e.Type == telnyx.Sent || e.Type == telnyx.Finalized:
		if r.GetAttempt() != "" { // else it is another system's
			err = s.advance(ctx, r.GetAttempt(), e.MessageID, e.State, e.Code)
		}
	}
	return &telephonyv1.ReceiveTelnyxEventResponse{}, err
}

// telnyxText is a text as Twilio would have brought it. One to a group is to the first of its numbers that is a hotline's.
func (s *Service) telnyxText(e telnyx.Event) *telephonyv1.ReceiveTextRequest {
	to := e.To[0]
	for _, number := range slices.Concat(e.To, e.CC) {
		if _, ours := s.Hotlines.ByNumber(phone.Parse(number).Number); ours {
			to = number
			break
		}
	}
	text := &telephonyv1.ReceiveTextRequest{MessageSid: e.MessageID, From: e.From, To: to, Body: e.Text, OptOutType: e.Keyword}
	if text.Body == "" {
		text.Body = e.Subject
	}
	for _, f := range e.Media[:min(len(e.Media), maxMedia)] {
		text.MediaUrl, text.MediaContentType = append(text.MediaUrl, f.URL), append(text.MediaContentType, f.ContentType)
	}
	text.NumMedia = int32(len(text.MediaUrl))
	return text
}
