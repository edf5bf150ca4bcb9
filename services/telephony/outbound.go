package telephony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sms"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// textLimit is the longest text in characters. The carrier may get it in several messages.
const textLimit = 16_000

// SendText accepts a text for the outgoing ledger.
func (s *Service) SendText(ctx context.Context, r *telephonyv1.SendTextRequest) (*telephonyv1.SendTextResponse, error) {
	from, to := phone.Parse(r.GetHotline()), phone.Parse(r.GetTo())
	h, known := s.Hotlines.ByNumber(from.Number)
	body := strings.TrimSpace(sms.Fold(clean(r.GetBody())))
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	check.That(known, "hotline", "is not a configured hotline")
	check.That(to.Kind == phone.Full, "to", "is not a number that can be texted")
	check.That(body != "" || len(r.GetFileKey()) > 0, "body", "must not be empty without files")
	check.That(len([]rune(body)) <= textLimit, "body", fmt.Sprintf("must have at most %d characters", textLimit))
	check.That(len(r.GetFileKey()) <= maxMedia, "file_key", "must be 10 at most")
	if err := check.Err(); err != nil {
		return nil, err
	}
	t := &sqlstore.TextOutRow{
		Key: r.GetKey(), Lane: lane(from.Number, string(to.Number)), Hotline: from.Number, Supporter: to.Number, Kind: sqlstore.Other,
		ConversationID: r.GetConversationId(), Body: body, Remark: clean(r.GetRemark()), Trace: telemetry.Carry(ctx), CreatedAt: s.Now(),
	}
	if r.GetAgentReply() {
		t.Kind, t.PatientUntil = sqlstore.FromAgent, t.CreatedAt.Add(s.Patience)
	}
	if r.GetPrivate() {
		t.Kind = sqlstore.Private
	}
	files, err := s.store.FilesByKey(ctx, r.GetFileKey())
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the text's files could not be read; put them again")
	}
	queued, err := s.store.QueueText(ctx, t, s.messages(h, to, body, files)...)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the text could not be stored; send it again")
	}
	_, messages, _, err := s.store.FindTextOut(ctx, queued.Key)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the text could not be read; send it again")
	}
	return &telephonyv1.SendTextResponse{Text: proto(queued, messages)}, nil
}

func checkKey(check *errs.Check, name, key string) {
	check.That(key != "" && len(key) <= 200 && clean(key) == key, name, "must have 1 to 200 characters, none of them NUL")
}

// messages are what the carrier gets of a text: as many as it takes, the pictures with the first one, and links to what
// cannot go as a picture at the end.
func (s *Service) messages(h hotline.Hotline, to phone.Identity, body string, files []sqlstore.FileOutRow) (all []sqlstore.Message) {
	pictures, links := s.divide(h, to, files)
	for _, f := range links {
		body = strings.TrimSpace(body + "\n" + f.Name + ": " + s.address(f))
	}
	parts := sms.Split(body, h.Transport.Can().Longest)
	if len(parts) == 0 {
		parts = []string{""} // pictures only
	}
	for _, part := range parts {
		segments, _ := sms.Segments(part)
		all = append(all, sqlstore.Message{Body: part, Segments: max(1, segments)})
	}
	for _, f := range pictures {
		all[0].Media = append(all[0].Media, s.address(f))
	}
	return all
}

// GetText tells what became of an outgoing text.
func (s *Service) GetText(ctx context.Context, r *telephonyv1.GetTextRequest) (*telephonyv1.GetTextResponse, error) {
	t, messages, found, err := s.store.FindTextOut(ctx, r.GetKey())
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errs.New(errs.NotFound, "no text has this key")
	}
	return &telephonyv1.GetTextResponse{Text: proto(t, messages)}, nil
}

func proto(t sqlstore.TextOutRow, messages []sqlstore.MessageOutRow) *telephonyv1.Text {
	p := &telephonyv1.Text{
		Key:      t.Key,
		State:    telephonyv1.TextState(telephonyv1.TextState_value["TEXT_STATE_"+strings.ToUpper(string(t.State))]),
		Messages: int32(len(messages)),
	}
	for i, m := range messages {
		p.Segments += int32(m.Segments)
		if i == 0 {
			p.MessageSid = m.MessageSID
		}
		if p.ErrorCode == 0 && p.Refused == "" {
			p.ErrorCode, p.Refused = int32(m.ErrorCode), m.Refused
		}
	}
	return p
}

// send does the next thing for a lane's outgoing texts: hand a message to the carrier, or ask the carrier about an
// unclear one.
func (s *Service) send(ctx context.Context, lane string) (more bool, err error) {
	m, err := s.store.NextMessageOut(ctx, lane)
	if err != nil || m == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, m.Trace, "send text")
	defer func() { end(s.noted(ctx, m.TextKey, "not sent yet", err)) }()
	if m.State == sqlstore.Sending {
		return true, s.look(ctx, m)
	}
	return true, s.attempt(ctx, m)
}

