package telephony

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// A clock that was a day ahead, and is right again, does not end the polling. It is said once.
func TestPollClock(t *testing.T) {
	a := newArchive(t)
	p := a.polls()[0]
	fatal(t, a.poll(t.Context(), p))
	a.now = a.now.Add(24 * time.Hour)
	fatal(t, a.poll(t.Context(), p))
	a.now = a.now.Add(-24*time.Hour + time.Minute)
	_, err := a.sim.Text(caller, "189358", "hello")
	fatal(t, err)
	a.now = a.now.Add(time.Minute)
	if err := a.poll(t.Context(), p); err == nil || a.count("text_in") != 1 {
		t.Errorf("%d texts, %v", a.count("text_in"), err)
	}
	a.now = a.now.Add(time.Minute)
	_, err = a.sim.Text(caller, "189358", "hello?")
	fatal(t, err)
	if err := a.poll(t.Context(), p); err != nil || a.count("text_in") != 2 {
		t.Errorf("then: %d texts, %v", a.count("text_in"), err)
	}
}

// The beginning is not gone back on: what came before, bling load brings.
func TestPollBeginning(t *testing.T) {
	a := newArchive(t)
	a.past(time.Minute, caller, "before")
	for range 3 {
		fatal(t, a.poll(t.Context(), a.polls()[0]))
		a.now = a.now.Add(30 * time.Second)
	}
	if n := a.count("text_in"); n != 0 {
		t.Errorf("%d texts of before", n)
	}
}

// campaigns is a service with hotlines at Mobile Commons, whose API is a handler's, and its log.
func campaigns(t *testing.T, api http.HandlerFunc, ids ...string) (s *Service, log *bytes.Buffer) {
	server := httptest.NewServer(api)
	db, err := sqlstore.Open(t.Context(), sqldbtest.Any(t))
	fatal(t, err)
	t.Cleanup(func() { server.Close(); db.Close() })
	c := Config{PublicURL: "https://hotline.example.org"}
	for i, id := range ids {
		h := hotline.New(hotline.OfCampaign(id), int64(i+1))
		h.Transport = hotline.MobileCommons
		c.Hotlines = append(c.Hotlines, h)
	}
	c.MobileCommons.URL, c.MobileCommons.Username, c.MobileCommons.Password = server.URL, "u", "p"
	log = &bytes.Buffer{}
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	s, err = New(c, Deps{DB: db, Ticketing: &tickets{}, Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return now }})
	fatal(t, err)
	fatal(t, s.beginPolls(t.Context()))
	now = now.Add(time.Minute)
	return s, log
}

// A campaign whose list does not come keeps no other from being looked at.
func TestPollSlow(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	s, _ := campaigns(t, func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("campaign_id")
		if id == "1" {
			<-r.Context().Done()
			return
		}
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, id)
		_, _ = io.WriteString(w, `<response success="true"><messages/></response>`)
	}, "1", "2", "3", "4", "5", "6")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	fatal(t, s.poll(ctx, s.polls()[0]))
	mu.Lock()
	defer mu.Unlock()
	if slices.Sort(asked); strings.Join(asked, "") != "23456" {
		t.Errorf("asked for %v", asked)
	}
	cancel()
	if err := s.poll(ctx, s.polls()[0]); err != nil {
		t.Errorf("without time: %v", err)
	}
}

// A text that nobody can read keeps back none of the others, and is told.
func TestPollUnreadable(t *testing.T) {
	s, log := campaigns(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<response success="true"><messages><message id="1"><phone_number/><body>secret</body></message>`+
			`<message id="2"><phone_number>16175550142</phone_number><body>a&#12;b&nbsp;🙂</body></message></messages></response>`)
	}, "1")
	fatal(t, s.poll(t.Context(), s.polls()[0]))
	var body string
	fatal(t, s.DB.Read.QueryRow(`SELECT body FROM text_in`).Scan(&body))
	if told := log.String(); body != "ab\u00A0🙂" || strings.Count(told, "level=ERROR") != 1 || !strings.Contains(told, "items=1") || strings.Contains(told, "secret") {
		t.Errorf("%q, and the log says %q", body, told)
	}
}

// notebook is a ticketing that keeps notes, or fails.
type notebook struct {
	tickets
	filed []*ticketingv1.FileNoteRequest
	err   error
}

func (n *notebook) FileNote(_ context.Context, r *ticketingv1.FileNoteRequest, _ ...grpc.CallOption) (*ticketingv1.FileNoteResponse, error) {
	n.filed = append(n.filed, r)
	return &ticketingv1.FileNoteResponse{}, n.err
}

// leaves lets somebody join the campaign, and leave it.
func (a *archive) leaves(from string) {
	a.t.Helper()
	for _, body := range []string{"hello", "STOP"} {
		_, err := a.sim.Text(from, "189358", body)
		fatal(a.t, err)
	}
}

// The ticket is told once that a supporter has opted out, whether their STOP or the carrier's list comes first. The key tells nothing of them.
func TestPollOptOuts(t *testing.T) {
	for _, first := range []string{"the list", "the text"} {
		a := newArchive(t)
		desk := &notebook{}
		a.Service.Ticketing = desk
		a.leaves(caller)
		begin, number := a.now.Add(-time.Minute), phone.Number(campaign)
		a.now = a.now.Add(time.Minute)
		texts := func() {
			_, err := a.textsIn(t.Context(), number, begin, a.now)
			fatal(t, err)
			a.deliverAll()
		}
		if first == "the text" {
			texts()
		}
		for range 2 { // it is in the list for as long as that is gone back
			_, err := a.optOuts(t.Context(), number, begin, a.now)
			fatal(t, err)
			if len(desk.filed) != 1 {
				t.Errorf("%s first: notes %v", first, desk.filed)
			}
		}
		texts()
		if len(desk.filed) != 1 {
			t.Fatalf("%s first: notes %v", first, desk.filed)
		}
		n := desk.filed[0]
		if !slices.Contains(n.GetAddTag(), OptedOutTag) || !strings.Contains(n.GetText(), "opted out") || n.GetParty().GetSupporter() != caller ||
			n.GetParty().GetMailboxId() != 206906 || strings.Contains(n.GetKey(), caller[1:]) || n.GetConversationId() != 0 {
			t.Errorf("%s first: %v", first, n)
		}
	}
}

// If the ticket cannot be told, the wish counts all the same, and so do those of the others.
func TestPollOptOutsTicketingDown(t *testing.T) {
	for _, kind := range []errs.Kind{errs.Unavailable, errs.NotFound} {
		a := newArchive(t)
		desk := &notebook{err: errs.New(kind, "no note")}
		a.Service.Ticketing = desk
		for _, from := range writers {
			a.leaves(from)
		}
		number := phone.Number(campaign)
		if whole, err := a.optOuts(t.Context(), number, a.now.Add(-time.Minute), a.now.Add(time.Minute)); !whole || err != nil {
			t.Errorf("%v: whole %v, %v", kind, whole, err)
		}
		keys := map[string]bool{}
		for _, n := range desk.filed {
			keys[n.GetKey()] = true
		}
		if len(keys) != len(writers) {
			t.Errorf("%v: %d notes, want %d", kind, len(keys), len(writers))
		}
		for _, from := range writers {
			if out, err := a.store.OptedOut(t.Context(), number, from); !out || err != nil {
				t.Errorf("%v: they get texts: %v", kind, err)
			}
		}
	}
}
