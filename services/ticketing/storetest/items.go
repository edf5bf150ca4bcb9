package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const replyEvent = "convo.agent.reply.created"

// put makes an entry of a supporter in a mailbox that was accepted and ended at a time.
func (b *book) put(mailbox int64, supporter string, e sqlstore.Entry, now time.Time) {
	b.t.Helper()
	who := sqlstore.Lane{ID: fmt.Sprintf("%d|%s@sms.example.org", mailbox, supporter), MailboxID: mailbox, Supporter: supporter, Hotline: "+15017122661"}
	state := e.State
	l, got, err := b.Hold(b.ctx, who, e, now, now.Add(time.Second), 0)
	b.ok(err)
	l.ConversationID, l.Known = e.ConversationID, true
	got.State, got.ConversationID, got.ThreadID = state, e.ConversationID, e.ThreadID
	b.ok(b.Release(b.ctx, l, got, now))
}

// items returns the ids of what fits, in order.
func (b *book) items(f sqlstore.Filter) (ids []string) {
	b.t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	items, err := b.Items(b.ctx, f)
	b.ok(err)
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return ids
}

// library fills the store with a bit of everything.
func (b *book) library() {
	b.t.Helper()
	const anna, ben, carl = "+16175550142", "+16175551142", "Anonymous"
	text, note, file, done, dead := sqlstore.Text, sqlstore.Note, sqlstore.Attachment, sqlstore.Done, sqlstore.Dead
	b.put(1, anna, sqlstore.Entry{Key: "SM1", Kind: text, State: done, ConversationID: 1001, ThreadID: 91}, at(1))
	b.put(1, anna, sqlstore.Entry{Key: "SM1:0", Kind: file, State: done, ConversationID: 1001}, at(2))
	b.put(1, anna, sqlstore.Entry{Key: "opt:SM1", Kind: note, State: done, ConversationID: 1001, ThreadID: 92, Body: "four"}, at(3))
	b.put(2, ben, sqlstore.Entry{Key: "RE1", Kind: text, State: done, ConversationID: 1002, ThreadID: 93}, at(4))
	b.put(2, ben, sqlstore.Entry{Key: "CA1", Kind: text, State: sqlstore.Refused, ConversationID: 1002}, at(5))
	b.put(1, carl, sqlstore.Entry{Key: "SM2", Kind: text, State: dead}, at(6))
	b.put(2, ben, sqlstore.Entry{Key: "transcript:RE1", Kind: note, State: dead, ConversationID: 1002}, at(7))
	b.put(1, anna, sqlstore.Entry{Key: "SM3", Kind: text, State: sqlstore.Posting, ConversationID: 1001}, at(8))
	for i, hash := range []string{"aa", "bb", "cc"} {
		fresh, err := b.RecordEvent(b.ctx, sqlstore.Event{Hash: hash, Name: replyEvent, Body: payload, MailboxID: 1, ConversationID: 1001, Replies: true}, at(float64(9+i)))
		b.ok(err)
		if !fresh {
			b.t.Errorf("%s is not new", hash)
		}
	}
	b.event(sqlstore.Event{Hash: "dd", Name: "convo.merged", Body: payload, MailboxID: 1, ConversationID: 1001, Moved: true})
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 94, ConversationID: 1001, Lane: "1|" + anna + "@sms.example.org", Event: "aa"}, at(12)))
	b.ok(b.EventDone(b.ctx, "aa", at(12)))
	b.ok(b.ReplyRefused(b.ctx, sqlstore.Reply{ThreadID: 95, ConversationID: 1003, Lane: "1|conversation-1003", Event: "bb"}, "nobody's", sqlstore.Entry{Key: "reply:95"}, at(13)))
	b.ok(b.EventDead(b.ctx, "bb", "unreadable", at(13)))
}

