package switchboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

const (
	textIn = operatorv1.Kind_KIND_TEXT_IN
	note   = operatorv1.Kind_KIND_NOTE
)

// text is an item of Kim's.
func text(id string, when time.Duration, state operatorv1.State) *operatorv1.Item {
	return &operatorv1.Item{Id: id, Kind: textIn, Hotline: ourNumber, Supporter: kim, State: state, Word: "word of " + id, At: at(when)}
}

// What is in both ledgers is one item; pages follow each other without a gap, and filters hold.
func TestItems(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		for i := range 160 {
			item := text(fmt.Sprintf("SM%03d", i), time.Duration(i)*time.Second, operatorv1.State_STATE_DONE)
			b.telephony.put(item)
			if i%2 == 0 {
				b.ticketing.put(&operatorv1.Item{Id: item.GetId(), Kind: textIn, State: operatorv1.State_STATE_DONE, At: at(time.Duration(i)*time.Second + 300*time.Millisecond), ConversationId: 42})
			}
		}
		b.ticketing.put(&operatorv1.Item{Id: "N1", Kind: note, State: operatorv1.State_STATE_DEAD, Reason: "the mailbox is gone", At: at(-time.Hour), ConversationId: 43})
		in := b.viewer()
		p := in.get("/switchboard/items").want(http.StatusOK, "+1 617 ••• ••42", "Help line, 501-712-2661")
		seen := map[string]int{}
		count := func(p page) {
			for i := range 160 {
				seen[fmt.Sprintf("SM%03d", i)] += strings.Count(p.body, fmt.Sprintf(">SM%03d<", i))
			}
			seen["N1"] += strings.Count(p.body, ">N1<")
		}
		count(p)
		if n := strings.Count(p.body, `class="id"`); n != 50 {
			t.Errorf("the first page has %d items", n)
		}
		for range 3 {
			p = in.get(p.link("Older")).want(http.StatusOK)
			count(p)
		}
		p.lacks("Older")
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s is listed %d times", id, n)
			}
		}
		in.get("/switchboard/items?state=dead").want(http.StatusOK, "N1", "the mailbox is gone").lacks("SM000")
		in.get("/switchboard/items?kind=note").want(http.StatusOK, "N1").lacks("SM000")
		in.get("/switchboard/items?hotline=%2B15017122662").want(http.StatusOK, "There is nothing")
		in.post("/switchboard/items", "conversation", "#43").want(http.StatusOK, "N1").lacks("SM000")
		in.post("/switchboard/items", "conversation", "x").want(http.StatusUnprocessableEntity, "A conversation is a number")
		for _, query := range []string{kim, "(617) 555-0142", "6175550142", "0142", "555-0142", " SM159 "} {
			p := in.post("/switchboard/items", "query", query).want(http.StatusOK, "SM159").lacks("N1")
			if strings.Contains(p.url.String(), "0142") {
				t.Errorf("the address has the number: %s", p.url)
			}
			// Another filter, and what was searched for stays.
			in.post("/switchboard/items", "q", p.field("q"), "state", "dead").want(http.StatusOK, "There is nothing")
			other := b.operatorOnce()
			other.get(p.url.RequestURI()).want(http.StatusUnprocessableEntity, "not known any more")
		}
		in.post("/switchboard/items", "query", "+16175550143").want(http.StatusOK, "There is nothing")
	})
}

// operatorOnce is somebody else, who is signed in.
func (b *board) operatorOnce() *browser {
	b.t.Helper()
	if b.other == nil {
		b.other = b.signedIn("other", operator)
	}
	return b.other
}

