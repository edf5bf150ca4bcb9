package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// longText is a text of an agent that is sent as several messages.
func (b *book) longText(key, lane string, parts int) {
	b.t.Helper()
	t := outText(key, lane)
	t.Kind, t.PatientUntil = sqlstore.FromAgent, start.Add(30*time.Second)
	var messages []sqlstore.Message
	for i := range parts {
		messages = append(messages, sqlstore.Message{Body: fmt.Sprint(key, " ", i), Segments: 2, Media: []string{"https://example.org/a"}})
	}
	_, err := b.QueueText(b.ctx, &t, messages...)
	b.ok(err)
}

// pass brings a message to a state.
func (b *book) pass(key string, state sqlstore.OutState, code int) {
	b.t.Helper()
	b.begin(key, "A"+key)
	b.advance("A"+key, "SM"+key, state, code)
}

// The messages of a text go out in order; the text is where the slowest of them is, and one that fails is its failure.
func parts(b *book) {
	b.longText("K1", "a", 3)
	b.longText("K1", "a", 5) // again: nothing new
	want := []string{"K1", "K1#2", "K1#3"}
	for i, key := range want {
		if m := b.nextOut("a", key); m.TextKey != "K1" || m.Part != i+1 || m.Segments != 2 || len(m.Media) != 1 {
			b.t.Errorf("%+v", m)
		}
		b.pass(key, sqlstore.Delivered, 0)
		t, messages, _, err := b.FindTextOut(b.ctx, "K1")
		b.ok(err)
		if done := i == 2; len(messages) != 3 || (t.State == sqlstore.Delivered) != done {
			b.t.Errorf("%d messages, %s", len(messages), t.State)
		}
	}
	b.nextTell("a", "K1")

	b.longText("K2", "b", 3)
	b.pass("K2", sqlstore.Delivered, 0)
	b.pass("K2#2", sqlstore.Failed, 30003)
	if t := b.nextTell("b", "K2"); t.State != sqlstore.Failed {
		b.t.Errorf("%+v", t)
	}
	third := b.nextOut("b", "K2#3")
	reason, err := b.Refusal(b.ctx, third, start)
	b.ok(err)
	if reason != sqlstore.EarlierFailed {
		b.t.Errorf("after a failed part: %q", reason)
	}
	b.ok(b.MessageRefused(b.ctx, third, reason, start))
	b.nextOut("b", "")
}

// The ticket is told of an agent's text when its time is over, and once more when it has ended; what has changed while it
// was being told is not forgotten.
func tellTwice(b *book) {
	b.longText("K1", "a", 1)
	b.ok(b.Overdue(b.ctx, start.Add(29*time.Second)))
	b.nextTell("a", "")
	b.pass("K1", sqlstore.Accepted, 0)
	b.woken()
	b.ok(b.Overdue(b.ctx, start.Add(30*time.Second)))
	b.wantWoken(wake{sqlstore.Tell, []string{"a"}})
	b.wantWork(sqlstore.Tell, start, "a")
	b.ok(b.Telling(b.ctx, "K1", "underway"))
	b.advance("AK1", "SMK1", sqlstore.Failed, 30003)
	if t := b.nextTell("a", "K1"); t.Telling != "underway" || t.Notes != 1 || t.State != sqlstore.Failed {
		b.t.Errorf("%+v", t)
	}
	b.ok(b.Told(b.ctx, "K1", sqlstore.Accepted))
	b.ok(b.Overdue(b.ctx, start.Add(time.Hour)))
	if t := b.nextTell("a", "K1"); t.Telling != "" || t.Notes != 1 {
		b.t.Errorf("%+v", t)
	}
	b.ok(b.Telling(b.ctx, "K1", "failed"))
	b.ok(b.Told(b.ctx, "K1", sqlstore.Failed))
	b.nextTell("a", "")
	b.wantWork(sqlstore.Tell, start)
}

