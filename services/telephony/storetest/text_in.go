package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// text is an incoming text of a lane.
func text(sid, lane string) sqlstore.TextInRow {
	return sqlstore.TextInRow{
		MessageSID: sid, Lane: lane, Hotline: "+15017122661", Supporter: "+16175550142", Body: "body of " + sid,
		Trace: "00-trace-" + sid, ReceivedAt: start,
	}
}

// record records texts and returns which are new.
func (b *book) record(texts ...sqlstore.TextInRow) []bool {
	b.t.Helper()
	fresh, err := b.RecordTexts(b.ctx, texts)
	b.ok(err)
	return fresh
}

// next returns the next text of a lane, which must be this one; "" for none.
func (b *book) next(lane, sid string) *sqlstore.TextInRow {
	b.t.Helper()
	t, err := b.NextText(b.ctx, lane)
	b.ok(err)
	switch {
	case t == nil && sid != "":
		b.t.Fatalf("lane %s has no text, want %s", lane, sid)
	case t != nil && t.MessageSID != sid:
		b.t.Fatalf("lane %s: next is %s, want %q", lane, t.MessageSID, sid)
	}
	return t
}

// same fails unless a text came back as it was given.
func (b *book) same(got *sqlstore.TextInRow, want sqlstore.TextInRow) {
	b.t.Helper()
	if !got.ReceivedAt.Equal(want.ReceivedAt) || got.Seq == 0 {
		b.t.Errorf("received at %v, want %v; seq %d", got.ReceivedAt, want.ReceivedAt, got.Seq)
	}
	want.Seq, want.ReceivedAt = got.Seq, got.ReceivedAt
	if !reflect.DeepEqual(*got, want) {
		b.t.Errorf("got  %+v\nwant %+v", *got, want)
	}
}

// A text is kept as it came, once, and its lane is woken; what Twilio repeats changes nothing, whatever it says.
func recordOnce(b *book) {
	first := text("SM1", "a")
	first.Media = []sqlstore.Media{{URL: "https://api.twilio.com/1", ContentType: "image/jpeg"}, {URL: "https://api.twilio.com/2"}}
	if fresh := b.record(first); !slices.Equal(fresh, []bool{true}) {
		b.t.Errorf("first time: %v", fresh)
	}
	b.wantWoken(wake{sqlstore.TextIn, []string{"a"}})
	b.same(b.next("a", "SM1"), first)
	b.next("b", "")

	repeated := text("SM1", "b")
	repeated.Body = "something else"
	if fresh := b.record(repeated); !slices.Equal(fresh, []bool{false}) {
		b.t.Errorf("second time: %v", fresh)
	}
	b.same(b.next("a", "SM1"), first)
	b.next("b", "")

	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 5, start, nil))
	if fresh := b.record(first); !slices.Equal(fresh, []bool{false}) {
		b.t.Errorf("after its end: %v", fresh)
	}
	b.next("a", "")
}

// The same text twice in one batch is one text, and news once.
func recordDoubled(b *book) {
	b.record(text("SM0", "a"))
	b.woken()
	fresh := b.record(text("SM1", "b"), text("SM1", "b"), text("SM0", "a"), text("SM2", "a"), text("SM1", "b"), text("SM2", "a"))
	if want := []bool{true, false, false, true, false, false}; !slices.Equal(fresh, want) {
		b.t.Errorf("fresh %v, want %v", fresh, want)
	}
	b.wantWoken(wake{sqlstore.TextIn, []string{"a", "b"}}) // each once, sorted
	for _, step := range [][2]string{{"a", "SM0"}, {"a", "SM2"}, {"b", "SM1"}} {
		b.ok(b.TextDone(b.ctx, b.next(step[0], step[1]), 5, start, nil))
	}
	b.next("a", "")
	b.next("b", "")
}

