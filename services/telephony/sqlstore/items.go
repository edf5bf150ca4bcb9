package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// The kinds of items that operators see.
const (
	ItemTextIn    = "text_in"
	ItemTextOut   = "text_out"
	ItemCall      = "call"
	ItemVoicemail = "voicemail"
	ItemMissed    = "missed_call"
	ItemCallBack  = "call_back"
	ItemMedia     = "media"
)

// The states of items of every kind; the ledger's own words are finer.
const (
	ItemWaiting  = "waiting"
	ItemUnderWay = "under_way"
	ItemDone     = "done"
	ItemRefused  = "refused"
	ItemFailed   = "failed"
	ItemUnknown  = "unknown"
	ItemUnrouted = "unrouted"
	ItemDead     = "dead"
)

// ItemRow is one thing in the ledger, whatever it is.
type ItemRow struct {
	ID             string // MessageSid, RecordingSid, CallSid or key; of a file its text's id, a slash, and its number
	Kind           string
	Hotline        phone.Number
	Supporter      string
	State          string
	Word           string // the same in the ledger's own word
	Reason         string
	ErrorCode      int               // the carrier's
	Carrier        hotline.Transport // whose ErrorCode it is; empty: it is not known
	At, EndedAt    time.Time
	Attempts       int // that failed
	ConversationID int64
	Trace          string // as carried
}

// ItemFilter says which items are wanted. What is empty is no condition.
type ItemFilter struct {
	ID             string // or the carrier's id of what belongs to it: a message, a leg, a call
	Digits         string // or, of four or more: the last digits of the supporter's number
	Kinds, States  []string
	Hotlines       []phone.Number
	ConversationID int64
	Before         time.Time
	Limit          int
}

// where is a condition that grows; each ? in it stands for the next of its values. few says that little fits it, which is rather sorted
// than looked for by its time.
type where struct {
	text string
	args []any
	few  bool
}

