package playground_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
	"github.com/bling-hotline/bling/simulator/scenario"
	"github.com/bling-hotline/bling/simulator/story"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const kim = "+16175550142"

// page is a playground without a hotline: its webhooks end nowhere.
type page struct {
	*testing.T
	*simulator.Simulator
	url string
}

func open(t *testing.T, dir string) page { return openWith(t, playground.Config{StateDir: dir}) }

func openWith(t *testing.T, c playground.Config) page {
	t.Helper()
	s, err := simulator.Start(simulator.Config{TwilioAddr: "127.0.0.1:0", HelpScoutAddr: "127.0.0.1:0", PageAddr: "127.0.0.1:0", GatewayURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	c.Simulator = s
	p, err := playground.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); s.Twilio.Close(); s.HelpScout.Close() })
	return page{t, s, server.URL}
}

func (p page) get(path string) string {
	p.Helper()
	res, err := http.Get(p.url + path)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return string(body)
}

// post sends a form as the page's script does, and returns the status and what is wrong with it.
func (p page) post(path string, form url.Values) (int, string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Requested-With", "page")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, strings.TrimSpace(string(body))
}

// What people write is shown, and never run.
func TestHostileWords(t *testing.T) {
	p := open(t, "")
	const words = `"><script>alert(1)</script> &amp; שלום 👋`
	if status, wrong := p.post("/phones/"+kim+"/text", url.Values{"body": {words}}); status != 204 {
		t.Fatal(status, wrong)
	}
	if status, wrong := p.post("/phones", url.Values{"name": {"<b>Lee</b>"}, "number": {"+447911123456"}}); status != 204 {
		t.Fatal(status, wrong)
	}
	if err := p.Story.Wait(t.Context(), 0); err != nil { // the webhook that nobody takes
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/phones", "/story", "/story/1"} {
		body := p.get(path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<b>Lee") {
			t.Errorf("%s has what was written as it is", path)
		}
		if !strings.Contains(body, "&lt;script&gt;") && path != "/" || !strings.Contains(body, "שלום") && path != "/" {
			t.Errorf("%s does not show what was written:\n%s", path, body)
		}
	}
}

// What is wrong is said, and changes nothing.
func TestBadForms(t *testing.T) {
	p := open(t, "")
	good := url.Values{"DeskLimit": {"200"}, "DeskListLagS": {"5"}}
	with := func(name, value string) url.Values {
		form := url.Values{name: {value}}
		for n, v := range good {
			if n != name {
				form[n] = v
			}
		}
		return form
	}
	for _, test := range []struct {
		path string
		form url.Values
		want string
	}{
		{"/phones/" + kim + "/text", url.Values{"body": {"  "}}, "nothing to send"},
		{"/phones/" + kim + "/text", url.Values{"body": {strings.Repeat("x", 1601)}}, "1600"},
		{"/phones", url.Values{"number": {"12"}}, "not a phone number"},
		{"/phones", url.Values{"number": {kim}}, "there already"},
		{"/phones/+16175550199/does", url.Values{"does": {"rings"}}, "no phone"},
		{"/phones/" + kim + "/does", url.Values{"does": {"explodes"}}, "cannot"},
		{"/calls/CA1/pick_up", nil, "no call"},
		{"/calls/CA1/dance", nil, "nobody can"},
		{"/trouble", with("TwilioErrors", "101"), "from 0 to 100"},
		{"/trouble", with("DeskErrors", "many"), "number"},
		{"/trouble", with("DeskLimit", "0"), "at least 1"},
		{"/clock", url.Values{"by": {"-1h"}}, "ahead"},
		{"/clock", url.Values{"by": {"tomorrow"}}, "ahead"},
		{"/flood", url.Values{"people": {"0"}}, "from 1"},
		{"/flood", url.Values{"people": {"1000000"}}, "to 5000"},
		{"/stage/next", nil, "no scenario"},
	} {
		before := p.Twilio.Messages()
		if status, wrong := p.post(test.path, test.form); status != 400 || !strings.Contains(wrong, test.want) {
			t.Errorf("%s %v: %d %q, want something of %q", test.path, test.form, status, wrong, test.want)
		}
		if len(p.Twilio.Messages()) != len(before) || p.HelpScout.Settings().RateLimit != 200 || p.Clock.Ahead() != 0 {
			t.Errorf("%s %v has changed something", test.path, test.form)
		}
	}
}

