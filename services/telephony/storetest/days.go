package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// What somebody has said last counts, however late it is found, and whatever else is found after it.
func lateWishes(b *book) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		type said struct {
			at   time.Time
			wish string
			late bool
		}
		var live, late []said
		last := said{}
		for i := range 2 + random.IntN(5) {
			s := said{start.Add(time.Duration(i) * time.Minute), []string{sqlstore.OptOut, sqlstore.OptIn}[random.IntN(2)], random.IntN(2) == 0}
			if last = s; s.late {
				late = append(late, s)
			} else {
				live = append(live, s)
			}
		}
		// The late ones come in between, but not before they were said, and in any order.
		order := live
		random.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
		for _, s := range late {
			first := 0
			for i, o := range order {
				if !o.late && o.at.Before(s.at) {
					first = i + 1
				}
			}
			order = slices.Insert(slices.Clone(order), first+random.IntN(len(order)-first+1), s)
		}
		for i, s := range order {
			t := text(fmt.Sprintf("SM%d-%d", n, i), fmt.Sprint("lane", n))
			t.Supporter, t.Wish, t.ReceivedAt = fmt.Sprintf("+1617555%04d", n), s.wish, s.at
			if t.Dated = s.late && random.IntN(2) == 0; s.late && !t.Dated {
				t.FoundAt = start.Add(time.Hour)
			}
			b.record(t)
		}
		out, err := b.OptedOut(b.ctx, "+15017122661", fmt.Sprintf("+1617555%04d", n))
		b.ok(err)
		if out != (last.wish == sqlstore.OptOut) {
			b.t.Errorf("%+v: opted out: %v", order, out)
		}
	}
}

// What is found says so in its story, once, and what is known already is not found.
func foundTexts(b *book) {
	t := text("SM1", "a")
	t.FoundAt = start.Add(time.Hour)
	if fresh := b.record(t, t, text("SM2", "a")); !slices.Equal(fresh, []bool{true, false, true}) {
		b.t.Errorf("%v", fresh)
	}
	late := text("SM2", "a")
	late.FoundAt = start.Add(time.Hour)
	b.record(late)
	b.record(text("SM1", "a"))
	if n := b.countIn(start.Add(time.Hour)).Recovered; n != 1 {
		b.t.Errorf("%d are recovered", n)
	}
}

// What is found was in the carrier's list, whether or not it is looked at there again.
func foundVoicemails(b *book) {
	at := start.Add(time.Hour)
	entry := text("RE1", "a")
	entry.Kind, entry.FoundAt = sqlstore.VoicemailIn, at
	fresh, err := b.RecordVoicemail(b.ctx, sqlstore.VoicemailRow{RecordingSID: "RE1", Lane: "a", Hotline: entry.Hotline, RecordedAt: start}, entry)
	b.ok(err)
	b.ok(b.TextDone(b.ctx, b.next("a", "RE1"), 7, at, nil))
	counts, err := b.CountVoicemails(b.ctx, books.First(at), at)
	b.ok(err)
	got := counts[books.Page{Date: books.Date(start), Hotline: entry.Hotline}]
	if want := (books.Count{Received: 1, Delivered: 1, Recovered: 1}); got != want || !fresh {
		b.t.Errorf("%+v, want %+v; fresh: %v", got, want, fresh)
	}
}

// countIn is what there was of texts on the first day.
func (b *book) countIn(now time.Time) books.Count {
	b.t.Helper()
	counts, err := b.CountTextsIn(b.ctx, books.First(now), now)
	b.ok(err)
	return counts[books.Page{Date: books.Date(start), Hotline: "+15017122661"}]
}

