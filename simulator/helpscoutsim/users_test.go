package helpscoutsim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// names are the first names in a list of users.
func names(t *testing.T, a answer) string {
	t.Helper()
	var list []string
	for _, row := range a.rows(t, "users") {
		list = append(list, fmt.Sprint(row.(map[string]any)["firstName"]))
	}
	return strings.Join(list, " ")
}

func TestUsers(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	b.sim.SetUser(helpscoutsim.User{ID: 8, First: "Émile", Email: "emile@example.org", Mailboxes: []int64{office}})
	for query, want := range map[string]string{
		"":                          "Bling Ada Dana Émile",
		"?page=1":                   "Bling Ada Dana Émile",
		"?page=2":                   "",
		"?email=Dana@example.org":   "Dana",
		"?email=nobody@example.org": "",
		"?mailbox=206906":           "Bling Ada Dana",
		"?mailbox=206907":           "Bling Ada Dana Émile",
		"?mailbox=206906&email=emile@example.org": "",
	} {
		if got := names(t, b.want(200, "GET", "/v2/users"+query, "")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?name=Ada", "?mailbox=x", "?mailbox=0", "?page=0"} {
		b.want(400, "GET", "/v2/users"+query, "")
	}
	size := b.want(200, "GET", "/v2/users", "").object(t)["page"].(map[string]any)["size"]
	if size != 50.0 {
		t.Errorf("%v on a page, want 50", size)
	}
}

func TestUser(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	got := b.want(200, "GET", "/v2/users/7", "")
	const want = `{"id":7,"firstName":"Dana","lastName":"Rivers","email":"dana@example.org","role":"user",` +
		`"timezone":"America/New_York","createdAt":"2025-01-02T03:04:05Z","updatedAt":"2025-01-02T03:04:05Z",` +
		`"type":"user","mention":"dana","initials":"DR","photoUrl":"","jobTitle":"","phone":"","alternateEmails":[]}`
	if string(got.body) != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	b.want(404, "GET", "/v2/users/8", "")
	b.want(404, "GET", "/v2/users/x", "")
	if units := b.sim.Usage().Units; units != 3 {
		t.Errorf("%d units, want 3", units)
	}
	b.token = ""
	b.want(401, "GET", "/v2/users/7", "")
	b.want(401, "GET", "/v2/users", "")
}

func TestChangedUsers(t *testing.T) {
	config := []helpscoutsim.User{{ID: 1, First: "Bling"}, {ID: 99, First: "Ada"}}
	b := start(t, helpscoutsim.Config{Users: config})
	id := b.conversation(email)
	if _, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	b.sim.SetUser(helpscoutsim.User{ID: 99, First: "Eve"})
	b.sim.SetUser(helpscoutsim.User{ID: 7, First: "Dana"})
	if got := names(t, b.want(200, "GET", "/v2/users", "")); got != "Bling Eve Dana" {
		t.Errorf("users %q", got)
	}
	b.sim.RemoveUser(99)
	b.sim.RemoveUser(1) // stays
	b.sim.RemoveUser(5)
	if got := names(t, b.want(200, "GET", "/v2/users", "")); got != "Bling Dana" {
		t.Errorf("users %q", got)
	}
	if config[0].First != "Bling" || config[1].First != "Ada" {
		t.Errorf("the configuration became %v", config)
	}
	// Who left can do nothing more, and what they wrote stays. The next in the list takes over.
	if _, err := b.sim.AgentReply(id, helpscoutsim.Reply{Text: "x", UserID: 99}); !errors.Is(err, helpscoutsim.ErrNotFound) {
		t.Errorf("a reply of who left: %v", err)
	}
	if _, err := b.sim.AgentNote(id, "x"); err != nil {
		t.Fatal(err)
	}
	got, _ := b.sim.Conversation(id)
	if got.Threads[1].CreatedBy.First != "Ada" || got.Threads[2].CreatedBy.First != "Dana" {
		t.Errorf("threads %+v", got.Threads)
	}
}

func TestControlOfUsers(t *testing.T) {
	b := start(t, helpscoutsim.Config{})
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", "/sim/users/8", `{"id":5,"first":"Lee","last":"Ng","email":"lee@example.org","mailboxes":[206907]}`, 204},
		{"PUT", "/sim/users/8", `{"name":"Lee"}`, 400},
		{"PUT", "/sim/users/0", `{}`, 404},
		{"PUT", "/sim/users/x", `{}`, 404},
		{"DELETE", "/sim/users/7", "", 204},
		{"DELETE", "/sim/users/7", "", 204},
	} {
		if a := b.control(test.method, test.path, test.body); a.status != test.status {
			t.Errorf("%s %s %s: %d %s", test.method, test.path, test.body, a.status, a.body)
		}
	}
	if got := names(t, b.want(200, "GET", "/v2/users?mailbox=206907", "")); got != "Bling Ada Lee" {
		t.Errorf("users %q", got)
	}
	b.want(404, "GET", "/v2/users/5", "")
}
