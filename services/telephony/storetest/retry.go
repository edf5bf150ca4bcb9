package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// again is what an operator does now.
var again = sqlstore.StepRow{At: start.Add(time.Hour), What: "taken up again"}

// end ends the next text of a lane.
func (b *book) end(lane, sid, state string, at time.Time) {
	b.t.Helper()
	b.ok(b.TextEnded(b.ctx, b.next(lane, sid), state, "why "+sid, at))
}

// What is dead or unrouted stands again where it stood, before what came after it; everything else stays as it is.
func retryTexts(b *book) {
	for _, sid := range []string{"SM1", "SM2", "SM3", "SM4", "SM5"} {
		b.record(text(sid, "a"))
	}
	foreign := text("SM6", "b")
	foreign.Hotline = "+15550100"
	b.record(foreign)
	b.ok(b.TextFailed(b.ctx, b.next("a", "SM1")))
	b.end("a", "SM1", sqlstore.Dead, start)
	b.end("a", "SM2", sqlstore.Refused, start)
	b.end("a", "SM3", sqlstore.Unrouted, start)
	b.ok(b.TextDone(b.ctx, b.next("a", "SM4"), 5, start, nil))
	b.end("b", "SM6", sqlstore.Unrouted, start)
	b.woken()
	ids, err := b.RetryTexts(b.ctx, []string{"SM1", "SM2", "SM3", "SM4", "SM5", "SM6", "SM7"}, []phone.Number{"+15017122661"}, again)
	b.ok(err)
	if !slices.Equal(ids, []string{"SM1", "SM3"}) {
		b.t.Errorf("%q go on", ids)
	}
	b.wantWoken(wake{sqlstore.TextIn, []string{"a"}})
	if t := b.next("a", "SM1"); t.Attempts != 0 {
		b.t.Errorf("it counts %d attempts from before", t.Attempts)
	}
	if got, err := b.Steps(b.ctx, "SM1"); err != nil || len(got) != 1 || got[0].What != again.What || got[0].Detail != "it was dead: why SM1" {
		b.t.Errorf("noted: %+v, %v", got, err)
	}
	for _, sid := range []string{"SM1", "SM3", "SM5"} {
		b.ok(b.TextDone(b.ctx, b.next("a", sid), 5, start, nil))
	}
	b.next("a", "")
	if ids, err := b.RetryTexts(b.ctx, []string{"SM1"}, nil, again); len(ids) != 0 || err != nil {
		b.t.Errorf("what is done goes on: %q, %v", ids, err)
	}
}

// All that are dead are taken up, however many, and each once: what dies again meanwhile is left.
func retryDead(b *book) {
	const n, voicemails = 600, 60
	var all []sqlstore.TextInRow
	for i := range n {
		t := text(fmt.Sprint("SM", i), fmt.Sprint("lane ", i%7))
		if i%10 == 0 {
			t.Kind = sqlstore.VoicemailIn
		}
		all = append(all, t)
	}
	for batch := range slices.Chunk(all, 100) {
		b.record(batch...)
	}
	for _, t := range all {
		b.end(t.Lane, t.MessageSID, sqlstore.Dead, start)
	}
	count := 0
	for {
		ids, err := b.RetryDead(b.ctx, []string{sqlstore.ItemTextIn}, again)
		b.ok(err)
		if len(ids) == 0 {
			break
		}
		count += len(ids)
		for _, sid := range ids { // and they die at once
			b.end(b.lane(sid), sid, sqlstore.Dead, again.At.Add(time.Second))
		}
	}
	if count != n-voicemails {
		b.t.Errorf("%d texts were taken up, want %d", count, n-voicemails)
	}
	if ids, err := b.RetryDead(b.ctx, []string{sqlstore.ItemCall}, again); len(ids) != 0 || err != nil {
		b.t.Errorf("calls go on: %q, %v", ids, err)
	}
}

// lane is that of a text.
func (b *book) lane(sid string) string {
	var n int
	fmt.Sscanf(sid, "SM%d", &n) //nolint:errcheck // it is one of retryDead's
	return fmt.Sprint("lane ", n%7)
}

