package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const (
	anna      = "+16175550142"
	annasLane = "1|" + anna + "@sms.example.org"
)

// Whoever is erased has neither lane nor entries any more, and what is still told of their conversations is not kept; that their replies were
// handled stays known. Nobody else has lost anything.
func erasing(b *book) {
	b.library()
	lanes, err := b.LanesOf(b.ctx, anna, []string{annasLane, "2|nobody"})
	b.ok(err)
	if !slices.Equal(lanes, []string{annasLane}) {
		b.t.Errorf("lanes %q", lanes)
	}
	where, err := b.Conversations(b.ctx, lanes)
	b.ok(err)
	if len(where) != 1 || where[0].ConversationID != 1001 || !where[0].LastAt.Equal(at(12)) {
		b.t.Errorf("conversations %+v", where)
	}
	threads, err := b.Threads(b.ctx, 1001, lanes)
	b.ok(err)
	if slices.Sort(threads); !slices.Equal(threads, []int64{91, 92, 94}) {
		b.t.Errorf("threads %d", threads)
	}

	l, err := b.HoldLane(b.ctx, annasLane, at(20), at(30))
	b.ok(err)
	if _, err := b.HoldLane(b.ctx, annasLane, at(21), at(30)); !errors.Is(err, sqlstore.ErrBusy) {
		b.t.Errorf("held twice: %v", err)
	}
	if none, err := b.HoldLane(b.ctx, "2|nobody", at(20), at(30)); none != nil || err != nil {
		b.t.Errorf("a lane that is not there: %v, %v", none, err)
	}
	b.ok(b.FreeLane(b.ctx, l))
	if l, err = b.HoldLane(b.ctx, annasLane, at(22), at(30)); l == nil || err != nil {
		b.t.Fatal("it is not free", err)
	}

	b.queue(annasLane, "waiting")
	b.ok(b.DropWaiting(b.ctx, lanes, []int64{1001}, at(23)))
	b.wantNote(annasLane, "")
	if e, err := b.NextEvent(b.ctx, "1001"); e != nil || err != nil {
		b.t.Errorf("there is still %+v, %v", e, err)
	}

	n, err := b.EraseConversation(b.ctx, 1001, at(24))
	b.ok(err)
	if n != 9 { // 4 entries, 4 events, a reply
		b.t.Errorf("%d rows of the conversation", n)
	}
	late := sqlstore.Event{Hash: "late", Name: replyEvent, Body: payload, MailboxID: 1, ConversationID: 1001, Replies: true}
	if fresh, err := b.RecordEvent(b.ctx, late, at(25)); fresh || err != nil {
		b.t.Errorf("what is told late is kept: %v", err)
	}
	n, err = b.EraseLane(b.ctx, l)
	b.ok(err)
	if n != 2 { // the waiting note, and whose the reply was
		b.t.Errorf("%d rows of the lane", n)
	}
	if _, err := b.EraseLane(b.ctx, l); err == nil {
		b.t.Error("a lane was erased that is not there")
	}
	if ok, err := b.QueueNote(b.ctx, annasLane, note("late"), at(26)); ok || err != nil {
		b.t.Errorf("a late note is taken: %v", err)
	}
	if lanes, err = b.LanesOf(b.ctx, anna, []string{annasLane}); len(lanes) > 0 || err != nil {
		b.t.Errorf("there are still %q, %v", lanes, err)
	}
	if handled, err := b.ReplyHandled(b.ctx, 94); !handled || err != nil {
		b.t.Errorf("the reply would be handled again: %v", err)
	}
	exported, err := b.Export(b.ctx, anna, []string{annasLane})
	b.ok(err)
	if strings.Contains(string(exported), "6175550142") {
		b.t.Errorf("there is still %s", exported)
	}
	if got, want := b.items(sqlstore.Filter{}), []string{"95", "reply:95", "94", "transcript:RE1", "SM2", "CA1", "RE1"}; !slices.Equal(got, want) {
		b.t.Errorf("left are %q, want %q", got, want)
	}

	b.ok(b.ForgetErased(b.ctx, at(24)))
	if fresh, err := b.RecordEvent(b.ctx, late, at(27)); fresh || err != nil {
		b.t.Errorf("what is told late is kept: %v", err)
	}
	b.ok(b.ForgetErased(b.ctx, at(25)))
	b.event(late)
}

// Of a conversation that others have written in, too, only the words of what was told are forgotten.
func forgettingEvents(b *book) {
	body := []byte(`{"id":1001,"customer":"Anna"}`)
	b.event(sqlstore.Event{Hash: "aa", Name: replyEvent, Body: body, MailboxID: 1, ConversationID: 1001, Replies: true})
	b.event(sqlstore.Event{Hash: "bb", Name: replyEvent, Body: body, MailboxID: 1, ConversationID: 1002, Replies: true})
	b.ok(b.ForgetEvents(b.ctx, 1001))
	for conversation, want := range map[string]string{"1001": "{}", "1002": string(body)} {
		if e, err := b.NextEvent(b.ctx, conversation); err != nil || string(e.Body) != want {
			b.t.Errorf("of %s there is %+v, %v", conversation, e, err)
		}
	}
}

