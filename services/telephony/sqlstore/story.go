package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// TextStory is what is known of an incoming text besides its item.
type TextStory struct {
	Characters   int // of the text, or of what is written about a voicemail or call
	Files        int
	CallSID      string
	Opt          string
	FirstContact bool
	Unanswered   string
	Behind       string // the text of the lane that must be done before; empty: none
	Transcript   int    // characters of a voicemail's words
}

// TextStory returns what is known of an incoming text besides its item.
func (s *Store) TextStory(ctx context.Context, messageSID string) (t TextStory, err error) {
	var media string
	if err := s.db.Read.QueryRowContext(ctx, `
		SELECT length(body), media, call_sid, opt, first_contact, unanswered,
			COALESCE((SELECT message_sid FROM text_in b WHERE b.lane = t.lane AND b.state = 'pending' AND b.seq < t.seq AND t.state = 'pending' ORDER BY b.seq LIMIT 1), ''),
			COALESCE((SELECT length(transcript) FROM voicemail v WHERE v.recording_sid = t.message_sid), 0)
		FROM text_in t WHERE message_sid = $1`, messageSID).
		Scan(&t.Characters, &media, &t.CallSID, &t.Opt, &t.FirstContact, &t.Unanswered, &t.Behind, &t.Transcript); err != nil {
		return t, err
	}
	var files []Media
	err = json.Unmarshal([]byte(media), &files)
	t.Files = len(files)
	return t, err
}

// PartStory is what became of one message of an outgoing text.
type PartStory struct {
	MessageOutRow
	NotBefore, SentAt, EndedAt time.Time
	Attempts                   []AttemptRow // the newest thousand, oldest first
}

// AttemptRow is one try to hand a message to the carrier.
type AttemptRow struct {
	Attempt
	Outcome    string
	MessageSID string
}

// TextOutStory returns what became of the messages of an outgoing text, in order.
func (s *Store) TextOutStory(ctx context.Context, key string) (parts []PartStory, err error) {
	messages, err := s.messages(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		p := PartStory{MessageOutRow: m}
		var turn, sent, ended int64
		if err := s.db.Read.QueryRowContext(ctx, `SELECT not_before, sent_at, ended_at FROM message_out WHERE key = $1`, m.Key).Scan(&turn, &sent, &ended); err != nil {
			return nil, err
		}
		p.NotBefore, p.SentAt, p.EndedAt = fromMicros(turn), fromMicros(sent), fromMicros(ended)
		if err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
			var a AttemptRow
			var at, asked int64
			err := rows.Scan(&a.ID, &a.Carrier, &at, &asked, &a.Looks, &a.Outcome, &a.MessageSID)
			a.StartedAt, a.AskedAt = time.UnixMicro(at), fromMicros(asked)
			p.Attempts = append(p.Attempts, a)
			return err
		}, `SELECT id, carrier, started_at, asked_at, looks, outcome, message_sid FROM (
				SELECT id, carrier, started_at, asked_at, looks, outcome, message_sid FROM attempt WHERE message_key = $1 ORDER BY started_at DESC LIMIT 1000) a
			ORDER BY started_at`, m.Key); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
