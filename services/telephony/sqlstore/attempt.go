package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
)

// The outcomes of an attempt.
const (
	AttemptOpen     = "open"     // not known yet
	AttemptAccepted = "accepted" // the carrier took it
	AttemptAbsent   = "absent"   // it surely never arrived at the carrier
	AttemptRefused  = "refused"  // the carrier said no
	AttemptUnknown  = "unknown"  // given up asking
)

// Attempt is one try to hand a message to the carrier.
type Attempt struct {
	ID        string
	Carrier   hotline.Transport // who got it, whoever carries the hotline now
	StartedAt time.Time
	AskedAt   time.Time // when the carrier was first asked whether it has it; zero: never
	Looks     int       // how often it said that it does not
}

// BeginAttempt notes the intent to send a queued message. It reports false when somebody else already did: then the
// caller must not send. takes is how long the message occupies its hotline's number at its pace; while it is not the
// message's turn, nothing is noted but that it has one, and wait says when. m.Carrier says who is about to get it.
func (s *Store) BeginAttempt(ctx context.Context, m *MessageOutRow, id string, now time.Time, takes time.Duration) (mine bool, wait time.Duration, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		mine, wait = false, 0
		if takes > 0 {
			if wait, err = s.takeTurn(ctx, tx, m, now, takes); err != nil || wait > 0 {
				return err
			}
		}
		var text string
		// Whoever has opted out since Refusal was asked gets nothing either; it is asked again then.
		err := tx.QueryRowContext(ctx, `
			UPDATE message_out SET state = 'sending' WHERE key = $1 AND state = 'queued' AND NOT EXISTS (
				SELECT 1 FROM opt_out, text_out WHERE text_out.key = message_out.text_key AND text_out.kind <> 'confirm'
				AND opt_out.hotline = message_out.hotline AND opt_out.supporter = message_out.supporter AND opt_out.opted_out)
			RETURNING text_key`, m.Key).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		mine = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO attempt (id, message_key, carrier, started_at, outcome) VALUES ($1, $2, $3, $4, 'open')`,
			id, m.Key, string(m.Carrier), now.UnixMicro()); err != nil {
			return err
		}
		return s.settle(ctx, tx, text, now)
	})
	return mine && err == nil, wait, err
}

// takeTurn gives a message its turn, once, and returns how long it is until then.
func (s *Store) takeTurn(ctx context.Context, tx *sql.Tx, m *MessageOutRow, now time.Time, takes time.Duration) (time.Duration, error) {
	var turn int64
	err := tx.QueryRowContext(ctx, `SELECT not_before FROM message_out WHERE key = $1`, m.Key).Scan(&turn)
	if err != nil || turn != 0 {
		return time.UnixMicro(turn).Sub(now), err
	}
	if err := tx.QueryRowContext(ctx, `
		INSERT INTO pace (hotline, free_at) VALUES ($1, CAST($2 AS bigint))
		ON CONFLICT (hotline) DO UPDATE SET free_at = CASE WHEN pace.free_at > CAST($2 AS bigint) THEN pace.free_at ELSE CAST($2 AS bigint) END
		RETURNING free_at`, string(m.Hotline), now.UnixMicro()).Scan(&turn); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE pace SET free_at = $1 WHERE hotline = $2`, turn+takes.Microseconds(), string(m.Hotline)); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE message_out SET not_before = $1 WHERE key = $2`, turn, m.Key)
	return time.UnixMicro(turn).Sub(now), err
}

// OpenAttempt returns the attempt of a message whose outcome is not known, and how many attempts there were in all that
// may have reached the carrier.
func (s *Store) OpenAttempt(ctx context.Context, key string) (a Attempt, total int, err error) {
	var at, asked int64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT id, carrier, started_at, asked_at, looks, (SELECT count(*) FROM attempt WHERE message_key = $1 AND (outcome <> 'absent' OR looks > 0))
		FROM attempt WHERE message_key = $1 AND outcome = 'open' ORDER BY started_at DESC LIMIT 1`, key).
		Scan(&a.ID, &a.Carrier, &at, &asked, &a.Looks, &total)
	if err != nil {
		return a, 0, fmt.Errorf("reading open attempt: %w", err)
	}
	a.StartedAt, a.AskedAt = time.UnixMicro(at), fromMicros(asked)
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

