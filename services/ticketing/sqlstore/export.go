package sqlstore

import (
	"context"

	"github.com/bling-hotline/bling/internal/export"
)

const exportNote = "Times are in UTC. What these people and the agents wrote is in the conversations in Help Scout, by their ids; what was told of them " +
	"(events) has parts of it."

// Export returns what the tables have about a supporter as JSON (package export). names are the lanes that may be theirs.
func (s *Store) Export(ctx context.Context, supporter string, names []string) ([]byte, error) {
	lanes, err := s.LanesOf(ctx, supporter, names)
	if err != nil {
		return nil, err
	}
	in, args := inList(1, lanes)
	conversations := `SELECT conversation_id FROM entry WHERE lane IN ` + in + ` UNION SELECT conversation_id FROM lane WHERE id IN ` + in +
		` UNION SELECT conversation_id FROM reply WHERE lane IN ` + in
	alone := `SELECT CAST(c.conversation_id AS text) FROM (` + conversations + `) c WHERE c.conversation_id <> 0
		AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.conversation_id = c.conversation_id AND e.conversation_id <> 0 AND e.kind = 'text' AND e.lane NOT IN ` + in + `)
		AND NOT EXISTS (SELECT 1 FROM lane l WHERE l.conversation_id = c.conversation_id AND l.conversation_id <> 0 AND l.id NOT IN ` + in + `)`
	lists := []export.List{
		{Name: "contacts", Query: `
			SELECT id, mailbox_id, supporter AS number, hotline, conversation_id, threads, CASE WHEN edited THEN 'yes' ELSE '' END AS phone_edited FROM lane WHERE id IN ` + in + ` ORDER BY id`},
		{Name: "entries", Words: []string{"body"}, Query: `
			SELECT key, kind, lane AS contact, created_at, ended_at, state, reason, conversation_id, thread_id, body, actions AS actions_json FROM entry WHERE lane IN ` + in + ` ORDER BY created_at DESC, key`},
		{Name: "replies", Query: `
			SELECT thread_id, conversation_id, lane AS contact, handled_at, state, reason FROM reply WHERE lane IN ` + in + ` ORDER BY handled_at DESC, thread_id`},
		// Those of conversations that are others' as well have others' words.
		{Name: "events", Words: []string{"body"}, Query: `
			SELECT hash AS id, name, lane AS conversation_id, received_at, state, CASE WHEN lane IN (` + alone + `) THEN body END AS body_json FROM event
			WHERE lane <> '' AND lane IN (SELECT CAST(c.conversation_id AS text) FROM (` + conversations + `) c WHERE c.conversation_id <> 0) ORDER BY received_at DESC, hash`},
	}
	for i := range lists {
		lists[i].Args = args
	}
	return export.Write(ctx, s.db.Read, exportNote, lists)
}
