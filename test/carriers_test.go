package test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

const campaign = "189358"

// at is a hotline of the simplest kind at a carrier.
func at(t *testing.T, transport, value string) hotline.Hotlines {
	t.Helper()
	all, errs := hotline.Parse(fmt.Sprintf("%s:%s:%d", transport, value, simulator.MailboxID))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return all
}

func eachAt(t *testing.T, transport, value string, test func(*testing.T, *hotlinetest.Hotline)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		test(t, hotlinetest.Start(t, hotlinetest.Options{DB: db, Hotlines: at(t, transport, value), PollEvery: 50 * time.Millisecond, Patience: time.Second, SweepEvery: 100 * time.Millisecond}))
	})
}

// telnyxHas waits until a phone has as many texts, and returns them.
func telnyxHas(t *testing.T, h *hotlinetest.Hotline, number string, n int) (bodies []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := h.Telnyx.Wait(ctx, func(s *telnyxsim.Sim) bool { return len(s.Inbox(number)) >= n })
	for _, m := range h.Telnyx.Inbox(number) {
		bodies = append(bodies, m.Text)
	}
	if err != nil || len(bodies) != n {
		t.Fatalf("%s has %q, want %d texts: %v", number, bodies, n, err)
	}
	return bodies
}

// A hotline at Telnyx: each webhook comes twice, and of each text we send it is told first that it has arrived, and then that it was sent.
func TestTelnyx(t *testing.T) {
	t.Parallel()
	eachAt(t, "telnyx", simulator.Hotline, func(t *testing.T, h *hotlinetest.Hotline) {
		picture := telnyxsim.Media{ContentType: "image/png", Data: []byte("a picture")}
		_, err := h.Telnyx.Text(supporter, simulator.Hotline, "hello 👋 שלום", picture)
		must(t, err)
		c := desk(t, h, supporter, has("hello 👋 שלום [attachment-0.png image/png 9]"))
		if got := telnyxHas(t, h, supporter, 1); got[0] != hotline.DefaultWelcome {
			t.Errorf("the welcome is %q", got)
		}
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>How can we help?</p>", Attachments: []helpscoutsim.Attachment{{FileName: "map.png", MimeType: "image/png", Data: []byte("a map")}}})
		if got := telnyxHas(t, h, supporter, 2); got[1] != "How can we help?" {
			t.Errorf("the reply is %q", got)
		}
		if m := h.Telnyx.Inbox(supporter)[1]; len(m.Media) != 1 || string(m.Media[0].Data) != "a map" {
			t.Errorf("the reply came with %+v", m.Media)
		}
		desk(t, h, supporter, has("Delivered to 617-555-0142 (1 attached)."))

		h.Telnyx.SetOutcome(supporter, telnyxsim.Outcome{Status: telnyxsim.SendingFailed, Code: 40301})
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>Are you there?</p>"})
		desk(t, h, supporter, has("NOT DELIVERED to 617-555-0142: there is no way"))

		_, err = h.Telnyx.Text(supporter, simulator.Hotline, "Stop")
		must(t, err)
		desk(t, h, supporter, has("opted out of texts"))
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>Sorry!</p>"})
		desk(t, h, supporter, func(c helpscoutsim.Conversation) bool { return strings.Contains(entries(c), "“Sorry!”") })
		nothingLeft(t, h)
		c = conversationOf(h.Vendors, supporter)
		if n := strings.Count(entries(c), "customer: "); n != 2 {
			t.Errorf("%d texts in the ticket:\n%s", n, entries(c))
		}
		stopped := false
		for _, m := range h.Telnyx.Messages() {
			if stopped && !m.Inbound && !m.System {
				t.Errorf("after STOP follows %q", m.Text)
			}
			stopped = stopped || m.Keyword == "STOP"
		}
		// Telnyx would not take it: it is not even asked.
		kept, err := h.Operator.Telephony.ListItems(t.Context(), &operatorv1.ListItemsRequest{
			Kind: []operatorv1.Kind{operatorv1.Kind_KIND_TEXT_OUT}, State: []operatorv1.State{operatorv1.State_STATE_REFUSED},
		})
		must(t, err)
		if !stopped || len(kept.GetItems()) != 1 {
			t.Errorf("STOP is there: %v; kept back are %v", stopped, kept.GetItems())
		}
	})
}

