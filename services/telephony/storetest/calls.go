package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

func callIn(sid, lane string, at time.Time) sqlstore.CallInRow {
	return sqlstore.CallInRow{CallSID: sid, Lane: lane, Hotline: "+15017122661", Supporter: "+16175550142", At: at}
}

func leg(sid, call string, n phone.Number, at time.Time) sqlstore.LegRow {
	return sqlstore.LegRow{LegSID: sid, CallSID: call, Phone: n, Round: 1, At: at}
}

func (b *book) over(lane, sid, outcome string) *sqlstore.CallInRow {
	b.t.Helper()
	c, got, err := b.NextCallOver(b.ctx, lane)
	b.ok(err)
	switch {
	case c == nil && sid != "":
		b.t.Fatalf("no call is over, want %s", sid)
	case c != nil && (c.CallSID != sid || got != outcome):
		b.t.Errorf("%s is over as %q, want %s as %q", c.CallSID, got, sid, outcome)
	}
	return c
}

// A call that ends is looked at once, whether or not its beginning was noted; what it leaves goes the way of a text.
func callsEnd(b *book) {
	b.ok(b.CallBegan(b.ctx, callIn("CA1", "a", start)))
	b.ok(b.CallBegan(b.ctx, callIn("CA1", "a", start.Add(time.Hour)))) // again: nothing new
	b.over("a", "", "")
	b.woken()
	end := callIn("CA1", "a", start.Add(time.Minute))
	end.Seconds = 60
	b.ok(b.CallEnded(b.ctx, end))
	b.wantWoken(wake{sqlstore.CallOver, []string{"a"}})
	b.ok(b.CallEnded(b.ctx, callIn("CA2", "b", start.Add(2*time.Minute))))
	b.wantWork(sqlstore.CallOver, start.Add(time.Minute), "a", "b")
	c := b.over("a", "CA1", sqlstore.Missed)
	if c.Seconds != 60 || !c.At.Equal(end.At) || c.Supporter != end.Supporter {
		b.t.Errorf("%+v", c)
	}
	entry := sqlstore.TextInRow{Kind: sqlstore.MissedCall, MessageSID: "CA1", CallSID: "CA1", Lane: "a", Hotline: c.Hotline, Supporter: c.Supporter, Body: "Missed", ReceivedAt: start}
	b.ok(b.CallDone(b.ctx, c, sqlstore.Missed, &entry))
	b.ok(b.CallDone(b.ctx, c, sqlstore.Missed, &entry)) // again: one entry
	b.over("a", "", "")
	b.ok(b.CallEnded(b.ctx, end)) // the callback again: looked at already
	b.over("a", "", "")
	t, err := b.NextText(b.ctx, "a")
	b.ok(err)
	if t == nil || t.Kind != sqlstore.MissedCall || t.Event() != "CA1" {
		b.t.Fatalf("%+v", t)
	}
	b.ok(b.TextEnded(b.ctx, t, sqlstore.Refused, "", start))
	if t, err = b.NextText(b.ctx, "a"); t != nil || err != nil {
		b.t.Errorf("a second entry: %+v, %v", t, err)
	}
}

// Who took a call, or left a voicemail, has not missed it.
func callOutcomes(b *book) {
	for _, sid := range []string{"CA1", "CA2", "CA3", "CA4", "CA5"} {
		c := callIn(sid, sid, start)
		c.Answered = sid != "CA4"
		b.ok(b.CallEnded(b.ctx, c))
	}
	mine, err := b.Claim(b.ctx, leg("CL1", "CA1", "+1", start))
	b.ok(err)
	b.over("CA1", "CA1", map[bool]string{true: sqlstore.Talked, false: "not claimed"}[mine])
	b.ok(b.CallTalked(b.ctx, callIn("CA2", "CA2", start))) // known after its end
	b.over("CA2", "CA2", sqlstore.Talked)
	b.voicemail("RE1", "CA3", "CA3")
	b.over("CA3", "CA3", sqlstore.Voicemail)
	// A volunteer took it, but the caller had hung up, or was not connected.
	for _, sid := range []string{"CA4", "CA5"} {
		if _, err := b.Claim(b.ctx, leg("CL"+sid, sid, "+1", start)); err != nil {
			b.t.Fatal(err)
		}
	}
	b.over("CA4", "CA4", sqlstore.Missed)
	b.ok(b.NextRound(b.ctx, "CA5", 2, ""))
	b.over("CA5", "CA5", sqlstore.Talked)
	b.ok(b.NextRound(b.ctx, "CA5", 1, ""))
	b.over("CA5", "CA5", sqlstore.Missed)
}

