package switchboard_test

import (
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	"github.com/bling-hotline/bling/services/switchboard"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

const (
	ourNumber = "+15017122661"
	// kim is a number that is found again wherever it is shown.
	kim      = "+16175550142"
	password = "correct horse battery"
)

var start = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

// board is a switchboard under test.
type board struct {
	*switchboard.Service
	t                           *testing.T
	URL                         string
	telephony, ticketing, calls *ledger
	clock                       atomic.Int64 // since start
	log                         lockedLog
	paths                       sync.Map // all addresses that were asked for
	other                       *browser
}

type lockedLog struct {
	sync.Mutex
	strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Builder.Write(p)
}

func (b *board) now() time.Time        { return start.Add(time.Duration(b.clock.Load())) }
func (b *board) later(d time.Duration) { b.clock.Add(int64(d)) }

// open starts a switchboard on a database.
func open(t *testing.T, c sqldb.Config, change ...func(*switchboard.Config)) *board {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &board{t: t, telephony: newLedger(), ticketing: newLedger(), calls: newLedger()}
	config := switchboard.Config{
		Hotlines: hotline.Hotlines{hotline.New(ourNumber, 206906)}, PrivateAddr: "127.0.0.1:9464", TraceURL: "https://traces.example.org/{trace}",
		Patience: 20 * time.Second, Cost: 4,
	}
	config.Hotlines[0].Name = "Help line"
	for _, f := range change {
		f(&config)
	}
	b.Service = switchboard.New(config, switchboard.Deps{
		DB: db, Telephony: b.telephony, Ticketing: b.ticketing, Phones: b.telephony, Dialer: b.calls, Now: b.now,
		Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.paths.Store(r.URL.String(), true)
		b.Pages().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, b *board), change ...func(*switchboard.Config)) {
	t.Helper()
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		t.Parallel()
		test(t, open(t, c, change...))
	})
}

// invite returns the link for somebody.
func (b *board) invite(name string, role switchboardv1.Role) string {
	b.t.Helper()
	res, err := b.InviteOperator(b.t.Context(), &switchboardv1.InviteOperatorRequest{Name: name, Role: role})
	if err != nil {
		b.t.Fatal(err)
	}
	return res.GetLink()
}

// browser is somebody's browser, without script.
type browser struct {
	*board
	http.Client
	site string // what it says of where requests come from
}

func (b *board) browser() *browser {
	jar, _ := cookiejar.New(nil) // it has no options that could be wrong
	return &browser{board: b, Client: http.Client{Jar: jar}, site: "same-origin"}
}

// signedIn is the browser of somebody who was invited.
func (b *board) signedIn(name string, role switchboardv1.Role) *browser {
	b.t.Helper()
	in := b.browser()
	p := in.get(b.invite(name, role))
	p = in.post("/switchboard/invitation", "token", p.field("token"), "password", password)
	p.want(http.StatusOK, "Overview")
	return in
}

func (b *board) operator() *browser { return b.signedIn("anna", switchboardv1.Role_ROLE_OPERATOR) }
func (b *board) viewer() *browser   { return b.signedIn("vera", switchboardv1.Role_ROLE_VIEWER) }

// page is what the browser shows.
type page struct {
	t      *testing.T
	status int
	url    *url.URL
	header http.Header
	body   string
}

var tags = regexp.MustCompile(`<[^>]*>`)

// words is what is to be read on the page.
func (p page) words() string {
	return html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(p.body, " ")), " "))
}

func (p page) want(status int, all ...string) page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%s: %d, want %d: %s", p.url, p.status, status, p.words())
	}
	for _, w := range all {
		if !strings.Contains(p.words(), w) {
			p.t.Fatalf("%s does not say %q: %.2000s", p.url, w, p.words())
		}
	}
	return p
}

func (p page) lacks(all ...string) page {
	p.t.Helper()
	for _, w := range all {
		if strings.Contains(html.UnescapeString(p.body), w) {
			p.t.Fatalf("%s says %q: %s", p.url, w, p.words())
		}
	}
	return p
}

// field is the value of the first hidden field of a name.
func (p page) field(name string) string {
	p.t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("%s has no field %s: %s", p.url, name, p.words())
	}
	return m[1]
}

// link is the address of the first link with some words in it.
func (p page) link(words string) string {
	p.t.Helper()
	for _, m := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(p.body, -1) {
		if strings.Contains(m[2], words) {
			return html.UnescapeString(m[1])
		}
	}
	p.t.Fatalf("%s has no link %q: %s", p.url, words, p.words())
	return ""
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	if b.site != "" {
		r.Header.Set("Sec-Fetch-Site", b.site)
	}
	res, err := b.Client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{b.t, res.StatusCode, res.Request.URL, res.Header, string(body)}
}

func (b *browser) get(path string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, fields ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// entries are those of the audit log, as "who what which: detail", oldest first.
func (b *board) entries() (all []string) {
	b.t.Helper()
	res, err := b.Service.ListAudit(b.t.Context(), &switchboardv1.ListAuditRequest{Limit: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range slices.Backward(res.GetEntries()) {
		all = append(all, fmt.Sprintf("%s %s %s: %s", e.GetWho(), e.GetAction(), e.GetSubject(), e.GetDetail()))
	}
	return all
}

// wantEntry looks for an entry of the audit log.
func (b *board) wantEntry(entry string) {
	b.t.Helper()
	if all := b.entries(); !slices.Contains(all, entry) {
		b.t.Errorf("the audit log does not have %q but %q", entry, all)
	}
}
