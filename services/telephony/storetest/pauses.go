package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

var pauseOf = sqlstore.PauseRow{Hotline: "+15017122661", Reason: "fire drill", By: "dana", Since: start}

// work puts one piece of work of each topic into a lane, at a hotline.
func (b *book) work(lane string, hotline phone.Number) {
	b.t.Helper()
	id := lane + string(hotline)
	voicemail := text("REdone"+id, lane)
	voicemail.Kind, voicemail.Hotline = sqlstore.VoicemailIn, hotline
	voicemail.Media = []sqlstore.Media{{URL: "https://api.twilio.com/1"}}
	_, err := b.RecordVoicemail(b.ctx, sqlstore.VoicemailRow{
		RecordingSID: voicemail.MessageSID, Lane: lane, Hotline: hotline, RecordedAt: start, TranscriptState: sqlstore.TranscriptWanted,
	}, voicemail)
	b.ok(err)
	b.ok(b.TextDone(b.ctx, b.next(lane, voicemail.MessageSID), 5, start, nil))
	in := text("SM"+id, lane)
	in.Hotline = hotline
	b.record(in)
	for _, key := range []string{"told", "waits"} {
		out := outText(key+id, lane)
		out.Hotline, out.Kind, out.PatientUntil = hotline, sqlstore.FromAgent, start.Add(time.Second)
		_, err := b.QueueText(b.ctx, &out)
		b.ok(err)
		if key == "told" {
			b.pass(out.Key, sqlstore.Delivered, 0)
		}
	}
	c := callIn("CA"+id, lane, start)
	c.Hotline = hotline
	b.ok(b.CallEnded(b.ctx, c))
}

// nextOfAll is what is to be done next in a lane, by topic.
func (b *book) nextOfAll(lane string) (found []string) {
	b.t.Helper()
	if t, err := b.NextText(b.ctx, lane); t != nil || err != nil {
		found = append(found, sqlstore.TextIn)
	}
	if m, err := b.NextMedia(b.ctx, lane); m != nil || err != nil {
		found = append(found, sqlstore.MediaIn)
	}
	if m, err := b.NextMessageOut(b.ctx, lane); m != nil || err != nil {
		found = append(found, sqlstore.TextOut)
	}
	if t, _, err := b.NextToTell(b.ctx, lane); t != nil || err != nil {
		found = append(found, sqlstore.Tell)
	}
	if c, _, err := b.NextCallOver(b.ctx, lane); c != nil || err != nil {
		found = append(found, sqlstore.CallOver)
	}
	if v, err := b.NextTranscript(b.ctx, lane); v != nil || err != nil {
		found = append(found, sqlstore.Transcript)
	}
	return found
}

// wantAtWork fails unless a lane has work in all topics, or in none, whoever is asked.
func (b *book) wantAtWork(lane string, at bool) {
	b.t.Helper()
	topics := []string{sqlstore.TextIn, sqlstore.MediaIn, sqlstore.TextOut, sqlstore.Tell, sqlstore.CallOver, sqlstore.Transcript}
	want := topics
	if !at {
		want = nil
	}
	if got := b.nextOfAll(lane); !slices.Equal(got, want) {
		b.t.Errorf("lane %s: there is work in %q, want %q", lane, got, want)
	}
	for _, topic := range topics {
		lanes, err := b.Work(topic).Lanes(b.ctx, "", 100)
		b.ok(err)
		if slices.Contains(lanes, lane) != at || b.pending(topic, lane) != at {
			b.t.Errorf("%s: lane %s has work: %v, pending: %v, want %v", topic, lane, slices.Contains(lanes, lane), b.pending(topic, lane), at)
		}
	}
}