// Within a lane texts stay in the order in which they were accepted, however they are batched and named.
func recordInOrder(b *book) {
	want := map[string][]string{}
	for batch := range 5 {
		var texts []sqlstore.TextInRow
		for i := range 30 {
			lane := string(rune('a' + (i*7+batch)%3))
			sid := fmt.Sprintf("SM%03d", (batch*30+i)*77%1000)
			texts = append(texts, text(sid, lane))
			want[lane] = append(want[lane], sid)
		}
		for _, fresh := range b.record(texts...) {
			if !fresh {
				b.t.Fatal("a new text is not new")
			}
		}
	}
	for lane, sids := range want {
		for _, sid := range sids {
			b.ok(b.TextDone(b.ctx, b.next(lane, sid), 5, start, nil))
		}
		b.next(lane, "")
	}
}

// Webhooks come all at once, repeated, in batches that share lanes and texts, while workers empty the lanes. Nobody
// waits for ever, each text is new once and done once, and no text appears behind one that came later.
func recordConcurrently(b *book) {
	const callers, batches, total, lanes = 12, 12, 240, 6
	laneOf := func(n int) string { return fmt.Sprint("lane ", n%lanes) }
	var mu sync.Mutex
	news := map[string]int{}
	var callersDone, drainersDone sync.WaitGroup
	recorded := make(chan struct{})
	for caller := range callers {
		callersDone.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			for range batches {
				var texts []sqlstore.TextInRow
				for range 1 + random.IntN(25) {
					n := random.IntN(total)
					texts = append(texts, text(fmt.Sprint("SM", n), laneOf(n)))
				}
				fresh, err := b.RecordTexts(b.ctx, texts)
				if err != nil {
					b.t.Errorf("recording: %v", err)
					return
				}
				mu.Lock()
				for i, t := range texts {
					if fresh[i] {
						news[t.MessageSID]++
					}
				}
				mu.Unlock()
			}
		})
	}
	done := map[string]int{}
	for lane := range lanes {
		drainersDone.Go(func() {
			last := int64(0)
			for over := false; ; {
				t, err := b.NextText(b.ctx, laneOf(lane))
				if err != nil {
					b.t.Errorf("reading: %v", err)
					return
				}
				if t == nil {
					if over {
						return
					}
					select {
					case <-recorded:
						over = true // look once more
					default:
					}
					continue
				}
				if t.Seq <= last {
					b.t.Errorf("%s: %d appeared behind %d", t.Lane, t.Seq, last)
				}
				last = t.Seq
				if err := b.TextDone(b.ctx, t, 5, start, nil); err != nil {
					b.t.Errorf("ending: %v", err)
					return
				}
				mu.Lock()
				done[t.MessageSID]++
				mu.Unlock()
			}
		})
	}
	callersDone.Wait()
	close(recorded)
	drainersDone.Wait()
	for sid, n := range news {
		if n != 1 || done[sid] != 1 {
			b.t.Errorf("%s was new %d times and done %d times", sid, n, done[sid])
		}
	}
	if len(done) != len(news) {
		b.t.Errorf("%d texts were done, %d were new", len(done), len(news))
	}
}

// People write everything; it comes back byte for byte, in and out.
func bodies(b *book) {
	for i, body := range []string{
		"",
		" leading and trailing \r\n\t ",
		"family 👩‍👩‍👧‍👦 flag 🏳️‍🌈 skin 👍🏽",
		"שלום \u202Eabc\u202C مرحبا \u200F!",
		"Zalgo h̸̡̪̯ͨ͊̽̅̾̎e̶ and ẹ́ next to é",
		strings.Repeat("𝄞", 1600),
		strings.Repeat("'", 800) + strings.Repeat(`"`, 800),
		`'; DROP TABLE text_in; -- $1 $2 ? %s %d \x00 \u0000 \' {"a":[null]} <b>&amp;</b>`,
		"\x01\x02\x1b[31m\x7f\u0080\u009f\u2028\u2029\ufeff\ufffd\uffff\U0010ffff",
	} {
		sid := fmt.Sprint("SM", i)
		in := text(sid, "a")
		in.Body, in.Supporter, in.Hotline, in.Trace = body, "S"+body, phone.Number("H"+body), "T"+body
		in.Media = []sqlstore.Media{{URL: "U" + body, ContentType: "C" + body}}
		b.record(in)
		t := b.next("a", sid)
		b.same(t, in)
		b.ok(b.TextDone(b.ctx, t, 5, start, nil))
		m := b.nextMedia("a", sid+":0")
		if m.URL != "U"+body || m.ContentType != "C"+body || m.Supporter != "S"+body || m.Trace != "T"+body {
			b.t.Errorf("%q came back as %+v", body, m)
		}
		b.ok(b.MediaEnded(b.ctx, m, sqlstore.Done, "", start))

		out := outText("K"+sid, "a")
		out.Body = body
		queued, err := b.QueueText(b.ctx, &out)
		b.ok(err)
		if found, _ := b.find(out.Key); queued.Body != body || found.Body != body {
			b.t.Errorf("%q came back as %q and %q", body, queued.Body, found.Body)
		}
	}
}

