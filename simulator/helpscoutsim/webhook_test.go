package helpscoutsim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const secret = "bling-test-secret"

// receiver is the client's end of a webhook. It checks every signature.
type receiver struct {
	*testing.T
	url string

	mu       sync.Mutex
	answers  []int // for the next requests; then 200
	events   []string
	bodies   []string
	unsigned int
}

func receive(t *testing.T, answers ...int) *receiver {
	r := &receiver{T: t, answers: answers}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.Errorf("%s %v: %v", req.Method, req.Header, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !signature.VerifyHelpScout([]string{secret}, body, req.Header.Get("X-HelpScout-Signature")) {
		r.unsigned++
	}
	r.events = append(r.events, req.Header.Get("X-HelpScout-Event"))
	r.bodies = append(r.bodies, string(body))
	if len(r.answers) > 0 {
		w.WriteHeader(r.answers[0])
		r.answers = r.answers[1:]
	}
}

func (r *receiver) received() (events, bodies []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsigned > 0 {
		r.Errorf("%d webhooks with a wrong signature", r.unsigned)
	}
	return slices.Clone(r.events), slices.Clone(r.bodies)
}

func noBackoff(int) time.Duration { return 0 }

// hooked starts a simulator with a webhook for r.
func hooked(t *testing.T, r *receiver, cfg helpscoutsim.Config, events ...string) *bench {
	t.Helper()
	cfg.Webhooks = []helpscoutsim.Webhook{{URL: r.url, Secret: secret, Events: events, MailboxIDs: []int64{hotline}}}
	cfg.RateLimit = -1
	if cfg.Backoff == nil {
		cfg.Backoff = noBackoff
	}
	return start(t, cfg)
}

func TestAgentReplyWebhook(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventAgentReply)
	id := b.conversation(email)
	thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "<p>Café 🎈</p> a/b"})
	if err != nil {
		t.Fatal(err)
	}
	b.await("the webhook", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
	events, bodies := r.received()
	if len(events) != 1 || events[0] != "convo.agent.reply.created" {
		t.Fatalf("events %v", events)
	}
	if !strings.Contains(bodies[0], `<p>Caf\u00e9 \ud83c\udf88<\/p> a\/b`) {
		t.Errorf("not in PHP's style: %s", bodies[0])
	}
	var body struct {
		ID              int64 `json:"id"`
		MailboxID       int64 `json:"mailboxId"`
		PrimaryCustomer struct {
			Email string `json:"email"`
		} `json:"primaryCustomer"`
		Embedded struct {
			Threads []struct {
				ID     int64  `json:"id"`
				Type   string `json:"type"`
				State  string `json:"state"`
				Body   string `json:"body"`
				Source struct {
					Type, Via string
				} `json:"source"`
				CreatedBy struct {
					ID   int64
					Type string
				} `json:"createdBy"`
			} `json:"threads"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(bodies[0]), &body); err != nil {
		t.Fatal(err)
	}
	if body.ID != id || body.MailboxID != hotline || body.PrimaryCustomer.Email != email || len(body.Embedded.Threads) != 2 {
		t.Fatalf("body %s", bodies[0])
	}
	th := body.Embedded.Threads[0]
	if th.ID != thread || th.Type != "message" || th.State != "published" || th.Body != "<p>Café 🎈</p> a/b" ||
		th.Source.Type != "web" || th.Source.Via != "user" || th.CreatedBy.ID != 99 || th.CreatedBy.Type != "user" {
		t.Errorf("thread %+v", th)
	}
}

func TestEveryActionHasItsEvent(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{Deliveries: 1, PayloadPlain: true})
	id, other := b.conversation(email), b.conversation(email)
	b.want(201, "POST", path("%d/customer", id), `{"text":"é/","customer":{"email":"`+email+`"}}`)
	b.want(201, "POST", path("%d/reply", id), `{"text":"x","customer":{"email":"`+email+`"}}`)
	b.want(201, "POST", path("%d/reply", id), `{"text":"x","draft":true,"customer":{"email":"`+email+`"}}`)
	act := []error{
		b.sim.SetStatus(id, "spam"), b.sim.SetStatus(id, "spam"), b.sim.Assign(id, 99), b.sim.SetTags(id, "x"),
		b.sim.Merge(other, id), b.sim.Move(id, office), b.sim.Move(id, hotline), b.sim.Delete(id),
	}
	for i, err := range act {
		if err != nil {
			t.Errorf("action %d: %v", i, err)
		}
	}
	if _, err := b.sim.AgentNote(id, "x"); err == nil {
		t.Error("noted in a deleted conversation")
	}
	b.await("all webhooks", func(s *helpscoutsim.Sim) bool { return s.Delivered() >= 11 })
	events, bodies := r.received()
	want := "created created customer.reply.created agent.reply.created status assigned tags merged moved moved deleted"
	if got := strings.ReplaceAll(strings.Join(events, " "), "convo.", ""); got != want {
		t.Errorf("events %s\nwant   %s", got, want)
	}
	if last := bodies[len(bodies)-1]; last != fmt.Sprintf(`{"id":%d}`, id) {
		t.Errorf("deleted: %s", last)
	}
	if !strings.Contains(bodies[2], "é/") {
		t.Errorf("not plain: %s", bodies[2])
	}
}

func TestOnlyItsMailboxes(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventCreated)
	b.want(201, "POST", "/v2/conversations", strings.Replace(conversationBody(email), "206906", "206907", 1))
	id := b.conversation(email)
	b.await("a webhook", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
	if _, bodies := r.received(); len(bodies) != 1 || !strings.Contains(bodies[0], fmt.Sprintf(`"id":%d,`, id)) {
		t.Errorf("delivered %v", bodies)
	}
	if d := b.sim.Deliveries(); len(d) != 1 || d[0].ConversationID != id {
		t.Errorf("deliveries %v", d)
	}
}

func TestRetries(t *testing.T) {
	r := receive(t, 500, 302, 404)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventCreated)
	b.conversation(email)
	b.await("the fourth attempt", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
	events, bodies := r.received()
	if len(events) != 4 || bodies[0] != bodies[3] {
		t.Errorf("%d attempts", len(events))
	}
	if err := b.sim.Redeliver(-1); err != nil {
		t.Fatal(err)
	}
	b.await("the redelivery", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 2 })
	if err := b.sim.Redeliver(5); err == nil {
		t.Error("redelivered what never was")
	}
}

func TestSwitchedOffAfterDiscards(t *testing.T) {
	r := receive(t, slices.Repeat([]int{503}, 6)...)
	b := hooked(t, r, helpscoutsim.Config{MaxAttempts: 3, DiscardLimit: 2}, helpscoutsim.EventCreated)
	b.conversation(email)
	b.conversation(email)
	b.await("the webhook to be off", func(s *helpscoutsim.Sim) bool { return s.Webhooks()[0].State == "disabled" })
	b.conversation(email)
	if events, _ := r.received(); len(events) != 6 || len(b.sim.Deliveries()) != 2 {
		t.Errorf("%d attempts, %d deliveries; want 6, 2", len(events), len(b.sim.Deliveries()))
	}

	hook := b.want(200, "GET", "/v2/webhooks", "").rows(t, "webhooks")[0].(map[string]any)
	if hook["state"] != "disabled" {
		t.Errorf("webhook %v", hook)
	}
	at := fmt.Sprintf("/v2/webhooks/%v", hook["id"])
	b.want(204, "PUT", at, fmt.Sprintf(`{"url":%q,"events":["convo.created"],"secret":%q,"payloadVersion":"V2"}`, r.url, secret))
	if got := b.want(200, "GET", at, "").object(t); got["state"] != "enabled" {
		t.Errorf("webhook after PUT: %v", got)
	}
	b.conversation(email)
	b.await("a webhook", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
	b.want(204, "DELETE", at, "")
	b.want(404, "GET", at, "")
}

func TestWebhookResource(t *testing.T) {
	r := receive(t)
	b := start(t, helpscoutsim.Config{})
	body := fmt.Sprintf(`{"url":%q,"events":["convo.created"],"secret":%q,"mailboxIds":[206906],"label":"test"}`, r.url, secret)
	first := b.want(201, "POST", "/v2/webhooks", body).id(t)
	b.want(201, "POST", "/v2/webhooks", body)
	rows := b.want(200, "GET", "/v2/webhooks", "").rows(t, "webhooks")
	hook := rows[0].(map[string]any)
	if len(rows) != 2 || hook["id"] != float64(first) || hook["state"] != "enabled" || hook["payloadVersion"] != "V2" {
		t.Errorf("webhooks %v", rows)
	}
	// What is read can be compared, but for the secret.
	other := b.want(201, "POST", "/v2/webhooks", fmt.Sprintf(`{"url":"https://x.org","events":["convo.moved"],"secret":%q}`, strings.Repeat("s", 40))).id(t)
	for id, want := range map[int64]string{
		first: fmt.Sprintf(`{"id":%d,"url":%q,"state":"enabled","events":["convo.created"],"notification":false,"payloadVersion":"V2","label":"test","mailboxIds":[206906],`, first, r.url),
		other: fmt.Sprintf(`{"id":%d,"url":"https://x.org","state":"enabled","events":["convo.moved"],"notification":false,"payloadVersion":"V2","mailboxIds":[],`, other),
	} {
		want += fmt.Sprintf(`"_links":{"self":{"href":"%s/v2/webhooks/%d"}}}`, b.url, id)
		if got := string(b.want(200, "GET", fmt.Sprintf("/v2/webhooks/%d", id), "").body); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	b.conversation(email)
	b.await("both webhooks", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 2 })
	r.received()
	b.want(404, "PUT", "/v2/webhooks/1", body)
	b.want(404, "DELETE", "/v2/webhooks/1", "")
}

func TestGoneSwitchesOff(t *testing.T) {
	r := receive(t, 410)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventCreated)
	b.conversation(email)
	b.await("the webhook to be off", func(s *helpscoutsim.Sim) bool { return s.Webhooks()[0].State == "disabled" })
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	b := start(t, helpscoutsim.Config{
		Timeout: time.Millisecond, MaxAttempts: 2, Backoff: noBackoff,
		Webhooks: []helpscoutsim.Webhook{{URL: slow.URL}},
	})
	b.conversation(email)
	b.await("the event to be discarded", func(s *helpscoutsim.Sim) bool { return s.Webhooks()[0].Discarded == 1 })
}

func TestDuplicatesShuffledUnsigned(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{Duplicates: 2, Shuffle: true, BadSignature: true}, helpscoutsim.EventCreated)
	b.conversation(email)
	b.await("three copies", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 3 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsigned != 3 || r.bodies[0] != r.bodies[2] {
		t.Errorf("%d of %d with a wrong signature", r.unsigned, len(r.bodies))
	}
}

func TestEmbedModes(t *testing.T) {
	for mode, want := range map[helpscoutsim.EmbedMode]int{
		helpscoutsim.EmbedAll: 32, helpscoutsim.EmbedFirst: 25, helpscoutsim.EmbedNew: 1, helpscoutsim.EmbedNone: 0,
	} {
		r := receive(t)
		b := hooked(t, r, helpscoutsim.Config{Embed: mode}, helpscoutsim.EventAgentReply)
		id := b.conversation(email)
		for range 30 {
			b.want(201, "POST", path("%d/notes", id), `{"text":"x"}`)
		}
		thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "x"})
		if err != nil {
			t.Fatal(err)
		}
		b.await("the webhook", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
		_, bodies := r.received()
		threads := answer{body: []byte(bodies[0])}.rows(t, "threads")
		if len(threads) != want || want > 0 && threads[0].(map[string]any)["id"] != float64(thread) {
			t.Errorf("%s: %d threads, want %d", mode, len(threads), want)
		}
	}
}
