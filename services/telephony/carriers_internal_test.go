package telephony

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// house is a hotline that moves from one carrier to another, and how its carriers are asked and answer: a method and a path.
type house struct {
	*Service
	t       *testing.T
	db      sqldb.Config
	desk    *desk
	now     time.Time
	api     map[hotline.Transport]*httptest.Server
	asked   []string
	answers map[string]string // by their beginning; what is not there is 502
}

// at closes the service, should it be open, and opens it again with the hotline at a carrier, and with the accounts of these.
func (h *house) at(by hotline.Transport, accounts ...hotline.Transport) {
	h.t.Helper()
	if h.Service != nil {
		fatal(h.t, h.DB.Close())
	}
	db, err := sqlstore.Open(h.t.Context(), h.db)
	fatal(h.t, err)
	here := hotline.New(ours, 206906)
	here.Transport, here.Keep = by, hotline.Keep{Texts: 24 * time.Hour, Files: 24 * time.Hour, Records: 48 * time.Hour}
	c := Config{Hotlines: hotline.Hotlines{here}, PublicURL: "https://hotline.example.org", APIURL: h.api[hotline.Twilio].URL}
	c.Telnyx.URL = h.api[hotline.Telnyx].URL
	for _, account := range append(accounts, by) {
		if account == hotline.Twilio {
			c.AccountSID, c.AuthToken = "AC1", "secret"
		} else {
			c.Telnyx.APIKey = "secret"
		}
	}
	h.Service, err = New(c, Deps{DB: db, Ticketing: h.desk, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now }})
	fatal(h.t, err)
}

// eachHouse runs a test on both databases.
func eachHouse(t *testing.T, test func(*testing.T, *house)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		h := &house{t: t, db: db, desk: &desk{}, now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), api: map[hotline.Transport]*httptest.Server{}, answers: map[string]string{}}
		for _, by := range []hotline.Transport{hotline.Twilio, hotline.Telnyx} {
			h.api[by] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked := fmt.Sprintf("%s %s %s", by, r.Method, strings.TrimPrefix(r.URL.Path, "/2010-04-01/Accounts/AC1"))
				h.asked = append(h.asked, asked)
				for begin, answer := range h.answers {
					if strings.HasPrefix(asked, begin) {
						w.Header().Set("Content-Type", "application/json")
						if strings.HasSuffix(r.URL.Path, ".png") {
							w.Header().Set("Content-Type", "image/png")
						}
						io.WriteString(w, answer) //nolint:errcheck // the caller would say so
						return
					}
				}
				w.WriteHeader(http.StatusBadGateway)
			}))
			t.Cleanup(h.api[by].Close)
		}
		t.Cleanup(func() { h.DB.Close() })
		test(t, h)
	})
}

// count is how often something was asked for.
func (h *house) count(begin string) (n int) {
	for _, asked := range h.asked {
		if strings.HasPrefix(asked, begin) {
			n++
		}
	}
	return n
}

// reply accepts an agent's reply, and hands it to the carrier.
func (h *house) reply(key string) {
	h.t.Helper()
	_, err := h.SendText(h.t.Context(), &telephonyv1.SendTextRequest{Key: key, Hotline: ours, To: caller, Body: "hi 👋", AgentReply: true, ConversationId: 1})
	fatal(h.t, err)
	h.send(h.t.Context(), lane(ours, caller)) //nolint:errcheck // the test looks at what becomes of it
}

// state is how a text stands after some minutes.
func (h *house) state(key string) telephonyv1.TextState {
	h.t.Helper()
	for range 10 {
		h.now = h.now.Add(time.Minute)
		h.send(h.t.Context(), lane(ours, caller)) //nolint:errcheck // see reply
	}
	res, err := h.GetText(h.t.Context(), &telephonyv1.GetTextRequest{Key: key})
	fatal(h.t, err)
	return res.GetText().GetState()
}

// Promise 3: a hotline moves while it is unclear whether a text was sent. The carrier that may have it is asked, and no other gets it; one whose
// account is not set any more cannot be asked, nor one that has no list.
func TestUnclearWhileMoving(t *testing.T) {
	const listed = `{"messages": [{"sid": "SM1", "body": "hi 👋", "direction": "outbound-api", "date_created": "Sat, 28 Nov 2026 09:00:00 +0000"}]}`
	other := map[hotline.Transport]hotline.Transport{hotline.Twilio: hotline.Telnyx, hotline.Telnyx: hotline.Twilio}
	for name, test := range map[string]struct {
		from     hotline.Transport
		accounts []hotline.Transport // that are set afterwards
		list     string              // Twilio's
		want     telephonyv1.TextState
	}{
		"Telnyx has no list": {hotline.Telnyx, []hotline.Transport{hotline.Telnyx}, `{"messages": []}`, telephonyv1.TextState_TEXT_STATE_UNKNOWN},
		"Twilio has it":      {hotline.Twilio, []hotline.Transport{hotline.Twilio}, listed, telephonyv1.TextState_TEXT_STATE_ACCEPTED},
		"without an account": {hotline.Twilio, nil, listed, telephonyv1.TextState_TEXT_STATE_UNKNOWN},
	} {
		t.Run(name, func(t *testing.T) {
			eachHouse(t, func(t *testing.T, h *house) {
				h.at(test.from)
				h.reply("reply:1")
				h.at(other[test.from], test.accounts...)
				h.answers["twilio GET /Messages.json"] = test.list
				if got := h.state("reply:1"); got != test.want {
					t.Errorf("it is %v", got)
				}
				if h.count(string(test.from)+" POST") != 1 || h.count(string(other[test.from])+" ") > 0 {
					t.Errorf("asked: %q", h.asked)
				}
			})
		})
	}
}

