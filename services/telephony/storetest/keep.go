package storetest

import (
	"slices"
	"time"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// Only what has ended grows too old, and only that of this number: what waits, or is dead or unrouted, is kept.
func oldRecords(b *book) {
	states := b.oneOfEach()
	elsewhere := text("SMelsewhere", "elsewhere")
	elsewhere.Hotline = "+15017122662"
	b.record(elsewhere)
	b.ok(b.TextEnded(b.ctx, b.next("elsewhere", "SMelsewhere"), sqlstore.Refused, "", start))
	before := start.Add(books.ComesBack)
	old := func() (all []sqlstore.Record) {
		b.t.Helper()
		for _, kind := range sqlstore.RecordKinds {
			all = append(all, b.paged(func(after sqlstore.Record) ([]sqlstore.Record, error) {
				return b.OldRecords(b.ctx, kind, our, before, after, 2)
			})...)
		}
		return all
	}
	ended := []string{
		"text_in RE1", "text_in RE2", "text_in REvoicemail1", "text_in REvoicemail2", "text_in REmissed1", "text_in REmissed2",
		"text_out accepted", "text_out sent", "text_out delivered", "call CAdone",
	}
	b.wantRecords("old", old(), ended...)
	// The ticket must be told of these first.
	for _, key := range []string{"failed", "unknown", "kept back"} {
		t, _ := b.find(key)
		b.ok(b.Told(b.ctx, key, t.State))
		ended = append(ended, "text_out "+key)
	}
	b.ok(b.CallBackTold(b.ctx, "B"+sqlstore.BackTalked, start))
	ended = append(ended, "call_back B"+sqlstore.BackTalked)
	b.wantRecords("old, and told", old(), ended...)
	for _, kind := range sqlstore.RecordKinds {
		if all, err := b.OldRecords(b.ctx, kind, our, start, sqlstore.Record{}, 100); len(all) > 0 || err != nil {
			b.t.Errorf("before their time: %v, %v", all, err)
		}
	}

	b.ok(b.RemoveRecords(b.ctx, old(), before.Add(day)))
	b.wantRecords("removed", old())
	gone := map[string]string{"voicemail REvoicemail1": "", "voicemail REvoicemail2": "", "missed_call REmissed1": "", "missed_call REmissed2": ""}
	for _, name := range ended {
		gone[name] = ""
	}
	for name := range states {
		if _, ok := gone[name]; ok {
			delete(states, name)
		}
	}
	var want []string
	for name := range states {
		want = append(want, name)
	}
	slices.Sort(want)
	got := b.list(sqlstore.ItemFilter{Limit: 1000, Hotlines: numbers[:1], Kinds: []string{
		sqlstore.ItemTextIn, sqlstore.ItemTextOut, sqlstore.ItemCall, sqlstore.ItemVoicemail, sqlstore.ItemMissed, sqlstore.ItemCallBack, sqlstore.ItemMedia,
	}})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Errorf("left are\n%q, want\n%q", got, want)
	}
}

// A voicemail is kept until its words are told, a text until its files are in the ticket.
func oldWordsWait(b *book) {
	before := start.Add(day)
	b.voicemail("RE1", "CA1", "a")
	b.inTicket("a", 7)
	b.record(withMedia(text("SM1", "b"), 1))
	b.inTicket("b", 8)
	want := func(words, files, records string) {
		b.t.Helper()
		for what, list := range map[string]func() ([]sqlstore.Record, error){
			words: func() ([]sqlstore.Record, error) {
				return b.OldWords(b.ctx, sqlstore.ItemTextIn, our, before, sqlstore.Record{}, 10)
			},
			files: func() ([]sqlstore.Record, error) {
				return b.OldFiles(b.ctx, sqlstore.ItemTextIn, our, before, sqlstore.Record{}, 10)
			},
			records: func() ([]sqlstore.Record, error) {
				return b.OldRecords(b.ctx, sqlstore.ItemTextIn, our, before, sqlstore.Record{}, 10)
			},
		} {
			all, err := list()
			b.ok(err)
			got := what[:2]
			for _, r := range all {
				got += r.ID
			}
			if got != what {
				b.t.Errorf("%s, want %s", got, what)
			}
		}
	}
	want("W:SM1", "F:", "R:")
	m, err := b.NextMedia(b.ctx, "b")
	b.ok(err)
	b.ok(b.MediaEnded(b.ctx, m, sqlstore.Dead, "", start))
	want("W:SM1", "F:", "R:")
	_, err = b.RetryMedia(b.ctx, nil, sqlstore.StepRow{At: start})
	b.ok(err)
	m, err = b.NextMedia(b.ctx, "b")
	b.ok(err)
	b.ok(b.MediaEnded(b.ctx, m, sqlstore.Refused, "", start))
	want("W:SM1", "F:SM1", "R:SM1")
	m, err = b.NextMedia(b.ctx, "a")
	b.ok(err)
	b.ok(b.MediaEnded(b.ctx, m, sqlstore.Done, "", start))
	want("W:SM1", "F:SM1", "R:SM1")
	b.ok(b.TranscriptTold(b.ctx, "RE1"))
	want("W:RE1SM1", "F:SM1", "R:RE1SM1")

	all, err := b.OldWords(b.ctx, sqlstore.ItemTextIn, our, before, sqlstore.Record{}, 10)
	b.ok(err)
	b.ok(b.ForgetWords(b.ctx, all))
	want("W:", "F:SM1", "R:RE1SM1")
	files, err := b.OldFiles(b.ctx, sqlstore.ItemTextIn, our, before, sqlstore.Record{}, 10)
	b.ok(err)
	b.ok(b.FilesDeleted(b.ctx, files))
	want("W:", "F:", "R:RE1SM1")
	b.ok(b.ForgetWords(b.ctx, nil))
}

