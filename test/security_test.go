package test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// The tests of docs/security.md; each names its paragraph.

// 1. A sidebar URL is replayed or forwarded.
func TestSecuritySidebarURL(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		address, err := b.HelpScout.SidebarURL(1, b.conversation, danaID)
		if err != nil {
			t.Fatal(err)
		}
		good, _ := url.Parse(address)
		for range 2 { // replayed: the sidebar, and no session
			p := b.get(address)
			b.want(p, http.StatusOK, "Call back")
			if len(p.header.Values("Set-Cookie")) > 0 {
				t.Error("the sidebar sets a cookie")
			}
			b.want(b.follow(p), http.StatusOK, "Set up your phone")
		}
		b.want(b.get("/dialer/"), http.StatusOK, "Sign in")
		first, rest, _ := strings.Cut(good.RawQuery, "&")
		for name, query := range map[string]string{
			"changed": strings.Replace(good.RawQuery, "user-id=7", "user-id=99", 1), "reordered": rest + "&" + first, "added": good.RawQuery + "&user-id=99",
			"doubled": good.RawQuery + "&" + first, "unsigned": strings.Split(good.RawQuery, "&X-HelpScout")[0], "empty": "", "broken": "%zz&" + good.RawQuery,
			"by another": "a=1&X-HelpScout-Signature=" + url.QueryEscape(signature.App("another secret", "a=1")),
		} {
			if p := b.get("/bling/sidebar?" + query); p.status != http.StatusForbidden || strings.Contains(p.body, "0142") {
				t.Errorf("%s: %d %s", name, p.status, words(p.body))
			}
		}
		// A body that Help Scout has signed with the secret of the webhooks is none for the sidebar.
		body := `{"ticket":{"id":"1"}}`
		r, _ := http.NewRequest(http.MethodPost, b.URL+"/bling/sidebar", strings.NewReader(body))
		r.Header.Set("X-HelpScout-Signature", signature.HelpScout(helpscoutsim.DefaultWebhookSecret, []byte(body)))
		if p := b.show(b.Do(r)); p.status != http.StatusForbidden {
			t.Errorf("the legacy sidebar answers %d", p.status)
		}
	})
}

// 2. A stranger has the dialer's link.
func TestSecurityStranger(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		link := html2url(callBackLink.FindStringSubmatch(b.sidebar(danaID).body)[1])
		ticket := link.Query().Get("ticket")
		for _, bad := range []string{"", "x", ".", ticket[:len(ticket)-2], "A" + ticket, strings.Split(ticket, ".")[0] + ".", ticket + "." + ticket} {
			b.want(b.get("/dialer/open?ticket="+url.QueryEscape(bad)), http.StatusForbidden, "does not work any more")
			b.want(b.post("/dialer/enrol", url.Values{"ticket": {bad}, "number": {dana}}, "same-origin"), http.StatusForbidden, "does not work any more")
		}
		b.enrol(danaID, dana)
		call := b.submit(b.get(fmt.Sprintf("/dialer/conversations/%d", b.conversation)))
		b.want(call, http.StatusOK, "Call to")
		b.later(9 * time.Hour)
		b.want(b.get("/dialer/open?ticket="+url.QueryEscape(ticket)), http.StatusForbidden, "does not work any more")
		b.want(b.get(call.url.Path), http.StatusOK, "Sign in") // the session has ended, too
		b.later(0)

		stranger := b.backs.browser()
		for _, path := range []string{"/dialer/", call.url.Path, "/dialer/phone", fmt.Sprintf("/dialer/conversations/%d", b.conversation)} {
			if p := stranger.get(path); !strings.Contains(p.body, "Sign in") || strings.Contains(p.body, "0142") {
				t.Errorf("%s shows a stranger: %s", path, words(p.body))
			}
		}
		for _, path := range []string{call.url.Path + "/cancel", "/dialer/phone", "/dialer/sign-out", fmt.Sprintf("/dialer/conversations/%d/call", b.conversation)} {
			b.want(stranger.post(path, nil, "same-origin"), http.StatusUnauthorized, "not signed in")
		}
		r, _ := http.NewRequest(http.MethodGet, b.URL+call.url.Path+"/events", nil)
		r.Header.Set("Accept", "text/event-stream")
		if p := stranger.show(stranger.Do(r)); p.status != http.StatusUnauthorized {
			t.Errorf("a stranger follows a call: %d", p.status)
		}
		for _, path := range []string{"/dialer/calls/a%00b", "/dialer/calls/%ff", "/dialer/calls/" + strings.Repeat("A", 4000)} {
			b.want(b.get(path), http.StatusNotFound, "nothing here")
		}
		for _, id := range []string{"a\x00b", "\xff", strings.Repeat("a", 10_000)} {
			b.want(b.post("/dialer/codes", url.Values{"id": {id}, "text_code": {id}, "note_code": {id}}, "same-origin"), http.StatusGone, "does not work any more")
		}
		if n := b.audited("came with a link that is not good"); n > 1 { // of those only one was signed for somebody
			t.Errorf("strangers wrote %d entries into the audit log", n)
		}
		// Another agent of the same mailbox does not see it either.
		other := b.backs.browser()
		other.enrol(adaID, "+16175550178")
		for _, p := range []page{other.get(call.url.Path), other.get(call.url.Path + "/events"), other.post(call.url.Path+"/cancel", nil, "same-origin")} {
			if p.status != http.StatusNotFound {
				t.Errorf("another agent sees %s: %d", p.url.Path, p.status)
			}
		}
	})
}

