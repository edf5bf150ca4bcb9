package provision_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	shared "github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	public = "https://hotline.example.org"
	main   = phone.Number("+15017122661")
	more   = phone.Number("+15017122662")
	office = phone.Number("+15017122663") // of nobody's hotline
)

// bench is a simulated account.
type bench struct {
	*twiliosim.Sim
	t   *testing.T
	url string
	// other answers the account's requests instead. Optional.
	other atomic.Pointer[http.HandlerFunc]
}

// account returns an account with three numbers, as they are bought.
func account(t *testing.T) *bench {
	sim, err := twiliosim.New(twiliosim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Sim: sim, t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if other := b.other.Load(); other != nil {
			(*other)(w, r)
			return
		}
		sim.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); sim.Close() })
	b.url = server.URL
	sim.SetPublicURL(server.URL)
	for _, n := range []phone.Number{main, more, office} {
		b.set(n, func(n *twiliosim.Number) {
			n.SMSURL, n.VoiceURL = "https://demo.twilio.com/welcome/sms/reply/", "https://demo.twilio.com/welcome/voice/"
		})
	}
	return b
}

func (b *bench) number(n phone.Number) twiliosim.Number {
	b.t.Helper()
	all := b.Numbers()
	i := slices.IndexFunc(all, func(has twiliosim.Number) bool { return has.PhoneNumber == string(n) })
	if i < 0 {
		return twiliosim.Number{PhoneNumber: string(n)}
	}
	return all[i]
}

// set changes a number by hand.
func (b *bench) set(n phone.Number, change func(*twiliosim.Number)) {
	b.t.Helper()
	has := b.number(n)
	change(&has)
	b.SetNumber(has)
}

func (b *bench) client(token string) *twilio.Client {
	b.t.Helper()
	c, err := twilio.New(b.url, twiliosim.DefaultAccountSID, token)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// answer lets the account's requests be answered otherwise from now on.
func (b *bench) answer(other http.HandlerFunc) { b.other.Store(&other) }

// bling is an installation with this account: one hotline with two numbers.
func (b *bench) bling(change func(*provision.Config)) *provision.Account {
	b.t.Helper()
	h := hotline.New(main, 206906)
	h.MoreNumbers = []phone.Number{more}
	c := provision.Config{Hotlines: hotline.Hotlines{h}, PublicURL: public, Environment: shared.DefaultEnvironment}
	if change != nil {
		change(&c)
	}
	return provision.New(c, b.client(twiliosim.DefaultAuthToken))
}

// apply makes the account as an installation wants it, and fails if that is not possible.
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

func (b *bench) plan(a *provision.Account) shared.Plan {
	b.t.Helper()
	plan, err := a.Plan(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return plan
}

// told is a plan in lines.
func told(plan shared.Plan) (lines []string) {
	for _, c := range plan.Changes {
		line := string(c.Action) + " " + c.What
		for _, f := range c.Fields {
			line += " " + f.Name
		}
		lines = append(lines, line)
	}
	for _, c := range plan.Conflicts {
		lines = append(lines, "conflict "+c)
	}
	return lines
}

// want compares a plan's lines with the beginnings of those that are expected.
func want(t *testing.T, plan shared.Plan, lines ...string) {
	t.Helper()
	got := told(plan)
	ok := len(got) == len(lines)
	for i := range min(len(got), len(lines)) {
		ok = ok && strings.HasPrefix(got[i], lines[i])
	}
	if !ok {
		t.Errorf("the plan is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
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
