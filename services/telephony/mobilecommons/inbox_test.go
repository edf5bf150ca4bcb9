package mobilecommons_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

// history adds texts to a campaign, some in the same second, and returns what the list must have of them, oldest first.
func (b *bench) history(campaign string, n int) (want []carrier.ListedText) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		from := []phone.Number{kim, "+447911123456", "+972501234567", "+4915112345678"}[i%4]
		body := []string{"hello", "👋🏽 🏳️‍🌈", "שלום مرحبا", ""}[random.IntN(4)]
		if i%100 == 7 {
			body = strings.Repeat("x", 10_000)
		}
		want = append(want, carrier.ListedText{From: string(from), To: string(hotline.OfCampaign(campaign)), Body: body, At: b.now.Add(time.Duration(i/3) * time.Second)})
	}
	for i, t := range want {
		id, err := b.sim.Past(mobilecommonssim.Message{Campaign: campaign, Phone: t.From, Body: t.Body, At: t.At})
		if err != nil {
			b.Fatal(err)
		}
		want[i].ID = "MC" + id
	}
	return want
}

// proxied returns a client of the simulator that asks through a handler, which reports true when it has answered itself.
func (b *bench) proxied(handle func(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) bool) *mobilecommons.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		b.sim.Handler().ServeHTTP(answer, r)
		if !handle(w, r, answer) {
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}
	}))
	b.Cleanup(server.Close)
	return clientOf(b.T, server.URL)
}

// M5, M6: all pages are read, and one that failed is asked for again: none is left out, and nothing that looks like an end is one. Texts are in
// the order in which they came, also those of the same second.
func TestTextsTo(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	want := b.history(help, 250)
	b.text(kim, other, "elsewhere")
	trouble := []func(w http.ResponseWriter, body []byte){
		func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter, body []byte) { _, _ = w.Write(body[:len(body)/2]) },
	}
	var pages []string
	client := b.proxied(func(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) bool {
		page := r.URL.Query().Get("page")
		fails := !slices.Contains(pages, page) // each page fails once
		pages = append(pages, page)
		if fails {
			trouble[len(pages)/2%len(trouble)](w, answer.Body.Bytes())
		}
		return fails
	})
	got, whole, err := client.TextsTo(t.Context(), hotline.OfCampaign(help), b.now, b.now.Add(time.Hour))
	if err != nil || !whole {
		t.Fatalf("whole: %v, %v", whole, err)
	}
	if !slices.EqualFunc(got, want, func(g, w carrier.ListedText) bool {
		return g.At.Equal(w.At) && g.ID == w.ID && g.From == w.From && g.To == w.To && g.Body == w.Body
	}) {
		t.Errorf("%d texts, want %d, or others", len(got), len(want))
	}
	if asked := strings.Join(pages, " "); asked != "1 1 2 2 3 3" {
		t.Errorf("asked for pages %s", asked)
	}
}

// Of two pages that overlap, because a text came in between, nothing is there twice; what is of another campaign is not there.
func TestTextsToOverlap(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	want := b.history(help, 150)
	client := b.proxied(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) bool {
		if r.URL.Query().Get("page") == "1" {
			b.text(kim, help, "just now") // it moves what is on the first page
		}
		return false
	})
	got, whole, err := client.TextsTo(t.Context(), hotline.OfCampaign(help), b.now.Add(-time.Hour), b.now.Add(time.Hour))
	if len(got) != len(want) || !whole || err != nil { // the newest is not among them: it came when its page was read
		t.Fatalf("%d texts, want %d: %v", len(got), len(want), err)
	}
	seen := map[string]bool{}
	for _, text := range got {
		if seen[text.ID] {
			t.Fatalf("%s is there twice", text.ID)
		}
		seen[text.ID] = true
	}
	one := `<response success="true"><messages page="1"><message id="7"><phone_number>16175550142</phone_number><body>x</body><campaign id="999"/></message></messages></response>`
	if got, whole, err := canned(t, 200, one).TextsTo(t.Context(), hotline.OfCampaign(help), b.now, b.now); len(got) != 0 || !whole || err != nil {
		t.Errorf("of another campaign: %+v, %v, %v", got, whole, err)
	}
}

