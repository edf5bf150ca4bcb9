package twilio_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const number = "+15017122661"

// A list is read over all of its pages, oldest first, and has what is in its time, both ends included, whether Twilio heeds the time of
// day in its filters or the day only.
func TestTexts(t *testing.T) {
	for _, wholeDays := range []bool{false, true} {
		t.Run(fmt.Sprint("whole days ", wholeDays), func(t *testing.T) {
			now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
			sim, err := twiliosim.New(twiliosim.Config{Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			defer sim.Close()
			sim.SetNumber(twiliosim.Number{PhoneNumber: number})
			pages := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				pages++
				if query := r.URL.Query(); wholeDays {
					coarse := url.Values{}
					for name, values := range query {
						if at, err := time.Parse(time.RFC3339, values[0]); err == nil {
							if at = at.Truncate(24 * time.Hour); name == "DateSent<" {
								at = at.Add(24*time.Hour - time.Second)
							}
							values = []string{at.Format(time.RFC3339)}
						}
						coarse[name] = values
					}
					r.URL.RawQuery = coarse.Encode()
				}
				sim.Handler().ServeHTTP(w, r)
			}))
			defer server.Close()
			const texts = 1500
			for i := range texts { // two a second
				if _, err := sim.Text(t.Context(), twiliosim.Text{From: "+16175550142", To: number, Body: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
				now = now.Add(500 * time.Millisecond)
			}
			c, err := twilio.New(server.URL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
			if err != nil {
				t.Fatal(err)
			}
			first := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
			for _, span := range []struct{ from, to, want, before int }{{0, 3600, texts, 0}, {100, 400, 602, 200}, {700, 749, 100, 1400}, {749, 749, 2, 1498}, {750, 3600, 0, 0}} {
				pages = 0
				list, whole, err := c.TextsTo(t.Context(), number, first.Add(time.Duration(span.from)*time.Second), first.Add(time.Duration(span.to)*time.Second))
				if err != nil || !whole || len(list) != span.want {
					t.Fatalf("%+v: %d texts, whole %v, %v", span, len(list), whole, err)
				}
				for i, text := range list {
					if text.Body != fmt.Sprint(span.before+i) || text.From != "+16175550142" {
						t.Fatalf("%+v: %d is %+v", span, i, text)
					}
				}
				if span.from == 700 && pages > 2 {
					t.Errorf("%d pages were read for the newest", pages)
				}
			}
			if list, whole, err := c.TextsFrom(t.Context(), number, first, now); len(list) != 0 || !whole || err != nil {
				t.Errorf("from the number: %d texts, whole %v, %v", len(list), whole, err)
			}
		})
	}
}

// What is more than can be read at once is said to be so.
func TestTooManyTexts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"messages": [{"sid": "SM1", "date_sent": "Sat, 28 Nov 2026 09:00:00 +0000"}], "next_page_uri": "/2010-04-01/Accounts/AC1/Messages.json?Page=1&PageToken=PASM1"}`)
	}))
	defer server.Close()
	c, err := twilio.New(server.URL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	if _, whole, err := c.TextsTo(t.Context(), number, at.Add(-time.Hour), at.Add(time.Hour)); whole || err != nil {
		t.Errorf("whole %v, %v", whole, err)
	}
}

// However long Twilio says to wait, an hour is enough: carrier.Advice.
func TestTooFast(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1796000000")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	c, err := twilio.New(server.URL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Send(t.Context(), carrier.NewMessage{From: number, To: "+16175550142", Body: "hi"})
	if e, ok := errors.AsType[*carrier.Error](err); !ok || e.Outcome != carrier.NotDone || e.RetryAfter != time.Hour {
		t.Errorf("%+v", err)
	}
}

// The files of a text are found where its webhook says that they are.
func TestFiles(t *testing.T) {
	got := make(chan url.Values, 1)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got <- r.Form
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, "<Response></Response>")
	}))
	defer door.Close()
	sim, err := twiliosim.New(twiliosim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	sim.SetPublicURL(server.URL)
	sim.SetNumber(twiliosim.Number{PhoneNumber: number, SMSURL: door.URL})
	d, err := sim.Text(t.Context(), twiliosim.Text{From: "+16175550142", To: number, Media: []twiliosim.Media{
		{ContentType: "image/png", Data: []byte("png")}, {ContentType: "audio/mpeg", Data: []byte("mp3")},
	}})
	if err != nil || d.Lost {
		t.Fatal(d, err)
	}
	c, err := twilio.New(server.URL, twiliosim.DefaultAccountSID, twiliosim.DefaultAuthToken)
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Files(t.Context(), d.MessageSid)
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	form := <-got
	for i, f := range files {
		if f.URL != form.Get(fmt.Sprint("MediaUrl", i)) || f.ContentType != form.Get(fmt.Sprint("MediaContentType", i)) {
			t.Errorf("%+v, want %v", f, form)
		}
	}
	if _, err := c.Files(t.Context(), "MM00000000000000000000000000000000"); !carrier.NotFound(err) {
		t.Errorf("of a text that is not there: %v", err)
	}
}