// A file that was given up is fetched again; one that cannot be had is not.
func retryMedia(b *book) {
	b.record(withMedia(text("SM1", "a"), 3))
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 5, start, nil))
	for i, state := range []string{sqlstore.Dead, sqlstore.Refused, sqlstore.Done} {
		m := b.nextMedia("a", fmt.Sprint("SM1:", i))
		b.ok(b.MediaFailed(b.ctx, m))
		b.ok(b.MediaEnded(b.ctx, m, state, "why", start))
	}
	b.woken()
	keys, err := b.RetryMedia(b.ctx, []string{"SM1:0", "SM1:1", "SM1:2"}, again)
	b.ok(err)
	if !slices.Equal(keys, []string{"SM1:0"}) {
		b.t.Errorf("%q go on", keys)
	}
	b.wantWoken(wake{sqlstore.MediaIn, []string{"a"}})
	if m := b.nextMedia("a", "SM1:0"); m.Attempts != 0 {
		b.t.Errorf("it counts %d attempts from before", m.Attempts)
	}
	for want := 1; want >= 0; want-- { // it dies again while all are taken up
		b.ok(b.MediaEnded(b.ctx, b.nextMedia("a", "SM1:0"), sqlstore.Dead, "again", again.At.Add(time.Duration(1-want)*time.Second)))
		if keys, err = b.RetryMedia(b.ctx, nil, again); len(keys) != want || err != nil {
			b.t.Errorf("all: %q, %v", keys, err)
		}
	}
}

// Files that several retry at once go on once each.
func retryMediaConcurrently(b *book) {
	const texts, files, retriers = 20, 10, 4
	for i := range texts {
		sid, lane := fmt.Sprint("SM", i), fmt.Sprint("lane ", i)
		b.record(withMedia(text(sid, lane), files))
		b.ok(b.TextDone(b.ctx, b.next(lane, sid), 5, start, nil))
		for range files {
			m, err := b.NextMedia(b.ctx, lane)
			b.ok(err)
			b.ok(b.MediaEnded(b.ctx, m, sqlstore.Dead, "why", start))
		}
	}
	var done sync.WaitGroup
	var count atomic.Int64
	for range retriers {
		done.Go(func() {
			keys, err := b.RetryMedia(b.ctx, nil, again)
			if err != nil {
				b.t.Errorf("retrying: %v", err)
			}
			count.Add(int64(len(keys)))
		})
	}
	done.Wait()
	if n := count.Load(); n != texts*files {
		b.t.Errorf("%d files go on, want %d", n, texts*files)
	}
}

