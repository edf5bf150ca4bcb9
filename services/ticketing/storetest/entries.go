package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// What follows from a result is accepted with it: the notes are there, in order, and their lane is woken.
func releaseWithNotes(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	e.State = sqlstore.Done
	first, second := note("previous:8"), note("next:7")
	first.ConversationID, second.ConversationID = 8, 7
	b.wantWoken()
	b.ok(b.Release(b.ctx, l, e, start, first, second))
	b.wantWoken("a")
	b.wantNote("a", "previous:8")
	if got := b.entry("next:7"); got.ConversationID != 7 || got.Body != second.Body || got.State != sqlstore.Pending || got.Kind != sqlstore.Note || got.Lane != "a" {
		b.t.Errorf("%+v", got)
	}
	b.end("a", "previous:8", sqlstore.Done)
	b.wantNote("a", "next:7")
	b.end("a", "next:7", sqlstore.Done)
	b.wantNote("a", "")
	b.wantWoken() // nothing followed

	// The same notes follow from another result: they are posted already.
	l, e = b.hold("a", text("SM2"), start)
	b.ok(b.Release(b.ctx, l, e, start, first, second))
	b.wantNote("a", "")
}

// A note whose lane could not be woken is not accepted, and the result that it followed from is not written.
func failedWake(b *book) {
	b.open("a", "SM1", 7, 70)
	l, e := b.hold("a", text("SM2"), start)
	e.State, e.ThreadID = sqlstore.Done, 71
	real := b.Wake
	broken := errors.New("no queue")
	b.Wake = func(context.Context, *sql.Tx, string, ...string) error { return broken }
	if err := b.Release(b.ctx, l, e, start, note("N1")); !errors.Is(err, broken) {
		b.t.Errorf("releasing: %v", err)
	}
	if ok, err := b.QueueNote(b.ctx, "a", note("N2"), start); ok || !errors.Is(err, broken) {
		b.t.Errorf("queueing: %v, %v", ok, err)
	}
	b.Wake = real
	b.absent("N1")
	b.absent("N2")
	if e := b.entry("SM2"); e.State != sqlstore.Posting {
		b.t.Errorf("%+v", e)
	}
	b.ok(b.Release(b.ctx, l, e, start)) // the lease is still ours
}

// Help Scout repeats its webhooks: an event counts once. It marks the lanes of its conversation, and raises what is
// known of their threads, and never lowers it.
func eventOnce(b *book) {
	b.open("a", "SM1", 7, 70)
	b.open("b", "SM2", 7, 71) // two supporters in one conversation, as after a merge
	b.open("c", "SM3", 8, 80)
	moved := sqlstore.Event{Hash: "1", Name: "convo.merged", Body: []byte("{\"id\":7,\x00\xff}"), MailboxID: 206906, ConversationID: 7, Threads: 20, Moved: true}
	b.event(moved)
	for range 2 {
		if fresh, err := b.RecordEvent(b.ctx, moved, at(1)); fresh || err != nil {
			b.t.Errorf("repeated: %v, %v", fresh, err)
		}
	}
	want := func(id string, threads int, stale bool) {
		b.t.Helper()
		if l := b.look(id); l.Threads != threads || l.Stale() != stale {
			b.t.Errorf("lane %s: %d threads, stale %v; want %d, %v", id, l.Threads, l.Stale(), threads, stale)
		}
	}
	want("a", 20, true)
	want("b", 20, true)
	want("c", 1, false)
	b.event(sqlstore.Event{Hash: "2", Body: payload, ConversationID: 7, Threads: 19})
	want("a", 20, true)
	b.event(sqlstore.Event{Hash: "3", Body: payload, ConversationID: 8, Threads: 21})
	want("c", 21, false) // a reply is no move
	b.event(sqlstore.Event{Hash: "4", Body: payload, ConversationID: 8, Moved: true})
	want("c", 21, true)
}

