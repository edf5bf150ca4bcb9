package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

const lee = "+16175550188" // texts the hotline as well

// town is a hotline that knows people well.
type town struct {
	*hotlinetest.Hotline
	t *testing.T
}

// people runs a test against a hotline at which Kim and Lee have done everything that one can do, on each engine.
func people(t *testing.T, test func(t *testing.T, w *town)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		hot := hotline.New(simulator.Hotline, simulator.MailboxID)
		hot.Calls.Transcription = hotline.TwilioTranscription
		hot.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+16175550101"}}
		w := &town{hotlinetest.Start(t, hotlinetest.Options{DB: db, Hotlines: hotline.Hotlines{hot}, Virtual: true}), t}
		w.live(kim, "raspberry")
		w.live(lee, "blueberry")
		test(t, w)
	})
}

func (w *town) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) idle() {
	w.t.Helper()
	w.Recorded()
	w.ok(w.Idle(w.t.Context()))
}

// text has somebody text the hotline, and waits until all that follows from it is done.
func (w *town) text(from, body string, media ...twiliosim.Media) string {
	w.t.Helper()
	d, err := w.Twilio.Text(w.t.Context(), twiliosim.Text{From: from, To: simulator.Hotline, Body: body, Media: media})
	w.ok(err)
	w.idle()
	return d.MessageSid
}

// reply has an agent answer, and waits until they have it.
func (w *town) reply(r helpscoutsim.Reply, to string) {
	w.t.Helper()
	before := len(w.Twilio.Inbox(to))
	c := conversationOf(w.Vendors, to)
	_, err := w.HelpScout.AgentReply(c.ID, r)
	w.ok(err)
	w.ok(w.Twilio.Wait(w.t.Context(), func(s *twiliosim.Sim) bool { return len(s.Inbox(to)) > before }))
	w.idle()
}

func address(number string) string {
	return strings.TrimPrefix(number, "+1") + "@" + simulator.Domain
}

// live lets somebody do everything that one can do. word is in all that they say.
func (w *town) live(who, word string) {
	w.t.Helper()
	picture := twiliosim.Media{ContentType: "image/png", Data: []byte("\x89PNG\r\n\x1a\n" + word)}
	w.text(who, "Hello, I am the "+word)
	w.text(who, "Look, "+word, picture)
	w.text(who, "STOP")
	w.text(who, "START")
	w.reply(helpscoutsim.Reply{Text: "<p>Thank you, " + word + "</p>", Attachments: []helpscoutsim.Attachment{
		{FileName: word + ".png", MimeType: "image/png", Data: picture.Data}, {FileName: word + ".pdf", MimeType: "application/pdf", Data: []byte("%PDF " + word)},
	}}, who)
	for _, acts := range [][]twiliosim.Act{
		{{On: "beep", After: after(time.Second), Say: "Please call the " + word, For: after(12 * time.Second)}, {After: after(time.Second), HangUp: true}},
		{{After: after(5 * time.Second), HangUp: true}}, // missed
	} {
		_, err := w.Twilio.Call(w.t.Context(), twiliosim.Call{From: who, To: simulator.Hotline, Acts: acts})
		w.ok(err)
		w.idle()
	}
	w.Twilio.SetHandset(dana, confirms)
	w.Twilio.SetHandset(who, talks)
	b := &backs{Hotline: w.Hotline, t: w.t, conversation: conversationOf(w.Vendors, who).ID}
	r := b.request("call-" + who[8:])
	r.Supporter = who
	b.start(r)
	b.watch(r.Key)
	w.idle()

	w.HelpScout.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: 400, Path: "POST /v2/conversations/"})
	w.text(who, "What nobody takes, "+word) // dead
	w.HelpScout.Faults().Set(fault.Switches{})
	_, err := w.Telephony.BlockNumber(w.t.Context(), &telephonyv1.BlockNumberRequest{Block: &telephonyv1.Block{
		Number: who, Reason: "too much " + word, BlockedBy: "dana", Until: timestamppb.New(w.Now().Add(time.Hour)),
	}})
	w.ok(err)
	w.text(who, "What nobody reads, "+word)
}

