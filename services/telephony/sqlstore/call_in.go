package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// The outcomes of a call.
const (
	Talked    = "talked"    // somebody took it
	Voicemail = "voicemail" // there is a voicemail
	Missed    = "missed"    // neither
	Rejected  = "refused"   // we did not answer it, on purpose
)

// CallInRow is a call to one of our numbers.
type CallInRow struct {
	CallSID   string
	Lane      string
	Hotline   phone.Number
	Supporter string
	At        time.Time // when it began, or when it ended
	Seconds   int       // how long it took; until it has ended, how long Twilio says it did, which does not count ringing
	Answered  bool      // whether the caller heard anything but ringing; known when it has ended
	Rejected  bool      // whether we did not answer it, on purpose
	Ringing   string    // the numbers of the phones that ring in this round, separated by commas

	recorded string // as NextCallOver has read it
}

// CallBegan notes a call, and whether it was rejected. It may be told after the call's end.
func (s *Store) CallBegan(ctx context.Context, c CallInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := insertCall(ctx, tx, c); err != nil || !c.Rejected {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE call_in SET outcome = 'refused' WHERE call_sid = $1`, c.CallSID)
		return err
	})
}

func insertCall(ctx context.Context, tx *sql.Tx, c CallInRow) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO call_in (call_sid, lane, hotline, supporter, began_at, ringing, state) VALUES ($1, $2, $3, $4, $5, $6, 'open')
		ON CONFLICT (call_sid) DO NOTHING`, c.CallSID, c.Lane, string(c.Hotline), c.Supporter, c.At.UnixMicro(), c.Ringing)
	return err
}

// CallTalked notes that a caller was connected with somebody.
func (s *Store) CallTalked(ctx context.Context, c CallInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := insertCall(ctx, tx, c); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE call_in SET talked = TRUE WHERE call_sid = $1`, c.CallSID)
		return err
	})
}

// CallRecorded notes that a caller has left a voicemail, which will be told of by itself.
func (s *Store) CallRecorded(ctx context.Context, c CallInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := insertCall(ctx, tx, c); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE call_in SET recorded = 'yes' WHERE call_sid = $1 AND recorded = ''`, c.CallSID)
		return err
	})
}

// CallNotRecorded takes back CallRecorded, before or after it: there was nothing to hear. The call is looked at again if it was.
func (s *Store) CallNotRecorded(ctx context.Context, c CallInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := insertCall(ctx, tx, c); err != nil {
			return err
		}
		if err := s.Wake(ctx, tx, CallOver, c.Lane); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE call_in SET recorded = 'absent', state = CASE WHEN state = 'done' AND outcome = 'voicemail' THEN 'ended' ELSE state END
			WHERE call_sid = $1`, c.CallSID)
		return err
	})
}

// CallEnded notes the end of a call, once, and that it must be looked at.
func (s *Store) CallEnded(ctx context.Context, c CallInRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		began := c
		began.At = c.At.Add(-time.Duration(c.Seconds) * time.Second)
		if err := insertCall(ctx, tx, began); err != nil {
			return err
		}
		if err := s.Wake(ctx, tx, CallOver, c.Lane); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE call_in SET state = 'ended', ended_at = $1, answered = $2 WHERE call_sid = $3 AND state = 'open'`,
			c.At.UnixMicro(), c.Answered, c.CallSID)
		return err
	})
}

