package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

const (
	kim = "+16175550142"
	our = phone.Number("+15017122661")
	day = 24 * time.Hour
)

// theirs returns Kim's records until a time, of all kinds, read a few at a time.
func (b *book) theirs(till time.Time) (all []sqlstore.Record) {
	b.t.Helper()
	for _, kind := range sqlstore.RecordKinds {
		all = append(all, b.paged(func(after sqlstore.Record) ([]sqlstore.Record, error) {
			return b.RecordsOf(b.ctx, kind, kim, till, after, 2)
		})...)
	}
	return all
}

func (b *book) paged(next func(after sqlstore.Record) ([]sqlstore.Record, error)) (all []sqlstore.Record) {
	b.t.Helper()
	for after := (sqlstore.Record{}); ; after = all[len(all)-1] {
		some, err := next(after)
		b.ok(err)
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
	}
}

func messageIDs(r sqlstore.Record) (ids []string) {
	for _, m := range r.Messages {
		ids = append(ids, m.ID)
	}
	return ids
}

func recordNames(all []sqlstore.Record) (list []string) {
	for _, r := range all {
		list = append(list, r.Kind+" "+r.ID)
	}
	slices.Sort(list)
	return list
}

func (b *book) wantRecords(what string, got []sqlstore.Record, want ...string) {
	b.t.Helper()
	slices.Sort(want)
	if names := recordNames(got); !slices.Equal(names, want) {
		b.t.Errorf("%s: records\n%q, want\n%q", what, names, want)
	}
}

// What waits of somebody is dropped, so that there is no work left; then all of it can be removed. Until nothing can come back any more its ids
// are known, and what comes late is not taken for new. Others, and private texts, are left alone.
func erasing(b *book) {
	states := b.oneOfEach()
	other := text("SMother", "other")
	other.Supporter = "+16175550188"
	b.record(other)
	code := outText("code", "code")
	code.Kind = sqlstore.Private
	_, err := b.QueueText(b.ctx, &code)
	b.ok(err)
	b.ok(b.RecordTranscript(b.ctx, sqlstore.VoicemailRow{
		RecordingSID: "REearly", Lane: "early", Hotline: our, Supporter: kim, RecordedAt: start, Transcript: "Hello", TranscriptState: sqlstore.TranscriptReady,
	}))
	goesOn, err := b.OnCall(b.ctx, kim, start.Add(time.Hour))
	b.ok(err)
	if !goesOn {
		b.t.Error("nobody is on a call")
	}
	now := start.Add(6 * time.Hour)
	if goesOn, err = b.OnCall(b.ctx, "+16175550188", now); goesOn || err != nil {
		b.t.Errorf("who has never called is on a call: %v", err)
	}

	b.ok(b.DropWaiting(b.ctx, kim, now, now))
	for _, topic := range sqlstore.Topics {
		lanes, err := b.Work(topic).Lanes(b.ctx, "", 100)
		b.ok(err)
		lanes = slices.DeleteFunc(lanes, func(lane string) bool {
			return lane == "other" || lane == "code" || topic == sqlstore.CallBacks // which are under way
		})
		if len(lanes) > 0 {
			b.t.Errorf("in %s there is work in %q", topic, lanes)
		}
	}

	var want []string
	for name := range states {
		switch kind, id, _ := strings.Cut(name, " "); kind {
		case sqlstore.ItemMedia:
		case sqlstore.ItemVoicemail, sqlstore.ItemMissed:
			want = append(want, sqlstore.ItemTextIn+" "+id)
		default:
			want = append(want, name)
		}
	}
	want = append(want, "voicemail REearly")
	all := b.theirs(now)
	b.wantRecords("before", all, want...)
	b.wantRecords("of before they came", b.theirs(start.Add(-time.Second)))
	for _, r := range all {
		if r.ID == "REvoicemail1" && !slices.Equal(r.Recordings, []string{r.ID}) || r.ID == "RE1" && !slices.Equal(r.Messages, []sqlstore.CarriedMessage{{Carrier: hotline.Twilio, ID: r.ID}}) ||
			r.ID == "REmissed1" && len(r.Messages)+len(r.Recordings)+len(r.Calls) > 0 || r.ID == "CAdone" && !slices.Equal(r.Calls, []string{r.ID}) ||
			r.ID == "sent" && !slices.Equal(messageIDs(r), []string{"SMsent"}) || (r.ID == "sending" || r.ID == "unknown") != r.UnclearAt.Equal(start) {
			b.t.Errorf("%+v", r)
		}
	}
	b.ok(b.RemoveRecords(b.ctx, all, now))
	b.wantRecords("after", b.theirs(now))
	exported, err := b.Export(b.ctx, kim)
	b.ok(err)
	if strings.Contains(string(exported), "RE1") || strings.Contains(string(exported), "body of") {
		b.t.Errorf("there is still %s", exported)
	}

	b.comesLate(false)
	for _, topic := range sqlstore.Topics {
		if n := b.theirWork(topic); n > 0 {
			b.t.Errorf("there is work in %s", topic)
		}
	}
	late := now.Add(books.ComesBack)
	for _, kind := range sqlstore.RecordKinds {
		left, err := b.ErasedRecords(b.ctx, kind, now.Add(-day), 1000)
		b.ok(err)
		b.wantRecords("left too early", left)
		left, err = b.ErasedRecords(b.ctx, kind, late.Add(-books.ComesBack), 1000)
		b.ok(err)
		b.ok(b.RemoveRecords(b.ctx, left, late))
	}
	b.comesLate(true)
	if next := b.next("other", "SMother"); next.Body != other.Body {
		b.t.Errorf("others: %+v", next)
	}
	if next := b.nextOut("code", "code"); next.Body != code.Body {
		b.t.Errorf("private texts: %+v", next)
	}
}

