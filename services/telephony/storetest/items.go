package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// failure is a step about an item.
func failure(item, detail string, at time.Time) sqlstore.StepRow {
	return sqlstore.StepRow{Item: item, At: at, What: "not done yet", Detail: detail, Trouble: true, Trace: "00-t"}
}

// What fails all the time is one step that grows, and written once a minute, also when two reasons take turns.
func steps(b *book) {
	b.ok(b.Note(b.ctx, failure("other", "down", start)))
	for second := range 600 {
		b.ok(b.Note(b.ctx, failure("SM1", "down", start.Add(time.Duration(second)*time.Second))))
	}
	got, err := b.Steps(b.ctx, "SM1")
	b.ok(err)
	want := failure("SM1", "down", start)
	want.Until, want.Times = start.Add(9*time.Minute), 10
	for i := range got {
		got[i].At, got[i].Until = got[i].At.UTC(), got[i].Until.UTC()
	}
	if !reflect.DeepEqual(got, []sqlstore.StepRow{want}) {
		b.t.Errorf("after ten minutes: %+v, want %+v", got, want)
	}
	for second := range 120 {
		b.ok(b.Note(b.ctx, failure("SM2", []string{"down", "slow"}[second%2], start.Add(time.Duration(second)*time.Second))))
	}
	if got, err = b.Steps(b.ctx, "SM2"); err != nil || len(got) != 1 || got[0].Times != 2 {
		b.t.Errorf("two reasons in two minutes are %+v, %v, want one step", got, err)
	}
}

// However much happens to an item, what is kept of it is bounded, and is the newest.
func stepsBounded(b *book) {
	b.ok(b.Note(b.ctx, failure("other", "down", start)))
	for n := range 250 {
		st := failure("SM1", "", start)
		st.What = fmt.Sprint(n)
		b.ok(b.Note(b.ctx, st))
	}
	got, err := b.Steps(b.ctx, "SM1")
	b.ok(err)
	if len(got) != 200 || got[0].What != "50" || got[199].What != "249" {
		b.t.Errorf("%d steps are kept, from %s", len(got), got[0].What)
	}
	if got, err = b.Steps(b.ctx, "other"); len(got) != 1 || err != nil {
		b.t.Errorf("of another item: %+v, %v", got, err)
	}
}

// list returns what there is by a filter, as "kind id".
func (b *book) list(f sqlstore.ItemFilter) (names []string) {
	b.t.Helper()
	for _, i := range b.items(f) {
		names = append(names, i.Kind+" "+i.ID)
	}
	return names
}

func (b *book) items(f sqlstore.ItemFilter) []sqlstore.ItemRow {
	b.t.Helper()
	f.Limit = cmp.Or(f.Limit, 100)
	all, err := b.Items(b.ctx, f)
	b.ok(err)
	return all
}

// wantList fails unless a filter finds just these, in any order.
func (b *book) wantList(f sqlstore.ItemFilter, want ...string) {
	b.t.Helper()
	got := b.list(f)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("%+v\nfinds %q\nwant  %q", f, got, want)
	}
}

