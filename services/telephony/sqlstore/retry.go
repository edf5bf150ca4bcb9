package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// retryBatch is how much is taken up in one transaction.
const retryBatch = 500

// RetryTexts takes up again those of the given texts, voicemails and missed calls that are dead, or unrouted at one of these numbers. Each
// stands again where it stood in its lane. It returns the ids of those that go on.
func (s *Store) RetryTexts(ctx context.Context, ids []string, routed []phone.Number, st StepRow) ([]string, error) {
	w := where{}.and("message_sid IN ("+marks(len(ids))+")", anys(ids)...)
	dead := "state = 'dead'"
	if len(routed) > 0 {
		w = w.and("("+dead+" OR state = 'unrouted' AND hotline IN ("+marks(len(routed))+"))", anys(routed)...)
	} else {
		w = w.and(dead)
	}
	return s.retryTexts(ctx, w, st)
}

// RetryDead takes up again all texts, voicemails or missed calls, as the kinds of items say, that died before the time of st, a batch at a
// time: call it until it returns none.
func (s *Store) RetryDead(ctx context.Context, kinds []string, st StepRow) ([]string, error) {
	names := map[string]string{ItemTextIn: "", ItemVoicemail: VoicemailIn, ItemMissed: MissedCall}
	var rows []string
	for _, kind := range kinds {
		if name, ok := names[kind]; ok {
			rows = append(rows, name)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return s.retryTexts(ctx, where{}.and("state IN ('refused', 'unrouted', 'dead') AND state = 'dead'").and("kind IN ("+marks(len(rows))+")", anys(rows)...), st)
}

// Reroute takes up the texts to a number that were put aside before the time of st because it was no hotline's, a batch at a time: call it
// until it returns none.
func (s *Store) Reroute(ctx context.Context, hotline phone.Number, st StepRow) ([]string, error) {
	return s.retryTexts(ctx, where{}.and("state = 'unrouted' AND hotline = ?", string(hotline)), st)
}

// retryTexts takes up a batch of texts. What ends again meanwhile is not taken up twice.
func (s *Store) retryTexts(ctx context.Context, w where, st StepRow) (ids []string, err error) {
	w = w.and("COALESCE(done_at, 0) <= ?", st.At.UnixMicro())
	type row struct{ id, lane, state, reason string }
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		ids = nil
		var found []row
		var lanes []string
		if err := each(ctx, tx, func(rows *sql.Rows) error {
			var r row
			err := rows.Scan(&r.id, &r.lane, &r.state, &r.reason)
			found, lanes = append(found, r), append(lanes, r.lane)
			return err
		}, fmt.Sprintf(`SELECT message_sid, lane, state, reason FROM text_in WHERE TRUE%s ORDER BY seq LIMIT %d`, w.text, retryBatch), w.args...); err != nil {
			return err
		}
		if err := s.Wake(ctx, tx, TextIn, inOrder(lanes)...); err != nil {
			return err
		}
		for _, r := range found {
			taken, err := take(ctx, tx, `UPDATE text_in SET state = 'pending', reason = '', attempts = 0, done_at = NULL WHERE message_sid = $1 AND state = $2`,
				r.id, r.state, r.reason, st)
			if err != nil {
				return err
			}
			if taken {
				ids = append(ids, r.id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking up texts again: %w", err)
	}
	return ids, nil
}

// RetryMedia takes up again those of the given files that are dead, or without any all that died before the time of st, a batch at a time:
// call it until it returns none.
func (s *Store) RetryMedia(ctx context.Context, keys []string, st StepRow) (retried []string, err error) {
	w := where{}.and("state IN ('refused', 'dead') AND state = 'dead' AND ended_at <= ?", st.At.UnixMicro())
	if len(keys) > 0 {
		w = w.and("key IN ("+marks(len(keys))+")", anys(keys)...)
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		retried = nil
		var dead, lanes, reasons []string
		if err := each(ctx, tx, func(rows *sql.Rows) error {
			var key, lane, reason string
			err := rows.Scan(&key, &lane, &reason)
			dead, lanes, reasons = append(dead, key), append(lanes, lane), append(reasons, reason)
			return err
		}, fmt.Sprintf(`SELECT key, lane, reason FROM media_in WHERE TRUE%s ORDER BY seq, key LIMIT %d`, w.text, retryBatch), w.args...); err != nil {
			return err
		}
		if err := s.Wake(ctx, tx, MediaIn, inOrder(lanes)...); err != nil {
			return err
		}
		for i, key := range dead {
			taken, err := take(ctx, tx, `UPDATE media_in SET state = 'pending', reason = '', attempts = 0, ended_at = 0 WHERE key = $1 AND state = $2`,
				key, Dead, reasons[i], st)
			if err != nil {
				return err
			}
			if taken {
				retried = append(retried, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking up files again: %w", err)
	}
	return retried, nil
}

// take takes up one thing again by an update of its id and state, unless it is no longer in the state in which it was found.
func take(ctx context.Context, tx *sql.Tx, update, id, state, reason string, st StepRow) (taken bool, err error) {
	r, err := tx.ExecContext(ctx, update, id, state)
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, note(ctx, tx, about(st, id, "it was "+state+": "+reason))
}

// RetryTextOut sends a text that failed once more, if it surely never left: the carrier was not asked, or it refused each of the messages
// that failed. What the carrier took at any time is not sent again, whatever it said of it later; nor is what is private or has no words
// any more. patience is how long an agent's reply may take before the ticket is told that nothing is known yet.
func (s *Store) RetryTextOut(ctx context.Context, key string, patience time.Duration, st StepRow) (retried bool, err error) {
	var lane string
	if err := s.db.Read.QueryRowContext(ctx, `SELECT lane FROM text_out WHERE key = $1 AND state = 'failed' AND kind <> 'private'`, key).Scan(&lane); err != nil {
		return false, ignoreNone(err)
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		retried = false
		if err := s.Wake(ctx, tx, TextOut, lane); err != nil {
			return err
		}
		t, err := scanTextOut(tx.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE key = $1 AND state = 'failed'`+s.db.ForUpdate(), key))
		if err != nil {
			return ignoreNone(err)
		}
		var left int
		if err := tx.QueryRowContext(ctx, `
			SELECT count(*) FROM message_out m WHERE m.text_key = $1 AND m.state = 'failed' AND (m.body = '' AND m.media = '[]'
				OR EXISTS (SELECT 1 FROM attempt a WHERE a.message_key = m.key AND a.outcome IN ('open', 'accepted', 'unknown')))`, key).Scan(&left); err != nil || left > 0 {
			return err
		}
		var why string
		if err := tx.QueryRowContext(ctx, `
			SELECT CASE WHEN refused = '' THEN 'error ' || CAST(error_code AS text) ELSE refused END FROM message_out
			WHERE text_key = $1 AND state = 'failed' ORDER BY part LIMIT 1`, key).Scan(&why); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE message_out SET state = 'queued', error_code = 0, refused = '', not_before = 0, ended_at = 0 WHERE text_key = $1 AND state = 'failed'`, key); err != nil {
			return err
		}
		until := int64(0)
		if t.Kind == FromAgent {
			until = st.At.Add(patience).UnixMicro()
		}
		if _, err := tx.ExecContext(ctx, `UPDATE text_out SET tell = FALSE, telling = '', notes = 0, patient_until = $2 WHERE key = $1`, key, until); err != nil {
			return err
		}
		retried = true
		if err := note(ctx, tx, about(st, key, "it had failed: "+why)); err != nil {
			return err
		}
		return s.settle(ctx, tx, key, st.At)
	})
	if err != nil {
		return false, fmt.Errorf("taking up a text again: %w", err)
	}
	return retried, nil
}

func about(st StepRow, item, detail string) StepRow {
	st.Item, st.Detail = item, detail
	return st
}

func ignoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// marks are so many values in a condition of where.
func marks(n int) string {
	all := slices.Repeat([]byte("?, "), n)
	return string(all[:max(0, len(all)-2)])
}

func anys[T ~string](values []T) (all []any) {
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}