func html2url(escaped string) *url.URL {
	u, _ := url.Parse(strings.ReplaceAll(escaped, "&amp;", "&"))
	return u
}

// 3. Somebody poses as an agent.
func TestSecurityPosing(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		b.enrol(danaID, dana)
		posing := b.backs.browser()
		p := posing.follow(posing.sidebar(danaID))
		b.want(p, http.StatusOK, "Sign in") // they are set up: no codes by note any more
		ticket := html2url(callBackLink.FindStringSubmatch(posing.sidebar(danaID).body)[1]).Query().Get("ticket")
		p = posing.post("/dialer/enrol", url.Values{"ticket": {ticket}, "number": {"+16175550178"}}, "same-origin")
		b.want(p, http.StatusUnprocessableEntity, "You are set up with another phone")
		for i := 0; p.status == http.StatusUnprocessableEntity; i++ { // to try out numbers is to ask for codes
			if i > 10 {
				t.Fatal("the number can be tried out for ever")
			}
			p = posing.post("/dialer/enrol", url.Values{"ticket": {ticket}, "number": {fmt.Sprintf("+1617555%04d", 200+i)}}, "same-origin")
		}
		b.want(p, http.StatusTooManyRequests, "Too many codes")
		// The phone of one agent cannot become another one's.
		codes := posing.submit(posing.follow(posing.sidebar(adaID)), "number", dana)
		p = posing.submit(codes, "note_code", b.noted(2), "text_code", b.texted(dana, 2))
		b.want(p, http.StatusConflict, "another agent")
		v, _ := b.HelpScout.Conversation(b.conversation)
		if note := v.Threads[len(v.Threads)-1].Body; !strings.Contains(note, "Ada Ray") || !strings.Contains(note, "ends in 77") {
			t.Errorf("colleagues are told %q", note)
		}
		// An operator revokes: at once, everywhere, and in the middle of a call.
		b.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
		b.Twilio.SetHandset(kim, twiliosim.Handset{Answer: true})
		b.submit(b.get(fmt.Sprintf("/dialer/conversations/%d", b.conversation)))
		if err := b.Twilio.Wait(t.Context(), func(*twiliosim.Sim) bool { return b.rang(kim) == 1 }); err != nil {
			t.Fatal(err)
		}
		b.want(b.get("/dialer/"), http.StatusOK, "Dana Rivers")
		if _, err := b.Dialer.RevokeAgent(t.Context(), &dialerv1.RevokeAgentRequest{UserId: danaID}); err != nil {
			t.Fatal(err)
		}
		b.want(b.get("/dialer/"), http.StatusOK, "Sign in")
		if err := b.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool {
			return !slices.ContainsFunc(s.Legs(), func(l twiliosim.Leg) bool { return l.Ended.IsZero() })
		}); err != nil {
			t.Error("a revoked agent goes on talking")
		}
		if agents, err := b.Dialer.ListAgents(t.Context(), &dialerv1.ListAgentsRequest{}); err != nil || len(agents.GetAgents()) != 0 {
			t.Errorf("%v, %v", agents, err)
		}
	})
}

