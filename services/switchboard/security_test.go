package switchboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	"github.com/bling-hotline/bling/services/switchboard"
)

// pagesToSee are all pages that have an address of their own.
var pagesToSee = []string{
	"", "items", "dead", "lanes", "calls", "people", "hotlines", "days", "findings", "audit", "operators",
	"item?ref=SM1", "person", "nonsense", "items?before=x&kind=x&state=x&hotline=x&q=x", "audit?before=x",
}

// changes are all requests that change something or show a number, with good forms, as far as they who ask are given any.
func (b *browser) changes() map[string][]string {
	person := b.post("/switchboard/person", "number", kim).want(http.StatusOK).url.Query().Get("p")
	block := person
	if p := b.get("/switchboard/people"); strings.Contains(p.body, "/switchboard/blocks/remove") {
		block = p.field("p")
	}
	return map[string][]string{
		"item/reveal": {"ref", "SM1"}, "item/retry": {"ref", "SM1"}, "dead/retry": {"all", "text_in"}, "dead/reroute": nil,
		"blocks": {"number", kim, "reason", "spam"}, "blocks/remove": {"p", block}, "hotlines/pause": {"hotline", ourNumber, "reason", "spam"},
		"hotlines/resume": {"hotline", ourNumber}, "person/reveal": {"p", person}, "person/export": {"p", person}, "person/erase": {"p", person, "last4", "0142"},
	}
}

// Who is not signed in sees nothing and changes nothing.
func TestStrangers(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.fill("")
		changes := b.operatorOnce().changes()
		b.telephony.did, b.ticketing.did = nil, nil
		for _, cookie := range []string{"", "bling-switchboard=x", "bling-switchboard=", "__Host-bling-switchboard=x"} {
			in := b.browser()
			for _, path := range pagesToSee {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/switchboard/"+path, nil)
				r.Header.Set("Cookie", cookie)
				in.do(r).want(http.StatusOK, "Sign in").lacks("Text in", "••42", "other")
			}
			for path, fields := range changes {
				in.post("/switchboard/"+path, fields...).want(http.StatusUnauthorized, "Nothing was done").lacks("SM1", "••42")
			}
			in.post("/switchboard/items", "query", kim).want(http.StatusUnauthorized)
			in.post("/switchboard/person", "number", kim).want(http.StatusUnauthorized)
		}
		b.telephony.wantDid(t)
		b.ticketing.wantDid(t)
		for _, next := range []string{"https://evil.example", "//evil.example/switchboard/", "/switchboard/../metrics", `/switchboard/\evil.example`, "javascript:alert(1)", "/metrics"} {
			if p := b.browser().get("/switchboard/sign-in?next=" + url.QueryEscape(next)); p.field("next") != "/switchboard/" {
				t.Errorf("%q leads to %q", next, p.field("next"))
			}
		}
	})
}

// A viewer sees, and whatever else they try is refused, and in the audit log.
func TestViewers(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.fill("")
		in := b.viewer()
		changes := in.changes()
		b.telephony.did, b.ticketing.did = nil, nil
		for path, fields := range changes {
			in.post("/switchboard/"+path, fields...).want(http.StatusForbidden, "Only operators may do that").lacks("555-0142")
			b.wantEntry("vera was refused : POST /switchboard/" + path + ": only operators may do that")
		}
		b.telephony.wantDid(t)
		b.ticketing.wantDid(t)
		for path := range changes { // nor by another method
			in.get("/switchboard/" + path).lacks("555-0142")
		}
		b.telephony.wantDid(t)
	})
}

