package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Topics are all topics of ticketing's jobs.
var Topics = []string{Notes, Replies}

// waiting is what waits in a topic.
var waiting = map[string]struct{ from, at, id string }{
	Notes:   {notePending, "created_at", "key"},
	Replies: {eventPending, "received_at", "hash"},
}

// Oldest returns when the oldest work of a topic was accepted; false when there is none.
func (s *Store) Oldest(ctx context.Context, topic string) (time.Time, bool, error) {
	w := waiting[topic]
	var at sql.NullInt64
	err := s.db.Read.QueryRowContext(ctx, `SELECT min(`+w.at+`) FROM `+w.from).Scan(&at)
	return time.UnixMicro(at.Int64), at.Valid, err
}

// Waiting is the work of a topic, or of one lane of it.
type Waiting struct {
	Topic          string
	Count          int64
	Lanes          int64     // of a topic
	Oldest         time.Time // zero: there is none
	First          string    // of a lane: the id of the oldest
	Hotline        string    // of a lane: the number, if it is known
	Supporter      string    // of a lane: the number, if it is known
	ConversationID int64     // of a lane of replies
}

// Waiting returns how much work waits in each topic.
func (s *Store) Waiting(ctx context.Context) (all []Waiting, err error) {
	for _, topic := range Topics {
		w := Waiting{Topic: topic}
		var oldest sql.NullInt64
		if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT lane), min(`+waiting[topic].at+`) FROM `+waiting[topic].from).
			Scan(&w.Count, &w.Lanes, &oldest); err != nil {
			return nil, fmt.Errorf("counting what waits: %w", err)
		}
		w.Oldest = fromMicros(oldest.Int64)
		all = append(all, w)
	}
	return all, nil
}

// OldestLanes returns the lanes that wait longest, oldest first, at most limit.
func (s *Store) OldestLanes(ctx context.Context, limit int) (all []Waiting, err error) {
	for _, topic := range Topics {
		w := waiting[topic]
		whose, conversation := `w.lane`, `0`
		if topic == Replies {
			whose, conversation = `(SELECT min(l.id) FROM lane l WHERE l.conversation_id <> 0 AND l.conversation_id = CAST(w.lane AS bigint))`, `CAST(w.lane AS bigint)`
		}
		if err := s.each(ctx, func(rows *sql.Rows) error {
			one := Waiting{Topic: topic}
			var oldest int64
			err := rows.Scan(&one.Count, &oldest, &one.First, &one.ConversationID, &one.Hotline, &one.Supporter)
			one.Oldest = time.UnixMicro(oldest)
			all = append(all, one)
			return err
		}, `SELECT x.n, x.oldest, x.first, x.conversation, COALESCE(l.hotline, ''), COALESCE(l.supporter, '') FROM (
				SELECT w.n, w.oldest, (SELECT `+w.id+` FROM `+w.from+` AND lane = w.lane ORDER BY seq LIMIT 1) AS first, `+whose+` AS whose, `+conversation+` AS conversation
				FROM (SELECT lane, count(*) AS n, min(`+w.at+`) AS oldest FROM `+w.from+` GROUP BY lane ORDER BY min(`+w.at+`) LIMIT $1) w) x
			LEFT JOIN lane l ON l.id = x.whose`, limit); err != nil {
			return nil, fmt.Errorf("reading the oldest lanes: %w", err)
		}
	}
	slices.SortStableFunc(all, func(a, b Waiting) int { return a.Oldest.Compare(b.Oldest) })
	return all[:min(limit, len(all))], nil
}

// Count is how many items of a kind are in a state.
type Count struct {
	Kind, State string
	Count       int64
}

// Counts returns how many items are dead, and how many ended well since a time: of those that are ticketing's own. What became of texts
// and their files is in telephony's ledger.
func (s *Store) Counts(ctx context.Context, since time.Time) (all []Count, err error) {
	for _, c := range []struct {
		kind, state, where string
		args               []any
	}{
		{Note, Dead, `entry WHERE ` + entryKind + ` = 'note' AND state = 'dead' AND state <> 'done'`, nil},
		{EventItem, Dead, `event WHERE state = 'dead' AND state <> 'done'`, nil},
		{Note, Done, `entry WHERE ` + entryKind + ` = 'note' AND state = 'done' AND created_at > $1`, []any{since.UnixMicro()}},
		{ReplyItem, Done, `reply WHERE state = 'sent' AND handled_at > $1`, []any{since.UnixMicro()}},
	} {
		one := Count{Kind: c.kind, State: c.state}
		if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM `+c.where, c.args...).Scan(&one.Count); err != nil {
			return nil, fmt.Errorf("counting items: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}

// Budget is what Help Scout allows the account in a minute.
type Budget struct {
	Allowed, Left int       // units; 0: not known, or no limit
	BlockedUntil  time.Time // zero: Help Scout does not refuse
}

// Budget returns how the budget stands.
func (s *Store) Budget(ctx context.Context, now time.Time) (b Budget, err error) {
	var blocked int64
	if err := s.db.Read.QueryRowContext(ctx, `SELECT allowed, blocked_until FROM budget WHERE id = 1`).Scan(&b.Allowed, &blocked); err != nil {
		return b, fmt.Errorf("reading the budget: %w", err)
	}
	if until := time.UnixMicro(blocked); until.After(now) {
		b.BlockedUntil = until
	}
	if b.Allowed > 0 {
		b.Left, _, err = s.Left(ctx, now)
	}
	return b, err
}
