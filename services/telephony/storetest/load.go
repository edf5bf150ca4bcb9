package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// old is a text of before the hotline was ours.
func old(sid, lane string) sqlstore.TextInRow {
	t := text(sid, lane)
	t.Loaded, t.FoundAt = true, start.Add(time.Hour)
	return t
}

// What is loaded stays known as that, counts as received and not as recovered, and makes nothing that is known already older than it is.
func loadedTexts(b *book) {
	first := old("MC1", "a")
	if fresh := b.record(first, first, text("MC2", "a")); !slices.Equal(fresh, []bool{true, false, true}) {
		b.t.Errorf("%v", fresh)
	}
	if next := b.next("a", "MC1"); !next.Loaded || !next.FoundAt.Equal(first.FoundAt) || !next.ReceivedAt.Equal(start) {
		b.t.Errorf("got %+v", next)
	}
	if fresh := b.record(old("MC2", "a"), old("MC1", "a")); slices.Contains(fresh, true) {
		b.t.Errorf("known already: %v", fresh)
	}
	b.ok(b.TextDone(b.ctx, b.next("a", "MC1"), 7, start, nil))
	if live := b.next("a", "MC2"); live.Loaded || !live.FoundAt.IsZero() {
		b.t.Errorf("a live text is %+v", live)
	}
	found := text("SM1", "b")
	found.FoundAt = start.Add(time.Hour)
	b.record(found)
	_, err := b.TextsListed(b.ctx, []string{"MC1", "MC2"})
	b.ok(err)
	got := b.countIn(start.Add(time.Minute)) // before what is not delivered counts as missing
	if want := (books.Count{Received: 3, Delivered: 1, Recovered: 1}); got != want {
		b.t.Errorf("%+v, want %+v", got, want)
	}
}

// loadedPending are those that were loaded and are neither in the ticket nor given up, no more than are asked for; what is live is none of them.
func loadedPending(b *book) {
	want := func(want, limit int) {
		b.t.Helper()
		got, err := b.LoadedPending(b.ctx, limit)
		b.ok(err)
		if got != want {
			b.t.Errorf("%d are pending of at most %d, want %d", got, limit, want)
		}
	}
	want(0, 10)
	b.record(text("SM1", "a"), old("MC1", "b"), old("MC2", "b"), old("MC3", "c"), old("MC4", "d"))
	want(4, 10)
	want(3, 3)
	if at, waits, err := b.Oldest(b.ctx, sqlstore.TextIn); err != nil || !waits || !at.Equal(start) {
		b.t.Errorf("the oldest waits since %v, %v", at, err)
	}
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 7, start, nil))
	if at, _, err := b.Oldest(b.ctx, sqlstore.TextIn); err != nil || !at.Equal(start.Add(time.Hour)) {
		b.t.Errorf("what was loaded waits since %v, %v", at, err)
	}
	b.ok(b.TextDone(b.ctx, b.next("b", "MC1"), 7, start, nil))
	b.ok(b.TextFailed(b.ctx, b.next("b", "MC2")))
	want(3, 10)
	b.ok(b.TextEnded(b.ctx, b.next("b", "MC2"), sqlstore.Dead, "x", start))
	b.ok(b.TextEnded(b.ctx, b.next("c", "MC3"), sqlstore.Refused, "blocked", start))
	want(1, 10)
	b.ok(b.TextEnded(b.ctx, b.next("d", "MC4"), sqlstore.Unrouted, "no hotline has this number", start))
	want(0, 10)
}

// Looking which texts are known, as many as there are, changes nothing: none of them is in a list because of it.
func textsKnown(b *book) {
	const ids, every = 1300, 100 // more than fit into one question
	var all []string
	for i := range ids {
		if all = append(all, fmt.Sprint("MC", i)); i%every == 0 {
			b.record(text(all[i], "a"))
		}
	}
	before := b.countIn(start.Add(time.Minute))
	known, err := b.TextsKnown(b.ctx, all)
	b.ok(err)
	for i, id := range all {
		if known[id] != (i%every == 0) {
			b.t.Errorf("%s known: %v", id, known[id])
		}
	}
	if after := b.countIn(start.Add(time.Minute)); after != before {
		b.t.Errorf("%+v, before it was %+v", after, before)
	}
	if none, err := b.TextsKnown(b.ctx, nil); len(none) != 0 || err != nil {
		b.t.Errorf("of none: %v, %v", none, err)
	}
}

// What somebody told the carrier counts as what was said at that time: what they have said since stands, and nobody is opted in by it. Who
// has opted out twice did so the last time.
func optedOutAtCarrier(b *book) {
	const hotline = phone.Number("+15017122661")
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	said := 0
	says := func(supporter, wish string, minute int, loaded bool) {
		said++
		t := text(fmt.Sprint("MC", said), supporter)
		t.Supporter, t.Wish, t.ReceivedAt, t.Loaded = supporter, wish, at(minute), loaded
		if loaded {
			t.FoundAt = at(100)
		}
		b.record(t)
	}
	out := func(want bool, supporter, why string) {
		b.t.Helper()
		got, err := b.OptedOut(b.ctx, hotline, supporter)
		b.ok(err)
		if got != want {
			b.t.Errorf("%s: opted out: %v", why, got)
		}
	}
	carrier := func(supporter string, minute int) {
		_, err := b.OptedOutAtCarrier(b.ctx, hotline, supporter, at(minute))
		b.ok(err)
	}

	carrier("a", 5)
	out(true, "a", "at the carrier")
	out(false, "b", "somebody else")
	if got, err := b.OptedOut(b.ctx, "+15017122662", "a"); got || err != nil {
		b.t.Errorf("of another hotline: %v, %v", got, err)
	}
	says("a", sqlstore.OptIn, 3, true)
	out(true, "a", "what is loaded was said before")
	says("a", sqlstore.OptIn, 7, false)
	out(false, "a", "they want texts again")
	carrier("a", 5) // the list still has it
	out(false, "a", "what was said since stands")
	carrier("a", 9)
	out(true, "a", "they have left again")

	says("b", sqlstore.OptIn, 7, false)
	carrier("b", 5)
	out(false, "b", "they had come back")

	carrier("c", 5)
	carrier("c", 8)
	carrier("c", 5)
	says("c", sqlstore.OptIn, 7, true)
	out(true, "c", "they left after that")

	says("d", sqlstore.OptOut, 7, true)
	out(true, "d", "what is loaded counts, too")
	says("d", sqlstore.OptIn, 5, true)
	out(true, "d", "nobody is opted in by what was said before")
}

// A load that begins anew begins at its beginning; no other does.
func forgetLooked(b *book) {
	till := func(want time.Time, what string) {
		b.t.Helper()
		got, err := b.LookedTill(b.ctx, what, start)
		b.ok(err)
		if !got.Equal(want) {
			b.t.Errorf("%s came to %v, want %v", what, got, want)
		}
	}
	till(start, "load a")
	till(start, "load b")
	later := start.Add(time.Hour)
	for _, at := range []time.Time{later, start.Add(time.Minute)} { // it never goes back by itself
		b.ok(b.LookedFor(b.ctx, "load a", at))
		b.ok(b.LookedFor(b.ctx, "load b", at))
	}
	till(later, "load a")
	b.ok(b.ForgetLooked(b.ctx, "load a"))
	b.ok(b.ForgetLooked(b.ctx, "load c"))
	till(start, "load a")
	till(later, "load b")
	b.ok(b.ForgetLooked(b.ctx, "load a"))
	b.ok(b.LookedFor(b.ctx, "load a", later)) // of what nobody looks for nothing is kept
	till(start, "load a")
}
