package conformance

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// What is sent and read here is what github.com/helpscout/helpscout-api-php (commit 6edf2666, MIT) sends and reads: the fields of
// each extract(), most of them null, and those of each hydrate(). Statuses and headers are those of
// https://developer.helpscout.com/mailbox-api/.

const (
	conversationReads = "id:number threads:number number:number type:string folderId:number status:string state:string subject:string " +
		"preview:string mailboxId:number createdBy.id:number createdBy.type:string createdAt:string userUpdatedAt:string closedBy:number " +
		"customerWaitingSince.time:string customerWaitingSince.friendly:string customerWaitingSince.latestReplyFrom:string source.type:string " +
		"source.via:string tags:list cc:list bcc:list primaryCustomer.id:number primaryCustomer.email:string customFields:list " +
		"_links.self.href:string _links.threads.href:string _links.mailbox.href:string _links.primaryCustomer.href:string _links.web.href:string"
	threadReads = "id:number type:string status:string state:string action.type:string body:string source.type:string source.via:string " +
		"createdBy.id:number createdBy.type:string savedReplyId:number to:list cc:list bcc:list createdAt:string customer.id:number " +
		"customer.first:string customer.last:string customer.email:string _embedded.attachments:list"
	customerReads = "id:number createdAt:string updatedAt:string firstName:string lastName:string gender:string jobTitle:string location:string " +
		"organization:string photoType:string photoUrl:string background:string age:string _embedded.chats:list _embedded.emails:list " +
		"_embedded.social_profiles:list _embedded.phones:list _embedded.websites:list _embedded.properties:list _links.self.href:string " +
		"_links.emails.href:string _links.phones.href:string"
	userReads = "id:number createdAt:string updatedAt:string firstName:string lastName:string email:string role:string timezone:string " +
		"photoUrl:string type:string mention:string initials:string jobTitle:string phone:string alternateEmails:list"
	mailboxReads = "id:number createdAt:string updatedAt:string name:string slug:string email:string _links.self.href:string"
)