// Another site's page has nothing done, whatever cookies come with it, and cannot frame ours.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	b := open(t, sqldbtest.Any(t))
	b.fill("")
	in := b.operator()
	changes := in.changes()
	b.telephony.did, b.ticketing.did = nil, nil
	for _, site := range []string{"cross-site", "same-site"} {
		in.site = site
		for path, fields := range changes {
			in.post("/switchboard/"+path, fields...).want(http.StatusForbidden)
		}
		in.post("/switchboard/sign-out").want(http.StatusForbidden)
		in.post("/switchboard/sign-in", "name", "anna", "password", password).want(http.StatusForbidden)
	}
	in.site = ""
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+"/switchboard/dead/reroute", nil)
	r.Header.Set("Origin", "https://evil.example")
	in.do(r).want(http.StatusForbidden)
	b.telephony.wantDid(t)
	in.site = "same-origin"
	for _, host := range []string{"evil.example", "evil.example:9464", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1:9464"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/switchboard/", nil)
		r.Host = host
		in.do(r).want(http.StatusMisdirectedRequest).lacks("Overview")
	}
	for _, path := range append([]string{"sign-in", "invitation?token=x"}, pagesToSee...) {
		h := in.get("/switchboard/" + path).header
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'") || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// The cookie goes nowhere but to us.
func TestCookie(t *testing.T) {
	b := open(t, sqldbtest.Any(t))
	for tls, want := range map[bool]string{
		false: "bling-switchboard=X; Path=/switchboard/; Max-Age=28800; HttpOnly; SameSite=Strict", true: "__Host-bling-switchboard=X; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Strict",
	} {
		in := b.browser()
		in.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		form := url.Values{"token": {in.get(b.invite("anna", viewer)).field("token")}, "password": {password}}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL+"/switchboard/invitation", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tls {
			r.Header.Set("X-Forwarded-Proto", "https")
		}
		got := in.do(r).header.Get("Set-Cookie")
		if regexp.MustCompile(`=[A-Z0-9]{26};`).ReplaceAllString(got, "=X;") != want {
			t.Errorf("TLS %v: %s", tls, got)
		}
	}
}

// A service that does not answer, or is too old, takes nothing from the page but what it would have said, and no time either.
func TestMissingService(t *testing.T) {
	t.Parallel()
	b := open(t, sqldbtest.Any(t), func(c *switchboard.Config) { c.Patience = 50 * time.Millisecond })
	b.fill("")
	in := b.viewer()
	b.ticketing.hang, b.calls.hang = true, true
	for path, says := range map[string]string{
		"": "Ticketing does not answer. Not shown: its days, findings, state.", "items": "Ticketing does not answer. Not shown: its items.", "item?ref=SM1": "Ticketing does not answer. Not shown: its part of the timeline.",
		"dead": "Ticketing does not answer.", "days": "Ticketing does not answer.", "audit": "Dialer does not answer. Not shown: its audit log.", "operators": "Dialer does not answer. Not shown: its agents.",
	} {
		in.get("/switchboard/"+path).want(http.StatusOK, says)
	}
	in.get("/switchboard/item?ref=SM1").want(http.StatusOK, "said by a service")
	in.get("/switchboard/item?ref=SM404").want(http.StatusServiceUnavailable, "cannot be said while a service does not answer")
	b.ticketing.hang, b.ticketing.err = false, errs.FromGRPC(status.Error(codes.Unimplemented, "unknown method"))
	in.get("/switchboard/").want(http.StatusOK, "This version of ticketing does not tell.")
}

// In the playground whoever comes is an operator, but from this machine only.
func TestEverybody(t *testing.T) {
	b := open(t, sqldbtest.Any(t), func(c *switchboard.Config) { c.Everybody = "you" })
	b.fill("")
	in := b.browser()
	in.get("/switchboard/").want(http.StatusOK, "you operator").lacks("Sign out")
	in.get("/switchboard/sign-in").want(http.StatusOK, "Overview")
	in.post("/switchboard/item/reveal", "ref", "SM1").want(http.StatusOK, "617-555-0142")
	b.wantEntry("you revealed a number SM1: done")
	if p := in.post("/switchboard/items", "query", kim).want(http.StatusOK, "SM1"); strings.Contains(p.url.String(), "0142") {
		t.Error(p.url)
	}
	in.site = "cross-site"
	in.post("/switchboard/item/reveal", "ref", "SM1").want(http.StatusForbidden)
	for _, addr := range []string{":9464", "10.0.0.1:9464", ""} {
		b := open(t, sqldbtest.Any(t), func(c *switchboard.Config) { c.Everybody, c.PrivateAddr = "you", addr })
		b.browser().get("/switchboard/").want(http.StatusOK, "Sign in")
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/switchboard/", nil)
		r.Host = "switchboard.example.org"
		b.browser().do(r).want(http.StatusOK, "Sign in") // elsewhere it may have any name
	}
}

// What no database can hold, and no message between services, does not get so far.
func TestStrangeBytes(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		in := b.operator()
		in.post("/switchboard/blocks", "number", kim, "reason", "a\x00b\xff", "hotline", ourNumber+"\x00").want(http.StatusOK, "People")
		b.telephony.wantDid(t, "block "+kim+" "+ourNumber+" ab\uFFFD anna for good")
		b.wantEntry("anna blocked a number +1 617 ••• ••42: on Help line, 501-712-2661, for good: ab\uFFFD: done")
		in.post("/switchboard/dead/retry", "ref", "SM\x001\xff").want(http.StatusOK, "0 taken up again.")
		b.telephony.wantDid(t, "retry [SM1\uFFFD] [] false")
		in.get("/switchboard/items?hotline=%00%FF").want(http.StatusOK, "There is nothing of that kind.").lacks("does not answer")
		in.get("/switchboard/item?ref=%00%FF").want(http.StatusNotFound, "There is no such item")
	})
}

// What is begun and not ended is to be seen.
func TestCutOff(t *testing.T) {
	each(t, func(t *testing.T, b *board) {
		b.fill("")
		in := b.operator()
		entered := make(chan struct{})
		release := make(chan struct{})
		b.telephony.before = func(did string) {
			if strings.HasPrefix(did, "pause") {
				close(entered)
				<-release
			}
		}
		ended := make(chan page)
		go func() {
			ended <- in.post("/switchboard/hotlines/pause", "hotline", ourNumber, "reason", "spam")
		}()
		<-entered
		if all := b.entries(); !slices.Contains(all, "anna paused a hotline Help line, 501-712-2661: spam: not known: it is under way, or was cut off") {
			t.Errorf("nothing is written down before it is done: %q", all)
		}
		close(release)
		(<-ended).want(http.StatusOK)
		b.wantEntry("anna paused a hotline Help line, 501-712-2661: spam: done")
		// Where nothing can be written down, nothing is done.
		b.telephony.did = nil
		if err := b.DB.Close(); err != nil {
			t.Fatal(err)
		}
		in.post("/switchboard/hotlines/resume", "hotline", ourNumber).want(http.StatusServiceUnavailable)
		b.telephony.wantDid(t)
		_, err := b.Service.ErasePerson(t.Context(), &switchboardv1.ErasePersonRequest{Number: kim})
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("erased without a trace: %v", err)
		}
		_, err = b.Service.RemoveOperator(t.Context(), &switchboardv1.RemoveOperatorRequest{Name: "anna"})
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("whether somebody is there is not known, and said all the same: %v", err)
		}
		b.telephony.wantDid(t)
	})
}