// erase erases somebody, however often that must be asked for, and returns what was deleted.
func (w *town) erase(number string) map[string]int64 {
	w.t.Helper()
	all := map[string]int64{}
	for _, ledger := range []operatorv1.OperatorServiceClient{w.Operator.Telephony, w.Operator.Ticketing} {
		for done := false; !done; {
			res, err := ledger.ErasePerson(w.t.Context(), &operatorv1.ErasePersonRequest{Number: number})
			w.ok(err)
			done = res.GetDone()
			for what, n := range res.GetDeleted() {
				all[what] += n
			}
		}
	}
	return all
}

// spelled finds somebody in a row, however the number is written.
func spelled(number string) *regexp.Regexp {
	d := strings.TrimPrefix(number, "+1")
	return regexp.MustCompile(d + `|` + d[:3] + `\D{1,3}` + d[3:6] + `\D` + d[6:])
}

// left is where somebody, or their word, is still found: in our tables, and at the vendors.
func (w *town) left(number, word string) (places []string) {
	w.t.Helper()
	spelled := spelled(number)
	for table, rows := range w.Rows(w.t) {
		for _, row := range rows {
			if spelled.MatchString(row) || strings.Contains(row, word) && !strings.HasPrefix(table, "dialer.") {
				places = append(places, table+": "+row)
			}
		}
	}
	for _, trace := range w.Twilio.Traces(number) {
		places = append(places, fmt.Sprintf("Twilio: %+v", trace))
	}
	for _, person := range []string{number, address(number)} {
		for _, trace := range w.HelpScout.Traces(person) {
			places = append(places, fmt.Sprintf("Help Scout: %+v", trace))
		}
	}
	slices.Sort(places)
	return places
}

// wantGone fails if there is anything left of Kim.
func (w *town) wantGone(what string) {
	w.t.Helper()
	if places := w.left(kim, "raspberry"); len(places) > 0 {
		w.t.Errorf("%s, Kim is still in\n%s", what, strings.Join(places, "\n"))
	}
}

// Who is erased is in no table and at no vendor any more, in no spelling, and nobody else has lost a thing. Nothing brings them back, but they
// themselves: then they are somebody new.
func TestErasePerson(t *testing.T) {
	people(t, func(t *testing.T, w *town) {
		if places := w.left(kim, "raspberry"); len(places) < 50 {
			t.Fatalf("at first Kim is in %d places only: %s", len(places), strings.Join(places, "\n"))
		}
		before, texts := w.others(lee), w.Twilio.MessagesOf(kim)
		recording := w.Twilio.Recordings()[0]
		deleted := w.erase(kim)
		want := map[string]int64{
			"texts and voicemails": 8, "texts sent": 2, "calls": 2, "calls back": 1, "wishes": 1, "blocks": 1,
			"messages at Twilio": 8, "calls at Twilio": 3, "recordings at Twilio": 1, "conversations": 1, "contacts": 1, "records": deleted["records"],
		}
		if !maps.Equal(deleted, want) || deleted["records"] < 15 {
			t.Errorf("deleted %v, want %v", deleted, want)
		}
		w.wantGone("erased")
		if got := w.others(lee); got != before {
			t.Errorf("of Lee there was\n%s\nand is\n%s", before, got)
		}
		if again := w.erase(kim); len(again) > 0 {
			t.Errorf("erased again: %v", again)
		}

		// Late words of all kinds.
		for _, m := range texts {
			if m.Direction == twiliosim.Inbound {
				if status := hotlinetest.Webhook(t, w.URL, map[string]string{"MessageSid": m.Sid, "From": kim, "To": simulator.Hotline, "Body": m.Body}); status != 200 {
					t.Errorf("a late text: %d", status)
				}
			}
		}
		of := map[string]string{"From": kim, "To": simulator.Hotline, "CallSid": recording.CallSid, "RecordingSid": recording.Sid, "RecordingUrl": "https://api.twilio.com/" + recording.Sid}
		for path, more := range map[string]map[string]string{
			"/bling/twilio_recording?" + url.Values{"from": {kim}, "to": {simulator.Hotline}}.Encode(): {"RecordingStatus": "completed", "RecordingDuration": "12"},
			"/bling/twilio_transcription": {"TranscriptionText": "raspberry", "TranscriptionStatus": "completed"},
			"/bling/twilio_call":          {"CallStatus": "completed", "CallDuration": "30"},
		} {
			maps.Copy(more, of)
			if status := hotlinetest.Callback(t, w.URL+path, more); status != 200 && status != 204 {
				t.Errorf("%s: %d", path, status)
			}
		}
		sent := w.HelpScout.Delivered()
		for _, d := range w.HelpScout.Deliveries() {
			w.ok(w.HelpScout.Redeliver(d.Index))
		}
		w.ok(w.HelpScout.Wait(t.Context(), func(s *helpscoutsim.Sim) bool { return s.Delivered() >= 2*sent }))
		w.idle()
		w.erase(kim) // the wake-ups, which would be there for a minute
		w.wantGone("after late words")
		if got := w.others(lee); got != before {
			t.Errorf("of Lee there was\n%s\nand is\n%s", before, got)
		}

		received := len(w.Twilio.Inbox(kim))
		w.text(kim, "Hello?")
		if got := w.Twilio.Inbox(kim); len(got) != received+1 || got[received].Body != hotline.DefaultWelcome {
			t.Errorf("who is new gets %v", got[received:])
		}
		if c := conversationOf(w.Vendors, kim); len(c.Threads) != 1 {
			t.Errorf("their ticket: %+v", c)
		}
	})
}

