package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// Record is one thing in the ledger, with what the carrier has of it.
type Record struct {
	Kind string // one of RecordKinds, or MessageOut
	ID   string
	At   time.Time
	// Hotline is the number it came to, or went out from.
	Hotline phone.Number
	// Messages are those that a carrier has of it, whoever carries the hotline now.
	Messages []CarriedMessage
	// Recordings and Calls are Twilio's ids: RecordingSids, CallSids.
	Recordings, Calls []string
	// UnclearAt is when the carrier may have got a message of which it has not told the id; zero: there is none.
	UnclearAt time.Time

	named bool // the id has the supporter's number in it
}

// CarriedMessage is a message by its id at the carrier that has it.
type CarriedMessage struct {
	Carrier hotline.Transport
	ID      string
}

// RecordKinds are the kinds of records. What belongs to one goes with it: files, messages, attempts, legs, and the voicemail itself with
// its entry among the texts. A voicemail of which nothing has come but its words is a record of its own.
var RecordKinds = []string{ItemTextIn, ItemTextOut, ItemCall, ItemCallBack, ItemVoicemail}

// MessageOut is the kind of a message of an outgoing text.
const MessageOut = "message_out"

// recordTables say where the records of a kind stand, with the columns that say what a carrier has of them, and which one.
var recordTables = map[string]struct{ table, id, at, has, carrier string }{
	ItemTextIn:    {"text_in", "message_sid", "received_at", "kind", "carrier"},
	ItemTextOut:   {"text_out", "key", "created_at", "kind", nothing},
	MessageOut:    {"message_out", "key", "created_at", "state", nothing},
	ItemCall:      {"call_in", "call_sid", "began_at", "call_sid", nothing},
	ItemCallBack:  {"call_back", "key", "created_at", "agent_sid", nothing},
	ItemVoicemail: {"voicemail", "recording_sid", "recorded_at", "recording_sid", nothing},
}

const (
	noFilesLeft = `NOT EXISTS (SELECT 1 FROM media_in m WHERE m.message_sid = text_in.message_sid AND m.state IN ('pending', 'dead'))`
	noWordsLeft = `NOT EXISTS (SELECT 1 FROM voicemail v WHERE v.recording_sid = text_in.message_sid AND v.conversation_id > 0 AND v.transcript_state IN ('wanted', 'ready', 'failed'))`
	told        = `state NOT IN ('queued', 'sending') AND NOT tell AND patient_until = 0`
)

// ended says which records have ended. Only those grow too old: what waits goes on, and what is dead or unrouted is kept until somebody looks.
var ended = map[string]string{
	ItemTextIn:    `state IN ('done', 'refused') AND ` + noFilesLeft + ` AND ` + noWordsLeft,
	ItemTextOut:   told,
	ItemCall:      `state = 'done'`,
	ItemCallBack:  `state = 'ended' AND told`,
	ItemVoicemail: `TRUE`,
}

// wordy says which records still have words, and have ended. The conditions are those of the partial indexes.
var wordy = map[string]string{
	ItemTextIn:  `body <> '' AND state IN ('done', 'refused') AND ` + noWordsLeft,
	ItemTextOut: `words AND ` + told,
}

// filed says which records still have files at the carrier, and have ended. A voicemail's audio is not one of them.
var filed = map[string]string{
	ItemTextIn: `media <> 'null' AND media <> '[]' AND NOT files_deleted AND kind = '' AND state IN ('done', 'refused') AND ` + noFilesLeft,
	MessageOut: `media <> '[]' AND NOT files_deleted AND state NOT IN ('queued', 'sending')`,
}

// RecordsOf returns records of a supporter from until a time, in whatever state, after another one in their order, which is that of their
// times. Private texts, which go to agents, are not among them.
func (s *Store) RecordsOf(ctx context.Context, kind, supporter string, till time.Time, after Record, limit int) ([]Record, error) {
	w := of(supporter).and(recordTables[kind].at+" <= ?", till.UnixMicro())
	if kind == ItemTextOut {
		w = w.and("kind <> 'private'")
	}
	all, err := s.records(ctx, kind, w, after, limit)
	digits := strings.TrimPrefix(supporter, "+")
	if len(digits) == len("16175550142") {
		digits = strings.TrimPrefix(digits, "1")
	}
	for i := range all {
		all[i].named = strings.Contains(all[i].ID, digits)
	}
	return all, err
}

// OldRecords returns records of a hotline's number from before a time, as far as they have ended.
func (s *Store) OldRecords(ctx context.Context, kind string, hotline phone.Number, before time.Time, after Record, limit int) ([]Record, error) {
	return s.records(ctx, kind, old(kind, hotline, before).and(ended[kind]), after, limit)
}

