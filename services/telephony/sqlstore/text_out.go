package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// OutState is how far an outgoing text has come. It only moves forward, in this order.
type OutState string

// The states of an outgoing text.
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

// The outcomes of an attempt.
const (
	open     = "open"     // not known yet
	accepted = "accepted" // the carrier took it
	absent   = "absent"   // it surely never arrived at the carrier
	refused  = "refused"  // the carrier said no
	unknown  = "unknown"  // given up asking
)

// TextOutRow is an outgoing text.
type TextOutRow struct {
	Key        string
	Lane       string
	Hotline    phone.Number
	Supporter  phone.Number
	Body       string
	Trace      string
	CreatedAt  time.Time
	State      OutState
	MessageSID string
	ErrorCode  int
	Told       bool // whether the ticket knows how it ended
}

// Attempt is one try to hand a text to the carrier.
type Attempt struct {
	ID        string
	StartedAt time.Time
	AskedAt   time.Time // when the carrier was first asked whether it has it; zero: never
	Looks     int       // how often it said that it does not
}

// QueueText accepts a text to be sent and returns it. One with the same key is returned as it stands.
func (s *Store) QueueText(ctx context.Context, t *TextOutRow) (out TextOutRow, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := s.insertTextOut(ctx, tx, t); err != nil {
			return err
		}
		out, err = scanTextOut(tx.QueryRowContext(ctx, `SELECT `+outColumns+` FROM text_out WHERE key = $1`, t.Key))
		return err
	})
	return out, err
}

func (s *Store) insertTextOut(ctx context.Context, tx *sql.Tx, t *TextOutRow) (bool, error) {
	if err := s.Wake(ctx, tx, TextOut, t.Lane); err != nil {
		return false, err
	}
	r, err := tx.ExecContext(ctx, `
		INSERT INTO text_out (key, lane, hotline, supporter, body, trace, created_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued')
		ON CONFLICT (key) DO NOTHING`,
		t.Key, t.Lane, string(t.Hotline), string(t.Supporter), t.Body, t.Trace, t.CreatedAt.UnixMicro())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

const outColumns = `key, lane, hotline, supporter, body, trace, created_at, state, message_sid, error_code, told`

func scanTextOut(row *sql.Row) (t TextOutRow, err error) {
	var at int64
	err = row.Scan(&t.Key, &t.Lane, &t.Hotline, &t.Supporter, &t.Body, &t.Trace, &at, &t.State, &t.MessageSID, &t.ErrorCode, &t.Told)
	t.CreatedAt = time.UnixMicro(at)
	return t, err
}

// FindTextOut returns the outgoing text with a key.
func (s *Store) FindTextOut(ctx context.Context, key string) (t TextOutRow, found bool, err error) {
	t, err = scanTextOut(s.db.Read.QueryRowContext(ctx, `SELECT `+outColumns+` FROM text_out WHERE key = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, nil
	}
	return t, err == nil, err
}

// NextTextOut returns the oldest text of a lane that has something left to do, or nil.
func (s *Store) NextTextOut(ctx context.Context, lane string) (*TextOutRow, error) {
	t, err := scanTextOut(s.db.Read.QueryRowContext(ctx, `
		SELECT `+outColumns+` FROM text_out
		WHERE lane = $1 AND (state IN ('queued', 'sending') OR NOT told)
		ORDER BY seq LIMIT 1`, lane))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading next outgoing text: %w", err)
	}
	return &t, nil
}

// BeginAttempt notes the intent to send a queued text. It reports false when somebody else already did: then the
// caller must not send.
func (s *Store) BeginAttempt(ctx context.Context, key, id string, now time.Time) (mine bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		mine = false
		r, err := tx.ExecContext(ctx, `UPDATE text_out SET state = 'sending' WHERE key = $1 AND state = 'queued'`, key)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		mine = true
		_, err = tx.ExecContext(ctx, `INSERT INTO attempt (id, text_key, started_at, outcome) VALUES ($1, $2, $3, 'open')`, id, key, now.UnixMicro())
		return err
	})
	return mine && err == nil, err
}

// OpenAttempt returns the attempt of a text whose outcome is not known, and how many attempts there were in all that
// may have reached the carrier.
func (s *Store) OpenAttempt(ctx context.Context, key string) (a Attempt, total int, err error) {
	var at, asked int64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT id, started_at, asked_at, looks, (SELECT count(*) FROM attempt WHERE text_key = $1 AND (outcome <> 'absent' OR looks > 0))
		FROM attempt WHERE text_key = $1 AND outcome = 'open' ORDER BY started_at DESC LIMIT 1`, key).
		Scan(&a.ID, &at, &asked, &a.Looks, &total)
	if err != nil {
		return a, 0, fmt.Errorf("reading open attempt: %w", err)
	}
	a.StartedAt = time.UnixMicro(at)
	if asked != 0 {
		a.AskedAt = time.UnixMicro(asked)
	}
	return a, total, nil
}

// Asking notes when the carrier is first asked about an attempt.
func (s *Store) Asking(ctx context.Context, attempt string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE attempt SET asked_at = $1 WHERE id = $2 AND asked_at = 0`, now.UnixMicro(), attempt)
		return err
	})
}

// Looked counts that the carrier was asked about an attempt and did not have it.
func (s *Store) Looked(ctx context.Context, attempt string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE attempt SET looks = looks + 1 WHERE id = $1`, attempt)
		return err
	})
}