// NextCallOver returns the call of a lane that ended first and was not looked at since, and its outcome as it is known by
// now; nil if there is none.
func (s *Store) NextCallOver(ctx context.Context, lane string) (c *CallInRow, outcome string, err error) {
	var began, at int64
	c = &CallInRow{}
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT call_sid, lane, hotline, supporter, began_at, ended_at, recorded,
			CASE WHEN outcome = 'refused' THEN 'refused'
				WHEN recorded = 'yes' OR EXISTS (SELECT 1 FROM voicemail v WHERE v.call_sid = c.call_sid) THEN 'voicemail'
				WHEN talked OR answered AND EXISTS (SELECT 1 FROM call_leg l WHERE l.call_sid = c.call_sid AND l.accepted_at > 0) THEN 'talked'
				ELSE 'missed' END
		FROM call_in c WHERE lane = $1 AND state = 'ended' AND `+unpaused+` ORDER BY ended_at LIMIT 1`, lane).
		Scan(&c.CallSID, &c.Lane, &c.Hotline, &c.Supporter, &began, &at, &c.recorded, &outcome)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", nil
	}
	c.At = time.UnixMicro(at)
	c.Seconds = int(c.At.Sub(time.UnixMicro(began)).Round(time.Second) / time.Second)
	return c, outcome, err
}

// CallDone notes a call's outcome, with the entry that it leaves in the ticket, if any; steps say what else the ticket was told. If something else became known since
// NextCallOver it changes nothing, and the call is to be looked at again.
func (s *Store) CallDone(ctx context.Context, c *CallInRow, outcome string, entry *TextInRow, steps ...StepRow) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if entry != nil {
			if err := s.Wake(ctx, tx, TextIn, entry.Lane); err != nil {
				return err
			}
		}
		r, err := tx.ExecContext(ctx, `UPDATE call_in SET state = 'done', outcome = $1 WHERE call_sid = $2 AND state = 'ended' AND recorded = $3`, outcome, c.CallSID, c.recorded)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); n == 0 || err != nil {
			return err
		}
		if err := note(ctx, tx, steps...); err != nil || entry == nil {
			return err
		}
		_, err = insertTexts(ctx, tx, []TextInRow{*entry})
		return err
	})
}

// OpenCalls returns the calls that began before a time and have not ended as far as we were told, oldest first.
func (s *Store) OpenCalls(ctx context.Context, before time.Time) (calls []CallInRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var c CallInRow
		var at int64
		err := rows.Scan(&c.CallSID, &c.Lane, &c.Hotline, &c.Supporter, &at)
		c.At = time.UnixMicro(at)
		calls = append(calls, c)
		return err
	}, `SELECT call_sid, lane, hotline, supporter, began_at FROM call_in WHERE state = 'open' AND began_at < $1 ORDER BY began_at LIMIT 100`, before.UnixMicro())
	return calls, err
}

// LookedTill returns until when something was looked for, and first if it never was, which is noted.
func (s *Store) LookedTill(ctx context.Context, what string, first time.Time) (till time.Time, err error) {
	var at int64
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO looked (what, till) VALUES ($1, $2) ON CONFLICT (what) DO NOTHING`, what, first.UnixMicro()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT till FROM looked WHERE what = $1`, what).Scan(&at)
	})
	return time.UnixMicro(at), err
}

// longestLag is more than how far a sweep goes back (books.Sweep: calls, by 5 hours).
const longestLag = 6 * time.Hour

// LookedFor notes until when something was looked for. What was noted before stands if it is later, as at the beginning, when nothing older is to be
// looked for; but not if it is so much later that only a clock that was wrong can have said so.
func (s *Store) LookedFor(ctx context.Context, what string, till time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE looked SET till = $1 WHERE what = $2 AND (till < $1 OR till > $3)`, till.UnixMicro(), what, till.Add(longestLag).UnixMicro())
		return err
	})
}

// ForgetLooked lets something be looked for from the beginning.
func (s *Store) ForgetLooked(ctx context.Context, what string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM looked WHERE what = $1`, what)
		return err
	})
}

// LegRow is a volunteer's phone in a call.
type LegRow struct {
	LegSID, CallSID string
	Phone           phone.Number
	Round           int
	At              time.Time
	AcceptedAt      time.Time // when its volunteer took the call, as far as it is read
	Status          string    // Twilio's, when it has ended
	EndedAt         time.Time
}

// LegAnswered notes that a phone was picked up.
func (s *Store) LegAnswered(ctx context.Context, l LegRow) error { return s.leg(ctx, l, "answered_at") }

// LegEnded notes that a phone's leg has ended, however late or early that is told.
func (s *Store) LegEnded(ctx context.Context, l LegRow) error { return s.leg(ctx, l, "ended_at") }

func (s *Store) leg(ctx context.Context, l LegRow, column string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error { return setLeg(ctx, tx, l, column) })
}

// setLeg notes when something happened to a leg: at the earliest time that is told, since what tells of it may overtake each other.
func setLeg(ctx context.Context, tx *sql.Tx, l LegRow, column string) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO call_leg (leg_sid, call_sid, phone, round, `+column+`, status) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (leg_sid) DO UPDATE SET `+column+` = EXCLUDED.`+column+`,
			status = CASE WHEN EXCLUDED.status = '' THEN call_leg.status ELSE EXCLUDED.status END
		WHERE call_leg.`+column+` = 0 OR call_leg.`+column+` > EXCLUDED.`+column, l.LegSID, l.CallSID, string(l.Phone), l.Round, l.At.UnixMicro(), l.Status)
	if err != nil {
		return fmt.Errorf("noting a leg: %w", err)
	}
	return nil
}

