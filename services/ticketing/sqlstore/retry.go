package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// dead is where items stand that were given up and that ticketing can take up by itself. Texts and files are whose they are: they are tried
// again when telephony comes with them (Hold).
var dead = map[string]struct{ table, where, id, topic string }{
	Note:      {"entry", entryKind + ` = 'note' AND state = 'dead' AND state <> 'done'`, "key", Notes},
	EventItem: {"event", `state = 'dead' AND state <> 'done'`, "hash", Replies},
}

// retryBatch is how many items are taken up in one commit.
const retryBatch = 500

// Retry takes up items of a kind that were given up, and wakes their lanes: the one with an id, or without one all. Those that are given
// up again meanwhile are left. It returns their ids.
func (s *Store) Retry(ctx context.Context, kind, id string, by Step, now time.Time) (all []string, err error) {
	if _, ok := dead[kind]; !ok {
		return nil, nil
	}
	for after, more := int64(0), true; more && err == nil; {
		var ids []string
		var last int64
		err = s.db.Update(ctx, func(tx *sql.Tx) (err error) {
			ids, last, err = s.retry(ctx, tx, kind, id, after, by, now)
			return err
		})
		if err != nil {
			return all, fmt.Errorf("taking up what is dead: %w", err)
		}
		all, after, more = append(all, ids...), last, id == "" && last > 0
	}
	return all, nil
}

// deadRow is an item that was given up.
type deadRow struct {
	seq, ended       int64
	id, lane, reason string
}

// retry takes up the next batch after an item, and returns the last one of it; 0: there is none.
func (s *Store) retry(ctx context.Context, tx *sql.Tx, kind, id string, after int64, by Step, now time.Time) (ids []string, last int64, err error) {
	d := dead[kind]
	which, args := d.where, []any{after, retryBatch}
	if id != "" {
		which, args = which+` AND `+d.id+` = $3`, append(args, id)
	}
	rows, err := tx.QueryContext(ctx, `SELECT seq, `+d.id+`, lane, reason, ended_at FROM `+d.table+` WHERE `+which+` AND seq > $1 ORDER BY seq LIMIT $2`, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var found []deadRow
	var lanes []string
	for rows.Next() {
		var r deadRow
		if err := rows.Scan(&r.seq, &r.id, &r.lane, &r.reason, &r.ended); err != nil {
			return nil, 0, err
		}
		found, lanes, last = append(found, r), append(lanes, r.lane), r.seq
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return nil, 0, err
	}
	slices.Sort(lanes)
	if err := s.Wake(ctx, tx, d.topic, slices.Compact(lanes)...); err != nil {
		return nil, 0, err
	}
	for _, r := range found {
		result, err := tx.ExecContext(ctx, `UPDATE `+d.table+` SET state = 'pending', attempts = 0, reason = '', ended_at = 0 WHERE seq = $1 AND state = 'dead'`, r.seq)
		if err != nil {
			return nil, 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return nil, 0, err
		}
		if n == 0 {
			continue // somebody else has
		}
		if err := addSteps(ctx, tx, r.id, now, takenUp(r.reason, fromMicros(r.ended), by)...); err != nil {
			return nil, 0, err
		}
		ids = append(ids, r.id)
	}
	return ids, last, nil
}
