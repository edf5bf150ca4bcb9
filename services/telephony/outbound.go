package telephony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// SendText accepts a text for the outgoing ledger.
func (s *Service) SendText(ctx context.Context, r *telephonyv1.SendTextRequest) (*telephonyv1.SendTextResponse, error) {
	hotline, to := phone.Parse(r.GetHotline()), phone.Parse(r.GetTo())
	_, known := s.Hotlines.ByNumber(hotline.Number)
	var check errs.Check
	check.That(r.GetKey() != "" && len(r.GetKey()) <= 200 && clean(r.GetKey()) == r.GetKey(), "key", "must have 1 to 200 characters, none of them NUL")
	check.That(known, "hotline", "is not a configured hotline")
	check.That(to.Kind == phone.Full, "to", "is not a number that can be texted")
	n := utf8.RuneCountInString(strings.TrimSpace(r.GetBody()))
	check.That(n > 0 && utf8.RuneCountInString(r.GetBody()) <= 1600, "body", "must have 1 to 1600 characters")
	if err := check.Err(); err != nil {
		return nil, err
	}
	t, err := s.store.QueueText(ctx, &sqlstore.TextOutRow{
		Key: r.GetKey(), Lane: lane(hotline.Number, string(to.Number)), Hotline: hotline.Number, Supporter: to.Number,
		Body: clean(r.GetBody()), Trace: telemetry.Carry(ctx), CreatedAt: s.Now(),
	})
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the text could not be stored; send it again")
	}
	return &telephonyv1.SendTextResponse{Text: proto(t)}, nil
}

// GetText tells what became of an outgoing text.
func (s *Service) GetText(ctx context.Context, r *telephonyv1.GetTextRequest) (*telephonyv1.GetTextResponse, error) {
	t, found, err := s.store.FindTextOut(ctx, r.GetKey())
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errs.New(errs.NotFound, "no text has this key")
	}
	return &telephonyv1.GetTextResponse{Text: proto(t)}, nil
}

func proto(t sqlstore.TextOutRow) *telephonyv1.Text {
	return &telephonyv1.Text{
		Key:        t.Key,
		State:      telephonyv1.TextState(telephonyv1.TextState_value["TEXT_STATE_"+strings.ToUpper(string(t.State))]),
		MessageSid: t.MessageSID,
		ErrorCode:  int32(t.ErrorCode),
	}
}

// send does the next thing for a lane's outgoing texts: hand one to the carrier, ask the carrier about an unclear
// one, or tell the ticket how one ended.
func (s *Service) send(ctx context.Context, lane string) (more bool, err error) {
	t, err := s.store.NextTextOut(ctx, lane)
	if err != nil || t == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, t.Trace, "send text")
	defer func() { end(err) }()
	switch t.State {
	case sqlstore.Queued:
		return true, s.attempt(ctx, t)
	case sqlstore.Sending:
		return true, s.look(ctx, t)
	default:
		return true, s.tell(ctx, t)
	}
}

// attempt hands a text to the carrier. The intent is committed first, so that a crash leaves an unclear send and
// never a forgotten one.
func (s *Service) attempt(ctx context.Context, t *sqlstore.TextOutRow) error {
	id := uuid.NewString()
	mine, err := s.store.BeginAttempt(ctx, t.Key, id, s.Now())
	if err != nil || !mine {
		return err
	}
	sid, err := s.twilio.Send(ctx, t.Hotline, t.Supporter, t.Body, s.PublicURL+"/bling/twilio_status/"+id)
	if err == nil {
		s.metrics.sent(ctx, "accepted")
		return s.store.AttemptAccepted(ctx, id, sid)
	}
	failure, _ := errors.AsType[*twilio.Error](err)
	switch failure.Outcome {
	case twilio.Refused:
		s.metrics.sent(ctx, "refused")
		s.Log.WarnContext(ctx, "carrier refused a text", "key", t.Key, "code", failure.Code)
		return s.store.AttemptRefused(ctx, t.Key, id, failure.Code)
	case twilio.NotDone:
		if err := s.store.AttemptAbsent(ctx, t.Key, id, true); err != nil {
			return err
		}
		kind, wait := errs.Unavailable, 5*time.Second
		if failure.Status == 429 {
			kind, wait = errs.RateLimited, max(time.Second, failure.RetryAfter)
		}
		return errs.Wrap(kind, err, "carrier does not take texts now").After(wait)
	default:
		s.metrics.sent(ctx, "unclear")
		return errs.Wrap(errs.Unavailable, err, "unclear whether a text was sent").After(s.Settle)
	}
}

const (
	// looks is how often the carrier must say that it does not have a message before we believe it.
	looks = 3
	// attempts is how often a text is handed to the carrier at most, not counting those that surely did not get there.
	attempts = 4
	// askFor is how long the carrier is asked about an unclear text if it does not answer.
	askFor = time.Hour
)

