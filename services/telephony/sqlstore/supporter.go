package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// What a text that came in may say of calls.
const (
	NoCalls    = "no calls"
	CallsAgain = "calls" // again
)

// noCalls notes whether a supporter wants no calls from a hotline. It reports whether that is a change, also of what they said to
// another of our numbers. late is as in optOut.
func noCalls(ctx context.Context, tx *sql.Tx, hotline phone.Number, supporter string, refused bool, at time.Time, source string, late bool) (changed bool, err error) {
	fresh, changed, err := noteWish(ctx, tx, "no_calls", "refused", hotline, supporter, refused, at, source, late)
	if err != nil || !fresh || refused {
		return changed || fresh, err
	}
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM no_calls WHERE supporter = $1 AND hotline <> $2 AND refused)`, supporter, string(hotline)).Scan(&changed)
	return changed, err
}

// WantsNoCalls reports whether a supporter wants no calls from a hotline. What they last said counts, to whichever of its numbers.
func (s *Store) WantsNoCalls(ctx context.Context, numbers []phone.Number, supporter string) (refused bool, err error) {
	in, args := list(2, numbers)
	err = s.db.Read.QueryRowContext(ctx, `SELECT refused FROM no_calls WHERE supporter = $1 AND hotline IN `+in+` ORDER BY at DESC LIMIT 1`,
		append([]any{supporter}, args...)...).Scan(&refused)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return refused, err
}

// ForgetPrivate forgets the words and the numbers of private texts that are an hour old, once it is known what became of them, or after
// a day.
func (s *Store) ForgetPrivate(ctx context.Context, now time.Time) error {
	const old = `SELECT key FROM text_out WHERE kind = 'private' AND body <> '' AND (created_at < $1 AND state IN ('delivered', 'failed', 'unknown') OR created_at < $2 AND state NOT IN ('queued', 'sending'))`
	hour, day := now.Add(-time.Hour).UnixMicro(), now.Add(-24*time.Hour).UnixMicro()
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE message_out SET body = '', lane = '', supporter = '' WHERE text_key IN (`+old+`)`, hour, day); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE text_out SET body = '', lane = '', supporter = '' WHERE key IN (`+old+`)`, hour, day)
		return err
	})
}

// LastTextOut returns the last text to a supporter, with its messages; false if there is none.
func (s *Store) LastTextOut(ctx context.Context, lane string) (t TextOutRow, messages []MessageOutRow, found bool, err error) {
	t, err = scanTextOut(s.db.Read.QueryRowContext(ctx, `SELECT `+textColumns+` FROM text_out WHERE lane = $1 ORDER BY created_at DESC LIMIT 1`, lane))
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil, false, nil
	}
	if err != nil {
		return t, nil, false, err
	}
	messages, err = s.messages(ctx, t.Key)
	return t, messages, true, err
}

// PastCall is a call that has been, either way.
type PastCall struct {
	At        time.Time
	Kind      string // talked, voicemail, missed, or back
	Seconds   int
	Result    string // of a call back
	AgentName string // the same
}

// PastCalls returns the last calls of a lane, newest first.
func (s *Store) PastCalls(ctx context.Context, lane string, limit int) (calls []PastCall, err error) {
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var c PastCall
		var at int64
		err := rows.Scan(&at, &c.Kind, &c.Seconds, &c.Result, &c.AgentName)
		c.At = time.UnixMicro(at)
		calls = append(calls, c)
		return err
	}, `SELECT began_at, outcome, CASE WHEN ended_at > began_at THEN (ended_at - began_at) / 1000000 ELSE 0 END, '', '' FROM call_in
			WHERE lane = $1 AND outcome IN ('talked', 'voicemail', 'missed')
		UNION ALL SELECT created_at, 'back', talked_seconds, result, agent_name FROM call_back WHERE lane = $1 AND state = 'ended'
		ORDER BY 1 DESC LIMIT $2`, lane, limit)
	return calls, err
}
