package test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// former is a text of before; supporter is who sent it.
type former struct {
	supporter int
	body      string
	at        time.Time
}

// archive is a campaign's texts of a time that is over, and the hotline that brings them in, with its command, in processes of their own.
type archive struct {
	hotlinetest.Vendors
	t       *testing.T
	ctx     context.Context
	binary  string
	environ []string
	db      *sql.DB // telephony's
	from    time.Time
	to      time.Time

	mu     sync.Mutex
	faults map[int]func(w http.ResponseWriter, answer []byte) // of the pages of the load, by how many were asked for
	pages  int
}

// formerSupporter is somebody here or abroad.
func formerSupporter(i int) string {
	if i%5 == 4 {
		return fmt.Sprintf("+4479111%05d", i)
	}
	return fmt.Sprintf("+1617555%04d", i)
}

func formerContact(i int) string {
	return phone.Parse(formerSupporter(i)).Address("") + "@" + simulator.Domain
}

// texts adds so many to the campaign, of the time between from and to, and returns those of each supporter, oldest first. Many of a person are in
// the same second, and many say the same.
func (a *archive) texts(n, supporters int) map[int][]former {
	random := rand.New(rand.NewPCG(7, 8))
	span := int(a.to.Sub(a.from) / time.Second)
	times := make([]int, n)
	for i := range times {
		times[i] = random.IntN(span)
		if i%10 == 9 { // right after, or at the same time
			times[i] = min(span-1, times[i-1]+random.IntN(2))
		}
	}
	slices.Sort(times)
	all := map[int][]former{}
	for i, second := range times {
		who := i / 2 % supporters // two in a row are one person's
		body := []string{fmt.Sprint("text ", i), "ok", fmt.Sprint("👩‍👩‍👧‍👦 שלום ", i), fmt.Sprint(i, " ", strings.Repeat("مرحبا ", 100)), ""}[random.IntN(5)]
		text := former{who, body, a.from.Add(time.Duration(second) * time.Second)}
		_, err := a.MobileCommons.Past(mobilecommonssim.Message{Campaign: campaign, Phone: formerSupporter(who), Body: body, At: text.at})
		must(a.t, err)
		all[who] = append(all[who], text)
	}
	return all
}

// front is Mobile Commons, whose pages of the time that is loaded go wrong as faults says, each once.
func (a *archive) front(target http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, err := time.Parse("2006-01-02 15:04:05 UTC", r.URL.Query().Get("start_time"))
		if r.URL.Path != "/api/messages" || err != nil || !start.Before(a.to) {
			target.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		target.ServeHTTP(answer, r)
		a.mu.Lock()
		a.pages++
		fails, fault := a.faults[a.pages]
		delete(a.faults, a.pages)
		a.mu.Unlock()
		if fault {
			fails(w, answer.Body.Bytes())
			return
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // who does not listen is gone
	})
}

