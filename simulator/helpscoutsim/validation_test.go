package helpscoutsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// problem is the shape of all errors.
type problem struct {
	LogRef   string `json:"logRef"`
	Message  string `json:"message"`
	Embedded struct {
		Errors []struct {
			Path    string `json:"path"`
			Message string `json:"message"`
			Source  string `json:"source"`
			Links   struct {
				About struct {
					Href string `json:"href"`
				} `json:"about"`
			} `json:"_links"`
		} `json:"errors"`
	} `json:"_embedded"`
	Links struct {
		About struct {
			Href string `json:"href"`
		} `json:"about"`
	} `json:"_links"`
}

// refused checks a 400, and that it names the path; "" stands for no path at all.
func (b *bench) refused(name string, a answer, path string) {
	b.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != 400 {
		b.Errorf("%s: %d %s, want 400", name, a.status, a.body)
		return
	}
	if a.header.Get("Content-Type") != "application/vnd.error+json" || p.LogRef == "" || p.Links.About.Href == "" {
		b.Errorf("%s: not the shape of an error: %v %s", name, a.header, a.body)
	}
	if path == "" {
		if len(p.Embedded.Errors) != 0 || p.Message != "Error parsing request body into JSON" {
			b.Errorf("%s: %s, want a parse error", name, a.body)
		}
		return
	}
	for _, e := range p.Embedded.Errors {
		if e.Path == path && e.Message != "" && e.Source != "" && strings.Contains(e.Links.About.Href, "#") {
			return
		}
	}
	b.Errorf("%s: %s, want an error at %s", name, a.body, path)
}

func TestCreateIsStrict(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1})
	tests := []struct{ name, old, new, path string }{
		{"not JSON", `{"subject"`, `{subject`, ""},
		{"wrong type", `"mailboxId":206906`, `"mailboxId":"206906"`, ""},
		{"trailing data", `"text":"Hello &amp; <br>hi"}]}`, `"text":"Hello"}]} {}`, ""},
		{"unknown field", `"autoReply":false`, `"auto_reply":false`, "auto_reply"},
		{"empty subject", `"Text from 617-555-0142"`, `" "`, "subject"},
		{"no subject", `"subject":"Text from 617-555-0142",`, ``, "subject"},
		{"bad type", `"type":"phone"`, `"type":"sms"`, "type"},
		{"bad status", `"status":"active"`, `"status":"spam"`, "status"},
		{"unknown mailbox", `206906`, `1`, "mailboxId"},
		{"no customer", `"customer":{"email":"6175550142@sms.example.org","firstName":"617-555-0142"},"tags"`, `"tags"`, "customer"},
		{"customer without id or email", `"email":"6175550142@sms.example.org","firstName"`, `"firstName"`, "customer.email"},
		{"bad email", `"email":"6175550142@sms.example.org","firstName"`, `"email":"+1 617","firstName"`, "customer.email"},
		{"empty first name", `"firstName":"617-555-0142"`, `"firstName":""`, "customer.firstName"},
		{"long first name", `"firstName":"617-555-0142"`, `"firstName":"` + strings.Repeat("é", 41) + `"`, "customer.firstName"},
		{"unknown customer", `"customer":{"email":"6175550142@sms.example.org"}`, `"customer":{"id":1}`, "threads[0].customer.id"},
		{"unknown assignee", `"autoReply":false`, `"assignTo":5`, "assignTo"},
		{"empty tag", `"sms"`, `""`, "tags[0]"},
		{"no threads", `{"type":"customer","customer":{"email":"6175550142@sms.example.org"},"text":"Hello &amp; <br>hi"}`, ``, "threads"},
		{"thread type", `{"type":"customer"`, `{"type":"message"`, "threads[0].type"},
		{"empty text", `"text":"Hello &amp; <br>hi"`, `"text":" \n"`, "threads[0].text"},
		{"thread without customer", `"customer","customer":{"email":"6175550142@sms.example.org"}`, `"customer"`, "threads[0].customer"},
		{"time without imported", `"text":"Hello`, `"createdAt":"2026-01-01T00:00:00Z","text":"Hello`, "threads[0].createdAt"},
		{"time format", `"text":"Hello`, `"imported":true,"createdAt":"2026-01-01T00:00:00+00:00","text":"Hello`, "threads[0].createdAt"},
		{"field of another kind", `"text":"Hello`, `"draft":true,"text":"Hello`, "threads[0].draft"},
		{"bad attachment", `"text":"Hello`, `"attachments":[{"fileName":"a","mimeType":"b/c","data":"?"}],"text":"Hello`, "threads[0].attachments[0].data"},
	}
	for _, test := range tests {
		body := strings.Replace(conversationBody(email), test.old, test.new, 1)
		if body == conversationBody(email) {
			t.Fatalf("%s: nothing to replace", test.name)
		}
		b.refused(test.name, b.do("POST", "/v2/conversations", body), test.path)
	}
	if got := b.sim.Conversations(); len(got) != 0 {
		t.Errorf("refused requests made %d conversations", len(got))
	}
	if _, found := b.sim.Customer(email); found {
		t.Error("a refused request made a customer")
	}
}