// 4. Codes are guessed.
func TestSecurityGuessing(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		codes := b.submit(b.follow(b.sidebar(danaID)), "number", dana)
		note, sms := b.noted(1), b.texted(dana, 1)
		wrong := "000000"
		if note == wrong || sms == wrong {
			wrong = "000001"
		}
		// Many at once: five tries and no more, and nobody learns which code was right.
		var all sync.WaitGroup
		var tried atomic.Int32
		for i := range 12 {
			all.Go(func() {
				form := url.Values{"id": codes.form["id"], "note_code": {note}, "text_code": {wrong}}
				if i%2 == 0 {
					form = url.Values{"id": codes.form["id"], "note_code": {wrong}, "text_code": {sms}}
				}
				guesser := b.backs.browser()
				if p := guesser.post("/dialer/codes", form, "same-origin"); p.status == http.StatusUnprocessableEntity {
					tried.Add(1)
				} else if p.status != http.StatusGone {
					t.Errorf("%d: %s", p.status, words(p.body))
				}
			})
		}
		all.Wait()
		if tried.Load() != 5 {
			t.Errorf("%d tries", tried.Load())
		}
		b.want(b.submit(codes, "note_code", note, "text_code", sms), http.StatusGone, "does not work any more")

		// Of two that give the right codes at once, one is signed in; and they work once.
		codes = b.submit(b.follow(b.sidebar(danaID)), "number", dana)
		note, sms = b.noted(2), b.texted(dana, 2)
		var in atomic.Int32
		for range 4 {
			all.Go(func() {
				p := b.backs.browser().post("/dialer/codes", url.Values{"id": codes.form["id"], "note_code": {note}, "text_code": {sms}}, "same-origin")
				if p.status == http.StatusOK {
					in.Add(1)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d sessions by one code", in.Load())
		}
		// After ten minutes they do not.
		signIn := b.submit(b.get("/dialer/sign-in"), "number", dana)
		sms = b.texted(dana, 3)
		b.later(11 * time.Minute)
		b.want(b.submit(signIn, "text_code", sms), http.StatusGone, "does not work any more")
		b.later(0)
		b.want(b.post("/dialer/codes", url.Values{"id": {"nobody's"}, "text_code": {""}}, "same-origin"), http.StatusGone, "does not work any more")

		// Too many are not given, however many ask at once.
		texts := len(b.Twilio.Inbox(dana))
		for range 12 {
			all.Go(func() {
				asker := b.backs.browser()
				asker.post("/dialer/sign-in", url.Values{"number": {dana}}, "same-origin")
			})
		}
		all.Wait()
		b.want(b.submit(b.get("/dialer/sign-in"), "number", dana), http.StatusTooManyRequests, "Too many codes")
		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(b.Twilio.Inbox(dana)); n > texts+5 {
			t.Errorf("%d codes within an hour", n)
		}
	})
}

// 5. Numbers are probed at the sign-in.
func TestSecurityProbing(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		b.enrol(danaID, dana)
		anybody := b.backs.browser()
		strip := func(p page) string { return strings.ReplaceAll(p.body, p.form.Get("id"), "") }
		known := anybody.submit(anybody.get("/dialer/sign-in"), "number", dana)
		unknown := anybody.submit(anybody.get("/dialer/sign-in"), "number", "+16175550677")
		if known.status != unknown.status || strip(known) != strip(unknown) || len(known.form.Get("id")) != len(unknown.form.Get("id")) {
			t.Errorf("an agent's number: %d %s\nnobody's: %d %s", known.status, words(known.body), unknown.status, words(unknown.body))
		}
		for _, guess := range []string{"", "000000"} {
			b.want(anybody.submit(unknown, "text_code", guess), http.StatusUnprocessableEntity, "not the code")
		}
		if n := len(b.Twilio.Inbox("+16175550677")); n != 0 {
			t.Errorf("nobody's number got %d texts", n)
		}
	})
}