// The worse state counts, and one timeline has what all services say.
func TestTimeline(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		const trace = "0123456789abcdef0123456789abcdef"
		item := text("SM1", 0, operatorv1.State_STATE_WAITING)
		item.TraceId = trace
		b.telephony.put(item, &operatorv1.GetItemResponse{
			Content: "21 characters", Related: []*operatorv1.Item{text("welcome:SM1", time.Second, operatorv1.State_STATE_DONE)},
			Steps: []*operatorv1.Step{{At: at(0), What: "accepted"}, {At: at(3 * time.Second), Until: at(9 * time.Second), Times: 4, What: "ticketing did not take it", Trouble: true, TraceId: "not a trace"}, {At: at(4 * time.Second), What: "looked", TraceId: strings.Repeat("ab", 16)}},
		})
		b.ticketing.put(&operatorv1.Item{Id: "SM1", Kind: textIn, State: operatorv1.State_STATE_DEAD, Reason: "Help Scout refused it", At: at(time.Second), ConversationId: 42, Attempts: 15}, &operatorv1.GetItemResponse{
			Steps: []*operatorv1.Step{{At: at(2 * time.Second), What: "posting", Detail: "400"}},
		})
		p := b.viewer().get("/switchboard/item?ref=SM1").want(http.StatusOK, "Text in dead", "Help Scout refused it", "15 times", "21 characters", "welcome:SM1", "telephony: word of SM1")
		order := []int{strings.Index(p.body, "Accepted<"), strings.Index(p.body, "Posting<"), strings.Index(p.body, "Ticketing did not")}
		if order[0] < 0 || order[0] > order[1] || order[1] > order[2] {
			t.Errorf("the steps are at %v: %s", order, p.words())
		}
		if !strings.Contains(p.body, `href="https://traces.example.org/`+trace+`"`) || !strings.Contains(p.body, `href="https://traces.example.org/`+strings.Repeat("ab", 16)+`"`) || strings.Contains(p.body, "not a trace") {
			t.Errorf("the traces are not linked: %s", p.body)
		}
		if !strings.Contains(p.body, `href="https://secure.helpscout.net/conversation/42"`) {
			t.Error("the conversation is not linked")
		}
		p.lacks("Retry", "Reveal the number", "Block")
		b.operator().get("/switchboard/item?ref=SM1").want(http.StatusOK, "Retry", "Reveal the number", "Block this number")
		b.operatorOnce().get("/switchboard/item?ref=nothing").want(http.StatusNotFound, "There is no such item")
		b.operatorOnce().get("/switchboard/item").want(http.StatusNotFound)
	})
}

func TestRetry(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		for i := range 3 {
			b.telephony.put(text(fmt.Sprint("SM", i), time.Duration(i), operatorv1.State_STATE_DEAD))
		}
		b.ticketing.put(&operatorv1.Item{Id: "N1", Kind: note, State: operatorv1.State_STATE_DEAD, At: at(0)})
		b.telephony.put(&operatorv1.Item{Id: "SM9", Kind: textIn, Hotline: "+15017122662", State: operatorv1.State_STATE_UNROUTED, At: at(0)})
		in := b.operator()
		in.get("/switchboard/dead").want(http.StatusOK, "Retry all of: text in (3)", "Retry all of: note (1)", "SM9", "501-712-2662 is no hotline’s")
		in.post("/switchboard/item/retry", "ref", "SM0").want(http.StatusOK, "It is taken up again.", "waiting")
		in.post("/switchboard/item/retry", "ref", "SM0").want(http.StatusOK, "Nothing was taken up again")
		b.telephony.wantDid(t, "retry [SM0] [] false", "retry [SM0] [] false")
		in.post("/switchboard/dead/retry", "ref", "SM1", "ref", "N1").want(http.StatusOK, "2 taken up again.").lacks("SM1", "N1")
		b.ticketing.wantDid(t, "retry [SM0] [] false", "retry [SM0] [] false", "retry [SM1 N1] [] false")
		in.post("/switchboard/dead/retry", "all", "text_in").want(http.StatusOK, "1 taken up again.", "There are none.")
		in.post("/switchboard/dead/retry").want(http.StatusUnprocessableEntity, "Nothing was selected")
		in.post("/switchboard/dead/retry", "all", "nonsense").want(http.StatusUnprocessableEntity)
		in.post("/switchboard/dead/reroute").want(http.StatusOK, "1 taken up again.", "There is nothing.")
		b.telephony.wantDid(t, "retry [SM1 N1] [] false", "retry [] [KIND_TEXT_IN] false", "retry [] [] true")
		for _, e := range []string{
			"anna retried SM0: 1 taken up", "anna retried SM0: 0 taken up", "anna retried SM1 N1: 2 taken up", "anna retried all of: text in: 1 taken up",
			"anna took up what came for numbers that were no hotline's : 1 taken up",
		} {
			b.wantEntry(e)
		}
		b.ticketing.err = errs.New(errs.Unavailable, "Help Scout does not answer")
		in.post("/switchboard/item/retry", "ref", "SM0").want(http.StatusServiceUnavailable, "Ticketing: Help Scout does not answer.")
		b.wantEntry("anna retried SM0: failed: ticketing: Help Scout does not answer; 0 taken up")
	})
}

