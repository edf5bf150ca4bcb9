package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// forgetBatch is how many rows are forgotten in one commit.
const forgetBatch = 500

// ForgetWords forgets the words of a mailbox's notes and events from before a time, as far as they have ended, a batch at a time: call it until
// it says that there are no more.
func (s *Store) ForgetWords(ctx context.Context, mailboxID int64, before time.Time) (more bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var n int64
		err := execAll(ctx, tx, &n,
			statement{fmt.Sprintf(`UPDATE entry SET body = '' WHERE seq IN (
				SELECT seq FROM entry WHERE kind = 'note' AND body <> '' AND created_at < $1 AND lane LIKE $2 AND state IN ('done', 'refused') ORDER BY created_at LIMIT %d)`, forgetBatch),
				[]any{before.UnixMicro(), ofMailbox(mailboxID)}, true},
			statement{fmt.Sprintf(`UPDATE event SET body = $3 WHERE seq IN (
				SELECT seq FROM event WHERE `+hasWords+` AND mailbox_id = $2 AND received_at < $1 AND state = 'done' ORDER BY received_at LIMIT %d)`, forgetBatch),
				[]any{before.UnixMicro(), mailboxID, noWords}, true})
		more = n >= forgetBatch
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forgetting words: %w", err)
	}
	return more, nil
}

// ofMailbox is how the lanes of a mailbox begin, for LIKE.
func ofMailbox(id int64) string { return strconv.FormatInt(id, 10) + "|%" }

// ForgetRecords deletes entries, events and replies of a mailbox from before a time, as far as they have ended, and lanes that have nothing
// left, a batch at a time: call it until it says that there are no more. Replies from before that time count as not ours from now on, so that
// one that is seen again is not taken for new.
func (s *Store) ForgetRecords(ctx context.Context, mailboxID int64, before time.Time) (more bool, err error) {
	// The clocks may differ, and a reply is handled after it was written.
	const margin = 5 * time.Minute
	at, lanes := before.UnixMicro(), ofMailbox(mailboxID)
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		more = false
		for _, kind := range []string{Text, Note, Attachment} {
			some, err := forgetEntries(ctx, tx, kind, at, lanes)
			if err != nil {
				return err
			}
			more = more || some
		}
		var n int64
		err := execAll(ctx, tx, &n,
			statement{`DELETE FROM step WHERE item IN (` + oldEvents("hash") + `)`, []any{at, mailboxID}, false},
			statement{`DELETE FROM event WHERE hash IN (` + oldEvents("hash") + `)`, []any{at, mailboxID}, true},
			statement{`UPDATE mailbox SET since = $1 WHERE id = $2 AND since < $1`, []any{before.Add(margin).UnixMicro(), mailboxID}, false},
			statement{`DELETE FROM reply_file WHERE EXISTS (SELECT 1 FROM (` + oldReplies + `) r
				WHERE substr(reply_file.key, 1, length('reply:' || r.thread_id || ':')) = 'reply:' || r.thread_id || ':')`, []any{at, lanes}, false},
			statement{`DELETE FROM reply WHERE thread_id IN (` + oldReplies + `)`, []any{at, lanes}, true},
			statement{`DELETE FROM lane WHERE id IN (` + oldAdopted + `)`, []any{at, lanes, mailboxID}, true},
		)
		more = more || n >= forgetBatch
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forgetting records: %w", err)
	}
	return more, nil
}

func oldEvents(column string) string {
	return fmt.Sprintf(`SELECT %s FROM event WHERE received_at < $1 AND mailbox_id = $2 AND state = 'done' ORDER BY received_at LIMIT %d`, column, forgetBatch)
}

var oldReplies = fmt.Sprintf(`SELECT thread_id FROM reply WHERE handled_at < $1 AND lane LIKE $2 ORDER BY handled_at LIMIT %d`, forgetBatch)

// ForgetForeign forgets events that are of none of these mailboxes, as far as they have ended: the words of those from before one time, and
// those from before another altogether. Call it until it says that there are no more.
func (s *Store) ForgetForeign(ctx context.Context, ours []int64, words, records time.Time) (more bool, err error) {
	old := func(in, where string) string {
		return fmt.Sprintf(`(SELECT hash FROM event WHERE received_at < $1 AND mailbox_id NOT IN %s AND state = 'done' AND %s ORDER BY received_at LIMIT %d)`, in, where, forgetBatch)
	}
	in, ids := inList(2, ours)
	args := append([]any{records.UnixMicro()}, ids...)
	inWords, _ := inList(3, ours)
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var n int64
		err := execAll(ctx, tx, &n,
			statement{`DELETE FROM step WHERE item IN ` + old(in, `TRUE`), args, false},
			statement{`DELETE FROM event WHERE hash IN ` + old(in, `TRUE`), args, true},
			statement{`UPDATE event SET body = $2 WHERE hash IN ` + old(inWords, hasWords), append([]any{words.UnixMicro(), noWords}, ids...), true})
		more = n >= forgetBatch
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forgetting events of others: %w", err)
	}
	return more, nil
}

// oldAdopted are lanes that adoption made long ago, and that nobody has used since. Who comes back is looked for in Help Scout.
var oldAdopted = fmt.Sprintf(`SELECT id FROM lane WHERE adopted > 0 AND adopted < $1 AND id LIKE $2 AND lease = ''
	AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.lane = lane.id) AND (SELECT started_at FROM adoption WHERE mailbox_id = $3) < $1 LIMIT %d`, forgetBatch)

// forgetEntries deletes a batch of entries of a kind, and those of their lanes that have nothing left and that nobody holds.
func forgetEntries(ctx context.Context, tx *sql.Tx, kind string, before int64, lanes string) (more bool, err error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`
		SELECT key, lane FROM entry WHERE kind = $1 AND created_at < $2 AND lane LIKE $3 AND state IN ('done', 'refused') ORDER BY created_at LIMIT %d`, forgetBatch), kind, before, lanes)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var keys []string
	empty := map[string]bool{}
	for rows.Next() {
		var key, lane string
		if err := rows.Scan(&key, &lane); err != nil {
			return false, err
		}
		keys, empty[lane] = append(keys, key), true
	}
	if err := rows.Err(); err != nil || len(keys) == 0 {
		return false, err
	}
	rows.Close()
	in, args := inList(1, keys)
	for _, table := range []string{`step WHERE item`, `entry WHERE key`} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` IN `+in, args...); err != nil {
			return false, err
		}
	}
	for lane := range empty {
		if _, err := tx.ExecContext(ctx, `DELETE FROM lane WHERE id = $1 AND lease = '' AND NOT EXISTS (SELECT 1 FROM entry WHERE lane = $1)`, lane); err != nil {
			return false, err
		}
	}
	return len(keys) >= forgetBatch, nil
}