func textDays(b *book) {
	b.record(text("SM1", "a"), text("SM2", "b"), text("SM3", "c"), text("SM4", "d"), text("SM5", "e"))
	voicemail := text("RE1", "f")
	voicemail.Kind = sqlstore.VoicemailIn
	tomorrow, other := text("SM6", "g"), text("SM7", "h")
	tomorrow.ReceivedAt, other.Hotline = start.AddDate(0, 0, 1), "+15017122662"
	b.record(voicemail, tomorrow, other)
	b.ok(b.TextDone(b.ctx, b.next("a", "SM1"), 7, start, nil))
	b.ok(b.TextEnded(b.ctx, b.next("b", "SM2"), sqlstore.Refused, "spam", start))
	b.ok(b.TextEnded(b.ctx, b.next("c", "SM3"), sqlstore.Dead, "never", start))
	b.ok(b.TextEnded(b.ctx, b.next("d", "SM4"), sqlstore.Unrouted, "nobody", start))
	wants := func(now time.Time, want books.Count) {
		b.t.Helper()
		if got := b.countIn(now); got != want {
			b.t.Errorf("at %s: %+v, want %+v", now.Format(time.TimeOnly), got, want)
		}
	}
	// Nothing is received before the carrier says so; what is dead is missing all the same.
	wants(start, books.Count{Missing: 2})
	known, err := b.TextsListed(b.ctx, []string{"SM1", "SM2", "SM3", "SM4", "SM5", "SM6", "SM7", "RE1", "SM8"})
	b.ok(err)
	if len(known) != 8 || known["SM8"] {
		b.t.Errorf("known: %v", known)
	}
	wants(start.Add(books.Overdue), books.Count{Received: 5, Delivered: 2, Missing: 2})
	wants(start.Add(books.Overdue+time.Second), books.Count{Received: 5, Delivered: 2, Missing: 3})
	b.ok(b.Pause(b.ctx, sqlstore.PauseRow{Hotline: "+15017122661", Since: start}, []phone.Number{"+15017122661"}))
	wants(start.Add(books.Overdue+time.Second), books.Count{Received: 5, Delivered: 2, Missing: 2}) // it is meant to wait
	counts, err := b.CountTextsIn(b.ctx, books.First(start), start)
	b.ok(err)
	if len(counts) != 3 {
		b.t.Errorf("%+v", counts)
	}
	if counts, err = b.CountVoicemails(b.ctx, books.First(start), start); len(counts) != 1 || err != nil {
		b.t.Errorf("voicemails: %+v, %v", counts, err)
	}
	if counts, err = b.CountTextsIn(b.ctx, start.AddDate(0, 0, 1), start); len(counts) != 1 || err != nil {
		b.t.Errorf("since tomorrow: %+v, %v", counts, err)
	}
}

func foundCalls(b *book) {
	b.ok(b.CallBegan(b.ctx, callIn("CA1", "a", start)))
	b.woken()
	found := func(sid string, talked, want bool) {
		b.t.Helper()
		c := callIn(sid, "a", start.Add(time.Minute))
		c.Seconds, c.Answered = 60, true
		if fresh, err := b.CallFound(b.ctx, c, talked, start.Add(time.Hour)); fresh != want || err != nil {
			b.t.Errorf("%s is new: %v, %v", sid, fresh, err)
		}
	}
	found("CA1", false, false) // it goes on, as far as we know
	found("CA2", false, true)
	found("CA2", true, false)
	found("CA3", true, true)
	b.ok(b.CallBegan(b.ctx, callIn("CA2", "a", start))) // late
	c := b.over("a", "CA2", sqlstore.Missed)
	if c.Seconds != 60 || !c.At.Equal(start.Add(time.Minute)) {
		b.t.Errorf("%+v", c)
	}
	b.ok(b.CallDone(b.ctx, c, sqlstore.Missed, nil))
	b.over("a", "CA3", sqlstore.Talked)
	known, err := b.CallsListed(b.ctx, []string{"CA1", "CA2", "CA4"})
	b.ok(err)
	if len(known) != 2 {
		b.t.Errorf("known: %v", known)
	}
	for now, want := range map[time.Time]books.Count{
		start.Add(time.Minute):    {Received: 3, Delivered: 1, Recovered: 2},
		start.Add(time.Hour):      {Received: 3, Delivered: 1, Recovered: 2, Missing: 1}, // CA3 is not looked at
		start.Add(24 * time.Hour): {Received: 3, Delivered: 1, Recovered: 2, Missing: 2}, // nor does a call take that long
	} {
		counts, err := b.CountCalls(b.ctx, books.First(start), now)
		b.ok(err)
		if got := counts[books.Page{Date: books.Date(start), Hotline: c.Hotline}]; got != want {
			b.t.Errorf("at %s: %+v, want %+v", now, got, want)
		}
	}
}

