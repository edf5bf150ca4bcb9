package mobilecommons_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

// M6: pages of a hundred until one is short; what came before or after, or to another campaign, is not there.
func TestReceived(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	begin := b.now
	b.text(kim, help, "too early")
	const texts = 250
	want := map[string]string{}
	for i := range texts { // one a second
		b.now = begin.Add(time.Duration(i+1) * time.Second)
		body := fmt.Sprint(i, " & שלום 🙂")
		want[b.text(phone.Number(fmt.Sprintf("+1617555%04d", i)), help, body)] = body
	}
	b.text(kim, other, "elsewhere")
	end := b.now
	b.now = b.now.Add(time.Second)
	b.text(kim, help, "too late")
	from := begin.Add(time.Second).In(time.FixedZone("", 3600)) // its own clock is none of theirs
	for page, n := range []int{100, 100, 50, 0} {
		got, last, err := b.client.Received(t.Context(), help, from, end, page+1)
		if err != nil || len(got) != n || last != (n < 100) {
			t.Fatalf("page %d: %d, last %v, %v", page+1, len(got), last, err)
		}
		for _, r := range got {
			if want[r.ID] != r.Body || r.Campaign != help || !strings.HasPrefix(string(r.From), "+1617555") || r.At.Before(from) || r.At.After(end) || r.MMS {
				t.Errorf("%+v", r)
			}
			delete(want, r.ID)
		}
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	q, err := url.ParseQuery(strings.TrimPrefix(b.asked()[0], "GET /api/messages?"))
	if err != nil || q.Encode() != (url.Values{"campaign_id": {help}, "start_time": {"2026-11-28 09:00:01 UTC"}, "end_time": {"2026-11-28 09:04:10 UTC"}, "limit": {"100"}, "page": {"1"}}).Encode() {
		t.Errorf("asked with %v, %v", q, err)
	}
	if all, _, err := b.client.Received(t.Context(), "", end, end, 1); err != nil || len(all) != 2 {
		t.Errorf("of all campaigns: %+v, %v", all, err)
	}
}

// M5: a page that failed is an error, never a short one, and is there when it is asked for again.
func TestReceivedFails(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, words)
	for _, switches := range []fault.Switches{
		{FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 7}, {FailNext: 1, FailNextStatus: 503}, {DropAfterNext: 2}, // a GET is tried twice
	} {
		b.sim.Faults().Set(switches)
		got, last, err := b.client.Received(t.Context(), help, b.now, b.now, 1)
		if e := failed(t, err); got != nil || last || e.Status != switches.FailNextStatus || e.RetryAfter != time.Duration(switches.FailNextRetryAfter)*time.Second {
			t.Errorf("%+v: %v, last %v, %+v", switches, got, last, e)
		}
		b.sim.Faults().Set(fault.Switches{})
		if got, last, err := b.client.Received(t.Context(), help, b.now, b.now, 1); err != nil || !last || len(got) != 1 {
			t.Errorf("again: %v, last %v, %v", got, last, err)
		}
	}
	if _, _, err := canned(t, 200, `<response success="false"><error id="27" message="a secret"/></response>`).Received(t.Context(), help, b.now, b.now, 1); failed(t, err).Code != 27 {
		t.Error(err)
	}
}

// An answer that was cut off anywhere is an error, never a short page.
func TestReceivedTruncated(t *testing.T) {
	const whole = `<?xml version="1.0"?><response success="true"><messages page="1" page_count="1"><message id="1"><phone_number>16175550142</phone_number>` +
		`<body>a secret</body><received_at>2026-11-28 09:00:00 UTC</received_at></message><message id="2"><phone_number>16175550142</phone_number></message></messages></response>`
	for i := range len(whole) {
		got, last, err := canned(t, http.StatusOK, whole[:i]).Received(t.Context(), help, time.Time{}, time.Time{}, 1)
		if failed(t, err); got != nil || last {
			t.Fatalf("cut at %d: %+v, last %v", i, got, last)
		}
	}
	if got, last, err := canned(t, http.StatusOK, whole).Received(t.Context(), help, time.Time{}, time.Time{}, 1); err != nil || !last || len(got) != 2 {
		t.Errorf("whole: %+v, last %v, %v", got, last, err)
	}
	if got, _, err := canned(t, http.StatusOK, `<response success="true"/>`).Received(t.Context(), help, time.Time{}, time.Time{}, 1); failed(t, err).Status != http.StatusOK || got != nil {
		t.Errorf("no list: %+v", got)
	}
}

