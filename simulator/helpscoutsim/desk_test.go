package helpscoutsim_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// desk returns the page of a conversation.
func (b *bench) desk(id int64, rest string) (a answer, text string) {
	b.Helper()
	a = b.control("GET", fmt.Sprintf("/sim/inbox/%d%s", id, rest), "")
	return a, string(a.body)
}

// contains checks that a page has all of some parts.
func contains(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in %s", part, page)
		}
	}
}

func TestDesk(t *testing.T) {
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{
		{Name: "Dialer", URL: "https://app.example.org:443/sidebar"},
		{Name: "Same", URL: "https://app.example.org/other"},
		{Name: "Local", URL: "http://127.0.0.1:8080/sidebar"},
		{Name: "Elsewhere", URL: "https://elsewhere.example.org/", MailboxIDs: []int64{office}},
	}})
	id := b.conversation(email)
	if _, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "one<br>two<script>alert(1)</script>"}); err != nil {
		t.Fatal(err)
	}
	a, text := b.desk(id, "?user=7")
	address, _ := b.sim.SidebarURL(1, id, 7)
	contains(t, text, "Text from 617-555-0142</h1>", "one\ntwoalert(1)", `<option value="7" selected>Dana Rivers`,
		`name="app-1" data-origin="https://app.example.org"`, `src="`+html.EscapeString(address)+`"`, `name="app-2"`, `name="app-3"`,
		`sandbox="allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin"`)
	if strings.Contains(text, "alert(1)</script>") || strings.Contains(text, "Elsewhere") {
		t.Errorf("page %s", text)
	}
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; " +
		"frame-src https://app.example.org http://127.0.0.1:8080; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
	if got := a.header.Get("Content-Security-Policy"); a.status != 200 || got != policy {
		t.Errorf("%d, policy %s, want %s", a.status, got, policy)
	}
	for _, file := range []string{"/sim/inbox.js", "/sim/desk.js", "/sim/inbox.css"} {
		if a := b.control("GET", file, ""); a.status != 200 || len(a.body) == 0 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/") {
			t.Errorf("%s: %d %v", file, a.status, a.header)
		}
	}
}

func TestDeskWithoutApps(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	a, text := b.desk(id, "")
	contains(t, text, "No app is installed", `<option value="99" selected>Ada Ray`)
	contains(t, a.header.Get("Content-Security-Policy"), "frame-src 'none';")
}

func TestDeskRefuses(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id, gone := b.conversation(email), b.conversation(email)
	if err := b.sim.Delete(gone); err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		"/sim/inbox/5":                                  404,
		"/sim/inbox/x":                                  404,
		fmt.Sprintf("/sim/inbox/%d", gone):              410,
		fmt.Sprintf("/sim/inbox/%d/threads", gone):      410,
		fmt.Sprintf("/sim/inbox/%d?user=5", id):         404,
		fmt.Sprintf("/sim/inbox/%d?user=x", id):         400,
		fmt.Sprintf("/sim/inbox/%d/threads?user=5", id): 404,
	} {
		if a := b.control("GET", path, ""); a.status != status {
			t.Errorf("%s: %d, want %d", path, a.status, status)
		}
	}
}

var told = regexp.MustCompile(`data-context="([^"]*)"`)

// The part that the script looks for again has what changed, and what the apps may ask for.
func TestDeskThreads(t *testing.T) {
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{{URL: "https://app.example.org/"}}})
	id := b.conversation(email)
	if err := b.sim.SetPhones(email, "617-555-0142"); err != nil {
		t.Fatal(err)
	}
	if err := b.sim.Assign(id, 7); err != nil {
		t.Fatal(err)
	}
	if _, err := b.sim.AgentNote(id, "seen & done"); err != nil {
		t.Fatal(err)
	}
	a, text := b.desk(id, "/threads?user=99")
	contains(t, text, `id="conversation"`, "seen &amp; done", "Hello &amp; \nhi")
	if a.status != 200 || strings.Contains(text, "<iframe") || strings.Contains(text, "<form") {
		t.Errorf("%d %s", a.status, text)
	}
	_, page := b.desk(id, "?user=99")
	contains(t, page, text)

	var context struct {
		Conversation struct {
			ID, Number, MailboxID, CustomerID int64
			Status, Subject                   string
			Assignee                          struct{ ID int64 }
			Tags                              []struct{ Tag string }
		}
		Customer struct {
			ID             int64
			FirstName      string
			Emails, Phones []struct{ Type, Value string }
		}
		Mailbox struct{ Name, Email string }
		User    struct {
			ID                  int64
			FirstName, Initials string
		}
	}
	found := told.FindStringSubmatch(text)
	if found == nil || json.Unmarshal([]byte(html.UnescapeString(found[1])), &context) != nil {
		t.Fatalf("no context in %s", text)
	}
	conv, _ := b.sim.Conversation(id)
	c := context.Conversation
	if c.ID != id || c.Number != conv.Number || c.MailboxID != hotline || c.CustomerID != conv.CustomerID ||
		c.Status != "active" || c.Subject != conv.Subject || c.Assignee.ID != 7 || len(c.Tags) != 1 || c.Tags[0].Tag != "sms" {
		t.Errorf("conversation %+v", c)
	}
	if p := context.Customer; p.ID != conv.CustomerID || p.FirstName != "617-555-0142" || p.Emails[0].Value != email ||
		p.Phones[0].Value != "617-555-0142" || p.Phones[0].Type != "mobile" {
		t.Errorf("customer %+v", p)
	}
	if m, u := context.Mailbox, context.User; m.Name != "Hotline" || m.Email != "hotline@example.org" || u.ID != 99 || u.Initials != "AR" {
		t.Errorf("mailbox %+v, user %+v", m, u)
	}
}

