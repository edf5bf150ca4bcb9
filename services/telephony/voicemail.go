package telephony

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/callflow"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// ReceiveRecording writes a voicemail down, once. From there it goes the way of a text.
func (s *Service) ReceiveRecording(ctx context.Context, r *telephonyv1.ReceiveRecordingRequest) (*telephonyv1.ReceiveRecordingResponse, error) {
	switch r.GetRecordingStatus() {
	case "absent": // nothing was said: the call was missed
		row := s.callRow(r.GetCallSid(), s.call(r.GetFrom(), r.GetTo()))
		if err := s.store.CallNotRecorded(ctx, row); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "the missing recording could not be noted; send it again")
		}
		return &telephonyv1.ReceiveRecordingResponse{}, nil
	case "failed":
		if err := s.recordLoss(ctx, s.call(r.GetFrom(), r.GetTo()), r); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "the loss could not be stored; send it again")
		}
		return &telephonyv1.ReceiveRecordingResponse{}, nil
	}
	if _, err := s.recordVoicemail(ctx, r, r.GetRecordingDuration() <= 0, time.Time{}); err != nil {
		return nil, err
	}
	return &telephonyv1.ReceiveRecordingResponse{}, nil
}

// ReceiveVoicemail does the same for a voicemail that a Studio flow took. Its audio may not be there yet.
func (s *Service) ReceiveVoicemail(ctx context.Context, r *telephonyv1.ReceiveVoicemailRequest) (*telephonyv1.ReceiveVoicemailResponse, error) {
	var check errs.Check
	check.That(r.GetRecording() != "", "recording", "must not be empty")
	if err := check.Err(); err != nil {
		return nil, err
	}
	_, err := s.recordVoicemail(ctx, &telephonyv1.ReceiveRecordingRequest{
		From: r.GetFrom(), To: r.GetTo(), CallSid: r.GetCallSid(),
		RecordingSid: recordingSID(r.GetRecording()), RecordingUrl: r.GetRecording(), RecordingDuration: r.GetLength(),
	}, false, time.Time{})
	if err != nil {
		return nil, err
	}
	return &telephonyv1.ReceiveVoicemailResponse{}, nil
}

// recordingSID is the end of a recording's address.
func recordingSID(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	return name[:len(name)-len(path.Ext(name))]
}

// recordLoss writes down that a voicemail is lost, and tells the caller.
func (s *Service) recordLoss(ctx context.Context, c callflow.Call, r *telephonyv1.ReceiveRecordingRequest) error {
	row, sid := s.callRow(r.GetCallSid(), c), clean(r.GetRecordingSid())
	if _, err := s.store.RecordTexts(ctx, []sqlstore.TextInRow{{
		Kind: sqlstore.MissedCall, MessageSID: sid, CallSID: row.CallSID, Lane: row.Lane, Hotline: row.Hotline, Supporter: row.Supporter,
		Body: "Caller left a voicemail, but the carrier has lost it.", Trace: telemetry.Carry(ctx), ReceivedAt: row.At,
	}}); err != nil {
		return err
	}
	return s.sorry(ctx, c.To, c.From, sid)
}

// recordVoicemail writes a voicemail down, and reports whether it is new. empty says that nothing is to be heard in it, found when it was recorded if nobody has told us
// but Twilio's list.
func (s *Service) recordVoicemail(ctx context.Context, r *telephonyv1.ReceiveRecordingRequest, empty bool, found time.Time) (fresh bool, err error) {
	from, to := phone.Parse(cmp.Or(clean(r.GetFrom()), "anonymous")), phone.Parse(clean(r.GetTo()))
	sid, address := clean(r.GetRecordingSid()), clean(r.GetRecordingUrl())
	var check errs.Check
	check.That(len(sid) > 2 && len(sid) <= 64, "RecordingSid", "must have 3 to 64 characters")
	check.That(address != "" && len(address) <= 2000, "RecordingUrl", "must have 1 to 2000 characters")
	check.That(len(from.Number) <= 256, "from", "must have at most 256 characters")
	check.That(to.Number != "" && len(to.Number) <= 256, "to", "must have 1 to 256 characters")
	if err := check.Err(); err != nil {
		return false, err
	}
	h, _ := s.Hotlines.ByNumber(to.Number)
	v := sqlstore.VoicemailRow{
		RecordingSID: sid, CallSID: clean(r.GetCallSid()), Lane: lane(to.Number, string(from.Number)), Hotline: to.Number, Supporter: string(from.Number),
		URL: address, RecordedAt: s.Now(),
	}
	seconds := max(0, int(r.GetRecordingDuration()))
	if h.Calls.Transcription == hotline.EngineTranscription && !empty {
		v.TranscriptState = sqlstore.TranscriptWanted
	}
	entry := sqlstore.TextInRow{
		Kind: sqlstore.VoicemailIn, MessageSID: sid, CallSID: cmp.Or(v.CallSID, sid), Lane: v.Lane, Hotline: v.Hotline, Supporter: v.Supporter,
		Body: voicemailText(seconds, address, empty), Media: []sqlstore.Media{{URL: address + ".mp3", ContentType: "audio/mpeg"}},
		Trace: telemetry.Carry(ctx), ReceivedAt: v.RecordedAt,
	}
	if !found.IsZero() {
		v.RecordedAt, entry.ReceivedAt, entry.FoundAt = found, found, s.Now()
	}
	fresh, err = s.store.RecordVoicemail(ctx, v, entry)
	if err != nil {
		return false, errs.Wrap(errs.Unavailable, err, "the voicemail could not be stored; send it again")
	}
	s.metrics.accepted(ctx, fresh)
	return fresh, nil
}

