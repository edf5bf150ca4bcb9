package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What operators see as items besides the kinds of entries. A voicemail and a missed call are entries of kind Text, by whose keys one
// knows them: https://www.twilio.com/docs/glossary/what-is-a-sid.
const (
	Voicemail  = "RE"
	MissedCall = "CA"
	ReplyItem  = "reply"
	EventItem  = "event"
)

// Item is an entry, an agent's reply, or an event with replies in it.
type Item struct {
	ID             string // an entry's key, a reply's thread, an event's hash
	Kind           string
	Lane           string // empty: not known
	MailboxID      int64  // 0: not known
	Hotline        string // the number they last wrote to; empty: not known
	Supporter      string // empty: not known
	State          string // of a reply: Sent, Refused
	Reason         string
	At             time.Time // when it was accepted
	EndedAt        time.Time // zero: it has not ended
	Attempts       int
	ConversationID int64
	ThreadID       int64
	Trace          string
	Size           int // of a note in characters, of an event in bytes
}

// Filter says which items are wanted. All conditions must hold; what is not set is none.
type Filter struct {
	Kinds          []string
	States         []string // as the ledger calls them
	MailboxID      int64
	ConversationID int64
	Query          string    // an id, a conversation's or thread's id, or at least the last four digits of a number
	Before         time.Time // accepted before this
	Limit          int
}

// ledger is a table as items are read from it.
type ledger struct {
	table string
	item  string // its columns, or what stands for them, as scanItems reads them
	row   string // the columns that these are made of, and those of the conditions
	at    string // when a row was accepted
	done  string // the state of most rows; the others have an index
}

var (
	entries = ledger{
		table: "entry", at: "created_at", done: Done,
		item: `key, ` + entryKind + `, lane AS whose, 0, state, reason, created_at, ended_at, attempts, conversation_id, thread_id, trace, length(body)`,
		row:  `key, kind, lane, state, reason, created_at, ended_at, attempts, conversation_id, thread_id, trace, body`,
	}
	replies = ledger{
		table: "reply", at: "handled_at", done: Sent,
		item: `CAST(thread_id AS text), 'reply', lane AS whose, 0, state, reason, handled_at, handled_at, 0, conversation_id, thread_id, trace, 0`,
		row:  `thread_id, lane, state, reason, handled_at, conversation_id, trace`,
	}
	events = ledger{
		table: "event", at: "received_at", done: Done,
		item: `hash, 'event', COALESCE((SELECT min(l.id) FROM lane l WHERE l.conversation_id <> 0 AND l.conversation_id = CAST(NULLIF(i.lane, '') AS bigint)), '') AS whose,
			mailbox_id, state, reason, received_at, ended_at, attempts, CAST(COALESCE(NULLIF(lane, ''), '0') AS bigint), 0, trace, length(body)`,
		row: `hash, name, mailbox_id, body, received_at, lane, state, attempts, trace, reason, ended_at`,
	}
)

// The conditions and expressions are those of the indexes, word by word.
const (
	// entryKind is the kind of an entry as an item.
	entryKind = `(CASE WHEN kind = 'text' AND substr(key, 1, 2) IN ('RE', 'CA') THEN substr(key, 1, 2) ELSE kind END)`
	// withReplies is which events are items.
	withReplies = `name = 'convo.agent.reply.created'`
)

// kinds are where the items of a kind stand.
var kinds = map[string]struct {
	ledger
	where string
}{
	Text:       {entries, entryKind + ` = 'text'`},
	Voicemail:  {entries, entryKind + ` = 'RE'`},
	MissedCall: {entries, entryKind + ` = 'CA'`},
	Note:       {entries, entryKind + ` = 'note'`},
	Attachment: {entries, entryKind + ` = 'attachment'`},
	ReplyItem:  {replies, `TRUE`},
	EventItem:  {events, withReplies},
}