// 6. An agent of another mailbox.
func TestSecurityOtherMailbox(t *testing.T) {
	t.Parallel()
	const second, office = "+15017122662", 206907
	two := func(o *hotlinetest.Options) {
		o.Hotlines = hotline.Hotlines{hotline.New(simulator.Hotline, simulator.MailboxID), hotline.New(second, office)}
		o.HelpScout = func(c *helpscoutsim.Config) {
			c.Users = []helpscoutsim.User{
				{ID: 1, First: "Bling", Last: "App"}, {ID: adaID, First: "Ada", Last: "Ray", Mailboxes: []int64{office}}, {ID: danaID, First: "Dana", Last: "Rivers"},
			}
			c.Apps[0].MailboxIDs = append(c.Apps[0].MailboxIDs, office)
		}
	}
	eachBrowser(t, func(t *testing.T, b *browser) {
		// Ada works in the office only: a sidebar URL in her name for the hotline's conversation gets her nothing.
		b.want(b.follow(b.sidebar(adaID)), http.StatusForbidden, "You do not work in this mailbox")
		dial := b.enrol(danaID, dana)
		// What Dana has proved for the hotline is worth nothing in the office: she proves it there.
		if _, err := b.Twilio.Text(t.Context(), twiliosim.Text{From: "+16175550143", To: second, Body: "Hello, office"}); err != nil {
			t.Fatal(err)
		}
		if err := b.HelpScout.Wait(t.Context(), func(s *helpscoutsim.Sim) bool { return len(s.ConversationsIn(office)) == 1 }); err != nil {
			t.Fatal(err)
		}
		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		there := b.HelpScout.ConversationsIn(office)[0].ID
		path := fmt.Sprintf("/dialer/conversations/%d", there)
		p := b.get(path)
		b.want(p, http.StatusOK, "Set up your phone")
		if strings.Contains(p.body, "0143") {
			t.Error("she sees whose conversation it is")
		}
		press := dial.form.Get("press")
		b.want(b.post(path+"/call", url.Values{"press": {press}}, "same-origin"), http.StatusOK, "Set up your phone")
		// A press of one conversation is none of another.
		b.want(b.post(fmt.Sprintf("/dialer/conversations/%d/call", b.conversation), url.Values{"press": {press + "x"}}, "same-origin"), http.StatusUnprocessableEntity, "too old")
		// Who leaves the mailbox, or the organisation, is out at once.
		b.want(b.get(fmt.Sprintf("/dialer/conversations/%d", b.conversation)), http.StatusOK, "Dial")
		b.HelpScout.SetUser(helpscoutsim.User{ID: danaID, First: "Dana", Last: "Rivers", Mailboxes: []int64{office}})
		b.want(b.get(fmt.Sprintf("/dialer/conversations/%d", b.conversation)), http.StatusForbidden, "You do not work in this mailbox")
		b.want(b.submit(dial), http.StatusForbidden, "You do not work in this mailbox")
		b.HelpScout.RemoveUser(danaID)
		b.want(b.get(path), http.StatusForbidden, "You do not work in this mailbox")
		if b.rang(dana)+b.rang(kim)+b.rang("+16175550143") != 0 {
			t.Error("somebody was rung")
		}
	}, two)
}

