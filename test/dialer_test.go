package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// danaID and adaID are users of the simulated Help Scout.
const (
	danaID = 7
	adaID  = 99
)

// browser is an agent's browser, without script.
type browser struct {
	*backs
	http.Client
	base  string
	later func(time.Duration) // sets the clock, from what it really is
}

func (b *backs) browser() *browser {
	jar, _ := cookiejar.New(nil) // it has no options that could be wrong
	return &browser{backs: b, Client: http.Client{Jar: jar}, base: b.URL}
}

// page is what the browser shows.
type page struct {
	status int
	url    *url.URL
	header http.Header
	body   string
	form   url.Values // the hidden and filled fields of its first form that is not the one to sign out
	action string
}

func (p page) has(all ...string) error {
	for _, w := range all {
		if !strings.Contains(p.body, w) {
			return fmt.Errorf("%s (%d) does not say %q:\n%s", p.url, p.status, w, words(p.body))
		}
	}
	return nil
}

func words(body string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " ")
}

func (b *browser) show(res *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{status: res.StatusCode, url: res.Request.URL, header: res.Header, body: string(body), form: url.Values{}}
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		b.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		attr := func(name string) string {
			for _, a := range n.Attr {
				if a.Key == name {
					return a.Val
				}
			}
			return ""
		}
		switch {
		case n.Data == "form" && attr("action") != "/dialer/sign-out" && p.action == "":
			p.action = attr("action")
		case n.Data == "input" && p.action != "":
			p.form.Set(attr("name"), attr("value"))
		}
	}
	return p
}

func (b *browser) get(address string) page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	return b.show(b.Get(address))
}

// submit sends a page's form as a browser does.
func (b *browser) submit(p page, fields ...string) page {
	b.t.Helper()
	form := url.Values{}
	for name, values := range p.form {
		form[name] = values
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.post(p.action, form, "same-origin")
}

func (b *browser) post(path string, form url.Values, site string) page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	return b.show(b.Do(r))
}

// sidebar is what Help Scout shows beside Kim's ticket.
func (b *browser) sidebar(user int64) page {
	b.t.Helper()
	address, err := b.HelpScout.SidebarURL(1, b.conversation, user)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.get(address)
}

var callBackLink = regexp.MustCompile(`href="([^"]*/dialer/open[^"]*)"`)

// follow opens the dialer from the sidebar.
func (b *browser) follow(sidebar page) page {
	b.t.Helper()
	link := callBackLink.FindStringSubmatch(sidebar.body)
	if link == nil {
		b.t.Fatalf("no button in the sidebar: %s", words(sidebar.body))
	}
	return b.get(html.UnescapeString(link[1]))
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// texted waits for the nth text to a phone, and returns the code in it.
func (b *backs) texted(number string, n int) string {
	b.t.Helper()
	if err := b.Twilio.Wait(b.t.Context(), func(s *twiliosim.Sim) bool { return len(s.Inbox(number)) >= n }); err != nil {
		b.t.Fatalf("no text to %s: %v", number, err)
	}
	return sixDigits.FindString(b.Twilio.Inbox(number)[n-1].Body)
}

var noteCode = regexp.MustCompile(`code for that is ([0-9]{6})`)

// noted waits for the nth note with a code in Kim's ticket, and returns the code.
func (b *backs) noted(n int) string {
	b.t.Helper()
	codes := func() (codes []string) {
		v, _ := b.HelpScout.Conversation(b.conversation)
		for _, t := range v.Threads {
			if m := noteCode.FindStringSubmatch(t.Body); t.Type == "note" && m != nil {
				codes = append(codes, m[1])
			}
		}
		return codes
	}
	if err := b.HelpScout.Wait(b.t.Context(), func(*helpscoutsim.Sim) bool { return len(codes()) >= n }); err != nil {
		b.t.Fatalf("no note with a code: %v", err)
	}
	return codes()[n-1]
}

// enrol sets an agent up, from the sidebar to the dial page.
func (b *browser) enrol(user int64, number string) page {
	b.t.Helper()
	notes, texts := 0, len(b.Twilio.Inbox(number))
	if v, _ := b.HelpScout.Conversation(b.conversation); true {
		for _, t := range v.Threads {
			if noteCode.MatchString(t.Body) {
				notes++
			}
		}
	}
	codes := b.submit(b.follow(b.sidebar(user)), "number", number)
	b.want(codes, http.StatusOK, "Enter the codes")
	dial := b.submit(codes, "note_code", b.noted(notes+1), "text_code", b.texted(number, texts+1))
	b.want(dial, http.StatusOK, "Dial")
	return dial
}

func (b *browser) want(p page, status int, all ...string) {
	b.t.Helper()
	if err := p.has(all...); err != nil {
		b.t.Fatal(err)
	}
	if p.status != status {
		b.t.Fatalf("%s: %d, want %d: %s", p.url, p.status, status, words(p.body))
	}
}

func (b *browser) audited(action string) (n int) {
	b.t.Helper()
	res, err := b.Dialer.ListAudit(b.t.Context(), &dialerv1.ListAuditRequest{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range res.GetEntries() {
		if e.GetAction() == action {
			n++
		}
	}
	return n
}

func eachBrowser(t *testing.T, test func(t *testing.T, b *browser), change ...func(*hotlinetest.Options)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		t.Parallel()
		var later atomic.Int64
		o := hotlinetest.Options{DB: c, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }}
		for _, f := range change {
			f(&o)
		}
		b := startBacks(t, o).browser()
		b.later = func(d time.Duration) { later.Store(int64(d)) }
		test(t, b)
	})
}