// start starts the command. What it returns ends with its output, or with an error.
func (a *archive) start(args ...string) (cmd *exec.Cmd, ended <-chan string) {
	a.t.Helper()
	args = append([]string{"load", "mobilecommons", "-from", a.from.Format(time.RFC3339), "-to", a.to.Format(time.RFC3339)}, args...)
	cmd = exec.CommandContext(a.ctx, a.binary, args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = a.environ, &out, a.t.Output()
	must(a.t, cmd.Start())
	end := make(chan string, 1)
	go func() {
		if err := cmd.Wait(); err != nil {
			fmt.Fprintln(&out, err)
		}
		end <- out.String()
	}()
	return cmd, end
}

// waitForTexts waits until so many texts are in the tickets.
func (a *archive) waitForTexts(n int) {
	a.t.Helper()
	if err := a.HelpScout.Wait(a.ctx, func(s *helpscoutsim.Sim) bool { return inTickets(s) >= n }); err != nil {
		a.t.Fatalf("%d of %d texts are in the tickets: %v", inTickets(a.HelpScout), n, err)
	}
}

func inTickets(s *helpscoutsim.Sim) (n int) {
	for _, c := range s.Conversations() {
		n += len(customerThreads(c))
	}
	return n
}

func customerThreads(c helpscoutsim.Conversation) (texts []helpscoutsim.Thread) {
	for _, th := range c.Threads {
		if th.Type == "customer" {
			texts = append(texts, th)
		}
	}
	return texts
}

// live texts the campaign as so many who are new there, and returns how long it took until each text was in a ticket.
func (a *archive) live(n int) (took []time.Duration) {
	a.t.Helper()
	began := time.Now()
	for i := range n {
		_, err := a.MobileCommons.Text(newcomer(i), campaign, "live")
		must(a.t, err)
	}
	for i := range n {
		must(a.t, a.HelpScout.Wait(a.ctx, func(s *helpscoutsim.Sim) bool { return len(s.ConversationsOf(contact(newcomer(i)))) > 0 }))
		took = append(took, time.Since(began))
	}
	return took
}

// Thousands of texts of before are brought into the tickets, each once, in the order of its time and with its time, although pages of Mobile
// Commons' list fail, answers of the help desk are lost, and the command and the hotline are killed. Nobody gets a text because of it, and nobody
// is subscribed. Texts that come meanwhile arrive meanwhile, and are answered. What the original's loader has brought in before is not
// brought in again. BLING_TEST_LOAD says how many texts there are.
func TestLoad(t *testing.T) {
	t.Parallel()
	texts, supporters := 2000, 100
	if n, err := strconv.Atoi(os.Getenv("BLING_TEST_LOAD")); err == nil {
		texts, supporters = n, max(1, n/30)
	}
	binary := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	door, grpc, dir := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), t.TempDir()
	vendors := hotlinetest.StartVendors(t, hotlinetest.Options{Hotlines: at(t, "mobilecommons", campaign)}, "http://"+door)
	a := &archive{Vendors: vendors, t: t, ctx: ctx, binary: binary, to: time.Now().UTC().Truncate(time.Second).Add(-time.Hour)}
	a.from = a.to.AddDate(0, 0, -30)
	target, err := url.Parse(vendors.MobileCommonsURL)
	must(t, err)
	front := httptest.NewServer(a.front(httputil.NewSingleHostReverseProxy(target)))
	defer front.Close()
	hotlines := fmt.Sprintf("BLING_MAILBOXES=mobilecommons:%s:%d", campaign, simulator.MailboxID)
	a.environ = []string{"BLING_TELEPHONY_ADDR=" + grpc, hotlines, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	bling := hotlinetest.NewProcess(t, binary, []string{"serve"}, append(vendors.Environ(), hotlines, "MOBILECOMMONS_API_URL="+front.URL,
		"BLING_GATEWAY_ADDR="+door, "BLING_PUBLIC_URL=http://"+door, "BLING_GRPC_ADDR="+grpc, "BLING_DATA_DIR="+dir, "BLING_PRIVATE_ADDR=127.0.0.1:0",
		"BLING_LOG_LEVEL=error", "BLING_CHECK_EVERY=0", "BLING_SWEEP_EVERY=1h", "BLING_POLL_EVERY=200ms")...)
	all := a.texts(texts, supporters)

	// The original's loader has put some into tickets, at the time at which it ran.
	const loadedBefore, ofEach = 5, 3
	var conversations []helpscoutsim.Former
	for i := range loadedBefore {
		f := helpscoutsim.Former{MailboxID: simulator.MailboxID, Email: formerContact(i), Phone: "x", CreatedAt: a.to}
		for _, text := range all[i][:ofEach] {
			f.Texts = append(f.Texts, shownAs(text.body))
		}
		conversations = append(conversations, f)
	}
	_, err = vendors.HelpScout.AddFormer(conversations...)
	must(t, err)
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")

	a.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "telephony.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	must(t, err)
	defer a.db.Close()

	_, ended := a.start("-dry-run")
	if out, want := <-ended, fmt.Sprintf("mobilecommons:%s: %d texts found, of which %d would be new\n", campaign, texts, texts); out != want {
		t.Fatalf("the dry run says %q, want %q", out, want)
	}
	if n := inTickets(vendors.HelpScout); n != loadedBefore*ofEach || a.ledger("text_in") != 0 || a.ledger("looked WHERE what LIKE 'load %'") != 0 {
		t.Fatalf("after a dry run there are %d texts in the tickets and %d in the ledger", n, a.ledger("text_in"))
	}
	a.mu.Lock()
	a.pages, a.faults = 0, map[int]func(http.ResponseWriter, []byte){
		2: func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusInternalServerError) },
		5: func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		9: func(w http.ResponseWriter, answer []byte) { _, _ = w.Write(answer[:len(answer)/2]) },
	}
	a.mu.Unlock()
	began := time.Now()
	vendors.HelpScout.Faults().Set(fault.Switches{DropAfterNext: 5, Path: "POST /v2/conversations"})
	first, ended := a.start()
	a.waitForTexts(texts / 10)
	must(t, first.Process.Kill())
	if out := <-ended; strings.Contains(out, "found") {
		t.Fatalf("it was not killed in the middle: %s", out)
	}
	vendors.HelpScout.Faults().Set(fault.Switches{DropBeforeNext: 5, Path: "POST /v2/conversations"})
	_, ended = a.start()
	for _, n := range []int{texts / 5, texts * 3 / 10} {
		a.waitForTexts(n)
		bling.Kill()
		bling.Start()
		hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")
	}
	const live = 10
	took := a.live(live)
	select {
	case out := <-ended:
		t.Fatalf("it was over before the live texts were there, so they show nothing: %s", out)
	default:
	}
	out := <-ended
	if !strings.Contains(out, " texts found, of which ") {
		t.Fatalf("it says %q", out)
	}
	a.waitForTexts(texts + live)
	a.idle()
	whole := time.Since(began)
	t.Logf("%d texts of %d supporters in %v, %.0f/s; %d live texts were there in %v", texts, supporters, whole.Round(time.Second), float64(texts)/whole.Seconds(), live, took[live-1])
	a.mu.Lock()
	if len(a.faults) > 0 {
		t.Errorf("only %d pages were asked for, so not all has gone wrong that should", a.pages)
	}
	a.mu.Unlock()

	_, ended = a.start("-again")
	if out, want := <-ended, fmt.Sprintf("%d texts found, of which 0 new\n", texts); !strings.HasSuffix(out, want) {
		t.Errorf("again it says %q, want %q", out, want)
	}
	a.idle()
	for i := range supporters {
		before := 0
		if i < loadedBefore {
			before = ofEach
		}
		a.check(i, all[i], before)
	}
	for i := range live {
		number := newcomer(i)
		all := vendors.HelpScout.ConversationsOf(contact(number))
		if inbox := vendors.MobileCommons.Inbox(number); len(all) != 1 || len(customerThreads(all[0])) != 1 || len(inbox) != 1 || inbox[0].Body != hotline.DefaultWelcome {
			t.Errorf("live text %d: %d conversations, answered with %+v", i, len(all), inbox)
		}
	}
	must(t, bling.Stop())
}