func TestReveal(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.telephony.put(text("SM1", 0, operatorv1.State_STATE_DONE), &operatorv1.GetItemResponse{Related: []*operatorv1.Item{
			{Id: "SM2", Kind: textIn, Supporter: "+16175550177", State: operatorv1.State_STATE_DONE, At: at(0)},
		}})
		in := b.operator()
		in.get("/switchboard/item?ref=SM1").want(http.StatusOK, "+1 617 ••• ••42").lacks("555-0142")
		p := in.post("/switchboard/item/reveal", "ref", "SM1").want(http.StatusOK, "617-555-0142").lacks("555-0177")
		if strings.Contains(p.url.String(), "0142") {
			t.Errorf("the address has the number: %s", p.url)
		}
		b.wantEntry("anna revealed a number SM1: done")
		in.get("/switchboard/item?ref=SM1").lacks("555-0142")
		person := in.get(in.get("/switchboard/item?ref=SM1").link("person")).want(http.StatusOK, "+1 617 ••• ••42", "SM1").lacks("555-0142")
		in.post("/switchboard/person/reveal", "p", person.field("p")).want(http.StatusOK, "617-555-0142")
		b.wantEntry("anna revealed a number +1 617 ••• ••42: done")
	})
}

func TestPeople(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.telephony.blocks = []*telephonyv1.Block{{Number: kim, Reason: "prank calls", BlockedBy: "ben", Until: at(time.Hour)}, {Number: kim, Hotline: ourNumber, Reason: "again"}, {Number: "+16175550143", Reason: "another"}}
		b.telephony.wishes = []*telephonyv1.Wish{{Hotline: ourNumber, Supporter: kim, NoTexts: true, Since: at(0), Source: "SM1"}}
		in := b.operator()
		p := in.get("/switchboard/people").want(http.StatusOK, "prank calls", "no texts", "+1 617 ••• ••42", "+1 617 ••• ••43")
		in.post("/switchboard/blocks/remove", "p", p.field("p")).want(http.StatusOK, "People")
		in.post("/switchboard/blocks", "number", "617 555 0144", "reason", "calls all night from 6175550144", "for", "24h", "hotline", ourNumber).want(http.StatusOK, "People")
		in.post("/switchboard/blocks", "number", kim, "reason", "spam").want(http.StatusOK, "People")
		b.telephony.wantDid(t, "unblock "+kim+" ", "block +16175550144 "+ourNumber+" calls all night from 6175550144 anna 2026-11-29 03:00:00", "block "+kim+"  spam anna for good")
		in.post("/switchboard/blocks", "number", "nobody", "reason", "spam").want(http.StatusUnprocessableEntity, "not a phone number")
		in.post("/switchboard/blocks", "number", kim).want(http.StatusUnprocessableEntity, "Say why")
		in.post("/switchboard/blocks", "number", kim, "reason", strings.Repeat("ä", 201)).want(http.StatusUnprocessableEntity, "at most 200")
		in.post("/switchboard/blocks", "p", "x", "reason", "spam").want(http.StatusNotFound)
		in.post("/switchboard/blocks/remove", "p", "x").want(http.StatusNotFound)
		b.telephony.wantDid(t)
		b.wantEntry("anna unblocked a number +1 617 ••• ••42: on all hotlines: done")
		b.wantEntry("anna blocked a number +1 617 ••• ••44: on Help line, 501-712-2661, until 2026-11-29 03:00 UTC: calls all night from +1 617 ••• ••44: done")
		b.wantEntry("anna blocked a number +1 617 ••• ••42: on all hotlines, for good: spam: done")

		in.post("/switchboard/person", "number", "0142").want(http.StatusOK) // a short code may be four digits
		in.post("/switchboard/person", "number", "x").want(http.StatusUnprocessableEntity, "not a whole phone number")
		person := in.post("/switchboard/person", "number", "(617) 555-0142").want(http.StatusOK, "prank calls", "again", "no texts").lacks("another", "0142")
		in.post("/switchboard/blocks", "p", person.field("p"), "reason", "spam", "for", "720h").want(http.StatusOK, "A person")
		b.telephony.wantDid(t, "block "+kim+"  spam anna 2026-12-28 03:00:00")

		b.telephony.blocks = b.telephony.blocks[1:2]
		in.post("/switchboard/blocks/remove", "p", in.get("/switchboard/people").field("p")).want(http.StatusOK, "People")
		b.telephony.wantDid(t, "unblock "+kim+" "+ourNumber)
		b.wantEntry("anna unblocked a number +1 617 ••• ••42: on Help line, 501-712-2661: done")
	})
}

