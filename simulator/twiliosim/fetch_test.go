package twiliosim_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// files serves files to be fetched and checks that Twilio comes without credentials.
func files(t *testing.T, paths map[string]http.HandlerFunc) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("%s %s with %v", r.Method, r.URL.Path, r.Header)
		}
		if serve := paths[r.URL.Path]; serve != nil {
			serve(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func picture(size int) http.HandlerFunc {
	return document("image/png", strings.Repeat("x", size))
}

func mms(body string, urls ...string) url.Values {
	form := outgoing(supporter, body)
	form["MediaUrl"] = urls
	return form
}

func TestOutgoingFiles(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	base := files(t, map[string]http.HandlerFunc{
		"/a.jpg": document("image/PNG; x=y", "first"), // the answer's type counts, not the address
		"/b":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/c?token=1", http.StatusFound) },
		"/c":     document("application/pdf", "second"),
	})
	withUser := strings.Replace(base, "://", "://user:pass@", 1)
	form := mms("look", withUser+"/a.jpg", base+"/b")
	form.Set("StatusCallback", w.gateway.URL+"/status")
	a := w.call("POST", "/Messages.json", form)
	if a.str("status") != "queued" || a.str("num_media") != "2" || a.str("sid")[:2] != "MM" {
		t.Fatalf("answer %s", a.body)
	}
	w.waitForEvents(twiliosim.EventStatus, 3)
	if got := w.gateway.statuses(); got != "sending sent delivered" {
		t.Errorf("statuses %s", got)
	}
	m := w.Inbox(supporter)[0]
	if m.Body != "look" || len(m.Media) != 2 || m.Media[0].ContentType != "image/png" || string(m.Media[0].Data) != "first" ||
		m.Media[1].ContentType != "application/pdf" || string(m.Media[1].Data) != "second" {
		t.Errorf("the phone got %+v", m)
	}

	list := w.call("GET", "/Messages/"+m.Sid+"/Media.json", nil).json["media_list"].([]any)
	if len(list) != 2 || list[1].(map[string]any)["content_type"] != "application/pdf" {
		t.Fatalf("list %v", list)
	}
	link := strings.TrimSuffix(list[1].(map[string]any)["uri"].(string), ".json")
	redirect := w.call("GET", link, nil)
	if file := get(t, redirect.header.Get("Location")); file.body != "second" || file.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("file %q", file.body)
	}
	events := w.events(twiliosim.EventMedia)
	if len(events) != 2 || events[1].Path != base+"/b" || events[1].Status != 200 || events[1].Sid != m.Sid {
		t.Errorf("history %+v", events)
	}
}

func TestFilesThatCannotBeHad(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	base := files(t, map[string]http.HandlerFunc{
		"/whole":   picture(5 << 20),
		"/half":    picture(5<<19 + 1),
		"/small":   picture(1),
		"/big":     picture(5<<20 + 1),
		"/empty":   picture(0),
		"/html":    document("text/html", "<p>please log in</p>"),
		"/untyped": func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; w.Write([]byte("x")) },
		"/partial": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("x"))
		},
		"/loop":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) },
		"/login": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"/slow":  func(http.ResponseWriter, *http.Request) { <-release },
	})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	tests := []struct {
		name string
		urls []string
		code int // 0: it arrives
	}{
		{"as large as may be", []string{base + "/whole"}, 0},
		{"too large", []string{base + "/big"}, 11751},
		{"too large together", []string{base + "/half", base + "/half"}, 11751},
		{"a byte too many", []string{base + "/whole", base + "/small"}, 11751},
		{"not found", []string{base + "/small", base + "/nothing"}, 11200},
		{"login", []string{base + "/login"}, 11200},
		{"empty", []string{base + "/empty"}, 11200},
		{"broken off", []string{base + "/partial"}, 11200},
		{"redirects without end", []string{base + "/loop"}, 11200},
		{"no server", []string{gone.URL}, 11200},
		{"no answer", []string{base + "/slow"}, 11200},
		{"a page", []string{base + "/html"}, 12300},
		{"no type", []string{base + "/untyped"}, 12300},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := twiliosim.Config{StatusBeforeCreate: true}
			if strings.HasSuffix(test.urls[0], "/slow") {
				cfg.MediaTimeout = time.Millisecond
			}
			w := newWorld(t, cfg)
			form := mms("look", test.urls...)
			form.Set("StatusCallback", w.gateway.URL+"/status")
			sid := w.call("POST", "/Messages.json", form).str("sid")
			m, _ := w.Message(sid)
			if test.code == 0 {
				if len(w.Inbox(supporter)) != 1 || len(m.Media[0].Data) != 5<<20 {
					t.Errorf("it ended %s", m.Status)
				}
				return
			}
			if m.Status != twiliosim.StatusFailed || m.ErrorCode != test.code || len(w.Inbox(supporter)) != 0 {
				t.Errorf("it ended %s with %d, want failed with %d", m.Status, m.ErrorCode, test.code)
			}
			if got := w.gateway.statuses(); got != "failed" {
				t.Errorf("statuses %s", got)
			}
			events := w.events(twiliosim.EventMedia)
			if last := events[len(events)-1]; last.Error == "" || last.Sid != sid {
				t.Errorf("history %+v", last)
			}
			if a := w.call("GET", "/Messages/"+sid+".json", nil); a.str("error_message") == "" {
				t.Errorf("message %s", a.body)
			}
		})
	}
}