// One text that cannot be read keeps back no other. What nobody can answer or know again is passed over, and counted; what has only a character or
// a time that should not be there is read without.
func TestReceivedUnreadable(t *testing.T) {
	const good = `<message id="1"><phone_number>16175550142</phone_number><body>hello</body></message>`
	text := func(body string) string {
		return `<message id="2"><phone_number>16175550143</phone_number><body>` + body + `</body><received_at>2026-11-28 09:00:00 UTC</received_at></message>`
	}
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		head, bad string
		body      string // that is read
		at        time.Time
		unread    int64
	}{
		"no id":                {bad: `<message><phone_number>16175550143</phone_number><body>a secret</body></message>`, unread: 1},
		"no number":            {bad: `<message id="2"><phone_number/><body>a secret</body></message>`, unread: 1},
		"another time":         {bad: `<message id="2"><phone_number>16175550143</phone_number><body>x</body><received_at>last week</received_at></message>`, body: "x", unread: 1},
		"a time without zone":  {bad: `<message id="2"><phone_number>16175550143</phone_number><body>x</body><received_at>2026-11-28 09:00:00</received_at></message>`, body: "x", at: at},
		"a form feed":          {bad: text("a\x0cb"), body: "ab", at: at},
		"its number":           {bad: text("a&#12;&#xC;&#0;&#xFFFE;&#99999999999;&#x99999999;b"), body: "ab", at: at},
		"numbers that are not": {bad: text("&#128578;&#x1F642;&#0010;&#x5e9;&amp;#12;"), body: "🙂🙂\nש&#12;", at: at},
		"half a character":     {bad: text("a\xf0\x9fb"), body: "a\uFFFD\uFFFDb", at: at},
		"a surrogate":          {bad: text("a\xed\xa0\xbdb"), body: "a\uFFFD\uFFFD\uFFFDb", at: at},
		"HTML's names":         {bad: text("a&nbsp;b&hellip;"), body: "a\u00A0b…", at: at},
		"right to left, emoji": {bad: text("שלום \u202Eabc مرحبا 👩‍👩‍👧‍👦"), body: "שלום \u202Eabc مرحبا 👩‍👩‍👧‍👦", at: at},
		"ISO-8859-1":           {head: `<?xml version="1.0" encoding="ISO-8859-1"?>`, bad: text("\xa1ol\xe9!"), body: "¡olé!", at: at},
		"UTF-8":                {head: `<?xml version="1.0" encoding='utf-8'?>`, bad: text("¡olé!"), body: "¡olé!", at: at},
	} {
		client := canned(t, http.StatusOK, test.head+`<response success="true"><messages>`+test.bad+good+`</messages></response>`)
		got, last, err := client.Received(t.Context(), help, at, at, 1)
		if n := client.Unread(); err != nil || !last || n != test.unread || client.Unread() != 0 {
			t.Errorf("%s: %d unread, last %v, %v", name, n, last, err)
			continue
		}
		want := []mobilecommons.Received{{ID: "2", From: "+16175550143", Body: test.body, At: test.at, Campaign: help}, {ID: "1", From: kim, Body: "hello", Campaign: help}}
		if test.body == "" {
			want = want[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, head := range []string{`<?xml version="1.0" encoding="klingon"?>`, `<?xml version="1.0" encoding="UTF-16"?>`} {
		if got, _, err := canned(t, http.StatusOK, head+`<response success="true"><messages>`+good+`</messages></response>`).Received(t.Context(), help, at, at, 1); failed(t, err).Status != http.StatusOK || got != nil {
			t.Errorf("%s: %+v", head, got)
		}
	}
}

// M4: the campaign is wherever the answer has it, or the one that was asked for. Numbers come with and without the country.
func TestReceivedForms(t *testing.T) {
	at := time.Date(2011, 4, 22, 23, 5, 36, 0, time.UTC)
	for inner, want := range map[string]mobilecommons.Received{
		`id="1" campaign_id="5"><phone_number>16175550142</phone_number><body> hi </body><received_at>2011-04-22 23:05:36 UTC</received_at>`:       {ID: "1", From: kim, Body: "hi", At: at, Campaign: "5"},
		`><id>2</id><campaign_id>5</campaign_id><phone_number>617-555-0142</phone_number><received_at>2011-04-22T19:05:36-04:00</received_at>`:     {ID: "2", From: kim, At: at, Campaign: "5"},
		`id="3"><campaign id="5" active="true"><name>x</name></campaign><phone_number>447911123456</phone_number><mms>true</mms>`:                  {ID: "3", From: "+447911123456", Campaign: "5", MMS: true},
		`id="4"><campaign><id>5</id></campaign><phone_number>6175550142</phone_number><received_at>2011-04-22 19:05:36 -0400</received_at><body/>`: {ID: "4", From: kim, At: at, Campaign: "5"},
		`id="6"><phone_number>4989123456</phone_number>`:                                             {ID: "6", From: "+4989123456", Campaign: help},
		`id="5"><campaign/><phone_number>12345</phone_number><body>&lt;a&gt; &amp; &#x1F642;</body>`: {ID: "5", From: "12345", Body: "<a> & 🙂", Campaign: help},
	} {
		got, _, err := canned(t, http.StatusOK, `<response success="true"><messages><message `+inner+`</message></messages></response>`).Received(t.Context(), help, at, at, 1)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, %v", inner, got, err)
		}
	}
	// A list that counts its pages is believed: its limit may be lower than ours.
	const short = `<response success="true"><messages page="1" page_count="2"><message id="1"><phone_number>16175550142</phone_number></message></messages></response>`
	for page, want := range map[int]bool{1: false, 2: true} {
		if _, last, err := canned(t, http.StatusOK, short).Received(t.Context(), help, at, at, page); err != nil || last != want {
			t.Errorf("page %d: last %v, %v", page, last, err)
		}
	}
	const empty = `<response success="true"><messages page="1" page_count="9"/></response>`
	if _, last, err := canned(t, http.StatusOK, empty).Received(t.Context(), help, at, at, 1); err != nil || !last {
		t.Errorf("nothing: last %v, %v", last, err)
	}
}

// Find has what was sent to one person in one campaign since then, newest first, over all pages.
func TestFind(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	for _, who := range []phone.Number{kim, "+16175550143"} {
		b.text(who, help, "hello")
		b.text(who, other, "hello")
	}
	send := func(campaign string, to phone.Number, body string) string {
		id, err := b.client.Send(t.Context(), carrier.NewMessage{From: hotline.OfCampaign(campaign), To: to, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	send(help, kim, "too early")
	b.now = b.now.Add(time.Minute)
	since := b.now.Add(500 * time.Millisecond) // they know no halves
	first := send(help, kim, words)
	send(other, kim, words)
	const onPage = 1000
	for range onPage { // so that the first is on the second page
		send(help, "+16175550143", words)
	}
	b.now = b.now.Add(time.Minute)
	second := send(help, kim, words)
	b.asked()
	found, err := b.client.Find(t.Context(), hotline.OfCampaign(help), kim, since)
	if err != nil || len(found) != 2 || found[0].ID != second || found[1].ID != first {
		t.Fatalf("%+v, %v", found, err)
	}
	if m := found[0]; !m.Outbound || m.Body != words || !m.CreatedAt.Equal(b.now) {
		t.Errorf("%+v", m)
	}
	if asked := b.asked(); len(asked) != 2 || strings.Contains(strings.Join(asked, ""), "6175550142") {
		t.Errorf("asked %v", asked)
	}
	_, err = b.client.Find(t.Context(), "+15017122661", kim, since)
	if e := failed(t, err); e.Outcome != carrier.Refused {
		t.Errorf("from a number: %+v", e)
	}
}

// A list without end is not read for ever, and what comes twice as pages move counts once.
func TestFindEndless(t *testing.T) {
	item := `<message id="1"><phone_number>16175550142</phone_number><body>a secret</body><sent_at/></message>`
	list := func(attrs string, n int) string {
		return `<response success="true"><messages ` + attrs + `>` + strings.Repeat(item, n) + `</messages></response>`
	}
	_, err := canned(t, http.StatusOK, list("", 1000)).Find(t.Context(), hotline.OfCampaign(help), kim, time.Now())
	if e := failed(t, err); e.Outcome != carrier.Unclear {
		t.Errorf("%+v", e)
	}
	found, err := canned(t, http.StatusOK, list(`page_count="3"`, 10)).Find(t.Context(), hotline.OfCampaign(help), kim, time.Now())
	if err != nil || len(found) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	// One that is too early is left out, should they list it, and one that cannot be read is an error: it may be the one.
	for _, test := range []struct {
		item     string
		readable bool
	}{
		{`<message id="1"><phone_number>16175550142</phone_number><sent_at>2026-11-28 08:59:59 UTC</sent_at></message>`, true},
		{`<message id="1"><phone_number>16175550142</phone_number><sent_at>a secret</sent_at></message>`, false},
		{`<message><phone_number>16175550142</phone_number></message>`, false},
	} {
		item = test.item
		found, err := canned(t, http.StatusOK, list("", 1)).Find(t.Context(), hotline.OfCampaign(help), kim, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC))
		if len(found) != 0 || (err == nil) != test.readable {
			t.Errorf("%s: %+v, %v", item, found, err)
		}
	}
}