// The words of a text that was sent go when the ticket knows what became of it. One that never left has no files either then, so it is not
// sent again without its words.
func oldWordsOut(b *book) {
	before := start.Add(day)
	words := func(want ...string) []sqlstore.Record {
		b.t.Helper()
		all := b.paged(func(after sqlstore.Record) ([]sqlstore.Record, error) {
			return b.OldWords(b.ctx, sqlstore.ItemTextOut, our, before, after, 1)
		})
		b.wantRecords("words", all, want...)
		return all
	}
	for _, key := range []string{"K1", "K2", "K3"} {
		b.longText(key, key, 2)
	}
	words()
	b.pass("K1", sqlstore.Delivered, 0)
	words()
	b.pass("K1#2", sqlstore.Delivered, 0)
	b.pass("K2", sqlstore.Accepted, 0)
	b.begin("K3", "A")
	b.ok(b.AttemptRefused(b.ctx, "K3", "A", 30003, start))
	words()
	for _, key := range []string{"K1", "K3"} {
		t, _, _, err := b.FindTextOut(b.ctx, key)
		b.ok(err)
		b.ok(b.Told(b.ctx, key, t.State))
	}
	all := words("text_out K1", "text_out K3")
	if !slices.Equal(messageIDs(all[0]), []string{"SMK1", "SMK1#2"}) || len(all[1].Messages) > 0 {
		b.t.Errorf("%+v", all)
	}
	b.ok(b.ForgetWords(b.ctx, all))
	words()
	t, messages, _, err := b.FindTextOut(b.ctx, "K1")
	b.ok(err)
	if t.Body != "" || messages[0].Body != "" || messages[1].Body != "" || len(messages[0].Media) != 1 {
		b.t.Errorf("%+v, %+v", t, messages)
	}
	if again, err := b.RetryTextOut(b.ctx, "K3", time.Second, sqlstore.StepRow{At: start}); again || err != nil {
		b.t.Errorf("it is sent again without words: %v", err)
	}
	files, err := b.OldFiles(b.ctx, sqlstore.MessageOut, our, before, sqlstore.Record{}, 10)
	b.ok(err)
	b.wantRecords("files", files, "message_out K1", "message_out K1#2", "message_out K2")
}

// Blocks that have ended are forgotten, and legs of calls that nobody knows.
func forgettingRest(b *book) {
	for number, until := range map[string]time.Time{"1": {}, "2": start, "3": start.Add(time.Hour)} {
		b.ok(b.PutBlock(b.ctx, sqlstore.BlockRow{Number: phone.Number("+1617555019" + number), Hotline: our, Reason: number, Until: until}, start))
	}
	b.ok(b.ForgetRest(b.ctx, our, start.Add(time.Minute)))
	left, err := b.Blocks(b.ctx, start.Add(-time.Hour))
	b.ok(err)
	reasons := ""
	for _, block := range left {
		reasons += block.Reason
	}
	if reasons != "13" {
		b.t.Errorf("left are %q", reasons)
	}
	b.ok(b.CallBegan(b.ctx, callIn("CA1", "a", start)))
	for _, call := range []string{"CA1", "CA2"} {
		l := leg("CA0"+call, call, "+16175550101", start)
		b.ok(b.LegAnswered(b.ctx, l))
		b.ok(b.LegEnded(b.ctx, l))
	}
	b.ok(b.ForgetStray(b.ctx, start))
	b.ok(b.ForgetStray(b.ctx, start.Add(time.Minute)))
	for call, want := range map[string]int{"CA1": 1, "CA2": 0} {
		f, err := b.CallFacts(b.ctx, call, kim, our, start)
		b.ok(err)
		if len(f.Legs) != want {
			b.t.Errorf("%s has %d legs", call, len(f.Legs))
		}
	}
}
