package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LanesOf returns the lanes of a supporter: those of these names that there are, and those that have their number.
func (s *Store) LanesOf(ctx context.Context, supporter string, names []string) (lanes []string, err error) {
	in, args := inList(3, names)
	return lanes, s.each(ctx, func(rows *sql.Rows) error {
		var lane string
		err := rows.Scan(&lane)
		lanes = append(lanes, lane)
		return err
	}, `SELECT id FROM lane WHERE substr(supporter, length(supporter) - 3) = $1 AND supporter = $2
		UNION SELECT id FROM lane WHERE id IN `+in+` UNION SELECT lane FROM entry WHERE lane IN `+in+` ORDER BY 1`,
		append([]any{supporter[max(0, len(supporter)-4):], supporter}, args...)...)
}

// Whereabouts is a conversation that has, or had, something of a supporter's in it.
type Whereabouts struct {
	ConversationID int64
	LastAt         time.Time // when the last entry was put there, as far as is known
}

// Conversations returns those of some lanes.
func (s *Store) Conversations(ctx context.Context, lanes []string) (all []Whereabouts, err error) {
	if len(lanes) == 0 {
		return nil, nil
	}
	in, args := inList(1, lanes)
	return all, s.each(ctx, func(rows *sql.Rows) error {
		var c Whereabouts
		var at int64
		err := rows.Scan(&c.ConversationID, &at)
		c.LastAt = fromMicros(at)
		all = append(all, c)
		return err
	}, `SELECT conversation_id, max(at) FROM (
			SELECT conversation_id, created_at AS at FROM entry WHERE lane IN `+in+` AND kind <> 'note'
			UNION ALL SELECT conversation_id, 0 FROM entry WHERE lane IN `+in+`
			UNION ALL SELECT conversation_id, handled_at FROM reply WHERE lane IN `+in+` AND lane <> ''
			UNION ALL SELECT conversation_id, 0 FROM lane WHERE id IN `+in+`) c
		WHERE conversation_id <> 0 GROUP BY conversation_id ORDER BY conversation_id`, args...)
}

// Threads returns the threads in a conversation that are known to be of some lanes: what was written, files, and notes about it.
func (s *Store) Threads(ctx context.Context, conversationID int64, lanes []string) (ids []int64, err error) {
	in, args := inList(2, lanes)
	return ids, s.each(ctx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT thread_id FROM entry WHERE conversation_id = $1 AND conversation_id <> 0 AND lane IN `+in+` AND thread_id <> 0
		UNION SELECT thread_id FROM reply WHERE conversation_id = $1 AND lane IN `+in, append([]any{conversationID}, args...)...)
}

// HoldLane takes the lease of a lane that there is, or returns nil. ErrBusy: try again.
func (s *Store) HoldLane(ctx context.Context, id string, now, until time.Time) (l *Lane, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM lane WHERE id = $1)`, id).Scan(&there); err != nil || !there {
			return err
		}
		l, err = lease(ctx, tx, Lane{ID: id}, now, until)
		return err
	})
	return l, err
}

// FreeLane gives a lease back.
func (s *Store) FreeLane(ctx context.Context, l *Lane) error {
	return s.exec(ctx, `UPDATE lane SET lease = '' WHERE id = $1 AND lease = $2`, l.ID, l.lease)
}

// DropWaiting ends what waits in lanes, and the replies that wait in conversations: nothing more of it is posted or sent.
func (s *Store) DropWaiting(ctx context.Context, lanes []string, conversationIDs []int64, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		in, args := inList(2, lanes)
		if _, err := tx.ExecContext(ctx, `UPDATE entry SET state = 'refused', reason = 'erased', ended_at = $1 WHERE lane IN `+in+` AND kind = 'note' AND state IN ('pending', 'posting')`,
			append([]any{now.UnixMicro()}, args...)...); err != nil {
			return fmt.Errorf("dropping notes: %w", err)
		}
		in, args = inList(2, asText(conversationIDs))
		if _, err := tx.ExecContext(ctx, `UPDATE event SET state = 'done', ended_at = $1 WHERE lane IN `+in+` AND state = 'pending'`,
			append([]any{now.UnixMicro()}, args...)...); err != nil {
			return fmt.Errorf("dropping replies: %w", err)
		}
		return nil
	})
}

