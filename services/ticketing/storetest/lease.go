package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// Whoever comes at the same time with other entries, one holds the lane. The others leave nothing behind.
func oneHolder(b *book) {
	const callers = 20
	var mu sync.Mutex
	var winners []string
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			l, e, err := b.Hold(b.ctx, lane("a"), text(fmt.Sprint("SM", i)), start, at(leaseFor), limit)
			switch {
			case err == nil && l != nil:
				if l.ID != "a" || l.MailboxID != 206906 || l.ConversationID != 0 || l.Known || l.Searched || l.Stale() || !l.HeldAt.Equal(start) {
					b.t.Errorf("a new lane: %+v", *l)
				}
				if e.State != sqlstore.Pending || e.Key != fmt.Sprint("SM", i) {
					b.t.Errorf("a new entry: %+v", e)
				}
				mu.Lock()
				winners = append(winners, e.Key)
				mu.Unlock()
			case !errors.Is(err, sqlstore.ErrBusy) || l != nil:
				b.t.Errorf("%v, %v", l, err)
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 {
		b.t.Fatalf("%d hold the lane: %q", len(winners), winners)
	}
	for i := range callers {
		if key := fmt.Sprint("SM", i); key != winners[0] {
			b.absent(key)
		}
	}
	if e := b.entry(winners[0]); e.State != sqlstore.Pending || e.Lane != "a" || e.Kind != sqlstore.Text || e.Trace != "trace" {
		b.t.Errorf("%+v", e)
	}
	b.hold("b", text("SMb"), start) // other lanes are free
}

// A lease that ran out is taken over by one of those who come.
func oneTaker(b *book) {
	b.hold("a", text("SM"), start)
	var mu sync.Mutex
	takers := 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			l, _, err := b.Hold(b.ctx, lane("a"), text("SM"), at(leaseFor+1), at(2*leaseFor+1), limit)
			if err != nil && !errors.Is(err, sqlstore.ErrBusy) {
				b.t.Error(err)
			}
			if l != nil {
				mu.Lock()
				takers++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if takers != 1 {
		b.t.Errorf("%d took the lane over", takers)
	}
}

// A lease holds until its time is over, and not longer. Who lost it can write nothing any more: neither while the
// other holds the lane, nor after.
func expiredLease(b *book) {
	former, e := b.hold("a", text("SM1"), start)
	b.wantBusy("a", text("SM1"), at(1))
	b.wantBusy("a", text("SM2"), at(leaseFor))
	latter, e2 := b.hold("a", text("SM2"), at(leaseFor+0.001))

	late := func() {
		b.t.Helper()
		lost := *former
		lost.ConversationID, lost.Threads, lost.Known = 666, 6, true
		wrong := e
		wrong.State, wrong.ConversationID = sqlstore.Done, 666
		for what, err := range map[string]error{
			"save": b.Save(b.ctx, &lost, wrong, at(12)), "release": b.Release(b.ctx, &lost, wrong, at(12), note("late")),
		} {
			if err == nil {
				b.t.Errorf("%s with a lost lease", what)
			}
		}
	}
	late()
	b.wantBusy("a", text("SM3"), at(12)) // the former did not end the latter's lease
	latter.ConversationID, latter.Known = 7, true
	e2.State, e2.ConversationID = sqlstore.Done, 7
	b.ok(b.Release(b.ctx, latter, e2, at(12)))
	late()
	if l := b.look("a"); l.ConversationID != 7 || l.Threads != 0 {
		b.t.Errorf("%+v", *l)
	}
	if e := b.entry("SM1"); e.State != sqlstore.Pending || e.ConversationID != 0 {
		b.t.Errorf("%+v", e)
	}
	b.absent("late")
	b.wantNote("a", "")
}

// A released lane is free at once, and its former holder has nothing to say.
func releasedLease(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	b.ok(b.Release(b.ctx, l, e, start))
	if b.Release(b.ctx, l, e, start) == nil || b.Save(b.ctx, l, e, start) == nil {
		b.t.Error("writing after the release")
	}
	b.hold("a", text("SM2"), start)
}

// A process that is alone frees what the last one held; what was held is lost to its holder.
func freeLanes(b *book) {
	la, ea := b.hold("a", text("SM1"), start)
	b.hold("b", text("SM2"), start)
	b.ok(b.FreeLanes(b.ctx))
	if b.Save(b.ctx, la, ea, start) == nil {
		b.t.Error("writing with a freed lease")
	}
	b.hold("a", text("SM1"), at(1))
	b.hold("b", text("SM3"), at(1))
}

// What has ended is answered as it ended, by nobody's lease: the lane is as free as before. Who asks while somebody
// else holds the lane may be told to come again, but ends no lease that is not his.
func endedNeedsNoLease(b *book) {
	states := []string{sqlstore.Done, sqlstore.Refused} // what is dead begins anew: deadBeginsAnew
	for _, state := range states {
		l, e := b.hold("a", text(state), start)
		e.State, e.ConversationID, e.ThreadID, e.FirstContact, e.Reason, e.Attempts = state, 7, 77, true, "because", 3
		b.ok(b.Release(b.ctx, l, e, start))
	}
	l, e := b.hold("a", text("SM1"), start)
	l.ConversationID, l.Known = 9, true // a text would go straight through now
	b.ok(b.Release(b.ctx, l, e, start))
	ask := func(key string) (*sqlstore.Lane, sqlstore.Entry, error) {
		return b.Hold(b.ctx, lane("a"), text(key), at(2), at(12), limit)
	}
	for range 2 {
		for _, state := range states {
			l, e, err := ask(state)
			if err != nil || l != nil {
				b.t.Errorf("%s: %v, %v", state, l, err)
			}
			for _, e := range []sqlstore.Entry{e, b.entry(state)} {
				if e.State != state || e.ConversationID != 7 || e.ThreadID != 77 || !e.FirstContact || e.Reason != "because" || e.Attempts != 3 {
					b.t.Errorf("%s: %+v", state, e)
				}
			}
		}
	}
	holder, other := b.hold("a", text("SM2"), at(2))
	for _, state := range states {
		if l, _, err := ask(state); l != nil || err != nil && !errors.Is(err, sqlstore.ErrBusy) {
			b.t.Errorf("%s: %v, %v", state, l, err)
		}
	}
	b.wantBusy("a", text("SM3"), at(2))
	b.ok(b.Release(b.ctx, holder, other, at(3)))
}

// Two workers have the same text, as after a timeout, and try until it is done: one posts it. Whoever was waiting for
// the lane when it was released learns that it is done, and does not bring it back.
func sameTextOnce(b *book) {
	b.open("a", "SM", 7, 70)
	const callers, texts = 6, 30
	var mu sync.Mutex
	posted := map[string]int{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for n := range texts {
				key := fmt.Sprint("SM", n)
				for {
					l, e, err := b.Hold(b.ctx, lane("a"), text(key), start, at(leaseFor), limit)
					if errors.Is(err, sqlstore.ErrBusy) {
						continue
					}
					if err != nil {
						b.t.Error(err)
						return
					}
					if l == nil {
						if e.State != sqlstore.Done || e.ThreadID != int64(100+n) {
							b.t.Errorf("%s ended as %+v", key, e)
						}
						break
					}
					mu.Lock()
					posted[key]++
					mu.Unlock()
					e.State, e.ThreadID = sqlstore.Done, int64(100+n)
					if err := b.Release(b.ctx, l, e, start); err != nil {
						b.t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for n := range texts {
		if key := fmt.Sprint("SM", n); posted[key] != 1 {
			b.t.Errorf("%s was posted %d times", key, posted[key])
		}
	}
}

// The usual text: the lane's conversation can be used, so the intent is there with the lease, in one commit.
func straightThrough(b *book) {
	b.open("a", "SM1", 7, 70)
	_, e := b.hold("a", text("SM2"), at(1))
	for _, e := range []sqlstore.Entry{e, b.entry("SM2")} {
		if e.State != sqlstore.Posting || e.ConversationID != 7 || !e.OpenedAt.Equal(at(1)) || !e.UnclearAt.IsZero() {
			b.t.Errorf("%+v", e)
		}
	}
}

// Whenever something must be asked first, the entry stays pending.
func notStraightThrough(b *book) {
	pending := func(why, id string, e sqlstore.Entry) {
		b.t.Helper()
		l, e := b.hold(id, e, at(1))
		for _, e := range []sqlstore.Entry{e, b.entry(e.Key)} {
			if e.State != sqlstore.Pending || e.ConversationID != 0 {
				b.t.Errorf("%s: %+v", why, e)
			}
		}
		b.ok(b.Release(b.ctx, l, e, at(1)))
	}
	pending("nobody has a conversation", "new", text("SM1"))
	b.open("note", "SM2", 2, 20)
	pending("a note", "note", note("N"))
	pending("a file", "note", sqlstore.Entry{Key: "F", Kind: sqlstore.Attachment})
	b.open("moved", "SM3", 3, 30)
	b.event(sqlstore.Event{Hash: "1", Body: payload, ConversationID: 3, Moved: true})
	pending("the conversation was moved", "moved", text("SM4"))
	b.open("full", "SM5", 5, 50)
	b.event(sqlstore.Event{Hash: "2", Body: payload, ConversationID: 5, Threads: limit})
	pending("the conversation is full", "full", text("SM6"))

	b.open("nearly", "SM7", 6, 60)
	b.event(sqlstore.Event{Hash: "3", Body: payload, ConversationID: 6, Threads: limit - 1})
	if _, e := b.hold("nearly", text("SM8"), at(1)); e.State != sqlstore.Posting {
		b.t.Errorf("there is room for one: %+v", e)
	}
}

// A process dies between intent and result. Whoever comes next finds the intent as it was, wherever the lane's
// conversation is by now, and must look for it; it does not become pending by itself.
func unclearStays(b *book) {
	b.open("a", "SM1", 7, 70)
	l, e := b.hold("a", text("SM2"), at(1))
	e.UnclearAt, e.Attempts = at(2), 1
	b.ok(b.Save(b.ctx, l, e, at(2)))

	l, e = b.hold("a", text("SM3"), at(20)) // another text is first
	l.ConversationID = 8
	e.State, e.ConversationID, e.ThreadID = sqlstore.Done, 8, 80
	b.ok(b.Release(b.ctx, l, e, at(20)))

	_, e = b.hold("a", text("SM2"), at(21))
	for _, e := range []sqlstore.Entry{e, b.entry("SM2")} {
		if e.State != sqlstore.Posting || e.ConversationID != 7 || !e.OpenedAt.Equal(at(1)) || !e.UnclearAt.Equal(at(2)) || e.Attempts != 1 {
			b.t.Errorf("%+v", e)
		}
	}
}

// Save is the intent of an attempt: it is written, and the lane is still ours.
func saveKeepsLease(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	e.State, e.OpenedAt = sqlstore.Posting, at(1)
	b.ok(b.Save(b.ctx, l, e, at(1)))
	if got := b.entry("SM1"); got.State != sqlstore.Posting || !got.OpenedAt.Equal(at(1)) {
		b.t.Errorf("%+v", got)
	}
	b.wantBusy("a", text("SM2"), at(2))
	b.ok(b.Save(b.ctx, l, e, at(2)))
	b.ok(b.Release(b.ctx, l, e, at(3)))
}

// Everything that is known of a lane and an entry comes back to the next holder.
func laneRoundTrip(b *book) {
	l, e := b.hold("a", text("SM1"), start)
	l.ConversationID, l.Threads, l.Known, l.Searched = 1<<40, 17, true, true
	e.State, e.ConversationID, e.ThreadID, e.FirstContact, e.Attempts, e.Reason = sqlstore.Posting, 1<<40, 1<<41, true, 4, "slow"
	e.OpenedAt, e.UnclearAt = at(1), at(2)
	b.ok(b.Release(b.ctx, l, e, at(3)))
	next, again := b.hold("a", text("SM1"), at(4))
	if next.ConversationID != 1<<40 || next.Threads != 17 || !next.Known || !next.Searched || next.MailboxID != 206906 || !next.HeldAt.Equal(at(4)) {
		b.t.Errorf("%+v", *next)
	}
	if !again.OpenedAt.Equal(at(1)) || !again.UnclearAt.Equal(at(2)) || again.Lane != "a" {
		b.t.Errorf("%+v", again)
	}
	e.OpenedAt, e.UnclearAt, e.Lane = again.OpenedAt, again.UnclearAt, again.Lane
	if !reflect.DeepEqual(again, e) {
		b.t.Errorf("got  %+v\nwant %+v", again, e)
	}
}

// Help Scout says how many threads there are while somebody holds the lane: what he counted does not lower it. A new
// conversation begins to count anew.
func threadsAreNotLowered(b *book) {
	b.open("a", "SM1", 7, 70)
	l, e := b.hold("a", text("SM2"), at(1))
	b.event(sqlstore.Event{Hash: "1", Body: payload, ConversationID: 7, Threads: 50})
	l.Threads++
	e.State = sqlstore.Done
	b.ok(b.Save(b.ctx, l, e, at(1)))
	b.ok(b.Release(b.ctx, l, e, at(1)))
	if l := b.look("a"); l.Threads != 50 {
		b.t.Errorf("%d threads, want 50", l.Threads)
	}
	l, e = b.hold("a", text("SM3"), at(1))
	l.ConversationID, l.Threads = 8, 1
	e.State = sqlstore.Done
	b.ok(b.Release(b.ctx, l, e, at(1)))
	if l := b.look("a"); l.ConversationID != 8 || l.Threads != 1 {
		b.t.Errorf("%+v", *l)
	}
}

// A conversation is merged while somebody uses it: what he looked at before is not taken for having seen that.
func changeDuringLease(b *book) {
	b.open("a", "SM1", 7, 70)
	b.event(sqlstore.Event{Hash: "1", Body: payload, ConversationID: 7, Moved: true})
	l, e := b.hold("a", text("SM2"), at(1))
	if !l.Stale() {
		b.t.Fatal("the change was not noticed")
	}
	l.Seen = l.Changes // looked
	b.event(sqlstore.Event{Hash: "2", Body: payload, ConversationID: 7, Moved: true})
	e.State = sqlstore.Done
	b.ok(b.Release(b.ctx, l, e, at(2)))
	l, e = b.hold("a", text("SM3"), at(3))
	if !l.Stale() || e.State != sqlstore.Pending {
		b.t.Errorf("the second change is forgotten: %+v, %+v", *l, e)
	}
	l.Seen = l.Changes
	b.ok(b.Release(b.ctx, l, e, at(4)))
	if l := b.look("a"); l.Stale() {
		b.t.Errorf("it was looked at: %+v", *l)
	}
}

// Events, texts and notes of the same lanes come all at once. Nobody fails but for a busy lane, and each text is
// ended by one.
func everythingAtOnce(b *book) {
	const lanes, texts = 3, 5
	for n := range lanes {
		b.open(fmt.Sprint("lane", n), fmt.Sprint("first", n), int64(n+1), int64(n+1))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	ended := map[string]int{}
	for range 6 {
		wg.Go(func() {
			for n := range lanes * texts {
				key, id := fmt.Sprint("SM", n), fmt.Sprint("lane", n%lanes)
				for {
					l, e, err := b.Hold(b.ctx, lane(id), text(key), start, at(leaseFor), limit)
					if errors.Is(err, sqlstore.ErrBusy) {
						continue
					}
					if err != nil {
						b.t.Error(err)
						return
					}
					if l == nil {
						break
					}
					e.State, e.ThreadID = sqlstore.Done, int64(1000+n)
					if err := b.Release(b.ctx, l, e, start, note("N"+key)); err != nil {
						b.t.Error(err)
						return
					}
					mu.Lock()
					ended[key]++
					mu.Unlock()
				}
				if _, err := b.RecordEvent(b.ctx, sqlstore.Event{Hash: key, Body: payload, ConversationID: int64(n%lanes + 1), Threads: n, Moved: true}, start); err != nil {
					b.t.Error(err)
				}
				if ok, err := b.QueueNote(b.ctx, id, note("Q"+key), start); !ok || err != nil {
					b.t.Errorf("%v, %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
	for n := range lanes {
		if l := b.look(fmt.Sprint("lane", n)); l.Changes != texts {
			b.t.Errorf("lane %d changed %d times, want %d", n, l.Changes, texts)
		}
	}
	for n := range lanes * texts {
		key := fmt.Sprint("SM", n)
		if e := b.entry(key); e.State != sqlstore.Done || e.ThreadID != int64(1000+n) {
			b.t.Errorf("%+v", e)
		}
		if ended[key] != 1 {
			b.t.Errorf("%s was ended %d times", key, ended[key])
		}
		for _, kind := range []string{"N", "Q"} {
			if e := b.entry(kind + key); e.State != sqlstore.Pending || !strings.HasPrefix(e.Lane, "lane") {
				b.t.Errorf("%+v", e)
			}
		}
	}
}