// theirWork is in how many lanes there is work, but for those of others.
func (b *book) theirWork(topic string) int {
	b.t.Helper()
	lanes, err := b.Work(topic).Lanes(b.ctx, "", 100)
	b.ok(err)
	return len(slices.DeleteFunc(lanes, func(lane string) bool { return lane == "other" || lane == "code" }))
}

// comesLate tells of everything again, which is fresh or not.
func (b *book) comesLate(fresh bool) {
	b.t.Helper()
	sids := []string{"RE0", "RE1", "RE4", "REvoicemail1", "REmissed1"}
	for _, sid := range sids {
		if got := b.record(text(sid, "again")); got[0] != fresh {
			b.t.Errorf("%s is fresh: %v", sid, got)
		}
	}
	known, err := b.TextsListed(b.ctx, sids)
	b.ok(err)
	if len(known) != len(sids) {
		b.t.Errorf("listed, and known: %v", known)
	}
	if fresh {
		return
	}
	if b.voicemail("REvoicemail1", "CA1", "again") {
		b.t.Error("a voicemail is fresh")
	}
	for _, sid := range []string{"REvoicemail1", "REearly"} {
		b.ok(b.RecordTranscript(b.ctx, sqlstore.VoicemailRow{RecordingSID: sid, Lane: "again", Supporter: kim, RecordedAt: start, Transcript: "Hello", TranscriptState: sqlstore.TranscriptReady}))
	}
	c := callIn("CAdone", "again", start)
	b.ok(b.CallBegan(b.ctx, c))
	b.ok(b.CallTalked(b.ctx, c))
	b.ok(b.CallRecorded(b.ctx, c))
	b.ok(b.CallNotRecorded(b.ctx, c))
	b.ok(b.CallEnded(b.ctx, c))
	for _, key := range []string{"queued", "sent", "failed"} {
		t := outText(key, "again")
		got, err := b.QueueText(b.ctx, &t)
		b.ok(err)
		if got.Body != "" || got.State == sqlstore.Queued {
			b.t.Errorf("%s is sent again: %+v", key, got)
		}
	}
	if ours, err := b.Advance(b.ctx, "Asent", "SMsent", sqlstore.Delivered, 0, start); ours || err != nil {
		b.t.Errorf("a late status is of ours: %v", err)
	}
	if back := b.queueBack(backTo("B"+sqlstore.BackTalked, "again", "x", "+16175550199", start)); back.Result != sqlstore.BackTalked {
		b.t.Errorf("they are called again: %+v", back)
	}
	b.wantRecords("after late words", b.theirs(start.Add(day)))
}

