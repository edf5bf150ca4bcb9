package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
)

// removal is what is done to the records of a kind; %s are their ids. A young one is emptied, so that its id is still known; what cannot come
// back is deleted.
type removal struct{ both, young, old []string }

const (
	emptyVoicemail = `UPDATE voicemail SET lane = '', supporter = '', url = '', transcript = '', transcript_state = 'told', conversation_id = 0, deleted = TRUE WHERE recording_sid IN %s`
	noSteps        = `DELETE FROM step WHERE item IN %s`
)

var removals = map[string]removal{
	ItemTextIn: {
		both: []string{
			noSteps,
			`DELETE FROM step WHERE item IN (SELECT key FROM media_in WHERE message_sid IN %s)`,
			`DELETE FROM media_in WHERE message_sid IN %s`,
		},
		young: []string{
			`UPDATE text_in SET lane = '', supporter = '', body = '', media = 'null', trace = '', call_sid = '', conversation_id = 0, opt = '', unanswered = '',
				reason = 'erased', state = CASE WHEN state = 'done' THEN 'done' ELSE 'refused' END WHERE message_sid IN %s`,
			emptyVoicemail,
		},
		old: []string{`DELETE FROM text_in WHERE message_sid IN %s`, `DELETE FROM voicemail WHERE recording_sid IN %s`},
	},
	ItemTextOut: {
		both: []string{
			noSteps,
			`DELETE FROM attempt WHERE message_key IN (SELECT key FROM message_out WHERE text_key IN %s)`,
			`DELETE FROM file_out WHERE EXISTS (SELECT 1 FROM text_out t WHERE t.key IN %s AND substr(file_out.key, 1, length(t.key) + 1) = t.key || ':')`,
		},
		young: []string{
			`UPDATE message_out SET lane = '', supporter = '', body = '', media = '[]', trace = '', message_sid = '',
				refused = CASE WHEN state IN ('sent', 'delivered', 'failed', 'unknown') THEN refused ELSE 'erased' END,
				state = CASE WHEN state IN ('sent', 'delivered', 'failed', 'unknown') THEN state ELSE 'failed' END,
				ask_at = ` + never + ` WHERE text_key IN %s`,
			`UPDATE text_out SET lane = '', supporter = '', body = '', remark = '', words = FALSE, trace = '', conversation_id = 0, tell = FALSE, telling = '', patient_until = 0,
				state = CASE WHEN state IN ('sent', 'delivered', 'failed', 'unknown') THEN state ELSE 'failed' END WHERE key IN %s`,
		},
		old: []string{
			`DELETE FROM doubled WHERE id IN (SELECT key FROM message_out WHERE text_key IN %s)`,
			`DELETE FROM message_out WHERE text_key IN %s`,
			`DELETE FROM text_out WHERE key IN %s`,
		},
	},
	ItemCall: {
		both:  []string{noSteps, `DELETE FROM call_leg WHERE call_sid IN %s`, `DELETE FROM call_claim WHERE call_sid IN %s`},
		young: []string{`UPDATE call_in SET lane = '', supporter = '', ringing = '', state = 'done' WHERE call_sid IN %s`},
		old:   []string{`DELETE FROM call_in WHERE call_sid IN %s`},
	},
	ItemCallBack: {
		both:  []string{noSteps},
		young: []string{`UPDATE call_back SET lane = '', supporter = '', conversation_id = 0, trace = '', told = TRUE, work = FALSE WHERE key IN %s`},
		old:   []string{`DELETE FROM call_back WHERE key IN %s`},
	},
	ItemVoicemail: {both: []string{noSteps}, young: []string{emptyVoicemail}, old: []string{`DELETE FROM voicemail WHERE recording_sid IN %s`}},
}

// never is a time that does not come.
const never = `9223372036854775807`

// RemoveRecords removes records, of which the carrier has nothing any more.
func (s *Store) RemoveRecords(ctx context.Context, all []Record, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	young, old := map[string][]string{}, map[string][]string{}
	for _, r := range all {
		of := young
		if r.named || !r.At.After(now.Add(-books.ComesBack)) {
			of = old
		}
		of[r.Kind] = append(of[r.Kind], r.ID)
	}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, kind := range RecordKinds {
			r := removals[kind]
			if err := execEach(ctx, tx, young[kind], r.both, r.young); err != nil {
				return err
			}
			if err := execEach(ctx, tx, old[kind], r.both, r.old); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("removing %d records: %w", len(all), err)
	}
	return nil
}

