package ticketing_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// before puts a handler before a Help Scout. It reports true when it has answered itself.
func before(t *testing.T, address string, handle func(w http.ResponseWriter, r *http.Request) bool) (front string) {
	t.Helper()
	target, err := url.Parse(address)
	check(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handle(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A note whose answer was lost is found in the old, full conversation; the texts go on in the new one.
func TestUnclearNoteInOldConversation(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		old := d.text("SM1", "first").GetConversationId()
		for i := range 89 {
			d.text(fmt.Sprintf("SM-%d", i), "more")
		}
		d.sim.Faults().Set(fault.Switches{DropAfterNext: 1, Path: fmt.Sprintf("/v2/conversations/%d/notes", old)})
		next := d.text("SM2", "next").GetConversationId()
		// The notes are posted in order: when the second one is there, the first one's fate is known.
		check(t, d.sim.Wait(t.Context(), func(s *helpscoutsim.Sim) bool {
			c, _ := s.Conversation(next)
			return noteWith(c, "/conversation/")
		}))
		if got := d.text("SM3", "and on").GetConversationId(); got != next || next == old {
			t.Errorf("first %d, then %d, then %d", old, next, got)
		}
		if c, _ := d.sim.Conversation(old); strings.Count(fmt.Sprint(c.Threads), "This conversation is full") != 1 {
			t.Error("the note is not there once")
		}
	})
}

// Trouble with our credentials says nothing of a text: it waits.
func TestTokenTrouble(t *testing.T) {
	sim, address := newSim(t)
	status := 0
	d := start(t, sqldbtest.Any(t), sim, before(t, address, func(w http.ResponseWriter, r *http.Request) bool {
		bad := status != 0 && r.URL.Path == "/v2/oauth2/token"
		if bad {
			w.WriteHeader(status)
		}
		return bad
	}))
	d.text("SM0", "first")
	for _, bad := range []int{400, 401, 404, 409, 413, 500} {
		sim.RevokeTokens()
		status = bad
		key := fmt.Sprintf("SM%d", bad)
		_, err := d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{Key: key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Body: key})
		if kind := errs.KindOf(err); kind != errs.Unavailable && kind != errs.RateLimited {
			t.Errorf("token endpoint answers %d: %v", bad, err)
		}
		status = 0
		d.text(key, key)
	}
	if n := len(bodies(d.one())); n != 7 {
		t.Errorf("%d texts", n)
	}
}

// A file that Help Scout takes its time over, after we gave up on it, is not attached twice.
func TestSlowUpload(t *testing.T) {
	sim, address := newSim(t)
	var upload *http.Request
	d := start(t, sqldbtest.Any(t), sim, before(t, address, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/attachments") && upload == nil:
			body := new(strings.Builder)
			if err := r.Write(body); err != nil {
				t.Error(err)
			}
			_, data, _ := strings.Cut(body.String(), "\r\n\r\n")
			upload, _ = http.NewRequest(r.Method, address+r.URL.Path, strings.NewReader(data))
			upload.Header = r.Header.Clone()
			w.WriteHeader(http.StatusGatewayTimeout)
			return true
		case strings.HasSuffix(r.URL.Path, "/threads") && upload != nil && upload.URL.Host != "":
			// It is done right after we have looked for it.
			defer func() {
				res, err := http.DefaultClient.Do(upload)
				if err != nil || res.StatusCode != 201 {
					t.Errorf("late upload: %v, %v", res, err)
				}
				upload = &http.Request{URL: &url.URL{}}
			}()
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"_embedded":{"threads":[{"id":%d,"type":"customer","body":"look","createdAt":"2026-01-01T00:00:00Z"}]}}`, newestThread(sim))
			return true
		}
		return false
	}))
	d.text("MM0", "first")
	d.text("MM1", "look", "image/png")
	for {
		_, err := d.AttachMedia(t.Context(), &ticketingv1.AttachMediaRequest{Key: "MM1:0", TextKey: "MM1", FileName: "a.png", MimeType: "image/png", Data: []byte("png")})
		if err == nil {
			break
		}
		if errs.KindOf(err) != errs.Unavailable {
			t.Fatal(err)
		}
	}
	files := 0
	for _, th := range d.one().Threads {
		files += len(th.Attachments)
	}
	if files != 1 {
		t.Errorf("%d attachments", files)
	}
}

// newestThread is the id of the newest thread there is.
func newestThread(sim *helpscoutsim.Sim) (id int64) {
	for _, c := range sim.ConversationsOf(address) {
		for _, th := range c.Threads {
			id = max(id, th.ID)
		}
	}
	return id
}

// Trouble with our own database is no verdict on a text either.
func TestDatabaseTrouble(t *testing.T) {
	sim, address := newSim(t)
	dir := t.TempDir()
	d := start(t, sqldb.Config{Dir: dir}, sim, address)
	d.text("SM1", "first")
	raw := rawSQLite(t, filepath.Join(dir, "ticketing.db"))
	_, err := raw.Exec(`ALTER TABLE entry RENAME TO away`)
	check(t, err)
	_, err = d.RecordInboundText(t.Context(), &ticketingv1.RecordInboundTextRequest{Key: "SM2", Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller}, Body: "second"})
	if errs.KindOf(err) != errs.Unavailable {
		t.Error(err)
	}
	_, err = raw.Exec(`ALTER TABLE away RENAME TO entry`)
	check(t, err)
	d.text("SM2", "second")
	if got := strings.Join(bodies(d.one()), "|"); got != "first|second" {
		t.Error(got)
	}
}

// rawSQLite opens a database beside the service that owns it.
func rawSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	check(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}