// gate serves a picture when it is opened.
type gate struct {
	came, open chan struct{}
	once       sync.Once
}

func newGate() *gate { return &gate{came: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	g.once.Do(func() { close(g.came) })
	select {
	case <-g.open:
		picture(1)(w, r)
	case <-r.Context().Done():
	}
}

func TestSlowFileHoldsUpItsPhoneOnly(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	g := newGate()
	base := files(t, map[string]http.HandlerFunc{"/a.png": g.serve})
	sid := w.call("POST", "/Messages.json", mms("first", base+"/a.png")).str("sid")
	<-g.came
	w.call("POST", "/Messages.json", outgoing(supporter, "second"))
	w.call("POST", "/Messages.json", outgoing("+14155550199", "other"))
	w.wait("the other phone", func(s *twiliosim.Sim) bool { return len(s.Inbox("+14155550199")) == 1 })
	if got := w.Inbox(supporter); len(got) != 0 {
		t.Errorf("arrived already: %s", bodies(got))
	}
	media := w.Messages()[0].Media[0]
	if media.ContentType != "image/png" || media.Data != nil {
		t.Errorf("before it is fetched: %+v", media)
	}
	if a := w.call("GET", "/Messages/"+sid+"/Media/"+media.Sid, nil); a.status != http.StatusNotFound {
		t.Errorf("before it is fetched: status %d", a.status)
	}
	close(g.open)
	w.wait("both texts", func(s *twiliosim.Sim) bool { return bodies(s.Inbox(supporter)) == "[first second]" })
}

func TestCancelWhileFetching(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	g := newGate()
	base := files(t, map[string]http.HandlerFunc{"/a.png": g.serve})
	sid := w.call("POST", "/Messages.json", mms("first", base+"/a.png")).str("sid")
	<-g.came
	if a := w.call("POST", "/Messages/"+sid+".json", url.Values{"Status": {"canceled"}}); a.status != 200 {
		t.Fatalf("canceling: %s", a.body)
	}
	w.call("POST", "/Messages.json", outgoing(supporter, "second"))
	close(g.open)
	w.wait("the second", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) > 0 })
	if got := bodies(w.Inbox(supporter)); got != "[second]" {
		t.Errorf("inbox %s", got)
	}
}

func TestResetWhileFetching(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	g := newGate()
	base := files(t, map[string]http.HandlerFunc{"/a.png": g.serve})
	w.call("POST", "/Messages.json", mms("forgotten", base+"/a.png"))
	<-g.came
	w.Reset()
	w.call("POST", "/Messages.json", outgoing(supporter, "new"))
	close(g.open)
	w.wait("the new one", func(s *twiliosim.Sim) bool { return bodies(s.Inbox(supporter)) == "[new]" })
	if len(w.Messages()) != 1 {
		t.Errorf("messages %+v", w.Messages())
	}
}

func TestFetchGoesOnAfterRestart(t *testing.T) {
	path := t.TempDir() + "/twilio.json"
	g := newGate()
	base := files(t, map[string]http.HandlerFunc{"/a.png": g.serve})
	w := newWorld(t, twiliosim.Config{StateFile: path})
	w.call("POST", "/Messages.json", mms("look", base+"/a.png"))
	<-g.came
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if m := w.Messages()[0]; m.Status != twiliosim.StatusQueued {
		t.Errorf("closed, and the message is %s", m.Status)
	}
	close(g.open)
	again := newWorld(t, twiliosim.Config{StateFile: path})
	again.wait("arrival", func(s *twiliosim.Sim) bool { return len(s.Inbox(supporter)) == 1 })
	if m := again.Inbox(supporter)[0]; string(m.Media[0].Data) != "x" {
		t.Errorf("the phone got %+v", m)
	}
}

func TestManyFilesAtOnce(t *testing.T) {
	w := newWorld(t, twiliosim.Config{})
	base := files(t, map[string]http.HandlerFunc{"/a.png": picture(100)})
	const phones, each = 20, 5
	var wg sync.WaitGroup
	for i := range phones {
		wg.Go(func() {
			for n := range each {
				form := mms(string(rune('a'+n)), base+"/a.png")
				form.Set("To", "+141555501"+string(rune('0'+i/10))+string(rune('0'+i%10)))
				w.call("POST", "/Messages.json", form)
			}
		})
	}
	wg.Wait()
	w.wait("all", func(s *twiliosim.Sim) bool {
		arrived := slices.DeleteFunc(s.Messages(), func(m twiliosim.Message) bool { return m.Status != twiliosim.StatusDelivered })
		return len(arrived) == phones*each
	})
	for _, m := range w.Messages() {
		if !bytes.Equal(m.Media[0].Data, bytes.Repeat([]byte("x"), 100)) {
			t.Errorf("message %+v", m)
		}
		if got := bodies(w.Inbox(m.To)); got != "[a b c d e]" {
			t.Errorf("%s got %s", m.To, got)
		}
	}
}