// Promise 3 at a carrier that cannot be asked: a text whose answer was lost is told of by its webhook, or else not repeated, and the ticket says so.
func TestTelnyxUnclear(t *testing.T) {
	t.Parallel()
	eachAt(t, "telnyx", simulator.Hotline, func(t *testing.T, h *hotlinetest.Hotline) {
		_, err := h.Telnyx.Text(supporter, simulator.Hotline, "hello")
		must(t, err)
		c := desk(t, h, supporter, has("hello"))
		telnyxHas(t, h, supporter, 1)
		h.Telnyx.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "POST /v2/messages"})
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>one</p>"})
		desk(t, h, supporter, has("Delivered to 617-555-0142. / “one”"))
		h.Telnyx.Faults().Set(fault.Switches{DropBeforeNext: 1, Path: "POST /v2/messages"})
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>two</p>"})
		desk(t, h, supporter, has("It is not known whether this text reached 617-555-0142"))
		nothingLeft(t, h)
		if got := telnyxHas(t, h, supporter, 2); got[1] != "one" {
			t.Errorf("%q", got)
		}
	})
}

// Nobody but Telnyx is let in, and nobody at all where no hotline is there.
func TestTelnyxDoor(t *testing.T) {
	post := func(h *hotlinetest.Hotline, path string) int {
		r, err := http.NewRequest(http.MethodPost, h.URL+path, strings.NewReader(`{"data":{"event_type":"message.received","payload":{"id":"x","from":{"phone_number":"+16175550142"},"to":[{"phone_number":"`+simulator.Hotline+`"}],"text":"forged"}}}`))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("telnyx-timestamp", fmt.Sprint(time.Now().Unix()))
		r.Header.Set("telnyx-signature-ed25519", strings.Repeat("A", 86)+"==")
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		res.Body.Close()
		return res.StatusCode
	}
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t), Hotlines: at(t, "telnyx", simulator.Hotline)})
	none := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	for _, path := range []string{"/bling/telnyx_sms", "/bling/telnyx_status/x"} {
		if got := post(h, path); got != http.StatusForbidden {
			t.Errorf("%s: %d", path, got)
		}
		if got := post(none, path); got != http.StatusNotFound {
			t.Errorf("%s without a hotline there: %d", path, got)
		}
	}
}

// mobileCommonsHas waits until a phone has as many texts, and returns them.
func mobileCommonsHas(t *testing.T, h *hotlinetest.Hotline, number string, n int) (bodies []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := h.MobileCommons.Wait(ctx, func(s *mobilecommonssim.Sim) bool { return len(s.Inbox(number)) >= n })
	for _, m := range h.MobileCommons.Inbox(number) {
		bodies = append(bodies, m.Body)
	}
	if err != nil || len(bodies) != n {
		t.Fatalf("%s has %q, want %d texts: %v", number, bodies, n, err)
	}
	return bodies
}

