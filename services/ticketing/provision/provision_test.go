package provision_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/hotline"
	shared "github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/ticketing/provision"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestEmptyAccount(t *testing.T) {
	b := account(t)
	a := b.bling(nil)
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], "failure help scout webhook: There is none") {
		t.Errorf("the checks find %q", got)
	}
	plan := b.plan(a)
	if got := told(plan); got != "create url label mailboxIds events payloadVersion secret" {
		t.Errorf("the plan is %q", got)
	}
	if strings.Contains(fmt.Sprintf("%+v", plan), "the secret") {
		t.Errorf("the secret is shown: %+v", plan)
	}
	b.apply(a)
	b.has(should(1))
	if got := told(b.plan(a)); got != "" {
		t.Errorf("then the plan is %q", got)
	}
	if got := findings(t, a); len(got) > 0 {
		t.Errorf("the checks find %q", got)
	}
}

// Whatever differs is shown, alone, and mended.
func TestDrift(t *testing.T) {
	for name, change := range map[string]func(*helpscoutsim.Webhook){
		"url":            func(w *helpscoutsim.Webhook) { w.URL = "https://old.example.org/bling/helpscout_webhook" },
		"label":          func(w *helpscoutsim.Webhook) { w.Label = "Bling" },
		"label ":         func(w *helpscoutsim.Webhook) { w.Label = "" },
		"mailboxIds":     func(w *helpscoutsim.Webhook) { w.MailboxIDs = nil },
		"mailboxIds ":    func(w *helpscoutsim.Webhook) { w.MailboxIDs = []int64{office} },
		"events":         func(w *helpscoutsim.Webhook) { w.Events = w.Events[1:] },
		"payloadVersion": func(w *helpscoutsim.Webhook) { w.PayloadVersion = "V3" },
	} {
		t.Run(name, func(t *testing.T) {
			w := should(1)
			change(&w)
			b := account(t, w)
			a := b.bling(nil)
			name := strings.TrimSpace(name)
			if got := told(b.plan(a)); got != "update "+name+" secret" {
				t.Errorf("the plan is %q", got)
			}
			level := "failure"
			if name == "label" {
				level = "warning"
			}
			if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], level+" help scout webhook: "+name+" is ") {
				t.Errorf("the checks find %q", got)
			}
			b.apply(a)
			b.has(should(1))
		})
	}
}

// The order of events and mailboxes means nothing.
func TestOrder(t *testing.T) {
	w := should(1)
	w.Events = slices.Clone(w.Events)
	slices.Reverse(w.Events)
	w.MailboxIDs = []int64{office, mailbox}
	b := account(t, w)
	a := b.bling(func(c *provision.Config) { c.Hotlines = append(c.Hotlines, hotline.New("+15017122662", office)) })
	if got := told(b.plan(a)); got != "" {
		t.Errorf("the plan is %q", got)
	}
}

func TestSwitchedOff(t *testing.T) {
	b := account(t, should(1))
	b.EnableWebhook(firstID, false)
	a := b.bling(nil)
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], "failure help scout webhook: it is switched off") {
		t.Errorf("the checks find %q", got)
	}
	if got := told(b.plan(a)); got != "update state secret" {
		t.Errorf("the plan is %q", got)
	}
	b.apply(a)
	b.has(should(1))

	// Help Scout may be of another opinion.
	b.EnableWebhook(firstID, false)
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		b.Handler().ServeHTTP(w, r)
		if r.Method == http.MethodPut {
			b.EnableWebhook(firstID, false)
		}
	})
	if _, err := b.plan(a).Apply(t.Context(), func(shared.Change) {}); err == nil || !strings.Contains(err.Error(), "still switched off") {
		t.Errorf("%v", err)
	}
}

// A secret that was changed is written when we are told so.
func TestRenewSecret(t *testing.T) {
	w := should(1)
	w.Secret = "an older one"
	b := account(t, w)
	if plan := b.plan(b.bling(nil)); told(plan) != "" || len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "-renew-secret") {
		t.Errorf("the plan is %q, the notes %q", told(plan), plan.Notes)
	}
	renew := b.bling(func(c *provision.Config) { c.RenewSecret = true })
	if got := told(b.plan(renew)); got != "update secret" {
		t.Errorf("the plan is %q", got)
	}
	b.apply(renew)
	b.has(should(1))
}

// Of two that are ours the better one stays. What is not surely ours is not deleted.
func TestTwo(t *testing.T) {
	older, byHand, foreign := should(1), should(2), should(3)
	older.Events = older.Events[:2]
	byHand.Label, byHand.Secret = "my own", "other"
	foreign.URL, foreign.Label, foreign.Secret = "https://zapier.example.com/hook", "zapier", "other"
	b := account(t, older, byHand, foreign, should(4))
	b.EnableWebhook(firstID, false)
	a := b.bling(nil)
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], "warning help scout webhook: There are 3") {
		t.Errorf("the checks find %q", got)
	}
	if got := told(b.plan(a)); got != "delete url" {
		t.Errorf("the plan is %q", got)
	}
	b.apply(a)
	b.has(byHand, foreign, should(4))
}

