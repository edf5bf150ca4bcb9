package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
)

// TextsListed notes that texts, or voicemails, are in the carrier's list, and returns those that the ledger has.
func (s *Store) TextsListed(ctx context.Context, sids []string) (known map[string]bool, err error) {
	return s.listed(ctx, "text_in", "message_sid", sids)
}

// TextsKnown returns those that the ledger has, and notes nothing.
func (s *Store) TextsKnown(ctx context.Context, sids []string) (known map[string]bool, err error) {
	known = map[string]bool{}
	for some := range slices.Chunk(sids, inOne) {
		in, args := list(1, some)
		if err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
			var sid string
			err := rows.Scan(&sid)
			known[sid] = true
			return err
		}, `SELECT message_sid FROM text_in WHERE message_sid IN `+in, args...); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// CallsListed is TextsListed for calls.
func (s *Store) CallsListed(ctx context.Context, sids []string) (known map[string]bool, err error) {
	return s.listed(ctx, "call_in", "call_sid", sids)
}

// inOne is how many ids are put into one statement.
const inOne = 500

func (s *Store) listed(ctx context.Context, table, column string, sids []string) (known map[string]bool, err error) {
	known = map[string]bool{}
	for some := range slices.Chunk(sids, inOne) {
		in, args := list(1, some)
		noted := true
		err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
			var sid string
			var listed bool
			err := rows.Scan(&sid, &listed)
			known[sid], noted = true, noted && listed
			return err
		}, `SELECT `+column+`, listed FROM `+table+` WHERE `+column+` IN `+in, args...)
		if err != nil {
			return nil, fmt.Errorf("looking for what is listed: %w", err)
		}
		if noted { // as nearly all are: the same lists are looked at again and again
			continue
		}
		err = s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE `+table+` SET listed = TRUE WHERE NOT listed AND `+column+` IN `+in, args...)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("noting what is listed: %w", err)
		}
	}
	return known, nil
}

// found is what is noted of what was in the carrier's list only.
const found = "found in the carrier's list: its webhook has not reached us"

// noteFound notes of texts that they were found.
func noteFound(ctx context.Context, tx *sql.Tx, texts []TextInRow, inserted map[string]bool) error {
	for _, t := range texts {
		if t.FoundAt.IsZero() || !inserted[t.MessageSID] {
			continue
		}
		step := StepRow{Item: t.MessageSID, At: t.FoundAt, What: found, Trouble: true, Trace: t.Trace}
		if t.Loaded { // nobody was to tell us
			step.What, step.Trouble = "brought in by a load", false
		}
		if err := note(ctx, tx, step); err != nil {
			return err
		}
	}
	return nil
}

// CallFound writes down a call that has ended and of which nobody told us: c.At is when it ended. It reports whether it is new.
func (s *Store) CallFound(ctx context.Context, c CallInRow, talked bool, now time.Time) (fresh bool, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := s.Wake(ctx, tx, CallOver, c.Lane); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `
			INSERT INTO call_in (call_sid, lane, hotline, supporter, began_at, ended_at, answered, talked, state, listed, found_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ended', TRUE, $9) ON CONFLICT (call_sid) DO NOTHING`,
			c.CallSID, c.Lane, string(c.Hotline), c.Supporter, c.At.Add(-time.Duration(c.Seconds)*time.Second).UnixMicro(), c.At.UnixMicro(), c.Answered, talked, now.UnixMicro())
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if fresh = n > 0; !fresh {
			return err
		}
		return note(ctx, tx, StepRow{Item: c.CallSID, At: now, What: found, Trouble: true})
	})
	return fresh && err == nil, err
}

// MessagesByID returns the messages that the carrier has under these ids, by the id of the attempt that it is of.
func (s *Store) MessagesByID(ctx context.Context, sids []string) (map[string]MessageOutRow, error) {
	found := map[string]MessageOutRow{}
	for some := range slices.Chunk(sids, inOne) {
		in, args := list(1, some)
		err := each(ctx, s.db.Read, func(rows *sql.Rows) error {
			var sid string
			var m MessageOutRow
			err := rows.Scan(&sid, &m.Key, &m.State, &m.MessageSID)
			found[sid] = m
			return err
		}, `SELECT a.message_sid, m.key, m.state, m.message_sid FROM attempt a JOIN message_out m ON m.key = a.message_key
			WHERE a.message_sid <> '' AND a.message_sid IN `+in, args...)
		if err != nil {
			return nil, fmt.Errorf("looking for messages by their ids: %w", err)
		}
	}
	return found, nil
}