// Each item is found by all that is known of it, and by nothing else.
func findItems(b *book) {
	b.library()
	for _, test := range []struct {
		f    sqlstore.Filter
		want string
	}{
		{sqlstore.Filter{}, "95 reply:95 94 cc bb SM3 transcript:RE1 SM2 CA1 RE1 opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{Limit: 2}, "95 reply:95"},
		{sqlstore.Filter{Before: at(4)}, "opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{Kinds: []string{sqlstore.Text}}, "SM3 SM2 SM1"},
		{sqlstore.Filter{Kinds: []string{sqlstore.Voicemail, sqlstore.MissedCall}}, "CA1 RE1"},
		{sqlstore.Filter{Kinds: []string{sqlstore.Attachment}}, "SM1:0"},
		{sqlstore.Filter{Kinds: []string{sqlstore.EventItem}}, "cc bb aa"},
		{sqlstore.Filter{States: []string{sqlstore.Dead}}, "bb transcript:RE1 SM2"},
		{sqlstore.Filter{States: []string{sqlstore.Pending, sqlstore.Posting}}, "reply:95 cc SM3"},
		{sqlstore.Filter{States: []string{sqlstore.Refused}}, "95 CA1"},
		{sqlstore.Filter{States: []string{sqlstore.Done, sqlstore.Sent}}, "94 RE1 opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{States: []string{sqlstore.Dead}, Kinds: []string{sqlstore.Note}}, "transcript:RE1"},
		{sqlstore.Filter{MailboxID: 2}, "transcript:RE1 CA1 RE1"},
		{sqlstore.Filter{MailboxID: 1, States: []string{sqlstore.Dead}}, "bb SM2"},
		{sqlstore.Filter{ConversationID: 1001}, "94 cc bb SM3 opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{ConversationID: 1001, Kinds: []string{sqlstore.EventItem}}, "cc bb aa"},
		{sqlstore.Filter{ConversationID: 1001, Query: "0142", Kinds: []string{sqlstore.Note, sqlstore.ReplyItem}}, "94 opt:SM1"},
		{sqlstore.Filter{Query: "1002"}, "transcript:RE1 CA1 RE1"},
		{sqlstore.Filter{Query: "92"}, "opt:SM1"},
		{sqlstore.Filter{Query: "94"}, "94"},
		{sqlstore.Filter{Query: "reply:95"}, "95 reply:95"},
		{sqlstore.Filter{Query: "SM1"}, "SM1"},
		{sqlstore.Filter{Query: "aa"}, "aa"},
		{sqlstore.Filter{Query: "dd"}, ""},
		{sqlstore.Filter{Query: "+16175550142"}, "94 cc bb SM3 opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{Query: "(617) 555-0142"}, "94 cc bb SM3 opt:SM1 SM1:0 SM1"},
		{sqlstore.Filter{Query: "0142", Kinds: []string{sqlstore.Text}}, "SM3 SM1"},
		{sqlstore.Filter{Query: "1142", States: []string{sqlstore.Dead}}, "transcript:RE1"},
		{sqlstore.Filter{Query: "142"}, ""},
		{sqlstore.Filter{Query: "+26175550142"}, ""},
		{sqlstore.Filter{Query: "'; DROP TABLE entry; --%"}, ""},
	} {
		if got := strings.Join(b.items(test.f), " "); got != test.want {
			b.t.Errorf("%+v: %q, want %q", test.f, got, test.want)
		}
	}
	for _, id := range b.items(sqlstore.Filter{}) {
		if i, found, err := b.FindItem(b.ctx, id); !found || err != nil || i.ID != id {
			b.t.Errorf("%s: %+v, %v, %v", id, i, found, err)
		}
	}
	for _, id := range []string{"dd", "SM", "1", ""} {
		if i, found, err := b.FindItem(b.ctx, id); found || err != nil {
			b.t.Errorf("%q: %+v, %v", id, i, err)
		}
	}
}

// An item says whose it is, and how it stands.
func itemColumns(b *book) {
	b.library()
	for id, want := range map[string]sqlstore.Item{
		"opt:SM1": {Kind: sqlstore.Note, State: sqlstore.Done, At: at(3), EndedAt: at(3), ConversationID: 1001, ThreadID: 92, MailboxID: 1, Supporter: "+16175550142", Size: 4},
		"RE1":     {Kind: sqlstore.Voicemail, State: sqlstore.Done, At: at(4), EndedAt: at(4), ConversationID: 1002, ThreadID: 93, MailboxID: 2, Supporter: "+16175551142"},
		"SM3":     {Kind: sqlstore.Text, State: sqlstore.Posting, At: at(8), ConversationID: 1001, MailboxID: 1, Supporter: "+16175550142"},
		"94":      {Kind: sqlstore.ReplyItem, State: sqlstore.Sent, At: at(12), EndedAt: at(12), ConversationID: 1001, ThreadID: 94, MailboxID: 1, Supporter: "+16175550142"},
		"95":      {Kind: sqlstore.ReplyItem, State: sqlstore.Refused, Reason: "nobody's", At: at(13), EndedAt: at(13), ConversationID: 1003, ThreadID: 95, MailboxID: 1},
		"cc":      {Kind: sqlstore.EventItem, State: sqlstore.Pending, At: at(11), ConversationID: 1001, MailboxID: 1, Supporter: "+16175550142", Size: len(payload)},
	} {
		got, _, err := b.FindItem(b.ctx, id)
		b.ok(err)
		if !got.At.Equal(want.At) || !got.EndedAt.Equal(want.EndedAt) || want.Supporter != "" && got.Hotline != "+15017122661" {
			b.t.Errorf("%s: %+v", id, got)
		}
		want.ID, want.Lane, want.Hotline, want.At, want.EndedAt = id, got.Lane, got.Hotline, got.At, got.EndedAt
		if got != want {
			b.t.Errorf("%s:\n%+v, want\n%+v", id, got, want)
		}
	}
	related, err := b.RepliesOf(b.ctx, "aa")
	b.ok(err)
	event, err := b.EventOf(b.ctx, 94)
	b.ok(err)
	if len(related) != 1 || related[0].ID != "94" || len(event) != 1 || event[0].ID != "aa" {
		b.t.Errorf("%+v, %+v", related, event)
	}
}

// Page after page, each item comes once, however many are of the same moment.
func pages(b *book) {
	want := map[string]bool{}
	for i := range 60 {
		key, moment := "SM"+strconv.Itoa(i), at(float64(i/7)) // by sevens
		kind := []string{sqlstore.Text, sqlstore.Note}[i%2]
		b.put(1, "+16175550142", sqlstore.Entry{Key: key, Kind: kind, State: sqlstore.Done, ConversationID: 1001}, moment)
		want[key] = true
	}
	for _, f := range []sqlstore.Filter{{}, {Query: "0142"}, {ConversationID: 1001}, {MailboxID: 1}} {
		seen := map[string]int{}
		f.Limit = 5
		for range 60 {
			page, err := b.Items(b.ctx, f)
			b.ok(err)
			if len(page) == 0 {
				break
			}
			if !slices.IsSortedFunc(page, func(a, b sqlstore.Item) int { return b.At.Compare(a.At) }) {
				b.t.Errorf("not newest first: %+v", page)
			}
			for _, i := range page {
				seen[i.ID]++
			}
			f.Before = page[len(page)-1].At
		}
		for key := range want {
			if seen[key] != 1 {
				b.t.Errorf("%+v: %s came %d times", f, key, seen[key])
			}
		}
	}
}