// Items returns items, newest first. They are more than Limit only by those of the very same time as the last one, which who asks
// for what was before would miss.
func (s *Store) Items(ctx context.Context, f Filter) (all []Item, err error) {
	for kind, k := range kinds {
		if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, kind) {
			continue
		}
		items, err := s.itemsOf(ctx, k.ledger, k.where, f)
		if err != nil {
			return nil, fmt.Errorf("reading items: %w", err)
		}
		all = append(all, items...)
	}
	slices.SortFunc(all, func(a, b Item) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	n := min(f.Limit, len(all))
	for n > 0 && n < len(all) && all[n].At.Equal(all[n-1].At) {
		n++
	}
	return all[:n], nil
}

// itemsOf returns the items of one kind.
func (s *Store) itemsOf(ctx context.Context, l ledger, where string, f Filter) ([]Item, error) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if l.table == "event" && len(f.Kinds) == 0 {
		// What became of the others their replies tell.
		if where += ` AND state <> 'done'`; f.Query != "" {
			where = withReplies + ` AND (state <> 'done' OR hash = ` + arg(f.Query) + `)`
		}
	}
	from, few := l.table, ""
	if f.Query != "" || f.ConversationID != 0 {
		// First the few that there can be, whatever the database thinks of how many they are.
		var parts []string
		for _, condition := range l.narrow(f, arg) {
			parts = append(parts, `SELECT `+l.row+` FROM `+l.table+` WHERE `+condition)
		}
		if len(parts) == 0 {
			return nil, nil
		}
		from, few = "few", `WITH few AS MATERIALIZED (`+strings.Join(parts, " UNION ")+`) `
	}
	if f.ConversationID != 0 && l.table == "event" {
		where += ` AND lane = ` + arg(strconv.FormatInt(f.ConversationID, 10))
	} else if f.ConversationID != 0 {
		where += ` AND conversation_id = ` + arg(f.ConversationID)
	}
	if f.MailboxID != 0 && l.table == "event" {
		where += ` AND mailbox_id = ` + arg(f.MailboxID)
	} else if f.MailboxID != 0 {
		where += ` AND lane LIKE ` + arg(fmt.Sprintf("%d|%%", f.MailboxID))
	}
	if len(f.States) > 0 {
		where += ` AND state IN ('` + strings.Join(f.States, "', '") + `')`
		if !slices.Contains(f.States, l.done) {
			where += ` AND state <> '` + l.done + `'`
		}
	}
	before := int64(1<<63 - 1)
	if !f.Before.IsZero() {
		before = f.Before.UnixMicro()
	}
	when := arg(before)
	items, err := s.readItems(ctx, few+l.query(from, where+` AND `+l.at+` < `+when+` ORDER BY `+l.at+` DESC LIMIT `+strconv.Itoa(f.Limit)), args...)
	if err != nil || len(items) < f.Limit {
		return items, err
	}
	last := items[len(items)-1].At
	args[len(args)-1] = last.UnixMicro()
	same, err := s.readItems(ctx, few+l.query(from, where+` AND `+l.at+` = `+when), args...)
	return append(slices.DeleteFunc(items, func(i Item) bool { return i.At.Equal(last) }), same...), err
}

// narrow returns conditions for which there is an index each, and one of which a row must fulfil.
func (l ledger) narrow(f Filter, arg func(any) string) (conditions []string) {
	id, _ := strconv.ParseInt(cmp.Or(strings.TrimPrefix(f.Query, "reply:"), strconv.FormatInt(f.ConversationID, 10)), 10, 64)
	lanes := ""
	if digits := digitsOf(f.Query); digits != "" {
		lanes = ` FROM lane WHERE substr(supporter, length(supporter) - 3) = ` + arg(digits[len(digits)-4:]) + ` AND supporter LIKE ` + arg("%"+digits)
	}
	add := func(column string, v any) { conditions = append(conditions, column+` = `+arg(v)) }
	switch l.table {
	case "entry":
		if id > 0 {
			add(`conversation_id <> 0 AND conversation_id`, id)
			add(`thread_id <> 0 AND thread_id`, id)
		}
		if f.Query != "" {
			add(`key`, f.Query)
		}
		if lanes != "" {
			conditions = append(conditions, `lane <> '' AND lane IN (SELECT id`+lanes+`)`)
		}
	case "reply":
		if id > 0 {
			add(`conversation_id`, id)
			add(`thread_id`, id)
		}
		if lanes != "" {
			conditions = append(conditions, `lane <> '' AND lane IN (SELECT id`+lanes+`)`)
		}
	case "event":
		if id > 0 {
			add(withReplies+` AND lane`, strconv.FormatInt(id, 10))
		}
		if f.Query != "" {
			add(`hash`, f.Query)
		}
		if lanes != "" {
			conditions = append(conditions, withReplies+` AND lane IN (SELECT CAST(conversation_id AS text)`+lanes+`)`)
		}
	}
	return conditions
}