// EraseConversation deletes what is known of a conversation that is not in Help Scout any more, and sees to it that nothing that is still
// told of it is kept. It returns how many entries, events and replies there were.
func (s *Store) EraseConversation(ctx context.Context, id int64, now time.Time) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		n = 0
		if _, err := tx.ExecContext(ctx, `INSERT INTO erased (conversation_id, at) VALUES ($1, $2) ON CONFLICT (conversation_id) DO UPDATE SET at = EXCLUDED.at`, id, now.UnixMicro()); err != nil {
			return err
		}
		lane := strconv.FormatInt(id, 10)
		return execAll(ctx, tx, &n,
			statement{`DELETE FROM step WHERE item IN (SELECT hash FROM event WHERE lane = $1)`, []any{lane}, false},
			statement{`DELETE FROM event WHERE lane = $1`, []any{lane}, true},
			statement{`DELETE FROM step WHERE item IN (SELECT key FROM entry WHERE conversation_id = $1 AND conversation_id <> 0)`, []any{id}, false},
			statement{`DELETE FROM entry WHERE conversation_id = $1 AND conversation_id <> 0`, []any{id}, true},
			statement{noReplyFiles + `conversation_id = $1)`, []any{id}, false},
			statement{`UPDATE reply SET conversation_id = 0, event = '', trace = '' WHERE conversation_id = $1`, []any{id}, true},
		)
	})
	if err != nil {
		return 0, fmt.Errorf("erasing conversation %d: %w", id, err)
	}
	return n, nil
}

const noReplyFiles = `DELETE FROM reply_file WHERE EXISTS (SELECT 1 FROM reply r
	WHERE substr(reply_file.key, 1, length('reply:' || r.thread_id || ':')) = 'reply:' || r.thread_id || ':' AND r.`

// ForgetEvents forgets what Help Scout has told of a conversation: the words, not that it did. Who needs them asks Help Scout.
func (s *Store) ForgetEvents(ctx context.Context, conversationID int64) error {
	return s.exec(ctx, `UPDATE event SET body = $2 WHERE lane = $1 AND `+hasWords, strconv.FormatInt(conversationID, 10), noWords)
}

// EraseLane deletes a lane that is held, with its entries. That its replies were handled stays known, without whose they were.
func (s *Store) EraseLane(ctx context.Context, l *Lane) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		n = 0
		// Whoever files a note wakes the lane before they look whether it is there.
		if err := s.Wake(ctx, tx, Notes, l.ID); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `DELETE FROM lane WHERE id = $1 AND lease = $2 AND lease <> ''`, l.ID, l.lease)
		if err != nil {
			return err
		}
		if gone, err := r.RowsAffected(); err != nil || gone == 0 {
			return errors.Join(err, errLost)
		}
		return eraseEntries(ctx, tx, l.ID, &n)
	})
	if err != nil {
		return 0, fmt.Errorf("erasing a lane: %w", err)
	}
	return n, nil
}

// EraseEntries does the same for a lane that is not there but for its entries.
func (s *Store) EraseEntries(ctx context.Context, lane string) (n int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		n = 0
		if err := s.Wake(ctx, tx, Notes, lane); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM lane WHERE id = $1)`, lane).Scan(&there); err != nil || there {
			return err
		}
		return eraseEntries(ctx, tx, lane, &n)
	})
	return n, err
}

func eraseEntries(ctx context.Context, tx *sql.Tx, lane string, n *int64) error {
	mailbox, _, _ := strings.Cut(lane, "|")
	return execAll(ctx, tx, n,
		statement{`DELETE FROM step WHERE item IN (SELECT key FROM entry WHERE lane = $1)`, []any{lane}, false},
		statement{`DELETE FROM entry WHERE lane = $1`, []any{lane}, true},
		statement{noReplyFiles + `lane = $1 AND r.lane <> '')`, []any{lane}, false},
		statement{`UPDATE reply SET lane = $2, conversation_id = 0, event = '', trace = '' WHERE lane = $1 AND lane <> ''`, []any{lane, mailbox + "|"}, true},
	)
}

// ForgetErased forgets which conversations were erased before a time.
func (s *Store) ForgetErased(ctx context.Context, before time.Time) error {
	return s.exec(ctx, `DELETE FROM erased WHERE at < $1`, before.UnixMicro())
}

// statement is one of several; what it changes counts or not.
type statement struct {
	text   string
	args   []any
	counts bool
}

func execAll(ctx context.Context, tx *sql.Tx, n *int64, all ...statement) error {
	for _, s := range all {
		r, err := tx.ExecContext(ctx, s.text, s.args...)
		if err != nil {
			return err
		}
		changed, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if s.counts {
			*n += changed
		}
	}
	return nil
}

func asText(ids []int64) (all []string) {
	for _, id := range ids {
		all = append(all, strconv.FormatInt(id, 10))
	}
	return slices.Compact(all)
}