// state is what anybody who asks is told of an incoming text.
func (b *book) state(sid string) sqlstore.TextState {
	b.t.Helper()
	s, found, err := b.FindText(b.ctx, sid)
	b.ok(err)
	if !found {
		b.t.Fatalf("%s is not there", sid)
	}
	return s
}

// A delivered text tells where it is; the next one of its lane follows.
func textDone(b *book) {
	b.record(text("SM1", "a"), text("SM2", "a"))
	if s := b.state("SM1"); s.State != sqlstore.Pending || s.ConversationID != 0 {
		b.t.Errorf("%+v", s)
	}
	later := start.Add(time.Second)
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 1<<40, later, nil))
	if s := b.state("SM1"); s.State != sqlstore.Done || s.ConversationID != 1<<40 || !s.DoneAt.Equal(later) {
		b.t.Errorf("%+v", s)
	}
	b.next("a", "SM2")
	if _, found, err := b.FindText(b.ctx, "SM3"); found || err != nil {
		b.t.Errorf("a text that never came: %v, %v", found, err)
	}
}

// A text that goes no further keeps its reason and holds up nobody.
func textEnded(b *book) {
	states := []string{sqlstore.Refused, sqlstore.Unrouted, sqlstore.Dead}
	for _, state := range states {
		b.record(text("SM"+state, "a"))
	}
	for _, state := range states {
		b.ok(b.TextEnded(b.ctx, b.next("a", "SM"+state), state, "because of "+state, start.Add(time.Second)))
		if s := b.state("SM" + state); s.State != state || s.Reason != "because of "+state || s.ConversationID != 0 || !s.DoneAt.Equal(start.Add(time.Second)) {
			b.t.Errorf("%+v", s)
		}
	}
	b.next("a", "")
}

// Failures are counted, and the text stays where it is in its lane.
func textFailed(b *book) {
	b.record(text("SM1", "a"), text("SM2", "a"))
	for n := range 3 {
		t := b.next("a", "SM1")
		if t.Attempts != n {
			b.t.Errorf("%d attempts, want %d", t.Attempts, n)
		}
		b.ok(b.TextFailed(b.ctx, t))
	}
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 5, start, nil))
	if t := b.next("a", "SM2"); t.Attempts != 0 {
		b.t.Errorf("the next text has %d attempts", t.Attempts)
	}
}

// nextMedia returns the next file of a lane, which must be this one; "" for none.
func (b *book) nextMedia(lane, key string) *sqlstore.MediaInRow {
	b.t.Helper()
	m, err := b.NextMedia(b.ctx, lane)
	b.ok(err)
	switch {
	case m == nil && key != "":
		b.t.Fatalf("lane %s has no file, want %s", lane, key)
	case m != nil && m.Key != key:
		b.t.Fatalf("lane %s: next file is %s, want %q", lane, m.Key, key)
	}
	return m
}

func withMedia(t sqlstore.TextInRow, files int) sqlstore.TextInRow {
	for i := range files {
		t.Media = append(t.Media, sqlstore.Media{URL: fmt.Sprintf("https://api.twilio.com/%s/%d", t.MessageSID, i), ContentType: "image/png"})
	}
	return t
}

