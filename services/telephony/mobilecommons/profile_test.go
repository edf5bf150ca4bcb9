package mobilecommons_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
)

// The facts of the original's sample, bling/mc/sample_mobile_commons_profile.json, oldest message first as there.
const (
	oldestID = "6786806624"
	oldest   = `<message id="6786806624"><message_type>opt_in_confirmation</message_type><status>sent</status><body>Reply YES.` + "\n" +
		`STOP2Quit</body><when>2019-06-06 21:53:17 UTC</when><campaign id="189358" active="true"><name>National</name></campaign></message>`
	messages = `<messages>` + oldest +
		`<message id="1338175333"><message_type>opt_in</message_type><body>Fight</body><when>2019-09-26 20:07:55 UTC</when></message>
		<message id="7329031201"><message_type>generic</message_type><status>sent</status><body>hello</body><when>2019-09-26 21:51:18 UTC</when></message>
		<message id="1338800116"><message_type>reply</message_type><body>Test</body><when>2019-09-27 23:08:09 UTC</when><campaign id="189358"/></message>
	</messages>`
)

// sample is the answer with these messages.
func sample(messages string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<response success="true"><profile id="345213473">
	<first_name>FakeFirstName</first_name><last_name>FakeLastName</last_name><phone_number>15555555555</phone_number>
	<opted_out_at/>
	<custom_columns>
		<custom_column name="donation_hpc" created_at="2019-09-30T16:15:55Z">12345</custom_column>
		<custom_column name="SC_Vol_Ask"/>
	</custom_columns>
	<subscriptions>
		<subscription campaign_id="189358" status="Pending" opted_out_at=""/>
		<subscription campaign_id="189358" status="Opted-Out" opted_out_at="2019-09-26T20:14:59Z"/>
	</subscriptions>` + messages + `<clicks/>
</profile></response>`
}

func look(t *testing.T, body string) mobilecommons.Profile {
	t.Helper()
	p, found, err := canned(t, http.StatusOK, body).Profile(t.Context(), "+15555555555", true)
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	return p
}

func ids(p mobilecommons.Profile) (ids []string) {
	for _, m := range p.Messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// M3, test_profile_dataclass_parsing.
func TestProfileParsing(t *testing.T) {
	p := look(t, sample(messages))
	if p.ID != "345213473" || p.FirstName != "FakeFirstName" || p.LastName != "FakeLastName" || p.Phone != "+15555555555" || !p.OptedOutAt.IsZero() {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Campaigns, []string{"189358"}) {
		t.Errorf("campaigns %v", p.Campaigns)
	}
	if got := slices.Sorted(slices.Values(ids(p))); !slices.Equal(got, []string{"1338175333", "1338800116", oldestID, "7329031201"}) {
		t.Errorf("messages %v", got)
	}
	if !maps.Equal(p.Columns, map[string]string{"donation_hpc": "12345", "SC_Vol_Ask": ""}) {
		t.Errorf("columns %v", p.Columns)
	}
}

// M3, test_profile_message_sorting.
func TestProfileMessageOrder(t *testing.T) {
	p := look(t, sample(messages))
	if got := ids(p); !slices.Equal(got, []string{"1338800116", "7329031201", "1338175333", oldestID}) {
		t.Errorf("messages %v", got)
	}
	newest := mobilecommons.Message{ID: "1338800116", Type: "reply", Body: "Test", At: time.Date(2019, 9, 27, 23, 8, 9, 0, time.UTC), Campaign: "189358"}
	if p.Messages[0] != newest {
		t.Errorf("newest %+v", p.Messages[0])
	}
}

// M3, test_parsing_repeated_field: a single one is a list of one.
func TestProfileSingleMessage(t *testing.T) {
	if got := ids(look(t, sample(`<messages>`+oldest+`</messages>`))); !slices.Equal(got, []string{oldestID}) {
		t.Errorf("messages %v", got)
	}
}

// M3, test_parsing_no_messages: there is none, whether the list is empty or not there.
func TestProfileNoMessages(t *testing.T) {
	for _, none := range []string{``, `<messages/>`, "<messages>\n</messages>"} {
		if p := look(t, sample(none)); len(p.Messages) != 0 || p.ID != "345213473" {
			t.Errorf("%q: %+v", none, p)
		}
	}
}

// A profile is found by its number, which is in no address. Nobody's is not found, and every other failure is one.
func TestProfile(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.text(kim, help, words)
	b.sim.SetProfile(string(kim), "Kim 🙂", "& Co", map[string]string{"city": "Boston"})
	p, found, err := b.client.Profile(t.Context(), kim, true)
	if err != nil || !found || p.Phone != kim || p.FirstName != "Kim 🙂" || p.LastName != "& Co" || p.Columns["city"] != "Boston" || len(p.Messages) != 1 || p.Messages[0].Body != words {
		t.Errorf("%+v, %v, %v", p, found, err)
	}
	if p, found, err := b.client.Profile(t.Context(), kim, false); err != nil || !found || len(p.Messages) != 0 {
		t.Errorf("without messages: %+v, %v, %v", p, found, err)
	}
	if p, found, err := b.client.Profile(t.Context(), "+447911123456", true); err != nil || found || p.ID != "" {
		t.Errorf("of nobody: %+v, %v, %v", p, found, err)
	}
	if asked := strings.Join(b.asked(), ""); strings.Contains(asked, "6175550142") {
		t.Errorf("the number is in an address: %s", asked)
	}
	for status, body := range map[int]string{
		200: `<response success="true"/>`, 201: `<response success="true"><profile/></response>`, 400: `<response success="false"><error id="10"/></response>`,
		202: `<response success="true"><profile id="1"><opted_out_at>a secret</opted_out_at></profile></response>`,
		203: `<response success="true"><profile id="1"><messages><message id="1"><when>a secret</when></message></messages></profile></response>`,
		503: "", 404: "<html/>", 500: `<response success="false"><error id="5"/></response>`,
	} {
		_, found, err := canned(t, status, body).Profile(t.Context(), kim, true)
		if failed(t, err); found {
			t.Errorf("found in %s", body)
		}
	}
}

// M10: opt-outs are seen, and made, in one campaign or in all; whoever did is refused and not brought back.
func TestOptOuts(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	begin := b.now
	const people = 120
	for i := range people {
		b.text(phone.Number(fmt.Sprintf("+1617555%04d", i)), help, "hello")
	}
	b.text(kim, help, "STOP")
	b.now = b.now.Add(time.Hour)
	since := b.now
	b.text("+16175550007", help, "STOP")
	b.text("+447911123456", help, "hello") // a new subscription, not an end
	if err := b.client.OptOut(t.Context(), "+16175550008", help); err != nil {
		t.Error(err)
	}
	outs, last, err := b.client.OptOuts(t.Context(), help, since, b.now, 1)
	want := []mobilecommons.OptOut{{Phone: "+16175550007", Campaign: help, At: since}, {Phone: "+16175550008", Campaign: help, At: since}}
	if err != nil || !last || !slices.Equal(outs, want) {
		t.Errorf("%+v, last %v, %v", outs, last, err)
	}
	// A page is full of subscriptions, though few of them have ended.
	outs, last, err = b.client.OptOuts(t.Context(), help, begin, b.now, 1)
	if err != nil || last || len(outs) > 2 {
		t.Errorf("first page: %+v, last %v, %v", outs, last, err)
	}
	if _, last, err := b.client.OptOuts(t.Context(), help, begin, b.now, 2); err != nil || !last {
		t.Errorf("second page: last %v, %v", last, err)
	}

	b.text("+16175550009", other, "hello")
	if err := b.client.OptOut(t.Context(), "+16175550009", help); err != nil || b.sim.Subscribed("+16175550009", help) || !b.sim.Subscribed("+16175550009", other) {
		t.Errorf("out of one: %v", err)
	}
	for range 2 {
		if err := b.client.OptOut(t.Context(), "+16175550009", ""); err != nil || b.sim.Subscribed("+16175550009", other) {
			t.Errorf("out of all: %v", err)
		}
	}
	if p, _, err := b.client.Profile(t.Context(), "+16175550009", false); err != nil || !p.OptedOutAt.Equal(b.now) || !slices.Equal(p.Campaigns, []string{help, other}) {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = b.client.Send(t.Context(), carrier.NewMessage{From: hotline.OfCampaign(help), To: "+16175550009", Body: words})
	if e := failed(t, err); e.Outcome != carrier.Refused || b.sim.Subscribed("+16175550009", help) {
		t.Errorf("%+v", e)
	}
	if e := failed(t, b.client.OptOut(t.Context(), "+16175559999", "")); e.Outcome != carrier.Refused || e.Code != 5 {
		t.Errorf("of nobody: %+v", e)
	}
	for _, request := range b.asked() {
		if strings.Contains(request, "profile_update") || strings.Contains(request, "join") {
			t.Errorf("asked %s", request)
		}
	}
}

// An end before the time is left out, should they list it, and what has not ended is none, however long ago the time is.
func TestOptOutsTime(t *testing.T) {
	const list = `<response success="true"><subscriptions num="2"><sub><phone_number>16175550142</phone_number><opted_out_at>2026-11-28 08:59:59 UTC</opted_out_at></sub>` +
		`<sub><phone_number>6175550143</phone_number><opted_out_at/></sub></subscriptions></response>`
	for from, n := range map[time.Time]int{{}: 1, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC): 0} {
		if outs, last, err := canned(t, http.StatusOK, list).OptOuts(t.Context(), help, from, time.Now(), 1); err != nil || !last || len(outs) != n {
			t.Errorf("from %s: %+v, last %v, %v", from, outs, last, err)
		}
	}
}

// No list is an error, never nobody. One opt-out that cannot be read keeps back no other, and is counted.
func TestOptOutsUnreadable(t *testing.T) {
	if outs, last, err := canned(t, http.StatusOK, `<response success="true"/>`).OptOuts(t.Context(), help, time.Time{}, time.Now(), 1); failed(t, err).Status != http.StatusOK || outs != nil || last {
		t.Errorf("%+v, last %v", outs, last)
	}
	const good = `<sub><phone_number>16175550142</phone_number><opted_out_at>2026-11-28 09:00:00 UTC</opted_out_at></sub>`
	for _, bad := range []string{`<sub><opted_out_at>2026-11-28 09:00:00 UTC</opted_out_at></sub>`,
		`<sub><phone_number>16175550143</phone_number><opted_out_at>a secret</opted_out_at></sub>`} {
		client := canned(t, http.StatusOK, `<response success="true"><subscriptions>`+bad+good+`</subscriptions></response>`)
		outs, last, err := client.OptOuts(t.Context(), help, time.Time{}, time.Now(), 1)
		if err != nil || len(outs) != 1 || outs[0].Phone != kim || !last || client.Unread() != 1 || client.Unread() != 0 {
			t.Errorf("%s: %+v, last %v, %v", bad, outs, last, err)
		}
	}
}