// Who wrote STOP gets nothing but its confirmation, from the moment in which that text is accepted, until START.
func optOuts(b *book) {
	n := 0
	refusal := func(want string) {
		b.t.Helper()
		n++
		key := fmt.Sprint("R", n)
		b.queue(key, key)
		reason, err := b.Refusal(b.ctx, b.nextOut(key, key), start)
		b.ok(err)
		if reason != want {
			b.t.Errorf("refused because of %q, want %q", reason, want)
		}
	}
	said := func(sid, wish, opt string) {
		b.t.Helper()
		t := text(sid, sid)
		t.Supporter, t.Wish = "+16175550142", wish
		b.record(t, t)
		if got := b.next(sid, sid); got.Opt != opt {
			b.t.Errorf("%s changed %q, want %q", sid, got.Opt, opt)
		}
	}
	refusal("")
	said("SM0", sqlstore.OptIn, "")
	said("SM1", sqlstore.OptOut, sqlstore.OptOut)
	said("SM2", sqlstore.OptOut, "")
	refusal(sqlstore.OptedOut)
	confirm := outText("C", "c")
	confirm.Kind = sqlstore.Confirm
	_, err := b.QueueText(b.ctx, &confirm)
	b.ok(err)
	if reason, err := b.Refusal(b.ctx, b.nextOut("c", "C"), start); reason != "" || err != nil {
		b.t.Errorf("the confirmation is refused: %q, %v", reason, err)
	}
	said("SM3", sqlstore.OptIn, sqlstore.OptIn)
	refusal("")
	// A repeated webhook of the STOP of yesterday changes nothing.
	again := text("SM1", "SM1")
	again.Supporter, again.Wish = "+16175550142", sqlstore.OptOut
	b.record(again)
	refusal("")
	// What the carrier says counts as well.
	b.queue("K1", "k")
	b.begin("K1", "A1")
	b.ok(b.AttemptRefused(b.ctx, "K1", "A1", saysStop, start))
	refusal(sqlstore.OptedOut)
	if out, err := b.OptedOut(b.ctx, "+15017122662", "+16175550142"); out || err != nil {
		b.t.Errorf("another hotline: %v, %v", out, err)
	}
}

// A block holds for its hotline or for all, and until its end.
func blocks(b *book) {
	blocked := func(number string, hotline phone.Number, at time.Time, want string) {
		b.t.Helper()
		got, err := b.Blocked(b.ctx, number, "+1501712266"+hotline, at)
		b.ok(err)
		if reason := reasonOf(got); reason != want {
			b.t.Errorf("%s at %s: %q, want %q", number, hotline, reason, want)
		}
	}
	b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: "+16175550142", Hotline: "+15017122661", Reason: "threats", Until: start.Add(time.Hour)}, start))
	b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: "+16175550143", Reason: "spam", By: "ada"}, start))
	blocked("+16175550142", "1", start, "threats")
	blocked("+16175550142", "2", start, "")
	blocked("+16175550142", "1", start.Add(time.Hour), "")
	blocked("+16175550143", "2", start.Add(1000*time.Hour), "spam")
	b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: "+16175550143", Reason: "more spam"}, start))
	blocked("+16175550143", "1", start, "more spam")
	all, err := b.Blocks(b.ctx, start)
	b.ok(err)
	if len(all) != 2 || all[0].Number != "+16175550142" || !all[0].Until.Equal(start.Add(time.Hour)) || !all[1].Until.IsZero() {
		b.t.Errorf("%+v", all)
	}
	b.ok(b.RemoveBlock(b.ctx, "+16175550143", ""))
	blocked("+16175550143", "1", start, "")
}

func reasonOf(b *sqlstore.BlockRow) string {
	if b == nil {
		return ""
	}
	return b.Reason
}