// execEach executes statements; each has the ids where it says %s.
func execEach(ctx context.Context, tx *sql.Tx, all []string, statements ...[]string) error {
	if len(all) == 0 {
		return nil
	}
	in, args := list(1, all)
	for _, some := range statements {
		for _, statement := range some {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(statement, in), args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// OnCall reports whether a call of a supporter's goes on, either way.
func (s *Store) OnCall(ctx context.Context, supporter string, now time.Time) (goesOn bool, err error) {
	w := of(supporter)
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM call_in WHERE state = 'open' AND began_at > $3`+w.text+`) OR EXISTS (SELECT 1 FROM call_back WHERE state <> 'ended'`+w.text+`)`,
		append(w.args, now.Add(-longestCall).UnixMicro())...).Scan(&goesOn)
	return goesOn, err
}

// DropWaiting ends now what waits of a supporter from until a time: nothing more of it is delivered, sent, or told to the ticket. Of what the
// carrier may have got nobody knows whether it left.
func (s *Store) DropWaiting(ctx context.Context, supporter string, till, now time.Time) error {
	w := of(supporter)
	due, ended := fmt.Sprintf(`%s AND %%s <= %d`, w.text, till.UnixMicro()), fmt.Sprint(now.UnixMicro())
	by := func(column string) string { return fmt.Sprintf(due, column) }
	texts := `SELECT key FROM text_out WHERE kind <> 'private'` + by("created_at")
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`UPDATE text_in SET state = 'refused', reason = 'erased', done_at = ` + ended + ` WHERE state IN ('pending', 'unrouted', 'dead')` + by("received_at"),
			`UPDATE media_in SET state = 'refused', reason = 'erased', ended_at = ` + ended + ` WHERE state IN ('pending', 'dead')` + by("received_at"),
			`UPDATE voicemail SET transcript_state = 'told' WHERE transcript_state IN ('wanted', 'ready', 'failed')` + by("recorded_at"),
			`UPDATE call_in SET state = 'done' WHERE state = 'ended'` + by("began_at"),
			`UPDATE call_back SET told = TRUE WHERE state = 'ended'` + by("created_at"),
			`UPDATE attempt SET outcome = 'unknown' WHERE outcome = 'open' AND message_key IN (SELECT key FROM message_out WHERE text_key IN (` + texts + `))`,
			`UPDATE message_out SET state = CASE WHEN state = 'queued' THEN 'failed' ELSE 'unknown' END, refused = CASE WHEN state = 'queued' THEN 'erased' ELSE refused END,
				ended_at = ` + ended + ` WHERE state IN ('queued', 'sending') AND text_key IN (` + texts + `)`,
			`UPDATE text_out SET state = CASE state WHEN 'queued' THEN 'failed' WHEN 'sending' THEN 'unknown' ELSE state END, tell = FALSE, telling = '', patient_until = 0
				WHERE (state IN ('queued', 'sending') OR tell OR patient_until > 0) AND key IN (` + texts + `)`,
		} {
			if _, err := tx.ExecContext(ctx, statement, w.args...); err != nil {
				return fmt.Errorf("dropping what waits: %w", err)
			}
		}
		return nil
	})
}

// CallBacksOf returns the keys of a supporter's calls back, which are lanes.
func (s *Store) CallBacksOf(ctx context.Context, supporter string) (keys map[string]bool, err error) {
	w, keys := of(supporter), map[string]bool{}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		keys[key] = true
		return err
	}, `SELECT key FROM call_back WHERE TRUE`+w.text, w.args...)
	return keys, err
}

// Bury notes the carrier's id of a text or call that came in (ItemTextIn, ItemCall) and is about to be deleted at the carrier, so that it is not
// taken for new. It reports false if the ledger has it as somebody's.
func (s *Store) Bury(ctx context.Context, kind, sid string, hotline phone.Number, at, now time.Time) (buried bool, err error) {
	t := recordTables[kind]
	insert := map[string]string{
		ItemTextIn: `INSERT INTO text_in (message_sid, lane, hotline, supporter, body, media, trace, received_at, state, reason, done_at, listed)
			VALUES ($1, '', $2, '', '', 'null', '', $3, 'refused', 'erased', $3, TRUE) ON CONFLICT (message_sid) DO NOTHING`,
		ItemCall: `INSERT INTO call_in (call_sid, lane, hotline, supporter, began_at, ended_at, state, listed)
			VALUES ($1, '', $2, '', $3, $3, 'done', TRUE) ON CONFLICT (call_sid) DO NOTHING`,
	}[kind]
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		buried = true
		if at.After(now.Add(-books.ComesBack)) {
			if _, err := tx.ExecContext(ctx, insert, sid, string(hotline), at.UnixMicro()); err != nil {
				return err
			}
		}
		var lane string
		err := tx.QueryRowContext(ctx, `SELECT lane FROM `+t.table+` WHERE `+t.id+` = $1`, sid).Scan(&lane)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		buried = lane == ""
		return err
	})
	return buried && err == nil, err
}

// ForgetWishes deletes what a supporter has said of texts and calls, and what keeps them out, from until a time. It returns how many
// wishes and blocks there were.
func (s *Store) ForgetWishes(ctx context.Context, supporter string, till time.Time) (wishes, blocks int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		wishes, blocks = 0, 0
		for statement, count := range map[string]*int64{
			`DELETE FROM opt_out WHERE supporter = $1 AND at <= $2`:    &wishes,
			`DELETE FROM no_calls WHERE supporter = $1 AND at <= $2`:   &wishes,
			`DELETE FROM block WHERE number = $1 AND created_at <= $2`: &blocks,
		} {
			r, err := tx.ExecContext(ctx, statement, supporter, till.UnixMicro())
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			*count += n
		}
		return nil
	})
	return wishes, blocks, err
}
