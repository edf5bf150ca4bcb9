package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// outText is an outgoing text of a lane.
func outText(key, lane string) sqlstore.TextOutRow {
	return sqlstore.TextOutRow{
		Key: key, Lane: lane, Hotline: "+15017122661", Supporter: "+16175550142", Kind: sqlstore.Other, Body: "body of " + key,
		Trace: "00-trace-" + key, CreatedAt: start,
	}
}

func (b *book) queue(key, lane string) {
	b.t.Helper()
	t := outText(key, lane)
	_, err := b.QueueText(b.ctx, &t)
	b.ok(err)
}

// begin begins an attempt, which must be ours.
func (b *book) begin(key, attempt string) {
	b.t.Helper()
	if !b.tryBegin(key, attempt, start) {
		b.t.Fatalf("the attempt at %s is not ours", key)
	}
}

// tryBegin reports whether an attempt at the message with a key is ours.
func (b *book) tryBegin(key, attempt string, at time.Time) bool {
	b.t.Helper()
	mine, wait, err := b.BeginAttempt(b.ctx, &sqlstore.MessageOutRow{Key: key}, attempt, at, 0)
	b.ok(err)
	if wait != 0 {
		b.t.Errorf("without a pace the wait is %v", wait)
	}
	return mine
}

// find returns a text of one message, and the message.
func (b *book) find(key string) (sqlstore.TextOutRow, sqlstore.MessageOutRow) {
	b.t.Helper()
	t, messages, found, err := b.FindTextOut(b.ctx, key)
	b.ok(err)
	if !found || len(messages) != 1 {
		b.t.Fatalf("%s is there: %v, with %d messages", key, found, len(messages))
	}
	return t, messages[0]
}

// nextTell returns the next text of a lane that the ticket must be told about, which must be this one; "" for none.
func (b *book) nextTell(lane, key string) *sqlstore.TextOutRow {
	b.t.Helper()
	t, _, err := b.NextToTell(b.ctx, lane)
	b.ok(err)
	switch {
	case t == nil && key != "":
		b.t.Fatalf("lane %s has nothing to tell, want %s", lane, key)
	case t != nil && t.Key != key:
		b.t.Fatalf("lane %s: next to tell is %s (%s), want %q", lane, t.Key, t.State, key)
	}
	return t
}

// nextOut returns the next outgoing message of a lane, which must be this one; "" for none.
func (b *book) nextOut(lane, key string) *sqlstore.MessageOutRow {
	b.t.Helper()
	t, err := b.NextMessageOut(b.ctx, lane)
	b.ok(err)
	switch {
	case t == nil && key != "":
		b.t.Fatalf("lane %s has nothing to do, want %s", lane, key)
	case t != nil && t.Key != key:
		b.t.Fatalf("lane %s: next is %s (%s), want %q", lane, t.Key, t.State, key)
	}
	return t
}

// advance is a status callback of a known attempt.
func (b *book) advance(attempt, sid string, state sqlstore.OutState, code int) {
	b.t.Helper()
	known, err := b.Advance(b.ctx, attempt, sid, state, code, start)
	b.ok(err)
	if !known {
		b.t.Errorf("attempt %s is not known", attempt)
	}
}

// wantOut fails unless a text is in a state, with an error code, and told or not.
func (b *book) wantOut(key string, state sqlstore.OutState, code int, told bool) {
	b.t.Helper()
	t, m := b.find(key)
	if t.State != state || m.State != state || m.ErrorCode != code {
		b.t.Errorf("%s: %s, message %s, code %d; want %s, %d", key, t.State, m.State, m.ErrorCode, state, code)
	}
	next, _, err := b.NextToTell(b.ctx, t.Lane)
	b.ok(err)
	if toldOf := next == nil || next.Key != key; toldOf != told {
		b.t.Errorf("%s: told %v, want %v", key, toldOf, told)
	}
}

