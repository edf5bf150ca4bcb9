package telephony

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// noReply is the TwiML document that does nothing: whatever we answer goes out through the ledger, not from here.
const noReply = "<Response></Response>"

// maxMedia is how many files Twilio puts into one message.
const maxMedia = 10

// ReceiveText records an incoming text and answers. The work on it begins after the answer.
func (s *Service) ReceiveText(ctx context.Context, r *telephonyv1.ReceiveTextRequest) (*telephonyv1.ReceiveTextResponse, error) {
	if err := s.receive(ctx, hotline.Twilio, r, time.Time{}); err != nil {
		return nil, err
	}
	return &telephonyv1.ReceiveTextResponse{Twiml: noReply}, nil
}

// receive records a text that a carrier tells us of: see textIn.
func (s *Service) receive(ctx context.Context, by hotline.Transport, r *telephonyv1.ReceiveTextRequest, at time.Time) error {
	var check errs.Check
	check.That(r.GetMessageSid() != "", "MessageSid", "must not be empty")
	check.That(r.GetFrom() != "", "From", "must not be empty")
	check.That(r.GetTo() != "", "To", "must not be empty")
	check.That(len(r.GetMessageSid()) <= 64 && len(r.GetFrom()) <= 256 && len(r.GetTo()) <= 256, "MessageSid, From or To", "is too long")
	check.That(r.GetNumMedia() >= 0 && r.GetNumMedia() <= maxMedia, "NumMedia", "must be between 0 and 10")
	if err := check.Err(); err != nil {
		return err
	}
	result, err := s.incomes.Do(ctx, s.textIn(ctx, by, r, at))
	if err = errors.Join(err, result.err); err != nil {
		return errs.Wrap(errs.Unavailable, err, "the text could not be stored; send it again")
	}
	s.metrics.accepted(ctx, result.fresh)
	return nil
}

// recorded is what came of recording one text.
type recorded struct {
	fresh bool
	err   error
}

// record writes texts in one commit. If that fails each gets a commit of its own, so that one that no database can
// hold takes no other with it.
func (s *Service) record(ctx context.Context, texts []sqlstore.TextInRow) ([]recorded, error) {
	results := make([]recorded, len(texts))
	fresh, err := s.store.RecordTexts(ctx, texts)
	if err != nil && len(texts) == 1 {
		results[0].err = err
		return results, nil
	}
	// At once: one whose lane is locked waits alone.
	var alone sync.WaitGroup
	for i := range texts {
		if err == nil {
			results[i].fresh = fresh[i]
			continue
		}
		alone.Go(func() {
			one, _ := s.record(ctx, texts[i:i+1]) // its error is in the result
			results[i] = one[0]
		})
	}
	alone.Wait()
	return results, nil
}

// textIn is a text that a carrier has brought; at is when it was said by the carrier's clock, zero if it does not say.
func (s *Service) textIn(ctx context.Context, by hotline.Transport, r *telephonyv1.ReceiveTextRequest, at time.Time) sqlstore.TextInRow {
	// A carrier's number is E.164 where it can be; Parse brings the same person to one lane in any spelling.
	from, to := phone.Parse(clean(r.GetFrom())), phone.Parse(clean(r.GetTo()))
	t := sqlstore.TextInRow{
		MessageSID: clean(r.GetMessageSid()),
		Hotline:    to.Number,
		Supporter:  string(from.Number),
		Body:       clean(r.GetBody()),
		Trace:      telemetry.Carry(ctx),
		ReceivedAt: s.Now(),
		Carrier:    by,
	}
	if !at.IsZero() && !at.After(t.ReceivedAt) {
		t.ReceivedAt, t.Dated = at, true
	}
	if from.Kind == phone.Full || from.Kind == phone.ShortCode {
		t.Wish = wish(r.GetBody(), r.GetOptOutType())
	}
	t.Lane = lane(t.Hotline, t.Supporter)
	for i := range int(r.GetNumMedia()) {
		t.Media = append(t.Media, sqlstore.Media{URL: clean(nth(r.GetMediaUrl(), i)), ContentType: clean(nth(r.GetMediaContentType(), i))})
	}
	return t
}

func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// clean keeps a text as it was written, without what no database or page can hold.
func clean(body string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(body, "\uFFFD"), "\x00", "")
}