func TestPause(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		in := b.operator()
		in.get("/switchboard/hotlines").want(http.StatusOK, "Help line open", "501-712-2661")
		in.post("/switchboard/hotlines/pause", "hotline", ourNumber).want(http.StatusUnprocessableEntity, "Say why")
		in.post("/switchboard/hotlines/pause", "hotline", ourNumber, "reason", "a wrong text goes out").want(http.StatusOK, "Hotlines")
		b.telephony.pauses = []*telephonyv1.Pause{{Hotline: ourNumber, Reason: "a wrong text goes out", PausedBy: "anna", Since: at(0)}}
		in.get("/switchboard/hotlines").want(http.StatusOK, "Help line paused", "a wrong text goes out")
		in.get("/switchboard/").want(http.StatusOK, "1 thing needs you", "Help line, 501-712-2661 is paused.")
		in.post("/switchboard/hotlines/resume", "hotline", ourNumber).want(http.StatusOK, "Hotlines")
		b.telephony.wantDid(t, "pause "+ourNumber+" a wrong text goes out anna", "resume "+ourNumber)
		b.wantEntry("anna paused a hotline Help line, 501-712-2661: a wrong text goes out: done")
		b.wantEntry("anna resumed a hotline Help line, 501-712-2661: done")
		b.telephony.err = errs.New(errs.Invalid, "%s is no hotline", kim)
		in.post("/switchboard/hotlines/resume", "hotline", "nonsense").want(http.StatusUnprocessableEntity, "+1 617 ••• ••42 is no hotline")
	})
}

func TestPerson(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.telephony.export, b.ticketing.export = `{"texts":[{"body":"hello"},{"body":"again"}],"calls":[]}`, `{"entries":[{}]}`
		in := b.operator()
		token := in.post("/switchboard/person", "number", kim).want(http.StatusOK, "A person").field("p")
		p := in.post("/switchboard/person/export", "p", token)
		var got map[string]map[string][]any
		if err := json.Unmarshal([]byte(p.body), &got); err != nil || len(got["telephony"]["texts"]) != 2 || len(got["ticketing"]["entries"]) != 1 {
			t.Errorf("exported %q: %v", p.body, err)
		}
		if d := p.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || strings.Contains(d, "0142") || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", p.header)
		}
		b.ticketing.export = `{"broken`
		in.post("/switchboard/person/export", "p", token).want(http.StatusServiceUnavailable)
		b.ticketing.export = `{}`

		b.telephony.did, b.ticketing.did = nil, nil
		in.post("/switchboard/person/erase", "p", token).want(http.StatusOK, "2 telephony texts", "last four digits").lacks("telephony calls")
		in.post("/switchboard/person/erase", "p", token, "last4", "0143").want(http.StatusUnprocessableEntity, "not the last four digits")
		b.telephony.wantDid(t, "export "+kim, "export "+kim)
		b.telephony.erase = []*operatorv1.ErasePersonResponse{{Deleted: map[string]int64{"texts": 500}}, {Done: true, Deleted: map[string]int64{"texts": 7}}}
		p = in.post("/switchboard/person/erase", "p", token, "last4", "0142").want(http.StatusOK, "500 telephony texts", "There is more")
		b.ticketing.wantDid(t, "export "+kim, "export "+kim) // not before telephony is done, which hands more on
		b.ticketing.erase = []*operatorv1.ErasePersonResponse{{Done: true, Deleted: map[string]int64{"entries": 3}}}
		in.post("/switchboard/person/erase", "p", p.field("p"), "last4", p.field("last4")).want(http.StatusOK, "They are erased", "7 telephony texts", "3 ticketing entries")
		b.telephony.wantDid(t, "erase "+kim, "erase "+kim)
		b.ticketing.wantDid(t, "erase "+kim)
		b.wantEntry("anna exported a person +1 617 ••• ••42: 197 bytes")
		b.wantEntry("anna erased a person : deleted: 500 telephony texts; there is more")
		b.wantEntry("anna erased a person : deleted: 7 telephony texts, 3 ticketing entries")
		b.ticketing.err = errs.New(errs.Precondition, "a call is under way; try again later")
		in.post("/switchboard/person/erase", "p", token, "last4", "0142").want(http.StatusUnprocessableEntity, "Ticketing: a call is under way")
		in.post("/switchboard/person/erase", "p", "x", "last4", "0142").want(http.StatusNotFound)
	})
}