// The whole way of an agent without script: sidebar, set up, dial, follow, note; later they sign in with the phone.
func TestDialer(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		side := b.sidebar(danaID)
		b.want(side, http.StatusOK, "617-555-0142", "Call back", "None yet.")
		dial := b.enrol(danaID, dana)
		b.want(dial, http.StatusOK, "617-555-0142", "617-555-0177", "#")

		b.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
		b.Twilio.SetHandset(kim, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "connected", After: after(time.Second), HangUp: true}}})
		call := b.submit(dial)
		b.want(call, http.StatusOK, "Call to", "http-equiv=\"refresh\"")
		b.wantNote("Dana Rivers called back")
		b.want(b.get(call.url.Path), http.StatusOK, "You talked for 1 s.", "Call again")

		b.want(b.sidebar(danaID), http.StatusOK, "Called back by Dana Rivers, 1 s")
		legacy, err := b.HelpScout.LegacySidebar(t.Context(), 1, b.conversation, danaID)
		if err != nil || !strings.Contains(legacy, "617-555-0142") || !strings.Contains(legacy, "/dialer/open?ticket=") {
			t.Errorf("the legacy app shows %q, %v", legacy, err)
		}

		// Signed out, the address of the call is worth nothing; signed in again, it is there.
		out := b.post("/dialer/sign-out", nil, "same-origin")
		b.want(out, http.StatusOK, "Sign in")
		in := b.get(call.url.Path)
		b.want(in, http.StatusOK, "Sign in")
		texts := len(b.Twilio.Inbox(dana))
		codes := b.submit(in, "number", "617-555-0177")
		b.want(codes, http.StatusOK, "Enter the code", "77")
		b.want(b.submit(codes, "text_code", b.texted(dana, texts+1)), http.StatusOK, "You talked for 1 s.")
		b.want(b.get("/dialer/"), http.StatusOK, "Dana Rivers")
		b.want(b.get(fmt.Sprintf("/dialer/?conversation=%d", b.conversation)), http.StatusOK, "617-555-0142")

		for _, action := range []string{"asked for codes to be set up", "was set up", "started a call", "signed out", "asked for a code to sign in", "signed in"} {
			if b.audited(action) != 1 {
				t.Errorf("the audit log says %d times that somebody %s", b.audited(action), action)
			}
		}
	})
}

// An agent changes the phone: the new one must be theirs, the old one is told, and other browsers are signed out.
func TestDialerChangePhone(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		const other = "+16175550178"
		b.enrol(danaID, dana)
		elsewhere := b.backs.browser()
		codes := elsewhere.submit(elsewhere.get("/dialer/sign-in"), "number", dana)
		b.want(elsewhere.submit(codes, "text_code", b.texted(dana, 2)), http.StatusOK, "Dana Rivers")

		change := b.get("/dialer/phone")
		b.want(change, http.StatusOK, "617-555-0177")
		b.want(b.submit(change, "number", "+19005550142"), http.StatusUnprocessableEntity, "Numbers of this kind are not called")
		const stopped = "+16175550179"
		b.write(stopped, "STOP")
		b.want(b.submit(change, "number", stopped), http.StatusUnprocessableEntity, "STOP", "Text START")
		codes = b.submit(change, "number", other)
		b.want(b.submit(codes, "text_code", "000000x"), http.StatusUnprocessableEntity, "not the code")
		b.want(b.submit(codes, "text_code", b.texted(other, 1)), http.StatusOK, "617-555-0178")
		if err := b.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool { return len(s.Inbox(dana)) == 3 }); err != nil {
			t.Fatal(err)
		}
		if told := b.Twilio.Inbox(dana)[2].Body; !strings.Contains(told, "is now another one") {
			t.Errorf("the old phone is told %q", told)
		}
		b.want(elsewhere.get("/dialer/phone"), http.StatusOK, "Sign in")
		b.want(b.get("/dialer/phone"), http.StatusOK, "617-555-0178")
	})
}

// Without the app's secret there is no way in, and the rest of the hotline works.
func TestSidebarNotices(t *testing.T) {
	t.Parallel()
	office := func(o *hotlinetest.Options) {
		o.HelpScout = func(c *helpscoutsim.Config) { c.Apps[0].MailboxIDs = append(c.Apps[0].MailboxIDs, 206907) }
	}
	eachBrowser(t, func(t *testing.T, b *browser) {
		sign := func(query string) string {
			return b.URL + "/bling/sidebar?" + query + "&X-HelpScout-Signature=" + url.QueryEscape(signature.App(helpscoutsim.DefaultAppSecret, query))
		}
		for query, words := range map[string]string{
			"conversation-id=1&mailbox-id=206906&user-id=7":                                  "not one of the hotline",
			fmt.Sprintf("conversation-id=%d&mailbox-id=206907&user-id=7", b.conversation):    "not one of the hotline",
			fmt.Sprintf("conversation-id=%d&mailbox-id=206906", b.conversation):              "does not say who you are",
			fmt.Sprintf("conversation-id=%d&mailbox-id=206906&user-id=%%00", b.conversation): "does not say who you are",
			"":      "not one of the hotline",
			"a=b&c": "not one of the hotline",
		} {
			b.want(b.get(sign(query)), http.StatusOK, words)
		}
		b.write(kim, "no calls")
		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(b.sidebar(danaID), http.StatusOK, "Asked not to be called", "No call back.")
		b.write(kim, "STOP")
		b.want(b.sidebar(danaID), http.StatusOK, "Asked for no more texts")
	}, office)
}
