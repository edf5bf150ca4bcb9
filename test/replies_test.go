package test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Promises 3, 4 and 5: a thousand replies, each webhook delivered one to three times and in any order, both vendors failing,
// and the hotline killed ten times at any moment. Each reply is at the phone at most once, in the order in which they were
// written, and the ticket says of each what became of it.
func TestReplies(t *testing.T) {
	t.Parallel()
	const supporters, replies, kills = 100, 1000, 10
	ctx, vendors, bling := served(t, hotlinetest.Options{HelpScout: func(c *helpscoutsim.Config) {
		c.Shuffle, c.DuplicatesUpTo, c.Seed = true, 2, 7
		// While the hotline is down, webhooks fail; they must come again soon enough for a test.
		c.MaxAttempts, c.DiscardLimit, c.Backoff = 1000, 1000, func(int) time.Duration { return 100 * time.Millisecond }
	}}, "BLING_REPLY_PATIENCE=5s")
	crowd := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: supporters, Texts: supporters, Concurrency: 8, Seed: 7, Patience: time.Minute}}
	crowd.Send(ctx, t, vendors.Twilio)
	crowd.Arrived(ctx, t, vendors)

	trouble := fault.Switches{ErrorRate: 0.02, DropAfterRate: 0.02, Path: "POST "}
	vendors.Twilio.Faults().Set(trouble)
	vendors.HelpScout.Faults().Set(trouble)
	for i := 0; i < supporters; i += 10 { // some phones take no texts
		vendors.Twilio.SetCarrier(crowd.Number(i), twiliosim.Carrier{Undelivered: 30003})
	}
	killed := killed(ctx, t, vendors, bling, kills, 7)
	random := rand.New(rand.NewPCG(7, 3))
	for i := range replies {
		c := conversationOf(vendors, crowd.Number(random.IntN(supporters)))
		if _, err := vendors.HelpScout.AgentReply(c.ID, helpscoutsim.Reply{Text: fmt.Sprintf("<p>reply %d.</p>", i)}); err != nil {
			t.Fatal(err)
		}
	}
	<-killed
	if err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
		ended := 0
		for i := range supporters {
			for _, notes := range notesByReply(conversationOf(vendors, crowd.Number(i))) {
				if slices.ContainsFunc(notes, func(n string) bool { return !strings.HasPrefix(n, "Handed") && !strings.HasPrefix(n, "Not sent") }) {
					ended++
				}
			}
		}
		return ended >= replies
	}); err != nil {
		t.Errorf("waiting for the notes: %v", err)
	}

	count := map[string]int{}
	for i := range supporters {
		c := conversationOf(vendors, crowd.Number(i))
		notes := notesByReply(c)
		var arrived []int
		for _, m := range vendors.Twilio.Inbox(crowd.Number(i)) {
			if n, ok := strings.CutPrefix(strings.TrimSuffix(m.Body, "."), "reply "); ok {
				number, err := strconv.Atoi(n)
				if err != nil {
					t.Fatal(err)
				}
				arrived = append(arrived, number)
			}
		}
		if !slices.IsSorted(arrived) {
			count["misordered"]++
		}
		if len(slices.Compact(slices.Clone(arrived))) != len(arrived) {
			count["doubled"]++
		}
		for _, th := range c.Threads {
			var n int
			if _, err := fmt.Sscanf(th.Body, "<p>reply %d", &n); err != nil {
				continue
			}
			count["replies"]++
			there := slices.Contains(arrived, n)
			last := ""
			if len(notes[n]) > 0 {
				last = notes[n][len(notes[n])-1]
			}
			if len(notes[n]) > 2 {
				count["too many notes"]++
			}
			switch {
			case last == "":
				count["silent"]++
			case there && strings.HasPrefix(last, "Delivered"):
				count["delivered, and said so"]++
			case !there && strings.HasPrefix(last, "NOT DELIVERED"):
				count["not delivered, and said so"]++
			case strings.HasPrefix(last, "It is not known"):
				count["not known, and said so"]++
			default:
				count["wrong"]++
				t.Errorf("reply %d is at the phone: %v, and the ticket says %q", n, there, notes[n])
			}
		}
	}
	t.Logf("%v", count)
	if count["replies"] != replies || count["misordered"]+count["doubled"]+count["silent"]+count["wrong"]+count["too many notes"] > 0 {
		t.Error("the books do not agree")
	}
}

func conversationOf(v hotlinetest.Vendors, number string) helpscoutsim.Conversation {
	list := v.HelpScout.ConversationsOf(phone.Parse(number).Address("") + "@" + simulator.Domain)
	return list[len(list)-1]
}

var quotedReply = regexp.MustCompile(`“reply (\d+)\.”`)

// notesByReply are the notes about each reply, in their order.
func notesByReply(c helpscoutsim.Conversation) map[int][]string {
	notes := map[int][]string{}
	for _, th := range c.Threads {
		if m := quotedReply.FindStringSubmatch(th.Body); th.Type == "note" && m != nil {
			n, _ := strconv.Atoi(m[1])
			notes[n] = append(notes[n], th.Body)
		}
	}
	return notes
}
