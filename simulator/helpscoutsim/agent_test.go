package helpscoutsim_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// delivered waits for n webhooks and returns the event and the body of the last.
func (b *bench) delivered(r *receiver, n int) (event string, body answer) {
	b.Helper()
	b.await(fmt.Sprint(n, " webhooks"), func(s *helpscoutsim.Sim) bool { return s.Delivered() >= n })
	events, bodies := r.received()
	if len(events) != n {
		b.Fatalf("%d webhooks, want %d: %v", len(events), n, events)
	}
	return events[n-1], answer{body: []byte(bodies[n-1])}
}

func TestEditedPhones(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventCustomerUpdated)
	id := b.want(201, "POST", "/v2/customers", `{"firstName":"Kim","emails":[{"type":"work","value":"kim@example.org"}],
		"phones":[{"type":"home","value":"617-555-0142"}]}`).id(t)
	was, _ := b.sim.Customer("kim@example.org")

	if err := b.sim.SetPhones("Kim@example.org", "617-555-0199", "617-555-0142"); err != nil {
		t.Fatal(err)
	}
	event, body := b.delivered(r, 1)
	shown := b.want(200, "GET", fmt.Sprintf("/v2/customers/%d", id), "").object(t)
	told := body.object(t)
	for _, field := range []string{"id", "firstName", "_embedded"} {
		if fmt.Sprint(told[field]) != fmt.Sprint(shown[field]) {
			t.Errorf("%s: told %v, shown %v", field, told[field], shown[field])
		}
	}
	phones := body.rows(t, "phones")
	if event != "customer.updated" || len(phones) != 2 || phones[0].(map[string]any)["value"] != "617-555-0199" {
		t.Errorf("%s %s", event, body.body)
	}
	if c, _ := b.sim.Customer("kim@example.org"); c.Phones[0].Type != "mobile" || c.Phones[1] != was.Phones[0] {
		t.Errorf("phones %+v", c.Phones)
	}

	if err := b.sim.SetPhones(fmt.Sprint(id)); err != nil {
		t.Fatal(err)
	}
	if _, body := b.delivered(r, 2); len(body.rows(t, "phones")) != 0 {
		t.Errorf("without phones: %s", body.body)
	}
	b.want(201, "POST", fmt.Sprintf("/v2/customers/%d/phones", id), `{"type":"mobile","value":"617-555-0100"}`)
	b.delivered(r, 3)
	if err := b.sim.SetPhones("nobody@example.org", "1"); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if err := b.sim.SetPhones("kim@example.org", " "); !errors.Is(err, helpscoutsim.ErrInvalid) {
		t.Errorf("blank: %v", err)
	}
}

func TestChangedCustomer(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	for _, address := range []string{"new@example.org", email, "new@example.org"} {
		if err := b.sim.ChangeCustomer(id, address); err != nil {
			t.Fatal(err)
		}
	}
	c := b.want(200, "GET", path("%d", id), "").object(t)
	if c["primaryCustomer"].(map[string]any)["email"] != "new@example.org" || len(b.sim.ConversationsOf(email)) != 0 {
		t.Errorf("conversation %v", c)
	}
	got, _ := b.sim.Conversation(id)
	if last := got.Threads[3]; last.Type != "lineitem" || last.Action != "changed-ticket-customer" || last.CreatedBy.ID != 99 {
		t.Errorf("line item %+v", last)
	}
	if err := b.sim.ChangeCustomer(id, "617-555-0142"); !errors.Is(err, helpscoutsim.ErrInvalid) {
		t.Errorf("no address: %v", err)
	}
	if err := b.sim.ChangeCustomer(5, email); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("no conversation: %v", err)
	}
}

func TestPublishedDraft(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventAgentReply)
	id := b.conversation(email)
	draft, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "in a while", State: "draft"})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Minute)
	at := b.clock.Now()
	second, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "at once"})
	if err != nil {
		t.Fatal(err)
	}
	if _, body := b.delivered(r, 1); body.rows(t, "threads")[0].(map[string]any)["id"] != float64(second) {
		t.Errorf("the draft was announced: %s", body.body)
	}
	if err := b.sim.PublishDraft(id, draft); err != nil {
		t.Fatal(err)
	}
	event, body := b.delivered(r, 2)
	newest := body.rows(t, "threads")[0].(map[string]any)
	if event != helpscoutsim.EventAgentReply || newest["id"] != float64(draft) || newest["state"] != "published" ||
		newest["createdAt"] != at.Format("2006-01-02T15:04:05Z") || newest["body"] != "in a while" {
		t.Errorf("%s %v", event, newest)
	}
	if got, _ := b.sim.Conversation(id); len(got.Threads) != 3 {
		t.Errorf("threads %+v", got.Threads)
	}
	for thread, want := range map[int64]error{draft: helpscoutsim.ErrInvalid, second: helpscoutsim.ErrInvalid, 5: helpscoutsim.ErrNotFound} {
		if err := b.sim.PublishDraft(id, thread); !errors.Is(err, want) {
			t.Errorf("publishing %d: %v, want %v", thread, err, want)
		}
	}
}