// Files are attached to a thread, so they are no work before their text is in the ticket; then in the order of the
// texts, and within one as they came.
func media(b *book) {
	b.record(withMedia(text("SM9", "a"), 10), text("SM5", "a"), withMedia(text("SM1", "a"), 1), withMedia(text("SM2", "a"), 2))
	b.nextMedia("a", "")
	b.wantWork(sqlstore.MediaIn, start)
	b.woken()

	b.ok(b.TextDone(b.ctx, b.next("a", "SM9"), 5, start, nil))
	b.wantWoken(wake{sqlstore.MediaIn, []string{"a"}})
	b.ok(b.TextDone(b.ctx, b.next("a", "SM5"), 5, start, nil))
	b.wantWoken()
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 5, start, nil))
	b.ok(b.TextEnded(b.ctx, b.next("a", "SM2"), sqlstore.Refused, "blocked", start))
	b.wantWork(sqlstore.MediaIn, start, "a")

	m := b.nextMedia("a", "SM9:0")
	want := sqlstore.MediaInRow{Key: "SM9:0", Lane: "a", MessageSID: "SM9", Hotline: "+15017122661", Supporter: "+16175550142", Event: "SM9", Carrier: hotline.Twilio,
		Media: sqlstore.Media{URL: "https://api.twilio.com/SM9/0", ContentType: "image/png"}, Trace: "00-trace-SM9"}
	if !reflect.DeepEqual(*m, want) {
		b.t.Errorf("got  %+v\nwant %+v", *m, want)
	}
	b.ok(b.MediaFailed(b.ctx, m))
	if m := b.nextMedia("a", "SM9:0"); m.Attempts != 1 {
		b.t.Errorf("%d attempts, want 1", m.Attempts)
	}
	for i := range 10 {
		b.ok(b.MediaEnded(b.ctx, b.nextMedia("a", fmt.Sprint("SM9:", i)), []string{sqlstore.Done, sqlstore.Refused}[i%2], "too large", start))
	}
	b.ok(b.MediaEnded(b.ctx, b.nextMedia("a", "SM1:0"), sqlstore.Done, "", start))
	b.nextMedia("a", "") // a refused text's files go nowhere
	b.wantWork(sqlstore.MediaIn, start)
}

// A worker that does not know that it was done already notes again that a text is in the ticket: its files are not
// attached a second time.
func mediaOnce(b *book) {
	b.record(withMedia(text("SM1", "a"), 2))
	t := b.next("a", "SM1")
	b.ok(b.TextDone(b.ctx, t, 5, start, nil))
	b.ok(b.MediaEnded(b.ctx, b.nextMedia("a", "SM1:0"), sqlstore.Done, "", start))
	b.ok(b.TextDone(b.ctx, t, 5, start, nil))
	b.ok(b.MediaEnded(b.ctx, b.nextMedia("a", "SM1:1"), sqlstore.Done, "", start))
	b.nextMedia("a", "")
}

// The welcome text is accepted in the commit that says that its cause is in the ticket, once.
func welcome(b *book) {
	b.record(text("SM1", "a"))
	t := b.next("a", "SM1")
	w := outText("welcome:SM1", "a")
	b.woken()
	b.ok(b.TextDone(b.ctx, t, 5, start, &w))
	b.wantWoken(wake{sqlstore.TextOut, []string{"a"}})
	b.ok(b.TextDone(b.ctx, t, 5, start, &w))
	b.wantWoken()
	if got, _ := b.find("welcome:SM1"); got.State != sqlstore.Queued || got.Body != w.Body {
		b.t.Errorf("%+v", got)
	}
	b.begin("welcome:SM1", "A1")
	b.ok(b.AttemptAccepted(b.ctx, "A1", "SM2", start))
	b.nextOut("a", "")
}