// Nothing of a paused hotline is work, at any of its numbers, and all of it is again, in its order, when the pause is over. No other
// hotline notices.
func pauses(b *book) {
	b.work("a", "+15017122661")
	b.work("b", "+15017122662")
	b.work("c", "+15550100")
	b.ok(b.Pause(b.ctx, pauseOf, numbers))
	b.record(text("SMmeanwhile", "a")) // what comes in is stored
	b.queue("meanwhile", "a")
	for lane, at := range map[string]bool{"a": false, "b": false, "c": true} {
		b.wantAtWork(lane, at)
	}
	if topics, lanes, err := b.Backlog(b.ctx, 50); err != nil || topics[0].Waiting != 4 || topics[0].Lanes != 3 || len(lanes) < 3 {
		b.t.Errorf("what waits is not seen: %+v, %+v, %v", topics, lanes, err)
	}
	// Nobody is told that the carrier is slow.
	b.woken()
	b.ok(b.Overdue(b.ctx, start.Add(time.Minute)))
	b.wantWoken(wake{sqlstore.Tell, []string{"c"}})

	b.ok(b.Resume(b.ctx, "+15017122662", start.Add(time.Hour), time.Minute))
	for _, lane := range []string{"a", "b", "c"} {
		b.wantAtWork(lane, true)
	}
	for _, sid := range []string{"SMa+15017122661", "SMmeanwhile"} {
		got, err := b.Steps(b.ctx, sid)
		b.ok(err)
		if len(got) != 1 || !got[0].At.Equal(start) || !got[0].Until.Equal(start.Add(time.Hour)) || got[0].Detail != "by dana: fire drill" {
			b.t.Errorf("%s: noted %+v", sid, got)
		}
		b.ok(b.TextDone(b.ctx, b.next("a", sid), 5, start, nil))
	}
	for _, key := range []string{"waitsa+15017122661", "meanwhile"} {
		b.nextOut("a", key)
		b.pass(key, sqlstore.Delivered, 0)
	}
	if got, err := b.Steps(b.ctx, "SMc+15550100"); len(got) != 0 || err != nil {
		b.t.Errorf("another hotline's waited: %+v, %v", got, err)
	}
	// An agent's reply has all its time again.
	b.woken()
	b.ok(b.Overdue(b.ctx, start.Add(time.Hour+30*time.Second)))
	b.wantWoken()
	b.ok(b.Overdue(b.ctx, start.Add(time.Hour+time.Minute)))
	b.wantWoken(wake{sqlstore.Tell, []string{"a", "b"}})
}

// A code that somebody waits for goes out all the same, and what may have left already is cleared up.
func pausesLetThrough(b *book) {
	b.queue("sending", "a")
	b.begin("sending", "A")
	b.queue("waits", "b")
	b.ok(b.Pause(b.ctx, pauseOf, numbers))
	code := outText("code", "b")
	code.Kind = sqlstore.Private
	_, err := b.QueueText(b.ctx, &code)
	b.ok(err)
	b.nextOut("a", "sending")
	b.nextOut("b", "code")
	if got, err := b.Work(sqlstore.TextOut).Lanes(b.ctx, "", 10); !slices.Equal(got, []string{"a", "b"}) || err != nil {
		b.t.Errorf("%q, %v", got, err)
	}
	b.pass("code", sqlstore.Delivered, 0)
	b.nextOut("b", "")
	b.ok(b.AttemptAbsent(b.ctx, "sending", "A", true, start))
	b.nextOut("a", "")
	b.ok(b.Resume(b.ctx, "+15017122661", start, 0))
	b.nextOut("a", "sending")
	b.nextOut("b", "waits")
}

// A pause may be given another reason, and numbers that the hotline did not have; it is since when it was.
func pausesAgain(b *book) {
	b.ok(b.Pause(b.ctx, pauseOf, numbers[:1]))
	second := pauseOf
	second.Hotline, second.Reason, second.By, second.Since = "+15017122662", "still burning", "eli", start.Add(time.Hour)
	b.ok(b.Pause(b.ctx, second, numbers))
	other := sqlstore.PauseRow{Hotline: "+15550100", Reason: "other", By: "eli", Since: start}
	b.ok(b.Pause(b.ctx, other, []phone.Number{"+15550100"}))
	check := func(want ...string) {
		b.t.Helper()
		all, err := b.Pauses(b.ctx)
		b.ok(err)
		var got []string
		for _, p := range all {
			got = append(got, fmt.Sprint(string(p.Hotline), " ", p.Reason, " ", p.By, " ", p.Since.Sub(start)))
		}
		if !slices.Equal(got, want) {
			b.t.Errorf("paused: %q, want %q", got, want)
		}
	}
	check("+15017122661 still burning eli 0s", "+15550100 other eli 0s")
	for _, number := range numbers {
		if p, err := b.Paused(b.ctx, number); p == nil || err != nil {
			b.t.Errorf("%s is not paused: %v", number, err)
		}
	}
	b.ok(b.Resume(b.ctx, "+15017122662", start, 0))
	b.ok(b.Resume(b.ctx, "+15017122662", start, 0)) // again
	check("+15550100 other eli 0s")
	facts, err := b.CallFacts(b.ctx, "CA1", "+16175550142", "+15550100", start)
	b.ok(err)
	if !facts.Paused {
		b.t.Error("calls do not know of the pause")
	}
}