// voicemailText is how a voicemail appears in the ticket.
func voicemailText(seconds int, address string, empty bool) string {
	if empty {
		return "Caller left an empty voicemail (0 seconds): " + address
	}
	return fmt.Sprintf("Caller left a voicemail (%d seconds): %s", seconds, address)
}

// sorry tells a caller that their voicemail is lost. It is said once, and only of what really is.
func (s *Service) sorry(ctx context.Context, to, from phone.Identity, recordingSID string) error {
	h, ok := s.Hotlines.ByNumber(to.Number)
	s.metrics.ended(ctx, "lost")
	s.Log.ErrorContext(ctx, "voicemail is lost", "recording_sid", recordingSID)
	if !ok || !from.CanText() || h.Texts.VoicemailFailure == "" {
		return nil
	}
	t := &sqlstore.TextOutRow{
		Key: "lost:" + recordingSID, Kind: sqlstore.Automatic, Lane: lane(to.Number, string(from.Number)), Hotline: to.Number, Supporter: from.Number,
		Body: h.Texts.VoicemailFailure, Trace: telemetry.Carry(ctx), CreatedAt: s.Now(),
	}
	_, err := s.store.QueueText(ctx, t, s.messages(h, from, t.Body, nil)...)
	return err
}

// collectRecordings looks for voicemails of which Twilio has told nobody: while all of our servers were down, callers talked
// to Twilio's own answering machine, and callbacks got lost. It looks at those from since the last time that all went well.
func (s *Service) collectRecordings(ctx context.Context) error {
	since, err := s.collectSince(ctx)
	if err != nil {
		return err
	}
	till := s.Now().Add(-2 * s.LookEvery) // the newest are left to the callbacks
	list, err := s.twilio.Voicemails(ctx, since)
	if err != nil {
		return fmt.Errorf("looking for recordings: %w", err)
	}
	list = slices.DeleteFunc(list, func(r twilio.Recording) bool { return r.CreatedAt.Before(since) || r.CreatedAt.After(till) })
	var sids []string
	for _, r := range list {
		sids = append(sids, r.SID)
	}
	known, err := s.store.TextsListed(ctx, sids)
	if err != nil {
		return err
	}
	var failed []error
	for _, found := range list {
		if !known[found.SID] {
			failed = append(failed, s.collect(ctx, found))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err // and again from the same time on
	}
	if err := s.store.LookedFor(ctx, recordings, till); err != nil {
		return err
	}
	return s.countDays(ctx, operatorv1.Kind_KIND_VOICEMAIL, s.store.CountVoicemails, s.numbers())
}

// recordings is what collectRecordings looks for, in the store.
const recordings = "recordings"

// collectSince is from when on recordings are looked for: since we were first here, or the last time that all went well.
func (s *Service) collectSince(ctx context.Context) (time.Time, error) {
	const back = 2 * time.Hour // what had begun when it was last looked for may be finished now
	till, err := s.store.LookedTill(ctx, recordings, s.Now().Add(back))
	return till.Add(-back).Truncate(time.Second), err // Twilio's times have no less
}

// collect writes a recording down if it is a voicemail of ours that is not known yet.
func (s *Service) collect(ctx context.Context, found twilio.Recording) error {
	if s.foreign[found.CallSID] {
		return nil
	}
	c, err := s.twilio.Call(ctx, found.CallSID)
	if carrier.NotFound(err) {
		s.Log.ErrorContext(ctx, "a voicemail's call is not known to Twilio", "recording_sid", found.SID)
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking about a recording's call: %w", err)
	}
	if _, ours := s.Hotlines.ByNumber(phone.Parse(c.To).Number); !ours {
		if len(s.foreign) >= 10_000 {
			clear(s.foreign)
		}
		s.foreign[found.CallSID] = true // and not asked about every minute
		return nil
	}
	fresh, err := s.recordVoicemail(ctx, &telephonyv1.ReceiveRecordingRequest{
		From: c.From, To: c.To, CallSid: found.CallSID, RecordingSid: found.SID,
		RecordingUrl: s.twilio.RecordingURL(found.SID), RecordingDuration: int32(found.Seconds),
	}, found.Seconds == 0, found.CreatedAt)
	if fresh {
		s.Log.WarnContext(ctx, "voicemail found that nobody told us about", "recording_sid", found.SID)
		s.books.Recovered(ctx, operatorv1.Kind_KIND_VOICEMAIL, 1)
	}
	return err
}