// Phones are there again after a restart, and do again what they did.
func TestPhonesStay(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	p.post("/phones", url.Values{"name": {"Lee"}, "number": {"+44 7911 123456"}})
	p.post("/phones/+447911123456/does", url.Values{"does": {"busy"}})
	p.post("/phones/+16175550101/remove", nil)
	again := open(t, dir)
	body := again.get("/")
	if !strings.Contains(body, "Lee") || strings.Contains(body, "Anna") || !again.Twilio.Handset("+447911123456").Busy {
		t.Error("the phones are not as they were")
	}
	for range 30 {
		again.post("/phones", nil)
	}
	if status, wrong := again.post("/phones", nil); status != 400 || !strings.Contains(wrong, "24 phones") {
		t.Errorf("there is no end of phones: %d %s", status, wrong)
	}
}

// A file goes along, and comes from where nothing of it can run.
func TestPictures(t *testing.T) {
	p := open(t, "")
	send := func(contentType string, size int) (int, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		part, _ := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="x"`}, "Content-Type": {contentType}})
		part.Write(bytes.Repeat([]byte("<"), size))
		m.Close()
		res, err := http.Post(p.url+"/phones/"+kim+"/text", m.FormDataContentType(), &b)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	if status, wrong := send("image/png", 6<<20); status != 400 || !strings.Contains(wrong, "too large") {
		t.Errorf("a huge picture: %d %s", status, wrong)
	}
	send("text/html", 10)
	all := p.Twilio.Messages()
	if len(all) != 1 || len(all[0].Media) != 1 {
		t.Fatalf("%+v", all)
	}
	res, err := http.Get(p.url + "/media/" + all[0].Media[0].Sid)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}

// The trouble of a form is the vendors' trouble, and the form shows what others have switched.
func TestTrouble(t *testing.T) {
	p := open(t, "")
	form := url.Values{"DeskDown": {"on"}, "DeskWebhookOff": {"on"}, "Unheard": {"on"}, "TwilioLost": {"7"}, "Doubled": {"2"}, "DeskListLagS": {"0"}, "DeskLimit": {"-1"}}
	if status, wrong := p.post("/trouble", form); status != 204 {
		t.Fatal(status, wrong)
	}
	if f := p.HelpScout.Faults().Get(); f.ErrorRate != 1 || f.Status != 503 {
		t.Errorf("Help Scout: %+v", f)
	}
	if f := p.Twilio.Faults().Get(); f.DropAfterRate != 0.07 {
		t.Errorf("Twilio: %+v", f)
	}
	if p.HelpScout.Webhooks()[0].State != "disabled" || len(p.Lost()) == 0 || p.Twilio.Settings().DuplicateWebhooks != 2 || p.HelpScout.Settings().RateLimit != -1 {
		t.Error("not all that was wanted is so")
	}
	says := p.get("/trouble")
	for _, want := range []string{"Help Scout is down", "7 of 100 answers of Twilio get lost", "no webhook arrives", "webhooks come 3 times", "webhook is switched off", "has no limit"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say that %s", want)
		}
	}
	if lines, _ := p.Story.Lines(story.Query{}); len(lines) < 6 {
		t.Errorf("the story has %d lines of it", len(lines))
	}
	p.post("/trouble/none", nil)
	if says := p.get("/trouble"); !strings.Contains(says, "All is well.") {
		t.Errorf("after all: %s", says)
	}
}

// The story can be read by programs, which wait for what comes.
func TestStoryForPrograms(t *testing.T) {
	p := open(t, "")
	type answer struct {
		Last  int64
		Lines []story.Line
	}
	ask := func(query string) (a answer) {
		r, _ := http.NewRequest(http.MethodGet, p.url+"/story?"+query, nil)
		r.Header.Set("Accept", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return a
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		return a
	}
	if a := ask("wait_ms=1"); a.Last != 0 || len(a.Lines) != 0 {
		t.Errorf("at first: %+v", a)
	}
	got := make(chan answer)
	go func() { got <- ask("wait_ms=20000") }()
	p.Story.Add(story.Line{At: time.Now(), Title: "one", People: []string{kim}})
	if a := <-got; a.Last != 1 || len(a.Lines) != 1 || a.Lines[0].Title != "one" {
		t.Errorf("what came: %+v", a)
	}
	if a := ask("person=" + url.QueryEscape("+1999")); len(a.Lines) != 0 {
		t.Errorf("of somebody else: %+v", a)
	}
	if a := ask("after=99"); len(a.Lines) != 1 { // from before a restart
		t.Errorf("after a line that is not there: %+v", a)
	}
}

// A call on the page: who is rung can decline, and a key goes to the call.
func TestCallOnPage(t *testing.T) {
	p := open(t, "")
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, `<Response><Gather numDigits="1" timeout="60"><Say>Press a key, please.</Say></Gather></Response>`)
	}))
	defer answers.Close()
	p.Twilio.SetNumber(twiliosim.Number{PhoneNumber: simulator.Hotline, VoiceURL: answers.URL})
	if status, wrong := p.post("/phones/"+kim+"/call", nil); status != 204 {
		t.Fatal(status, wrong)
	}
	if status, wrong := p.post("/phones/"+kim+"/call", nil); status != 400 || !strings.Contains(wrong, "in a call") {
		t.Errorf("a second call: %d %s", status, wrong)
	}
	var sid string
	if err := p.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool {
		for _, l := range s.LegsOf(kim) {
			for _, m := range l.Moments {
				if m.What == "said" {
					sid = l.Sid
				}
			}
		}
		return sid != ""
	}); err != nil {
		t.Fatal(err)
	}
	if body := p.get("/phones"); !strings.Contains(body, `data-say="Press a key, please."`) || !strings.Contains(body, "talking asked") {
		t.Errorf("the phone does not ask for a key:\n%s", body)
	}
	for act, form := range map[string]url.Values{"press": {"keys": {"1"}}, "speak": {"words": {"hello"}}} {
		if status, wrong := p.post("/calls/"+sid+"/"+act, form); status != 204 {
			t.Error(act, status, wrong)
		}
	}
	if status, wrong := p.post("/calls/"+sid+"/press", url.Values{"keys": {"x"}}); status != 400 {
		t.Errorf("a key that there is not: %d %s", status, wrong)
	}
	if status, wrong := p.post("/calls/"+sid+"/hang_up", nil); status != 204 {
		t.Error(status, wrong)
	}
	if body := p.get("/phones"); !strings.Contains(body, "The call is over") {
		t.Error("the phone does not show that it is over")
	}
}

// A crowd that nobody answers ends when everything begins anew, and nothing of it comes afterwards.
func TestNoGhosts(t *testing.T) {
	p := open(t, "")
	if status, wrong := p.post("/flood", url.Values{"people": {"300"}, "unlimited": {"on"}}); status != 204 {
		t.Fatal(status, wrong)
	}
	if err := p.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool { return len(s.Messages()) > 20 }); err != nil {
		t.Fatal(err)
	}
	if status, wrong := p.post("/reset", nil); status != 204 {
		t.Fatal(status, wrong)
	}
	if n := len(p.Twilio.Messages()); n != 0 {
		t.Errorf("%d texts have come after all began anew", n)
	}
	if lines, _ := p.Story.Lines(story.Query{}); len(lines) > 0 {
		t.Errorf("the story goes on: %+v", lines[0])
	}
	if status, wrong := p.post("/flood", url.Values{"people": {"1"}}); status != 204 {
		t.Errorf("another crowd cannot text: %d %s", status, wrong)
	}
	p.post("/reset", nil)
}

// Whoever is too early at the stage is told so, and can play later.
func TestStage(t *testing.T) {
	s, err := scenario.Parse("story", []byte("# About it.\ntext +16175550142 'hello'\nexpect tickets +16175550142 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	var player *scenario.Player
	p := openWith(t, playground.Config{Stage: &playground.Stage{Script: s, Player: func() *scenario.Player { return player }}})
	for range 2 {
		if status, wrong := p.post("/stage/next", nil); status != 400 || !strings.Contains(wrong, "not there yet") {
			t.Errorf("before there is a hotline: %d %s", status, wrong)
		}
	}
	if player, err = scenario.NewPlayer(s, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	player.Bind(scenario.World{Twilio: p.Twilio, HelpScout: p.HelpScout, Now: p.Clock.Now, Idle: func(context.Context) error { return nil }})
	// The text is lost, as there is no hotline: the step fails, and says so.
	if status, wrong := p.post("/stage/all", nil); status != 204 {
		t.Fatal(status, wrong)
	}
	if body := p.get("/stage"); !strings.Contains(body, "About it.") || strings.Count(body, `class="failed"`) != 1 || !strings.Contains(body, `class="next"`) {
		t.Errorf("the stage shows\n%s", body)
	}
	if status, wrong := p.post("/stage/all", nil); status != 204 {
		t.Fatal(status, wrong)
	}
	if body := p.get("/stage"); !strings.Contains(body, "The story went as it should") {
		t.Errorf("in the end the stage shows\n%s", body)
	}
	if status, wrong := p.post("/stage/next", nil); status != 400 || !strings.Contains(wrong, "over") {
		t.Errorf("after the end: %d %s", status, wrong)
	}
	p.post("/reset", nil)
	if body := p.get("/stage"); strings.Contains(body, `class="failed"`) || strings.Contains(body, `class="done"`) {
		t.Error("it has not begun anew")
	}
}
