package test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

const supporter = "+16175550142"

// each runs a test against a new hotline on each engine.
func each(t *testing.T, test func(t *testing.T, h *hotlinetest.Hotline), change ...func(*hotlinetest.Options)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		o := hotlinetest.Options{DB: db}
		for _, f := range change {
			f(&o)
		}
		test(t, hotlinetest.Start(t, o))
	})
}

func text(t *testing.T, h *hotlinetest.Hotline, from, body string, media ...twiliosim.Media) string {
	t.Helper()
	d, err := h.Twilio.Text(t.Context(), twiliosim.Text{From: from, To: simulator.Hotline, Body: body, Media: media})
	if err != nil || d.Lost {
		t.Fatalf("text was not taken: %+v, %v", d, err)
	}
	return d.MessageSid
}

// desk waits until the supporter's newest conversation is as cond wants it.
func desk(t *testing.T, h *hotlinetest.Hotline, from string, cond func(c helpscoutsim.Conversation) bool) helpscoutsim.Conversation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	email := phone.Parse(from).Address("") + "@" + simulator.Domain
	var c helpscoutsim.Conversation
	err := h.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool {
		list := s.ConversationsOf(email)
		if len(list) > 0 {
			c = list[len(list)-1]
		}
		return len(list) > 0 && cond(c)
	})
	if err != nil {
		t.Fatalf("the help desk does not come to it: %v\n%s", err, entries(c))
	}
	return c
}

// phoneHas waits until a phone has received n texts.
func phoneHas(t *testing.T, h *hotlinetest.Hotline, number string, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := h.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool { return len(s.Inbox(number)) >= n })
	var got []string
	for _, m := range h.Twilio.Inbox(number) {
		got = append(got, m.Body)
	}
	if err != nil || len(got) != n {
		t.Fatalf("%s has %q, want %d texts: %v", number, got, n, err)
	}
	return got
}

// entries is a conversation on one line for each thread.
func entries(c helpscoutsim.Conversation) string {
	var b strings.Builder
	for _, th := range c.Threads {
		fmt.Fprintf(&b, "%s: %s", th.Type, strings.ReplaceAll(th.Body, "<br>\n", " / "))
		for _, a := range th.Attachments {
			fmt.Fprintf(&b, " [%s %s %d]", a.FileName, a.MimeType, len(a.Data))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func has(part string) func(helpscoutsim.Conversation) bool {
	return func(c helpscoutsim.Conversation) bool { return strings.Contains(entries(c), part) }
}

// W1: a first text gets the welcome text, a second does not.
func TestWelcome(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		text(t, h, supporter, "hello")
		if got := phoneHas(t, h, supporter, 1); got[0] != hotline.DefaultWelcome {
			t.Errorf("%q", got)
		}
		text(t, h, supporter, "are you there?")
		desk(t, h, supporter, has("are you there?"))
		phoneHas(t, h, supporter, 1)
	})
}

// P6, P7, P9, W3: whoever cannot be texted gets a ticket and no text.
func TestSendersWithoutWelcome(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		for _, from := range []string{"12345", "+18005551212", "client:alice"} {
			text(t, h, from, "hi")
			desk(t, h, from, has("customer: hi"))
		}
		for range 2 { // of withheld numbers nobody knows whether they are the same
			text(t, h, "anonymous", "hi")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := h.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return len(s.Conversations()) == 5 }); err != nil {
			t.Errorf("%d conversations: %v", len(h.HelpScout.Conversations()), err)
		}
		text(t, h, supporter, "and one that can be")
		phoneHas(t, h, supporter, 1)
		for _, m := range h.Twilio.Messages() {
			if m.Direction != twiliosim.Inbound && m.To != supporter {
				t.Errorf("text to %s", m.To)
			}
		}
	})
}