func TestHelpScoutConversations(t *testing.T) {
	d := newDesk(t)
	kim := customerOf("kim@example.org", object{"firstName": "Kim", "lastName": "Lee", "phone": "617-555-0142", "phones": []object{{"value": "617-555-0142", "type": "mobile"}}})
	id := d.create("/v2/conversations", conversationOf(object{
		"customer": kim, "tags": []string{"sms"}, "assignTo": agent, "createdBy": object{"id": owner, "type": "user"}, "user": owner,
		"threads": []object{
			threadOf("customer", object{"customer": kim}),
			threadOf("note", object{"text": "Known.", "user": agent, "createdBy": object{"id": agent, "type": "user"}}),
		},
	}))
	got := d.get("/v2/conversations/%d", id)
	d.reads("conversation", got, conversationReads+" assignee.id:number assignee.first:string assignee.last:string assignee.email:string")
	d.same("conversation", got, object{
		"id": id, "threads": 1, "type": "email", "status": "active", "state": "published", "subject": "Help", "preview": "Known.", "mailboxId": mailbox,
		"assignee.id": agent, "createdBy.type": "customer", "source.type": "api", "primaryCustomer.email": "kim@example.org",
	})
	d.reads("tag", got["tags"].([]any)[0].(object), "id:number color:string tag:string")
	// The client follows these.
	for name, fields := range map[string]string{"mailbox": mailboxReads, "assignee": userReads, "primaryCustomer": "id:number", "createdByCustomer": "id:number"} {
		href, _ := at(got, "_links."+name+".href").(string)
		linked := d.want(http.StatusOK, "GET", strings.TrimPrefix(href, d.address), nil)
		d.reads(name, linked.body, fields)
	}
	embedded := d.get("/v2/conversations/%d?embed=threads", id)
	if threads := d.rows("threads", embedded); len(threads) != 2 || threads[0]["type"] != "note" {
		t.Errorf("embedded %v", threads)
	}
	for query, want := range map[string]int{
		"mailbox=206906&status=active&assigned_to=99&tag=sms&sortField=createdAt&sortOrder=asc&embed=threads": 1,
		"number=" + fmt.Sprint(got["number"]): 1, "modifiedSince=2020-01-01T00%3A00%3A00Z": 1, "status=closed": 0, "mailbox=206907": 0,
		"query=" + url.QueryEscape(`(email:"kim@example.org")`): 1,
		"status=all&sortField=modifiedAt&sortOrder=asc&mailbox=206906,206907&query=" + url.QueryEscape("(modifiedAt:[2020-01-01T00:00:00Z TO *])"): 1,
		"query=" + url.QueryEscape("(modifiedAt:[* TO 2020-01-01T00:00:00Z])"):                                                                     0,
	} {
		rows := d.list("conversations", "/v2/conversations?%s", query)
		if len(rows) != want {
			t.Errorf("%s: %d conversations", query, len(rows))
		}
		for _, row := range rows {
			d.reads("conversation in a list", row, conversationReads)
		}
	}

	path := fmt.Sprintf("/v2/conversations/%d", id)
	d.want(http.StatusNoContent, "PUT", path+"/tags", object{"tags": []string{"vip", "sms"}})
	for _, patch := range []object{
		{"op": "replace", "path": "/subject", "value": "New"}, {"op": "replace", "path": "/status", "value": "closed"},
		{"op": "replace", "path": "/assignTo", "value": owner}, {"op": "remove", "path": "/assignTo"},
		{"op": "move", "path": "/mailboxId", "value": 206907}, {"op": "replace", "path": "/draft", "value": false},
	} {
		if a := d.want(http.StatusNoContent, "PATCH", path, patch); a.body != nil {
			t.Errorf("%v: %v", patch, a.body)
		}
	}
	got = d.get("/v2/conversations/%d", id)
	d.reads("closed conversation", got, conversationReads+" closedAt:string _links.closedBy.href:string")
	d.same("conversation", got, object{"subject": "New", "status": "closed", "mailboxId": 206907, "assignee": nil, "closedBy": owner})
	if tags := got["tags"].([]any); len(tags) != 2 {
		t.Errorf("tags %v", tags)
	}
	lee := d.create("/v2/customers", customerOf("lee@example.org", object{"firstName": "Lee"}))
	d.want(http.StatusNoContent, "PATCH", path, object{"op": "replace", "path": "/primaryCustomer.id", "value": lee})
	d.same("conversation", d.get("/v2/conversations/%d", id), object{"primaryCustomer.id": lee})
	d.want(http.StatusNoContent, "DELETE", path, nil)
	d.want(http.StatusNotFound, "GET", path, nil)

	imported := d.create("/v2/conversations", conversationOf(object{
		"customer": kim, "type": "phone", "status": "closed", "imported": true, "createdAt": "2020-01-02T03:04:05Z",
		"threads": []object{threadOf("phone", object{"customer": kim, "imported": true, "createdAt": "2020-01-02T03:04:05Z"})},
	}))
	d.same("imported", d.get("/v2/conversations/%d", imported), object{"createdAt": "2020-01-02T03:04:05Z", "status": "closed", "type": "phone"})
}

