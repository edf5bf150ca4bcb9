package test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	"github.com/bling-hotline/bling/services/switchboard"
	"github.com/bling-hotline/bling/services/switchboard/pages"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// board is the switchboard of a hotline, on an address of its own.
type board struct {
	*switchboard.Service
	url string
}

func startBoard(t *testing.T, h *hotlinetest.Hotline, c sqldb.Config) board {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	b := board{}
	hot := hotline.New(simulator.Hotline, simulator.MailboxID)
	hot.Name = "Help line"
	b.Service = switchboard.New(switchboard.Config{
		Hotlines: hotline.Hotlines{hot}, WebURL: h.HelpScoutURL, PrivateAddr: "127.0.0.1:0", TraceURL: "https://traces.example.org/{trace}", Cost: 4,
	}, switchboard.Deps{DB: db, Telephony: h.Operator.Telephony, Ticketing: h.Operator.Ticketing, Phones: h.Telephony, Dialer: h.Dialer, Now: h.Now,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	server := httptest.NewServer(b.Pages())
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// audited reports whether the audit log has an entry.
func (b board) audited(t *testing.T, entry string) bool {
	t.Helper()
	res, err := b.ListAudit(t.Context(), &switchboardv1.ListAuditRequest{})
	must(t, err)
	for _, e := range res.GetEntries() {
		if strings.Contains(fmt.Sprintf("%s %s %s: %s", e.GetWho(), e.GetAction(), e.GetSubject(), e.GetDetail()), entry) {
			return true
		}
	}
	return false
}

// An operator's night, in a real browser: invited, they see that a text was given up, why, and have it taken up again; they see whose it is,
// which is written down; and somebody who asks for it is forgotten.
func TestBrowserSwitchboard(t *testing.T) {
	browser := tab{chromium(t), t}
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		browser := tab{browser.Context, t}
		h := hotlinetest.Start(t, hotlinetest.Options{DB: c})
		b := startBoard(t, h, c)
		text(t, h, supporter, "hello")
		desk(t, h, supporter, has("hello"))
		must(t, h.Idle(t.Context()))

		invitation, err := b.InviteOperator(t.Context(), &switchboardv1.InviteOperatorRequest{Name: "anna", Role: switchboardv1.Role_ROLE_OPERATOR})
		must(t, err)
		browser.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.url+invitation.GetLink()))
		browser.sees("Welcome, anna")
		browser.do(chromedp.SendKeys(chromedp.CSS("#password"), "correct horse battery"), chromedp.Click(chromedp.CSS("button.button")))
		browser.sees("Everything is all right")
		// The page shows by itself what has changed.
		h.HelpScout.Faults().Set(fault.Switches{FailNext: 1, FailNextStatus: http.StatusBadRequest, Path: "POST /v2/conversations/"})
		sid := text(t, h, supporter, "a secret that is not taken")
		must(t, h.Idle(t.Context()))
		browser.sees("1 given up.")
		browser.picture("1-overview")

		browser.do(chromedp.Click(chromedp.CSS(".problems a")))
		browser.sees("Retry all of: text in (1)")
		browser.picture("2-dead")
		browser.do(chromedp.Click(chromedp.CSS("a.id")))
		browser.sees("What happened")
		browser.sees("telephony: dead")
		browser.picture("switchboard")
		if shows := browser.eval("document.documentElement.outerHTML"); strings.Contains(shows, "secret") || strings.Contains(shows, "555-0142") || strings.Contains(shows, "6175550142") {
			t.Errorf("the page tells who or what: %s", shows)
		}
		browser.do(chromedp.Click(chromedp.CSS(`form[action="/switchboard/item/retry"] button`)))
		browser.sees("It is taken up again.")
		desk(t, h, supporter, has("a secret that is not taken"))
		must(t, h.Idle(t.Context()))
		if !b.audited(t, "anna retried "+sid+": 1 taken up") {
			t.Error("the retry is not in the audit log")
		}

		// From its number to the timeline, with what both services did.
		browser.do(chromedp.Navigate(b.url+"/switchboard/items"), chromedp.SendKeys(chromedp.CSS("#query"), "617-555-0142"), chromedp.Click(chromedp.CSS(".search .button")))
		browser.sees("With +1 617 ••• ••42")
		browser.picture("4-search")
		if where := browser.eval("location.href"); strings.Contains(where, "0142") {
			t.Errorf("the address has the number: %s", where)
		}
		browser.eval(fmt.Sprintf(`[...document.querySelectorAll("a.id")].find((a) => a.textContent === %q).click()`, sid))
		browser.sees("Taken up again by an operator")
		for _, service := range []string{"· telephony", "· ticketing"} {
			browser.sees(service)
		}
		browser.picture("5-timeline")
		browser.do(chromedp.Click(chromedp.CSS(`form[action="/switchboard/item/reveal"] button`)))
		browser.sees("617-555-0142")
		browser.picture("6-revealed")
		if !b.audited(t, "anna revealed a number "+sid+": done") {
			t.Error("that a number was shown is not in the audit log")
		}
		browser.eval(`[...document.querySelectorAll("main a")].find((a) => a.textContent === "person").click()`)
		browser.sees("A person: +1 617 ••• ••42")
		browser.picture("7-person")

		browser.do(chromedp.Click(chromedp.CSS(`form[action="/switchboard/person/erase"] button`)))
		browser.sees("Type the last four digits")
		browser.picture("8-erase")
		browser.do(chromedp.SendKeys(chromedp.CSS("#last4"), "0142"), chromedp.Click(chromedp.CSS("form button.stop")))
		browser.sees("They are erased")
		browser.picture("9-erased")
		left, err := h.Operator.Telephony.ListItems(t.Context(), &operatorv1.ListItemsRequest{Query: supporter})
		must(t, err)
		if len(left.GetItems()) > 0 {
			t.Errorf("left are %v", left.GetItems())
		}
		if !b.audited(t, "anna erased a person : deleted: ") || b.audited(t, "0142") {
			t.Error("the audit log does not say that somebody was erased, or says who")
		}
		browser.do(chromedp.Navigate(b.url + "/switchboard/audit"))
		browser.sees("revealed a number")
		browser.picture("10-audit")
	})
}