// What the carrier lists, and nobody has told us of, is not taken for new when it is being deleted there; what is somebody's is left.
func burying(b *book) {
	now := start.Add(time.Hour)
	bury := func(kind, sid string, at time.Time, want bool) {
		b.t.Helper()
		got, err := b.Bury(b.ctx, kind, sid, our, at, now)
		b.ok(err)
		if got != want {
			b.t.Errorf("burying %s: %v", sid, got)
		}
	}
	b.record(text("SM1", "a"))
	b.ok(b.CallBegan(b.ctx, callIn("CA1", "a", start)))
	bury(sqlstore.ItemTextIn, "SM1", start, false)
	bury(sqlstore.ItemCall, "CA1", start, false)
	for range 2 {
		bury(sqlstore.ItemTextIn, "SM2", start, true)
		bury(sqlstore.ItemCall, "CA2", start, true)
	}
	bury(sqlstore.ItemTextIn, "SM3", now.Add(-books.ComesBack), true) // nobody tells of that any more
	if fresh := b.record(text("SM2", "a"), text("SM3", "a")); !slices.Equal(fresh, []bool{false, true}) {
		b.t.Errorf("fresh: %v", fresh)
	}
	known, err := b.CallsListed(b.ctx, []string{"CA1", "CA2", "CA3"})
	b.ok(err)
	if len(known) != 2 {
		b.t.Errorf("known: %v", known)
	}
}

// A key from outside that has somebody's number in it goes at once; files go with the text whose key theirs begins with.
func erasingKeys(b *book) {
	for _, key := range []string{"reminder:6175550142", "reminder:1"} {
		b.queue(key, "a")
		b.ok(b.PutFile(b.ctx, sqlstore.FileOutRow{Key: key + ":1", ID: "id " + key, Name: "a", Data: []byte("x"), ExpiresAt: start.Add(day)}))
	}
	b.queue("other", "b")
	b.ok(b.PutFile(b.ctx, sqlstore.FileOutRow{Key: "reminder:11", ID: "id", Name: "a", Data: []byte("x"), ExpiresAt: start.Add(day)}))
	b.ok(b.RemoveRecords(b.ctx, b.theirs(start), start))
	for key, there := range map[string]bool{"reminder:6175550142": false, "reminder:1": true} {
		if _, _, found, err := b.FindTextOut(b.ctx, key); found != there || err != nil {
			b.t.Errorf("%s is there: %v, %v", key, found, err)
		}
		if f, err := b.FileByID(b.ctx, "id "+key, start); f != nil || err != nil {
			b.t.Errorf("its file: %v, %v", f, err)
		}
	}
	if f, err := b.FileByID(b.ctx, "id", start); f == nil || err != nil {
		b.t.Errorf("another text's file: %v", err)
	}
}

// Wishes and blocks are forgotten, of all numbers, but those of later.
func forgettingWishes(b *book) {
	for i, number := range numbers {
		t := text(fmt.Sprint("SM", i), "a")
		t.Hotline, t.Wish = number, sqlstore.OptOut
		c := text(fmt.Sprint("SMC", i), "a")
		c.Hotline, c.Wish, c.ReceivedAt = number, sqlstore.NoCalls, start.Add(time.Duration(i)*time.Hour)
		b.record(t, c)
		b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: kim, Hotline: number, Reason: "x"}, start))
	}
	wishes, blocks, err := b.ForgetWishes(b.ctx, kim, start.Add(time.Minute))
	b.ok(err)
	out, err := b.OptedOut(b.ctx, our, kim)
	b.ok(err)
	refused, err := b.WantsNoCalls(b.ctx, numbers, kim)
	b.ok(err)
	left, err := b.Blocks(b.ctx, start)
	b.ok(err)
	if wishes != 3 || blocks != 2 || out || !refused || len(left) > 0 {
		b.t.Errorf("%d wishes, %d blocks; opted out %v, no calls %v, blocked %v", wishes, blocks, out, refused, left)
	}
}

// Ten thousand texts fit into one answer.
func exportingMuch(b *book) {
	const n = 10_000
	words := strings.Repeat("So much to say. ", 12)
	for i := range n / 500 {
		var some []sqlstore.TextInRow
		for j := range 500 {
			t := text(fmt.Sprintf("SM%032d", 500*i+j), "a")
			t.Body = words
			some = append(some, t)
		}
		b.record(some...)
	}
	all, err := b.Export(b.ctx, kim)
	b.ok(err)
	var lists struct{ Texts []struct{ ID, Body string } }
	b.ok(json.Unmarshal(all, &lists))
	if len(lists.Texts) != n || lists.Texts[n-1].Body != words || len(all) > 5<<20 {
		b.t.Errorf("%d texts, %d bytes", len(lists.Texts), len(all))
	}
}