func TestHelpScoutThreads(t *testing.T) {
	d := newDesk(t)
	kim := customerOf("kim@example.org", object{"firstName": "Kim"})
	id := d.create("/v2/conversations", conversationOf(object{"customer": kim, "threads": []object{threadOf("customer", object{"customer": kim})}}))
	path := fmt.Sprintf("/v2/conversations/%d", id)
	customer := at(d.get("/v2/conversations/%d", id), "primaryCustomer.id")
	byID := object{"id": customer, "firstName": "Kim"}
	file := attachmentOf("a.txt", "text/plain", "hello")
	made := map[string]int64{}
	for kind, thread := range map[string]object{
		"customer": threadOf("customer", object{"customer": kim, "cc": []string{"cc@example.org"}, "attachments": []object{file}}),
		"phones":   threadOf("phone", object{"customer": byID}),
		"chats":    threadOf("chat", object{"customer": byID}),
		"notes":    threadOf("note", object{"status": "pending", "user": agent}),
		"reply":    threadOf("reply", object{"customer": byID, "draft": false, "user": agent, "status": "active", "bcc": []string{"bcc@example.org"}}),
	} {
		made[kind] = d.create(path+"/"+kind, thread)
	}
	draft := d.create(path+"/reply", threadOf("reply", object{"customer": kim, "draft": true}))
	imported := d.create(path+"/notes", threadOf("note", object{"imported": true, "createdAt": "2020-01-02T03:04:05Z"}))

	types := map[int64]string{}
	for _, thread := range d.list("threads", "%s/threads", path) {
		if thread["type"] == "lineitem" {
			continue
		}
		d.reads("thread", thread, threadReads)
		types[int64(thread["id"].(float64))] = thread["type"].(string)
		switch int64(thread["id"].(float64)) {
		case draft:
			d.same("draft", thread, object{"state": "draft"})
		case imported:
			d.same("imported", thread, object{"createdAt": "2020-01-02T03:04:05Z"})
		case made["reply"]:
			d.same("reply", thread, object{"createdBy.id": agent, "createdBy.type": "user", "source.via": "user", "bcc": []any{"bcc@example.org"}, "to": []any{"kim@example.org"}})
		case made["customer"]:
			d.same("customer", thread, object{"createdBy.type": "customer", "source.via": "customer", "cc": []any{"cc@example.org"}})
			d.attachments(path, made["customer"], thread)
		}
	}
	for kind, want := range map[string]string{"customer": "customer", "phones": "phone", "chats": "chat", "notes": "note", "reply": "message"} {
		if types[made[kind]] != want {
			t.Errorf("%s became %q", kind, types[made[kind]])
		}
	}
	thread := fmt.Sprintf("%s/threads/%d", path, made["notes"])
	for _, patch := range []object{
		{"op": "replace", "path": "/text", "value": "Changed"}, {"op": "replace", "path": "/hidden", "value": true}, {"op": "replace", "path": "/hidden", "value": false},
	} {
		d.want(http.StatusNoContent, "PATCH", thread, patch)
	}
	for _, thread := range d.list("threads", "%s/threads", path) {
		if thread["id"] == float64(made["notes"]) {
			d.same("note", thread, object{"body": "Changed", "state": "published"})
		}
	}
}

// attachments looks at the file of a thread, adds one and removes the first.
func (d *desk) attachments(path string, thread int64, got object) {
	d.Helper()
	file := d.rows("attachments", got)[0]
	d.reads("attachment", file, "id:number filename:string mimeType:string width:number height:number size:number _links.web.href:string")
	d.same("attachment", file, object{"filename": "a.txt", "mimeType": "text/plain", "size": 5})
	content := d.get(path+"/attachments/%v/data", file["id"])
	d.same("attachment", content, object{"data": base64.StdEncoding.EncodeToString([]byte("hello"))})
	second := d.create(fmt.Sprintf("%s/threads/%d/attachments", path, thread), attachmentOf("b.txt", "text/plain", "more"))
	d.same("second attachment", d.get(path+"/attachments/%d/data", second), object{"data": base64.StdEncoding.EncodeToString([]byte("more"))})
	d.want(http.StatusNoContent, "DELETE", fmt.Sprintf("%s/attachments/%v", path, file["id"]), nil)
	d.want(http.StatusNotFound, "GET", fmt.Sprintf("%s/attachments/%v/data", path, file["id"]), nil)
}

