package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// OutState is how far an outgoing text or message has come. It only moves forward, in this order.
type OutState string

// The states of an outgoing text or message.
const (
	Queued    OutState = "queued"    // not yet handed to the carrier
	Sending   OutState = "sending"   // an attempt is open: it may or may not have left
	Accepted  OutState = "accepted"  // the carrier has it
	Sent      OutState = "sent"      // the carrier passed it on
	Delivered OutState = "delivered" // it is on the phone
	Failed    OutState = "failed"    // it will not arrive
	Unknown   OutState = "unknown"   // nobody can know; never repeated
)

// rank orders the states. Unknown is below Accepted: a late callback may still tell.
var rank = map[OutState]int{Queued: 0, Sending: 1, Unknown: 2, Accepted: 3, Sent: 4, Delivered: 5, Failed: 5}

// The kinds of outgoing texts.
const (
	FromAgent = "agent"   // the ticket is told what became of it
	Automatic = "auto"    // ours: welcome, after hours
	Confirm   = "confirm" // ours, of an opt-out, which it is not held back by
	Other     = "other"   // of another service
	Private   = "private" // the same, and nobody's business
)

// TextOutRow is an outgoing text: what somebody wanted said, sent as one or more messages.
type TextOutRow struct {
	Key            string
	Lane           string
	Hotline        phone.Number
	Supporter      phone.Number
	Kind           string
	ConversationID int64
	Body           string
	Remark         string
	Trace          string
	CreatedAt      time.Time
	State          OutState
	PatientUntil   time.Time // when the ticket is told that nothing is known yet; zero: never
	Telling        string    // what the ticket is being told
	Notes          int       // how many notes it has got
}

// Message is one message of a text to be queued.
type Message struct {
	Body     string
	Media    []string // addresses of files
	Segments int
}

// MessageOutRow is a message as the carrier gets it.
type MessageOutRow struct {
	Key       string // of the first message: the text's
	TextKey   string
	Part      int // from 1
	Lane      string
	Hotline   phone.Number
	Supporter phone.Number
	Message
	Trace      string
	CreatedAt  time.Time
	State      OutState
	MessageSID string
	ErrorCode  int
	Refused    string            // why the carrier was not asked
	Carrier    hotline.Transport // who has it, or was last tried; empty: nobody
}