// A hotline that is a campaign at Mobile Commons, which tells us nothing: texts are asked for, and nobody knows whether ours arrive.
func TestMobileCommons(t *testing.T) {
	t.Parallel()
	eachAt(t, "mobilecommons", campaign, func(t *testing.T, h *hotlinetest.Hotline) {
		_, err := h.MobileCommons.Text(supporter, campaign, "hello 👋 שלום")
		must(t, err)
		c := desk(t, h, supporter, has("hello 👋 שלום"))
		if got := mobileCommonsHas(t, h, supporter, 1); got[0] != hotline.DefaultWelcome {
			t.Errorf("the welcome is %q", got)
		}
		long := strings.TrimSpace(strings.Repeat("We can help you. ", 15))
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>" + long + "</p>"})
		got := mobileCommonsHas(t, h, supporter, 3)
		if strings.Join(got[1:], " ") != long || len(got[1]) > 160 {
			t.Errorf("the reply is %q", got[1:])
		}
		desk(t, h, supporter, has("Handed to Mobile Commons for 617-555-0142 (2 messages, 2 segments), which does not tell whether it arrives."))
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>look</p>", Attachments: []helpscoutsim.Attachment{{FileName: "map.png", MimeType: "image/png", Data: []byte("a map")}}})
		got = mobileCommonsHas(t, h, supporter, 4)
		if !strings.HasPrefix(got[3], "look\nmap.png: "+h.URL+"/bling/file/") {
			t.Errorf("the reply with a file is %q", got[3])
		}
		_, err = h.MobileCommons.Text(supporter, campaign, "thanks")
		must(t, err)
		desk(t, h, supporter, has("thanks"))

		// M10: who has opted out there is not texted from here; nothing opts them in again.
		client, err := mobilecommons.New(h.MobileCommonsURL, mobilecommonssim.DefaultUsername, mobilecommonssim.DefaultPassword)
		must(t, err)
		must(t, client.OptOut(t.Context(), supporter, campaign))
		for ctx, wished := t.Context(), false; !wished; {
			res, err := h.Telephony.ListWishes(ctx, &telephonyv1.ListWishesRequest{})
			must(t, err)
			wished = len(res.GetWishes()) == 1
			wait(ctx, t, 10*time.Millisecond)
		}
		reply(t, h, c, helpscoutsim.Reply{Text: "<p>one more thing</p>"})
		desk(t, h, supporter, has("NOT DELIVERED to 617-555-0142: the supporter has opted out"))
		nothingLeft(t, h)
		mobileCommonsHas(t, h, supporter, 4)
		if h.MobileCommons.Subscribed(supporter, campaign) {
			t.Error("they are subscribed again")
		}
		if n := strings.Count(entries(conversationOf(h.Vendors, supporter)), "customer: "); n != 2 {
			t.Errorf("%d texts in the ticket", n)
		}
	})
}

// A text whose answer was lost is looked for among those that Mobile Commons has sent. One that is not there may have been sent all the same, as far as
// anybody knows: it is not sent twice, and the ticket says so.
func TestMobileCommonsUnclear(t *testing.T) {
	t.Parallel()
	eachAt(t, "mobilecommons", campaign, func(t *testing.T, h *hotlinetest.Hotline) {
		_, err := h.MobileCommons.Text(supporter, campaign, "hello")
		must(t, err)
		c := desk(t, h, supporter, has("hello"))
		mobileCommonsHas(t, h, supporter, 1)
		for n, test := range []struct {
			faults fault.Switches
			has    int // texts, with those before
			says   string
		}{
			{fault.Switches{DropAfterNext: 1}, 2, "Handed to Mobile Commons for 617-555-0142, which does not tell whether it arrives. / “reply 0”"},
			{fault.Switches{DropBeforeNext: 1}, 2, "It is not known whether this text reached 617-555-0142"},
			// The ticket is told first that it is not sent yet, and then that it is.
			{fault.Switches{FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 3}, 3, "Handed to Mobile Commons for 617-555-0142, which does not tell whether it arrives. / “reply 2”"},
		} {
			test.faults.Path = "POST /api/send_message"
			h.MobileCommons.Faults().Set(test.faults)
			reply(t, h, c, helpscoutsim.Reply{Text: fmt.Sprintf("<p>reply %d</p>", n)})
			desk(t, h, supporter, has(test.says))
			mobileCommonsHas(t, h, supporter, test.has)
		}
		nothingLeft(t, h)
		if got := mobileCommonsHas(t, h, supporter, 3); !slices.Equal(got[1:], []string{"reply 0", "reply 2"}) {
			t.Errorf("%q", got)
		}
	})
}