// 7. Another site sends a form.
func TestSecurityOtherSite(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		dial := b.enrol(danaID, dana)
		for _, site := range []string{"cross-site", "same-site"} {
			for _, path := range []string{dial.action, "/dialer/sign-out", "/dialer/phone", "/dialer/codes", "/dialer/sign-in", "/dialer/enrol"} {
				if p := b.post(path, dial.form, site); p.status != http.StatusForbidden {
					t.Errorf("%s from %s: %d", path, site, p.status)
				}
			}
		}
		r, _ := http.NewRequest(http.MethodPost, b.URL+dial.action, strings.NewReader(dial.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://evil.example") // an older browser
		if p := b.show(b.Do(r)); p.status != http.StatusForbidden {
			t.Errorf("from another origin: %d", p.status)
		}
		if b.rang(dana) != 0 {
			t.Error("the phone rang")
		}
		if p := b.get("/dialer/sign-in?next=https://evil.example/"); strings.Contains(p.body, "evil") {
			t.Error("the sign-in leads elsewhere")
		}
		for _, next := range []string{"//evil.example/", `/\evil.example`, "/dialer/../../evil", "javascript:alert(1)", "/dialer//evil.example/..", "https:/dialer/x"} {
			if p := b.get("/dialer/phone?next=" + url.QueryEscape(next)); strings.Contains(p.body, "evil") || strings.Contains(p.body, "javascript:") || strings.Contains(p.body, "https:/dialer") {
				t.Errorf("%s is kept", next)
			}
		}
	})
}

// 8. A page is framed.
func TestSecurityFrames(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		side := b.sidebar(danaID)
		if csp := side.header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.Contains(csp[0], "frame-ancestors "+b.HelpScoutURL) || side.header.Get("X-Frame-Options") != "" {
			t.Errorf("the sidebar: %q, %q", csp, side.header.Get("X-Frame-Options"))
		}
		if strings.Contains(side.body, "<form") || strings.Contains(side.body, "<button") {
			t.Error("the sidebar has more than a link")
		}
		dial := b.enrol(danaID, dana)
		call := b.submit(dial)
		for _, p := range []page{
			dial, call, b.get("/dialer/"), b.get("/dialer/sign-in"), b.get("/dialer/nothing"), b.get("/dialer/open?ticket=x"), b.get("/dialer/static/dialer.js"),
			b.get("/dialer/conversations/1"), b.post("/dialer/codes", nil, "same-origin"), b.post("/dialer/codes", nil, "cross-site"),
		} {
			csp := p.header.Values("Content-Security-Policy")
			if len(csp) != 1 || !strings.Contains(csp[0], "frame-ancestors 'none'") || strings.Contains(csp[0], "unsafe") || p.header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s: %q, %q", p.url.Path, csp, p.header.Get("X-Frame-Options"))
			}
			if p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: %v", p.url.Path, p.header)
			}
		}
	})
}

// 9. Pressed twice, or again by the back button.
func TestSecurityPressedTwice(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		b.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
		dial := b.enrol(danaID, dana)
		second := b.get(dial.url.Path) // another tab, with a press of its own
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { b.submit(dial) })
		}
		all.Wait()
		b.want(b.submit(second), http.StatusConflict, "You are in a call already.")
		tab := b.get(dial.url.Path)
		b.want(tab, http.StatusOK, "Cancel the call")
		if err := b.Twilio.Wait(t.Context(), func(s *twiliosim.Sim) bool { return b.rang(kim) > 0 }); err != nil {
			t.Fatal(err)
		}
		b.want(b.submit(tab), http.StatusOK, "Call to") // cancelled
		b.wantNote("was cancelled")
		// Whatever has changed since, it is that press.
		if _, err := b.Telephony.BlockNumber(t.Context(), &telephonyv1.BlockNumberRequest{Block: &telephonyv1.Block{Number: kim, Reason: "threats"}}); err != nil {
			t.Fatal(err)
		}
		again := b.submit(dial) // by the back button
		b.want(again, http.StatusOK, "You cancelled the call.")
		if again.url.Path != tab.url.Path || b.rang(dana) != 1 || b.rang(kim) != 1 {
			t.Errorf("%s, then %s; the phones rang %d and %d times", tab.url.Path, again.url.Path, b.rang(dana), b.rang(kim))
		}
		b.want(b.post(tab.url.Path+"/cancel", nil, "same-origin"), http.StatusOK, "You cancelled the call.")
		if started, cancelled := b.audited("started a call"), b.audited("cancelled a call"); started != 1 || cancelled != 1 {
			t.Errorf("the audit log says that %d calls were started and %d cancelled", started, cancelled)
		}
	})
}