// What is counted is what is listed, and calls that go on are told with whoever is in them.
func overview(b *book) {
	want := b.oneOfEach()
	counts, err := b.Counts(b.ctx, start)
	b.ok(err)
	left := map[string]int64{}
	for name, state := range want {
		if kind, _, _ := strings.Cut(name, " "); slices.Contains([]string{"dead", "unrouted", "failed", "unknown", "done"}, state) {
			left[kind+" "+state]++
		}
	}
	for _, c := range counts {
		left[c.Kind+" "+c.State] -= c.Count
	}
	for name, n := range left {
		if n != 0 {
			b.t.Errorf("%s: %d too few are counted", name, n)
		}
	}
	all := len(counts)
	dead, err := b.Counts(b.ctx, start, sqlstore.ItemDead)
	b.ok(err)
	counts = slices.DeleteFunc(counts, func(c sqlstore.CountRow) bool { return c.State != sqlstore.ItemDead })
	if !slices.Equal(dead, counts) || len(dead) == 0 || len(dead) == all {
		b.t.Errorf("dead: %+v, want %+v", dead, counts)
	}
	if counts, err = b.Counts(b.ctx, start.Add(24*time.Hour)); err != nil {
		b.t.Fatal(err)
	}
	for _, c := range counts {
		if old := c.State == "dead" || c.State == "unrouted"; !old && c.Count != 0 {
			b.t.Errorf("a day later %d of %s are %s", c.Count, c.Kind, c.State)
		} else if c.Kind == "text_in" && old && c.Count != 1 {
			b.t.Errorf("a day later %d texts are %s", c.Count, c.State)
		}
	}
	c := callIn("CAringing", "z", start.Add(2*time.Hour))
	c.Ringing = "+16175550101,+16175550102"
	b.ok(b.CallBegan(b.ctx, c))
	b.ok(b.LegAnswered(b.ctx, leg("CL1", "CAringing", "+16175550101", c.At)))
	calls, back, err := b.CallsGoingOn(b.ctx, start.Add(3*time.Hour), 10)
	b.ok(err)
	if len(calls) != 2 || calls[0].CallSID != "CAopen" || calls[1].Ringing != c.Ringing || len(calls[1].Legs) != 1 || len(calls[0].Legs) != 0 {
		b.t.Errorf("%+v", calls)
	}
	if len(back) != 1 || back[0].Key != "B" {
		b.t.Errorf("%+v", back)
	}
	b.ok(b.NextRound(b.ctx, "CAringing", 1, "+16175550103"))
	if calls, _, err = b.CallsGoingOn(b.ctx, start.Add(3*time.Hour), 10); err != nil || calls[1].Ringing != "+16175550103" {
		b.t.Errorf("%+v, %v", calls, err)
	}
}

// Wishes are listed as they stand: newest first, and none that was taken back.
func wishes(b *book) {
	say := func(sid, supporter, wish string, at time.Time) {
		t := text(sid, supporter)
		t.Supporter, t.Wish, t.ReceivedAt = supporter, wish, at
		b.record(t)
	}
	say("SM1", "+16175550142", sqlstore.OptOut, start)
	say("SM2", "+16175550143", sqlstore.NoCalls, start.Add(time.Second))
	say("SM3", "+16175550142", sqlstore.NoCalls, start.Add(2*time.Second))
	say("SM4", "+16175550144", sqlstore.OptOut, start.Add(3*time.Second))
	say("SM5", "+16175550144", sqlstore.OptIn, start.Add(4*time.Second))
	check := func(supporter string, limit int, want ...string) {
		b.t.Helper()
		all, err := b.Wishes(b.ctx, supporter, limit)
		b.ok(err)
		var got []string
		for _, w := range all {
			got = append(got, fmt.Sprint(w.Source, " ", w.NoCalls))
		}
		if !slices.Equal(got, want) {
			b.t.Errorf("%q of %d: %q, want %q", supporter, limit, got, want)
		}
	}
	check("", 10, "SM3 true", "SM2 true", "SM1 false")
	check("", 2, "SM3 true", "SM2 true")
	check("+16175550142", 10, "SM3 true", "SM1 false")
	check("+16175550144", 10)
}