// A text with a key is accepted once; who asks again is told how it stands and changes nothing.
func queueOnce(b *book) {
	first := outText("K1", "a")
	got, err := b.QueueText(b.ctx, &first)
	b.ok(err)
	b.wantWoken(wake{sqlstore.TextOut, []string{"a"}})
	want := first
	want.State = sqlstore.Queued
	found, message := b.find("K1")
	if next := b.nextOut("a", "K1"); !reflect.DeepEqual(*next, message) || message.Body != first.Body || message.TextKey != "K1" || message.Part != 1 {
		b.t.Errorf("message %+v, next %+v", message, next)
	}
	for _, got := range []sqlstore.TextOutRow{got, found} {
		if !got.CreatedAt.Equal(start) {
			b.t.Errorf("created at %v", got.CreatedAt)
		}
		got.CreatedAt = start
		if got != want {
			b.t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	b.begin("K1", "A1")
	b.advance("A1", "SM1", sqlstore.Sent, 0)
	again := outText("K1", "b")
	again.Body = "something else"
	got, err = b.QueueText(b.ctx, &again)
	b.ok(err)
	if _, m := b.find("K1"); got.State != sqlstore.Sent || m.MessageSID != "SM1" || got.Body != first.Body || got.Lane != "a" {
		b.t.Errorf("again: %+v", got)
	}
	b.nextOut("a", "")
	b.nextOut("b", "")
	if _, _, found, err := b.FindTextOut(b.ctx, "K2"); found || err != nil {
		b.t.Errorf("a text that nobody queued: %v, %v", found, err)
	}
}

// Many callers with few keys: each text is there once, and in its lane once.
func queueConcurrently(b *book) {
	var wg sync.WaitGroup
	for caller := range 12 {
		wg.Go(func() {
			for i := range 8 {
				n := (i + caller) % 8
				t := outText(fmt.Sprint("K", n), string(rune('a'+n%2)))
				got, err := b.QueueText(b.ctx, &t)
				if err != nil || got.Key != t.Key || got.State != sqlstore.Queued {
					b.t.Errorf("%s: %+v, %v", t.Key, got, err)
				}
			}
		})
	}
	wg.Wait()
	var keys []string
	for _, lane := range []string{"a", "b"} {
		for {
			t, err := b.NextMessageOut(b.ctx, lane)
			b.ok(err)
			if t == nil {
				break
			}
			keys = append(keys, t.Key)
			b.begin(t.Key, "A"+t.Key)
			b.ok(b.AttemptAccepted(b.ctx, "A"+t.Key, "SM"+t.Key, start))
		}
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7"}) {
		b.t.Errorf("%q", keys)
	}
}

// A lane's texts leave in their order: one that is unclear holds the next.
func outInOrder(b *book) {
	for _, key := range []string{"K3", "K1", "K2"} {
		b.queue(key, "a")
	}
	b.nextOut("a", "K3")
	b.begin("K3", "A3")
	if t := b.nextOut("a", "K3"); t.State != sqlstore.Sending {
		b.t.Errorf("%s", t.State)
	}
	b.ok(b.AttemptAccepted(b.ctx, "A3", "SM3", start))
	b.nextOut("a", "K1")
	b.begin("K1", "A1")
	b.ok(b.AttemptRefused(b.ctx, "K1", "A1", saysStop, start))
	b.nextOut("a", "K2")
}

// However many workers are at it, one sends.
func beginOnce(b *book) {
	b.queue("K1", "a")
	const callers = 20
	var mu sync.Mutex
	var winners []string
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			id := fmt.Sprint("A", i)
			mine, _, err := b.BeginAttempt(b.ctx, &sqlstore.MessageOutRow{Key: "K1"}, id, start, 0)
			if err != nil {
				b.t.Error(err)
			}
			if mine {
				mu.Lock()
				winners = append(winners, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 {
		b.t.Fatalf("%d workers send: %q", len(winners), winners)
	}
	a, total, err := b.OpenAttempt(b.ctx, "K1")
	b.ok(err)
	if a.ID != winners[0] || total != 1 {
		b.t.Errorf("open is %s of %d, want %s", a.ID, total, winners[0])
	}
	b.wantOut("K1", sqlstore.Sending, 0, true)
	if b.tryBegin("K2", "A", start) {
		b.t.Error("a text that nobody queued")
	}
}

// What is known of an unclear attempt: when it began, how often the carrier was asked, how many there were.
func openAttempt(b *book) {
	b.queue("K1", "a")
	if _, _, err := b.OpenAttempt(b.ctx, "K1"); err == nil {
		b.t.Error("an attempt that nobody began")
	}
	later := start.Add(time.Hour)
	if !b.tryBegin("K1", "A1", later) {
		b.t.Fatal("not ours")
	}
	for looks := range 3 {
		a, total, err := b.OpenAttempt(b.ctx, "K1")
		b.ok(err)
		if a.ID != "A1" || !a.StartedAt.Equal(later) || a.Looks != looks || total != 1 {
			b.t.Errorf("%+v of %d, want %d looks", a, total, looks)
		}
		b.ok(b.Looked(b.ctx, "A1"))
	}
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A1", true, start))
	b.begin("K1", "A2")
	if a, total, err := b.OpenAttempt(b.ctx, "K1"); a.ID != "A2" || a.Looks != 0 || total != 2 || err != nil {
		b.t.Errorf("%+v of %d, %v", a, total, err)
	}
}

// A text that surely did not leave is queued again, or given up, and then the ticket must be told.
func absent(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A1", true, start))
	b.wantOut("K1", sqlstore.Queued, 0, true)
	b.nextOut("a", "K1")
	b.begin("K1", "A2")
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A2", false, start))
	b.wantOut("K1", sqlstore.Failed, 0, false)
	b.nextOut("a", "")
	if b.tryBegin("K1", "A3", start) {
		b.t.Error("a text that was given up is sent")
	}
}

// A text that the carrier refused is not sent again, and the ticket must be told why.
func refused(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptRefused(b.ctx, "K1", "A1", saysStop, start))
	b.wantOut("K1", sqlstore.Failed, saysStop, false)
	b.nextOut("a", "")
	if b.tryBegin("K1", "A2", start) {
		b.t.Error("a refused text is sent")
	}
}

// A text of which nobody knows is not sent again, and the ticket must be told. A late callback may still tell.
func unknown(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptUnknown(b.ctx, "K1", "A1", start))
	b.wantOut("K1", sqlstore.Unknown, 0, false)
	b.nextOut("a", "")
	if b.tryBegin("K1", "A2", start) {
		b.t.Error("an unclear text is sent again")
	}
	b.ok(b.Told(b.ctx, "K1", sqlstore.Unknown))
	b.nextTell("a", "")
	b.advance("A1", "SM1", sqlstore.Accepted, 0)
	b.wantOut("K1", sqlstore.Accepted, 0, true)
	b.advance("A1", "SM1", sqlstore.Delivered, 0)
	b.wantOut("K1", sqlstore.Delivered, 0, true)
	b.nextOut("a", "")

	// It may also tell the worst, which the ticket does not know yet.
	b.queue("K2", "a")
	b.begin("K2", "A2")
	b.ok(b.AttemptUnknown(b.ctx, "K2", "A2", start))
	b.ok(b.Told(b.ctx, "K2", sqlstore.Unknown))
	b.woken()
	b.advance("A2", "SM2", sqlstore.Failed, 30003)
	b.wantWoken(wake{sqlstore.Tell, []string{"a"}})
	b.wantOut("K2", sqlstore.Failed, 30003, false)
}

// An attempt ends once: what a slow worker still thinks of the first says nothing of the second.
func endedAttemptStays(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A1", true, start))
	b.begin("K1", "A2")
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A1", true, start))
	b.ok(b.AttemptRefused(b.ctx, "K1", "A1", saysStop, start))
	b.ok(b.AttemptUnknown(b.ctx, "K1", "A1", start))
	b.wantOut("K1", sqlstore.Sending, 0, true)
	if a, _, err := b.OpenAttempt(b.ctx, "K1"); a.ID != "A2" || err != nil {
		b.t.Errorf("open is %s, %v", a.ID, err)
	}
}

// Callbacks come in any order, repeated, and mixed with our own answer from the carrier. A text only moves forward,
// and its first end stands.
func everyOrder(b *book) {
	states := []sqlstore.OutState{sqlstore.Accepted, sqlstore.Sent, sqlstore.Delivered, sqlstore.Failed}
	how := map[sqlstore.OutState]int{sqlstore.Accepted: 1, sqlstore.Sent: 2, sqlstore.Delivered: 3, sqlstore.Failed: 3}
	n := 0
	for _, first := range states {
		for _, second := range states {
			for _, third := range states {
				n++
				key, attempt := fmt.Sprint("K", n), fmt.Sprint("A", n)
				b.queue(key, fmt.Sprint("lane", n))
				b.begin(key, attempt)
				want, far, code := sqlstore.Sending, 0, 0
				for _, state := range []sqlstore.OutState{first, second, third} {
					given := 0
					if state == sqlstore.Failed {
						given = 30003
					}
					if state == sqlstore.Accepted {
						b.ok(b.AttemptAccepted(b.ctx, attempt, "SM"+key, start))
					} else {
						b.advance(attempt, "SM"+key, state, given)
					}
					if how[state] > far {
						want, far, code = state, how[state], given
					}
					b.wantOut(key, want, code, want != sqlstore.Failed)
				}
				if _, got := b.find(key); got.MessageSID != "SM"+key {
					b.t.Errorf("%s has id %s", key, got.MessageSID)
				}
				rest := ""
				if want == sqlstore.Failed {
					rest = key
				}
				b.nextTell(fmt.Sprint("lane", n), rest)
			}
		}
	}
}

// A callback that overtakes the carrier's own answer knows better than whatever we make of a lost one.
func callbackFirst(b *book) {
	for name, answer := range map[string]func(key, attempt string) error{
		"accepted": func(_, attempt string) error { return b.AttemptAccepted(b.ctx, attempt, "SM", start) },
		"absent":   func(key, attempt string) error { return b.AttemptAbsent(b.ctx, key, attempt, true, start) },
		"given up": func(key, attempt string) error { return b.AttemptAbsent(b.ctx, key, attempt, false, start) },
		"refused":  func(key, attempt string) error { return b.AttemptRefused(b.ctx, key, attempt, saysStop, start) },
		"unknown":  func(key, attempt string) error { return b.AttemptUnknown(b.ctx, key, attempt, start) },
	} {
		for _, state := range []sqlstore.OutState{sqlstore.Accepted, sqlstore.Sent, sqlstore.Delivered} {
			key := name + string(state)
			b.queue(key, key)
			b.begin(key, "A"+key)
			b.advance("A"+key, "SM", state, 0)
			b.ok(answer(key, "A"+key))
			b.wantOut(key, state, 0, true)
			b.nextOut(key, "")
		}
	}
}

// The carrier said that it does not have a text, and then a callback comes after all: it is not sent a second time.
func callbackAfterAbsent(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptAbsent(b.ctx, "K1", "A1", true, start))
	b.advance("A1", "SM1", sqlstore.Sent, 0)
	b.wantOut("K1", sqlstore.Sent, 0, true)
	b.nextOut("a", "")
	if b.tryBegin("K1", "A2", start) {
		b.t.Error("sent again")
	}

	// Or it comes when the second is on its way already: then both belong to this text.
	b.queue("K2", "b")
	b.begin("K2", "B1")
	b.ok(b.AttemptAbsent(b.ctx, "K2", "B1", true, start))
	b.begin("K2", "B2")
	b.advance("B1", "SM2", sqlstore.Accepted, 0)
	b.ok(b.AttemptAccepted(b.ctx, "B2", "SM3", start))
	b.wantOut("K2", sqlstore.Accepted, 0, true)
	b.nextOut("b", "")
	for _, sid := range []string{"SM2", "SM3"} {
		if mine, err := b.Claimed(b.ctx, sid); !mine || err != nil {
			b.t.Errorf("%s is nobody's: %v", sid, err)
		}
	}
}

// A callback with an attempt that is not ours changes nothing and is no error.
func callbackOfNobody(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.woken()
	if known, err := b.Advance(b.ctx, "A2", "SM1", sqlstore.Delivered, 0, start); known || err != nil {
		b.t.Errorf("%v, %v", known, err)
	}
	b.wantOut("K1", sqlstore.Sending, 0, true)
	b.wantWoken()
	if mine, err := b.Claimed(b.ctx, "SM1"); mine || err != nil {
		b.t.Errorf("claimed: %v, %v", mine, err)
	}
	// A state that nobody knows is no progress.
	b.advance("A1", "SM1", "read", 0)
	b.wantOut("K1", sqlstore.Sending, 0, true)
}

// Callbacks of several texts come at once, with our own answers among them; each text ends where it went.
func callbacksConcurrently(b *book) {
	ends := []sqlstore.OutState{sqlstore.Delivered, sqlstore.Failed}
	for n := range 6 {
		b.queue(fmt.Sprint("K", n), fmt.Sprint("lane", n))
		b.begin(fmt.Sprint("K", n), fmt.Sprint("A", n))
	}
	var wg sync.WaitGroup
	for n := range 6 {
		key, attempt, sid := fmt.Sprint("K", n), fmt.Sprint("A", n), fmt.Sprint("SM", n)
		for _, state := range []sqlstore.OutState{sqlstore.Accepted, sqlstore.Sent, ends[n%2], sqlstore.Sent, ends[n%2]} {
			wg.Go(func() {
				if known, err := b.Advance(b.ctx, attempt, sid, state, 0, start); !known || err != nil {
					b.t.Errorf("%s %s: %v, %v", key, state, known, err)
				}
			})
		}
		wg.Go(func() {
			if err := b.AttemptAccepted(b.ctx, attempt, sid, start); err != nil {
				b.t.Error(err)
			}
		})
	}
	wg.Wait()
	for n := range 6 {
		b.wantOut(fmt.Sprint("K", n), ends[n%2], 0, n%2 == 0)
	}
}

// The ticket is told once of a text that failed, however often the carrier says so; of others it is not told.
func told(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	b.ok(b.AttemptAccepted(b.ctx, "A1", "SM1", start))
	b.woken()
	b.advance("A1", "SM1", sqlstore.Sent, 0)
	b.wantWoken()
	b.advance("A1", "SM1", sqlstore.Failed, 30005)
	b.wantWoken(wake{sqlstore.Tell, []string{"a"}})
	b.wantOut("K1", sqlstore.Failed, 30005, false)
	b.ok(b.Told(b.ctx, "K1", sqlstore.Failed))
	b.wantOut("K1", sqlstore.Failed, 30005, true)
	b.advance("A1", "SM1", sqlstore.Failed, 30006)
	b.wantOut("K1", sqlstore.Failed, 30005, true)
	b.wantWoken()
	b.nextOut("a", "")
}

// A message in the carrier's list is ours if any attempt was told its id.
func claimed(b *book) {
	b.queue("K1", "a")
	b.begin("K1", "A1")
	for _, test := range []struct {
		sid     string
		claimed bool
	}{{"SM1", true}, {"SM2", false}} {
		if test.claimed {
			b.ok(b.AttemptAccepted(b.ctx, "A1", test.sid, start))
		}
		if mine, err := b.Claimed(b.ctx, test.sid); mine != test.claimed || err != nil {
			b.t.Errorf("%s: %v, %v", test.sid, mine, err)
		}
	}
}

// Pending, Lanes and Oldest say the same as the outgoing texts themselves, whatever becomes of them.
func workOut(b *book) {
	b.wantWork(sqlstore.TextOut, start)
	for i, lane := range []string{"b", "a", "c"} {
		t := outText(fmt.Sprint("K", i), lane)
		t.CreatedAt = start.Add(time.Duration(i) * time.Second)
		_, err := b.QueueText(b.ctx, &t)
		b.ok(err)
	}
	b.wantWork(sqlstore.TextOut, start, "a", "b", "c")
	for i := range 3 {
		b.begin(fmt.Sprint("K", i), fmt.Sprint("A", i))
	}
	b.wantWork(sqlstore.TextOut, start, "a", "b", "c")
	b.ok(b.AttemptAccepted(b.ctx, "A0", "SM0", start))
	b.wantWork(sqlstore.TextOut, start.Add(time.Second), "a", "c")
	b.ok(b.AttemptUnknown(b.ctx, "K1", "A1", start))
	b.ok(b.AttemptRefused(b.ctx, "K2", "A2", 1, start))
	b.wantWork(sqlstore.TextOut, start)
	b.wantWork(sqlstore.Tell, start.Add(time.Second), "a", "c")
	b.ok(b.Told(b.ctx, "K1", sqlstore.Unknown))
	b.wantWork(sqlstore.Tell, start.Add(2*time.Second), "c")
	b.ok(b.Told(b.ctx, "K2", sqlstore.Failed))
	b.wantWork(sqlstore.Tell, start)
	b.advance("A0", "SM0", sqlstore.Failed, 1)
	b.wantWork(sqlstore.Tell, start, "b")
}

// The sweep turns page after page and misses no lane and none twice.
func lanes(b *book) {
	var want []string
	var texts []sqlstore.TextInRow
	for n := range 23 {
		lane := fmt.Sprintf("lane%02d", n*7%23)
		want = append(want, lane)
		for i := range 1 + n%3 {
			texts = append(texts, withMedia(text(fmt.Sprintf("SM%d-%d", n, i), lane), 1))
		}
		b.queue(fmt.Sprint("K", n), lane)
		b.queue(fmt.Sprint("L", n), lane)
	}
	slices.Sort(want)
	b.record(texts...)
	for _, lane := range want {
		t, err := b.NextText(b.ctx, lane)
		b.ok(err)
		b.ok(b.TextDone(b.ctx, t, 5, start, nil))
		b.record(text("SM"+lane, lane))
	}
	for _, topic := range []string{sqlstore.TextIn, sqlstore.MediaIn, sqlstore.TextOut} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, err := b.Work(topic).Lanes(b.ctx, after, 5)
			b.ok(err)
			if len(page) == 0 {
				break
			}
			if len(page) > 5 {
				b.t.Errorf("%s: %d lanes on a page", topic, len(page))
			}
			got = append(got, page...)
		}
		if !slices.Equal(got, want) {
			b.t.Errorf("%s: %q, want %q", topic, got, want)
		}
	}
}