// Once to the phone: a text is sent again only if the carrier never had it.
func retryTextOut(b *book) {
	for name, c := range map[string]struct {
		fail  func(key string)
		again bool
	}{
		"refused":     {func(key string) { b.begin(key, "A"+key); b.ok(b.AttemptRefused(b.ctx, key, "A"+key, 21211, start)) }, true},
		"kept back":   {func(key string) { b.ok(b.MessageRefused(b.ctx, b.nextOut(key, key), sqlstore.IsBlocked, start)) }, true},
		"never there": {func(key string) { b.begin(key, "A"+key); b.ok(b.AttemptAbsent(b.ctx, key, "A"+key, false, start)) }, true},
		"undelivered": {func(key string) { b.pass(key, sqlstore.Failed, 30003) }, false},
		"unknown":     {func(key string) { b.begin(key, "A"+key); b.ok(b.AttemptUnknown(b.ctx, key, "A"+key, start)) }, false},
		"told of late": {func(key string) {
			b.begin(key, "A"+key)
			b.ok(b.AttemptAbsent(b.ctx, key, "A"+key, false, start))
			b.late(key)
		}, false},
		"under way": {func(key string) { b.begin(key, "A"+key) }, false},
		"delivered": {func(key string) { b.pass(key, sqlstore.Delivered, 0) }, false},
		"private":   {func(key string) { b.begin(key, "A"+key); b.ok(b.AttemptRefused(b.ctx, key, "A"+key, 21211, start)) }, false},
	} {
		t := outText(name, name)
		t.Kind = sqlstore.FromAgent
		if name == "private" {
			t.Kind = sqlstore.Private
		}
		_, err := b.QueueText(b.ctx, &t)
		b.ok(err)
		b.ok(b.Telling(b.ctx, name, "underway"))
		b.ok(b.Told(b.ctx, name, sqlstore.Queued))
		c.fail(name)
		b.queue(name+" next", name)
		before, _ := b.find(name)
		b.woken()
		got, err := b.RetryTextOut(b.ctx, name, time.Minute, again)
		b.ok(err)
		after, m := b.find(name)
		switch {
		case got != c.again:
			b.t.Errorf("%s: taken up %v", name, got)
		case !got && after != before:
			b.t.Errorf("%s: is now %+v", name, after)
		case got:
			if after.State != sqlstore.Queued || after.Notes != 0 || m.ErrorCode != 0 || m.Refused != "" || !after.PatientUntil.Equal(again.At.Add(time.Minute)) {
				b.t.Errorf("%s: %+v, %+v", name, after, m)
			}
			b.wantWoken(wake{sqlstore.TextOut, []string{name}})
			b.nextOut(name, name) // before what came after it
			b.nextTell(name, "")
			b.begin(name, "again "+name)
			b.advance("again "+name, "SMagain"+name, sqlstore.Delivered, 0)
			b.nextTell(name, name) // that it has arrived after all
		}
	}
	if got, err := b.RetryTextOut(b.ctx, "nobody's", time.Minute, again); got || err != nil {
		b.t.Errorf("nobody's: %v, %v", got, err)
	}
}

// late is a callback for a text that was thought not to be there: it failed on its way.
func (b *book) late(key string) {
	b.t.Helper()
	b.advance("A"+key, "SM"+key, sqlstore.Failed, 30003)
}

// Of a long text only what has not left goes out again, in its order.
func retryParts(b *book) {
	b.longText("K1", "a", 4)
	b.pass("K1", sqlstore.Delivered, 0)
	b.begin("K1#2", "A2")
	b.ok(b.AttemptRefused(b.ctx, "K1#2", "A2", saysStop, start))
	for range 2 {
		m, err := b.NextMessageOut(b.ctx, "a")
		b.ok(err)
		b.ok(b.MessageRefused(b.ctx, m, sqlstore.EarlierFailed, start))
	}
	if ok, err := b.RetryTextOut(b.ctx, "K1", time.Minute, again); !ok || err != nil {
		b.t.Fatal(ok, err)
	}
	_, err := b.RecordTexts(b.ctx, []sqlstore.TextInRow{{MessageSID: "SMin", Lane: "a", Hotline: "+15017122661", Supporter: "+16175550142", Wish: sqlstore.OptIn, ReceivedAt: start}})
	b.ok(err)
	for _, key := range []string{"K1#2", "K1#3", "K1#4"} {
		m := b.nextOut("a", key)
		if why, err := b.Refusal(b.ctx, m, start); why != "" || err != nil {
			b.t.Errorf("%s: %q, %v", key, why, err)
		}
		b.begin(key, "again "+key)
		b.advance("again "+key, "SMagain"+key, sqlstore.Delivered, 0)
	}
	if t, _, _, err := b.FindTextOut(b.ctx, "K1"); t.State != sqlstore.Delivered || err != nil {
		b.t.Errorf("%+v, %v", t, err)
	}
	// One part that may have arrived keeps all of it from going out again.
	b.longText("K2", "b", 2)
	b.pass("K2", sqlstore.Failed, 30008)
	b.ok(b.MessageRefused(b.ctx, b.nextOut("b", "K2#2"), sqlstore.EarlierFailed, start))
	if ok, err := b.RetryTextOut(b.ctx, "K2", time.Minute, again); ok || err != nil {
		b.t.Error("a text goes out again that may be on the phone", err)
	}
}