func outDays(b *book) {
	for i, key := range []string{"K0", "K1", "K2", "K3", "K4", "K5"} {
		b.queue(key, key)
		if i > 0 {
			b.begin(key, "A"+key)
		}
	}
	b.advance("AK2", "SM2", sqlstore.Accepted, 0)
	b.advance("AK3", "SM3", sqlstore.Sent, 0)
	b.advance("AK4", "SM4", sqlstore.Failed, 30003)
	b.ok(b.AttemptUnknown(b.ctx, "K5", "AK5", start))
	for now, want := range map[time.Time]books.Count{
		start.Add(time.Hour):      {Received: 6, Delivered: 2},
		start.Add(2 * time.Hour):  {Received: 6, Delivered: 2, Missing: 2},
		start.Add(12 * time.Hour): {Received: 6, Delivered: 2, Missing: 3},
	} {
		counts, err := b.CountTextsOut(b.ctx, books.First(start), now)
		b.ok(err)
		if got := counts[books.Page{Date: books.Date(start), Hotline: "+15017122661"}]; got != want {
			b.t.Errorf("at %s: %+v, want %+v", now, got, want)
		}
	}
	byID, err := b.MessagesByID(b.ctx, []string{"SM2", "SM3", "SM9", ""})
	b.ok(err)
	if len(byID) != 2 || byID["SM3"].Key != "K3" || byID["SM3"].State != sqlstore.Sent || byID["SM3"].MessageSID != "SM3" {
		b.t.Errorf("%+v", byID)
	}
}

// The carrier is asked about what it has told nothing more of: after ten minutes, then at ever greater distances, for three days.
func asking(b *book) {
	for _, key := range []string{"K1", "K2", "K3"} {
		b.queue(key, key)
		b.begin(key, "A"+key)
	}
	b.advance("AK1", "SM1", sqlstore.Accepted, 0)
	b.advance("AK2", "SM2", sqlstore.Sent, 0)
	b.advance("AK3", "SM3", sqlstore.Delivered, 0)
	times := map[string][]time.Duration{}
	for age := time.Duration(0); age < 100*time.Hour; age += time.Minute {
		messages, err := b.ToAsk(b.ctx, start.Add(age), 10)
		b.ok(err)
		for _, m := range messages {
			times[m.Key] = append(times[m.Key], age)
			b.ok(b.Asked(b.ctx, m, start.Add(age)))
		}
	}
	if len(times) != 2 {
		b.t.Errorf("asked about %v", times)
	}
	for key, asked := range times {
		if n := len(asked); n < 5 || n > 12 || asked[0] > 12*time.Minute || asked[n-1] < 24*time.Hour || asked[n-1] > 72*time.Hour {
			b.t.Errorf("asked about %s after %v", key, asked)
		}
	}
	b.queue("K4", "K4")
	b.begin("K4", "AK4")
	b.advance("AK4", "SM4", sqlstore.Sent, 0)
	if messages, err := b.ToAsk(b.ctx, start.Add(time.Hour), 1); len(messages) != 1 || err != nil {
		b.t.Errorf("%d messages, %v", len(messages), err)
	}
}

// A message that is none of ours is ours all the same if we have surely sent the same words to the same person.
func sentAlready(b *book) {
	lane := "+15017122661|+16175550142"
	sent := func(want bool) {
		b.t.Helper()
		if got, err := b.SentAlready(b.ctx, "+15017122661", "+16175550142", "body of K1", start.Add(time.Hour)); got != want || err != nil {
			b.t.Errorf("sent already: %v, %v", got, err)
		}
	}
	sent(false)
	b.queue("K1", lane)
	sent(false)
	b.begin("K1", "A1")
	sent(false) // it is this one, most likely
	b.advance("A1", "SM1", sqlstore.Accepted, 0)
	sent(true)
	again := outText("K2", lane)
	again.Body = "body of K1"
	_, err := b.QueueText(b.ctx, &again)
	b.ok(err)
	sent(true)
	b.begin("K2", "A2")
	sent(false) // it may be this one
	if got, err := b.SentAlready(b.ctx, "+15017122661", "+16175550143", "body of K1", start.Add(time.Hour)); got || err != nil {
		b.t.Errorf("to somebody else: %v, %v", got, err)
	}
}
