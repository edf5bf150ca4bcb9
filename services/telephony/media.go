package telephony

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// maxFetches is how often a file is asked for before the ticket says that it cannot be had: some two minutes. It is
// passed on more often than that, maxUploads times, before the same is said.
const (
	maxFetches = 8
	maxUploads = 20
)

// attach fetches the next file of a lane and attaches it to its text's thread. If that can't be done, a note in
// the ticket says why, with the file's address.
func (s *Service) attach(ctx context.Context, lane string) (more bool, err error) {
	m, err := s.store.NextMedia(ctx, lane)
	if err != nil || m == nil {
		return false, err
	}
	ctx, end := telemetry.Resume(ctx, m.Trace, "attach media")
	defer func() { end(s.noted(ctx, m.Key, "not attached yet", err)) }()

	h, ok := s.Hotlines.ByNumber(m.Hotline)
	if !ok {
		return true, s.store.MediaEnded(ctx, m, sqlstore.Dead, "no hotline has this number", s.Now())
	}
	data, mimeType, err := s.carrierNamed(m.Carrier).FetchMedia(ctx, m.URL, s.MediaLimit)
	if err == nil {
		_, err = s.Ticketing.AttachMedia(ctx, &ticketingv1.AttachMediaRequest{
			Key: m.Key, TextKey: m.MessageSID, FileName: fileName(m, mimeType), MimeType: mimeType, Data: data,
		})
	}
	reason, lost := "", false // lost: nobody can have it any more
	state := sqlstore.Refused
	switch refusal, isRefusal := errors.AsType[carrier.MediaError](err); {
	case err == nil:
		return true, s.store.MediaEnded(ctx, m, sqlstore.Done, "", s.Now())
	case isRefusal:
		reason, lost = refusal.Error(), refusal == carrier.ErrDeleted
	case errors.Is(err, carrier.ErrNotReady):
		if m.Attempts+1 >= maxFetches {
			if reason, lost = "the carrier does not hand it out", true; m.Kind == sqlstore.VoicemailIn {
				// A voicemail is worth waiting for, as long as Twilio has it.
				if has, asked := s.twilio.HasRecording(ctx, m.MessageSID); has || asked != nil {
					reason, lost = "", false
				}
			}
			state = sqlstore.Dead
		}
	case errs.KindOf(err) == errs.Invalid, errs.KindOf(err) == errs.Precondition, errs.KindOf(err) == errs.NotFound:
		reason = "the help desk does not take it"
	case errs.RetryAfter(err) == 0 && m.Attempts+1 >= maxUploads:
		reason, state = "the help desk could not be given it", sqlstore.Dead
	}
	if reason == "" {
		return s.attachLater(ctx, m, err)
	}
	if _, err := s.Ticketing.FileNote(ctx, &ticketingv1.FileNoteRequest{
		Key:   "media:" + m.Key,
		Party: party(h.MailboxID, m.Supporter, m.Event),
		Text:  fallback(m.ContentType, m.URL) + "\nThis file could not be attached: " + reason + ".",
	}); err != nil {
		if kind := errs.KindOf(err); kind != errs.NotFound && kind != errs.Invalid {
			return s.attachLater(ctx, m, err)
		}
		reason += "; and there is no ticket to say so"
	}
	s.Log.WarnContext(ctx, "media could not be attached", "message_sid", m.MessageSID, "reason", reason)
	if m.Kind == sqlstore.VoicemailIn && lost {
		if err := s.sorry(ctx, phone.Parse(string(m.Hotline)), phone.Parse(m.Supporter), m.MessageSID); err != nil {
			return false, err
		}
	}
	return true, s.store.MediaEnded(ctx, m, state, reason, s.Now())
}

func (s *Service) attachLater(ctx context.Context, m *sqlstore.MediaInRow, err error) (bool, error) {
	if errs.RetryAfter(err) > 0 {
		return false, err
	}
	if err := s.store.MediaFailed(context.WithoutCancel(ctx), m); err != nil {
		return false, err
	}
	return false, errs.Wrap(errs.Unavailable, err, "attaching media").After(backoff(m.Attempts))
}

// fallback is how a file appears in the ticket when it cannot be attached.
func fallback(contentType, url string) string {
	if contentType == "" {
		contentType = "unknown type"
	}
	if url == "" {
		url = "(missing URL)"
	}
	return fmt.Sprintf("Attachment (%s): %s", contentType, url)
}

// fileName is the name that agents see: the number of the file and the usual extension of its type.
func fileName(m *sqlstore.MediaInRow, mimeType string) string {
	if m.Kind == sqlstore.VoicemailIn {
		return "voicemail.mp3"
	}
	_, number, _ := strings.Cut(m.Key, ":")
	extension := map[string]string{"image/jpeg": ".jpg", "audio/mpeg": ".mp3", "video/mp4": ".mp4", "text/plain": ".txt"}[mimeType]
	if extension == "" {
		if all, err := mime.ExtensionsByType(mimeType); err == nil && len(all) > 0 {
			extension = all[0]
		}
	}
	return "attachment-" + number + extension
}