// No state of any page looks broken: nothing is wider than the window, at any size, light and dark, and nothing breaks the pages' own
// policy. With artifacts, each is there to be looked at.
func TestBrowserSwitchboardStories(t *testing.T) {
	browser := tab{chromium(t), t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:")
		if strings.HasPrefix(r.URL.Path, "/switchboard/static/") {
			pages.Assets().ServeHTTP(w, r)
			return
		}
		for _, s := range pages.Stories() {
			if "/"+s.Name == r.URL.Path {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				if err := pages.Render(w, s.Page); err != nil {
					t.Error(err)
				}
				return
			}
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	for _, story := range pages.Stories() {
		for _, look := range []struct {
			width  int64
			scheme string
		}{{320, "light"}, {390, "dark"}, {900, "light"}, {1440, "dark"}} {
			browser.do(chromedp.EmulateViewport(look.width, 800), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}},
				})
				return err
			}), chromedp.Navigate(server.URL+"/"+story.Name), chromedp.WaitReady(chromedp.CSS("h1")))
			if over := browser.eval(`document.documentElement.scrollWidth - innerWidth`); over != "0" && !strings.HasPrefix(over, "-") {
				t.Errorf("%s at %d px is %s px too wide", story.Name, look.width, over)
			}
			if styled := browser.eval(`document.styleSheets.length`); styled == "0" {
				t.Errorf("%s has no style", story.Name)
			}
			browser.picture(fmt.Sprintf("%s-%d-%s", story.Name, look.width, look.scheme))
		}
	}
}

