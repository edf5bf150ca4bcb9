package helpscoutsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const other = "6175550177@sms.example.org"

// customer returns the id of a customer.
func (b *bench) customer(address string) int64 {
	b.Helper()
	c, found := b.sim.Customer(address)
	if !found {
		b.Fatalf("there is no customer %s", address)
	}
	return c.ID
}

// TestDeleteCustomer removes a person with all conversations they took part in, one that is somebody else's included.
func TestDeleteCustomer(t *testing.T) {
	for _, how := range []struct {
		query  string
		status int
	}{{"", 204}, {"?async=true", 202}} {
		t.Run(how.query, func(t *testing.T) {
			r := receive(t)
			b := hooked(t, r, helpscoutsim.Config{ListLag: -1, DeletionTime: time.Millisecond}, helpscoutsim.EventCustomerDeleted, helpscoutsim.EventDeleted)
			own, shared, merged, others := b.conversation(email), b.conversation(other), b.conversation(email), b.conversation(other)
			b.want(201, "POST", path("%d/customer", shared), fmt.Sprintf(`{"text":"Me too.","customer":{"email":%q}}`, email))
			if err := b.sim.Merge(merged, own); err != nil {
				t.Fatal(err)
			}
			id := b.customer(email)
			at := fmt.Sprintf("/v2/customers/%d", id)
			b.want(400, "DELETE", at+"?async=maybe", "")
			b.want(400, "DELETE", at+"?force=true", "")
			b.want(how.status, "DELETE", at+how.query, "")
			b.await("the event", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
			events, bodies := r.received()
			if events[0] != "customer.deleted" || bodies[0] != fmt.Sprintf(`{"id":%d}`, id) {
				t.Errorf("told of %s %s", events, bodies)
			}
			b.want(404, "GET", at, "")
			b.want(404, "DELETE", at, "")
			for _, conversation := range []int64{own, shared, merged} {
				b.want(404, "GET", path("%d", conversation), "")
				b.want(404, "POST", path("%d/notes", conversation), `{"text":"x"}`)
				b.want(404, "GET", path("%d/threads", conversation), "")
			}
			for _, query := range []string{"", "&mailbox=206906"} {
				rows := b.want(200, "GET", "/v2/conversations?status=all"+query, "").rows(t, "conversations")
				if len(rows) != 1 || rows[0].(map[string]any)["id"] != float64(others) {
					t.Errorf("listed %v", rows)
				}
			}
			if left := b.sim.Traces(email); len(left) != 0 {
				t.Errorf("left are %+v", left)
			}
			// Who writes again is somebody new.
			b.conversation(email)
			if again := b.customer(email); again == id {
				t.Errorf("the id %d came again", id)
			}
		})
	}
}

func TestDeleteCustomerIsRefused(t *testing.T) {
	b := start(t, helpscoutsim.Config{RateLimit: -1, DeletionTime: time.Hour})
	for range 101 {
		b.conversation(email)
	}
	at := fmt.Sprintf("/v2/customers/%d", b.customer(email))
	b.want(403, "DELETE", at, "") // too many at once
	b.want(202, "DELETE", at+"?async=true", "")
	b.want(200, "GET", at, "") // not yet
	b.want(404, "DELETE", "/v2/customers/1", "")
	b.want(404, "DELETE", "/v2/customers/1?async=true", "")

	b.conversation(other)
	moved := b.conversation(other)
	if err := b.sim.Move(moved, office); err != nil {
		t.Fatal(err)
	}
	b.sim.SetUser(helpscoutsim.User{ID: 1, First: "Bling", Mailboxes: []int64{hotline}})
	at = fmt.Sprintf("/v2/customers/%d", b.customer(other))
	b.want(403, "DELETE", at, "") // no access to one of them
	b.want(403, "DELETE", at+"?async=true", "")
}

// TestAccess is of an app whose owner works in one mailbox only.
func TestAccess(t *testing.T) {
	b := start(t, helpscoutsim.Config{ListLag: -1})
	id, elsewhere := b.conversation(email), b.conversation(other)
	if err := b.sim.Move(elsewhere, office); err != nil {
		t.Fatal(err)
	}
	b.sim.SetUser(helpscoutsim.User{ID: 1, First: "Bling", Last: "App", Email: "bling@example.org", Mailboxes: []int64{hotline}})
	rows := b.want(200, "GET", "/v2/mailboxes", "").rows(t, "mailboxes")
	if len(rows) != 1 || rows[0].(map[string]any)["id"] != float64(hotline) {
		t.Errorf("mailboxes %v", rows)
	}
	if me := b.want(200, "GET", "/v2/users/me", "").object(t); me["id"] != 1.0 || me["email"] != "bling@example.org" {
		t.Errorf("me %v", me)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v2/mailboxes/206906", "", 200}, {"GET", "/v2/mailboxes/206907", "", 403}, {"GET", "/v2/mailboxes/1", "", 404},
		{"GET", "/v2/mailboxes?mailbox=1", "", 400},
		{"GET", path("%d", id), "", 200}, {"GET", path("%d", elsewhere), "", 403}, {"GET", path("%d/threads", elsewhere), "", 403},
		{"POST", path("%d/notes", elsewhere), `{"text":"x"}`, 403}, {"DELETE", path("%d", elsewhere), "", 403},
		{"POST", "/v2/conversations", strings.Replace(conversationBody(email), "206906", "206907", 1), 403},
	} {
		b.want(test.status, test.method, test.path, test.body)
	}
	if rows := b.want(200, "GET", "/v2/conversations?status=all", "").rows(t, "conversations"); len(rows) != 1 {
		t.Errorf("listed %v", rows)
	}
}

func TestDeletedConversation(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{}, helpscoutsim.EventDeleted)
	id := b.conversation(email)
	b.clock.advance(time.Minute)
	b.want(204, "DELETE", path("%d", id), "")
	b.await("the event", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
	if events, bodies := r.received(); events[0] != "convo.deleted" || bodies[0] != fmt.Sprintf(`{"id":%d}`, id) {
		t.Errorf("told of %s %s", events, bodies)
	}
	b.want(404, "GET", path("%d", id), "")
	b.want(404, "DELETE", path("%d", id), "")
	listed := func() int {
		return len(b.want(200, "GET", "/v2/conversations?status=all", "").rows(t, "conversations"))
	}
	if n := listed(); n != 1 { // lists do not know yet
		t.Errorf("%d listed", n)
	}
	b.clock.advance(time.Minute)
	if n := listed(); n != 0 {
		t.Errorf("%d listed", n)
	}
}

func TestTraces(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	const number = "+16175550142"
	id := b.conversation(email)
	if err := b.sim.SetPhones(email, "617-555-0142"); err != nil {
		t.Fatal(err)
	}
	mentioned := b.want(201, "POST", "/v2/conversations", strings.ReplaceAll(conversationBody(other), "617-555-0142", "Lee")).id(t)
	note := b.want(201, "POST", path("%d/notes", mentioned), `{"text":"Same as <a href=\"tel:+16175550142\">Kim</a>?","attachments":[
		{"fileName":"from-617-555-0142.txt","mimeType":"text/plain","data":"eHh4"}]}`).id(t)
	b.want(201, "POST", path("%d/notes", mentioned), `{"text":"Not 16175550142000."}`)
	kim := b.customer(email)
	c, _ := b.sim.Conversation(id)
	first := c.Threads[0].ID
	c, _ = b.sim.Conversation(mentioned)
	want := []helpscoutsim.Trace{
		{Kind: "customer", ID: kim, Where: "name"}, {Kind: "customer", ID: kim, Where: "emails"}, {Kind: "customer", ID: kim, Where: "phones"},
		{Kind: "conversation", ID: id, Where: "subject"}, {Kind: "conversation", ID: id, Where: "createdBy"},
		{Kind: "thread", ID: first, ConversationID: id, Where: "createdBy"},
		{Kind: "thread", ID: note, ConversationID: mentioned, Where: "body"},
		{Kind: "attachment", ID: c.Threads[1].Attachments[0].ID, ConversationID: mentioned, Where: "fileName"},
	}
	if got := b.sim.Traces(number); !slices.Equal(got, want) {
		t.Errorf("found %+v, want %+v", got, want)
	}
	a := b.control("GET", "/sim/traces?of=617-555-0142", "")
	if a.status != 200 || !strings.Contains(string(a.body), fmt.Sprintf(`{"kind":"thread","id":%d,"conversation_id":%d,"where":"body"}`, note, mentioned)) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := b.sim.Traces(strings.ToUpper(email)); len(got) == 0 || len(b.sim.Traces("nobody@example.org"))+len(b.sim.Traces("+16175550999"))+len(b.sim.Traces("")) != 0 {
		t.Errorf("found %+v", got)
	}
}