func TestHelpScoutCustomers(t *testing.T) {
	d := newDesk(t)
	described := object{
		"firstName": "Kim", "lastName": "Lee", "gender": "female", "jobTitle": "Baker", "location": "Boston", "organization": "Bread", "photoType": "unknown",
		"photoUrl": "https://example.org/kim.png", "background": "Calls on Mondays.", "age": "30-35",
	}
	id := d.create("/v2/customers", customerOf("kim@example.org", with(described, object{"phone": "617-555-0142", "phones": []object{{"value": "617-555-0142", "type": "mobile"}}})))
	path := fmt.Sprintf("/v2/customers/%d", id)
	got := d.get("%s", path)
	d.reads("customer", got, customerReads)
	d.same("customer", got, with(described, object{"id": id}))
	emails, phones := d.rows("emails", got), d.rows("phones", got)
	if len(emails) != 1 || len(phones) != 1 {
		t.Fatalf("emails %v, phones %v", emails, phones)
	}
	d.same("email", emails[0], object{"value": "kim@example.org", "type": "work"})
	d.same("phone", phones[0], object{"value": "617-555-0142", "type": "mobile"})
	d.want(http.StatusConflict, "POST", "/v2/customers", customerOf("kim@example.org", object{"firstName": "Other"}))

	for _, kind := range []struct{ name, first, second string }{{"emails", "k@example.org", "kl@example.org"}, {"phones", "617-555-0143", "617-555-0144"}} {
		entry := d.create(path+"/"+kind.name, object{"value": kind.first, "type": "home"})
		d.want(http.StatusNoContent, "PUT", fmt.Sprintf("%s/%s/%d", path, kind.name, entry), object{"value": kind.second, "type": "other"})
		rows := d.rows(kind.name, d.get("%s/%s", path, kind.name))
		if len(rows) != 2 {
			t.Fatalf("%s: %v", kind.name, rows)
		}
		d.reads(kind.name, rows[1], "id:number value:string type:string")
		d.same(kind.name, rows[1], object{"id": entry, "value": kind.second, "type": "other"})
		d.want(http.StatusNoContent, "DELETE", fmt.Sprintf("%s/%s/%d", path, kind.name, entry), nil)
		if rows := d.rows(kind.name, d.get("%s/%s", path, kind.name)); len(rows) != 1 {
			t.Errorf("%s after that: %v", kind.name, rows)
		}
	}
	// The client sends all of it again, its id included.
	d.want(http.StatusNoContent, "PUT", path, customerOf("kim@example.org", object{"id": id, "firstName": "Kimberly", "lastName": "Lee"}))
	got = d.get("%s", path)
	d.same("overwritten customer", got, object{"firstName": "Kimberly", "lastName": "Lee", "jobTitle": nil})
	if emails := d.rows("emails", got); len(emails) != 1 {
		t.Errorf("emails %v", emails)
	}
	d.want(http.StatusNoContent, "PATCH", path, []object{
		{"op": "replace", "path": "/jobTitle", "value": "Cook"}, {"op": "remove", "path": "/lastName"},
		{"op": "add", "path": "/emails", "value": object{"type": "other", "value": "cook@example.org"}},
		{"op": "replace", "path": fmt.Sprintf("/phones/%v/value", phones[0]["id"]), "value": "617-555-0199"},
	})
	got = d.get("%s", path)
	d.same("changed customer", got, object{"jobTitle": "Cook", "lastName": ""})
	d.same("phone", d.rows("phones", got)[0], object{"value": "617-555-0199"})
	found := d.list("customers", "/v2/customers?query=%s", url.QueryEscape(`(email:"cook@example.org")`))
	if len(found) != 1 || found[0]["id"] != float64(id) {
		t.Errorf("found %v", found)
	}
	d.want(http.StatusNoContent, "PATCH", path, []object{{"op": "remove", "path": fmt.Sprintf("/emails/%v", emails[0]["id"])}})
	if found := d.list("customers", "/v2/customers?query=%s", url.QueryEscape(`(email:"kim@example.org")`)); len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

func TestHelpScoutErased(t *testing.T) {
	d := newDesk(t)
	kim := customerOf("kim@example.org", object{"firstName": "Kim"})
	for _, how := range []struct {
		query  string
		status int
	}{{"", http.StatusNoContent}, {"?async=true", http.StatusAccepted}} {
		conversation := d.create("/v2/conversations", conversationOf(object{"customer": kim, "threads": []object{threadOf("customer", object{"customer": kim})}}))
		customer := fmt.Sprintf("/v2/customers/%v", at(d.get("/v2/conversations/%d", conversation), "primaryCustomer.id"))
		d.want(how.status, "DELETE", customer+how.query, nil)
		if err := d.Wait(t.Context(), func(*helpscoutsim.Sim) bool { return len(d.Traces("kim@example.org")) == 0 }); err != nil {
			t.Fatal(err)
		}
		d.want(http.StatusNotFound, "GET", customer, nil)
		d.want(http.StatusNotFound, "GET", fmt.Sprintf("/v2/conversations/%d", conversation), nil)
	}
}

func TestHelpScoutAccount(t *testing.T) {
	d := newDesk(t)
	for _, m := range d.list("mailboxes", "/v2/mailboxes") {
		d.reads("mailbox in a list", m, mailboxReads)
	}
	d.reads("mailbox", d.get("/v2/mailboxes/%d", mailbox), mailboxReads)
	for _, u := range d.list("users", "/v2/users?email=ada@example.org&mailbox=%d", mailbox) {
		d.reads("user in a list", u, userReads)
		d.same("user", u, object{"id": agent})
	}
	d.reads("user", d.get("/v2/users/%d", agent), userReads)
	me := d.get("/v2/users/me")
	d.reads("me", me, userReads)
	d.same("me", me, object{"id": owner})

	// An error, as the client's ValidationErrorException reads it.
	refused := d.want(http.StatusBadRequest, "POST", "/v2/conversations", conversationOf(object{"subject": nil}))
	d.reads("error", refused.body, "message:string logRef:string _embedded.errors:list")
	d.reads("error", d.rows("errors", refused.body)[0], "path:string message:string")
	if kind := refused.header.Get("Content-Type"); kind != "application/vnd.error+json" {
		t.Errorf("an error is %s", kind)
	}
	d.token = "stale"
	d.want(http.StatusUnauthorized, "GET", "/v2/users/me", nil)
}

func TestHelpScoutWebhooks(t *testing.T) {
	d := newDesk(t)
	const secret = "our-secret"
	told := make(chan object, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write(body)
		if got := r.Header.Get("X-HelpScout-Signature"); got != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("signature %s", got)
		}
		var event object
		if err := json.Unmarshal(body, &event); err != nil {
			t.Error(err)
		}
		if err != nil || r.Header.Get("X-HelpScout-Event") != "convo.agent.reply.created" {
			t.Errorf("event %s, %v", r.Header.Get("X-HelpScout-Event"), err)
		}
		told <- event
	}))
	defer server.Close()
	// Webhook::extract()
	hook := object{"id": nil, "url": server.URL, "state": nil, "events": []string{"convo.created"}, "label": nil, "notification": nil, "secret": secret}
	id := d.create("/v2/webhooks", hook)
	// Its hydrate() looks for a secret too, which Help Scout does not show.
	const fields = "id:number state:string events:list url:string notification:bool payloadVersion:string mailboxIds:list _links.self.href:string"
	got := d.get("/v2/webhooks/%d", id)
	d.reads("webhook", got, fields)
	d.same("webhook", got, object{"secret": nil})
	path := fmt.Sprintf("/v2/webhooks/%d", id)
	d.want(http.StatusNoContent, "PUT", path, object{
		"id": id, "url": got["url"], "state": got["state"], "events": []string{"convo.agent.reply.created"}, "label": "ours", "notification": got["notification"], "secret": secret,
	})
	hooks := d.list("webhooks", "/v2/webhooks")
	if len(hooks) != 1 {
		t.Fatalf("webhooks %v", hooks)
	}
	d.reads("webhook in a list", hooks[0], fields)
	d.same("webhook", hooks[0], object{"state": "enabled", "label": "ours", "events": []any{"convo.agent.reply.created"}})

	kim := customerOf("kim@example.org", nil)
	conversation := d.create("/v2/conversations", conversationOf(object{"customer": kim, "threads": []object{threadOf("customer", object{"customer": kim})}}))
	if _, err := d.AgentReply(conversation, helpscoutsim.Reply{Text: "Hello."}); err != nil {
		t.Fatal(err)
	}
	event := <-told
	d.reads("event", event, conversationReads)
	d.same("event", event, object{"id": conversation})
	thread := d.rows("threads", event)[0]
	d.reads("thread of an event", thread, threadReads)
	d.same("thread of an event", thread, object{"type": "message", "createdBy.id": agent, "source.type": "web"})
	d.want(http.StatusNoContent, "DELETE", path, nil)
	d.want(http.StatusNotFound, "GET", path, nil)
}
