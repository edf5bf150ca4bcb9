package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// MediaInRow is a file of a text that is in the ticket already.
type MediaInRow struct {
	Key        string // message_sid and number of the file
	Lane       string
	MessageSID string
	Hotline    phone.Number
	Supporter  string
	Kind       string // of what it came with, as in TextInRow
	Event      string // see TextInRow.Event
	Carrier    hotline.Transport
	Media
	Trace    string
	Attempts int
}

func (s *Store) insertMedia(ctx context.Context, tx *sql.Tx, t *TextInRow) error {
	if err := s.Wake(ctx, tx, MediaIn, t.Lane); err != nil {
		return err
	}
	for i, m := range t.Media {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO media_in (key, seq, lane, message_sid, hotline, supporter, url, content_type, trace, received_at, state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending')
			ON CONFLICT (key) DO NOTHING`,
			fmt.Sprintf("%s:%d", t.MessageSID, i), t.Seq, t.Lane, t.MessageSID, string(t.Hotline), t.Supporter, m.URL, m.ContentType, t.Trace, t.ReceivedAt.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// NextMedia returns the next file of a lane to fetch and attach, or nil.
func (s *Store) NextMedia(ctx context.Context, lane string) (*MediaInRow, error) {
	var m MediaInRow
	err := s.db.Read.QueryRowContext(ctx, `
		SELECT m.key, m.lane, m.message_sid, m.hotline, m.supporter, t.kind, CASE WHEN t.call_sid = '' THEN t.message_sid ELSE t.call_sid END,
			t.carrier, m.url, m.content_type, m.trace, m.attempts
		FROM media_in m JOIN text_in t ON t.message_sid = m.message_sid
		WHERE m.lane = $1 AND m.state = 'pending' AND m.`+unpaused+` ORDER BY m.seq, m.key LIMIT 1`, lane).
		Scan(&m.Key, &m.Lane, &m.MessageSID, &m.Hotline, &m.Supporter, &m.Kind, &m.Event, &m.Carrier, &m.URL, &m.ContentType, &m.Trace, &m.Attempts)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading next media: %w", err)
	}
	return &m, nil
}

// MediaEnded notes that a file is attached (done), or that it never will be (refused), or that it was given up (dead), and why.
func (s *Store) MediaEnded(ctx context.Context, m *MediaInRow, state, reason string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE media_in SET state = $1, reason = $2, ended_at = $3 WHERE key = $4 AND state = 'pending'`, state, reason, now.UnixMicro(), m.Key)
		return err
	})
}

// MediaFailed counts a failed attempt to fetch or attach a file.
func (s *Store) MediaFailed(ctx context.Context, m *MediaInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE media_in SET attempts = attempts + 1 WHERE key = $1`, m.Key)
		return err
	})
}

// TextState is the state of an incoming text and when it got there, for whoever asks where it is.
type TextState struct {
	State          string
	Reason         string
	ConversationID int64
	DoneAt         time.Time // zero while it is pending
}

// FindText returns the state of an incoming text.
func (s *Store) FindText(ctx context.Context, messageSID string) (t TextState, found bool, err error) {
	var done sql.NullInt64
	err = s.db.Read.QueryRowContext(ctx, `SELECT state, reason, conversation_id, done_at FROM text_in WHERE message_sid = $1`, messageSID).
		Scan(&t.State, &t.Reason, &t.ConversationID, &done)
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	if done.Valid {
		t.DoneAt = time.UnixMicro(done.Int64)
	}
	return t, err == nil, err
}