// H9: a text to a number that is no hotline is kept, and delivered once it is one.
func TestUnrouted(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		other := hotline.Hotlines{{Transport: hotline.Twilio, Number: "+15005550001", MailboxID: 206907}}
		var sid string
		t.Run("before", func(t *testing.T) {
			h := hotlinetest.Start(t, hotlinetest.Options{DB: db, Hotlines: other})
			sid = text(t, h, supporter, "is this the right number?")
			// What comes after it, for a hotline that is known, is done: so this one was looked at.
			h.Twilio.SetNumber(twiliosim.Number{PhoneNumber: "+15005550001", SMSURL: h.URL + "/bling/twilio_sms"})
			if d, err := h.Twilio.Text(t.Context(), twiliosim.Text{From: supporter, To: "+15005550001", Body: "other"}); err != nil || d.Lost {
				t.Fatal(d, err)
			}
			desk(t, h, supporter, has("other"))
			if n := len(h.HelpScout.Conversations()); n != 1 {
				t.Errorf("%d conversations", n)
			}
		})
		t.Run("after", func(t *testing.T) {
			h := hotlinetest.Start(t, hotlinetest.Options{DB: db})
			desk(t, h, supporter, has("customer: is this the right number?"))
			_ = sid
		})
	})
}

var picture = twiliosim.Media{ContentType: "image/png", Data: []byte("\x89PNG\r\n\x1a\n picture")}

// S2, S3: every file is fetched with credentials and attached to its text's thread.
func TestMedia(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		text(t, h, supporter, "look", picture, twiliosim.Media{ContentType: "audio/mpeg", Data: []byte("sound")})
		desk(t, h, supporter, has("customer: look [attachment-0.png image/png 16] [attachment-1.mp3 audio/mpeg 5]"))
		// A second one, while the carrier is slow to have the file and then stumbles.
		h.Twilio.Faults().Set(fault.Switches{FailNext: 2, FailNextStatus: 404, Path: "/Media/"})
		text(t, h, supporter, "", picture)
		desk(t, h, supporter, has("customer: Attachment (image/png) [attachment-0.png image/png 16]"))
	})
}

// What cannot be attached is said, with the file's address, and the text is there all the same.
func TestMediaThatCannotBeHad(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		huge := twiliosim.Media{ContentType: "video/mp4", Data: bytes.Repeat([]byte("x"), 10<<20+1)}
		script := twiliosim.Media{ContentType: "text/html", Data: []byte("<script>")}
		text(t, h, supporter, "look", huge, script, picture)
		desk(t, h, supporter, has("attachment-2.png"))
		c := desk(t, h, supporter, func(c helpscoutsim.Conversation) bool { return strings.Count(entries(c), "note:") == 2 })
		for _, want := range []string{"customer: look [attachment-2.png", "note: Attachment (video/mp4): " + h.TwilioURL, "it is larger than 10 MB", "note: Attachment (text/html): ", "files of type text/html are not taken"} {
			if !strings.Contains(entries(c), want) {
				t.Errorf("no %q in\n%s", want, entries(c))
			}
		}
	})
}

// A media address from a forged or foreign place is not fetched, wherever it leads.
func TestMediaFromElsewhere(t *testing.T) {
	fetched := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched = true }))
	defer elsewhere.Close()
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		for _, address := range []string{elsewhere.URL + "/x.png", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "https://api.twilio.com.evil.example/x", ""} {
			status := hotlinetest.Webhook(t, h.URL, map[string]string{
				"MessageSid": fmt.Sprintf("MM%032x", len(address)), "From": supporter, "To": simulator.Hotline, "Body": "look",
				"NumMedia": "1", "MediaUrl0": address, "MediaContentType0": "image/png",
			})
			if status != 200 {
				t.Fatalf("status %d", status)
			}
		}
		c := desk(t, h, supporter, func(c helpscoutsim.Conversation) bool { return strings.Count(entries(c), "note:") == 5 })
		if strings.Count(entries(c), "its address is not one of the carrier's") != 5 || !strings.Contains(entries(c), "Attachment (image/png): (missing URL)") || fetched {
			t.Errorf("fetched %v\n%s", fetched, entries(c))
		}
	})
}

// S7, W2: a welcome text that is refused leaves the ticket as it is, with a note.
func TestRefusedWelcome(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		h.Twilio.OptOut(supporter, simulator.Hotline, true)
		text(t, h, supporter, "hello")
		c := desk(t, h, supporter, has("note: "))
		if got := entries(c); strings.Count(got, "customer: hello") != 1 || !strings.Contains(got, "opted out") {
			t.Error(got)
		}
		phoneHas(t, h, supporter, 0)
	})
}

