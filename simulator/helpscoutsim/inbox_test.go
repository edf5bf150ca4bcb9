package helpscoutsim_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// inbox returns the list.
func (b *bench) inbox(query string) (a answer, text string) {
	b.Helper()
	a = b.control("GET", "/sim/inbox"+query, "")
	return a, string(a.body)
}

var listed = regexp.MustCompile(`<li><a id="c(\d+)"`)

// rowsOf are the ids of the conversations in the list, from the top.
func rowsOf(text string) string {
	var ids []string
	for _, found := range listed.FindAllStringSubmatch(text, -1) {
		ids = append(ids, found[1])
	}
	return strings.Join(ids, " ")
}

func TestInbox(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	a, text := b.inbox("")
	contains(t, text, "Nothing here yet", "0 conversations")
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; " +
		"frame-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
	if got := a.header.Get("Content-Security-Policy"); a.status != 200 || got != policy {
		t.Errorf("%d, policy %s", a.status, got)
	}

	first, second := b.conversation(email), b.conversation("6175550143@sms.example.org")
	if _, err := b.sim.AgentReply(first, helpscoutsim.Reply{Text: "one<br>two &lt;b&gt;<script>alert(1)</script>"}); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Minute)
	if err := b.sim.SetStatus(first, "pending"); err != nil { // a line item, which is no text to be shown
		t.Fatal(err)
	}
	_, text = b.inbox("")
	contains(t, text, "2 conversations", "Text from 617-555-0142", "<b>Ada:</b> one two &lt;b&gt;alert(1)", "Hello &amp; hi", ">sms<", `class="status pending"`,
		fmt.Sprintf(`<a id="c%d" href="/sim/inbox/%d?user=99">`, first, first), "2<span", "1<span", "617-555-0142 · Hotline")
	if got, want := rowsOf(text), fmt.Sprint(first, " ", second); got != want {
		t.Errorf("listed %s, want %s", got, want)
	}
	if strings.Contains(text, "<script>") {
		t.Errorf("inbox: %s", text)
	}

	// Who looks stays who they are.
	_, text = b.inbox("?user=7")
	contains(t, text, `<option value="7" selected>Dana Rivers`, fmt.Sprintf(`href="/sim/inbox/%d?user=7"`, first), `href="/sim/inbox?mailbox=206906&amp;user=7"`)
}

func TestInboxOfMailbox(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	here, there := b.conversation(email), b.conversation(email)
	if err := b.sim.Move(there, office); err != nil {
		t.Fatal(err)
	}
	gone := b.conversation(email)
	if err := b.sim.Delete(gone); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                               fmt.Sprint(there, " ", here),
		"?mailbox=0":                     fmt.Sprint(there, " ", here),
		fmt.Sprint("?mailbox=", office):  fmt.Sprint(there),
		fmt.Sprint("?mailbox=", hotline): fmt.Sprint(here),
	} {
		_, text := b.inbox(query)
		if got := rowsOf(text); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		contains(t, text, `All <span class="count">2</span>`, `Hotline <span class="count">1</span>`, `Office <span class="count">1</span>`)
	}
	_, text := b.inbox(fmt.Sprint("?mailbox=", office))
	contains(t, text, "1 conversation<", `aria-current="page">Office`, `data-from="/sim/inbox?mailbox=206907&amp;user=99"`, `<input type="hidden" name="mailbox" value="206907">`)
	for query, status := range map[string]int{"?mailbox=5": 404, "?mailbox=x": 400, "?user=5": 404} {
		if a, _ := b.inbox(query); a.status != status {
			t.Errorf("%s: %d, want %d", query, a.status, status)
		}
	}
}

func TestInboxShowsTheLatest(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1})
	for range 103 {
		b.clock.advance(time.Second)
		b.conversation(email)
	}
	_, text := b.inbox("")
	contains(t, text, "103 conversations, the 100 that changed last")
	if rows := strings.Fields(rowsOf(text)); len(rows) != 100 || rows[0] != "2571103" {
		t.Errorf("%d rows from %s", len(rows), rows[0])
	}
}

// Times of today are short, and each says in full when it was.
func TestInboxTimes(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	b.conversation(email)
	at := b.clock.Now().Local()
	full := fmt.Sprintf(`<time datetime=%q title=%q>`, at.Format(time.RFC3339), at.Format("Monday 2 January 2006, 15:04:05"))
	for _, later := range []struct {
		by     time.Duration
		layout string
	}{{0, "15:04"}, {25 * time.Hour, "2 Jan, 15:04"}, {365 * 24 * time.Hour, "2 Jan 2006, 15:04"}} {
		b.clock.advance(later.by)
		_, text := b.inbox("")
		contains(t, text, strings.ReplaceAll(full, "+", "&#43;")+at.Format(later.layout)+"</time>")
	}
}

// A subject, a name and a text of a stranger are words, whatever they look like.
func TestInboxEscapes(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	const evil = `\"><script>alert(1)</script>`
	id := b.want(201, "POST", "/v2/conversations", fmt.Sprintf(`{"subject":"%s","type":"phone","mailboxId":%d,"status":"active",
		"customer":{"email":%q,"firstName":"%s"},"tags":["%s"],"autoReply":false,
		"threads":[{"type":"customer","customer":{"email":%q},"text":"&lt;script&gt;alert(2)&lt;/script&gt; javascript:alert(3) https://a.example/&quot;onclick=alert(4) x"}]}`,
		evil, hotline, email, evil, evil, email)).id(t)
	_, list := b.inbox("")
	_, desk := b.desk(id, "")
	for _, text := range []string{list, desk} {
		if strings.Contains(text, "<script>") || strings.Contains(text, `"><`+"script") || strings.Contains(text, `href="javascript`) {
			t.Errorf("page %s", text)
		}
		contains(t, text, "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(2)&lt;/script&gt; javascript:alert(3)")
	}
	contains(t, desk, `<a href="https://a.example/" target="_blank" rel="noopener noreferrer">https://a.example/</a>&#34;onclick=alert(4) x`)
}