// The export has all that somebody has said, and all that there is of them, and nothing of anybody else.
func TestExportPerson(t *testing.T) {
	people(t, func(t *testing.T, w *town) {
		all := ""
		count := map[string]int{}
		for _, ledger := range []operatorv1.OperatorServiceClient{w.Operator.Telephony, w.Operator.Ticketing} {
			res, err := ledger.ExportPerson(t.Context(), &operatorv1.ExportPersonRequest{Number: "(617) 555-0142"})
			w.ok(err)
			var lists map[string]any
			w.ok(json.Unmarshal(res.GetJson(), &lists))
			for name, list := range lists {
				if list, ok := list.([]any); ok {
					count[name] += len(list)
				}
			}
			all += string(res.GetJson())
		}
		want := map[string]int{
			"texts": 8, "files": 2, "texts_sent": 2, "messages_sent": 2, "attempts_to_send": 2, "files_sent": 2, "calls": 2, "voicemails": 1, "calls_back": 1,
			"wishes": 1, "blocks": 1, "contacts": 1, "entries": count["entries"], "replies": 1, "events": 1,
		}
		if !maps.Equal(count, want) || count["entries"] < 14 {
			t.Errorf("%v, want %v", count, want)
		}
		for _, words := range []string{
			"Hello, I am the raspberry", "Look, raspberry", "STOP", "START", "Thank you, raspberry", "raspberry.png", "raspberry.pdf", "Please call the raspberry",
			"What nobody takes, raspberry", "What nobody reads, raspberry", "too much raspberry", hotline.DefaultWelcome, "image/png", "call-0142", "talked", "missed", "617-555-0142",
			"NOT IN IT",
		} {
			if strings.Contains(all, words) == (words == "NOT IN IT") {
				t.Errorf("%s: not as it should be", words)
			}
		}
		for _, m := range w.Twilio.MessagesOf(kim) {
			if !strings.Contains(all, m.Sid) && !strings.Contains(m.Body, "successfully") { // which Twilio says itself
				t.Errorf("message %s %q is not in it", m.Sid, m.Body)
			}
		}
		for _, others := range []string{"blueberry", "6175550188", "617-555-0188", "6175550101", "Dana"} {
			if at := strings.Index(all, others); at >= 0 && others != "Dana" {
				t.Errorf("%s is in it: %s", others, all[max(0, at-100):min(len(all), at+100)])
			}
		}
	})
}

// others is all that there is of somebody, by which they are known: their number, their word, and what has these in it.
func (w *town) others(number string) string {
	w.t.Helper()
	var all []string
	spelled := spelled(number)
	for table, rows := range w.Rows(w.t) {
		for _, row := range rows {
			if !strings.Contains(table, "river") && spelled.MatchString(row) {
				all = append(all, table+": "+row)
			}
		}
	}
	for _, trace := range w.Twilio.Traces(number) {
		all = append(all, fmt.Sprintf("Twilio: %+v", trace))
	}
	for _, c := range w.HelpScout.ConversationsOf(address(number)) {
		b, err := json.Marshal(c)
		w.ok(err)
		all = append(all, "Help Scout: "+string(b))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
