package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// retry takes up what is dead.
func (b *book) retry(kind, id string) string {
	b.t.Helper()
	ids, err := b.Retry(b.ctx, kind, id, sqlstore.Step{What: "taken up again"}, at(100))
	b.ok(err)
	return strings.Join(ids, " ")
}

// Notes that were given up are taken up, in their old order, and their lanes woken; nothing else is.
func retryNotes(b *book) {
	b.open("a", "SM1", 7, 70)
	b.open("b", "SM2", 8, 80)
	for _, n := range []struct{ lane, key, state string }{
		{"a", "N1", sqlstore.Dead}, {"a", "N2", sqlstore.Done}, {"b", "N3", sqlstore.Dead}, {"a", "N4", sqlstore.Dead}, {"a", "N5", sqlstore.Refused},
	} {
		b.queue(n.lane, n.key)
		b.end(n.lane, n.key, n.state)
	}
	b.queue("a", "N6")
	l, e := b.hold("a", text("SM3"), start)
	e.State = sqlstore.Dead
	b.ok(b.Release(b.ctx, l, e, start))
	b.wantWoken("a", "a", "b", "a", "a", "a")

	for id, want := range map[string]string{"N2": "", "N5": "", "N6": "", "SM3": "", "none": "", "N3": "N3"} {
		if got := b.retry(sqlstore.Note, id); got != want {
			b.t.Errorf("retrying %s: %q, want %q", id, got, want)
		}
	}
	b.wantWoken("b")
	b.wantNote("b", "N3")
	b.wantNote("a", "N6")
	if got := b.retry(sqlstore.Note, ""); got != "N1 N4" {
		b.t.Errorf("retrying all: %q", got)
	}
	b.wantWoken("a")
	b.wantSteps("N1", "0s-0s 1x !given up ()", "1m40s-1m40s 1x taken up again ()")
	for _, key := range []string{"N1", "N4", "N6"} {
		b.wantNote("a", key)
		b.end("a", key, sqlstore.Done)
	}
	for _, kind := range []string{sqlstore.Note, sqlstore.Text, sqlstore.Attachment, sqlstore.EventItem} {
		if got := b.retry(kind, ""); got != "" {
			b.t.Errorf("retrying each %s: %q", kind, got)
		}
	}
	if e := b.entry("SM3"); e.State != sqlstore.Dead {
		b.t.Errorf("a text was taken up without its words: %+v", e)
	}
	b.wantWoken()
}

// An event that was given up is not tried again by itself, but can be taken up.
func retryEvents(b *book) {
	for _, hash := range []string{"1", "2", "3"} {
		b.event(sqlstore.Event{Hash: hash, Name: replyEvent, Body: payload, ConversationID: 7, Replies: true, Trace: "trace"})
		b.ok(b.EventFailed(b.ctx, hash, trouble("unreadable", ""), at(1)))
	}
	b.ok(b.EventDead(b.ctx, "1", "unreadable", at(2)))
	b.ok(b.EventDone(b.ctx, "2", at(2)))
	b.wantWoken("replies 7", "replies 7", "replies 7")
	next := func(want string, attempts int) {
		b.t.Helper()
		e, err := b.NextEvent(b.ctx, "7")
		b.ok(err)
		if e == nil || e.Hash != want || e.Attempts != attempts || e.Trace != "trace" {
			b.t.Errorf("%+v, want %s", e, want)
		}
	}
	next("3", 1)
	lanes, err := b.ReplyWork().Lanes(b.ctx, "", 10)
	b.ok(err)
	if !slices.Equal(lanes, []string{"7"}) {
		b.t.Errorf("%q", lanes)
	}
	if got := b.retry(sqlstore.EventItem, ""); got != "1" {
		b.t.Errorf("%q", got)
	}
	b.wantWoken("replies 7")
	next("1", 0)
	b.wantSteps("1", "1s-1s 1x !unreadable ()", "2s-2s 1x !given up (unreadable)", "1m40s-1m40s 1x taken up again ()")
}