// That there is a voicemail is known before it is told of, unless there turns out to be nothing in it; whichever is told first.
func callsRecorded(b *book) {
	c := callIn("CA1", "a", start)
	b.ok(b.CallRecorded(b.ctx, c))
	b.ok(b.CallEnded(b.ctx, c))
	b.ok(b.CallDone(b.ctx, b.over("a", "CA1", sqlstore.Voicemail), sqlstore.Voicemail, nil))
	b.over("a", "", "")
	b.woken()
	b.ok(b.CallNotRecorded(b.ctx, c))
	b.wantWoken(wake{sqlstore.CallOver, []string{"a"}})
	b.ok(b.CallDone(b.ctx, b.over("a", "CA1", sqlstore.Missed), sqlstore.Missed, nil))
	b.ok(b.CallNotRecorded(b.ctx, c))
	b.over("a", "", "")

	c = callIn("CA2", "b", start)
	b.ok(b.CallNotRecorded(b.ctx, c))
	b.ok(b.CallRecorded(b.ctx, c))
	b.ok(b.CallEnded(b.ctx, c))
	b.over("b", "CA2", sqlstore.Missed)
}

// A rejected call has not been missed, whether that is known before its end or after it.
func callsRejected(b *book) {
	for i, order := range [][]func(sqlstore.CallInRow) error{
		{func(c sqlstore.CallInRow) error { return b.CallBegan(b.ctx, c) }, func(c sqlstore.CallInRow) error { return b.CallEnded(b.ctx, c) }},
		{func(c sqlstore.CallInRow) error { return b.CallEnded(b.ctx, c) }, func(c sqlstore.CallInRow) error { return b.CallBegan(b.ctx, c) }},
	} {
		sid := fmt.Sprint("CA", i)
		c := callIn(sid, sid, start)
		c.Rejected = true
		for _, tell := range order {
			b.ok(tell(c))
		}
		b.over(sid, sid, sqlstore.Rejected)
	}
}

// In each round the first phone takes the call, however many press at once, and stays the one when it asks again.
func claimOnce(b *book) {
	var winners sync.Map
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			sid := fmt.Sprint("CL", i)
			for range 2 {
				mine, err := b.Claim(b.ctx, leg(sid, "CA1", phone.Number(fmt.Sprint("+", i)), start))
				if err != nil {
					b.t.Error(err)
				}
				if mine {
					winners.Store(sid, true)
				}
			}
		})
	}
	all.Wait()
	n := 0
	winners.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		b.t.Errorf("%d phones have taken the call", n)
	}
	next := leg("CL99", "CA1", "+99", start)
	next.Round = 2
	if mine, err := b.Claim(b.ctx, next); !mine || err != nil {
		b.t.Errorf("in the next round nobody can take it: %v", err)
	}
}

// A phone is busy from being picked up until its leg has ended, in whatever order that is told.
func legs(b *book) {
	facts := func(now time.Time) sqlstore.CallFacts {
		b.t.Helper()
		f, err := b.CallFacts(b.ctx, "CA1", "+16175550142", "+15017122661", now)
		b.ok(err)
		return f
	}
	for _, late := range []time.Duration{time.Second, 0, time.Second} { // told thrice, by what overtook each other
		b.ok(b.LegAnswered(b.ctx, leg("CL1", "CA1", "+1", start.Add(late))))
	}
	b.ok(b.LegEnded(b.ctx, leg("CL2", "CA2", "+2", start)))    // told late, and
	b.ok(b.LegAnswered(b.ctx, leg("CL2", "CA2", "+2", start))) // in the wrong order
	busy := leg("CL3", "CA1", "+3", start)
	busy.Status = "busy"
	b.ok(b.LegEnded(b.ctx, busy))
	f := facts(start.Add(time.Minute))
	if !slices.Equal(f.Busy, []phone.Number{"+1"}) || f.Blocked {
		b.t.Errorf("%+v", f)
	}
	if len(f.Legs) != 2 || !f.Legs[0].At.Equal(start) || f.Legs[1].Status != "busy" || !f.Legs[1].At.IsZero() {
		b.t.Errorf("legs: %+v", f.Legs)
	}
	if f := facts(start.Add(5 * time.Hour)); len(f.Busy) != 0 {
		b.t.Errorf("busy for longer than any call: %v", f.Busy)
	}
	open, err := b.OpenLegs(b.ctx, start.Add(time.Minute))
	b.ok(err)
	if len(open) != 1 || open[0].LegSID != "CL1" {
		b.t.Errorf("open: %+v", open)
	}
	if _, err := b.Claim(b.ctx, leg("CL1", "CA1", "+1", start)); err != nil {
		b.t.Fatal(err)
	}
	b.ok(b.LegEnded(b.ctx, leg("CL1", "CA1", "+1", start.Add(time.Hour))))
	f = facts(start.Add(2 * time.Hour))
	if len(f.Busy) != 0 || len(f.Talked) != 1 || !f.Talked["+1"].Equal(start.Add(time.Hour)) {
		b.t.Errorf("%+v", f)
	}
	b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: "+16175550142", Reason: "abuse"}, start))
	if !facts(start).Blocked {
		b.t.Error("a blocked caller is not")
	}
}