// Another environment that would text the same people is in the way, and is not touched.
func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*helpscoutsim.Webhook)
		says   string // nothing: no conflict
	}{
		"shares the mailbox":  {func(w *helpscoutsim.Webhook) {}, "the environment staging has a mailbox of ours"},
		"has all":             {func(w *helpscoutsim.Webhook) { w.MailboxIDs = nil }, "the environment staging has a mailbox of ours"},
		"another mailbox":     {func(w *helpscoutsim.Webhook) { w.MailboxIDs = []int64{office} }, ""},
		"comes to us":         {func(w *helpscoutsim.Webhook) { w.MailboxIDs, w.URL = []int64{office}, address }, "the environment staging has"},
		"without a label":     {func(w *helpscoutsim.Webhook) { w.Label = "" }, "this is another Bling"},
		"not a Bling":         {func(w *helpscoutsim.Webhook) { w.Label, w.URL = "", "https://zapier.example.com" }, ""},
		"our name, elsewhere": {func(w *helpscoutsim.Webhook) { w.Label, w.MailboxIDs = "bling production", []int64{office} }, "BLING_ENVIRONMENT"},
	} {
		t.Run(name, func(t *testing.T) {
			w := should(1)
			w.Label, w.URL = "bling staging", "https://staging.example.org/bling/helpscout_webhook"
			c.change(&w)
			b := account(t, w)
			a := b.bling(nil)
			plan := b.plan(a)
			if c.says == "" {
				if len(plan.Conflicts) > 0 {
					t.Errorf("conflicts: %q", plan.Conflicts)
				}
				b.apply(a)
				b.has(w, should(2))
				if got := findings(t, a); len(got) > 0 {
					t.Errorf("the checks find %q", got)
				}
				return
			}
			if len(plan.Conflicts) != 1 || !strings.Contains(plan.Conflicts[0], c.says) {
				t.Errorf("conflicts: %q", plan.Conflicts)
			}
			if got := findings(t, a); len(got) != 1 || !strings.Contains(got[0], c.says) {
				t.Errorf("the checks find %q", got)
			}
		})
	}
	t.Run("two of our name", func(t *testing.T) {
		w := should(2)
		w.URL = "https://old.example.org/bling/helpscout_webhook"
		b := account(t, should(1), w)
		if plan := b.plan(b.bling(nil)); told(plan) != "conflict" || !strings.Contains(plan.Conflicts[0], "both text the same people") {
			t.Errorf("%q: %q", told(plan), plan.Conflicts)
		}
	})
}

func TestMailboxes(t *testing.T) {
	b := account(t, should(1))
	a := b.bling(func(c *provision.Config) { c.Hotlines[0].MailboxID = 999 })
	plan := b.plan(a)
	if len(plan.Conflicts) == 0 || !strings.Contains(plan.Conflicts[0], "Help Scout mailbox 999: ") || !strings.Contains(plan.Conflicts[0], "206906 (Hotline), 206907 (Office)") {
		t.Errorf("conflicts: %q", plan.Conflicts)
	}
	b.SetUser(helpscoutsim.User{ID: 1, First: "Bling", Last: "App", Mailboxes: []int64{office}})
	a = b.bling(nil)
	if plan := b.plan(a); len(plan.Conflicts) != 1 || !strings.Contains(plan.Conflicts[0], "There are 206907 (Office).") {
		t.Errorf("conflicts: %q", plan.Conflicts)
	}
	if got := findings(t, a); len(got) != 1 || !strings.HasPrefix(got[0], "failure help scout mailboxes: There is no mailbox 206906") {
		t.Errorf("the checks find %q", got)
	}
}

func TestSidebar(t *testing.T) {
	b := account(t, should(1))
	plan := b.plan(b.bling(func(c *provision.Config) { c.Sidebar, c.RenewSecret = false, true }))
	if len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], public+"/bling/sidebar, for mailbox 206906") {
		t.Errorf("the notes are %q", plan.Notes)
	}
}

func TestTeardown(t *testing.T) {
	staging := should(2)
	staging.Label, staging.URL, staging.MailboxIDs = "bling staging", "https://staging.example.org/bling/helpscout_webhook", []int64{office}
	byHand := should(3)
	byHand.Label, byHand.URL = "", public+"/bling/helpscout_webhook2"
	moved := should(4)
	moved.URL = "https://old.example.org/bling/helpscout_webhook"
	b := account(t, should(1), staging, byHand, moved)
	plan, err := b.bling(func(c *provision.Config) { c.Hotlines, c.Secret = nil, "" }).Teardown(t.Context())
	if err != nil || told(plan) != "delete url" || len(plan.Notes) != 1 {
		t.Fatalf("%q, %q, %v", told(plan), plan.Notes, err)
	}
	if _, err := plan.Apply(t.Context(), func(shared.Change) {}); err != nil {
		t.Fatal(err)
	}
	b.has(staging, byHand, moved)
}

// An account with more than a page of webhooks.
func TestPages(t *testing.T) {
	var many []helpscoutsim.Webhook
	for i := range 60 {
		w := should(0)
		w.Label, w.URL = "", fmt.Sprintf("https://example.com/%d", i)
		many = append(many, w)
	}
	b := account(t, append(many, should(61))...)
	if got := told(b.plan(b.bling(nil))); got != "" {
		t.Errorf("the plan is %q", got)
	}
}