// digitsOf returns the digits of what may be the end of a number, or "".
func digitsOf(query string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, query)
	if len(digits) < 4 || strings.Trim(query, "+-()./ 0123456789") != "" {
		return ""
	}
	return digits
}

// query reads the rows that where finds, with what their lanes say.
func (l ledger) query(from, where string) string {
	return `SELECT x.*, COALESCE(l.hotline, ''), COALESCE(l.supporter, '') FROM (SELECT ` + l.item + ` FROM ` + from + ` i WHERE ` + where + `) x
		LEFT JOIN lane l ON l.id = x.whose`
}

// readItems reads items by a query that returns a ledger's columns.
func (s *Store) readItems(ctx context.Context, query string, args ...any) (all []Item, err error) {
	return all, s.each(ctx, func(rows *sql.Rows) error {
		var i Item
		var at, ended int64
		if err := rows.Scan(&i.ID, &i.Kind, &i.Lane, &i.MailboxID, &i.State, &i.Reason, &at, &ended, &i.Attempts, &i.ConversationID, &i.ThreadID, &i.Trace, &i.Size,
			&i.Hotline, &i.Supporter); err != nil {
			return err
		}
		i.At, i.EndedAt = time.UnixMicro(at), fromMicros(ended)
		if mailbox, _, ok := strings.Cut(i.Lane, "|"); ok && i.MailboxID == 0 {
			i.MailboxID, _ = strconv.ParseInt(mailbox, 10, 64) // it was made of one
		}
		all = append(all, i)
		return nil
	}, query, args...)
}

// FindItem returns the item with an id.
func (s *Store) FindItem(ctx context.Context, id string) (item Item, found bool, err error) {
	thread, _ := strconv.ParseInt(id, 10, 64)
	for _, of := range []struct {
		ledger
		where string
		value any
	}{{entries, `key`, id}, {replies, `thread_id`, thread}, {events, withReplies + ` AND hash`, id}} {
		items, err := s.readItems(ctx, of.query(of.table, of.where+` = $1`), of.value)
		if err != nil {
			return item, false, fmt.Errorf("reading an item: %w", err)
		}
		if len(items) > 0 {
			return items[0], true, nil
		}
	}
	return item, false, nil
}

// EntriesOf returns the entries that there are of some keys.
func (s *Store) EntriesOf(ctx context.Context, keys ...string) ([]Item, error) {
	in, args := inList(1, keys)
	return s.readItems(ctx, entries.query("entry", `key IN `+in+` ORDER BY i.seq`), args...)
}

// EventOf returns the event that told of a reply.
func (s *Store) EventOf(ctx context.Context, threadID int64) ([]Item, error) {
	return s.readItems(ctx, events.query("event", withReplies+` AND hash = (SELECT event FROM reply WHERE thread_id = $1)`), threadID)
}

// RepliesOf returns the replies that an event told of.
func (s *Store) RepliesOf(ctx context.Context, hash string) ([]Item, error) {
	return s.readItems(ctx, replies.query("reply", `event <> '' AND event = $1 ORDER BY i.thread_id`), hash)
}

// HeldUntil returns until when somebody may work on a lane; zero: nobody does.
func (s *Store) HeldUntil(ctx context.Context, lane string, now time.Time) (until time.Time, err error) {
	var micros int64
	err = s.db.Read.QueryRowContext(ctx, `SELECT COALESCE(max(lease_until), 0) FROM lane WHERE id = $1 AND lease <> '' AND lease_until >= $2`, lane, now.UnixMicro()).Scan(&micros)
	return fromMicros(micros), err
}
