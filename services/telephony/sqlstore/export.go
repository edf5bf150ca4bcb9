package sqlstore

import (
	"context"
	"strings"

	"github.com/bling-hotline/bling/internal/export"
)

const exportNote = "Times are in UTC. Files, pictures and recordings are at the addresses given, for who may log in at Twilio; what else Twilio has of this person " +
	"is what is in here. Numbers and names of those who answered, and texts with codes to agents, are not in here."

// Export returns what the ledger has about a supporter as JSON (package export).
func (s *Store) Export(ctx context.Context, supporter string) ([]byte, error) {
	w := of(supporter)
	their := func(table string) string { return " FROM " + table + " WHERE TRUE" + w.text + " " }
	texts := `SELECT key` + their("text_out") + `AND kind <> 'private'`
	lists := []export.List{
		{Name: "texts", Words: []string{"body"}, Query: `
			SELECT message_sid AS id, CASE WHEN kind = '' THEN 'text' ELSE kind END AS kind, call_sid, hotline, received_at, done_at, state, reason, conversation_id,
				body, media AS files_json, opt, CASE WHEN first_contact THEN 'yes' ELSE '' END AS first_contact, unanswered` +
			their("text_in") + `ORDER BY received_at DESC, message_sid`},
		{Name: "files", Query: `
			SELECT key AS id, message_sid AS text, url, content_type, received_at, ended_at, state, reason` + their("media_in") + `ORDER BY received_at DESC, key`},
		{Name: "texts_sent", Words: []string{"body", "remark"}, Query: `
			SELECT key, hotline, kind, created_at, ended_at, state, conversation_id, body, remark FROM text_out WHERE key IN (` + texts + `) ORDER BY created_at DESC, key`},
		{Name: "messages_sent", Words: []string{"body"}, Query: `
			SELECT m.key, m.text_key AS text, m.part, m.created_at, m.sent_at, m.ended_at, m.state, m.message_sid AS id, m.error_code, m.refused,
				CASE WHEN m.body = t.body THEN '' ELSE m.body END AS body, m.media AS files_json
			FROM message_out m JOIN text_out t ON t.key = m.text_key WHERE m.text_key IN (` + texts + `) ORDER BY m.created_at DESC, m.key`},
		{Name: "attempts_to_send", Query: `
			SELECT a.message_key AS message, a.started_at, a.outcome, a.message_sid AS id FROM attempt a JOIN message_out m ON m.key = a.message_key
			WHERE m.text_key IN (` + texts + `) ORDER BY a.started_at DESC, a.id`},
		{Name: "files_sent", Query: `
			SELECT f.key, f.name, f.mime_type, length(f.data) AS bytes, f.expires_at FROM file_out f
			WHERE EXISTS (SELECT 1 FROM text_out t WHERE t.key IN (` + texts + `) AND substr(f.key, 1, length(t.key) + 1) = t.key || ':') ORDER BY f.expires_at DESC, f.key`},
		{Name: "calls", Query: `
			SELECT call_sid AS id, hotline, began_at, ended_at, outcome, state,
				(SELECT count(*) FROM call_leg l WHERE l.call_sid = call_in.call_sid) AS phones_rung` + their("call_in") + `ORDER BY began_at DESC, call_sid`},
		{Name: "voicemails", Words: []string{"transcript"}, Query: `
			SELECT recording_sid AS id, call_sid, hotline, recorded_at, url, conversation_id, transcript` + their("voicemail") + `ORDER BY recorded_at DESC, recording_sid`},
		{Name: "calls_back", Query: `
			SELECT key, hotline, created_at, connected_at, ended_at, talked_seconds, result, state, conversation_id` + their("call_back") + `ORDER BY created_at DESC, key`},
		{Name: "wishes", Query: `
			SELECT hotline, CASE WHEN opted_out THEN 'no texts' ELSE 'texts' END AS wish, at AS said_at, source FROM opt_out WHERE TRUE` + w.text + `
			UNION ALL SELECT hotline, CASE WHEN refused THEN 'no calls' ELSE 'calls' END, at, source FROM no_calls WHERE TRUE` + w.text + ` ORDER BY 3 DESC, 1`},
		{Name: "blocks", Query: `SELECT hotline, reason, created_at, until FROM block WHERE ` + strings.ReplaceAll(strings.TrimPrefix(w.text, " AND "), "supporter", "number") + ` ORDER BY created_at DESC`},
	}
	for i := range lists {
		lists[i].Args = w.args
	}
	return export.Write(ctx, s.db.Read, exportNote, lists)
}