func TestOtherWritesAreStrict(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1})
	id := b.conversation(email)
	const hook = `{"url":"https://x.example.org/h","events":["convo.merged"],"secret":"s"`
	tests := []struct{ name, method, path, body, field string }{
		{"note without text", "POST", path("%d/notes", id), `{}`, "text"},
		{"note with customer", "POST", path("%d/notes", id), `{"text":"x","customer":{"id":1}}`, "customer"},
		{"note with type", "POST", path("%d/notes", id), `{"text":"x","type":"reply"}`, "type"},
		{"note status", "POST", path("%d/notes", id), `{"text":"x","status":"open"}`, "status"},
		{"note user", "POST", path("%d/notes", id), `{"text":"x","user":5}`, "user"},
		{"reply without customer", "POST", path("%d/reply", id), `{"text":"x"}`, "customer"},
		{"reply cc", "POST", path("%d/reply", id), `{"text":"x","customer":{"email":"a@b.org"},"cc":["x"]}`, "cc"},
		{"phone with cc", "POST", path("%d/phones", id), `{"text":"x","customer":{"email":"a@b.org"},"cc":["a@b.org"]}`, "cc"},
		{"tags", "PUT", path("%d/tags", id), `{}`, "tags"},
		{"customer", "POST", "/v2/customers", `{}`, "firstName"},
		{"customer phone", "POST", "/v2/customers", `{"firstName":"x","phones":[{"type":"cell","value":"1"}]}`, "phones[0].type"},
		{"webhook url", "POST", "/v2/webhooks", `{"url":"x","events":["convo.merged"],"secret":"s"}`, "url"},
		{"webhook events", "POST", "/v2/webhooks", strings.Replace(hook, "merged", "melted", 1) + "}", "events[0]"},
		{"webhook secret", "POST", "/v2/webhooks", strings.Replace(hook, `"s"`, `"`+strings.Repeat("s", 41)+`"`, 1) + "}", "secret"},
		{"webhook version", "POST", "/v2/webhooks", hook + `,"payloadVersion":"V1"}`, "payloadVersion"},
		{"webhook mailbox", "POST", "/v2/webhooks", hook + `,"mailboxIds":[1]}`, "mailboxIds[0]"},
	}
	for _, test := range tests {
		b.refused(test.name, b.do(test.method, test.path, test.body), test.field)
	}
	if got, _ := b.sim.Conversation(id); len(got.Threads) != 1 {
		t.Errorf("refused requests left %d threads", len(got.Threads))
	}
}

func TestMediaTypeAndPath(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", b.url+"/v2/conversations", strings.NewReader(conversationBody(email)))
		req.Header.Set("Authorization", "Bearer "+b.token)
		req.Header.Set("Content-Type", kind)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 415 {
			t.Errorf("%q: %d, want 415", kind, resp.StatusCode)
		}
	}
	b.want(404, "GET", "/v2/teams", "")
	b.want(404, "GET", path("x"), "")
	b.want(404, "GET", path("5"), "")
}