// Two operators press the button at once, and there is more than one batch: each note is taken up once.
func retryConcurrently(b *book) {
	const notes = 1100
	b.open("a", "SM1", 7, 70)
	for i := range notes {
		b.queue("a", fmt.Sprintf("N%04d", i))
		b.end("a", fmt.Sprintf("N%04d", i), sqlstore.Dead)
	}
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			ids, err := b.Retry(b.ctx, sqlstore.Note, "", sqlstore.Step{What: "taken up again"}, at(100))
			if err != nil {
				b.t.Error(err)
			}
			mu.Lock()
			all = append(all, ids...)
			mu.Unlock()
		})
	}
	wg.Wait()
	slices.Sort(all)
	if len(all) != notes || len(slices.Compact(all)) != notes {
		b.t.Errorf("%d notes were taken up, want %d", len(all), notes)
	}
	b.wantNote("a", "N0000")
}

// The overview counts what waits, and names the lanes that wait longest.
func overview(b *book) {
	for i := range 3 {
		supporter := fmt.Sprintf("+1617555000%d", i)
		b.put(1, supporter, sqlstore.Entry{Key: fmt.Sprint("SM", i), Kind: sqlstore.Text, State: sqlstore.Done, ConversationID: int64(1000 + i)}, start)
		for n := range 2 {
			ok, err := b.QueueNote(b.ctx, fmt.Sprintf("1|%s@sms.example.org", supporter), note(fmt.Sprintf("N%d%d", i, n)), at(float64(10-i+100*n)))
			b.ok(err)
			if !ok {
				b.t.Fatal("no note is taken")
			}
		}
	}
	e := sqlstore.Event{Hash: "1", Name: replyEvent, Body: payload, ConversationID: 1001, Replies: true}
	_, err := b.RecordEvent(b.ctx, e, at(9.5))
	b.ok(err)
	b.put(1, "+16175550000", sqlstore.Entry{Key: "N", Kind: sqlstore.Note, State: sqlstore.Dead}, start)
	b.put(1, "+16175550000", sqlstore.Entry{Key: "N long ago", Kind: sqlstore.Note, State: sqlstore.Done}, start)
	b.put(1, "+16175550000", sqlstore.Entry{Key: "N lately", Kind: sqlstore.Note, State: sqlstore.Done}, at(50))
	b.ok(b.ReplySent(b.ctx, sqlstore.Reply{ThreadID: 1}, at(60)))

	waiting, err := b.Waiting(b.ctx)
	b.ok(err)
	var got []string
	for _, w := range waiting {
		got = append(got, fmt.Sprint(w.Topic, w.Count, w.Lanes, w.Oldest.Sub(start)))
	}
	if s := strings.Join(got, " "); s != "notes6 3 8s replies1 1 9.5s" {
		b.t.Error(s)
	}
	lanes, err := b.OldestLanes(b.ctx, 3)
	b.ok(err)
	got = nil
	for _, w := range lanes {
		got = append(got, fmt.Sprint(w.Topic, w.Count, w.Oldest.Sub(start), w.First, w.Supporter, w.Hotline, w.ConversationID))
	}
	if s := strings.Join(got, "\n"); s != "notes2 8sN20+16175550002+150171226610\nnotes2 9sN10+16175550001+150171226610\nreplies1 9.5s1+16175550001+150171226611001" {
		b.t.Error(s)
	}
	counts, err := b.Counts(b.ctx, at(20))
	b.ok(err)
	if s := fmt.Sprint(counts); s != "[{note dead 1} {event dead 0} {note done 1} {reply done 1}]" {
		b.t.Error(s)
	}
	for _, topic := range sqlstore.Topics {
		if _, any, err := b.Oldest(b.ctx, topic); !any || err != nil {
			b.t.Errorf("%s: %v, %v", topic, any, err)
		}
	}
}

// The budget says what is left, and until when Help Scout refuses.
func budgetStands(b *book) {
	s, err := b.Budget(b.ctx, start)
	b.ok(err)
	if s != (sqlstore.Budget{}) {
		b.t.Errorf("nothing is known yet: %+v", s)
	}
	b.ok(b.Allowed(b.ctx, 100, 70, start))
	b.ok(b.Block(b.ctx, at(5)))
	s, err = b.Budget(b.ctx, at(1))
	b.ok(err)
	if s.Allowed != 100 || s.Left != 70 || !s.BlockedUntil.Equal(at(5)) {
		b.t.Errorf("%+v", s)
	}
	if s, err = b.Budget(b.ctx, at(6)); err != nil || !s.BlockedUntil.IsZero() {
		b.t.Errorf("%+v, %v", s, err)
	}
}