// In the playground whoever opens the switchboard sees what there is, and operators can do from a terminal what they can do there.
func TestSwitchboardInThePlayground(t *testing.T) {
	t.Parallel()
	bling := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	gateway, page, twilio, private, api := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
	vendors := []string{"-twilio", "http://" + twilio, "-helpscout", "http://" + hotlinetest.FreeAddr(t)}
	environ := []string{"BLING_SWITCHBOARD_ADDR=" + api, "BLING_PRIVATE_ADDR=" + private}
	p := hotlinetest.NewProcess(t, bling, []string{"play", "-twilio", twilio, "-helpscout", strings.TrimPrefix(vendors[3], "http://"), "-page", page},
		append(environ, "BLING_GATEWAY_ADDR="+gateway, "BLING_DATA_DIR="+t.TempDir(), "BLING_GRPC_ADDR="+api)...)
	p.Start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	hotlinetest.Ready(ctx, t, "http://"+gateway+"/readyz")
	do := func(in string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(ctx, bling, args...)
		c.Env, c.Stdin = append(os.Environ(), environ...), strings.NewReader(in)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	get := func(path string) string {
		t.Helper()
		res, err := http.Get("http://" + private + path)
		must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		must(t, err)
		return html.UnescapeString(string(body))
	}
	do("", append(append([]string{"text"}, vendors...), supporter, "hello")...)
	if body := get("/switchboard/items"); !strings.Contains(body, "+1 617 ••• ••42") || strings.Contains(body, "555-0142") || !strings.Contains(body, "you") {
		t.Errorf("the switchboard shows %s", words(body))
	}
	if body := get("/"); !strings.Contains(body, "/switchboard/") {
		t.Errorf("the private port does not name the switchboard: %s", body)
	}
	if link := do("", "operators", "add", "anna"); !strings.Contains(link, "http://"+private+"/switchboard/invitation?token=") {
		t.Errorf("the invitation: %s", link)
	} else if _, path, _ := strings.Cut(strings.TrimSpace(link), private); !strings.Contains(get(path), "Welcome, ") {
		t.Errorf("the invitation leads to %s", words(get(path)))
	}
	if all := do("", "operators"); !strings.Contains(all, "anna  viewer") {
		t.Errorf("the operators are %s", all)
	}
	if all := do("", "person", "export", supporter); !strings.Contains(all, "hello") {
		t.Errorf("the export is %s", all)
	}
	if out := do(supporter+"\n", "person", "erase", supporter); !strings.Contains(out, "They are erased.") {
		t.Errorf("erased: %s", out)
	}
	if all := do("", "person", "export", supporter); strings.Contains(all, "hello") || strings.Contains(all, "0142") {
		t.Errorf("left is %s", all)
	}
	if log := do("", "operators", "audit"); !strings.Contains(log, "erased a person") || strings.Contains(log, "0142") {
		t.Errorf("the audit log is %s", log)
	}
	must(t, p.Stop())
}

// The switchboard as a process of its own, which the others know by its certificate. Only operators may invite somebody, and only with the
// link they get can anybody sign in; what a service has that is not there, the page names.
func TestSwitchboardAlone(t *testing.T) {
	t.Parallel()
	binary := hotlinetest.Build(t, "github.com/bling-hotline/bling/services/switchboard/cmd/switchboard")
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	dir := t.TempDir()
	authority, err := certs.OpenAuthority(dir, time.Now())
	must(t, err)
	identity := func(names ...string) *rpc.Identity {
		must(t, authority.Issue(filepath.Join(dir, names[0]), names, time.Now(), time.Hour))
		id, err := rpc.OpenIdentity(filepath.Join(dir, names[0]), names[0])
		must(t, err)
		return id
	}
	others := h.Serve(t, process.Config{Identity: identity("bling", "telephony", "dialer")}) // and no ticketing
	identity("switchboard")
	private, api := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
	p := hotlinetest.NewProcess(t, binary, nil, "BLING_TLS_DIR="+filepath.Join(dir, "switchboard"), "BLING_PRIVATE_ADDR="+private, "BLING_GRPC_ADDR="+api,
		"BLING_DATA_DIR="+t.TempDir(), "BLING_TELEPHONY_ADDR="+others, "BLING_DIALER_ADDR="+others, "BLING_TICKETING_ADDR="+hotlinetest.FreeAddr(t),
		"BLING_MAILBOXES=twilio:"+simulator.Hotline+":206906")
	p.Start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	hotlinetest.Ready(ctx, t, "http://"+private+"/switchboard/sign-in")
	invite := func(id *rpc.Identity) (string, error) {
		conn, err := rpc.Dial("switchboard", api, id)
		must(t, err)
		defer conn.Close()
		res, err := switchboardv1.NewSwitchboardServiceClient(conn).InviteOperator(ctx, &switchboardv1.InviteOperatorRequest{Name: "anna", Role: switchboardv1.Role_ROLE_OPERATOR})
		return res.GetLink(), err
	}
	for _, name := range []string{"gateway", "telephony", "ticketing", "dialer", "nobody"} {
		if _, err := invite(identity(name)); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("%s may invite: %v", name, err)
		}
	}
	link, err := invite(identity("operator"))
	must(t, err)
	jar, _ := cookiejar.New(nil) // it has no options that could be wrong
	browser := http.Client{Jar: jar}
	body := func(res *http.Response, err error) string {
		t.Helper()
		must(t, err)
		defer res.Body.Close()
		all, err := io.ReadAll(res.Body)
		must(t, err)
		return words(string(all))
	}
	if got := body(browser.Get("http://" + private + "/switchboard/")); !strings.Contains(got, "Sign in") {
		t.Errorf("without a link: %s", got)
	}
	_, token, _ := strings.Cut(link, "token=")
	overview := body(browser.PostForm("http://"+private+"/switchboard/invitation", url.Values{"token": {token}, "password": {"correct horse battery"}}))
	if !strings.Contains(overview, "Ticketing does not answer") || !strings.Contains(overview, "anna operator") {
		t.Errorf("signed in: %s", overview)
	}
	// What it asks telephony and the dialer for it may.
	for path, says := range map[string]string{"people": "Opted out Nobody.", "operators": "Nobody is set up.", "hotlines": "open"} {
		if got := body(browser.Get("http://" + private + "/switchboard/" + path)); !strings.Contains(got, says) || strings.Contains(got, "does not answer") {
			t.Errorf("%s: %s", path, got)
		}
	}
	must(t, p.Stop())
}