// deliver puts the oldest undelivered text of a lane into the ticket.
func (s *Service) deliver(ctx context.Context, lane string) (more bool, err error) {
	t, err := s.store.NextText(ctx, lane)
	if err != nil || t == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, t.Trace, "deliver text")
	defer func() { end(s.noted(ctx, t.MessageSID, "not in the ticket yet", err)) }()

	h, ok := s.Hotlines.ByNumber(t.Hotline)
	if !ok {
		s.Log.WarnContext(ctx, "text for a number that is no hotline", "message_sid", t.MessageSID, "hotline", t.Hotline)
		s.metrics.ended(ctx, sqlstore.Unrouted)
		return true, s.store.TextEnded(ctx, t, sqlstore.Unrouted, "no hotline has this number", s.Now())
	}
	block, err := s.store.Blocked(ctx, t.Supporter, t.Hotline, s.Now())
	if err != nil {
		return false, err
	}
	if block != nil {
		s.metrics.ended(ctx, "blocked")
		return true, s.store.TextEnded(ctx, t, sqlstore.Refused, "blocked: "+block.Reason, s.Now())
	}
	who := party(h.MailboxID, t.Supporter, t.Event())
	who.Hotline = string(t.Hotline)
	res, err := s.Ticketing.RecordInboundText(ctx, &ticketingv1.RecordInboundTextRequest{
		Key:              t.MessageSID,
		Party:            who,
		Body:             t.Body,
		MediaContentType: contentTypes(t.Media),
		ReceivedAt:       timestamppb.New(t.ReceivedAt),
		FoundLate:        !t.FoundAt.IsZero(),
		Loaded:           t.Loaded,
	})
	if err != nil {
		return s.undelivered(ctx, t, err)
	}
	if res.GetRefused() != "" {
		s.metrics.ended(ctx, sqlstore.Refused)
		return true, s.store.TextEnded(ctx, t, sqlstore.Refused, res.GetRefused(), s.Now())
	}
	if t.Opt != "" {
		if _, err := s.Ticketing.FileNote(ctx, optNote(who, t)); err != nil {
			return s.undelivered(ctx, t, err)
		}
	}
	t.FirstContact = res.GetFirstContact()
	answer, err := s.answer(ctx, h, t)
	if err != nil {
		return false, err
	}
	var messages []sqlstore.Message
	if answer != nil {
		messages = s.messages(h, phone.Parse(t.Supporter), answer.Body, nil)
	}
	if err := s.store.TextDone(ctx, t, res.GetConversationId(), s.Now(), answer, messages...); err != nil {
		return false, err
	}
	if t.Loaded { // its age is no delay
		s.metrics.ended(ctx, "delivered")
	} else {
		s.metrics.delivered(ctx, s.Now().Sub(t.ReceivedAt))
	}
	return true, nil
}

func contentTypes(media []sqlstore.Media) (types []string) {
	for _, m := range media {
		types = append(types, m.ContentType)
	}
	return types
}

// maxAttempts is how often a text may fail for a reason of ours before it is put aside: some ten minutes.
const maxAttempts = 15

// undelivered decides what becomes of a text that ticketing did not take. What waiting cures is tried for ever. What
// Help Scout will never take is put aside, so that the lane moves on, and somebody is called; so is what fails again
// and again for a reason of ours, such as a replica that does not have the newest configuration yet.
func (s *Service) undelivered(ctx context.Context, t *sqlstore.TextInRow, err error) (more bool, _ error) {
	kind := errs.KindOf(err)
	if errs.RetryAfter(err) > 0 {
		return false, err
	}
	switch {
	case kind == errs.Unavailable:
		age := s.Now().Sub(t.ReceivedAt)
		return false, errs.Wrap(kind, err, "delivering text").After(max(500*time.Millisecond, min(time.Minute, age/4)))
	case kind == errs.Precondition, t.Attempts+1 >= maxAttempts:
		s.Log.ErrorContext(ctx, "text is dead: it cannot be delivered", "message_sid", t.MessageSID, "attempts", t.Attempts+1, "err", err)
		s.metrics.ended(ctx, sqlstore.Dead)
		return true, s.store.TextEnded(ctx, t, sqlstore.Dead, reason(err), s.Now())
	}
	if err := s.store.TextFailed(context.WithoutCancel(ctx), t); err != nil {
		return false, err
	}
	return false, errs.Wrap(kind, err, "delivering text").After(backoff(t.Attempts))
}

// backoff grows from half a second to a minute.
func backoff(attempts int) time.Duration {
	return min(time.Minute, 500*time.Millisecond<<min(attempts, 7))
}

// OptedOutTag is on conversations of supporters who want no texts, NoCallsTag on those of supporters who want no calls.
const (
	OptedOutTag = "opted-out"
	NoCallsTag  = "no-calls"
)

// optNote tells the ticket that the supporter wants no more texts or calls, or wants them again.
func optNote(who *ticketingv1.Party, t *sqlstore.TextInRow) *ticketingv1.FileNoteRequest {
	n := &ticketingv1.FileNoteRequest{Key: "opt:" + t.MessageSID, Party: who}
	switch t.Opt {
	case sqlstore.OptOut:
		n.Text, n.AddTag = "The supporter has opted out of texts. Replies from here are not sent to them until they write START.", []string{OptedOutTag}
	case sqlstore.NoCalls:
		n.Text, n.AddTag = "The supporter does not want to be called. They are not called back until they write CALLS OK.", []string{NoCallsTag}
	case sqlstore.CallsAgain:
		n.Text, n.RemoveTag = "The supporter may be called again.", []string{NoCallsTag}
	default:
		n.Text, n.RemoveTag = "The supporter wants texts again. Replies from here reach them.", []string{OptedOutTag}
	}
	return n
}