// attempt hands a message to the carrier, unless its supporter does not want it. The intent is committed first, so that
// a crash leaves an unclear send and never a forgotten one.
func (s *Service) attempt(ctx context.Context, m *sqlstore.MessageOutRow) error {
	reason, err := s.store.Refusal(ctx, m, s.Now())
	if err != nil {
		return err
	}
	if reason != "" {
		s.metrics.sent(ctx, "kept back")
		return s.store.MessageRefused(ctx, m, reason, s.Now())
	}
	id := uuid.NewString()
	m.Carrier = s.transport(m.Hotline)
	mine, wait, err := s.store.BeginAttempt(ctx, m, id, s.Now(), s.takes(m))
	if wait > 0 {
		return errs.New(errs.Unavailable, "the number sends at its own pace").After(wait)
	}
	if err != nil || !mine {
		return err
	}
	calling, cancel := asking(ctx)
	sid, err := s.carrierNamed(m.Carrier).Send(calling, carrier.NewMessage{
		From: m.Hotline, To: m.Supporter, Body: m.Body, Media: m.Media, StatusURL: s.PublicURL + "/bling/" + string(m.Carrier) + "_status/" + id,
	})
	cancel()
	ctx, cancel = noting(ctx)
	defer cancel()
	if err == nil {
		s.metrics.sent(ctx, "accepted")
		return s.accepted(ctx, id, m.Carrier, sid)
	}
	failure, _ := errors.AsType[*carrier.Error](err)
	switch failure.Outcome {
	case carrier.Refused:
		s.metrics.sent(ctx, "refused")
		s.Log.WarnContext(ctx, "carrier refused a text", "key", m.Key, "code", failure.Code)
		return s.store.AttemptRefused(ctx, m.Key, id, failure.Code, s.Now())
	case carrier.NotDone:
		if err := s.store.AttemptAbsent(ctx, m.Key, id, true, s.Now()); err != nil {
			return err
		}
		kind, wait := errs.Unavailable, 5*time.Second
		if failure.Status == 429 {
			wait = max(time.Second, failure.RetryAfter)
			if s.carriesAll(m.Carrier) { // else the texts of the others would wait with those of this one
				kind = errs.RateLimited
			}
		}
		return errs.Wrap(kind, err, "carrier does not take texts now").After(wait)
	default:
		s.metrics.sent(ctx, "unclear")
		return errs.Wrap(errs.Unavailable, err, "unclear whether a text was sent").After(s.Settle)
	}
}

// carriesAll reports whether all hotlines are at a carrier.
func (s *Service) carriesAll(by hotline.Transport) bool {
	return !slices.ContainsFunc(s.Hotlines, func(h hotline.Hotline) bool { return h.Transport != by })
}

// accepted notes that a carrier has a message. One that tells nothing more has passed it on, as far as anybody can know.
func (s *Service) accepted(ctx context.Context, attempt string, by hotline.Transport, id string) error {
	state := sqlstore.Accepted
	if !by.Can().Status {
		state = sqlstore.Sent
	}
	_, err := s.store.Advance(ctx, attempt, id, state, 0, s.Now())
	return err
}

// refresh asks the carrier that has it how a message stands whose callbacks may have been lost.
func (s *Service) refresh(ctx context.Context, m sqlstore.MessageOutRow) error {
	if m.State != sqlstore.Accepted && m.State != sqlstore.Sent {
		return nil
	}
	teller, ok := s.carrierNamed(m.Carrier).(carrier.Teller)
	if !ok {
		return nil
	}
	state, code, err := teller.Status(ctx, m.MessageSID)
	if err != nil {
		return err
	}
	return s.store.AdvanceMessage(ctx, m.Key, m.MessageSID, sqlstore.OutState(state), code, s.Now())
}

// takes is how long a message occupies its number, at the pace that the hotline is configured for.
func (s *Service) takes(m *sqlstore.MessageOutRow) time.Duration {
	h, _ := s.Hotlines.ByNumber(m.Hotline)
	if h.SegmentsPerSecond <= 0 {
		return 0
	}
	return time.Duration(float64(m.Segments) / h.SegmentsPerSecond * float64(time.Second))
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
	status := strings.ToLower(strings.TrimPrefix(r.GetMessageStatus().String(), "MESSAGE_STATUS_"))
	if err := s.advance(ctx, r.GetAttempt(), r.GetMessageSid(), twilio.StateOf(status), int(r.GetErrorCode())); err != nil {
		return nil, err
	}
	return &telephonyv1.ReceiveTextStatusResponse{}, nil
}

// advance notes what the carrier says of an attempt.
func (s *Service) advance(ctx context.Context, attempt, id string, state carrier.State, code int) error {
	known, err := s.store.Advance(ctx, attempt, id, sqlstore.OutState(state), code, s.Now())
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "the status could not be stored")
	}
	if !known {
		s.Log.WarnContext(ctx, "status of a text that is not ours", "message_sid", id)
	}
	return nil
}
