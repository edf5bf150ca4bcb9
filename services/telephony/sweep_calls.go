package telephony

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// callsIn writes down the calls to a number that have ended and of which nobody told us. From there they go the way of all calls: who
// was not reached and has left no voicemail has a missed call in the ticket.
func (s *Service) callsIn(ctx context.Context, number phone.Number, from, to time.Time) (whole bool, err error) {
	list, whole, err := s.twilio.CallsTo(ctx, number, from, to)
	if err != nil || !whole {
		return whole, err
	}
	list = slices.DeleteFunc(list, func(c twilio.ListedCall) bool { return c.Direction != "inbound" })
	var sids []string
	for _, c := range list {
		sids = append(sids, c.SID)
	}
	known, err := s.store.CallsListed(ctx, sids)
	if err != nil {
		return false, err
	}
	list = slices.DeleteFunc(list, func(c twilio.ListedCall) bool { return known[c.SID] || !c.Over() })
	if len(list) == 0 {
		return true, nil
	}
	if ours, err := s.answersCalls(ctx, number); err != nil || !ours {
		return err == nil, err
	}
	for _, c := range list {
		if err := s.recordFoundCall(ctx, c); err != nil {
			return false, err
		}
	}
	return true, nil
}

// answersCalls reports whether Twilio asks us what to do with calls to a number. Where another system answers them, such as a Studio flow of
// its own, they are none of ours.
func (s *Service) answersCalls(ctx context.Context, number phone.Number) (bool, error) {
	numbers, err := s.twilio.Numbers(ctx)
	if err != nil {
		return false, fmt.Errorf("asking who answers the calls to a number: %w", err)
	}
	i := slices.IndexFunc(numbers, func(n twilio.Number) bool { return n.Number == number })
	if i < 0 {
		return false, nil
	}
	set := numbers[i].Settings
	return set["VoiceApplicationSid"] == "" && set["TrunkSid"] == "" && strings.HasPrefix(set["VoiceUrl"], s.PublicURL+"/"), nil
}

func (s *Service) recordFoundCall(ctx context.Context, c twilio.ListedCall) error {
	call := s.call(c.From, c.To)
	seconds, talked, err := s.twilio.Talked(ctx, c.SID)
	if err != nil {
		return fmt.Errorf("asking whether a call was taken: %w", err)
	}
	// Who picked up and did not press a key, such as an answering machine, was on the phone no longer than this.
	talked = talked && time.Duration(seconds)*time.Second > call.Hotline.Calls.Answering()
	if c.EndedAt.IsZero() {
		c.EndedAt = c.BeganAt.Add(time.Duration(c.Seconds) * time.Second)
	}
	row := s.callRow(c.SID, call)
	row.At, row.Seconds, row.Answered = c.EndedAt, int(c.EndedAt.Sub(c.BeganAt)/time.Second), c.Status == "completed"
	fresh, err := s.store.CallFound(ctx, row, talked, s.Now())
	if err != nil || !fresh {
		return err
	}
	s.Log.WarnContext(ctx, "call found that nobody told us about", "call_sid", c.SID)
	s.books.Recovered(ctx, operatorv1.Kind_KIND_CALL, 1)
	return nil
}
