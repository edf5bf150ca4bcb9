package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	ann = "+16175550101"
	bob = "+16175550102"
)

// studio answers the requests of calls with documents, by path, and notes what it was asked.
type studio struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	docs     map[string]http.HandlerFunc
	requests []asked
}

// asked is a request to the studio.
type asked struct {
	method, path string // with the query of a POST
	form         url.Values
}

func (s *studio) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	form, uri := r.PostForm, r.RequestURI
	if r.Method == http.MethodGet {
		form, uri = r.Form, r.URL.Path
	}
	if sig := r.Header.Get("X-Twilio-Signature"); sig != "" &&
		!signature.VerifyTwilio([]string{twiliosim.DefaultAuthToken}, s.URL+r.RequestURI, r.PostForm, nil, sig) {
		s.t.Errorf("wrong signature of %s %s", r.Method, r.RequestURI)
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked{r.Method, uri, form})
	answer := s.docs[r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, r)
}

// answer sets the document of a path: what is in <Response>.
func (s *studio) answer(path, doc string) {
	s.answerWith(path, document("text/xml", "<Response>"+doc+"</Response>"))
}

func (s *studio) answerWith(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[path] = h
}

// asked returns the requests of a path.
func (s *studio) asked(path string) (found []url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if p, _, _ := strings.Cut(r.path, "?"); p == path {
			found = append(found, r.form)
		}
	}
	return found
}

// one returns the only request of a path.
func (s *studio) one(path string) url.Values {
	s.t.Helper()
	found := s.asked(path)
	if len(found) != 1 {
		s.t.Fatalf("%d requests of %s", len(found), path)
	}
	return found[0]
}

// line is a hotline that rings, its studio, and a clock that waits for nobody.
type line struct {
	*world
	*studio
	clock *twiliosim.VirtualClock
}

func newLine(t *testing.T) *line {
	s := &studio{t: t, docs: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	clock := twiliosim.NewVirtualClock()
	w := newWorld(t, twiliosim.Config{CallClock: clock, Seed: 7})
	w.SetNumber(twiliosim.Number{PhoneNumber: hotline, VoiceURL: s.URL + "/voice#rc=1&rp=5xx", VoiceFallbackURL: s.URL + "/fallback", StatusCallback: s.URL + "/ended"})
	return &line{world: w, studio: s, clock: clock}
}

// phone lets the supporter call, and returns their leg and those that it led to.
func (l *line) phone(acts ...twiliosim.Act) (twiliosim.Leg, []twiliosim.Leg) {
	l.world.t.Helper()
	leg, err := l.Call(l.world.t.Context(), twiliosim.Call{From: supporter, To: hotline, Acts: acts})
	if err != nil {
		l.world.t.Fatal(err)
	}
	return leg, slices.DeleteFunc(l.Legs(), func(c twiliosim.Leg) bool { return c.ParentSid != leg.Sid })
}

func (l *line) set(change func(*twiliosim.Settings)) {
	set := l.Settings()
	change(&set)
	l.SetSettings(set)
}

// story is what happened on a leg, in one line.
func story(leg twiliosim.Leg) string {
	var all []string
	for _, m := range leg.Moments {
		text := m.Text
		if strings.HasPrefix(text, "CA") || strings.HasPrefix(text, "http") {
			text = ""
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintf("%v %s %s", m.At.Round(time.Second), m.What, text), " "))
	}
	return strings.Join(all, ", ")
}

func (l *line) wantStory(leg twiliosim.Leg, want string) {
	l.world.t.Helper()
	if got := story(leg); got != want {
		l.world.t.Errorf("what happened:\n%s\nwant:\n%s", got, want)
	}
}

func seconds(n int) twiliosim.Duration { return twiliosim.Duration(time.Duration(n) * time.Second) }

func answers(after int, acts ...twiliosim.Act) twiliosim.Handset {
	return twiliosim.Handset{Answer: true, After: seconds(after), Acts: acts}
}

func hangsUp(after int) twiliosim.Act {
	return twiliosim.Act{On: "connected", After: seconds(after), HangUp: true}
}

func accepts(after int) twiliosim.Act {
	return twiliosim.Act{On: "asked", After: seconds(after), Press: "1"}
}

// ringBoth rings Ann and Bob, who have to press 1.
const ringBoth = `<Dial timeout="20" answerOnBridge="true" action="/done">` +
	`<Number url="/screen" statusCallback="/leg?who=ann" statusCallbackEvent="initiated ringing answered completed">` + ann + `</Number>` +
	`<Number url="/screen">` + bob + `</Number></Dial>`

func (l *line) ringBoth() {
	l.answer("/voice", ringBoth)
	l.answer("/screen", `<Gather numDigits="1" timeout="8" action="/accept"><Say>Press 1.</Say></Gather><Hangup/>`)
	l.answer("/accept", "")
	l.answer("/done", "<Hangup/>")
}