// oneOfEach fills the ledger with every kind of item in every state, each at its own minute, and returns the states by "kind id".
func (b *book) oneOfEach() map[string]string {
	b.t.Helper()
	want, minute := map[string]string{}, 0
	at := func() time.Time { minute++; return start.Add(time.Duration(minute) * time.Minute) }
	for _, kind := range []string{"", sqlstore.VoicemailIn, sqlstore.MissedCall} {
		for i, state := range []string{sqlstore.ItemWaiting, sqlstore.ItemDone, sqlstore.ItemRefused, sqlstore.ItemUnrouted, sqlstore.ItemDead} {
			t := text(fmt.Sprintf("RE%s%d", kind, i), "in "+kind+state)
			t.Kind, t.ReceivedAt = kind, at()
			if kind != "" {
				t.CallSID = "CA" + t.MessageSID
			}
			b.record(t)
			switch next := b.next(t.Lane, t.MessageSID); state {
			case sqlstore.ItemWaiting:
			case sqlstore.ItemDone:
				b.ok(b.TextDone(b.ctx, next, 7, t.ReceivedAt.Add(time.Second), nil))
			default:
				b.ok(b.TextEnded(b.ctx, next, state, "because", t.ReceivedAt.Add(time.Second)))
			}
			want[map[string]string{"": "text_in", sqlstore.VoicemailIn: "voicemail", sqlstore.MissedCall: "missed_call"}[kind]+" "+t.MessageSID] = state
		}
	}
	for key, state := range map[string]string{
		"queued": sqlstore.ItemWaiting, "sending": sqlstore.ItemUnderWay, "accepted": sqlstore.ItemUnderWay, "sent": sqlstore.ItemUnderWay,
		"delivered": sqlstore.ItemDone, "failed": sqlstore.ItemFailed, "kept back": sqlstore.ItemRefused, "unknown": sqlstore.ItemUnknown,
	} {
		t := outText(key, "out "+key)
		t.CreatedAt, t.ConversationID = at(), 9
		_, err := b.QueueText(b.ctx, &t)
		b.ok(err)
		switch key {
		case "queued":
		case "sending":
			b.begin(key, "A"+key)
		case "kept back":
			b.ok(b.MessageRefused(b.ctx, b.nextOut(t.Lane, key), sqlstore.OptedOut, t.CreatedAt.Add(time.Second)))
		case "unknown":
			b.begin(key, "A"+key)
			b.ok(b.AttemptUnknown(b.ctx, key, "A"+key, t.CreatedAt.Add(time.Second)))
		default:
			b.pass(key, sqlstore.OutState(key), map[string]int{"failed": 30003}[key])
		}
		want["text_out "+key] = state
	}
	for sid, state := range map[string]string{"CAopen": sqlstore.ItemUnderWay, "CAended": sqlstore.ItemWaiting, "CAdone": sqlstore.ItemDone, "CArefused": sqlstore.ItemRefused} {
		c := callIn(sid, "call "+sid, at())
		c.Rejected = sid == "CArefused"
		b.ok(b.CallBegan(b.ctx, c))
		if sid != "CAopen" {
			end := c
			end.At, end.Seconds = c.At.Add(time.Minute), 60
			b.ok(b.CallEnded(b.ctx, end))
		}
		if sid == "CAdone" {
			b.ok(b.CallDone(b.ctx, b.over(c.Lane, sid, sqlstore.Missed), sqlstore.Missed, nil))
		}
		want["call "+sid] = state
	}
	for i, result := range []string{"", sqlstore.BackTalked, sqlstore.BackNoAnswer, sqlstore.BackNotStarted} {
		key := "B" + result
		_, _, err := b.QueueCallBack(b.ctx, backTo(key, "a", fmt.Sprint("agent ", i), phone.Number(fmt.Sprint("+1617555019", i)), at()), numbers,
			func(sqlstore.CallBackLoad) error { return nil })
		b.ok(err)
		want["call_back "+key] = sqlstore.ItemWaiting
		if result != "" {
			b.endBack(key, result, 0, start.Add(time.Hour))
			want["call_back "+key] = map[string]string{sqlstore.BackNotStarted: sqlstore.ItemFailed}[result]
			want["call_back "+key] = cmp.Or(want["call_back "+key], sqlstore.ItemDone)
		}
	}
	t := withMedia(text("SMmedia", "media"), 4)
	t.ReceivedAt = at()
	b.record(t)
	b.ok(b.TextDone(b.ctx, b.next("media", "SMmedia"), 8, t.ReceivedAt.Add(time.Second), nil))
	want["text_in SMmedia"] = sqlstore.ItemDone
	for i, state := range []string{sqlstore.ItemDone, sqlstore.ItemRefused, sqlstore.ItemDead} {
		b.ok(b.MediaEnded(b.ctx, b.nextMedia("media", fmt.Sprint("SMmedia:", i)), state, "why", t.ReceivedAt.Add(time.Minute)))
		want[fmt.Sprint("media SMmedia/", i)] = state
	}
	want["media SMmedia/3"] = sqlstore.ItemWaiting
	return want
}

// Whatever there is is found under its state, and under no other; files only if somebody wants to see files, or something is wrong with them.
func itemsByState(b *book) {
	want := b.oneOfEach()
	kinds := []string{"text_in", "voicemail", "missed_call", "text_out", "call", "call_back", "media"}
	for _, state := range []string{"waiting", "under_way", "done", "refused", "failed", "unknown", "unrouted", "dead"} {
		var names []string
		for name, s := range want {
			if s == state {
				names = append(names, name)
			}
		}
		b.wantList(sqlstore.ItemFilter{States: []string{state}, Kinds: kinds}, names...)
		names = slices.DeleteFunc(names, func(name string) bool {
			return name == "media SMmedia/0" || name == "media SMmedia/3"
		})
		b.wantList(sqlstore.ItemFilter{States: []string{state}}, names...)
	}
	b.wantList(sqlstore.ItemFilter{States: []string{"dead", "unrouted"}, Kinds: []string{"voicemail", "media"}}, "voicemail REvoicemail3", "voicemail REvoicemail4", "media SMmedia/2")
	all := b.items(sqlstore.ItemFilter{Kinds: kinds})
	if len(all) != len(want) {
		b.t.Errorf("%d items, want %d", len(all), len(want))
	}
	for _, i := range all {
		if i.State != want[i.Kind+" "+i.ID] {
			b.t.Errorf("%s %s is %q, want %q", i.Kind, i.ID, i.State, want[i.Kind+" "+i.ID])
		}
		if over := i.State != "waiting" && i.State != "under_way"; over == i.EndedAt.IsZero() && i.Kind != "call" {
			b.t.Errorf("%s %s is %s and ended at %v", i.Kind, i.ID, i.State, i.EndedAt)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b sqlstore.ItemRow) int { return b.At.Compare(a.At) }) {
		b.t.Error("not newest first")
	}
	for _, name := range []string{"text_in RE4", "text_out failed", "call CAopen", "call_back Btalked", "media SMmedia/2", "voicemail REvoicemail1"} {
		var kind, id string
		fmt.Sscan(name, &kind, &id) //nolint:errcheck // two words
		i, err := b.Item(b.ctx, id)
		b.ok(err)
		if i == nil || i.Kind != kind || i.State != want[name] {
			b.t.Errorf("%s is %+v", name, i)
		}
	}
	if i, err := b.Item(b.ctx, "nobody's"); i != nil || err != nil {
		b.t.Errorf("%+v, %v", i, err)
	}
}

