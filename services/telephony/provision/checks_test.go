package provision_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/provision"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// ready is an account that is set up.
func ready(t *testing.T) *bench {
	b := account(t)
	b.apply(b.bling(nil))
	return b
}

func TestAllWell(t *testing.T) {
	b := ready(t)
	found := check.Run(t.Context(), b.bling(nil).Checks()...)
	var names []string
	for _, f := range found {
		names = append(names, f.Name)
		if f.Level != check.OK || f.Says == "" || f.Fix != "" {
			t.Errorf("%+v", f)
		}
	}
	want := []string{"twilio account", "clock", "twilio balance", "twilio number +15017122661", "twilio number +15017122662"}
	if !slices.Equal(names, want) {
		t.Errorf("checked were %q", names)
	}
}

func TestAccount(t *testing.T) {
	for name, c := range map[string]struct {
		account twiliosim.Account
		want    string
	}{
		"suspended":     {twiliosim.Account{Status: twiliosim.AccountSuspended}, "failure twilio account: The account is suspended."},
		"trial":         {twiliosim.Account{Type: twiliosim.AccountTrial}, "warning twilio account: This is a trial account"},
		"hardly any":    {twiliosim.Account{Balance: "19.99", Currency: "EUR"}, "warning twilio balance: 19.99 EUR are left."},
		"below nothing": {twiliosim.Account{Balance: "-3.5"}, "warning twilio balance: -3.50 USD are left."},
	} {
		t.Run(name, func(t *testing.T) {
			b := ready(t)
			b.SetAccount(c.account)
			if got := findings(t, b.bling(nil)); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("the checks find %q", got)
			}
		})
	}
}

func TestClock(t *testing.T) {
	for off, want := range map[time.Duration]string{
		-4 * time.Minute: "warning clock: ", 6 * time.Minute: "failure clock: ", 20 * time.Second: "", -24 * 365 * time.Hour: "failure clock: ",
	} {
		b := ready(t)
		b.answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			b.Handler().ServeHTTP(w, r)
		})
		got := strings.Join(findings(t, b.bling(nil)), "\n")
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") || strings.Contains(got, "\n") {
			t.Errorf("%v apart: %q", off, got)
		}
	}
}

// Wrong credentials are told once; a Twilio that does not answer, or not as it should, by each check.
func TestTrouble(t *testing.T) {
	b := ready(t)
	wrong := provision.New(provision.Config{PublicURL: public, Environment: "production"}, b.client("0123456789abcdef"))
	if got := findings(t, wrong); len(got) != 1 || got[0] != "failure twilio account: Twilio refuses the credentials." {
		t.Errorf("the checks find %q", got)
	}
	if _, err := wrong.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "Twilio refuses the credentials") {
		t.Errorf("%v", err)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"silent": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Twilio does not answer"},
		"down":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "Twilio answered with status 502"},
		"limited": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"code":20429,"status":429}`, http.StatusTooManyRequests)
		}, "Twilio answered with status 429, see https://www.twilio.com/docs/api/errors/20429"},
	} {
		t.Run(name, func(t *testing.T) {
			b.answer(c.answer)
			a := b.bling(nil)
			got := findings(t, a)
			if len(got) != len(a.Checks()) {
				t.Errorf("the checks find %q", got)
			}
			for _, line := range got {
				if !strings.HasPrefix(line, "failure twilio ") || !strings.HasSuffix(line, ": "+c.says+".") {
					t.Error(line)
				}
			}
			if _, err := a.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A subaccount has no balance.
func TestNoBalance(t *testing.T) {
	b := ready(t)
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Balance.json") {
			http.Error(w, `{"code":20404,"status":404}`, http.StatusNotFound)
			return
		}
		b.Handler().ServeHTTP(w, r)
	})
	if got := findings(t, b.bling(nil)); len(got) > 0 {
		t.Errorf("the checks find %q", got)
	}
}

func TestNumberGone(t *testing.T) {
	b := ready(t)
	b.SetNumbers([]twiliosim.Number{b.number(main)})
	if got := findings(t, b.bling(nil)); len(got) != 1 || got[0] != "failure twilio number +15017122662: The account does not have it." {
		t.Errorf("the checks find %q", got)
	}
}

// The texts of a number that goes elsewhere do not reach us; a missing fallback is needed when we are down only.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		change func(*twiliosim.Number)
		level  string
	}{
		{func(n *twiliosim.Number) { n.SMSURL = "https://crm.example.com/in" }, "failure"},
		{func(n *twiliosim.Number) { n.VoiceMethod = http.MethodGet }, "failure"},
		{func(n *twiliosim.Number) { n.VoiceFallbackURL, n.StatusCallback = "", "" }, "warning"},
		{func(n *twiliosim.Number) { n.VoiceFallbackURL, n.VoiceURL = "", "" }, "failure"},
	} {
		b := ready(t)
		b.set(main, c.change)
		if got := findings(t, b.bling(nil)); len(got) != 1 || !strings.HasPrefix(got[0], c.level+" twilio number +15017122661: ") {
			t.Errorf("want a %s: %q", c.level, got)
		}
	}
}

// Not every number can do everything.
func TestCapabilities(t *testing.T) {
	b := ready(t)
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		b.Handler().ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		fmt.Fprint(w, strings.Replace(answer.Body.String(), `"sms":true`, `"sms":false`, 1)) // of the first one
	})
	if got := findings(t, b.bling(nil)); len(got) != 1 || got[0] != "warning twilio number +15017122661: The number is set up as it should be, but it cannot receive texts." {
		t.Errorf("the checks find %q", got)
	}
	plan := b.plan(b.bling(nil))
	if want(t, plan); len(plan.Notes) != 1 || plan.Notes[0] != "Twilio number +15017122661: it cannot receive texts." {
		t.Errorf("the notes are %q", plan.Notes)
	}
}

// A hotline that nobody has set up: every number is wrong, and nothing else is said.
func TestNotSetUp(t *testing.T) {
	b := account(t)
	if got := findings(t, b.bling(nil)); len(got) != 2 {
		t.Errorf("the checks find %q", got)
	}
	if got := findings(t, b.bling(func(c *provision.Config) { c.Hotlines = hotline.Hotlines{} })); len(got) != 0 {
		t.Errorf("the checks find %q", got)
	}
}
