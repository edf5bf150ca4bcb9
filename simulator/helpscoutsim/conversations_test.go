package helpscoutsim_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestCreateAndAppend(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	created := b.want(201, "POST", "/v2/conversations", conversationBody("other@example.org"))
	if want := b.url + path("%d", created.id(t)); created.header.Get("Location") != want {
		t.Errorf("Location %s, want %s", created.header.Get("Location"), want)
	}

	c := b.want(200, "GET", path("%d?embed=threads", id), "").object(t)
	customer := c["primaryCustomer"].(map[string]any)
	if c["threads"] != 1.0 || c["status"] != "active" || c["createdAt"] != "2026-11-20T14:39:56Z" || customer["email"] != email {
		t.Errorf("conversation %v", c)
	}
	thread := c["_embedded"].(map[string]any)["threads"].([]any)[0].(map[string]any)
	if thread["body"] != "Hello &amp; <br>hi" || thread["type"] != "customer" || thread["createdBy"].(map[string]any)["type"] != "customer" {
		t.Errorf("thread %v", thread)
	}

	b.want(204, "PATCH", path("%d", id), `{"op":"replace","path":"/status","value":"closed"}`)
	note := b.want(201, "POST", path("%d/notes", id), `{"text":"seen"}`).id(t)
	if got, _ := b.sim.Conversation(id); got.Status != "closed" || got.ClosedAt.IsZero() {
		t.Errorf("a note changed the status to %s", got.Status)
	}
	b.want(201, "POST", path("%d/customer", id), `{"text":"again","customer":{"email":"`+strings.ToUpper(email)+`","firstName":"Mallory"}}`)
	b.want(201, "POST", path("%d/phones", id), fmt.Sprintf(`{"text":"called","customer":{"id":%v}}`, customer["id"]))
	b.want(201, "POST", path("%d/chats", id), `{"text":"chat","customer":{"email":"`+email+`"}}`)
	b.want(201, "POST", path("%d/reply", id), `{"text":"answer","customer":{"email":"`+email+`"},"user":99}`)

	got, _ := b.sim.Conversation(id)
	if got.Status != "active" || !got.ClosedAt.IsZero() {
		t.Errorf("a customer's text left the status %s", got.Status)
	}
	if got.Customer.First != "617-555-0142" || len(b.sim.ConversationsOf(email)) != 1 {
		t.Errorf("a known customer was changed or doubled: %+v", got.Customer)
	}
	var types []string
	for _, th := range got.Threads {
		types = append(types, th.Type)
	}
	if s := strings.Join(types, " "); s != "customer lineitem note customer phone chat message" {
		t.Errorf("threads: %s", s)
	}
	// Notes and line items are threads, but are not counted.
	if c := b.want(200, "GET", path("%d", id), "").object(t); c["threads"] != 5.0 {
		t.Errorf("threads counts %v, want 5", c["threads"])
	}
	list := b.want(200, "GET", path("%d/threads", id), "").rows(t, "threads")
	newest := list[0].(map[string]any)
	if len(list) != 7 || newest["type"] != "message" || newest["createdBy"].(map[string]any)["id"] != 99.0 {
		t.Errorf("threads %v", list)
	}
	if n := list[4].(map[string]any); n["id"] != float64(note) {
		t.Errorf("note is %v, want id %d", n, note)
	}
}

func TestThreadsOfAnswersWithPages(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1})
	id := b.conversation(email)
	for i := range 29 {
		b.want(201, "POST", path("%d/notes", id), fmt.Sprintf(`{"text":"note %d"}`, i))
	}
	first := b.want(200, "GET", path("%d/threads", id), "")
	links := first.object(t)["_links"].(map[string]any)
	if len(first.rows(t, "threads")) != 25 || links["next"] == nil {
		t.Fatalf("first page: %s", first.body)
	}
	next := strings.TrimPrefix(links["next"].(map[string]any)["href"].(string), b.url)
	second := b.want(200, "GET", next, "")
	if len(second.rows(t, "threads")) != 5 || second.object(t)["_links"].(map[string]any)["next"] != nil {
		t.Errorf("second page: %s", second.body)
	}
	b.want(200, "GET", path("%d/threads?page=9223372036854775807", id), "")
}