// shownAs is what a text is in a ticket.
func shownAs(body string) string {
	if body == "" {
		return "(empty message)"
	}
	return strings.TrimSpace(body)
}

// check looks at what became of somebody's texts, of which some were in the ticket before.
func (a *archive) check(i int, texts []former, before int) {
	number := formerSupporter(i)
	if len(a.MobileCommons.Inbox(number)) > 0 || a.MobileCommons.Subscribed(number, campaign) {
		a.t.Errorf("supporter %d has got a text, or is subscribed", i)
	}
	conversations := a.HelpScout.ConversationsOf(formerContact(i))
	if len(conversations) != 1 {
		a.t.Errorf("supporter %d has %d conversations", i, len(conversations))
		return
	}
	threads := customerThreads(conversations[0])
	if len(threads) != len(texts) {
		a.t.Errorf("supporter %d has %d texts in the ticket, want %d", i, len(threads), len(texts))
		return
	}
	want := slices.Concat(texts[before:], texts[:before]) // these have the time at which they were brought in
	for n, th := range threads {
		at := want[n].at
		if n >= len(texts)-before {
			at = a.to
		}
		if strings.TrimSpace(th.Body) != shownAs(want[n].body) || !th.CreatedAt.Equal(at) {
			a.t.Errorf("text %d of supporter %d is %.30q of %v, want %.30q of %v", n, i, th.Body, th.CreatedAt, want[n].body, at)
			return
		}
	}
}

// ledger counts what telephony has.
func (a *archive) ledger(query string) (n int) {
	a.t.Helper()
	must(a.t, a.db.QueryRowContext(a.ctx, `SELECT count(*) FROM `+query).Scan(&n))
	return n
}

// idle waits until telephony has no text left to deliver, not even one of which it is not clear whether it is in the ticket.
func (a *archive) idle() {
	a.t.Helper()
	for a.ledger(`text_in WHERE state = 'pending'`)+a.ledger(`text_out WHERE state IN ('queued', 'sending')`) > 0 {
		wait(a.ctx, a.t, 10*time.Millisecond)
	}
}