// AttemptAccepted notes that the carrier has the text of an attempt under this id.
func (s *Store) AttemptAccepted(ctx context.Context, attempt, messageSID string) error {
	_, err := s.Advance(ctx, attempt, messageSID, Accepted, 0)
	return err
}

// AttemptAbsent notes that an attempt never arrived at the carrier and queues the text again, or, when it is not to
// be tried again, gives it up.
func (s *Store) AttemptAbsent(ctx context.Context, key, attempt string, again bool) error {
	return s.endAttempt(ctx, key, attempt, absent, map[bool]OutState{true: Queued, false: Failed}[again], 0)
}

// AttemptRefused notes that the carrier refused a text for good.
func (s *Store) AttemptRefused(ctx context.Context, key, attempt string, code int) error {
	return s.endAttempt(ctx, key, attempt, refused, Failed, code)
}

// AttemptUnknown notes that nobody can know whether the text left.
func (s *Store) AttemptUnknown(ctx context.Context, key, attempt string) error {
	return s.endAttempt(ctx, key, attempt, unknown, Unknown, 0)
}

// endAttempt ends an open attempt. A callback that came first has the better knowledge and stands.
func (s *Store) endAttempt(ctx context.Context, key, attempt, outcome string, state OutState, code int) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE attempt SET outcome = $1 WHERE id = $2 AND outcome = 'open'`, outcome, attempt)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE text_out SET state = $1, error_code = $2, told = $3 WHERE key = $4 AND state = 'sending'`,
			string(state), code, state == Queued, key)
		return err
	})
}

// Advance notes what the carrier says of an attempt: its id of the message and its state. States that are not ahead
// of the known one change nothing. It reports false for an attempt that is not ours.
func (s *Store) Advance(ctx context.Context, attempt, messageSID string, state OutState, code int) (known bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		known = false
		var key string
		err := tx.QueryRowContext(ctx, `SELECT text_key FROM attempt WHERE id = $1`, attempt).Scan(&key)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		if _, err := tx.ExecContext(ctx, `UPDATE attempt SET outcome = 'accepted', message_sid = $1 WHERE id = $2`, messageSID, attempt); err != nil {
			return err
		}
		return s.advanceText(ctx, tx, key, messageSID, state, code)
	})
	return known, err
}

func (s *Store) advanceText(ctx context.Context, tx *sql.Tx, key, messageSID string, state OutState, code int) error {
	t, err := scanTextOut(tx.QueryRowContext(ctx, `SELECT `+outColumns+` FROM text_out WHERE key = $1`+s.db.ForUpdate(), key))
	if err != nil || rank[state] <= rank[t.State] {
		return err
	}
	told := state != Failed // a late word may take back that nobody can know
	if !told {
		if err := s.Wake(ctx, tx, TextOut, t.Lane); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE text_out SET state = $1, message_sid = $2, error_code = $3, told = $4 WHERE key = $5`,
		string(state), messageSID, code, told, key)
	return err
}

// Told notes that the ticket says what became of a text.
func (s *Store) Told(ctx context.Context, key string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE text_out SET told = TRUE WHERE key = $1`, key)
		return err
	})
}

// Claimed reports whether the carrier's message belongs to a known attempt.
func (s *Store) Claimed(ctx context.Context, messageSID string) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM attempt WHERE message_sid = $1`, messageSID).Scan(&n)
	return n > 0, err
}