// When a number becomes a hotline's, the texts that waited for that come back in their order, and no others.
func reroute(b *book) {
	other := text("SM4", "b")
	other.Hotline = "+15550100"
	b.record(text("SM3", "a"), text("SM1", "a"), other, text("SM2", "a"))
	end := func(lane, sid, state string) {
		b.ok(b.TextEnded(b.ctx, b.next(lane, sid), state, "no hotline has this number", start))
	}
	end("a", "SM3", sqlstore.Unrouted)
	end("a", "SM1", sqlstore.Unrouted)
	end("a", "SM2", sqlstore.Dead)
	end("b", "SM4", sqlstore.Unrouted)
	b.record(text("SM5", "a"))

	b.woken()
	again := sqlstore.StepRow{At: start, What: "taken up"}
	ids, err := b.Reroute(b.ctx, "+15017122661", again)
	b.ok(err)
	if !slices.Equal(ids, []string{"SM3", "SM1"}) {
		b.t.Errorf("%q go on", ids)
	}
	b.wantWoken(wake{sqlstore.TextIn, []string{"a"}})
	if s := b.state("SM3"); s.State != sqlstore.Pending || s.Reason != "" {
		b.t.Errorf("%+v", s)
	}
	b.wantWork(sqlstore.TextIn, start, "a")
	for _, sid := range []string{"SM3", "SM1", "SM5"} {
		b.ok(b.TextDone(b.ctx, b.next("a", sid), 5, start, nil))
	}
	b.next("a", "")
	b.next("b", "")
	if ids, err = b.Reroute(b.ctx, "+15017122661", again); len(ids) != 0 || err != nil {
		b.t.Errorf("again: %q, %v", ids, err)
	}
}

// Pending, Lanes and Oldest say the same as the texts themselves, whatever becomes of them.
func workIn(b *book) {
	b.wantWork(sqlstore.TextIn, start)
	for i, lane := range []string{"b", "a", "c", "a"} {
		t := text(fmt.Sprint("SM", i), lane)
		t.ReceivedAt = start.Add(time.Duration(i) * time.Second)
		b.record(t)
	}
	b.wantWork(sqlstore.TextIn, start, "a", "b", "c")
	b.ok(b.TextDone(b.ctx, b.next("b", "SM0"), 5, start, nil))
	b.wantWork(sqlstore.TextIn, start.Add(time.Second), "a", "c")
	b.ok(b.TextFailed(b.ctx, b.next("a", "SM1")))
	b.wantWork(sqlstore.TextIn, start.Add(time.Second), "a", "c")
	b.ok(b.TextEnded(b.ctx, b.next("a", "SM1"), sqlstore.Dead, "x", start))
	b.wantWork(sqlstore.TextIn, start.Add(2*time.Second), "a", "c")
	b.ok(b.TextEnded(b.ctx, b.next("c", "SM2"), sqlstore.Unrouted, "x", start))
	b.wantWork(sqlstore.TextIn, start.Add(3*time.Second), "a")
	b.ok(b.TextEnded(b.ctx, b.next("a", "SM3"), sqlstore.Refused, "x", start))
	b.wantWork(sqlstore.TextIn, start)
}

// A fact whose lane could not be woken is not accepted: the carrier is told to come again.
func failedWake(b *book) {
	b.record(withMedia(text("SM1", "a"), 1))
	t := b.next("a", "SM1")
	out := outText("K1", "a")
	real := b.Wake
	broken := errors.New("no queue")
	b.Wake = func(context.Context, *sql.Tx, string, ...string) error { return broken }
	if _, err := b.RecordTexts(b.ctx, []sqlstore.TextInRow{text("SM2", "a")}); !errors.Is(err, broken) {
		b.t.Errorf("recording: %v", err)
	}
	if err := b.TextDone(b.ctx, t, 5, start, nil); !errors.Is(err, broken) {
		b.t.Errorf("handing on media: %v", err)
	}
	if _, err := b.QueueText(b.ctx, &out); !errors.Is(err, broken) {
		b.t.Errorf("queueing: %v", err)
	}
	b.Wake = real
	if s := b.state("SM1"); s.State != sqlstore.Pending {
		b.t.Errorf("the text is %s, and its media are lost", s.State)
	}
	b.nextMedia("a", "")
	if _, found, err := b.FindText(b.ctx, "SM2"); found || err != nil {
		b.t.Errorf("the text is there: %v, %v", found, err)
	}
	if _, _, found, err := b.FindTextOut(b.ctx, "K1"); found || err != nil {
		b.t.Errorf("the outgoing text is there: %v, %v", found, err)
	}
}
