package telephony

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// Transcriber makes words of a voicemail. language is as in BCP 47.
type Transcriber interface {
	Transcribe(ctx context.Context, audio []byte, fileName, language string) (words string, err error)
}

const (
	// maxTranscriptions is how often our engine is asked for the words of one voicemail.
	maxTranscriptions = 5
	// transcribeFor is how long fetching the audio and making words of it may take.
	transcribeFor = 5 * time.Minute
)

// ReceiveTranscription keeps the words of a voicemail, from Twilio's own engine or a Studio flow's.
func (s *Service) ReceiveTranscription(ctx context.Context, r *telephonyv1.ReceiveTranscriptionRequest) (*telephonyv1.ReceiveTranscriptionResponse, error) {
	from, to := phone.Parse(cmp.Or(clean(r.GetFrom()), "anonymous")), phone.Parse(clean(r.GetTo()))
	sid := clean(cmp.Or(r.GetRecordingSid(), recordingSID(r.GetRecordingUrl())))
	var check errs.Check
	check.That(len(sid) > 2 && len(sid) <= 64, "RecordingSid", "must have 3 to 64 characters")
	check.That(len(from.Number) <= 256, "From", "must have at most 256 characters")
	check.That(to.Number != "" && len(to.Number) <= 256, "To", "must have 1 to 256 characters")
	check.That(len(r.GetRecordingUrl()) <= 2000, "RecordingUrl", "must have at most 2000 characters")
	if err := check.Err(); err != nil {
		return nil, err
	}
	v := sqlstore.VoicemailRow{
		RecordingSID: sid, Lane: lane(to.Number, string(from.Number)), Hotline: to.Number, Supporter: string(from.Number),
		URL: clean(r.GetRecordingUrl()), RecordedAt: s.Now(), Transcript: clean(r.GetTranscriptionText()), TranscriptState: sqlstore.TranscriptReady,
	}
	if r.GetTranscriptionStatus() != "completed" || v.Transcript == "" {
		v.Transcript, v.TranscriptState = "", sqlstore.TranscriptFailed
	}
	if err := s.store.RecordTranscript(ctx, v); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the transcription could not be stored; send it again")
	}
	return &telephonyv1.ReceiveTranscriptionResponse{}, nil
}

// transcript has the words of the next voicemail of a lane made, and then tells the ticket.
func (s *Service) transcript(ctx context.Context, lane string) (more bool, err error) {
	v, err := s.store.NextTranscript(ctx, lane)
	if err != nil || v == nil {
		return false, err
	}
	defer func() { s.noted(ctx, v.RecordingSID, "its words are not in the ticket yet", err) }() //nolint:errcheck // it is err
	if v.TranscriptState == sqlstore.TranscriptWanted {
		return true, s.transcribe(ctx, v)
	}
	h, ok := s.Hotlines.ByNumber(v.Hotline)
	if !ok {
		return true, s.store.TranscriptTold(ctx, v.RecordingSID)
	}
	text := fmt.Sprintf("Voicemail transcription: %s\n\nRecording: %s", short(v.Transcript), v.URL)
	if v.TranscriptState == sqlstore.TranscriptFailed {
		text = "Voicemail transcription failed, please listen to the recording: " + v.URL
	}
	_, err = s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
		Key: "transcript:" + v.RecordingSID, Party: party(h.MailboxID, v.Supporter, cmp.Or(v.CallSID, v.RecordingSID)), Text: text, ConversationId: v.ConversationID,
	})
	step := s.step(ctx, v.RecordingSID, "its words are in the ticket", "")
	if v.TranscriptState == sqlstore.TranscriptFailed {
		step.What, step.Trouble = "the ticket was told that there are no words of it", true
	}
	switch kind := errs.KindOf(err); {
	case kind == errs.NotFound, kind == errs.Invalid:
		step.What, step.Detail, step.Trouble = "there is no ticket for its words", reason(err), true
		s.Log.WarnContext(ctx, "transcription could not be noted", "recording_sid", v.RecordingSID, "err", err)
	case err != nil:
		return false, errs.Wrap(kind, err, "noting a transcription").After(5 * time.Second)
	}
	return true, s.store.TranscriptTold(ctx, v.RecordingSID, step)
}

// short leaves of a very long transcript what a note can hold.
func short(words string) string {
	const most = 15_000
	if letters := []rune(words); len(letters) > most {
		return string(letters[:most]) + " ... (listen to the recording for the rest)"
	}
	return words
}

// transcribe asks our own engine for the words.
func (s *Service) transcribe(ctx context.Context, v *sqlstore.VoicemailRow) error {
	h, _ := s.Hotlines.ByNumber(v.Hotline)
	words, err := "", errors.New("there is no engine")
	if s.Engine != nil {
		var audio []byte
		if audio, _, err = s.twilio.FetchMedia(ctx, v.URL+".mp3", s.MediaLimit); err == nil {
			engineCtx, cancel := context.WithTimeout(ctx, transcribeFor-30*time.Second) // so that its failure can be noted
			words, err = s.Engine.Transcribe(engineCtx, audio, v.RecordingSID+".mp3", h.Language)
			cancel()
		}
	}
	done := *v
	switch {
	case err == nil && words != "":
		done.Transcript, done.TranscriptState = clean(words), sqlstore.TranscriptReady
	case err == nil, v.Attempts+1 >= maxTranscriptions, s.Engine == nil:
		done.TranscriptState = sqlstore.TranscriptFailed
		s.Log.WarnContext(ctx, "voicemail could not be transcribed", "recording_sid", v.RecordingSID, "err", err)
	default:
		if err := s.store.TranscriptDelayed(context.WithoutCancel(ctx), v.RecordingSID); err != nil {
			return err
		}
		return errs.Wrap(errs.Unavailable, err, "transcribing a voicemail").After(10 * backoff(v.Attempts))
	}
	return s.store.RecordTranscript(context.WithoutCancel(ctx), done)
}