// The same event comes many times at once: it is news once and changes the lane once.
func eventsConcurrently(b *book) {
	b.open("a", "SM1", 7, 70)
	var mu sync.Mutex
	news := map[string]int{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for n := range 5 {
				e := sqlstore.Event{Hash: fmt.Sprint(n), Body: payload, ConversationID: 7, Threads: n, Moved: true}
				fresh, err := b.RecordEvent(b.ctx, e, start)
				if err != nil {
					b.t.Error(err)
				}
				if fresh {
					mu.Lock()
					news[e.Hash]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for n := range 5 {
		if news[fmt.Sprint(n)] != 1 {
			b.t.Errorf("event %d was new %d times", n, news[fmt.Sprint(n)])
		}
	}
	if l := b.look("a"); l.Changes != 5 || l.Seen != 0 || l.Threads != 4 {
		b.t.Errorf("%+v", *l)
	}
}

// An event of a conversation that is nobody's, or of none, marks nobody: least of all those who have none yet.
func eventOfNoLane(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	b.ok(b.Release(b.ctx, l, e, start))
	b.event(sqlstore.Event{Hash: "1", Body: payload, ConversationID: 999, Threads: 5, Moved: true})
	b.event(sqlstore.Event{Hash: "2", Body: payload, ConversationID: 0, Threads: 5, Moved: true})
	if l := b.look("a"); l.Changes != 0 || l.Threads != 0 {
		b.t.Errorf("%+v", *l)
	}
}

// A note for somebody who never had a conversation has no place to go; one for somebody whose conversation is gone
// is accepted.
func noteNeedsConversation(b *book) {
	refused := func(why string) {
		b.t.Helper()
		if ok, err := b.QueueNote(b.ctx, "a", note("N1"), start); ok || err != nil {
			b.t.Errorf("%s: %v, %v", why, ok, err)
		}
		b.absent("N1")
		b.wantWoken()
	}
	refused("nobody")
	l, e := b.hold("a", text("SM1"), start)
	refused("somebody whose first text is on its way")
	l.Known, l.ConversationID = true, 7
	b.ok(b.Save(b.ctx, l, e, start))
	b.queue("a", "N1") // the lease of the text holds up no note
	b.wantWoken("a")
	l.ConversationID = 0
	b.ok(b.Release(b.ctx, l, e, start))
	b.queue("a", "N2")
}

// A note with a key is accepted once, and once it is posted it is not posted again.
func noteOnce(b *book) {
	b.open("a", "SM1", 7, 70)
	b.queue("a", "N1")
	again := note("N1")
	again.Body = "something else"
	if ok, err := b.QueueNote(b.ctx, "a", again, at(1)); !ok || err != nil {
		b.t.Errorf("again: %v, %v", ok, err)
	}
	if e := b.entry("N1"); e.Body != "body of N1" || e.State != sqlstore.Pending || e.Kind != sqlstore.Note || e.Lane != "a" || e.Trace != "trace" {
		b.t.Errorf("%+v", e)
	}
	b.end("a", "N1", sqlstore.Done)
	b.queue("a", "N1")
	if e := b.entry("N1"); e.State != sqlstore.Done {
		b.t.Errorf("%+v", e)
	}
	b.wantNote("a", "")
}

// Notes of a lane are posted in the order in which they were accepted; one that is unclear holds the next, one that
// ended does not. Texts are no notes.
func notesInOrder(b *book) {
	b.open("a", "SM1", 7, 70)
	b.open("b", "SM2", 8, 80)
	b.wantNote("a", "")
	for _, key := range []string{"N3", "N1", "N4", "N2"} {
		b.queue("a", key)
	}
	b.queue("b", "N0")
	l, e := b.hold("a", text("SM3"), start)
	b.ok(b.Release(b.ctx, l, e, start)) // a text that is not posted
	b.wantNote("a", "N3")
	b.end("a", "N3", sqlstore.Posting)
	b.wantNote("a", "N3")
	b.end("a", "N3", sqlstore.Done)
	b.wantNote("a", "N1")
	b.end("a", "N1", sqlstore.Dead)
	b.wantNote("a", "N4")
	b.end("a", "N4", sqlstore.Refused)
	b.wantNote("a", "N2")
	b.wantNote("b", "N0")
}

// Many file notes, also the same ones: each is posted once, and what one of them filed first is posted first.
func notesConcurrently(b *book) {
	b.open("a", "SM1", 7, 70)
	const callers, notes = 8, 6
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := range notes {
				key := fmt.Sprintf("N%d-%d", caller/2, n) // two file the same
				if ok, err := b.QueueNote(b.ctx, "a", note(key), start); !ok || err != nil {
					b.t.Errorf("%s: %v, %v", key, ok, err)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for range callers / 2 * notes {
		key, err := b.NextNote(b.ctx, "a")
		b.ok(err)
		caller, n, _ := strings.Cut(key, "-")
		if n != fmt.Sprint(next[caller]) {
			b.t.Errorf("%q is next, want number %d of it", key, next[caller])
		}
		next[caller]++
		b.end("a", key, sqlstore.Done)
	}
	b.wantNote("a", "")
}

// Agents and supporters write everything; it comes back byte for byte.
func bodies(b *book) {
	b.open("a", "SM1", 7, 70)
	for i, body := range []string{
		" leading and trailing \r\n\t ",
		"family 👩‍👩‍👧‍👦 flag 🏳️‍🌈 skin 👍🏽",
		"שלום \u202Eabc\u202C مرحبا \u200F!",
		strings.Repeat("𝄞", 20_000),
		`'; DROP TABLE entry; -- $1 $2 ? %s %d \x00 \u0000 \' {"a":[null]} <b>&amp;</b>`,
		"\x01\x02\x1b[31m\x7f\u0080\u009f\u2028\u2029\ufeff\ufffd\uffff\U0010ffff",
	} {
		e := note(fmt.Sprint(i, strings.ToValidUTF8(body[:9], "")))
		e.Body, e.Trace = body, e.Key
		ok, err := b.QueueNote(b.ctx, "a", e, start)
		b.ok(err)
		if got := b.entry(e.Key); !ok || got.Body != body || got.Trace != e.Key {
			b.t.Errorf("%q came back as %q", body, got.Body)
		}
		b.wantNote("a", e.Key)
		l, got := b.hold("a", sqlstore.Entry{Key: e.Key, Kind: sqlstore.Note}, start)
		got.State, got.Reason = sqlstore.Refused, body
		b.ok(b.Release(b.ctx, l, got, start))
		if got := b.entry(e.Key); got.Body != body || got.Reason != body {
			b.t.Errorf("%q ended as %q because of %q", body, got.Body, got.Reason)
		}
	}
}

var errProbe = errors.New("only looking")

// pending asks in a transaction, which is then rolled back, whether a lane has notes.
func (b *book) pending(id string) (pending bool) {
	b.t.Helper()
	real := b.Wake
	defer func() { b.Wake = real }()
	var asked error
	b.Wake = func(ctx context.Context, tx *sql.Tx, _ string, _ ...string) error {
		pending, asked = b.Work().Pending(ctx, tx, id)
		return errProbe
	}
	if _, err := b.QueueNote(b.ctx, "a", note("probe"), start); !errors.Is(err, errProbe) || asked != nil {
		b.t.Fatalf("asking for pending notes: %v, %v", err, asked)
	}
	return pending
}

// Pending and Lanes say the same as the notes themselves, whatever becomes of them.
func work(b *book) {
	want := func(lanes ...string) {
		b.t.Helper()
		got, err := b.Work().Lanes(b.ctx, "", 100)
		b.ok(err)
		if !slices.Equal(got, lanes) {
			b.t.Errorf("lanes %q have notes, want %q", got, lanes)
		}
		for _, id := range []string{"a", "b", "nobody"} {
			if got := b.pending(id); got != slices.Contains(lanes, id) {
				b.t.Errorf("lane %s pending: %v", id, got)
			}
		}
	}
	b.open("a", "SM1", 7, 70)
	b.open("b", "SM2", 8, 80)
	want()
	l, e := b.hold("a", text("SM3"), start)
	want() // a text is somebody else's to repeat
	b.ok(b.Release(b.ctx, l, e, start, note("N1")))
	b.queue("b", "N2")
	b.queue("b", "N3")
	want("a", "b")
	b.end("a", "N1", sqlstore.Posting)
	b.end("b", "N2", sqlstore.Done)
	want("a", "b")
	b.end("a", "N1", sqlstore.Dead)
	want("b")
	b.end("b", "N3", sqlstore.Refused)
	want()
}

// The sweep turns page after page and misses no lane and none twice.
func lanes(b *book) {
	var want, got []string
	for n := range 13 {
		id := fmt.Sprintf("lane%02d", n*5%13)
		want = append(want, id)
		l, e := b.hold(id, text("SM"+id), start)
		b.ok(b.Release(b.ctx, l, e, start, note("N"+id), note("M"+id)))
	}
	slices.Sort(want)
	for after := ""; ; after = got[len(got)-1] {
		page, err := b.Work().Lanes(b.ctx, after, 4)
		b.ok(err)
		if len(page) == 0 {
			break
		}
		if len(page) > 4 {
			b.t.Errorf("%d lanes on a page", len(page))
		}
		got = append(got, page...)
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%q, want %q", got, want)
	}
}

// A new conversation does not tell the id of its first thread. When that is learnt, it is the first text's, and
// nothing else changes.
func firstThread(b *book) {
	taken := func(thread int64, want bool) {
		b.t.Helper()
		if got, err := b.ThreadTaken(b.ctx, thread); got != want || err != nil {
			b.t.Errorf("thread %d taken: %v, %v", thread, got, err)
		}
	}
	b.open("a", "first", 7, 0)
	b.open("a", "second", 7, 71)
	b.open("b", "elsewhere", 8, 0)
	b.hold("a", text("posting"), start)
	b.ok(b.FreeLanes(b.ctx))
	l, e := b.hold("a", note("note"), start)
	e.State, e.ConversationID = sqlstore.Done, 7
	b.ok(b.Release(b.ctx, l, e, start))

	taken(71, true)
	taken(70, false)
	b.ok(b.LearnFirstThread(b.ctx, 7, 70))
	taken(70, true)
	for key, thread := range map[string]int64{"first": 70, "second": 71, "elsewhere": 0, "posting": 0, "note": 0} {
		if e := b.entry(key); e.ThreadID != thread {
			b.t.Errorf("%s has thread %d, want %d", key, e.ThreadID, thread)
		}
	}
	b.ok(b.LearnFirstThread(b.ctx, 7, 72)) // too late
	taken(72, false)
}

// A conversation is taken when something of ours is surely in it.
func conversationTaken(b *book) {
	want := func(want bool) {
		b.t.Helper()
		if got, err := b.ConversationTaken(b.ctx, 7); got != want || err != nil {
			b.t.Errorf("taken: %v, %v", got, err)
		}
	}
	want(false)
	l, e := b.hold("a", text("SM1"), start)
	e.State, e.ConversationID = sqlstore.Posting, 7
	b.ok(b.Save(b.ctx, l, e, start))
	want(false)
	e.State = sqlstore.Done
	b.ok(b.Release(b.ctx, l, e, start))
	want(true)
}
