package helpscoutsim_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// Status and tags change by the page's forms, as the given user, and webhooks are told as of any such change.
func TestDeskStatusAndTags(t *testing.T) {
	r := receive(t)
	b := hooked(t, r, helpscoutsim.Config{})
	id := b.conversation(email)
	at := func(action string) string { return fmt.Sprintf("/sim/inbox/%d/%s", id, action) }
	for _, test := range []struct {
		action, field, value, site string
		status                     int
		state                      string
		tags                       []string
	}{
		{"status", "status", "closed", "same-origin", 303, "closed", []string{"sms"}},
		{"status", "status", "closed", "same-origin", 303, "closed", []string{"sms"}}, // as it is: no event
		{"status", "status", "open", "same-origin", 400, "closed", []string{"sms"}},
		{"status", "status", "spam", "cross-site", 403, "closed", []string{"sms"}},
		{"tags", "add", " to call ", "same-origin", 303, "closed", []string{"sms", "to call"}},
		{"tags", "add", "sms", "same-origin", 303, "closed", []string{"sms", "to call"}},
		{"tags", "add", " ", "same-origin", 303, "closed", []string{"sms", "to call"}},
		{"tags", "remove", "sms", "same-origin", 303, "closed", []string{"to call"}},
		{"tags", "remove", "other", "same-origin", 303, "closed", []string{"to call"}},
		{"tags", "add", "x", "cross-site", 403, "closed", []string{"to call"}},
	} {
		a := b.post(at(test.action), url.Values{"user": {"7"}, test.field: {test.value}}, test.site)
		conv, _ := b.sim.Conversation(id)
		if a.status != test.status || conv.Status != test.state || !slices.Equal(conv.Tags, test.tags) {
			t.Errorf("%+v: %d %s, %s %v", test, a.status, a.body, conv.Status, conv.Tags)
		}
		if back := fmt.Sprintf("/sim/inbox/%d?user=7", id); a.status == 303 && a.header.Get("Location") != back {
			t.Errorf("%+v: to %s", test, a.header.Get("Location"))
		}
	}
	conv, _ := b.sim.Conversation(id)
	if last := conv.Threads[len(conv.Threads)-1]; last.Action != "changed-status-to-closed" || last.CreatedBy.ID != 7 || len(conv.Threads) != 2 {
		t.Errorf("threads %+v", conv.Threads)
	}
	b.await("the webhooks", func(s *helpscoutsim.Sim) bool { return s.Delivered() == 4 })
	counts := map[string]int{}
	for _, e := range b.sim.History() {
		if e.Kind == helpscoutsim.KindWebhook {
			counts[e.Name]++
		}
	}
	if counts[helpscoutsim.EventStatus] != 1 || counts[helpscoutsim.EventTags] != 2 {
		t.Errorf("events %v", counts)
	}
	_, page := b.desk(id, "")
	contains(t, page, `name="status" value="closed" aria-pressed="true"`, `name="status" value="active" aria-pressed="false"`, `name="remove" value="to call"`,
		"Dana changed status to closed", `enctype="multipart/form-data"`)
}
