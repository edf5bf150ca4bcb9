package story_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/story"
)

func titles(lines []story.Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Title)
	}
	return strings.Join(all, " ")
}

// What a trace did belongs to everybody whom one of its lines is about, also what was written down before that was known.
func TestWhoseLines(t *testing.T) {
	var b story.Book
	at := time.Now()
	for i, l := range []story.Line{
		{Title: "webhook", Trace: "a", People: []string{"+1"}}, {Title: "job", Trace: "a"}, {Title: "other", Trace: "b", People: []string{"+2"}},
		{Title: "early", Trace: "c"}, {Title: "late", Trace: "c", People: []string{"+1"}}, {Title: "nobody's"},
	} {
		l.At = at.Add(time.Duration(i) * time.Second)
		b.Add(l)
	}
	for _, test := range []struct {
		query story.Query
		want  string
	}{
		{story.Query{}, "webhook job other early late nobody's"},
		{story.Query{Person: "+1"}, "webhook job early late"},
		{story.Query{Person: "+2"}, "other"},
		{story.Query{Person: "+3"}, ""},
		{story.Query{Trace: "a"}, "webhook job"},
		{story.Query{After: 4}, "late nobody's"},
		{story.Query{Limit: 2}, "late nobody's"},
		{story.Query{Limit: 2, Oldest: true}, "webhook job"},
		{story.Query{After: 2, Limit: 2, Oldest: true}, "other early"},
	} {
		lines, _ := b.Lines(test.query)
		if got := titles(lines); got != test.want {
			t.Errorf("%+v: %q, want %q", test.query, got, test.want)
		}
	}
	// Whoever reads on from the last line gets each one once.
	var all []string
	for after := int64(0); ; {
		lines, last := b.Lines(story.Query{After: after, Limit: 4, Oldest: true})
		if len(lines) == 0 {
			break
		}
		all, after = append(all, titles(lines)), last
	}
	if got := strings.Join(all, " | "); got != "webhook job other early | late nobody's" {
		t.Errorf("one after the other: %s", got)
	}
	b.Clear()
	if got, last := b.Lines(story.Query{}); len(got) != 0 || last != 6 {
		t.Errorf("after Clear: %v, last %d", got, b.Last())
	}
}

// The book keeps the last lines only, and nothing of traces that are gone.
func TestBookForgets(t *testing.T) {
	var b story.Book
	for i := range 10_000 {
		b.Add(story.Line{Title: fmt.Sprint(i), Trace: fmt.Sprint("t", i), People: []string{"+1"}})
	}
	lines, _ := b.Lines(story.Query{Person: "+1"})
	if len(lines) != 4000 || lines[0].Title != "6000" {
		t.Errorf("%d lines from %q", len(lines), lines[0].Title)
	}
	if _, found := b.Line(6000); found {
		t.Error("a line that was dropped is still found")
	}
	if l, found := b.Line(6001); !found || l.Title != "6000" {
		t.Errorf("line 6001 is %+v", l)
	}
}

func TestWait(t *testing.T) {
	var b story.Book
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error)
	go func() { done <- b.Wait(ctx, 0) }()
	b.Add(story.Line{})
	if err := <-done; err != nil {
		t.Error(err)
	}
	over, end := context.WithCancel(ctx)
	end()
	if b.Wait(over, 1) == nil {
		t.Error("it did not wait")
	}
}

// A webhook and a call become a line each, in words, with what was sent and answered, and with the trace that the hotline names.
func TestListener(t *testing.T) {
	var b story.Book
	const trace = "0123456789abcdef0123456789abcdef"
	hotline := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Traceresponse", "00-"+trace+"-0123456789abcdef-01")
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "<Response><Say>Hi</Say></Response>")
	}))
	defer hotline.Close()
	l := story.Listener{Book: &b, Vendor: "Twilio", Hotline: "hotline", People: func(x story.Exchange) []string {
		form, _ := url.ParseQuery(string(x.Sent))
		return form["From"]
	}}
	client := http.Client{Transport: l.Webhooks(http.DefaultTransport)}
	res, err := client.PostForm(hotline.URL+"/bling/twilio_voice", url.Values{"From": {"+16175550142"}})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	got, _ := b.Line(1)
	if got.Title != "somebody calls → Say" || got.Result != "200" || got.Trace != trace || got.Kind != story.Webhook || len(got.People) != 1 || got.Failed ||
		len(got.Details) != 3 || got.Details[1].Text != "From: +16175550142\n" {
		t.Errorf("the webhook is %+v", got)
	}
	hotline.Close()
	if _, err := client.PostForm(hotline.URL+"/bling/twilio_sms", url.Values{"Body": {"hi 👋"}}); err == nil {
		t.Fatal("somebody answers")
	}
	if got, _ := b.Line(2); got.Title != "text: “hi 👋”" || !got.Failed || !strings.HasPrefix(got.Result, "no answer") {
		t.Errorf("the webhook that nobody took is %+v", got)
	}

	vendor := httptest.NewServer(l.Calls(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/v2/conversations/1/notes" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
	})))
	defer vendor.Close()
	post := func(path, body string) {
		r, _ := http.NewRequest(http.MethodPost, vendor.URL+path, strings.NewReader(body))
		r.Header.Set("Traceparent", "00-"+trace+"-0123456789abcdef-01")
		r.Header.Set("Content-Type", "application/json")
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}
	post("/v2/conversations/1/notes", `{"text":"<b>Delivered</b> &amp; read"}`)
	if got, _ := b.Line(3); got.Title != "note: “Delivered & read”" || !got.Failed || got.Trace != trace || got.Kind != story.Call {
		t.Errorf("the call that got no answer is %+v", got)
	}
	post("/2010-04-01/Accounts/AC1/Messages.json", strings.Repeat("x", 1<<20))
	if got, _ := b.Line(4); got.Result != "201" || len(got.Details) != 2 || len(got.Details[1].Text) > 17<<10 {
		t.Errorf("a huge call is %s with %d details", got.Result, len(got.Details))
	}
}