// QueueText accepts a text to be sent as messages, or as one with the text's body if there are none, and returns it.
// One with the same key is returned as it stands.
func (s *Store) QueueText(ctx context.Context, t *TextOutRow, messages ...Message) (out TextOutRow, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.insertTextOut(ctx, tx, t, messages...); err != nil {
			return err
		}
		out, err = scanTextOut(tx.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE key = $1`, t.Key))
		return err
	})
	return out, err
}

func (s *Store) insertTextOut(ctx context.Context, tx *sql.Tx, t *TextOutRow, messages ...Message) error {
	if err := s.Wake(ctx, tx, TextOut, t.Lane); err != nil {
		return err
	}
	r, err := tx.ExecContext(ctx, `
		INSERT INTO text_out (key, lane, hotline, supporter, kind, conversation_id, body, remark, trace, created_at, state, patient_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11)
		ON CONFLICT (key) DO NOTHING`,
		t.Key, t.Lane, string(t.Hotline), string(t.Supporter), t.Kind, t.ConversationID, t.Body, t.Remark, t.Trace,
		t.CreatedAt.UnixMicro(), micros(t.PatientUntil))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if len(messages) == 0 {
		messages = []Message{{Body: t.Body, Segments: 1}}
	}
	for i, m := range messages {
		key := t.Key
		if i > 0 {
			key = fmt.Sprintf("%s#%d", t.Key, i+1)
		}
		media, err := json.Marshal(append([]string{}, m.Media...))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO message_out (key, text_key, part, lane, hotline, supporter, body, media, segments, trace, created_at, state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'queued')`,
			key, t.Key, i+1, t.Lane, string(t.Hotline), string(t.Supporter), m.Body, string(media), m.Segments, t.Trace, t.CreatedAt.UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}

const textColumns = `key, lane, hotline, supporter, kind, conversation_id, body, remark, trace, created_at, state, patient_until, telling, notes`

type scanner interface{ Scan(...any) error }

func scanTextOut(row scanner) (t TextOutRow, err error) {
	var at, patient int64
	err = row.Scan(&t.Key, &t.Lane, &t.Hotline, &t.Supporter, &t.Kind, &t.ConversationID, &t.Body, &t.Remark, &t.Trace, &at, &t.State, &patient, &t.Telling, &t.Notes)
	t.CreatedAt, t.PatientUntil = time.UnixMicro(at), fromMicros(patient)
	return t, err
}

var messageColumns = `key, text_key, part, lane, hotline, supporter, body, media, segments, trace, created_at, state, message_sid, error_code, refused, ` + carrierOf("message_out")

// carrierOf is who has the message of a row, in SQL: that of the attempt whose id it has, or else of the last one.
func carrierOf(message string) string {
	return `COALESCE((SELECT a.carrier FROM attempt a WHERE a.message_key = ` + message + `.key
		ORDER BY a.message_sid <> '' AND a.message_sid = ` + message + `.message_sid DESC, a.started_at DESC LIMIT 1), '')`
}

func scanMessageOut(row scanner) (m MessageOutRow, err error) {
	var at int64
	var media string
	err = row.Scan(&m.Key, &m.TextKey, &m.Part, &m.Lane, &m.Hotline, &m.Supporter, &m.Body, &media, &m.Segments, &m.Trace, &at, &m.State, &m.MessageSID, &m.ErrorCode, &m.Refused, &m.Carrier)
	if err != nil {
		return m, err
	}
	m.CreatedAt = time.UnixMicro(at)
	if err := json.Unmarshal([]byte(media), &m.Media); err != nil {
		return m, fmt.Errorf("reading files of a message: %w", err)
	}
	return m, nil
}

// FindTextOut returns the outgoing text with a key, and its messages in order.
func (s *Store) FindTextOut(ctx context.Context, key string) (t TextOutRow, messages []MessageOutRow, found bool, err error) {
	t, err = scanTextOut(s.db.Read.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE key = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil, false, nil
	}
	if err != nil {
		return t, nil, false, err
	}
	messages, err = s.messages(ctx, key)
	return t, messages, err == nil, err
}

func (s *Store) messages(ctx context.Context, textKey string) (all []MessageOutRow, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+messageColumns+` FROM message_out WHERE text_key = $1 ORDER BY part`, textKey)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scanMessageOut(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// NextMessageOut returns the oldest message of a lane that has not got to the carrier, or nil.
func (s *Store) NextMessageOut(ctx context.Context, lane string) (*MessageOutRow, error) {
	m, err := scanMessageOut(s.db.Read.QueryRowContext(ctx, `
		SELECT `+messageColumns+` FROM message_out
		WHERE lane = $1 AND state IN ('queued', 'sending') AND `+unpausedMessage+` ORDER BY seq LIMIT 1`, lane))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading next outgoing message: %w", err)
	}
	return &m, nil
}

// Refusal returns why a message must not be sent, or "": an earlier part of its text failed, or the supporter has opted
// out of the hotline, or is blocked.
func (s *Store) Refusal(ctx context.Context, m *MessageOutRow, now time.Time) (reason string, err error) {
	if m.Part > 1 {
		var n int
		err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM message_out WHERE text_key = $1 AND part < $2 AND state = 'failed'`, m.TextKey, m.Part).Scan(&n)
		if err != nil || n > 0 {
			return EarlierFailed, err
		}
	}
	block, err := s.Blocked(ctx, string(m.Supporter), m.Hotline, now)
	if err != nil || block != nil {
		return IsBlocked, err
	}
	var kind string
	var out bool
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT kind, COALESCE((SELECT opted_out FROM opt_out WHERE hotline = $1 AND supporter = $2), FALSE) FROM text_out WHERE key = $3`,
		string(m.Hotline), string(m.Supporter), m.TextKey).Scan(&kind, &out)
	if err == nil && out && kind != Confirm {
		reason = OptedOut
	}
	return reason, err
}

// Why a message is refused before the carrier is asked.
const (
	EarlierFailed = "an earlier part failed"
	IsBlocked     = "blocked"
	OptedOut      = "opted out"
)

// MessageRefused notes that a queued message is not sent, and why.
func (s *Store) MessageRefused(ctx context.Context, m *MessageOutRow, reason string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE message_out SET state = 'failed', refused = $1, ended_at = $2 WHERE key = $3 AND state = 'queued'`, reason, now.UnixMicro(), m.Key)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.settle(ctx, tx, m.TextKey, now)
	})
}

// settle makes a text's state that of its messages taken together, and sees to it that the ticket is told what it
// wants to know.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, key string, now time.Time) error {
	t, err := scanTextOut(tx.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE key = $1`+s.db.ForUpdate(), key))
	if err != nil {
		return err
	}
	state, err := together(ctx, tx, key)
	if err != nil || state == t.State {
		return err
	}
	// Sent is the last word of carriers that tell no more: it takes back that the ticket was told otherwise.
	tell := state == Failed || state == Unknown || t.Kind == FromAgent && (state == Delivered || state == Sent && t.Notes > 0)
	if tell {
		if err := s.Wake(ctx, tx, Tell, t.Lane); err != nil {
			return err
		}
	}
	// A late word that it is there takes back that the ticket must be told that nobody knows.
	_, err = tx.ExecContext(ctx, `UPDATE text_out SET state = $1, tell = $2 OR telling <> '' OR (tell AND kind = 'agent'), ended_at = $3 WHERE key = $4`,
		string(state), tell, endedAt(state, now), key)
	return err
}

// together is the state of a text's messages taken together: one that failed is the whole text's failure, and else the
// one that has come least far counts.
func together(ctx context.Context, tx *sql.Tx, key string) (worst OutState, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT state FROM message_out WHERE text_key = $1`, key)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var state OutState
		if err := rows.Scan(&state); err != nil {
			return "", err
		}
		switch {
		case worst == "", state == Failed, worst != Failed && rank[state] < rank[worst]:
			worst = state
		}
	}
	return worst, rows.Err()
}

// endedAt is when an outgoing text or message ended that is in a state since now; 0 if it has not.
func endedAt(state OutState, now time.Time) int64 {
	if state == Delivered || state == Failed || state == Unknown {
		return micros(now)
	}
	return 0
}

// micros is how times are stored; 0: none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}
