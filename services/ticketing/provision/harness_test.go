package provision_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	shared "github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/provision"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const (
	public  = "https://hotline.example.org"
	address = public + "/bling/helpscout_webhook"
	mailbox = 206906
	office  = 206907 // of nobody's hotline
)

// bench is a simulated account.
type bench struct {
	*helpscoutsim.Sim
	t   *testing.T
	url string
	// other answers the account's requests instead. Optional.
	other atomic.Pointer[http.HandlerFunc]
}

// account returns an account with two mailboxes and some webhooks.
func account(t *testing.T, webhooks ...helpscoutsim.Webhook) *bench {
	sim, err := helpscoutsim.New(helpscoutsim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Sim: sim, t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if other := b.other.Load(); other != nil && r.URL.Path != "/v2/oauth2/token" {
			(*other)(w, r)
			return
		}
		sim.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); sim.Close() })
	b.url = server.URL
	for _, w := range webhooks {
		if _, err := b.client(helpscoutsim.DefaultClientSecret).CreateWebhook(t.Context(), helpscout.Webhook{
			URL: w.URL, Events: w.Events, Secret: w.Secret, PayloadVersion: w.PayloadVersion, Label: w.Label, MailboxIDs: w.MailboxIDs,
		}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) client(secret string) *helpscout.Client {
	return helpscout.New(b.url, helpscoutsim.DefaultClientID, secret, helpscout.Unlimited{})
}

// answer lets the account's requests be answered otherwise from now on.
func (b *bench) answer(other http.HandlerFunc) { b.other.Store(&other) }

// bling is an installation with this account.
func (b *bench) bling(change func(*provision.Config)) *provision.Account {
	c := provision.Config{
		Hotlines: hotline.Hotlines{hotline.New("+15017122661", mailbox)}, PublicURL: public, Environment: shared.DefaultEnvironment,
		Secret: "the secret", Sidebar: true,
	}
	if change != nil {
		change(&c)
	}
	return provision.New(c, b.client(helpscoutsim.DefaultClientSecret))
}

func (b *bench) plan(a *provision.Account) shared.Plan {
	b.t.Helper()
	plan, err := a.Plan(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return plan
}

func (b *bench) apply(a *provision.Account) {
	b.t.Helper()
	plan := b.plan(a)
	if len(plan.Conflicts) > 0 {
		b.t.Fatalf("conflicts: %v", plan.Conflicts)
	}
	if _, err := plan.Apply(b.t.Context(), func(shared.Change) {}); err != nil {
		b.t.Fatal(err)
	}
}

// firstID is what the first webhook of an account is numbered.
const firstID = 301

// should is our webhook as it should be, as the account's nth.
func should(n int64) helpscoutsim.Webhook {
	return helpscoutsim.Webhook{
		ID: firstID - 1 + n, URL: address, Events: simulator.Events, Secret: "the secret", PayloadVersion: "V2", Label: "bling production",
		MailboxIDs: []int64{mailbox}, State: "enabled",
	}
}

// has fails unless the account has exactly these webhooks.
func (b *bench) has(webhooks ...helpscoutsim.Webhook) {
	b.t.Helper()
	if got := b.Webhooks(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", webhooks) {
		b.t.Errorf("the webhooks are\n%+v\nwant\n%+v", got, webhooks)
	}
}

// told is a plan in a line.
func told(plan shared.Plan) string {
	var words []string
	for _, c := range plan.Changes {
		words = append(words, string(c.Action))
		for _, f := range c.Fields {
			words = append(words, f.Name)
		}
	}
	for range plan.Conflicts {
		words = append(words, "conflict")
	}
	return strings.Join(words, " ")
}

// findings are what the checks find, but for what is all right.
func findings(t *testing.T, a *provision.Account) (lines []string) {
	t.Helper()
	for _, f := range check.Run(t.Context(), a.Checks()...) {
		if f.Level == check.OK {
			continue
		}
		if f.Fix == "" || f.Name == "" {
			t.Errorf("nothing to do about %+v", f)
		}
		lines = append(lines, fmt.Sprintf("%v %s: %s", f.Level, f.Name, f.Says))
	}
	return lines
}