func TestListLag(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	list := func(query string) []any {
		t.Helper()
		return b.want(200, "GET", "/v2/conversations?"+query, "").rows(t, "conversations")
	}
	byEmail := "status=all&query=" + url.QueryEscape(`(email:"`+strings.ToUpper(email)+`")`)
	id := b.conversation(email)
	if got := list(byEmail); len(got) != 0 {
		t.Fatalf("listed at once: %v", got)
	}
	if a := b.want(200, "GET", "/v2/conversations", ""); strings.Contains(string(a.body), "_embedded") {
		t.Errorf("empty list: %s", a.body)
	}
	b.want(200, "GET", path("%d", id), "")
	b.clock.advance(5 * time.Second)
	if got := list(byEmail); len(got) != 1 {
		t.Fatalf("after the lag: %v", got)
	}

	if err := b.sim.SetStatus(id, "closed"); err != nil {
		t.Fatal(err)
	}
	if got := list(byEmail)[0].(map[string]any); got["status"] != "active" {
		t.Errorf("a change was listed at once: %v", got)
	}
	b.clock.advance(5 * time.Second)
	if got := list(byEmail)[0].(map[string]any); got["status"] != "closed" {
		t.Errorf("a change was not listed: %v", got)
	}
	if got := list(""); len(got) != 0 {
		t.Errorf("closed conversations are listed by default: %v", got)
	}
}

func TestListQueries(t *testing.T) {
	b := start(t, helpscoutsim.Config{ListLag: -1, EmptyList: true, RateLimit: -1})
	id := b.conversation(email)
	for range 30 {
		b.conversation("other@example.org")
	}
	found := b.want(200, "GET", path("%d", id), "").object(t)
	number, customer := found["number"], found["primaryCustomer"].(map[string]any)["id"]
	tests := []struct {
		query string
		total int
	}{
		{`(email:"` + email + `")`, 1},
		{`email:"` + email + `" AND mailboxid:206906 AND status:"active"`, 1},
		{`(email:"` + email + `") AND (mailboxid:"206907")`, 0},
		{`tag:"sms"`, 31},
		{fmt.Sprintf(`((number:%v) AND tag:sms)`, number), 1},
		{`(email:"nobody@example.org")`, 0},
		{`email:"a" OR email:"b"`, -1},
		{`NOT tag:"x"`, -1},
		{`email:`, -1},
		{`(email:"a"`, -1},
		{`email:"a`, -1},
		{`subject:"x"`, -1},
		{`email:"a" tag:"b"`, -1},
		{fmt.Sprintf(`customerIds:%v`, customer), 1},
		{`(modifiedAt:[2026-01-01T00:00:00Z TO *])`, 31},
		{`modifiedAt:[2026-11-20T14:39:56Z TO 2026-11-20T14:39:56Z]`, 31},
		{`modifiedAt:[2026-11-20T14:39:57Z TO *] AND tag:sms`, 0},
		{`(email:"` + email + `" AND createdAt:[* TO 2026-11-20T14:39:55Z])`, 0},
		{`email:"` + email + `" AND createdAt:[* TO *] AND tag:sms`, 1},
		{`modifiedAt:[2026-01-01 TO *]`, -1},
		{`modifiedAt:[2026-01-01T00:00:00Z TO *`, -1},
		{`modifiedAt:[*]`, -1},
		{`number:[1 TO 2]`, -1},
		{`modifiedAt:"2026-01-01T00:00:00Z"`, -1},
		{`mailboxid:"x"`, -1},
		{`)`, -1},
	}
	for _, test := range tests {
		a := b.do("GET", "/v2/conversations?status=all&query="+url.QueryEscape(test.query), "")
		if test.total < 0 {
			if a.status != 400 {
				t.Errorf("%s: %d, want 400", test.query, a.status)
			}
			continue
		}
		page, _ := a.object(t)["page"].(map[string]any)
		if a.status != 200 || page["totalElements"] != float64(test.total) {
			t.Errorf("%s: %d %v, want %d", test.query, a.status, page, test.total)
		}
	}
	for _, bad := range []string{"folder=1", "status=x", "sortField=score", "sortOrder=up", "page=0", "embed=x", "mailbox=x", "number=1,2", "modifiedSince=now"} {
		b.want(400, "GET", "/v2/conversations?"+bad, "")
	}
	b.want(200, "GET", "/v2/conversations?mailbox=206906,206907&sortField=customerEmail&sortOrder=asc&page=2&embed=threads", "")
	b.want(200, "GET", "/v2/conversations?mailbox=206906&number=1001&tag=sms&modifiedSince=2026-01-01T00:00:00Z&assigned_to=1", "")
}

