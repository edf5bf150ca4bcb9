package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/scenario"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// ground is a playground of its own, as a newcomer starts it, and its page in a browser.
type ground struct {
	tab
	*hotlinetest.Process
	page, twilio, desk, dir string
	clicks                  int
}

// The phones that are on the page at first.
const (
	annaID = "16175550101"
	benID  = "16175550102"
	kimID  = "16175550142"
	danaNo = "16175550177"
)

func startGround(t *testing.T, args ...string) *ground {
	bling := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	browser := chromium(t)
	g := &ground{tab: tab{browser, t}, page: hotlinetest.FreeAddr(t), twilio: hotlinetest.FreeAddr(t), desk: hotlinetest.FreeAddr(t), dir: t.TempDir()}
	gateway := hotlinetest.FreeAddr(t)
	args = append([]string{"play", "-twilio", g.twilio, "-helpscout", g.desk, "-page", g.page}, args...)
	g.Process = hotlinetest.NewProcess(t, bling, args, "BLING_GATEWAY_ADDR="+gateway, "BLING_DATA_DIR="+g.dir, "BLING_PRIVATE_ADDR=127.0.0.1:0")
	g.Start()
	hotlinetest.Ready(g.Context, t, "http://"+gateway+"/readyz")
	hotlinetest.Ready(g.Context, t, "http://"+g.page+"/")
	g.do(chromedp.EmulateViewport(1500, 950), chromedp.Navigate("http://"+g.page+"/"))
	return g
}

// click presses a button as a person does.
func (g *ground) click(selector string) {
	g.t.Helper()
	g.clicks++
	g.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	// The button may just be replaced by another like it.
	ctx, cancel := context.WithTimeout(g.Context, 20*time.Second)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Click(chromedp.CSS(selector)))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "node") {
			g.t.Fatalf("clicking %s: %v", selector, err)
		}
	}
}

func (g *ground) enter(selector, words string) {
	g.t.Helper()
	g.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), words))
}

// text sends a text from a phone.
func (g *ground) text(phone, words string) {
	g.t.Helper()
	g.enter("#phone-"+phone+" input[name=body]", words)
	g.click("#phone-" + phone + " .write button")
}

// phoneShows waits until a phone shows some words.
func (g *ground) phoneShows(phone, words string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.querySelector("#phone-%s").innerText.includes(%q)`, phone, words))
}

// inDesk is JavaScript in the frame of the help desk, in which d is the document.
func inDesk(so string) string {
	return `(() => { const d = document.querySelector("iframe[name=desk]").contentDocument; return d && d.readyState === "complete" && (` + so + `); })()`
}

func (g *ground) deskShows(words string) {
	g.t.Helper()
	g.until(inDesk(fmt.Sprintf(`d.body.innerText.includes(%q)`, words)))
}

// deskDo does something in the help desk once it is possible.
func (g *ground) deskDo(selector, do string) {
	g.t.Helper()
	g.until(inDesk(fmt.Sprintf(`d.querySelector(%q)`, selector)))
	g.eval(inDesk(fmt.Sprintf(`(() => { const e = d.querySelector(%q); %s; return true; })()`, selector, do)))
}

// open opens the newest conversation in the help desk.
func (g *ground) open() {
	g.t.Helper()
	g.clicks++
	g.deskDo(`#list a`, "e.click()")
	g.until(inDesk(`d.querySelector("#text")`))
}

func (g *ground) answer(words string) {
	g.t.Helper()
	g.deskDo("#text", fmt.Sprintf("e.value = %q", words))
	g.clicks++
	g.deskDo("#write .primary", "e.click()")
}

// toInbox goes back to the list.
func (g *ground) toInbox() {
	g.t.Helper()
	g.eval(`document.querySelector("iframe[name=desk]").src = "/sim/inbox"`)
	g.until(inDesk(`d.querySelector("#list")`))
}

// storyShows waits until the story has a line.
func (g *ground) storyShows(words string) {
	g.t.Helper()
	g.until(fmt.Sprintf(`document.querySelector("#story").innerText.includes(%q)`, words))
}