// OldWords returns those of them, ItemTextIn or ItemTextOut, whose words are not forgotten.
func (s *Store) OldWords(ctx context.Context, kind string, hotline phone.Number, before time.Time, after Record, limit int) ([]Record, error) {
	return s.records(ctx, kind, old(kind, hotline, before).and(wordy[kind]), after, limit)
}

// OldFiles returns those of them, ItemTextIn or MessageOut, whose files the carrier has.
func (s *Store) OldFiles(ctx context.Context, kind string, hotline phone.Number, before time.Time, after Record, limit int) ([]Record, error) {
	return s.records(ctx, kind, old(kind, hotline, before).and(filed[kind]), after, limit)
}

// ErasedRecords returns what is left of erased records from before a time.
func (s *Store) ErasedRecords(ctx context.Context, kind string, before time.Time, limit int) ([]Record, error) {
	w := where{}.and("lane = '' AND "+recordTables[kind].at+" < ?", before.UnixMicro())
	if kind == ItemTextOut {
		w = w.and("kind <> 'private'") // which has no lane either, and goes as texts do
	}
	return s.records(ctx, kind, w, Record{}, limit)
}

// of is what is a supporter's, by the index on the last four digits.
func of(supporter string) where {
	return where{}.and("substr(supporter, length(supporter) - 3) = ? AND supporter = ?", supporter[max(0, len(supporter)-4):], supporter)
}

func old(kind string, hotline phone.Number, before time.Time) where {
	return where{}.and("hotline = ? AND "+recordTables[kind].at+" < ?", string(hotline), before.UnixMicro())
}

func (s *Store) records(ctx context.Context, kind string, w where, after Record, limit int) (all []Record, err error) {
	t := recordTables[kind]
	if kind == ItemVoicemail {
		w = w.and("NOT EXISTS (SELECT 1 FROM text_in t WHERE t.message_sid = voicemail.recording_sid)")
	}
	if !after.At.IsZero() {
		w = w.and("("+t.at+", "+t.id+") > (?, ?)", after.At.UnixMicro(), after.ID)
	}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		r := Record{Kind: kind}
		var at int64
		var has string
		var by hotline.Transport
		err := rows.Scan(&r.ID, &at, &r.Hotline, &has, &by)
		r.At = time.UnixMicro(at)
		switch {
		case kind == ItemTextIn && has == "":
			r.Messages = []CarriedMessage{{by, r.ID}}
		case kind == ItemTextIn && has == VoicemailIn, kind == ItemVoicemail:
			r.Recordings = []string{r.ID}
		case (kind == ItemCall || kind == ItemCallBack) && has != "":
			r.Calls = []string{has}
		}
		all = append(all, r)
		return err
	}, fmt.Sprintf(`SELECT %s, %s, hotline, %s, %s FROM %s WHERE TRUE%s ORDER BY %s, %s LIMIT %d`, t.id, t.at, t.has, t.carrier, t.table, w.text, t.at, t.id, limit), w.args...)
	if err == nil && len(all) > 0 && (kind == ItemTextOut || kind == MessageOut) {
		err = s.addMessages(ctx, kind, all)
	}
	if err != nil {
		return nil, fmt.Errorf("listing records of kind %s: %w", kind, err)
	}
	return all, nil
}

// addMessages adds what the carriers have of outgoing texts or messages: one for each attempt that it took.
func (s *Store) addMessages(ctx context.Context, kind string, all []Record) error {
	in, args := list(1, recordIDs(all))
	column := map[string]string{ItemTextOut: "m.text_key", MessageOut: "m.key"}[kind]
	return each(ctx, s.db.Read, func(rows *sql.Rows) error {
		var id, outcome string
		var m CarriedMessage
		var started int64
		if err := rows.Scan(&id, &m.Carrier, &m.ID, &outcome, &started); err != nil {
			return err
		}
		r := &all[slices.IndexFunc(all, func(r Record) bool { return r.ID == id })]
		switch at := time.UnixMicro(started); {
		case m.ID != "":
			r.Messages = append(r.Messages, m)
		case (outcome == AttemptOpen || outcome == AttemptUnknown) && at.After(r.UnclearAt):
			r.UnclearAt = at
		}
		return nil
	}, `SELECT `+column+`, a.carrier, a.message_sid, a.outcome, a.started_at FROM message_out m JOIN attempt a ON a.message_key = m.key WHERE `+column+` IN `+in, args...)
}

func recordIDs(all []Record) (ids []string) {
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}