// AttemptAbsent notes that an attempt never arrived at the carrier and queues the message again, or, when it is not to
// be tried again, gives it up.
func (s *Store) AttemptAbsent(ctx context.Context, key, attempt string, again bool, now time.Time) error {
	return s.endAttempt(ctx, key, attempt, AttemptAbsent, map[bool]OutState{true: Queued, false: Failed}[again], 0, now)
}

// AttemptRefused notes that the carrier refused a message for good.
func (s *Store) AttemptRefused(ctx context.Context, key, attempt string, code int, now time.Time) error {
	return s.endAttempt(ctx, key, attempt, AttemptRefused, Failed, code, now)
}

// AttemptUnknown notes that nobody can know whether the message left.
func (s *Store) AttemptUnknown(ctx context.Context, key, attempt string, now time.Time) error {
	return s.endAttempt(ctx, key, attempt, AttemptUnknown, Unknown, 0, now)
}

// endAttempt ends an open attempt. A callback that came first has the better knowledge and stands.
func (s *Store) endAttempt(ctx context.Context, key, attempt, outcome string, state OutState, code int, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE attempt SET outcome = $1 WHERE id = $2 AND outcome = 'open'`, outcome, attempt)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		m, err := scanMessageOut(tx.QueryRowContext(ctx, `SELECT `+messageColumns+` FROM message_out WHERE key = $1`+s.db.ForUpdate(), key))
		if err != nil || m.State != Sending {
			return err
		}
		return s.become(ctx, tx, m, "", state, code, now)
	})
}

// Advance notes what the carrier says of an attempt: its id of the message and its state. States that are not ahead
// of the known one change nothing. It reports false for an attempt that is not ours.
func (s *Store) Advance(ctx context.Context, attempt, messageSID string, state OutState, code int, now time.Time) (known bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		known = false
		var key string
		var by hotline.Transport
		err := tx.QueryRowContext(ctx, `UPDATE attempt SET outcome = 'accepted', message_sid = $1 WHERE id = $2 RETURNING message_key, carrier`, messageSID, attempt).
			Scan(&key, &by)
		if err != nil {
			return ignoreNone(err)
		}
		known = true
		return s.advanceMessage(ctx, tx, key, by, messageSID, state, code, now)
	})
	return known, err
}

// AdvanceMessage is Advance for who knows the message and not the attempt.
func (s *Store) AdvanceMessage(ctx context.Context, key, messageSID string, state OutState, code int, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error { return s.advanceMessage(ctx, tx, key, "", messageSID, state, code, now) })
}

// advanceMessage has by say who tells it; empty: whoever has the message.
func (s *Store) advanceMessage(ctx context.Context, tx *sql.Tx, key string, by hotline.Transport, messageSID string, state OutState, code int, now time.Time) error {
	m, err := scanMessageOut(tx.QueryRowContext(ctx, `SELECT `+messageColumns+` FROM message_out WHERE key = $1`+s.db.ForUpdate(), key))
	if err != nil || rank[state] <= rank[m.State] {
		return err
	}
	m.Carrier = cmp.Or(by, m.Carrier)
	return s.become(ctx, tx, m, messageSID, state, code, now)
}

func (s *Store) become(ctx context.Context, tx *sql.Tx, m MessageOutRow, messageSID string, state OutState, code int, now time.Time) error {
	sent := time.Time{}
	if state == Sent {
		sent = now
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE message_out SET state = $1, message_sid = CASE WHEN $2 = '' THEN message_sid ELSE $2 END, error_code = $3,
			sent_at = CASE WHEN CAST($4 AS bigint) = 0 THEN sent_at ELSE CAST($4 AS bigint) END, ended_at = $5
		WHERE key = $6`,
		string(state), messageSID, code, micros(sent), endedAt(state, now), m.Key); err != nil {
		return err
	}
	if code != 0 && s.SaysStop(m.Carrier, code) {
		if _, err := optOut(ctx, tx, m.Hotline, string(m.Supporter), true, now, "carrier", false); err != nil {
			return err
		}
	}
	return s.settle(ctx, tx, m.TextKey, now)
}

// Claimed reports whether the carrier's message belongs to a known attempt.
func (s *Store) Claimed(ctx context.Context, messageSID string) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM attempt WHERE message_sid <> '' AND message_sid = $1`, messageSID).Scan(&n)
	return n > 0, err
}