func TestMergedDeletedMoved(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	from, into := b.conversation(email), b.conversation(email)
	if err := b.sim.Merge(from, into); err != nil {
		t.Fatal(err)
	}
	a := b.want(301, "GET", path("%d", from), "")
	if want := b.url + path("%d", into); a.header.Get("Location") != want {
		t.Errorf("Location %s, want %s", a.header.Get("Location"), want)
	}
	b.want(404, "POST", path("%d/notes", from), `{"text":"x"}`)
	b.want(404, "PATCH", path("%d", from), `{"op":"replace","path":"/status","value":"closed"}`)
	if got, _ := b.sim.Conversation(into); len(got.Threads) != 3 {
		t.Errorf("survivor has %d threads, want two and a line item", len(got.Threads))
	}
	if err := b.sim.Merge(into, into); err == nil {
		t.Error("merged with itself")
	}

	b.want(204, "PATCH", path("%d", into), `{"op":"move","path":"/mailboxId","value":206907}`)
	if got := b.sim.ConversationsIn(office); len(got) != 1 || len(b.sim.ConversationsIn(hotline)) != 0 {
		t.Errorf("after the move: %v", got)
	}
	b.want(204, "DELETE", path("%d", into), "")
	b.want(404, "GET", path("%d", into), "")
	b.want(404, "POST", path("%d/notes", into), `{"text":"x"}`)
	if len(b.sim.Conversations()) != 0 {
		t.Error("deleted conversations are still there")
	}
}

func TestPatches(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	other := b.want(201, "POST", "/v2/customers", `{"firstName":"Kim","phones":[{"type":"mobile","value":"617-555-0142"}]}`).id(t)
	for _, op := range []string{
		`{"op":"replace","path":"/subject","value":"new"}`,
		`{"op":"replace","path":"/draft","value":false}`,
		`{"op":"replace","path":"/assignTo","value":99}`,
		fmt.Sprintf(`{"op":"replace","path":"/primaryCustomer.id","value":%d}`, other),
	} {
		b.want(204, "PATCH", path("%d", id), op)
	}
	got, _ := b.sim.Conversation(id)
	if got.Subject != "new" || got.AssigneeID != 99 || got.CustomerID != other || len(b.sim.ConversationsOf(email)) != 0 {
		t.Errorf("after the patches: %+v", got)
	}
	b.want(204, "PATCH", path("%d", id), `{"op":"remove","path":"/assignTo"}`)
	for _, op := range []string{
		`{"op":"add","path":"/subject","value":"new"}`,
		`{"op":"replace","path":"/status","value":"open"}`,
		`{"op":"replace","path":"/subject","value":5}`,
		`{"op":"replace","path":"/assignTo","value":5}`,
		`{"op":"replace","path":"/draft","value":null}`,
		`{"op":"replace","path":"/primaryCustomer.id","value":1}`,
		`{"op":"move","path":"/mailboxId","value":1}`,
	} {
		b.want(400, "PATCH", path("%d", id), op)
	}
	b.want(204, "PUT", path("%d/tags", id), `{"tags":["a","b"]}`)
	tags := b.want(200, "GET", path("%d", id), "").object(t)["tags"].([]any)
	if len(tags) != 2 || tags[1].(map[string]any)["tag"] != "b" {
		t.Errorf("tags %v", tags)
	}

	thread := got.Threads[0].ID
	b.want(204, "PATCH", path("%d/threads/%d", id, thread), `{"op":"replace","path":"/text","value":"edited"}`)
	b.want(204, "PATCH", path("%d/threads/%d", id, thread), `{"op":"replace","path":"/hidden","value":true}`)
	b.want(404, "PATCH", path("%d/threads/%d", id, 1), `{"op":"replace","path":"/hidden","value":true}`)
	if got, _ := b.sim.Conversation(id); got.Threads[0].Body != "edited" || got.Threads[0].State != "hidden" {
		t.Errorf("thread %+v", got.Threads[0])
	}
}

func TestLimits(t *testing.T) {
	b := start(t, helpscoutsim.Config{ThreadLimit: 3})
	id := b.conversation(email)
	b.want(201, "POST", path("%d/notes", id), `{"text":"two"}`)
	b.want(201, "POST", path("%d/notes", id), `{"text":"three"}`)
	b.want(412, "POST", path("%d/notes", id), `{"text":"four"}`)

	thread := `{"type":"note","text":"x"}`
	create := func(threads int) string {
		return strings.Replace(conversationBody(email), `"threads":[`, `"threads":[`+strings.Repeat(thread+",", threads-1), 1)
	}
	b.want(201, "POST", "/v2/conversations", create(4))
	b.want(412, "POST", "/v2/conversations", create(5))

	locked := b.conversation(email)
	for _, status := range []int{412, 423} {
		if err := b.sim.Lock(locked, status); err != nil {
			t.Fatal(err)
		}
		b.want(status, "POST", path("%d/notes", locked), `{"text":"x"}`)
	}
	if err := b.sim.Lock(locked, 0); err != nil {
		t.Fatal(err)
	}
	b.want(201, "POST", path("%d/notes", locked), `{"text":"x"}`)
}