// The same from a terminal.
func TestPersonRPC(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.telephony.export = `{"texts":[]}`
		for _, bad := range []string{"", "x", "+1"} {
			if _, err := b.Service.ExportPerson(t.Context(), &switchboardv1.ExportPersonRequest{Number: bad}); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
		res, err := b.Service.ExportPerson(t.Context(), &switchboardv1.ExportPersonRequest{Number: kim})
		if err != nil || !json.Valid(res.GetJson()) || !strings.Contains(string(res.GetJson()), `"texts"`) {
			t.Errorf("%s, %v", res.GetJson(), err)
		}
		b.telephony.erase = []*operatorv1.ErasePersonResponse{{Deleted: map[string]int64{"texts": 5}}}
		for _, want := range []bool{false, true} {
			res, err := b.Service.ErasePerson(t.Context(), &switchboardv1.ErasePersonRequest{Number: kim})
			if err != nil || res.GetDone() != want {
				t.Errorf("%v, %v", res, err)
			}
		}
		b.wantEntry("somebody at a terminal erased a person : deleted: 5 telephony texts; there is more")
		b.wantEntry("somebody at a terminal erased a person : deleted nothing")
		b.ticketing.err = errs.New(errs.Unavailable, "no")
		if _, err := b.Service.ExportPerson(t.Context(), &switchboardv1.ExportPersonRequest{Number: kim}); err == nil {
			t.Error("a part is taken for all")
		}
	})
}

// At a glance: what is wrong, what waits and how long that will take.
func TestOverview(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		in := b.viewer()
		in.get("/switchboard/").want(http.StatusOK, "Everything is all right")
		b.telephony.findings = []*operatorv1.Finding{{Name: "twilio credentials", Level: operatorv1.Level_LEVEL_OK, Says: "They work.", At: at(0)}}
		b.ticketing.findings = []*operatorv1.Finding{{Name: "webhook", Level: operatorv1.Level_LEVEL_FAILURE, Says: "It is switched off.", Fix: "Run bling apply.", At: at(0), Since: at(-time.Hour)}}
		b.telephony.overview = &operatorv1.GetOverviewResponse{
			Topics: []*operatorv1.Topic{{Name: "text_in", Waiting: 240, Lanes: 31, Oldest: at(-12 * time.Minute)}, {Name: "text_out", Waiting: 1000}},
			Counts: []*operatorv1.Count{{Kind: textIn, State: operatorv1.State_STATE_DEAD, Count: 3}, {Kind: textIn, State: operatorv1.State_STATE_DONE, Count: 77}},
			Calls:  []*operatorv1.Call{{Id: "CA1", Kind: operatorv1.Kind_KIND_CALL, Hotline: ourNumber, Supporter: kim, Since: at(-time.Minute), State: "ringing", People: []string{"Anna"}}},
			Lanes:  []*operatorv1.Lane{{Topic: "text_in", Hotline: ourNumber, Supporter: kim, Waiting: 3, Oldest: at(-12 * time.Minute), First: "SM1"}},
		}
		b.ticketing.overview = &operatorv1.GetOverviewResponse{
			Topics: []*operatorv1.Topic{{Name: "notes", Waiting: 60}}, Counts: []*operatorv1.Count{{Kind: textIn, State: operatorv1.State_STATE_DONE, Count: 77}},
			Budget: &operatorv1.Budget{Allowed: 200, Left: 150}, Lanes: []*operatorv1.Lane{{Topic: "notes", ConversationId: 42, Waiting: 1, Oldest: at(-time.Hour)}},
		}
		b.telephony.days = []*operatorv1.Day{{Date: "2026-11-28", Hotline: ourNumber, Kind: textIn, Received: 12, Delivered: 12}, {Date: "2026-11-27", Hotline: ourNumber, Kind: textIn, Received: 5, Delivered: 4, Missing: 1}}
		p := in.get("/switchboard/").want(http.StatusOK, "2 things need you", "3 given up.", "webhook: It is switched off. Run bling apply.", "300 pieces of work wait for it: about 3 min (an estimate)",
			"150 of 200 left", "1 call now", "text in done: 77", "12 min", "2026-11-28 · Help line, 501-712-2661 · text in: 12 received, 12 delivered, 0 missing, 0 doubled")
		if strings.Index(p.body, "2026-11-28 ·") > strings.Index(p.body, "2026-11-27 ·") {
			t.Error("yesterday comes first")
		}
		in.get("/switchboard/days").want(http.StatusOK, "2026-11-27")
		in.get("/switchboard/calls").want(http.StatusOK, "ringing", "Anna", "1 min", "+1 617 ••• ••42")
		p = in.get("/switchboard/lanes").want(http.StatusOK, "1 h 0 min", "12 min", "SM1")
		if strings.Index(p.body, "1 h 0 min") > strings.Index(p.body, "12 min") {
			t.Error("the oldest lane is not first")
		}
		p = in.get("/switchboard/findings").want(http.StatusOK, "They work.")
		if strings.Index(p.body, "switched off") > strings.Index(p.body, "They work") {
			t.Error("the worst finding is not first")
		}
		b.ticketing.overview.Budget.BlockedUntil = at(2 * time.Minute)
		in.get("/switchboard/").want(http.StatusOK, "about 5 min", "Help Scout refuses until")
	})
}
