package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// forgetting is how the words of records of a kind are forgotten. Without words a text that never left cannot be sent again, so its files
// go as well.
var forgetting = map[string][]string{
	ItemTextIn: {
		`UPDATE text_in SET body = '' WHERE message_sid IN %s`,
		`UPDATE voicemail SET transcript = '' WHERE recording_sid IN %s`,
	},
	ItemTextOut: {
		`UPDATE message_out SET body = '', media = CASE WHEN EXISTS (SELECT 1 FROM attempt a WHERE a.message_key = message_out.key AND a.message_sid <> '') THEN media ELSE '[]' END
			WHERE text_key IN %s`,
		`UPDATE text_out SET body = '', remark = '', words = FALSE WHERE key IN %s`,
	},
}

// ForgetWords forgets the words of records of one kind, ItemTextIn or ItemTextOut.
func (s *Store) ForgetWords(ctx context.Context, all []Record) error {
	return s.forEach(ctx, all, forgetting)
}

// FilesDeleted notes that the carrier has the files of records of one kind no more, ItemTextIn or MessageOut.
func (s *Store) FilesDeleted(ctx context.Context, all []Record) error {
	return s.forEach(ctx, all, map[string][]string{
		ItemTextIn: {`UPDATE text_in SET files_deleted = TRUE WHERE message_sid IN %s`},
		MessageOut: {`UPDATE message_out SET files_deleted = TRUE WHERE key IN %s`},
	})
}

func (s *Store) forEach(ctx context.Context, all []Record, statements map[string][]string) error {
	if len(all) == 0 {
		return nil
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error { return execEach(ctx, tx, recordIDs(all), statements[all[0].Kind]) })
}

// ForgetStray deletes what no record has any more: legs of calls that are not in the ledger, from before a time.
func (s *Store) ForgetStray(ctx context.Context, before time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			DELETE FROM call_leg WHERE answered_at < $1 AND ended_at < $1 AND NOT EXISTS (SELECT 1 FROM call_in c WHERE c.call_sid = call_leg.call_sid)`, before.UnixMicro())
		return err
	})
}

// ForgetRest deletes what else there is of a hotline's number from before a time: what is noted of texts that were sent twice, and blocks that
// have ended. No number is that of all hotlines, and the blocks of all of them.
func (s *Store) ForgetRest(ctx context.Context, hotline phone.Number, before time.Time) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM doubled WHERE hotline = $1 AND at < $2`,
			`DELETE FROM block WHERE hotline = $1 AND until > 0 AND until < $2`,
		} {
			if _, err := tx.ExecContext(ctx, statement, string(hotline), before.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
}
