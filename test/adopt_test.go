package test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// adoption is a hotline that takes over from the original program, and the command that adopts what that has made.
type adoption struct {
	hotlinetest.Vendors
	t       *testing.T
	ctx     context.Context
	binary  string
	environ []string
}

// start starts the command. What it returns ends with its output, or with an error.
func (a *adoption) start(args ...string) (cmd *exec.Cmd, ended <-chan string) {
	a.t.Helper()
	cmd = exec.CommandContext(a.ctx, a.binary, append([]string{"adopt"}, args...)...)
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

// lists is how often the help desk was asked for a list.
func lists(s *helpscoutsim.Sim) int { return s.Usage().Requests["GET /v2/conversations"] }

func (a *adoption) waitForLists(n int) {
	a.t.Helper()
	must(a.t, a.HelpScout.Wait(a.ctx, func(s *helpscoutsim.Sim) bool { return lists(s) >= n }))
}

// live texts the hotline, one after the other, and returns how long each took from the webhook to the ticket.
func (a *adoption) live(from []string, body string) (took []time.Duration) {
	a.t.Helper()
	for _, number := range from {
		began := time.Now()
		if d, err := a.Twilio.Text(a.ctx, twiliosim.Text{From: number, To: simulator.Hotline, Body: body}); err != nil || d.Lost {
			a.t.Fatalf("a text is lost: %v", err)
		}
		must(a.t, a.HelpScout.Wait(a.ctx, func(s *helpscoutsim.Sim) bool {
			return slices.ContainsFunc(s.ConversationsOf(contact(number)), func(c helpscoutsim.Conversation) bool {
				return slices.ContainsFunc(c.Threads, func(t helpscoutsim.Thread) bool { return t.Body == body })
			})
		}))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

func contact(number string) string { return strings.TrimPrefix(number, "+1") + "@" + simulator.Domain }

// newcomer is somebody who has never written before; person are those who have.
func newcomer(i int) string { return fmt.Sprintf("+1857555%04d", i) }

func several(number func(int) string, from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, number(i))
	}
	return all
}

// Thousands of conversations of the original program's are adopted, each once, although the command and the hotline are killed meanwhile and
// Help Scout allows little. Texts that come meanwhile arrive all the same. Afterwards the next text of each goes where the others are, nobody
// is welcomed again, and answers reach them.
func TestAdopt(t *testing.T) {
	t.Parallel()
	conversations, live, limit := 1000, 20, 120
	if testing.Short() {
		conversations, live, limit = 300, 2, 30
	}
	if n, err := strconv.Atoi(os.Getenv("BLING_TEST_ADOPT")); err == nil { // such as 5000
		conversations, limit = n, 300
	}
	binary := filepath.Join(t.TempDir(), "bling")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/bling-hotline/bling/cmd/bling").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	door, grpc := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
	vendors := hotlinetest.StartVendors(t, hotlinetest.Options{HelpScout: func(c *helpscoutsim.Config) { c.RateLimit, c.RateWindow = limit, helpscoutsim.SlidingWindow }}, "http://"+door)
	a := &adoption{vendors, t, ctx, binary, []string{"BLING_TICKETING_ADDR=" + grpc, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}}
	bling := hotlinetest.NewProcess(t, binary, []string{"serve"}, append(vendors.Environ(), "BLING_GATEWAY_ADDR="+door, "BLING_PUBLIC_URL=http://"+door, "BLING_GRPC_ADDR="+grpc,
		"BLING_DATA_DIR="+t.TempDir(), "BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error", "BLING_CHECK_EVERY=0", "BLING_SWEEP_EVERY=1h")...)

	var former []helpscoutsim.Former
	for i := range conversations {
		former = append(former, helpscoutsim.Former{
			MailboxID: simulator.MailboxID, Email: contact(person(i)), Phone: person(i)[2:], CreatedAt: time.Now().Add(-time.Duration(1+i) * 10 * time.Minute), Texts: []string{"as ever"},
		})
	}
	for _, other := range []string{"ada@example.org", "12345678@" + simulator.Domain} {
		former = append(former, helpscoutsim.Former{MailboxID: simulator.MailboxID, Email: other, Phone: "x", CreatedAt: time.Now().Add(-time.Hour), Texts: []string{"hello"}})
	}
	ids, err := vendors.HelpScout.AddFormer(former...)
	must(t, err)
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")
	before := a.live(several(newcomer, 0, live), "hello")

	begun := lists(vendors.HelpScout)
	first, ended := a.start()
	a.waitForLists(begun + 2)
	must(t, first.Process.Kill())
	if out := <-ended; strings.Contains(out, "adopted") {
		t.Fatalf("it was not killed in the middle: %s", out)
	}
	_, ended = a.start()
	a.waitForLists(lists(vendors.HelpScout) + 2)
	bling.Kill()
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+door+"/readyz")
	// By now there is no more in Help Scout's budget than what is kept for those who wait.
	meanwhile := a.live(slices.Concat(several(newcomer, live, live+live/2), several(person, 0, live-live/2)), "hello meanwhile")
	select {
	case out := <-ended:
		t.Errorf("adoption was over before the texts were there, so they show nothing: %s", out)
		return
	default:
	}
	p99 := func(sorted []time.Duration) time.Duration { return sorted[(len(sorted)*99-1)/100] }
	t.Logf("%d texts, from the webhook to the ticket: p99 %v before, %v while conversations are adopted", live, p99(before), p99(meanwhile))
	out := <-ended
	if want := fmt.Sprintf("; %d adopted, %d older than another one of the same supporter or ours already, 1 whose number cannot be told, 1 of", conversations, live); !strings.Contains(out, want) {
		t.Errorf("it says %q, want %q", out, want)
	}
	if usage := vendors.HelpScout.Usage(); usage.Limited > 0 {
		t.Errorf("Help Scout has refused %d requests", usage.Limited)
	}

	vendors.HelpScout.SetSettings(helpscoutsim.Settings{RateLimit: -1, ListLag: -1})
	step := max(1, conversations/100)
	for i := 0; i < conversations; i += step {
		a.live(several(person, i, i+1), "hello again")
		if all := vendors.HelpScout.ConversationsOf(contact(person(i))); len(all) != 1 || all[0].ID != ids[i] {
			t.Errorf("%d has %d conversations", i, len(all))
		}
		if got := vendors.Twilio.Received(person(i)); len(got) > 0 {
			t.Errorf("%d gets %q", i, got[0].Body)
		}
	}
	// One who has not written since is answered as well.
	_, err = vendors.HelpScout.AgentReply(ids[conversations-2], helpscoutsim.Reply{Text: "<p>how are you?</p>"})
	must(t, err)
	must(t, vendors.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool {
		got := s.Received(person(conversations - 2))
		return len(got) == 1 && got[0].Body == "how are you?"
	}))
	_, ended = a.start("-again", "-dry-run")
	if out := <-ended; !regexp.MustCompile(`^mailbox \d+: \d+ conversations, .*; 0 would be adopted, \d+ older`).MatchString(out) {
		t.Errorf("there is still something to adopt: %s", out)
	}
	if res, err := http.Get("http://" + door + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("it is not well: %v", err)
	}
	must(t, bling.Stop())
}