// What Twilio has and does not tell of is asked of Twilio after the move, too; and its error is told in its words, even without its account.
func TestRefreshAfterMoving(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.answers["twilio POST /Messages.json"] = `{"sid": "SM1", "status": "queued"}`
		h.at(hotline.Twilio)
		h.reply("reply:1")
		h.at(hotline.Telnyx, hotline.Twilio)
		h.answers["twilio GET /Messages/SM1.json"] = `{"sid": "SM1", "status": "undelivered", "error_code": 30006}`
		h.now = h.now.Add(time.Hour)
		fatal(t, h.askAboutTexts(t.Context()))
		h.at(hotline.Telnyx)
		_, err := h.tell(t.Context(), lane(ours, caller))
		fatal(t, err)
		if notes := h.desk.took(); len(notes) != 1 || !strings.Contains(notes[0], "landline, or its carrier takes no texts") || h.count("telnyx ") > 0 {
			t.Errorf("the ticket has %q; asked: %q", notes, h.asked)
		}
		i, err := h.store.Item(t.Context(), "reply:1")
		fatal(t, err)
		if why := h.itemProto(*i).GetReason(); !strings.Contains(why, "landline") {
			t.Errorf("the operator sees %q", why)
		}
		line := &timeline{item: *i}
		fatal(t, h.tellStory(t.Context(), line))
		if !slices.ContainsFunc(line.steps, func(s sqlstore.StepRow) bool { return s.What == "Twilio has it" }) {
			t.Errorf("the story is %+v", line.steps)
		}
	})
}

// A text with a picture that came by one carrier is fetched, and deleted, there, wherever the hotline is by then.
func TestInboundAfterMoving(t *testing.T) {
	telnyx := func(h *house) {
		_, err := h.ReceiveTelnyxEvent(t.Context(), &telephonyv1.ReceiveTelnyxEventRequest{Body: []byte(fmt.Sprintf(`{"data": {"event_type": "message.received", "payload":
			{"id": "MX1", "from": {"phone_number": "%s"}, "to": [{"phone_number": "%s"}], "text": "hello", "media": [{"url": "%s/1.png", "content_type": "image/png"}]}}}`,
			caller, ours, h.api[hotline.Telnyx].URL))})
		fatal(t, err)
	}
	twilio := func(h *house) {
		_, err := h.ReceiveText(t.Context(), &telephonyv1.ReceiveTextRequest{
			MessageSid: "SM1", From: caller, To: ours, Body: "hello", NumMedia: 1, MediaUrl: []string{h.api[hotline.Twilio].URL + "/1.png"}, MediaContentType: []string{"image/png"},
		})
		fatal(t, err)
	}
	for name, test := range map[string]struct {
		from, to hotline.Transport
		receive  func(*house)
		deleted  []string
		erased   map[string]int64
	}{
		"from Twilio": {
			hotline.Twilio, hotline.Telnyx, twilio, []string{"twilio POST /Messages/SM1.json", "twilio GET /Messages/SM1/Media.json", "twilio DELETE /Messages/SM1.json"},
			map[string]int64{"texts and voicemails": 1, "messages at Twilio": 1},
		},
		"from Telnyx": {
			hotline.Telnyx, hotline.Twilio, telnyx, nil,
			map[string]int64{"texts and voicemails": 1, "messages left at Telnyx, which cannot delete them": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, erase := range []bool{false, true} {
				eachHouse(t, func(t *testing.T, h *house) {
					h.at(test.from)
					stop := h.incomes
					test.receive(h)
					stop.Close()
					_, err := h.deliver(t.Context(), lane(ours, caller))
					fatal(t, err)
					h.at(test.to, test.from)
					h.answers[string(test.from)+" GET /1.png"] = "a picture"
					if _, err := h.attach(t.Context(), lane(ours, caller)); err != nil || h.desk.files != 1 {
						t.Fatalf("%d files are attached: %v; asked: %q", h.desk.files, err, h.asked)
					}
					h.asked, h.now = nil, h.now.Add(9*24*time.Hour)
					for begin, answer := range map[string]string{
						"POST /Messages/": `{}`, "GET /Messages/SM1/Media": `{"media_list": []}`, "DELETE ": "", "GET /Messages.json": `{"messages": []}`, "GET /Calls.json": `{"calls": []}`,
					} {
						h.answers["twilio "+begin] = answer
					}
					if erase {
						e := &erasure{Service: h.Service, supporter: caller, deleted: map[string]int64{}}
						fatal(t, e.run(t.Context()))
						if fmt.Sprint(e.deleted) != fmt.Sprint(test.erased) {
							t.Errorf("erased are %v, want %v", e.deleted, test.erased)
						}
						return
					}
					for _, chore := range h.keeping() {
						fatal(t, chore.Do(t.Context()))
					}
					if !slices.Equal(h.asked, test.deleted) {
						t.Errorf("asked: %q, want %q", h.asked, test.deleted)
					}
				})
			}
		})
	}
	eachHouse(t, func(t *testing.T, h *house) {
		h.at(hotline.Telnyx)
		telnyx(h)
		h.incomes.Close()
		_, err := h.deliver(t.Context(), lane(ours, caller))
		fatal(t, err)
		h.desk.took()
		h.at(hotline.Twilio)
		_, err = h.attach(t.Context(), lane(ours, caller))
		fatal(t, err)
		if notes := h.desk.took(); len(notes) != 1 || !strings.Contains(notes[0], "it is at Telnyx, whose account is not set any more") {
			t.Errorf("the ticket has %q", notes)
		}
	})
}