// Claim lets a phone take the call, unless another one has taken it in the same round. Asking again gives the same answer.
func (s *Store) Claim(ctx context.Context, l LegRow) (mine bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO call_claim (call_sid, round, leg_sid) VALUES ($1, $2, $3) ON CONFLICT (call_sid, round) DO NOTHING`,
			l.CallSID, l.Round, l.LegSID); err != nil {
			return err
		}
		var winner string
		if err := tx.QueryRowContext(ctx, `SELECT leg_sid FROM call_claim WHERE call_sid = $1 AND round = $2`, l.CallSID, l.Round).Scan(&winner); err != nil {
			return err
		}
		if mine = winner == l.LegSID; !mine {
			return nil
		}
		return setLeg(ctx, tx, l, "accepted_at")
	})
	return mine, err
}

// NextRound notes the phones that ring after a round in which nobody talked. Should a phone have taken the call in it, that is taken back:
// they were not connected.
func (s *Store) NextRound(ctx context.Context, callSID string, round int, ringing string) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE call_in SET ringing = $1 WHERE call_sid = $2`, ringing, callSID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE call_leg SET accepted_at = 0 WHERE call_sid = $1 AND round = $2 AND accepted_at > 0`, callSID, round)
		return err
	})
}

// longestCall is when Twilio ends a call at the latest: https://www.twilio.com/docs/voice/twiml/dial#timelimit.
const longestCall = 4 * time.Hour

// CallFacts is what a call's flow may want to know.
type CallFacts struct {
	Blocked bool
	Paused  bool                       // the hotline
	Busy    []phone.Number             // phones that are on a call of ours, callers' and agents' included
	Talked  map[phone.Number]time.Time // when phones last ended a talk, of the last weeks
	Legs    []LegRow                   // of this very call; At is when it was answered, zero if it never was
}

// CallFacts returns what is known of a call, and of all phones.
func (s *Store) CallFacts(ctx context.Context, callSID, supporter string, hotline phone.Number, now time.Time) (f CallFacts, err error) {
	block, err := s.Blocked(ctx, supporter, hotline, now)
	if err != nil {
		return f, err
	}
	pause, err := s.Paused(ctx, hotline)
	if err != nil {
		return f, err
	}
	f.Blocked, f.Paused, f.Talked = block != nil, pause != nil, map[phone.Number]time.Time{}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var n phone.Number
		err := rows.Scan(&n)
		f.Busy = append(f.Busy, n)
		return err
	}, `SELECT phone FROM call_leg WHERE ended_at = 0 AND answered_at > 0 AND answered_at > $1
		UNION SELECT supporter FROM call_in WHERE state = 'open' AND began_at > $1
		UNION SELECT agent_phone FROM call_back WHERE state <> 'ended' AND state_at > $1`, now.Add(-longestCall).UnixMicro())
	if err != nil {
		return f, err
	}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var n phone.Number
		var at int64
		err := rows.Scan(&n, &at)
		f.Talked[n] = time.UnixMicro(at)
		return err
	}, `SELECT phone, max(ended_at) FROM call_leg WHERE accepted_at > 0 AND ended_at > $1 GROUP BY phone`, now.AddDate(0, 0, -28).UnixMicro())
	if err != nil {
		return f, err
	}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var l LegRow
		var at, ended int64
		err := rows.Scan(&l.LegSID, &l.Phone, &l.Round, &at, &l.Status, &ended)
		l.At, l.EndedAt = fromMicros(at), fromMicros(ended)
		f.Legs = append(f.Legs, l)
		return err
	}, `SELECT leg_sid, phone, round, answered_at, status, ended_at FROM call_leg WHERE call_sid = $1`, callSID)
	return f, err
}

// OpenLegs returns the legs that were answered before a time and have not ended as far as we were told.
func (s *Store) OpenLegs(ctx context.Context, before time.Time) (legs []LegRow, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var l LegRow
		err := rows.Scan(&l.LegSID, &l.CallSID, &l.Phone, &l.Round)
		legs = append(legs, l)
		return err
	}, `SELECT leg_sid, call_sid, phone, round FROM call_leg WHERE ended_at = 0 AND answered_at > 0 AND answered_at < $1 ORDER BY answered_at LIMIT 100`, before.UnixMicro())
	return legs, err
}

// each calls scan for each row of a query. db may be a transaction.
func each(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