func TestImported(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	id := b.conversation(email)
	b.want(201, "POST", path("%d/notes", id), `{"text":"old","imported":true,"createdAt":"2026-01-02T03:04:05Z"}`)
	got, _ := b.sim.Conversation(id)
	if got.Threads[0].Body != "old" {
		t.Errorf("imported history is not in its place: %+v", got.Threads)
	}
}

func TestAttachments(t *testing.T) {
	b := start(t, helpscoutsim.Config{AttachmentLimit: 10})
	id := b.conversation(email)
	file := func(size int) string {
		return fmt.Sprintf(`{"fileName":"vm.mp3","mimeType":"audio/mpeg","data":%q}`,
			base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", size))))
	}
	thread := b.want(201, "POST", path("%d/notes", id), `{"text":"voicemail","attachments":[`+file(10)+`]}`).id(t)
	b.want(413, "POST", path("%d/notes", id), `{"text":"voicemail","attachments":[`+file(11)+`]}`)
	b.want(413, "POST", path("%d/threads/%d/attachments", id, thread), file(11))
	second := b.want(201, "POST", path("%d/threads/%d/attachments", id, thread), file(3)).id(t)

	newest := b.want(200, "GET", path("%d/threads", id), "").rows(t, "threads")[0].(map[string]any)
	files := newest["_embedded"].(map[string]any)["attachments"].([]any)
	if len(files) != 2 || files[0].(map[string]any)["filename"] != "vm.mp3" || files[0].(map[string]any)["size"] != 10.0 {
		t.Errorf("attachments %v", files)
	}
	data := b.want(200, "GET", path("%d/attachments/%d/data", id, second), "").object(t)["data"]
	if data != base64.StdEncoding.EncodeToString([]byte("xxx")) {
		t.Errorf("data %v", data)
	}
	b.want(404, "GET", path("%d/attachments/%d/data", id, 1), "")
}

func TestCustomers(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	b.conversation(email)
	query := "/v2/customers?query=" + url.QueryEscape(`(email:"`+email[2:]+`")`)
	rows := b.want(200, "GET", query, "").rows(t, "customers")
	if len(rows) != 1 || rows[0].(map[string]any)["conversationCount"] != 1.0 {
		t.Fatalf("customers %v", rows)
	}
	id := b.want(201, "POST", "/v2/customers", `{"firstName":"Kim","lastName":"Lee","emails":[{"type":"work","value":"kim@example.org"}]}`).id(t)
	b.want(409, "POST", "/v2/customers", `{"emails":[{"type":"work","value":"KIM@example.org"}]}`)
	b.want(201, "POST", fmt.Sprintf("/v2/customers/%d/phones", id), `{"type":"mobile","value":"617-555-0142"}`)
	phones := b.want(200, "GET", fmt.Sprintf("/v2/customers/%d/phones", id), "").rows(t, "phones")
	if len(phones) != 1 || phones[0].(map[string]any)["value"] != "617-555-0142" {
		t.Errorf("phones %v", phones)
	}
	kim := b.want(200, "GET", fmt.Sprintf("/v2/customers/%d", id), "").object(t)
	if kim["firstName"] != "Kim" || kim["_embedded"] == nil {
		t.Errorf("customer %v", kim)
	}
	b.want(404, "GET", "/v2/customers/1", "")
}

func TestPopulate(t *testing.T) {
	b := start(t, helpscoutsim.Config{ListLag: -1})
	if err := b.sim.Populate(); err != nil {
		t.Fatal(err)
	}
	nearlyFull := b.sim.ConversationsOf("6175550101@sms.example.org")[0].ID
	b.want(201, "POST", path("%d/notes", nearlyFull), `{"text":"the last one"}`)
	b.want(412, "POST", path("%d/notes", nearlyFull), `{"text":"one too many"}`)
	if c, _ := b.sim.Customer("6175550102@sms.example.org"); len(c.Phones) != 2 {
		t.Errorf("phones %v", c.Phones)
	}
	if rows := b.want(200, "GET", "/v2/conversations?status=all", "").rows(t, "conversations"); len(rows) != 4 {
		t.Errorf("%d conversations, want 4", len(rows))
	}
}

func TestLatencyComesAfterTheChange(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	b.sim.SetSettings(helpscoutsim.Settings{RateLimit: 200, Latency: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", b.url+"/v2/conversations", strings.NewReader(conversationBody(email)))
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Content-Type", "application/json")
	done := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(req)
		done <- err
	}()
	b.await("the conversation", func(s *helpscoutsim.Sim) bool { return len(s.ConversationsOf(email)) == 1 })
	cancel()
	if err := <-done; err == nil {
		t.Error("answered within an hour's latency")
	}
}
