package test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/dialer/pages"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// chromium opens a real browser, or skips the test where there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("short: a browser")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("there is no chromium here")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true)) // a microphone that beeps
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	must(t, chromedp.Do(ctx)) // it starts now, and ends with this context
	return ctx
}

// tab is a tab of the browser.
type tab struct {
	context.Context
	t *testing.T
}

func (b tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, 20*time.Second)
	defer cancel()
	for i, a := range actions {
		if _, err := chromedp.Run(ctx, a); err != nil {
			var shows string
			if ctx, cancel := context.WithTimeout(b.Context, time.Second); true {
				shows, _ = chromedp.Run(ctx, chromedp.Text("body"))
				cancel()
			}
			b.t.Fatalf("step %d: %v\nThe page shows: %s", i+1, err, strings.Join(strings.Fields(shows), " "))
		}
	}
}

// front makes the tab the one that is used: keys and clicks reach no other.
func (b tab) front() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cdppage.BringToFront, cdp.Empty{})
		return err
	}))
}

// sees waits until the page shows some words.
func (b tab) sees(words string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.body && document.body.innerText.includes(%q)`, words))
}

// until waits until something is so on the page, also if the page is left meanwhile.
func (b tab) until(so string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, 20*time.Second)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](so, chromedp.WithPollingInterval(50*time.Millisecond)))
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			shows, _ := chromedp.Run(b.Context, chromedp.Text("body"))
			b.t.Fatalf("it is not so that %s\nThe page shows: %s", so, strings.Join(strings.Fields(shows), " "))
		}
	}
}

// picture puts a screenshot into the test's artifacts, if they are kept (go test -artifacts -outputdir=...).
func (b tab) picture(name string) {
	b.t.Helper()
	if f := flag.Lookup("test.artifacts"); f == nil || f.Value.String() != "true" {
		return
	}
	png, err := chromedp.Run(b.Context, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b tab) eval(script string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.Context, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// opened runs do, and returns the tab that opens by it.
func (b tab) opened(do func()) tab {
	b.t.Helper()
	found := chromedp.WaitNewTarget(b.Context, func(i *target.Info) bool { return i.Type == "page" })
	do()
	ctx, cancel := chromedp.NewContext(b.Context, chromedp.WithTargetID(<-found))
	b.t.Cleanup(cancel)
	opened := tab{ctx, b.t}
	must(b.t, chromedp.Do(ctx))
	opened.front()
	return opened
}

// An agent calls back in a real browser: from Help Scout's page, over the sidebar in its frame, being set up, through the call with
// its live page in two tabs and a restart of everything in the middle, to the note.
func TestBrowserCallBack(t *testing.T) {
	desk := tab{chromium(t), t}
	b := startBacks(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	b.Twilio.SetHandset(dana, twiliosim.Handset{Manual: true})
	b.Twilio.SetHandset(kim, twiliosim.Handset{Manual: true})

	ticket := fmt.Sprintf("%s/sim/inbox/%d?user=%d", b.HelpScoutURL, b.conversation, danaID)
	desk.do(chromedp.EmulateViewport(1100, 800), chromedp.Navigate(ticket))
	frames, err := chromedp.Run(desk.Context, chromedp.Nodes(chromedp.CSS("iframe")))
	if err != nil || len(frames) != 1 {
		t.Fatal(frames, err)
	}
	inside := chromedp.FromNode(frames[0])
	desk.do(chromedp.WaitVisible(chromedp.CSS("a.button"), inside))
	desk.until(`(() => { const f = document.querySelector("iframe"); return f.height > 180 && f.height < 900; })()`)
	if wide := desk.eval(`document.querySelector("iframe").clientWidth`); wide != "300" {
		t.Errorf("the frame is %s wide", wide)
	}
	desk.picture("1-sidebar")

	dialer := desk.opened(func() { desk.do(chromedp.Click(chromedp.CSS("a.button"), inside)) })
	dialer.do(chromedp.EmulateViewport(900, 800))
	dialer.sees("Set up your phone")
	dialer.picture("2-set-up")
	dialer.do(chromedp.SendKeys(chromedp.CSS("#number"), "(617) 555-0177"), chromedp.Click(chromedp.CSS("form button.button")))

	dialer.sees("Enter the codes")
	dialer.picture("3-codes")
	desk.front()
	desk.sees("is being set up to call back") // by itself
	dialer.front()
	dialer.do(chromedp.SendKeys(chromedp.CSS("#note_code"), b.noted(1)), chromedp.SendKeys(chromedp.CSS("#text_code"), b.texted(dana, 1)), chromedp.Click(chromedp.CSS("form button.button")))
	dialer.sees("Your phone rings first")
	dialer.picture("4-dial")
	conversation := dialer.eval("location.pathname")

	dialer.do(chromedp.Click(chromedp.CSS("button.big")))
	dialer.sees("Your phone is ringing")
	dialer.picture("5-ringing")
	agent := b.leg(dana)
	must(t, b.Twilio.PickUp(agent))
	dialer.sees("Press 1 on your phone")
	dialer.picture("6-press-1")
	must(t, b.Twilio.Press(agent, "1"))
	dialer.sees("Calling the supporter")
	dialer.picture("7-calling")

	second := dialer.opened(func() { dialer.eval(fmt.Sprintf("window.open(%q, '_blank', 'noopener')", conversation)) })
	second.sees("Calling the supporter")
	dialer.front()
	supporter := b.leg(kim)
	must(t, b.Twilio.PickUp(supporter))
	for _, shown := range []tab{dialer, second} {
		shown.do(chromedp.WaitVisible(chromedp.CSS(".state.connected .clock")))
	}
	dialer.until(`document.querySelector(".clock").textContent === "0:02"`)
	dialer.picture("8-connected")
	b.Restart()
	must(t, b.Twilio.HangUp(supporter))
	for _, shown := range []tab{dialer, second} {
		shown.sees("You talked for")
	}
	dialer.picture("9-ended")
	desk.front()
	desk.sees("Dana Rivers called back from 501-712-2661. They were connected for")
	desk.picture("10-note")
	dialer.front()

	// Once more, cancelled by the keyboard; the other tab sees it.
	dialer.do(chromedp.Click(chromedp.CSS("#again")), chromedp.WaitVisible(chromedp.CSS("button.big")))
	dialer.do(chromedp.Click(chromedp.CSS("button.big")))
	dialer.sees("Your phone is ringing")
	second.do(chromedp.Navigate(b.URL + conversation))
	second.sees("Your phone is ringing")
	dialer.front()
	dialer.do(chromedp.Focus(chromedp.CSS("#cancel")), chromedp.KeyEvent("\r"))
	for _, shown := range []tab{dialer, second} {
		shown.sees("You cancelled the call.")
	}
	dialer.picture("11-cancelled")
	desk.front()
	desk.sees("The call was cancelled. The supporter was not called.")
	dialer.front()

	// They do not want that: refused, with the reason, here and in the sidebar.
	b.write(kim, "no calls please")
	b.write(kim, "No calls!")
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	dialer.do(chromedp.Click(chromedp.CSS("#again")))
	dialer.sees("This supporter cannot be called.")
	dialer.sees("asked not to be called")
	dialer.picture("12-refused")
	later, cancel := chromedp.NewContext(desk.Context)
	defer cancel()
	must(t, chromedp.Do(later, chromedp.EmulateViewport(1100, 800), chromedp.Navigate(ticket)))
	again := tab{later, t}
	again.sees("The supporter does not want to be called.")
	again.picture("13-sidebar-refused")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leg waits until a phone is rung, and returns the call's SID.
func (b *backs) leg(number string) (sid string) {
	b.t.Helper()
	if err := b.Twilio.Wait(b.t.Context(), func(s *twiliosim.Sim) bool {
		for _, l := range s.LegsOf(number) {
			if l.To == number && l.Ended.IsZero() {
				sid = l.Sid
			}
		}
		return sid != ""
	}); err != nil {
		b.t.Fatal(err)
	}
	return sid
}

// No state of any page looks broken: nothing is wider than the window, at any size, light and dark, and nothing breaks the pages'
// own policy. With artifacts, each is there to be looked at.
func TestBrowserStories(t *testing.T) {
	browser := tab{chromium(t), t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:")
		if strings.HasPrefix(r.URL.Path, "/dialer/static/") {
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
		widths := []int64{320, 768, 1280}
		if _, ok := story.Page.(pages.Sidebar); ok {
			widths = []int64{300}
		}
		for _, width := range widths {
			for _, scheme := range []string{"light", "dark"} {
				if scheme == "dark" && width != widths[0] {
					continue // the colours are the same at each width
				}
				browser.do(chromedp.EmulateViewport(width, 720), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
					_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
					})
					return err
				}), chromedp.Navigate(server.URL+"/"+story.Name), chromedp.WaitReady(chromedp.CSS("h1")))
				if over := browser.eval(`document.documentElement.scrollWidth - innerWidth`); over != "0" && !strings.HasPrefix(over, "-") {
					t.Errorf("%s at %d px is %s px too wide", story.Name, width, over)
				}
				if styled := browser.eval(`document.styleSheets.length`); styled == "0" {
					t.Errorf("%s has no style", story.Name)
				}
				browser.picture(fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(story.Name, "/", "-"), width, scheme))
			}
		}
	}
}