func TestEditedAndHidden(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{})
	id := b.conversation(email)
	thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.sim.EditThread(id, thread, "right"), b.sim.HideThread(id, thread, true)); err != nil {
		t.Fatal(err)
	}
	newest := b.want(200, "GET", path("%d/threads", id), "").rows(t, "threads")[0].(map[string]any)
	if newest["id"] != float64(thread) || newest["body"] != "right" || newest["state"] != "hidden" {
		t.Errorf("thread %v", newest)
	}
	if err := b.sim.HideThread(id, thread, false); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.sim.Conversation(id); got.Threads[1].State != "published" {
		t.Errorf("shown again: %+v", got.Threads[1])
	}
	b.delivered(r, 2) // the creation and the reply: nothing tells of the rest

	if err := b.sim.EditThread(id, thread, " "); !errors.Is(err, helpscoutsim.ErrInvalid) {
		t.Errorf("a blank text: %v", err)
	}
	if err := b.sim.Assign(id, 99); err != nil {
		t.Fatal(err)
	}
	got, _ := b.sim.Conversation(id)
	if err := b.sim.EditThread(id, got.Threads[2].ID, "x"); !errors.Is(err, helpscoutsim.ErrInvalid) {
		t.Errorf("a line item: %v", err)
	}
}

func TestRepliesOfAllKinds(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	for _, source := range []string{"mobile", "email", "workflows", "api", "beacon"} {
		for _, via := range []string{"user", "customer"} {
			for _, author := range []string{"user", "customer", "system_user"} {
				reply := helpscoutsim.Reply{Text: "x", SourceType: source, Via: via, AuthorType: author}
				if _, err := b.sim.AgentReply(id, reply); err != nil {
					t.Errorf("%+v: %v", reply, err)
				}
				got, _ := b.sim.Conversation(id)
				last := got.Threads[len(got.Threads)-1]
				if last.SourceType != source || last.Via != via || last.CreatedBy.Type != author {
					t.Errorf("%+v became %+v", reply, last)
				}
				shown := b.want(200, "GET", path("%d/threads", id), "").rows(t, "threads")[0].(map[string]any)
				want := strings.ReplaceAll(author, "system_", "") // v2 does not know better
				if got := shown["createdBy"].(map[string]any)["type"]; got != want {
					t.Errorf("createdBy %v, want %s", got, want)
				}
			}
		}
	}
	for _, reply := range []helpscoutsim.Reply{
		{}, {Text: "x", Type: "note"}, {Text: "x", Via: "api"}, {Text: "x", State: "deleted"}, {Text: "x", AuthorType: "system"},
		{Text: "x", Status: "open"}, {Attachments: []helpscoutsim.Attachment{{FileName: "a"}}},
	} {
		if _, err := b.sim.AgentReply(id, reply); !errors.Is(err, helpscoutsim.ErrInvalid) {
			t.Errorf("%+v: %v", reply, err)
		}
	}
}

