package ticketing

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// swept is ticketing, not running, with conversations in which an agent has replied and nobody has told it.
type swept struct {
	*Service
	sim  *helpscoutsim.Sim
	ids  []int64
	now  time.Time
	list func() // called before each answer to a list
}

// found returns in which of the conversations the reply was found.
func (s *swept) found(t *testing.T) map[int64]bool {
	t.Helper()
	rows, err := s.DB.Read.Query(`SELECT lane FROM event`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		found[id] = true
	}
	return found
}

func eachSwept(t *testing.T, conversations, limit int, test func(t *testing.T, s *swept)) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := &swept{now: time.Now(), list: func() {}}
		clock := func() time.Time { return s.now }
		var err error
		if s.sim, err = helpscoutsim.New(helpscoutsim.Config{RateLimit: limit, ListLag: -1, Now: clock}); err != nil {
			t.Fatal(err)
		}
		defer s.sim.Close()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == "/v2/conversations" {
				s.list()
			}
			s.sim.Handler().ServeHTTP(w, r)
		}))
		defer server.Close()
		db, err := sqlstore.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if s.Service, err = New(Config{
			Hotlines: hotline.Hotlines{hotline.New("+15017122661", 206906)}, APIURL: server.URL, Domain: "sms.example.org",
			ClientID: helpscoutsim.DefaultClientID, ClientSecret: helpscoutsim.DefaultClientSecret,
		}, Deps{DB: db, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Now: clock}); err != nil {
			t.Fatal(err)
		}
		if err := s.store.Claim(t.Context(), s.now, 206906); err != nil {
			t.Fatal(err)
		}
		if err := s.beginSweeps(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range conversations {
			who := helpscout.Customer{Email: fmt.Sprintf("617555%04d@sms.example.org", i)}
			id, err := s.desk.Create(t.Context(), helpscout.NewConversation{
				Subject: "Request", Type: "phone", MailboxID: 206906, Status: "active", Customer: who,
				Threads: []helpscout.NewThread{{Type: "customer", Customer: &who, Text: "hello"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.sim.AgentReply(id, helpscoutsim.Reply{Text: "<p>yes</p>"}); err != nil {
				t.Fatal(err)
			}
			s.ids = append(s.ids, id)
		}
		test(t, s)
	})
}

// Conversations that change while the list is read move in it. None of the others is passed over, and those are found the next time.
func TestSweepWhileChanging(t *testing.T) {
	eachSwept(t, 110, -1, func(t *testing.T, s *swept) {
		s.now = s.now.Add(5 * time.Minute)
		changed := 0
		s.list = func() { // the longest unchanged one goes to the end
			if err := s.sim.SetTags(s.ids[changed], "seen"); err != nil {
				t.Error(err)
			}
			changed++
		}
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.list = func() {}
		found := s.found(t)
		for i, id := range s.ids {
			if !found[id] && i >= changed {
				t.Errorf("conversation %d of %d was passed over", i, len(s.ids))
			}
		}
		if changed < 5 || len(found) == len(s.ids) {
			t.Fatalf("%d were changed, %d found", changed, len(found))
		}
		s.now = s.now.Add(5 * time.Minute)
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found := s.found(t); len(found) != len(s.ids) {
			t.Errorf("%d are found in the end, want %d", len(found), len(s.ids))
		}
	})
}

// No more than half of the budget goes into looking, and what there was no budget for is looked at the next time.
func TestSweepLeavesTheBudget(t *testing.T) {
	eachSwept(t, 30, 200, func(t *testing.T, s *swept) {
		s.now = s.now.Add(5 * time.Minute)
		for range 99 { // of 200 units
			if _, err := s.desk.Conversation(t.Context(), s.ids[0]); err != nil {
				t.Fatal(err)
			}
		}
		before := s.sim.Usage().Requests
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		lists := func(m map[string]int) (n int) {
			for name, times := range m {
				if strings.Contains(name, "GET /v2/conversations") && !strings.Contains(name, "{") {
					n += times
				}
			}
			return n
		}
		if n := lists(s.sim.Usage().Requests) - lists(before); n > 1 {
			t.Errorf("%d lists were asked for", n)
		}
		s.now = s.now.Add(2 * time.Minute)
		if err := s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found := s.found(t); len(found) != len(s.ids) {
			t.Errorf("%d are found in the end, want %d", len(found), len(s.ids))
		}
	})
}

// A reply of which the ticket says what became of it is not sent again, although the ledger that knew of it is lost. One that only says what
// another one says is.
func TestToldAlready(t *testing.T) {
	thread := func(id int64, kind, body string) helpscout.Thread {
		t := helpscout.Thread{ID: id, Type: kind, State: "published", Body: body}
		t.Source.Type, t.Source.Via, t.CreatedBy.Type = "web", "user", "user"
		if kind == "note" {
			t.Source.Type = "api"
		}
		return t
	}
	reply := func(id int64, words string) helpscout.Thread { return thread(id, "message", "<p>"+words+"</p>") }
	note := func(id int64, said, words string) helpscout.Thread {
		return thread(id, "note", said+"<br>\n“"+words+"”")
	}
	const delivered, handed, waits, failed = "Delivered to 617-555-0142.", "Handed to the carrier for 617-555-0142. Whether it arrived is not known yet.",
		"Not sent to 617-555-0142 yet: the carrier does not take texts at the moment.", "NOT DELIVERED to 617-555-0142: the phone is switched off."
	own := thread(2, "note", "I said “yes”")
	own.Source.Type = "web"
	long := "we can help you with that, and with everything else that there is on this side of the river, my dear"
	for name, test := range map[string]struct {
		threads    []helpscout.Thread
		lost, want []int64
	}{
		"nothing is said":               {[]helpscout.Thread{reply(1, "yes")}, []int64{1}, nil},
		"delivered":                     {[]helpscout.Thread{reply(1, "yes"), note(2, delivered, "yes")}, []int64{1}, []int64{1}},
		"failed":                        {[]helpscout.Thread{reply(1, "yes"), note(2, failed, "yes")}, []int64{1}, []int64{1}},
		"handed over":                   {[]helpscout.Thread{reply(1, "yes"), note(2, handed, "yes")}, []int64{1}, []int64{1}},
		"it still waited":               {[]helpscout.Thread{reply(1, "yes"), note(2, waits, "yes")}, []int64{1}, nil},
		"other words":                   {[]helpscout.Thread{reply(1, "yes"), note(2, delivered, "no")}, []int64{1}, nil},
		"before it was written":         {[]helpscout.Thread{note(1, delivered, "yes"), reply(2, "yes")}, []int64{2}, nil},
		"an agent's own note":           {[]helpscout.Thread{reply(1, "yes"), own}, []int64{1}, nil},
		"of the first, which is known":  {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), note(3, delivered, "yes")}, []int64{2}, nil},
		"of the second, which is known": {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), note(3, delivered, "yes")}, []int64{1}, nil},
		"of one of two":                 {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), note(3, delivered, "yes")}, []int64{1, 2}, []int64{1}},
		"of both":                       {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), note(3, handed, "yes"), note(4, delivered, "yes"), note(5, delivered, "yes")}, []int64{1, 2}, []int64{1, 2}},
		"handed over and delivered":     {[]helpscout.Thread{reply(1, "yes"), reply(2, "yes"), note(3, handed, "yes"), note(4, delivered, "yes")}, []int64{1, 2}, []int64{1}},
		"a long one":                    {[]helpscout.Thread{reply(1, long), note(2, delivered, long[:80]+"…")}, []int64{1}, []int64{1}},
		"in other marks":                {[]helpscout.Thread{reply(1, "it’s  on &amp; off"), note(2, delivered, "it's on &amp; off")}, []int64{1}, []int64{1}},
		"a picture only":                {[]helpscout.Thread{reply(1, ""), note(2, delivered, "")}, []int64{1}, nil},
	} {
		got := toldAlready(test.threads, test.lost)
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s: %d are told of, want %d", name, got, test.want)
		}
	}
}
