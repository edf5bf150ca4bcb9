package provision_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/provision"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

func TestBudget(t *testing.T) {
	b := account(t, should(1))
	for range 160 { // of 200
		if _, err := b.client(helpscoutsim.DefaultClientSecret).Mailboxes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := findings(t, b.bling(nil))
	if len(got) != 1 || !strings.HasPrefix(got[0], "warning help scout budget: ") || !strings.HasSuffix(got[0], "of the account's 200 requests of this minute are left.") {
		t.Errorf("the checks find %q", got)
	}
}

// refusing is a budget that lets nothing through.
type refusing struct {
	helpscout.Unlimited
	err error
}

func (r refusing) Take(context.Context, helpscout.Class, int) error { return r.err }

// While ticketing cannot ask, the checks say why: the budget that is spent is no failure, and is not blamed for a Help Scout that does not answer.
func TestNothingAsked(t *testing.T) {
	for says, err := range map[string]error{
		"warning: the account's requests of this minute are spent.": errs.New(errs.RateLimited, "Help Scout's budget is spent"),
		"failure: Help Scout has not answered yet.":                 errs.Wrap(errs.RateLimited, helpscout.ErrNoAnswer, "Help Scout does not answer as it should"),
		"failure: Help Scout does not answer.":                      helpscout.ErrDown,
	} {
		client := helpscout.New("http://127.0.0.1:1", "id", "secret", refusing{err: err})
		a := provision.New(provision.Config{PublicURL: public, Environment: "production"}, client)
		level, what, _ := strings.Cut(says, ": ")
		got := findings(t, a)
		if len(got) != len(a.Checks()) {
			t.Errorf("%s: the checks find %q", says, got)
		}
		for _, line := range got {
			if !strings.HasPrefix(line, level+" help scout ") || !strings.HasSuffix(line, ": "+what) {
				t.Errorf("%s, want %s", line, says)
			}
		}
	}
}

// Wrong credentials are told once; a Help Scout that does not answer, or not as it should, by each check.
func TestTrouble(t *testing.T) {
	b := account(t, should(1))
	wrong := provision.New(provision.Config{PublicURL: public, Environment: "production"}, b.client("wrong"))
	if got := findings(t, wrong); len(got) != 1 || got[0] != "failure help scout account: Help Scout refuses the credentials." {
		t.Errorf("the checks find %q", got)
	}
	if _, err := wrong.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "Help Scout refuses the credentials") {
		t.Errorf("%v", err)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
		level  string
	}{
		"silent":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Help Scout does not answer", "failure"},
		"down":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "Help Scout answered with status 502", "failure"},
		"limited": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusTooManyRequests) }, "the account's requests of this minute are spent", "warning"},
	} {
		t.Run(name, func(t *testing.T) {
			b.answer(c.answer)
			a := b.bling(nil)
			got := findings(t, a)
			if len(got) != len(a.Checks()) {
				t.Errorf("the checks find %q", got)
			}
			for _, line := range got {
				if !strings.HasPrefix(line, c.level+" help scout ") || !strings.HasSuffix(line, ": "+c.says+".") {
					t.Error(line)
				}
			}
			if _, err := a.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