// 10. The session is stolen.
func TestSecurityCookie(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		b.enrol(danaID, dana)
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		in := b.submit(b.get("/dialer/sign-in"), "number", dana)
		p := b.submit(in, "text_code", b.texted(dana, 2))
		cookie := p.header.Get("Set-Cookie")
		for _, flag := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"} {
			if !strings.Contains(cookie, flag) {
				t.Errorf("%q has no %s", cookie, flag)
			}
		}
		if strings.Contains(p.url.String()+p.header.Get("Location"), "bling-dialer") {
			t.Error("the session is in an address")
		}
	})
}

// 11. Toll fraud: what the dialer lets through. TestCallBackRefused has what telephony refuses.
func TestSecurityTollFraud(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		enrol := b.follow(b.sidebar(danaID))
		for _, number := range []string{"+19005550142", "+447911123456", "+18765550142", simulator.Hotline, "911", "x", ""} {
			if p := b.submit(enrol, "number", number); p.status != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", number, p.status)
			}
		}
		dial := b.enrol(danaID, dana)
		// What the browser adds changes nothing.
		call := b.submit(dial, "number", "+19005550142", "supporter", "+19005550142", "to", "+19005550142", "phone", "+19005550142")
		b.want(call, http.StatusOK, "Call to")
		if err := b.Twilio.Wait(t.Context(), func(*twiliosim.Sim) bool { return b.rang(dana) == 1 }); err != nil {
			t.Fatal(err)
		}
		b.submit(call) // cancels
		b.wantNote("called back")
		// Tagged by an agent: refused, with the reason, and noted down.
		if _, err := b.Ticketing.FileNote(t.Context(), noCallsNote(b.conversation)); err != nil {
			t.Fatal(err)
		}
		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(b.get(dial.url.Path), http.StatusOK, "asked not to be called", "no-calls")
		b.want(b.submit(dial), http.StatusConflict, "asked not to be called")
		if b.audited("was refused a call") != 1 || b.rang(dana) != 1 {
			t.Errorf("refused %d times; rang %d times", b.audited("was refused a call"), b.rang(dana))
		}
	})
}

// 12. Agents' numbers.
func TestSecurityNumbers(t *testing.T) {
	t.Parallel()
	eachBrowser(t, func(t *testing.T, b *browser) {
		dial := b.enrol(danaID, dana)
		b.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
		b.Twilio.SetHandset(kim, twiliosim.Handset{Busy: true})
		b.submit(dial)
		b.wantNote("was busy")
		for table, columns := range b.Columns(t) {
			for _, content := range columns {
				if strings.Contains(content, dana[2:]) {
					t.Errorf("%s holds the agent's number: %s", table, content)
				}
			}
		}
		v, _ := b.HelpScout.Conversation(b.conversation)
		for _, thread := range v.Threads {
			if strings.Contains(thread.Body, "0177") || strings.Contains(thread.Body, dana) {
				t.Errorf("the ticket shows the agent's number: %s", thread.Body)
			}
		}
	})
}