// post sends the page's form, from a page of the given site.
func (b *bench) post(path string, form url.Values, site string) answer {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	w := httptest.NewRecorder()
	b.sim.Control().ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func TestDeskWrites(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	at := func(action string) string { return fmt.Sprintf("/sim/inbox/%d/%s", id, action) }
	back := fmt.Sprintf("/sim/inbox/%d?user=7", id)
	for _, test := range []struct {
		path, user, text, site string
		status                 int
	}{
		{at("reply"), "7", " one\r\ntwo <b>&\n", "same-origin", 303},
		{at("note"), "7", "seen", "same-origin", 303},
		{at("note"), "7", " \r\n", "same-origin", 303}, // nothing
		{at("note"), "5", "seen", "same-origin", 404},
		{at("note"), "7", "seen", "cross-site", 403},
		{"/sim/inbox/5/reply", "7", "seen", "same-origin", 404},
	} {
		a := b.post(test.path, url.Values{"user": {test.user}, "text": {test.text}}, test.site)
		if a.status != test.status || a.status == 303 && strings.TrimSuffix(a.header.Get("Location"), "#written") != back {
			t.Errorf("%+v: %d %v %s", test, a.status, a.header, a.body)
		}
		// The script forgets the draft only then.
		if wrote := strings.HasSuffix(a.header.Get("Location"), "#written"); wrote != (a.status == 303 && strings.TrimSpace(test.text) != "") {
			t.Errorf("%+v: to %s", test, a.header.Get("Location"))
		}
	}
	got, _ := b.sim.Conversation(id)
	if len(got.Threads) != 3 {
		t.Fatalf("threads %+v", got.Threads)
	}
	if th := got.Threads[1]; th.Type != "message" || th.Body != "one<br>two &lt;b&gt;&amp;" || th.CreatedBy.ID != 7 {
		t.Errorf("reply %+v", th)
	}
	if th := got.Threads[2]; th.Type != "note" || th.Body != "seen" || th.CreatedBy.ID != 7 {
		t.Errorf("note %+v", th)
	}
	if a := b.control("POST", fmt.Sprintf("/sim/conversations/%d/note", id), `{"text":"x","user_id":1}`); a.status != 200 {
		t.Errorf("a note by the API: %d %s", a.status, a.body)
	}
	if got, _ := b.sim.Conversation(id); got.Threads[3].CreatedBy.ID != 1 {
		t.Errorf("note %+v", got.Threads[3])
	}
}

// What a legacy app answers is shown where it can do nothing; the rest of the page does not ask it again.
func TestDeskLegacy(t *testing.T) {
	l := serveLegacy(t)
	b := start(t, helpscoutsim.Config{Apps: []helpscoutsim.App{{Name: "Old", URL: l.URL, Secret: "s3cret", Legacy: true}}})
	id := b.conversation(email)
	times := 0
	l.answer = func(w http.ResponseWriter, _ string) {
		times++
		io.WriteString(w, `{"html":"<p>\"Call\" back<script>alert(1)</script></p>"}`)
	}
	a, text := b.desk(id, "")
	contains(t, text, `sandbox="allow-popups allow-popups-to-escape-sandbox"`, `&#34;Call&#34; back&lt;script&gt;`)
	contains(t, a.header.Get("Content-Security-Policy"), "frame-src 'none';")
	if strings.Contains(text, "<script>alert") {
		t.Errorf("page %s", text)
	}
	b.desk(id, "/threads")
	if times != 1 {
		t.Errorf("asked %d times, want once", times)
	}
	l.answer = func(w http.ResponseWriter, _ string) { w.WriteHeader(500) }
	_, text = b.desk(id, "")
	contains(t, text, "the app answered 500")
}