// A note that is filed while its lane is erased is taken or not, but never left behind.
func erasingConcurrently(b *book) {
	for i := range 20 {
		lane, key := fmt.Sprint("1|", i), fmt.Sprint("N", i)
		b.open(lane, fmt.Sprint("SM", i), int64(2000+i), 1)
		l, err := b.HoldLane(b.ctx, lane, at(20), at(30))
		b.ok(err)
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := b.QueueNote(b.ctx, lane, note(key), at(21)); err != nil {
				b.t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := b.EraseLane(b.ctx, l); err != nil {
				b.t.Error(err)
			}
		})
		both.Wait()
		b.absent(key)
	}
}

// Entries without a lane are erased, unless the lane has come again.
func erasingEntries(b *book) {
	b.ok(b.ReplyRefused(b.ctx, sqlstore.Reply{ThreadID: 1, ConversationID: 7, Lane: "1|a"}, "why", note("N1"), start))
	b.ok(b.ReplyRefused(b.ctx, sqlstore.Reply{ThreadID: 2, ConversationID: 8, Lane: "1|b"}, "why", note("N2"), start))
	b.open("1|b", "SM1", 8, 3)
	for lane, want := range map[string]int64{"1|a": 2, "1|b": 0} {
		if n, err := b.EraseEntries(b.ctx, lane); n != want || err != nil {
			b.t.Errorf("of %s: %d, %v", lane, n, err)
		}
	}
	b.absent("N1")
	b.entry("N2")
}

// Words are forgotten of what has ended; records go with their lanes, unless something of them is left or somebody is at it. Replies from before
// count as not ours.
func forgetting(b *book) {
	b.ok(b.Claim(b.ctx, start.Add(-time.Hour), 1, 2))
	b.library()
	b.put(1, "+16175550199", sqlstore.Entry{Key: "SM9", Kind: sqlstore.Text, State: sqlstore.Done, ConversationID: 1009, ThreadID: 99}, at(2))
	b.put(1, "+16175550198", sqlstore.Entry{Key: "SM8", Kind: sqlstore.Text, State: sqlstore.Done, ConversationID: 1008, ThreadID: 98}, at(2))
	held, err := b.HoldLane(b.ctx, "1|+16175550198@sms.example.org", at(100), at(200))
	b.ok(err)
	size := func(hash string) int {
		i, found, err := b.FindItem(b.ctx, hash)
		b.ok(err)
		if !found {
			return -1
		}
		return i.Size
	}
	more, err := b.ForgetWords(b.ctx, 1, at(3))
	b.ok(err)
	if b.entry("opt:SM1").Body != "four" || size("aa") != len(payload) || more {
		b.t.Error("words were forgotten before their time")
	}
	more, err = b.ForgetWords(b.ctx, 1, at(100))
	b.ok(err)
	if b.entry("opt:SM1").Body != "" || size("aa") != len("{}") || size("bb") != len(payload) || size("cc") != len(payload) || more {
		b.t.Errorf("words: %q; of events %d, %d, %d", b.entry("opt:SM1").Body, size("aa"), size("bb"), size("cc"))
	}

	more, err = b.ForgetRecords(b.ctx, 1, at(12))
	b.ok(err)
	if handled, _ := b.ReplyHandled(b.ctx, 94); !handled || more {
		b.t.Error("a reply was forgotten before its time")
	}
	more, err = b.ForgetRecords(b.ctx, 1, at(100))
	b.ok(err)
	want := []string{"reply:95", "cc", "bb", "SM3", "transcript:RE1", "SM2", "CA1", "RE1"}
	if got := b.items(sqlstore.Filter{}); !slices.Equal(got, want) || more {
		b.t.Errorf("left are %q, want %q", got, want)
	}
	since, err := b.Since(b.ctx, 1)
	b.ok(err)
	if since.Before(at(100)) || since.After(at(1000)) {
		b.t.Errorf("replies count from %v on", since)
	}
	for lane, there := range map[string]bool{
		annasLane: true, "1|+16175550199@sms.example.org": false, "1|+16175550198@sms.example.org": true, "2|+16175551142@sms.example.org": true,
	} {
		if all, err := b.ContactsAt(b.ctx, lane); len(all) > 0 != there || err != nil {
			b.t.Errorf("%s: %+v, %v", lane, all, err)
		}
	}
	b.ok(b.FreeLane(b.ctx, held))
}

