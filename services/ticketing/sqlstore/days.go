package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
)

// LookedTill returns from when on something is to be looked for: first if it never was, which is noted.
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

// LookedFor notes until when something was looked for.
func (s *Store) LookedFor(ctx context.Context, what string, till time.Time) error {
	return s.exec(ctx, `UPDATE looked SET till = $1 WHERE what = $2 AND till < $1`, till.UnixMicro(), what)
}

// ListedReply is an agent's reply in Help Scout's list.
type ListedReply struct {
	ThreadID  int64
	Hotline   phone.Number
	WrittenAt time.Time
}

// RepliesListed notes that the replies of a conversation are in Help Scout's list, and returns the ids of those that are not handled,
// unless an event is waiting that may tell of them.
func (s *Store) RepliesListed(ctx context.Context, conversationID int64, replies []ListedReply) (lost []int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		lost = nil
		for _, r := range replies {
			if _, err := tx.ExecContext(ctx, `INSERT INTO reply_listed (thread_id, hotline, written_at) VALUES ($1, $2, $3) ON CONFLICT (thread_id) DO NOTHING`,
				r.ThreadID, string(r.Hotline), r.WrittenAt.UnixMicro()); err != nil {
				return err
			}
			var handled bool
			if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM reply WHERE thread_id = $1) OR EXISTS (SELECT 1 FROM `+eventPending+` AND lane = $2)`,
				r.ThreadID, strconv.FormatInt(conversationID, 10)).Scan(&handled); err != nil {
				return err
			}
			if !handled {
				lost = append(lost, r.ThreadID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("noting which replies are listed: %w", err)
	}
	return lost, nil
}

// RepliesFound notes of replies that nobody had told us of them.
func (s *Store) RepliesFound(ctx context.Context, threadIDs []int64, event string, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, id := range threadIDs {
			if _, err := tx.ExecContext(ctx, `UPDATE reply_listed SET found_at = $1 WHERE thread_id = $2 AND found_at = 0`, now.UnixMicro(), id); err != nil {
				return err
			}
		}
		return addSteps(ctx, tx, event, now, Step{What: "found in Help Scout's list: its webhook has not reached us", Trouble: true})
	})
}

// ForgetListed forgets the replies from before a time.
func (s *Store) ForgetListed(ctx context.Context, before time.Time) error {
	return s.exec(ctx, `DELETE FROM reply_listed WHERE written_at < $1`, before.UnixMicro())
}

// CountReplies counts the replies that are listed, day by day since a time, which of them are sent or refused, which were found, and which
// should be sent or refused and are not.
func (s *Store) CountReplies(ctx context.Context, since, now time.Time) (books.Counts, error) {
	return books.Query(ctx, s.db, fmt.Sprintf(`
		SELECT l.written_at / %d, l.hotline, count(*), count(r.thread_id), COALESCE(SUM(CASE WHEN l.found_at > 0 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN r.thread_id IS NULL AND l.written_at < $2 THEN 1 ELSE 0 END), 0)
		FROM reply_listed l LEFT JOIN reply r ON r.thread_id = l.thread_id WHERE l.written_at >= $1 GROUP BY 1, 2`, books.DayMicros),
		since.UnixMicro(), now.Add(-books.Overdue).UnixMicro())
}

// ThreadsOfEntries returns which of some threads are entries'.
func (s *Store) ThreadsOfEntries(ctx context.Context, threadIDs []int64) (map[int64]bool, error) {
	known := map[int64]bool{}
	for some := range slices.Chunk(threadIDs, 1000) { // databases limit how many placeholders there may be
		in, args := inList(1, some)
		if err := s.each(ctx, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			known[id] = true
			return err
		}, `SELECT thread_id FROM entry WHERE thread_id <> 0 AND thread_id IN `+in, args...); err != nil {
			return nil, fmt.Errorf("looking for the entries of threads: %w", err)
		}
	}
	return known, nil
}

// Unnamed returns when the texts of a lane were posted, since a time, of which we do not know which thread they are: that
// is so of the first one of a conversation, and of one that is being posted.
func (s *Store) Unnamed(ctx context.Context, lane string, since time.Time) (posted []time.Time, err error) {
	return posted, s.each(ctx, func(rows *sql.Rows) error {
		var at int64
		err := rows.Scan(&at)
		posted = append(posted, time.UnixMicro(at))
		return err
	}, `SELECT opened_at FROM entry WHERE lane = $1 AND kind = 'text' AND thread_id = 0 AND state IN ('done', 'posting') AND opened_at > $2 ORDER BY opened_at`,
		lane, since.UnixMicro())
}