// Somebody's items are found by what one may have of them: an id, a carrier's id, a number or its end, a conversation, a hotline.
func itemsByQuery(b *book) {
	b.oneOfEach()
	other := text("SMother", "other")
	other.Supporter, other.Hotline = "+447911123456", "+15550100"
	short := text("SMshort", "short")
	short.Supporter = "12345"
	b.record(other, short)
	b.ok(b.LegAnswered(b.ctx, leg("CL1", "CAdone", "+16175550101", start)))
	for query, want := range map[string][]string{
		"RE4":          {"text_in RE4"},
		"SMfailed":     {"text_out failed"}, // the carrier's id of its message
		"CL1":          {"call CAdone"},
		"CAREmissed1":  {"missed_call REmissed1"},
		"SMmedia/2":    {"media SMmedia/2"},
		"SMmedia/0":    {"media SMmedia/0"},
		"447911123456": {"text_in SMother"},
		"3456":         {"text_in SMother"},
		"12345":        {"text_in SMshort"},
		"123":          nil,
		"9999":         nil,
		"%":            nil,
		"' OR 1=1":     nil,
	} {
		f := sqlstore.ItemFilter{ID: query}
		if query[0] >= '0' && query[0] <= '9' {
			f.Digits = query
		}
		b.wantList(f, want...)
	}
	if n := len(b.list(sqlstore.ItemFilter{ID: "0142", Digits: "0142"})); n != len(b.list(sqlstore.ItemFilter{Digits: "16175550142", ID: "x"})) || n < 30 {
		b.t.Errorf("%d items by the end of a number", n)
	}
	b.wantList(sqlstore.ItemFilter{Hotlines: []phone.Number{"+15550100", "+15550101"}}, "text_in SMother")
	b.wantList(sqlstore.ItemFilter{ConversationID: 8}, "text_in SMmedia")
	if n := len(b.list(sqlstore.ItemFilter{ConversationID: 9, Kinds: []string{"text_out"}})); n != 8 {
		b.t.Errorf("%d texts in a conversation", n)
	}
	b.wantList(sqlstore.ItemFilter{ConversationID: 9, States: []string{"failed"}}, "text_out failed")
}

// Page by page everything is seen, once, however many things happened at the same moment.
func itemsPaged(b *book) {
	random := rand.New(rand.NewPCG(7, 7))
	want := 0
	for n := range 60 {
		at := start.Add(time.Duration(random.IntN(6)) * time.Second)
		switch n % 3 {
		case 0:
			t := text(fmt.Sprint("SM", n), "a")
			t.ReceivedAt = at
			b.record(t)
		case 1:
			t := outText(fmt.Sprint("K", n), "a")
			t.CreatedAt = at
			_, err := b.QueueText(b.ctx, &t)
			b.ok(err)
		default:
			b.ok(b.CallBegan(b.ctx, callIn(fmt.Sprint("CA", n), "a", at)))
		}
		want++
	}
	for _, limit := range []int{1, 2, 7, 19, 60, 100} {
		seen := map[string]bool{}
		for f, last := (sqlstore.ItemFilter{Limit: limit}), start.Add(time.Hour); ; {
			page := b.items(f)
			if len(page) == 0 {
				break
			}
			for _, i := range page {
				if seen[i.ID] || i.At.After(last) {
					b.t.Errorf("pages of %d: %s again, or out of order", limit, i.ID)
				}
				seen[i.ID], last = true, i.At
			}
			f.Before = last
		}
		if len(seen) != want {
			b.t.Errorf("in pages of %d there are %d items, want %d", limit, len(seen), want)
		}
	}
}

// A private text shows nobody's number once it is forgotten.
func itemsPrivate(b *book) {
	t := outText("code", "a")
	t.Kind = sqlstore.Private
	_, err := b.QueueText(b.ctx, &t)
	b.ok(err)
	b.pass("code", sqlstore.Delivered, 0)
	b.ok(b.ForgetPrivate(b.ctx, start.Add(2*time.Hour)))
	b.wantList(sqlstore.ItemFilter{ID: "0142", Digits: "0142"})
	if i, err := b.Item(b.ctx, "code"); err != nil || i == nil || i.Supporter != "" || i.State != sqlstore.ItemDone {
		b.t.Errorf("%+v, %v", i, err)
	}
}