// SentAlready reports whether messages with these words were sent to somebody lately, and of each of them the carrier's id is known, so that
// one with another id is none of them.
func (s *Store) SentAlready(ctx context.Context, hotline, supporter phone.Number, body string, at time.Time) (sent bool, err error) {
	const lately = 24 * time.Hour
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT COALESCE(min(CASE WHEN m.message_sid <> '' THEN 1 ELSE 0 END), 0) = 1 FROM text_out t JOIN message_out m ON m.text_key = t.key
		WHERE t.lane = $1 AND t.created_at > $2 AND t.created_at <= $3 AND m.body = $4 AND m.state <> 'queued' AND (m.state <> 'failed' OR m.message_sid <> '')`,
		string(hotline)+"|"+string(supporter), at.Add(-lately).UnixMicro(), at.Add(time.Minute).UnixMicro(), body).Scan(&sent)
	return sent, err
}

// ToAsk returns messages that the carrier has and has told nothing more of for some time, of the last days, oldest first.
func (s *Store) ToAsk(ctx context.Context, now time.Time, limit int) (messages []MessageOutRow, err error) {
	const soonest, latest = 10 * time.Minute, 72 * time.Hour
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		m, err := scanMessageOut(rows)
		messages = append(messages, m)
		return err
	}, `SELECT `+messageColumns+` FROM message_out
		WHERE created_at < $1 AND created_at > $2 AND state IN ('accepted', 'sent') AND ask_at <= $3 ORDER BY created_at LIMIT $4`,
		now.Add(-soonest).UnixMicro(), now.Add(-latest).UnixMicro(), now.UnixMicro(), limit)
	return messages, err
}

// Asked notes that the carrier was asked about a message. It is asked again when the message is twice as old.
func (s *Store) Asked(ctx context.Context, m MessageOutRow, now time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE message_out SET ask_at = $1 WHERE key = $2`, now.Add(now.Sub(m.CreatedAt)).UnixMicro(), m.Key)
		return err
	})
}

// CountTextsIn counts the texts that came in, day by day since a time: what is listed, what of that is in the ticket or kept out of it,
// what was found, and what should be in the ticket and is not.
func (s *Store) CountTextsIn(ctx context.Context, since, now time.Time) (books.Counts, error) {
	return s.countIn(ctx, `kind = ''`, since, now)
}

// CountVoicemails does the same for voicemails.
func (s *Store) CountVoicemails(ctx context.Context, since, now time.Time) (books.Counts, error) {
	return s.countIn(ctx, `kind = 'voicemail' AND kind <> ''`, since, now) // the second for the sake of an index
}

func (s *Store) countIn(ctx context.Context, kind string, since, now time.Time) (books.Counts, error) {
	return books.Query(ctx, s.db, fmt.Sprintf(`
		SELECT received_at / %d, hotline, %s, %s, %s, %s FROM text_in WHERE received_at >= $1 AND %s GROUP BY 1, 2`, books.DayMicros,
		number(`listed`), number(`listed AND state IN ('done', 'refused')`), number(`found_at > 0 AND NOT loaded`),
		number(`state IN ('dead', 'unrouted') OR state = 'pending' AND received_at < $2 AND `+unpaused), kind),
		since.UnixMicro(), now.Add(-books.Overdue).UnixMicro())
}

// longestOpen is how long a call may seem to go on before it counts as missing: nobody knows how it ended.
const longestOpen = longestCall + time.Hour

// CountCalls does the same for calls.
func (s *Store) CountCalls(ctx context.Context, since, now time.Time) (books.Counts, error) {
	return books.Query(ctx, s.db, fmt.Sprintf(`
		SELECT began_at / %d, hotline, %s, %s, %s, %s FROM call_in WHERE began_at >= $1 GROUP BY 1, 2`, books.DayMicros,
		number(`listed`), number(`listed AND state = 'done'`), number(`found_at > 0`),
		number(`state = 'ended' AND ended_at < $2 OR state = 'open' AND began_at < $3`)),
		since.UnixMicro(), now.Add(-books.Overdue).UnixMicro(), now.Add(-longestOpen).UnixMicro())
}

// CountTextsOut counts the messages that were to be sent. Delivered are those that are on the phone, or that the carrier has passed on
// (some never say more), or that failed for a reason, which the ticket has been told. Missing are those that we have had for an hour, and
// those that the carrier has had for longer than its queue holds any (10 hours: https://help.twilio.com/articles/115002943027). A
// message of which nobody can know whether it left is neither: the ticket says so, and it is not sent again.
func (s *Store) CountTextsOut(ctx context.Context, since, now time.Time) (books.Counts, error) {
	const ours, theirs = time.Hour, 11 * time.Hour
	return books.Query(ctx, s.db, fmt.Sprintf(`
		SELECT created_at / %d, hotline, count(*), %s, 0, %s FROM message_out WHERE created_at >= $1 GROUP BY 1, 2`, books.DayMicros,
		number(`state IN ('sent', 'delivered', 'failed')`),
		number(`state IN ('queued', 'sending') AND created_at < $2 AND `+unpaused+` OR state = 'accepted' AND created_at < $3`)),
		since.UnixMicro(), now.Add(-ours).UnixMicro(), now.Add(-theirs).UnixMicro())
}

// number is how many rows fulfil a condition.
func number(condition string) string {
	return `COALESCE(SUM(CASE WHEN ` + condition + ` THEN 1 ELSE 0 END), 0)`
}