// 13. Internal services.
func TestSecurityCallers(t *testing.T) {
	t.Parallel()
	b := startBacks(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	dir, now := t.TempDir(), time.Now()
	authority, err := certs.OpenAuthority(dir, now)
	must(t, err)
	stranger, err := certs.OpenAuthority(filepath.Join(dir, "stranger"), now)
	must(t, err)
	issue := func(a *certs.Authority, folder string, from time.Time, names ...string) *rpc.Identity {
		folder = filepath.Join(dir, folder)
		must(t, a.Issue(folder, names, now, time.Hour))
		id, err := rpc.OpenIdentity(folder, names[0])
		must(t, err)
		must(t, a.Issue(folder, names, from, time.Hour)) // it is read anew
		return id
	}
	address := b.Serve(t, process.Config{
		Identity: issue(authority, "server", now, "bling", "telephony", "ticketing", "dialer"),
		Callers:  rpc.Callers{telephonyv1.CallBackService_ServiceDesc.ServiceName: {"crm"}},
	})
	for what, c := range map[string]struct {
		id    *rpc.Identity
		start errs.Kind // what becomes of an attempt to call back
		list  errs.Kind // and to list blocked numbers
	}{
		"none":                {nil, errs.Unavailable, errs.Unavailable},
		"a stranger's":        {issue(stranger, "forged", now, "dialer"), errs.Unavailable, errs.Unavailable},
		"expired":             {issue(authority, "expired", now.Add(-2*time.Hour), "dialer"), errs.Unavailable, errs.Unavailable},
		"the gateway's":       {issue(authority, "gateway", now, "gateway"), errs.Forbidden, errs.Forbidden},
		"ticketing's":         {issue(authority, "ticketing", now, "ticketing"), errs.Forbidden, ""},
		"the CRM's":           {issue(authority, "crm", now, "crm"), "", errs.Forbidden},
		"of nobody on a list": {issue(authority, "nobody", now, "nobody"), errs.Forbidden, errs.Forbidden},
	} {
		conn, err := rpc.Dial("telephony", address, c.id)
		must(t, err)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		calls := telephonyv1.NewCallBackServiceClient(conn)
		if _, err = calls.StartCallBack(ctx, b.request("by "+what)); errs.KindOf(err) != c.start {
			t.Errorf("certificate %s: start: %v", what, err)
		}
		if _, err = calls.CancelCallBack(ctx, &telephonyv1.CancelCallBackRequest{Key: "by " + what}); errs.KindOf(err) != c.start {
			t.Errorf("certificate %s: cancel: %v", what, err)
		}
		stream, err := calls.WatchCallBack(ctx, &telephonyv1.WatchCallBackRequest{Key: "by " + what})
		if err == nil {
			_, err = stream.Recv()
		}
		if errs.KindOf(err) != c.start {
			t.Errorf("certificate %s: watch: %v", what, err)
		}
		telephony := telephonyv1.NewTelephonyServiceClient(conn)
		if _, err := telephony.ListBlocks(ctx, &telephonyv1.ListBlocksRequest{}); errs.KindOf(err) != c.list {
			t.Errorf("certificate %s: list: %v", what, err)
		}
		// Files are the gateway's business, and that is all it has to do with that service.
		if _, err := telephony.GetFile(ctx, &telephonyv1.GetFileRequest{Id: "none"}); what == "the gateway's" && errs.KindOf(err) != errs.NotFound {
			t.Errorf("certificate %s: file: %v", what, err)
		}
	}
	if b.rang(dana) > 1 {
		t.Error("more than one call was made")
	}
}

// noCallsNote tags a conversation as agents do who were told not to call.
func noCallsNote(conversation int64) *ticketingv1.FileNoteRequest {
	return &ticketingv1.FileNoteRequest{
		Key: "told", Party: &ticketingv1.Party{MailboxId: simulator.MailboxID, Supporter: kim}, ConversationId: conversation,
		Text: "Please do not call them.", AddTag: []string{"no-calls"},
	}
}