func (w where) and(condition string, args ...any) where {
	w.args = slices.Clip(w.args)
	for _, arg := range args {
		w.args = append(w.args, arg)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.text += " AND " + condition
	return w
}

// Items returns what is in the ledger, newest first. Those of the same time as the last one are all there, also beyond the limit, so that
// whoever goes on before that time misses none.
func (s *Store) Items(ctx context.Context, f ItemFilter) (all []ItemRow, err error) {
	for _, src := range sources {
		if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, src.kind) || f.ConversationID != 0 && src.conversation == none {
			continue
		}
		for _, w := range f.conditions(src) {
			found, err := s.items(ctx, src, w, f)
			if err != nil {
				return nil, fmt.Errorf("listing items: %w", err)
			}
			all = append(all, found...)
		}
	}
	slices.SortFunc(all, func(a, b ItemRow) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	all = slices.CompactFunc(all, func(a, b ItemRow) bool { return a.Kind == b.Kind && a.ID == b.ID })
	if len(all) > f.Limit {
		end := f.Limit
		for end < len(all) && all[end].At.Equal(all[f.Limit-1].At) {
			end++
		}
		all = all[:end]
	}
	return all, nil
}

// conditions are the filter's for a kind. Any of them may hold; each alone can be looked up in an index.
func (f ItemFilter) conditions(src source) []where {
	base := where{}
	if len(f.Hotlines) > 0 {
		in, args := list(1, f.Hotlines)
		base = where{text: " AND hotline IN " + in, args: args}
	}
	if f.ConversationID != 0 {
		base = base.and("conversation_id > 0 AND conversation_id = ?", f.ConversationID)
	}
	if f.ID == "" {
		return f.inState(src, base)
	}
	var found []where
	for _, condition := range src.byID {
		byID := f
		byID.Kinds = []string{src.kind} // who has its id asks for it
		found = append(found, byID.inState(src, base.and(condition, f.ID))...)
	}
	if len(f.Digits) >= 4 {
		const ends = "substr(supporter, length(supporter) - 3) = ? AND supporter LIKE ?"
		found = append(found, f.inState(src, base.and(ends, f.Digits[len(f.Digits)-4:], "%"+f.Digits))...)
	}
	return found
}

// inState adds the filter's states to a condition. Files are many, and seldom of interest: who does not ask for them gets those with which
// something is wrong.
func (f ItemFilter) inState(src source, w where) (all []where) {
	states := f.States
	if src.kind == ItemMedia && len(f.Kinds) == 0 {
		bad := []string{ItemRefused, ItemDead}
		if len(states) > 0 {
			bad = slices.DeleteFunc(bad, func(state string) bool { return !slices.Contains(states, state) })
		}
		states = bad
	} else if len(states) == 0 {
		return []where{w}
	}
	for _, is := range src.states {
		if slices.Contains(states, is.state) {
			in := w.and(is.condition)
			in.few = is.few
			all = append(all, in)
		}
	}
	return all
}

// maxTies is how many items of a kind may have the same time.
const maxTies = 1000

func (s *Store) items(ctx context.Context, src source, w where, f ItemFilter) ([]ItemRow, error) {
	before := int64(math.MaxInt64)
	if !f.Before.IsZero() {
		before = f.Before.UnixMicro()
	}
	found, err := s.scanItems(ctx, src, src.newest(&w, before, f.Limit), w.args...)
	if err != nil || len(found) < f.Limit {
		return found, err
	}
	last := found[len(found)-1].At
	w = w.and(src.at+" = ?", last.UnixMicro())
	ties, err := s.scanItems(ctx, src, fmt.Sprintf("%s LIMIT %d", w.text, maxTies), w.args...)
	return append(slices.DeleteFunc(found, func(i ItemRow) bool { return i.At.Equal(last) }), ties...), err
}

// newest is the condition and order of the newest items before a time.
func (src source) newest(w *where, before int64, limit int) string {
	at := src.at
	if w.few {
		at = "+" + at // which no index has
	}
	*w = w.and(at+" < ?", before)
	return fmt.Sprintf("%s ORDER BY %s DESC LIMIT %d", w.text, at, limit)
}

// Item returns the item with an id, of one of these kinds or of any; nil if there is none. A call comes before what it has left.
func (s *Store) Item(ctx context.Context, id string, kinds ...string) (*ItemRow, error) {
	for _, src := range sources {
		if len(kinds) > 0 && !slices.Contains(kinds, src.kind) {
			continue
		}
		w := where{}.and(src.byID[0], id)
		found, err := s.scanItems(ctx, src, w.text, w.args...)
		if err != nil {
			return nil, fmt.Errorf("reading an item: %w", err)
		}
		if len(found) > 0 {
			return &found[0], nil
		}
	}
	return nil, nil
}

func (s *Store) scanItems(ctx context.Context, src source, rest string, args ...any) (all []ItemRow, err error) {
	state := "CASE"
	for _, is := range src.states {
		state += " WHEN " + is.condition + " THEN '" + is.state + "'"
	}
	columns := []string{src.id, "hotline", "supporter", state + " END", src.word, src.reason, src.code, src.carrier, src.at, src.ended, src.attempts, src.conversation, src.trace}
	err = each(ctx, s.db.Read, func(rows *sql.Rows) error {
		i := ItemRow{Kind: src.kind}
		var at, ended int64
		var state sql.NullString
		err := rows.Scan(&i.ID, &i.Hotline, &i.Supporter, &state, &i.Word, &i.Reason, &i.ErrorCode, &i.Carrier, &at, &ended, &i.Attempts, &i.ConversationID, &i.Trace)
		i.State, i.At, i.EndedAt = state.String, time.UnixMicro(at), fromMicros(ended)
		all = append(all, i)
		return err
	}, "SELECT "+strings.Join(columns, ", ")+" FROM "+src.from+rest, args...)
	return all, err
}