// voicemail records a voicemail that our own engine is to transcribe.
func (b *book) voicemail(sid, call, lane string) (fresh bool) {
	b.t.Helper()
	v := sqlstore.VoicemailRow{
		RecordingSID: sid, CallSID: call, Lane: lane, Hotline: "+15017122661", Supporter: "+16175550142", URL: "https://example.org/" + sid,
		RecordedAt: start, TranscriptState: sqlstore.TranscriptWanted,
	}
	fresh, err := b.RecordVoicemail(b.ctx, v, sqlstore.TextInRow{
		Kind: sqlstore.VoicemailIn, MessageSID: sid, CallSID: call, Lane: lane, Hotline: v.Hotline, Supporter: v.Supporter, Body: "Caller left", ReceivedAt: start,
		Media: []sqlstore.Media{{URL: v.URL, ContentType: "audio/mpeg"}},
	})
	b.ok(err)
	return fresh
}

func (b *book) inTicket(lane string, conversation int64) {
	b.t.Helper()
	t, err := b.NextText(b.ctx, lane)
	b.ok(err)
	b.ok(b.TextDone(b.ctx, t, conversation, start, nil))
}

func (b *book) transcript(lane, state string) *sqlstore.VoicemailRow {
	b.t.Helper()
	v, err := b.NextTranscript(b.ctx, lane)
	b.ok(err)
	if got := v != nil; got != (state != "") || got && v.TranscriptState != state {
		b.t.Fatalf("next transcript: %+v, want %q", v, state)
	}
	return v
}

// A voicemail is recorded once; its words are told when it is in the ticket, whichever comes first, and once.
func voicemails(b *book) {
	if !b.voicemail("RE1", "CA1", "a") || b.voicemail("RE1", "CA1", "a") {
		b.t.Error("a voicemail is new once")
	}
	known, err := b.TextsListed(b.ctx, []string{"RE1", "RE2"})
	b.ok(err)
	if len(known) != 1 || !known["RE1"] {
		b.t.Errorf("known: %v", known)
	}
	b.transcript("a", "")
	b.wantWork(sqlstore.Transcript, start)
	b.woken()
	b.inTicket("a", 7)
	b.wantWoken(wake{sqlstore.MediaIn, []string{"a"}}, wake{sqlstore.Transcript, []string{"a"}})
	b.wantWork(sqlstore.Transcript, start, "a")
	v := b.transcript("a", sqlstore.TranscriptWanted)
	if v.ConversationID != 7 || v.CallSID != "CA1" {
		b.t.Errorf("%+v", v)
	}
	b.ok(b.TranscriptDelayed(b.ctx, "RE1"))
	v.Transcript, v.TranscriptState = "Hello", sqlstore.TranscriptReady
	b.ok(b.RecordTranscript(b.ctx, *v))
	v.Transcript = "Other words"
	b.ok(b.RecordTranscript(b.ctx, *v))
	if v = b.transcript("a", sqlstore.TranscriptReady); v.Transcript != "Hello" || v.Attempts != 1 {
		b.t.Errorf("%+v", v)
	}
	b.ok(b.TranscriptTold(b.ctx, "RE1"))
	b.ok(b.RecordTranscript(b.ctx, *v))
	b.transcript("a", "")

	// The words first.
	b.ok(b.RecordTranscript(b.ctx, sqlstore.VoicemailRow{RecordingSID: "RE9", Lane: "b", RecordedAt: start, Transcript: "Early", TranscriptState: sqlstore.TranscriptReady}))
	b.transcript("b", "")
	if !b.voicemail("RE9", "CA9", "b") {
		b.t.Error("a voicemail whose words came first is new all the same")
	}
	b.inTicket("b", 8)
	if v = b.transcript("b", sqlstore.TranscriptReady); v.Transcript != "Early" || v.ConversationID != 8 || v.CallSID != "CA9" {
		b.t.Errorf("%+v", v)
	}
}

// The carrier's copy may go when the ticket has the audio, and the words if they are to be made of it.
func oldRecordings(b *book) {
	old := func(want ...string) {
		b.t.Helper()
		got, err := b.OldRecordings(b.ctx, "+15017122661", start.Add(time.Second))
		b.ok(err)
		if !slices.Equal(got, want) {
			b.t.Errorf("old recordings: %q, want %q", got, want)
		}
	}
	b.voicemail("RE1", "CA1", "a")
	b.inTicket("a", 7)
	old()
	m, err := b.NextMedia(b.ctx, "a")
	b.ok(err)
	if m.Kind != sqlstore.VoicemailIn || m.Event != "CA1" {
		b.t.Errorf("%+v", m)
	}
	b.ok(b.MediaEnded(b.ctx, m, sqlstore.Done, "", start))
	old()
	b.ok(b.TranscriptTold(b.ctx, "RE1"))
	old("RE1")
	if got, err := b.OldRecordings(b.ctx, "+15017122661", start); len(got) != 0 || err != nil {
		b.t.Errorf("before its time: %q, %v", got, err)
	}
	b.ok(b.RecordingDeleted(b.ctx, "RE1"))
	old()
}
