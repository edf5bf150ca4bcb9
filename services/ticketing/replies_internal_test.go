package ticketing

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
)

// Promise 6, O5: whatever the payload, only what an agent published for the supporter is a reply. The generator knows
// every value that Help Scout documents, and some that it does not.
func FuzzIsReply(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		thread, leaves := generate(random)
		data, err := json.Marshal(thread)
		if err != nil {
			t.Fatal(err)
		}
		var got helpscout.Thread
		if err := json.Unmarshal(data, &got); err != nil {
			t.Skip("not a thread") // an event that cannot be read is not sent; see TestRepliesOfAnyShape
		}
		if isReply(got) != leaves {
			t.Errorf("isReply = %v: %s", !leaves, data)
		}
	})
}

// generate returns a thread, and whether it may leave: by the list of what may, written down once more.
func generate(random *rand.Rand) (thread map[string]any, leaves bool) {
	one := func(values ...any) any { return values[random.IntN(len(values))] }
	kind := one("message", "message", "message", "reply", "note", "lineitem", "customer", "forwardparent", "forwardchild", "phone", "chat", "beaconchat", "", "Message", nil, "draft")
	state := one("published", "published", "published", "draft", "hidden", "underreview", "review", "bounced", "", nil, "Published")
	author := one("user", "user", "user", "customer", "system_user", "", nil, "User")
	source := one("web", "web", "mobile", "email", "emailfwd", "beacon", "chat", "manual", "unknown", "api", "workflows", "workflow", "notification", "internal", "jira", "", nil)
	via := one("user", "user", "user", "customer", "", nil, "api")
	id := one(88171881, 88171881, 88171881, 0, -1, nil)
	thread = map[string]any{
		"id": id, "type": kind, "state": state, "body": "words", "source": map[string]any{"type": source, "via": via},
		"createdBy": map[string]any{"id": 99, "type": author}, "createdAt": "2026-11-20T15:02:11Z",
	}
	if random.IntN(10) == 0 {
		delete(thread, one("id", "type", "state", "source", "createdBy").(string))
	}
	has := func(key string) bool { _, ok := thread[key]; return ok }
	machine := map[any]bool{"api": true, "workflows": true, "workflow": true, "notification": true, "internal": true, "jira": true, "": true, nil: true}
	leaves = has("id") && id == 88171881 && has("type") && (kind == "message" || kind == "reply") && has("state") && state == "published" &&
		has("createdBy") && author == "user" && has("source") && via == "user" && !machine[source]
	return thread, leaves
}
