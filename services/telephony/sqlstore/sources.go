package sqlstore

// source is where the items of a kind stand, in SQL. The conditions are such that each can be looked up in an index; one that is there
// twice is that of a partial index, which SQLite does not see otherwise.
type source struct {
	kind string
	from string   // the table, and what makes a row an item of the kind
	byID []string // conditions that find an item: by its own id first
	// states are the item's states, and when it is in them.
	states []stateIs

	// carrier is whose the code is.
	id, at, ended, word, reason, code, carrier, attempts, conversation, trace string
}

// stateIs says when an item is in a state. few says that there are never many, and an index of them that does not go by time.
type stateIs struct {
	state, condition string
	few              bool
}

// What a table does not know.
const (
	none    = "0"
	nothing = "''"
)

// sources are the kinds of items. A call comes before what it has left in the ticket, which has the same id.
var sources = []source{
	textSource(ItemTextIn, `kind = ''`, `message_sid = ?`),
	textSource(ItemVoicemail, `kind <> '' AND kind = 'voicemail'`, `message_sid = ?`, `call_sid = ?`),
	{
		kind: ItemCall, from: `call_in WHERE TRUE`, byID: []string{`call_sid = ?`, `call_sid IN (SELECT call_sid FROM call_leg WHERE leg_sid = ?)`},
		states: []stateIs{
			{state: ItemRefused, condition: `outcome = 'refused'`},
			{state: ItemUnderWay, condition: `state <> 'done' AND state = 'open' AND outcome <> 'refused'`},
			{state: ItemWaiting, condition: `state <> 'done' AND state = 'ended' AND outcome <> 'refused'`},
			{state: ItemDone, condition: `state = 'done' AND outcome <> 'refused'`},
		},
		id: `call_sid`, at: `began_at`, ended: `ended_at`, word: `CASE WHEN outcome = '' THEN state ELSE outcome END`,
		reason: nothing, code: none, carrier: nothing, attempts: none, conversation: none, trace: nothing,
	},
	textSource(ItemMissed, `kind <> '' AND kind = 'missed'`, `message_sid = ?`, `call_sid = ?`),
	{
		kind: ItemTextOut, from: `text_out WHERE TRUE`,
		byID: []string{`key = ?`, `key IN (SELECT m.text_key FROM attempt a JOIN message_out m ON m.key = a.message_key WHERE a.message_sid <> '' AND a.message_sid = ?)`},
		states: []stateIs{
			{state: ItemDone, condition: `state = 'delivered'`},
			{state: ItemWaiting, condition: `state <> 'delivered' AND state = 'queued'`},
			{state: ItemUnderWay, condition: `state <> 'delivered' AND state IN ('sending', 'accepted', 'sent')`},
			{state: ItemRefused, condition: `state <> 'delivered' AND state = 'failed' AND key ` + keptBack},
			{state: ItemFailed, condition: `state <> 'delivered' AND state = 'failed' AND key NOT ` + keptBack},
			{state: ItemUnknown, condition: `state <> 'delivered' AND state = 'unknown'`},
		},
		id: `key`, at: `created_at`, ended: `ended_at`, word: `state`, reason: failedPart("m.refused", nothing), code: failedPart("m.error_code", none),
		carrier: failedPart(carrierOf("m"), nothing),
		attempts: `(SELECT count(*) FROM message_out m JOIN attempt a ON a.message_key = m.key
			WHERE m.text_key = text_out.key AND a.outcome IN ('absent', 'refused', 'unknown'))`,
		conversation: `conversation_id`, trace: `trace`,
	},
	{
		kind: ItemCallBack, from: `call_back WHERE TRUE`, byID: []string{`key = ?`, `agent_sid <> '' AND agent_sid = ?`},
		states: []stateIs{
			{state: ItemWaiting, condition: `state <> 'ended' AND state = 'queued'`, few: true},
			{state: ItemUnderWay, condition: `state <> 'ended' AND state <> 'queued'`, few: true},
			{state: ItemFailed, condition: `state = 'ended' AND ` + unmade},
			{state: ItemDone, condition: `state = 'ended' AND NOT ` + unmade},
		},
		id: `key`, at: `created_at`, ended: `ended_at`, word: `CASE WHEN result = '' THEN state ELSE result END`,
		reason: nothing, code: none, carrier: nothing, attempts: none, conversation: `conversation_id`, trace: `trace`,
	},
	{
		kind: ItemMedia, from: `media_in WHERE TRUE`, byID: []string{`key = replace(?, '/', ':')`},
		states: []stateIs{
			{state: ItemWaiting, condition: `state = 'pending'`, few: true},
			{state: ItemDone, condition: `state = 'done'`},
			{state: ItemRefused, condition: `state IN ('refused', 'dead') AND state = 'refused'`},
			{state: ItemDead, condition: `state IN ('refused', 'dead') AND state = 'dead'`},
		},
		id: `replace(key, ':', '/')`, at: `received_at`, ended: `ended_at`, word: `state`, reason: `reason`, code: none, carrier: nothing, attempts: `attempts`,
		conversation: none, trace: `trace`,
	},
}

// textSource is that of a kind of rows in text_in.
func textSource(kind, is string, byID ...string) source {
	const bad = `state IN ('refused', 'unrouted', 'dead') AND `
	return source{
		kind: kind, from: `text_in WHERE ` + is, byID: byID,
		states: []stateIs{
			{state: ItemWaiting, condition: `state = 'pending'`, few: true},
			{state: ItemDone, condition: `state = 'done'`},
			{state: ItemRefused, condition: bad + `state = 'refused'`},
			{state: ItemUnrouted, condition: bad + `state = 'unrouted'`},
			{state: ItemDead, condition: bad + `state = 'dead'`},
		},
		id: `message_sid`, at: `received_at`, ended: `CASE WHEN state = 'pending' THEN 0 ELSE COALESCE(done_at, 0) END`, word: `state`, reason: `reason`,
		code: none, carrier: nothing, attempts: `attempts`, conversation: `conversation_id`, trace: `trace`,
	}
}

const (
	// keptBack are the texts that failed without the carrier being asked.
	keptBack = `IN (SELECT text_key FROM message_out WHERE refused <> '' AND state = 'failed')`
	// unmade says that a call back has ended because the carrier did not make it.
	unmade = `result IN ('not_started', 'agent_failed', 'failed')`
)

// failedPart is what is known of a text's first message that failed.
func failedPart(what, otherwise string) string {
	return `COALESCE((SELECT ` + what + ` FROM message_out m WHERE m.text_key = text_out.key AND m.state = 'failed' ORDER BY m.part LIMIT 1), ` + otherwise + `)`
}