func TestAgentsAttachments(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventAgentReply)
	id := b.conversation(email)
	thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{Attachments: []helpscoutsim.Attachment{
		{FileName: "map.png", MimeType: "image/png", Data: []byte{1, 2, 3}},
		{FileName: "list.pdf", MimeType: "application/pdf", Data: bytes.Repeat([]byte("x"), 100)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, body := b.delivered(r, 1)
	told := body.rows(t, "threads")[0].(map[string]any)
	shown := b.want(200, "GET", path("%d/threads", id), "").rows(t, "threads")[0].(map[string]any)
	if told["id"] != float64(thread) || shown["id"] != float64(thread) {
		t.Fatalf("threads %v, %v", told, shown)
	}
	list := func(thread map[string]any) []any {
		return thread["_embedded"].(map[string]any)["attachments"].([]any)
	}
	if len(list(told)) != 2 || len(list(shown)) != 2 {
		t.Fatalf("attachments %v, %v", told, shown)
	}
	for i, want := range []struct {
		name, kind, data string
		size             float64
	}{{"map.png", "image/png", "AQID", 3}, {"list.pdf", "application/pdf", "eHh4", 100}} {
		for _, file := range []map[string]any{list(told)[i].(map[string]any), list(shown)[i].(map[string]any)} {
			link := file["_links"].(map[string]any)["data"].(map[string]any)["href"].(string)
			at := path("%d/attachments/%.0f/data", id, file["id"])
			if file["filename"] != want.name || file["mimeType"] != want.kind || file["size"] != want.size ||
				file["state"] != "valid" || !strings.HasSuffix(link, at) {
				t.Errorf("attachment %v", file)
			}
			if data := b.want(200, "GET", at, "").object(t); len(data) != 1 || !strings.HasPrefix(data["data"].(string), want.data) {
				t.Errorf("data %v", data)
			}
		}
	}
}

// TestReadAndMark covers what the hotline reads and writes when it has sent an agent's reply.
func TestReadAndMark(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventStatus)
	id := b.conversation(email)
	b.want(201, "POST", path("%d/notes", id), `{"text":"could not be sent","status":"pending"}`)
	event, body := b.delivered(r, 1)
	if event != helpscoutsim.EventStatus || body.object(t)["status"] != "pending" {
		t.Errorf("%s %s", event, body.body)
	}
	b.want(204, "PATCH", path("%d", id), `{"op":"replace","path":"/status","value":"active"}`)
	b.delivered(r, 2)
	b.want(204, "PUT", path("%d/tags", id), `{"tags":[]}`)
	c := b.want(200, "GET", path("%d", id), "").object(t)
	if c["status"] != "active" || len(c["tags"].([]any)) != 0 || c["_embedded"] != nil {
		t.Errorf("conversation %v", c)
	}
	for _, test := range []struct{ name, method, path, body, field string }{
		{"embed", "GET", path("%d?embeds=threads", id), "", "embeds"},
		{"tags as objects", "PUT", path("%d/tags", id), `{"tags":[{"tag":"x"}]}`, ""},
		{"tags and more", "PUT", path("%d/tags", id), `{"tags":["x"],"mode":"add"}`, "mode"},
		{"a blank tag", "PUT", path("%d/tags", id), `{"tags":["x"," "]}`, "tags[1]"},
		{"status of spam's like", "PATCH", path("%d", id), `{"op":"replace","path":"/status","value":"open"}`, "value"},
		{"status as a number", "PATCH", path("%d", id), `{"op":"replace","path":"/status","value":1}`, "value"},
		{"two fields", "PATCH", path("%d", id), `{"op":"replace","path":"/status","value":"closed","tags":["x"]}`, "tags"},
		{"a list of patches", "PATCH", path("%d", id), `[{"op":"replace","path":"/status","value":"closed"}]`, ""},
		{"status of a note", "POST", path("%d/notes", id), `{"text":"x","status":""}`, "status"},
	} {
		b.refused(test.name, b.do(test.method, test.path, test.body), test.field)
	}
	if after := b.want(200, "GET", path("%d", id), "").object(t); fmt.Sprint(after) != fmt.Sprint(c) {
		t.Errorf("refused requests changed it:\n%v\n%v", c, after)
	}
}

func TestPayloadVersions(t *testing.T) {
	first, second, third := receive(t), receive(t), receive(t)
	cfg := helpscoutsim.Config{RateLimit: -1, Deliveries: 1}
	for version, r := range map[string]*receiver{"V1": first, "": second, "V3": third} {
		cfg.Webhooks = append(cfg.Webhooks, helpscoutsim.Webhook{
			URL: r.url, Secret: secret, PayloadVersion: version, MailboxIDs: []int64{hotline},
			Events: []string{helpscoutsim.EventAgentReply, helpscoutsim.EventCustomerUpdated},
		})
	}
	b := start(t, cfg)
	id := b.conversation(email)
	if err := errors.Join(b.sim.SetPhones(email, "617-555-0142", "617-555-0199"), b.sim.Assign(id, 99)); err != nil {
		t.Fatal(err)
	}
	thread, err := b.sim.AgentReply(id, helpscoutsim.Reply{
		Text: "<p>Hi</p>", AuthorType: "system_user",
		Attachments: []helpscoutsim.Attachment{{FileName: "a.png", MimeType: "image/png", Data: []byte{1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.await("six webhooks", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 6 })
	for want, r := range map[string]*receiver{"user": second, "system_user": third} {
		_, bodies := r.received()
		newest := answer{body: []byte(bodies[1])}.rows(t, "threads")[0].(map[string]any)
		if got := newest["createdBy"].(map[string]any)["type"]; got != want {
			t.Errorf("createdBy %v, want %s", got, want)
		}
	}

	_, bodies := first.received()
	var body struct {
		ID      int64
		Type    string
		Mailbox struct {
			ID   int64
			Name string
		}
		Customer struct{ Phone, Email string }
		Threads  []struct {
			ID        int64
			Type      string
			Source    struct{ Type, Via string }
			CreatedBy struct{ Type string }
			CreatedAt time.Time
			Body      *string
		}
		Embedded any `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(bodies[1]), &body); err != nil {
		t.Fatal(err)
	}
	if body.ID != id || body.Type != "phone" || body.Mailbox.ID != hotline || body.Mailbox.Name != "Hotline" ||
		body.Customer.Phone != "617-555-0142" || body.Embedded != nil || len(body.Threads) != 3 {
		t.Fatalf("body %s", bodies[1])
	}
	if th := body.Threads[0]; th.ID != thread || th.Type != "message" || th.Source.Type != "web" || th.Source.Via != "user" ||
		th.CreatedBy.Type != "user" || !th.CreatedAt.Equal(b.clock.Now()) || *th.Body != "<p>Hi</p>" {
		t.Errorf("thread %+v", th)
	}
	if line := body.Threads[1]; line.Type != "lineitem" || line.Body != nil {
		t.Errorf("line item %+v", line)
	}

	for _, w := range b.sim.Webhooks() {
		body := fmt.Sprintf(`{"url":%q,"events":["convo.merged"],"secret":"s","payloadVersion":"V1"}`, w.URL)
		b.refused("V1 by the API", b.do("PUT", fmt.Sprintf("/v2/webhooks/%d", w.ID), body), "payloadVersion")
	}
	if _, err := helpscoutsim.New(helpscoutsim.Config{Webhooks: []helpscoutsim.Webhook{{URL: first.url, PayloadVersion: "V4"}}}); err == nil {
		t.Error("V4 is taken")
	}
}

func TestDuplicatesUpTo(t *testing.T) {
	const n = 40
	counts := func(seed uint64) (counts []int) {
		r := receive(t)
		b := hooked(t, r, helpscoutsim.Config{DuplicatesUpTo: 2, Seed: seed, Deliveries: 1}, helpscoutsim.EventCreated)
		for range n {
			b.conversation(email)
		}
		// The last of all comes last, but for its own duplicates.
		b.await("the last", func(s *helpscoutsim.Sim) bool { return s.Delivered() >= n && len(s.Deliveries()) == n && idle(r, n) })
		_, bodies := r.received()
		times := map[string]int{}
		for _, body := range bodies {
			times[body]++
		}
		for _, d := range b.sim.Deliveries()[:n-1] {
			counts = append(counts, times[string(d.Body)])
		}
		return counts
	}
	got := counts(7)
	seen := map[int]bool{}
	for _, times := range got {
		seen[times] = true
	}
	if len(seen) != 3 || !seen[1] || !seen[2] || !seen[3] {
		t.Errorf("delivered %v times, want one to three", got)
	}
	if again := counts(7); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("the same seed:\n%v\n%v", got, again)
	}
}

// idle reports whether n different webhooks have come.
func idle(r *receiver, n int) bool {
	_, bodies := r.received()
	different := map[string]bool{}
	for _, body := range bodies {
		different[body] = true
	}
	return len(different) == n
}

func TestControlOfAgents(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	draft := b.control("POST", fmt.Sprintf("/sim/conversations/%d/reply", id),
		`{"text":"x","state":"draft","author_type":"system_user","attachments":[{"file_name":"a","mime_type":"b/c","data":"AQID"}]}`)
	thread := draft.object(t)["thread_id"]
	at := func(action string) string { return fmt.Sprintf("/sim/conversations/%d/%s", id, action) }
	with := func(rest string) string { return fmt.Sprintf(`{"thread_id":%.0f%s}`, thread, rest) }
	tests := []struct {
		path, body string
		status     int
	}{
		{at("publish"), with(""), 204},
		{at("publish"), with(""), 400},
		{at("publish"), `{}`, 404},
		{at("edit"), with(`,"text":"y"`), 204},
		{at("edit"), with(`,"body":"z"`), 400},
		{at("hide"), with(""), 204},
		{at("hide"), with(`,"show":true`), 204},
		{at("hide"), with(""), 204},
		{"/sim/customers/" + email + "/phones", `{"phones":["617-555-0142"]}`, 204},
		{"/sim/customers/" + email + "/phones", `{"phone":"617-555-0142"}`, 400},
		{"/sim/customers/5/phones", `{}`, 404},
		{at("customer"), `{"email":"kim@example.org"}`, 204},
		{at("customer"), `{"email":"kim"}`, 400},
	}
	for _, test := range tests {
		if a := b.control("POST", test.path, test.body); a.status != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.path, test.body, a.status, a.body, test.status)
		}
	}
	got, _ := b.sim.Conversation(id)
	th := got.Threads[1]
	if th.Body != "y" || th.State != "hidden" || th.CreatedBy.Type != "system_user" || string(th.Attachments[0].Data) != "\x01\x02\x03" {
		t.Errorf("thread %+v", th)
	}
	if c, _ := b.sim.Customer(email); len(c.Phones) != 1 || got.Customer.Email() != "kim@example.org" {
		t.Errorf("phones %v, customer %s", c.Phones, got.Customer.Email())
	}
}
