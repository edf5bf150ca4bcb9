package storetest

import (
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// attemptAt begins an attempt at a carrier.
func (b *book) attemptAt(by hotline.Transport, key, attempt string, at time.Time) {
	b.t.Helper()
	mine, _, err := b.BeginAttempt(b.ctx, &sqlstore.MessageOutRow{Key: key, Carrier: by}, attempt, at, 0)
	b.ok(err)
	if !mine {
		b.t.Fatalf("the attempt at %s is not ours", key)
	}
}

// Each attempt is its carrier's for good: what is unclear is asked of that one, an error has the meaning that it has there, and what it took is
// deleted there.
func carriersOut(b *book) {
	b.queue("K", "a")
	carrier := func(want hotline.Transport) {
		b.t.Helper()
		if _, m := b.find("K"); m.Carrier != want {
			b.t.Errorf("it is at %q, want %q", m.Carrier, want)
		}
	}
	carrier("")
	b.attemptAt(hotline.Telnyx, "K", "A1", start)
	if a, _, err := b.OpenAttempt(b.ctx, "K"); a.Carrier != hotline.Telnyx || err != nil {
		b.t.Errorf("%+v, %v", a, err)
	}
	carrier(hotline.Telnyx)
	b.ok(b.AttemptAbsent(b.ctx, "K", "A1", true, start))
	b.attemptAt(hotline.Twilio, "K", "A2", start.Add(time.Minute))
	carrier(hotline.Twilio)
	_, err := b.Advance(b.ctx, "A1", "late", sqlstore.Sent, 0, start) // it had it after all
	b.ok(err)
	carrier(hotline.Telnyx)
	b.ok(b.AttemptAccepted(b.ctx, "A2", "SM2", start))
	carrier(hotline.Telnyx)

	story, err := b.TextOutStory(b.ctx, "K")
	b.ok(err)
	if a := story[0].Attempts; len(a) != 2 || a[0].Carrier != hotline.Telnyx || a[1].Carrier != hotline.Twilio {
		b.t.Errorf("%+v", a)
	}
	want := []sqlstore.CarriedMessage{{Carrier: hotline.Telnyx, ID: "late"}, {Carrier: hotline.Twilio, ID: "SM2"}}
	for _, kind := range []string{sqlstore.ItemTextOut, sqlstore.MessageOut} {
		all, err := b.RecordsOf(b.ctx, kind, kim, start.Add(day), sqlstore.Record{}, 10)
		b.ok(err)
		if len(all) != 1 {
			b.t.Fatalf("%s: %+v", kind, all)
		}
		slices.SortFunc(all[0].Messages, func(a, b sqlstore.CarriedMessage) int { return len(b.ID) - len(a.ID) })
		if !slices.Equal(all[0].Messages, want) {
			b.t.Errorf("%s: %+v", kind, all[0].Messages)
		}
	}

	// What one carrier says of who has opted out, another says of something else.
	for key, by := range map[string]hotline.Transport{"K1": hotline.Twilio, "K2": hotline.Telnyx} {
		for how, end := range map[string]func(attempt string) error{
			"refused": func(attempt string) error { return b.AttemptRefused(b.ctx, key+"refused", attempt, saysStop, start) },
			"told late": func(attempt string) error { // when the other carrier has been tried, too
				b.ok(b.AttemptAbsent(b.ctx, key+"told late", attempt, true, start))
				b.attemptAt(map[hotline.Transport]hotline.Transport{hotline.Twilio: hotline.Telnyx, hotline.Telnyx: hotline.Twilio}[by], key+"told late", attempt+"2", start.Add(time.Minute))
				_, err := b.Advance(b.ctx, attempt, "SM"+attempt, sqlstore.Failed, saysStop, start)
				return err
			},
			"told": func(attempt string) error {
				_, err := b.Advance(b.ctx, attempt, "SM"+attempt, sqlstore.Failed, saysStop, start)
				return err
			},
			"asked": func(attempt string) error {
				b.ok(b.AttemptAccepted(b.ctx, attempt, "SM"+attempt, start))
				return b.AdvanceMessage(b.ctx, key+"asked", "SM"+attempt, sqlstore.Failed, saysStop, start)
			},
		} {
			t := outText(key+how, key+how)
			t.Hotline = hotline.OfCampaign(key + how)
			_, err := b.QueueText(b.ctx, &t)
			b.ok(err)
			b.attemptAt(by, key+how, key+how, start)
			b.ok(end(key + how))
			out, err := b.OptedOut(b.ctx, t.Hotline, kim)
			b.ok(err)
			if out != (by == hotline.Twilio) {
				b.t.Errorf("%s at %s: opted out %v", how, by, out)
			}
			i, err := b.Item(b.ctx, key+how)
			b.ok(err)
			if i.ErrorCode != saysStop || i.Carrier != by {
				b.t.Errorf("%s: %+v", how, i)
			}
		}
	}
}

// A text is at the carrier that brought it, with its files; a voicemail is at Twilio.
func carriersIn(b *book) {
	t := withMedia(text("M1", "a"), 1)
	t.Carrier = hotline.Telnyx
	b.record(t, withMedia(text("SM2", "b"), 1))
	b.voicemail("RE1", "CA1", "c")
	b.inTicket("a", 7)
	b.inTicket("b", 8)
	b.inTicket("c", 9)
	for lane, want := range map[string]hotline.Transport{"a": hotline.Telnyx, "b": hotline.Twilio, "c": hotline.Twilio} {
		m, err := b.NextMedia(b.ctx, lane)
		b.ok(err)
		if m.Carrier != want {
			b.t.Errorf("the file of %s is at %q, want %q", m.MessageSID, m.Carrier, want)
		}
	}
	all, err := b.RecordsOf(b.ctx, sqlstore.ItemTextIn, kim, start.Add(day), sqlstore.Record{}, 10)
	b.ok(err)
	for _, r := range all {
		want := map[string][]sqlstore.CarriedMessage{"M1": {{Carrier: hotline.Telnyx, ID: "M1"}}, "SM2": {{Carrier: hotline.Twilio, ID: "SM2"}}}[r.ID]
		if !slices.Equal(r.Messages, want) {
			b.t.Errorf("%s: %+v", r.ID, r.Messages)
		}
	}
}

// What was said later stands, if the carrier says when it was said; and who tells of it learns whether it was news.
func datedWishes(b *book) {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	says := func(sid, wish string, minute int, wantOut bool, wantOpt string) {
		b.t.Helper()
		t := text(sid, sid)
		t.Wish, t.ReceivedAt, t.Dated = wish, at(minute), true
		b.record(t)
		out, err := b.OptedOut(b.ctx, our, kim)
		b.ok(err)
		if next := b.next(sid, sid); out != wantOut || next.Opt != wantOpt {
			b.t.Errorf("%s: opted out %v, and it says %q", sid, out, next.Opt)
		}
	}
	atCarrier := func(minute int, want bool) {
		b.t.Helper()
		changed, err := b.OptedOutAtCarrier(b.ctx, our, kim, at(minute))
		b.ok(err)
		if changed != want {
			b.t.Errorf("opted out at the carrier: changed %v", changed)
		}
	}
	says("1", sqlstore.OptOut, 10, true, sqlstore.OptOut)
	says("2", sqlstore.OptIn, 5, true, "")
	atCarrier(20, false) // it is no news
	says("3", sqlstore.OptIn, 15, true, "")
	says("4", sqlstore.OptIn, 25, false, sqlstore.OptIn)
	atCarrier(20, false) // they have come back since
	says("5", sqlstore.OptOut, 22, false, "")
	atCarrier(30, true)
	atCarrier(30, false)
}