// pictureFile is a picture to send.
func pictureFile(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for x := range 60 {
		for y := range 40 {
			img.Set(x, y, color.RGBA{uint8(4 * x), uint8(6 * y), 120, 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	file := filepath.Join(t.TempDir(), "photo.png")
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

// A newcomer opens the page, texts, answers and has the answer on the phone, in three clicks; sends pictures both ways; sees what happened, of
// one trace; and after a restart all is still there, without a reload.
func TestPlaygroundTexts(t *testing.T) {
	t.Parallel()
	g := startGround(t)
	g.picture("first-visit")
	g.text(kimID, "Hello, can you help me? 👋")
	g.phoneShows(kimID, "Thank you for your message")
	g.deskShows("Hello, can you help me? 👋")
	g.picture("texted")
	g.open()
	g.answer("Of course. What is the matter?")
	g.phoneShows(kimID, "Of course. What is the matter?")
	if g.clicks != 3 {
		t.Errorf("it took %d clicks to the first answered text", g.clicks)
	}
	g.deskShows("Delivered to 617-555-0142.")
	g.picture("answered")

	// What happened, and all of its trace.
	for _, line := range []string{"text: “Hello, can you help me? 👋”", "telephony: ReceiveText", "job: deliver text", "ticketing: RecordInboundText", "open a conversation", "convo.agent.reply.created", "the text is delivered"} {
		g.storyShows(line)
	}
	g.eval(`document.querySelector("#story li.webhook summary").click()`)
	for _, words := range []string{"all of this trace", "Body: Hello, can you help me? 👋", "open a conversation", "send to +16175550142"} {
		g.until(fmt.Sprintf(`document.querySelector("#story .detail")?.innerText.includes(%q)`, words))
	}
	g.eval(`document.querySelector("#story .detail").closest("li").scrollIntoView()`)
	g.picture("story")
	g.text(benID, "wrong number?")
	g.storyShows("wrong number?")
	g.eval(`(() => { const p = document.querySelector("#person"); p.value = "+16175550142"; p.dispatchEvent(new Event("change")); })()`)
	g.until(`document.querySelector("#story").innerText.includes("can you help me") && !document.querySelector("#story").innerText.includes("wrong number")`)
	g.eval(`(() => { const p = document.querySelector("#person"); p.value = ""; p.dispatchEvent(new Event("change")); })()`)

	// Pictures both ways.
	photo := pictureFile(t)
	g.do(chromedp.SetUploadFiles(chromedp.CSS("#phone-"+kimID+" input[type=file]"), []string{photo}))
	g.text(kimID, "look")
	g.until(inDesk(`[...d.querySelectorAll("#threads img")].some((i) => i.naturalWidth === 60)`))
	g.deskDo("#write", fmt.Sprintf(`const f = e.querySelector("input[type=file]"), b = new DataTransfer(); b.items.add(new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))], "map.png", { type: "image/png" })); f.files = b.files`, base64File(t, photo)))
	g.answer("and a map")
	g.until(`[...document.querySelectorAll("#phone-` + kimID + ` .theirs img")].some((i) => i.naturalWidth === 60)`)
	g.phoneShows(kimID, "and a map")
	g.picture("pictures")

	// What cannot be sent says so, and nothing that was typed is lost.
	g.enter("#phone-"+kimID+" input[name=body]", "   ")
	g.click("#phone-" + kimID + " .write button")
	g.sees("there is nothing to send")

	// What was done can be saved, and is a scenario.
	res, err := http.Get("http://" + g.page + "/scenario.txt")
	must(t, err)
	saved, err := io.ReadAll(res.Body)
	res.Body.Close()
	must(t, err)
	if _, err := scenario.Parse("saved", saved); err != nil || !bytes.Contains(saved, []byte("text +16175550142 'Hello, can you help me? 👋'")) || !bytes.Contains(saved, []byte("reply +16175550142 'Of course. What is the matter?'")) {
		t.Errorf("%v:\n%s", err, saved)
	}

	// A restart in the middle: the page comes back by itself, with everything.
	must(t, g.Stop())
	g.until(`!document.querySelector("#offline").hidden`)
	g.Start()
	g.until(`document.querySelector("#offline").hidden`)
	g.phoneShows(kimID, "and a map")
	g.eval(`document.querySelector("#phone-` + kimID + ` input[name=body]").value = ""`)
	g.text(kimID, "are you still there?")
	g.toInbox()
	g.deskShows("are you still there?")
	if g.eval(inDesk(`d.querySelectorAll("#list a").length`)) != "2" {
		t.Error("the restart has made further conversations")
	}

	// Begin anew: nobody has ever texted.
	g.eval(`window.confirm = () => true`)
	g.eval(`document.querySelector("form[action='/reset'] button").click()`)
	g.until(`document.querySelector("#phone-` + kimID + ` .screen").children.length === 0`)
	g.deskShows("Nothing here yet")
	g.text(kimID, "hello again")
	g.phoneShows(kimID, "Thank you for your message")
	g.deskShows("hello again")
}

func base64File(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	encoded, err := json.Marshal(data)
	must(t, err)
	return strings.Trim(string(encoded), `"`)
}

// Calls on the page: the second volunteer takes one; nobody takes the next, and its voicemail plays in the ticket; the agent calls back.
func TestPlaygroundCalls(t *testing.T) {
	t.Parallel()
	g := startGround(t)
	call := "#phone-" + kimID + " .keys form[action$='/call'] button"
	press := func(phone, act string) { g.click("#phone-" + phone + " .keys form[action$='/" + act + "'] button") }

	g.click(call)
	g.phoneShows(annaID, "the hotline is calling")
	g.phoneShows(benID, "the hotline is calling")
	g.picture("ringing")
	press(benID, "pick_up")
	g.until(`document.querySelector("#phone-` + benID + ` .keys details")?.open`)
	g.picture("press-1")
	g.click("#phone-" + benID + " .pad button[value='1']")
	g.phoneShows(benID, "connected with Kim")
	g.phoneShows(kimID, "connected with Ben")
	g.phoneShows(annaID, "The call is over")
	g.enter("#phone-"+kimID+" .speak input", "Hello Ben")
	g.click("#phone-" + kimID + " .speak button")
	g.phoneShows(kimID, "Hello Ben")
	g.picture("talking")
	press(kimID, "hang_up")
	g.phoneShows(benID, "The call is over")

	// Anna's voicemail answers, which takes nothing; Ben declines.
	g.eval(`(() => { const s = document.querySelector("#phone-` + annaID + ` select"); s.value = "off"; s.dispatchEvent(new Event("change", { bubbles: true })); })()`)
	g.storyQuiet()
	g.click(call)
	press(benID, "hang_up")
	g.phoneShows(kimID, "You have reached our voicemail")
	g.until(`document.querySelector("#phone-` + kimID + ` .keys").dataset.state.includes("beep")`)
	g.picture("beep")
	g.enter("#phone-"+kimID+" .speak input", "Please call me back about tomorrow")
	g.click("#phone-" + kimID + " .speak button")
	g.phoneShows(kimID, "Please call me back about tomorrow")
	microphone := "#phone-" + kimID + " [data-microphone]"
	g.click(microphone)
	g.until(`document.querySelector("` + microphone + `").textContent.includes("Stop")`)
	time.Sleep(3 * time.Second) // a message takes its time: Twilio makes no words of one that is shorter
	g.click(microphone)
	g.phoneShows(kimID, "(a sound)")
	time.Sleep(3 * time.Second)
	press(kimID, "hang_up")
	g.deskShows("voicemail")
	g.open()
	g.deskShows("Please call me back about tomorrow") // the transcript
	g.until(inDesk(`d.querySelector("#threads audio") && d.querySelector("#threads audio").duration > 1`))
	g.deskDo("#threads audio", `e.muted = true; e.play()`)
	g.until(inDesk(`d.querySelector("#threads audio").currentTime > 0.2`))
	if sound := g.loudness(); sound < 0.01 {
		t.Errorf("the voicemail is silent: %v", sound)
	}
	g.picture("voicemail")

	// The agent calls back, from the frame in the frame, and Dana's phone is on the page.
	g.deskDo("select[name=user]", `e.value = "7"; e.form.submit()`)
	g.deskShows("Write as Dana Rivers")
	desk := g.frame("desk")
	app, err := chromedp.Run(g.Context, chromedp.Nodes(chromedp.CSS("iframe"), chromedp.FromNode(desk)))
	if err != nil || len(app) != 1 {
		t.Fatal(app, err)
	}
	dialer := g.opened(func() { g.do(chromedp.Click(chromedp.CSS("a.button"), chromedp.FromNode(app[0]))) })
	dialer.sees("Set up your phone")
	dialer.do(chromedp.SendKeys(chromedp.CSS("#number"), "617-555-0177"), chromedp.Click(chromedp.CSS("form button.button")))
	dialer.sees("Enter the codes")
	code := func(text string) string {
		digits := strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		for _, d := range digits {
			if len(d) >= 6 && len(d) <= 8 {
				return d
			}
		}
		t.Fatalf("there is no code in %q", text)
		return ""
	}
	g.front()
	g.until(`document.querySelector("#phone-` + danaNo + ` .theirs")`)
	g.deskShows("is being set up to call back")
	texted := code(g.eval(`document.querySelector("#phone-` + danaNo + ` .theirs p").textContent`))
	noted := code(g.eval(inDesk(`[...d.querySelectorAll("#threads .note .text")].map((n) => n.textContent).find((n) => n.includes("is being set up"))`)))
	dialer.front()
	dialer.do(chromedp.SendKeys(chromedp.CSS("#note_code"), noted), chromedp.SendKeys(chromedp.CSS("#text_code"), texted), chromedp.Click(chromedp.CSS("form button.button")))
	dialer.sees("Your phone rings first")
	dialer.do(chromedp.Click(chromedp.CSS("button.big")))
	dialer.sees("Your phone is ringing")
	g.front()
	press(danaNo, "pick_up")
	g.click("#phone-" + danaNo + " .pad button[value='1']")
	g.phoneShows(kimID, "the hotline is calling")
	press(kimID, "pick_up")
	g.phoneShows(danaNo, "connected with Kim")
	dialer.front()
	dialer.do(chromedp.WaitVisible(chromedp.CSS(".state.connected .clock")))
	dialer.picture("dialer")
	g.front()
	g.picture("call-back")
	press(danaNo, "hang_up")
	g.deskShows("Dana Rivers called back from 501-712-2661.")
}

// frame finds a frame of the page by its name.
func (g *ground) frame(name string) *chromedp.Node {
	g.t.Helper()
	nodes, err := chromedp.Run(g.Context, chromedp.Nodes(chromedp.CSS(`iframe[name="`+name+`"]`)))
	if err != nil || len(nodes) != 1 {
		g.t.Fatal(nodes, err)
	}
	return nodes[0]
}

// storyQuiet waits until nothing has been written into the story for a moment.
func (g *ground) storyQuiet() {
	g.t.Helper()
	for before := ""; ; {
		now := g.eval(`document.querySelector("#story").lastElementChild?.dataset.id ?? ""`)
		if now == before {
			return
		}
		before = now
		select {
		case <-time.After(300 * time.Millisecond):
		case <-g.Done():
			return
		}
	}
}

// loudness is how loud the voicemail in the ticket is at its loudest, from 0 to 1, as the browser decodes it.
func (g *ground) loudness() (loudest float64) {
	g.t.Helper()
	g.eval(inDesk(`(() => { fetch(d.querySelector("#threads audio").src).then((a) => a.arrayBuffer()).then((b) => new OfflineAudioContext(1, 16000, 16000).decodeAudioData(b)).then((s) => { window.loudest = s.getChannelData(0).reduce((m, x) => Math.max(m, Math.abs(x)), 0); }); return true; })()`))
	g.until(`window.loudest !== undefined`)
	fmt.Sscan(g.eval("window.loudest"), &loudest)
	return loudest
}

// Trouble of all kinds and a crowd: the switches do what they say, the page says what is wrong, and the books agree in the end.
func TestPlaygroundTrouble(t *testing.T) {
	t.Parallel()
	g := startGround(t)
	faults := func(addr string) (f fault.Switches) {
		res, err := http.Get("http://" + addr + "/sim/faults")
		must(t, err)
		defer res.Body.Close()
		must(t, json.NewDecoder(res.Body).Decode(&f))
		return f
	}
	set := func(values map[string]string) {
		g.t.Helper()
		for name, value := range values {
			g.eval(fmt.Sprintf(`(() => { const f = document.querySelector("#trouble-form [name=%s]"); if (f.type === "checkbox") f.checked = %q === "on"; else f.value = %q; f.dispatchEvent(new Event("change", { bubbles: true })); })()`, name, value, value))
			g.storyQuiet()
		}
	}
	g.eval(`document.querySelector("#trouble-menu").open = true`)
	g.click("#trouble-form [name=DeskDown]")
	g.storyShows("from now on Help Scout is down")
	g.until(`document.querySelector("#trouble-menu").classList.contains("on")`)
	if f := faults(g.desk); f.ErrorRate != 1 || f.Status != 503 {
		t.Errorf("Help Scout is %+v", f)
	}
	g.picture("trouble")
	g.eval(`document.querySelector("#trouble-menu").open = false`)
	// The supporter notices nothing; what was sent arrives when Help Scout is back.
	g.text(kimID, "is anybody there?")
	g.storyShows("503")
	g.eval(`document.querySelector("form[action='/trouble/none'] button").click()`)
	g.storyShows("no longer so: Help Scout is down")
	g.deskShows("is anybody there?")
	g.phoneShows(kimID, "Thank you")

	set(map[string]string{"TwilioErrors": "5", "TwilioLost": "5", "DeskErrors": "5", "DeskLost": "5", "Doubled": "2", "Shuffled": "on", "Early": "on", "DeskDoubled": "1", "DeskShuffled": "on"})
	if f := faults(g.twilio); f.ErrorRate != 0.05 || f.DropAfterRate != 0.05 {
		t.Errorf("Twilio is %+v", f)
	}
	g.until(`document.querySelector("#trouble-says").textContent.includes("5 of 100 answers of Help Scout get lost")`)
	g.eval(`document.querySelector("#flood-menu").open = true`)
	g.eval(`document.querySelector("[name=people]").value = "60"`)
	g.click("#flood-menu .primary")
	g.untilFor(3*time.Minute, `document.querySelector("#books")`)
	g.picture("chaos")
	if books := g.eval(`document.querySelector("#books").textContent`); !strings.HasPrefix(books, "✓ 0 lost, 0 doubled") {
		t.Error(books)
	}

	// The flood button as it is.
	g.eval(`document.querySelector("form[action='/trouble/none'] button").click()`)
	g.until(`document.querySelector("#trouble-says").textContent === "All is well."`)
	g.eval(`document.querySelector("#flood-menu").open = true`)
	g.eval(`document.querySelector("[name=people]").value = "1000"`)
	g.click("#flood-menu .primary")
	g.until(`!document.querySelector("#books") && document.querySelector("polyline.acked")`)
	g.until(`document.querySelectorAll("polyline.acked")[0].points.length > 4`)
	g.picture("flooding")
	g.untilFor(3*time.Minute, `document.querySelector("#books")`)
	g.picture("flood")
	if books := g.eval(`document.querySelector("#books").textContent`); !strings.HasPrefix(books, "✓ 0 lost, 0 doubled: 1000 texts") {
		t.Error(books)
	}
	if says := g.eval(`document.querySelector("#trouble-says").textContent`); says != "All is well." {
		t.Errorf("after the flood %s", says)
	}
}

// untilFor is until with a patience of its own.
func (b tab) untilFor(patience time.Duration, so string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String(!!("+so+"))")); err == nil && got == "true" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			shows, _ := chromedp.Run(b.Context, chromedp.Text("body"))
			b.t.Fatalf("it is not so that %s\nThe page shows: %s", so, strings.Join(strings.Fields(shows), " "))
		}
	}
}

// A scenario is played step by step, and then to its end; one that does not go as it should says what is there instead.
func TestPlaygroundScenario(t *testing.T) {
	t.Parallel()
	g := startGround(t, "call-voicemail")
	g.click("form[action='/stage/next'] button")
	g.until(`document.querySelectorAll("#stage li.done").length === 1`)
	g.phoneShows(kimID, "Hello, please call me back")
	g.deskShows("voicemail")
	g.picture("scenario")
	g.click("form[action='/stage/all'] button")
	g.sees("The story went as it should.")

	file := filepath.Join(t.TempDir(), "wrong.txt")
	must(t, os.WriteFile(file, []byte("text +16175550142 'hello'\nexpect tickets +16175550142 2\n"), 0o600))
	must(t, g.Stop())
	wrong := startGround(t, file)
	wrong.click("form[action='/stage/all'] button")
	wrong.untilFor(time.Minute, `document.querySelector("#stage li.failed pre")?.textContent.includes("want")`)
	must(t, wrong.Stop())
}

// Nothing on the page is wider than a small window, light or dark, and nobody else can use it.
func TestPlaygroundPage(t *testing.T) {
	t.Parallel()
	g := startGround(t)
	g.text(kimID, "hello")
	g.phoneShows(kimID, "Thank you")
	// A phone comes and goes, and what is being typed on another stays.
	g.enter("#phone-"+kimID+" input[name=body]", "half a sent")
	g.enter(".add input[name=number]", "+44 7911 123456")
	g.click(".add button")
	g.do(chromedp.WaitVisible(chromedp.CSS("#phone-447911123456")))
	g.text("447911123456", "hello from abroad")
	g.phoneShows("447911123456", "Thank you")
	g.click("#phone-447911123456 form[action$='/remove'] button")
	g.until(`!document.querySelector("#phone-447911123456")`)
	if typed := g.eval(`document.querySelector("#phone-` + kimID + ` input[name=body]").value`); typed != "half a sent" {
		t.Errorf("what was typed is %q now", typed)
	}
	for _, width := range []int64{360, 800, 1280, 1920} {
		g.do(chromedp.EmulateViewport(width, 800))
		if over := g.eval(`document.documentElement.scrollWidth - innerWidth`); over != "0" && !strings.HasPrefix(over, "-") {
			t.Errorf("at %d px the page is %s px too wide", width, over)
		}
		g.picture(fmt.Sprintf("width-%d", width))
	}
	res, err := http.Get("http://" + g.page + "/")
	must(t, err)
	res.Body.Close()
	if policy := res.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	for _, addr := range []string{g.page, g.twilio, g.desk} {
		// A page of somebody else's, by a form, and by a name of theirs that has our address.
		r, err := http.NewRequest(http.MethodPost, "http://"+addr+"/sim/texts", strings.NewReader("{}"))
		must(t, err)
		r.Header.Set("Origin", "https://example.com")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if addr == g.page {
			r.URL, _ = url.Parse("http://" + addr + "/phones/+16175550142/text")
		}
		if addr == g.desk {
			r.URL, _ = url.Parse("http://" + addr + "/sim/tokens/revoke")
		}
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s takes a form of somebody else's: %s", addr, res.Status)
		}
		r, err = http.NewRequest(http.MethodGet, "http://"+addr+"/sim/inbox", nil)
		must(t, err)
		r.Host = "rebound.example.com"
		res, err = http.DefaultClient.Do(r)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s answers to a name of somebody else's: %s", addr, res.Status)
		}
	}
}