// A text without a time came until the end of what was asked for; one with a file says so.
func TestTextsToOdd(t *testing.T) {
	end := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	const list = `<response success="true"><messages page="1"><message id="7"><phone_number>447911123456</phone_number><body>look</body><mms>true</mms></message>` +
		`<message id="8"><phone_number>16175550142</phone_number><body></body><mms>true</mms><received_at>2026-11-28 08:00:00 UTC</received_at></message></messages></response>`
	got, _, err := canned(t, 200, list).TextsTo(t.Context(), hotline.OfCampaign(help), end.Add(-time.Hour), end)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	const file = "(with a file, which Mobile Commons does not hand out)"
	if got[0].ID != "MC8" || got[0].Body != file || got[1].Body != "look\n"+file || got[1].From != "+447911123456" || !got[1].At.Equal(end) {
		t.Errorf("%+v", got)
	}
}

// What is more than a list shows is not taken for all of it.
func TestTextsToMuch(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	b.history(help, 1001)
	if got, whole, err := b.client.TextsTo(t.Context(), hotline.OfCampaign(help), b.now, b.now.Add(time.Hour)); whole || err != nil || len(got) != 0 {
		t.Errorf("%d texts, whole: %v, %v", len(got), whole, err)
	}
	if _, whole, err := b.client.TextsTo(t.Context(), hotline.OfCampaign(help), b.now, b.now.Add(time.Minute)); !whole || err != nil {
		t.Errorf("of a minute: %v, %v", whole, err)
	}
}

// What asking again does not cure is an error at once, and so is what takes longer than somebody waits here. It says nothing of people.
func TestTextsToFails(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	tooLong := b.proxied(func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	for name, test := range map[string]struct {
		client  *mobilecommons.Client
		number  phone.Number
		outcome carrier.Outcome
		wait    time.Duration
	}{
		"no campaign":      {b.client, kim, carrier.Refused, 0},
		"unknown campaign": {b.client, hotline.OfCampaign("1"), carrier.Refused, 0},
		"told to wait":     {tooLong, hotline.OfCampaign(help), carrier.NotDone, time.Hour},
	} {
		got, whole, err := test.client.TextsTo(t.Context(), test.number, b.now, b.now)
		if e := failed(t, err); e.Outcome != test.outcome || e.RetryAfter != test.wait || whole || got != nil {
			t.Errorf("%s: %v, %v, %+v", name, got, whole, e)
		}
	}
}

// Who left in a time is listed, of this campaign only, and not who came.
func TestOptedOutOf(t *testing.T) {
	b := start(t, mobilecommonssim.Config{})
	var want []string
	for i := range 120 { // more than a page
		from := phone.Number(fmt.Sprintf("+1617555%04d", i))
		b.text(from, help, "hello")
		if i%2 == 0 {
			b.text(from, help, "STOP")
			want = append(want, string(from))
		}
	}
	b.text(kim, other, "STOP")
	got, whole, err := b.client.OptedOutOf(t.Context(), hotline.OfCampaign(help), b.now, b.now)
	var out []string
	for _, o := range got {
		if out = append(out, string(o.Supporter)); !o.At.Equal(b.now) {
			t.Errorf("at %v", o.At)
		}
	}
	if slices.Sort(out); !slices.Equal(out, want) || !whole || err != nil {
		t.Errorf("%d have left, want %d: %v", len(out), len(want), err)
	}
	if _, _, err := b.client.OptedOutOf(t.Context(), kim, b.now, b.now); failed(t, err).Outcome != carrier.Refused {
		t.Error(err)
	}
	if files, err := b.client.Files(t.Context(), "MC7"); files != nil || err != nil {
		t.Errorf("files: %v, %v", files, err)
	}
	for _, asked := range b.asked() {
		if strings.Contains(asked, "617555") {
			t.Errorf("a number is in the address %s", asked)
		}
	}
}