// A text that the carrier accepts and then cannot deliver is said, once.
func TestUndelivered(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		const landline = "+15005550032" // undelivered with error 30006
		text(t, h, landline, "hello")
		c := desk(t, h, landline, has("is a landline"))
		if strings.Count(entries(c), "note:") != 1 {
			t.Error(entries(c))
		}
	}, func(o *hotlinetest.Options) {
		o.Twilio = func(c *twiliosim.Config) { c.DuplicateWebhooks = 1; c.ShuffleStatus = true }
	})
}

// Promise 3: a send whose answer was lost is looked up, by the status callback or by the list of messages, and
// repeated only if it surely did not happen.
func TestUnclearSend(t *testing.T) {
	t.Parallel()
	const create = "POST /2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + "/Messages.json"
	for name, tt := range map[string]struct {
		fault    fault.Switches
		callback bool // whether status callbacks arrive
	}{
		"sent, answer lost":              {fault.Switches{DropAfterNext: 1, Path: create}, true},
		"sent, answer and callback lost": {fault.Switches{DropAfterNext: 1, Path: create}, false},
		"not sent, no answer":            {fault.Switches{DropBeforeNext: 1, Path: create}, true},
		"not sent, 500":                  {fault.Switches{FailNext: 1, Path: create}, false},
		"429":                            {fault.Switches{FailNext: 1, FailNextStatus: 429, FailNextRetryAfter: 1, Path: create}, true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *hotlinetest.Hotline) {
				h.Twilio.Faults().Set(tt.fault)
				r := &telephonyv1.SendTextRequest{Key: "k", Hotline: simulator.Hotline, To: supporter, Body: "ok"}
				for range 2 {
					if _, err := h.Telephony.SendText(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				// The same words again are another text.
				if _, err := h.Telephony.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "k2", Hotline: simulator.Hotline, To: supporter, Body: "ok"}); err != nil {
					t.Fatal(err)
				}
				if got := phoneHas(t, h, supporter, 2); !slices.Equal(got, []string{"ok", "ok"}) {
					t.Errorf("%q", got)
				}
				settled(t, h, "k")
				settled(t, h, "k2")
				phoneHas(t, h, supporter, 2)
			}, func(o *hotlinetest.Options) { o.LoseStatus = !tt.callback })
		})
	}
}

// settled waits until a text is accepted at least.
func settled(t *testing.T, h *hotlinetest.Hotline, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		res, err := h.Telephony.GetText(ctx, &telephonyv1.GetTextRequest{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if res.GetText().GetState() >= telephonyv1.TextState_TEXT_STATE_ACCEPTED {
			if res.GetText().GetMessageSid() == "" {
				t.Errorf("%v has no sid", res.GetText())
			}
			return
		}
	}
}

func TestSendTextErrors(t *testing.T) {
	each(t, func(t *testing.T, h *hotlinetest.Hotline) {
		good := func() *telephonyv1.SendTextRequest {
			return &telephonyv1.SendTextRequest{Key: "k", Hotline: simulator.Hotline, To: supporter, Body: "hi"}
		}
		for field, change := range map[string]func(*telephonyv1.SendTextRequest){
			"key":     func(r *telephonyv1.SendTextRequest) { r.Key = "" },
			"hotline": func(r *telephonyv1.SendTextRequest) { r.Hotline = "+15005550006" },
			"to":      func(r *telephonyv1.SendTextRequest) { r.To = "Anonymous" },
			"body":    func(r *telephonyv1.SendTextRequest) { r.Body = strings.Repeat("é", 16001) },
		} {
			r := good()
			change(r)
			_, err := h.Telephony.SendText(t.Context(), r)
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if _, err := h.Telephony.GetText(t.Context(), &telephonyv1.GetTextRequest{Key: "nobody's"}); errs.KindOf(err) != errs.NotFound {
			t.Error(err)
		}
	})
}