// At a pace every message gets a turn of its own, one after the other, and keeps it.
func pace(b *book) {
	const messages = 12
	for i := range messages {
		b.queue(fmt.Sprint("K", i), fmt.Sprint("lane", i))
	}
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	for i := range messages {
		wg.Go(func() {
			m := &sqlstore.MessageOutRow{Key: fmt.Sprint("K", i), Hotline: "+15017122661"}
			mine, wait, err := b.BeginAttempt(b.ctx, m, fmt.Sprint("A", i), start, 500*time.Millisecond)
			if err != nil || mine != (wait <= 0) {
				b.t.Errorf("%s: %v, %v, %v", m.Key, mine, wait, err)
			}
			_, again, err := b.BeginAttempt(b.ctx, m, fmt.Sprint("B", i), start, 500*time.Millisecond)
			if err != nil || again != wait {
				b.t.Errorf("%s has to wait %v and then %v: %v", m.Key, wait, again, err)
			}
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, wait)
		})
	}
	wg.Wait()
	slices.Sort(waits)
	for i, wait := range waits {
		if want := time.Duration(i) * 500 * time.Millisecond; wait != want {
			b.t.Errorf("turn %d is after %v, want %v", i, wait, want)
		}
	}
	if mine, _, err := b.BeginAttempt(b.ctx, &sqlstore.MessageOutRow{Key: "K3", Hotline: "+15017122661"}, "C3", start.Add(time.Minute), 500*time.Millisecond); err != nil {
		b.t.Errorf("%v, %v", mine, err)
	}
}

// A file is there under its id until it expires, and one key is one file.
func files(b *book) {
	f := sqlstore.FileOutRow{Key: "F1", ID: "abcDEF", Name: "Grüße.pdf", MIMEType: "application/pdf", Data: []byte{0, 1, 255}, ExpiresAt: start.Add(time.Hour)}
	b.ok(b.PutFile(b.ctx, f))
	other := f
	other.ID, other.Data = "other", []byte("x")
	b.ok(b.PutFile(b.ctx, other))
	got, err := b.FilesByKey(b.ctx, []string{"F1"})
	b.ok(err)
	if len(got) != 1 || got[0].ID != "abcDEF" || got[0].Size != 3 || got[0].Name != f.Name || !got[0].ExpiresAt.Equal(f.ExpiresAt) {
		b.t.Errorf("%+v", got)
	}
	if _, err := b.FilesByKey(b.ctx, []string{"F1", "F2"}); err == nil {
		b.t.Error("a file that is not there")
	}
	one, err := b.FileByID(b.ctx, "abcDEF", start)
	b.ok(err)
	if one == nil || string(one.Data) != string(f.Data) {
		b.t.Errorf("%+v", one)
	}
	for id, at := range map[string]time.Time{"abcdef": start, "other": start, "abcDEF": start.Add(time.Hour)} {
		if got, err := b.FileByID(b.ctx, id, at); got != nil || err != nil {
			b.t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	b.ok(b.DropFiles(b.ctx, start.Add(2*time.Hour)))
	if got, err := b.FileByID(b.ctx, "abcDEF", start); got != nil || err != nil {
		b.t.Errorf("dropped: %v, %v", got, err)
	}
}

// What went on lately, by kind and time.
func traffic(b *book) {
	in := func(sid, body string, at time.Time) *sqlstore.TextInRow {
		t := text(sid, "a")
		t.Body, t.ReceivedAt = body, at
		b.record(t)
		return &t
	}
	in("SM1", "same", start)
	in("SM2", "same", start.Add(58*time.Minute))
	in("SM3", "other", start.Add(59*time.Minute+30*time.Second))
	last := in("SM4", "same", start.Add(59*time.Minute+40*time.Second))
	for i, kind := range []string{sqlstore.Automatic, sqlstore.FromAgent, sqlstore.Other} {
		t := outText(fmt.Sprint("K", i), "a")
		t.Kind, t.CreatedAt = kind, start.Add(time.Duration(i)*time.Minute)
		_, err := b.QueueText(b.ctx, &t)
		b.ok(err)
	}
	got, err := b.Traffic(b.ctx, last, start.Add(time.Hour))
	b.ok(err)
	if !got.Automatic.Equal(start) || !got.Agent.Equal(start.Add(time.Minute)) || got.Minute != 2 || got.Same != 2 {
		b.t.Errorf("%+v", got)
	}
	none := text("SM9", "z")
	if got, err := b.Traffic(b.ctx, &none, start); err != nil || got != (sqlstore.Traffic{}) {
		b.t.Errorf("%+v, %v", got, err)
	}
}