// look finds out what became of an attempt whose answer was lost. The status callback may have told us by now
// (then the text is not in this state any more); else the carrier's list of messages is searched. A text is sent again
// only when the carrier has said repeatedly that it does not have it.
func (s *Service) look(ctx context.Context, t *sqlstore.TextOutRow) error {
	a, total, err := s.store.OpenAttempt(ctx, t.Key)
	if err != nil {
		return err
	}
	next := a.StartedAt.Add(s.Settle * time.Duration(a.Looks+1))
	if wait := next.Sub(s.Now()); wait > 0 {
		return errs.New(errs.Unavailable, "waiting for word on an unclear text").After(wait)
	}
	if a.AskedAt.IsZero() {
		a.AskedAt = s.Now()
		if err := s.store.Asking(ctx, a.ID, a.AskedAt); err != nil {
			return err
		}
	}
	found, err := s.find(ctx, t, a)
	switch {
	case err != nil && s.Now().Sub(a.AskedAt) > askFor:
		s.metrics.sent(ctx, "unknown")
		s.Log.ErrorContext(ctx, "nobody can tell whether a text was sent", "key", t.Key, "err", err)
		return s.store.AttemptUnknown(ctx, t.Key, a.ID)
	case err != nil:
		return errs.Wrap(errs.Unavailable, err, "asking about an unclear text").After(2 * s.Settle)
	case found != "":
		s.metrics.sent(ctx, "resolved")
		return s.store.AttemptAccepted(ctx, a.ID, found)
	case a.Looks+1 < looks:
		return s.store.Looked(ctx, a.ID)
	default:
		s.metrics.sent(ctx, "absent")
		return s.store.AttemptAbsent(ctx, t.Key, a.ID, total < attempts)
	}
}

// find looks for the message of an attempt in the carrier's list.
func (s *Service) find(ctx context.Context, t *sqlstore.TextOutRow, a sqlstore.Attempt) (sid string, err error) {
	const clockSkew = time.Minute
	list, err := s.twilio.Find(ctx, t.Hotline, t.Supporter, a.StartedAt.Add(-clockSkew))
	if err != nil {
		return "", err
	}
	for _, m := range list {
		if !m.Outbound || strings.TrimSpace(m.Body) != strings.TrimSpace(t.Body) {
			continue
		}
		claimed, err := s.store.Claimed(ctx, m.SID)
		if err != nil {
			return "", err
		}
		if !claimed {
			return m.SID, nil
		}
	}
	return "", nil
}

// tell puts into the ticket that a text did not arrive, or that nobody knows.
func (s *Service) tell(ctx context.Context, t *sqlstore.TextOutRow) error {
	h, ok := s.Hotlines.ByNumber(t.Hotline)
	if !ok {
		return s.store.Told(ctx, t.Key)
	}
	why := "it was not delivered"
	switch {
	case t.State == sqlstore.Unknown:
		why = "the carrier did not answer, and nobody can tell whether it left. It is not sent again"
	case t.ErrorCode != 0:
		why = fmt.Sprintf("the carrier's error is %d (https://www.twilio.com/docs/api/errors/%d)", t.ErrorCode, t.ErrorCode)
	}
	_, err := s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
		Key:   "text:" + t.Key,
		Party: party(h.MailboxID, string(t.Supporter), ""),
		Text:  "This text may not have reached the supporter: " + why + ".\n\n" + t.Body,
	})
	switch errs.KindOf(err) {
	case "":
	case errs.NotFound, errs.Invalid, errs.Precondition:
		s.Log.WarnContext(ctx, "no ticket to tell about a failed text", "key", t.Key, "err", err)
	default:
		return err
	}
	return s.store.Told(ctx, t.Key)
}

// outState says what Twilio's states mean to the ledger.
var outState = map[telephonyv1.MessageStatus]sqlstore.OutState{
	telephonyv1.MessageStatus_MESSAGE_STATUS_ACCEPTED:    sqlstore.Accepted,
	telephonyv1.MessageStatus_MESSAGE_STATUS_SCHEDULED:   sqlstore.Accepted,
	telephonyv1.MessageStatus_MESSAGE_STATUS_QUEUED:      sqlstore.Accepted,
	telephonyv1.MessageStatus_MESSAGE_STATUS_SENDING:     sqlstore.Accepted,
	telephonyv1.MessageStatus_MESSAGE_STATUS_UNSPECIFIED: sqlstore.Accepted,
	telephonyv1.MessageStatus_MESSAGE_STATUS_SENT:        sqlstore.Sent,
	telephonyv1.MessageStatus_MESSAGE_STATUS_DELIVERED:   sqlstore.Delivered,
	telephonyv1.MessageStatus_MESSAGE_STATUS_READ:        sqlstore.Delivered,
	telephonyv1.MessageStatus_MESSAGE_STATUS_FAILED:      sqlstore.Failed,
	telephonyv1.MessageStatus_MESSAGE_STATUS_UNDELIVERED: sqlstore.Failed,
	telephonyv1.MessageStatus_MESSAGE_STATUS_CANCELED:    sqlstore.Failed,
}

// ReceiveTextStatus takes what the carrier says of a text we sent. It may come before the answer of the send
// itself; that it comes at all proves that the text is there.
func (s *Service) ReceiveTextStatus(ctx context.Context, r *telephonyv1.ReceiveTextStatusRequest) (*telephonyv1.ReceiveTextStatusResponse, error) {
	var check errs.Check
	check.That(r.GetAttempt() != "", "attempt", "must not be empty")
	check.That(r.GetMessageSid() != "", "MessageSid", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	known, err := s.store.Advance(ctx, r.GetAttempt(), r.GetMessageSid(), outState[r.GetMessageStatus()], int(r.GetErrorCode()))
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the status could not be stored")
	}
	if !known {
		s.Log.WarnContext(ctx, "status of a text that is not ours", "message_sid", r.GetMessageSid())
	}
	return &telephonyv1.ReceiveTextStatusResponse{}, nil
}
