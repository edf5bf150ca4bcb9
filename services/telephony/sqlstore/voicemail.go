package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// The states of a transcript that is to be made or told. It has none of them while nobody has made it, and "told" in the end.
const (
	TranscriptWanted = "wanted" // by our own engine
	TranscriptReady  = "ready"
	TranscriptFailed = "failed"
)

// VoicemailRow is a voicemail besides its entry among the texts.
type VoicemailRow struct {
	RecordingSID, CallSID string
	Lane                  string
	Hotline               phone.Number
	Supporter             string
	URL                   string
	RecordedAt            time.Time
	ConversationID        int64
	Transcript            string
	TranscriptState       string
	Attempts              int
}

// RecordVoicemail writes a voicemail and its entry for the ticket. It reports whether it is new; one that is known changes
// nothing.
func (s *Store) RecordVoicemail(ctx context.Context, v VoicemailRow, entry TextInRow) (fresh bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.Wake(ctx, tx, TextIn, entry.Lane); err != nil {
			return err
		}
		inserted, err := insertTexts(ctx, tx, []TextInRow{entry})
		if err != nil {
			return err
		}
		if fresh = inserted[entry.MessageSID]; !fresh {
			return nil
		}
		if err := noteFound(ctx, tx, []TextInRow{entry}, inserted); err != nil {
			return err
		}
		// Its words may be here already.
		_, err = tx.ExecContext(ctx, `
			INSERT INTO voicemail (recording_sid, call_sid, lane, hotline, supporter, url, recorded_at, transcript_state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (recording_sid) DO UPDATE SET call_sid = EXCLUDED.call_sid`,
			v.RecordingSID, v.CallSID, v.Lane, string(v.Hotline), v.Supporter, v.URL, v.RecordedAt.UnixMicro(), v.TranscriptState)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("recording a voicemail: %w", err)
	}
	return fresh, nil
}

// RecordTranscript notes the words of a voicemail, once, whether or not the voicemail itself is there yet.
func (s *Store) RecordTranscript(ctx context.Context, v VoicemailRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.Wake(ctx, tx, Transcript, v.Lane); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO voicemail (recording_sid, lane, hotline, supporter, url, recorded_at, transcript, transcript_state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (recording_sid) DO UPDATE SET transcript = EXCLUDED.transcript, transcript_state = EXCLUDED.transcript_state
			WHERE voicemail.transcript_state IN ('', 'wanted')`,
			v.RecordingSID, v.Lane, string(v.Hotline), v.Supporter, v.URL, v.RecordedAt.UnixMicro(), v.Transcript, v.TranscriptState)
		return err
	})
}

const voicemailColumns = `recording_sid, call_sid, lane, hotline, supporter, url, recorded_at, conversation_id, transcript, transcript_state, attempts`

func scanVoicemail(row scanner) (v VoicemailRow, err error) {
	var at int64
	err = row.Scan(&v.RecordingSID, &v.CallSID, &v.Lane, &v.Hotline, &v.Supporter, &v.URL, &at, &v.ConversationID, &v.Transcript, &v.TranscriptState, &v.Attempts)
	v.RecordedAt = time.UnixMicro(at)
	return v, err
}

// NextTranscript returns the oldest voicemail of a lane that is in the ticket, and whose words are to be made or told;
// nil if there is none.
func (s *Store) NextTranscript(ctx context.Context, lane string) (*VoicemailRow, error) {
	v, err := scanVoicemail(s.db.Read.QueryRowContext(ctx, `
		SELECT `+voicemailColumns+` FROM voicemail WHERE lane = $1 AND conversation_id > 0 AND transcript_state IN ('wanted', 'ready', 'failed') AND `+unpaused+`
		ORDER BY recorded_at LIMIT 1`, lane))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &v, err
}

// TranscriptTold notes that the ticket has the words. steps say so.
func (s *Store) TranscriptTold(ctx context.Context, recordingSID string, steps ...StepRow) error {
	return s.setVoicemail(ctx, recordingSID, `transcript_state = 'told'`, steps...)
}

// TranscriptDelayed counts a failed attempt of our engine.
func (s *Store) TranscriptDelayed(ctx context.Context, recordingSID string) error {
	return s.setVoicemail(ctx, recordingSID, `attempts = attempts + 1`)
}

// RecordingDeleted notes that the carrier has no copy any more.
func (s *Store) RecordingDeleted(ctx context.Context, recordingSID string) error {
	return s.setVoicemail(ctx, recordingSID, `deleted = TRUE`)
}

func (s *Store) setVoicemail(ctx context.Context, recordingSID, change string, steps ...StepRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := note(ctx, tx, steps...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE voicemail SET `+change+` WHERE recording_sid = $1`, recordingSID)
		return err
	})
}

// OldRecordings returns the recordings of a hotline from before a time whose audio is in the ticket, or kept out of it, and
// which the carrier still has.
func (s *Store) OldRecordings(ctx context.Context, hotline phone.Number, before time.Time) (sids []string, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var sid string
		err := rows.Scan(&sid)
		sids = append(sids, sid)
		return err
	}, `SELECT v.recording_sid FROM voicemail v
		WHERE v.hotline = $1 AND v.recorded_at < $2 AND NOT v.deleted
			AND (EXISTS (SELECT 1 FROM media_in m WHERE m.message_sid = v.recording_sid AND m.state = 'done') AND v.transcript_state <> 'wanted'
				OR EXISTS (SELECT 1 FROM text_in t WHERE t.message_sid = v.recording_sid AND t.state = 'refused'))
		ORDER BY v.recorded_at LIMIT 100`, string(hotline), before.UnixMicro())
	return sids, err
}

// inTicket notes which conversation a voicemail is in; its words may follow now.
func (s *Store) inTicket(ctx context.Context, tx *sql.Tx, t *TextInRow, conversationID int64) error {
	if err := s.Wake(ctx, tx, Transcript, t.Lane); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE voicemail SET conversation_id = $1 WHERE recording_sid = $2`, conversationID, t.MessageSID)
	return err
}