// However many there are, they are forgotten a batch at a time.
func forgettingMany(b *book) {
	b.open("1|a", "SM1", 1, 1)
	for i := range 1100 {
		b.queue("1|a", fmt.Sprint("N", i))
	}
	b.ok(b.DropWaiting(b.ctx, []string{"1|a"}, nil, start))
	for _, forget := range []func() (bool, error){
		func() (bool, error) { return b.ForgetWords(b.ctx, 1, at(1)) },
		func() (bool, error) { return b.ForgetRecords(b.ctx, 1, at(1)) },
	} {
		for times := 1; ; times++ {
			more, err := forget()
			b.ok(err)
			if more != (times < 3) {
				b.t.Errorf("after %d times there are more: %v", times, more)
			}
			if times == 3 {
				break
			}
		}
	}
	if left := b.items(sqlstore.Filter{}); len(left) > 0 {
		b.t.Errorf("left are %q", left)
	}
}

// Events of mailboxes that are nobody's hotline are forgotten as well, at times of their own; what has not ended is kept.
func forgettingForeign(b *book) {
	for i, e := range []sqlstore.Event{
		{Hash: "ours", MailboxID: 1, Replies: true}, {Hash: "old", MailboxID: 7, Replies: true}, {Hash: "moved", MailboxID: 7, Moved: true},
		{Hash: "of no mailbox", Replies: true}, {Hash: "waiting", MailboxID: 7, Replies: true}, {Hash: "new", MailboxID: 7, Replies: true},
	} {
		e.Name, e.Body = replyEvent, payload
		fresh, err := b.RecordEvent(b.ctx, e, at(float64(i)))
		b.ok(err)
		if !fresh {
			b.t.Errorf("%s is not new", e.Hash)
		}
		if e.Replies && e.Hash != "waiting" {
			b.ok(b.EventDone(b.ctx, e.Hash, at(float64(i))))
		}
	}
	b.ok(b.NoteStep(b.ctx, sqlstore.Step{Item: "old", What: "it happened"}, start))
	left := func() string {
		all := ""
		for _, hash := range []string{"ours", "old", "moved", "of no mailbox", "waiting", "new"} {
			i, found, err := b.FindItem(b.ctx, hash)
			b.ok(err)
			if found {
				all += fmt.Sprintf("%s %d, ", hash, i.Size)
			}
		}
		return all
	}
	words := len(payload)
	for _, test := range []struct {
		words, records time.Time
		want           string
	}{
		{at(-1), time.Time{}, fmt.Sprintf("ours %d, old %d, moved 2, of no mailbox %d, waiting %d, new %d, ", words, words, words, words, words)},
		{at(4.5), time.Time{}, fmt.Sprintf("ours %d, old 2, moved 2, of no mailbox 2, waiting %d, new %d, ", words, words, words)},
		{at(4.5), at(4.5), fmt.Sprintf("ours %d, waiting %d, new %d, ", words, words, words)},
		{time.Time{}, at(100), fmt.Sprintf("ours %d, waiting %d, ", words, words)},
	} {
		more, err := b.ForgetForeign(b.ctx, []int64{1, 2}, test.words, test.records)
		b.ok(err)
		if got := left(); got != test.want || more {
			b.t.Errorf("left is %q, want %q", got, test.want)
		}
	}
	b.wantSteps("old")
	if more, err := b.ForgetForeign(b.ctx, nil, at(100), at(100)); more || err != nil || left() == "" {
		b.t.Errorf("without mailboxes: %q, %v, %v", left(), more, err)
	}
}

// Replies that are no supporter's are forgotten with the others of their mailbox.
func forgettingNobodys(b *book) {
	b.ok(b.Claim(b.ctx, start, 1, 2))
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 1, ConversationID: 7, Lane: "1|conversation-7"}, start))
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 2, ConversationID: 8, Lane: "2|conversation-8"}, start))
	_, err := b.ForgetRecords(b.ctx, 1, at(1))
	b.ok(err)
	for thread, want := range map[int64]bool{1: false, 2: true} {
		if handled, err := b.ReplyHandled(b.ctx, thread); handled != want || err != nil {
			b.t.Errorf("reply %d: %v, %v", thread, handled, err)
		}
	}
}

// The words of an event are kept only if there are replies in it; that it came stays known.
func wordsOfEvents(b *book) {
	moved := sqlstore.Event{Hash: "moved", Name: replyEvent, Body: payload, MailboxID: 1, ConversationID: 1001, Moved: true}
	b.event(moved)
	b.event(sqlstore.Event{Hash: "replies", Name: replyEvent, Body: payload, MailboxID: 1, ConversationID: 1001, Replies: true})
	for hash, want := range map[string]int{"moved": len("{}"), "replies": len(payload)} {
		if i, found, err := b.FindItem(b.ctx, hash); !found || err != nil || i.Size != want {
			b.t.Errorf("%s: %+v, %v", hash, i, err)
		}
	}
	if fresh, err := b.RecordEvent(b.ctx, moved, at(1)); fresh || err != nil {
		b.t.Errorf("it came again, and is new: %v", err)
	}
}
