package main

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// accountsBench is both vendors' accounts, and the environment of a hotline that has them.
type accountsBench struct {
	t         *testing.T
	twilio    *twiliosim.Sim
	helpScout *helpscoutsim.Sim
	environ   []string
}

const unmistakable = "unmistakable0secret"

func newAccounts(t *testing.T) *accountsBench {
	phones, err := twiliosim.New(twiliosim.Config{AuthToken: unmistakable + "1"})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := helpscoutsim.New(helpscoutsim.Config{ClientSecret: unmistakable + "2"})
	if err != nil {
		t.Fatal(err)
	}
	phonesServer, deskServer := httptest.NewServer(phones.Handler()), httptest.NewServer(desk.Handler())
	t.Cleanup(func() { phonesServer.Close(); deskServer.Close(); phones.Close(); desk.Close() })
	phones.SetPublicURL(phonesServer.URL)
	phones.SetNumber(twiliosim.Number{PhoneNumber: simulator.Hotline})
	return &accountsBench{t, phones, desk, []string{
		"TWILIO_API_URL=" + phonesServer.URL, "TWILIO_ACCOUNT_SID=" + twiliosim.DefaultAccountSID, "TWILIO_AUTH_TOKEN=" + unmistakable + "1,other",
		"HELPSCOUT_API_URL=" + deskServer.URL, "HELPSCOUT_API_CLIENT_ID=" + helpscoutsim.DefaultClientID, "HELPSCOUT_API_CLIENT_SECRET=" + unmistakable + "2",
		"HELPSCOUT_WEBHOOK_SECRET=" + unmistakable + "3, " + unmistakable + "4", "BLING_PUBLIC_URL=https://hotline.example.org/",
		"BLING_MAILBOXES=twilio:" + simulator.Hotline + ":206906", "BLING_DATA_DIR=/not/needed",
	}}
}

// run runs a command for somebody who answers, or for nobody. What it prints never has a secret in it.
func (b *accountsBench) run(answer string, command string, args ...string) (said string, err error) {
	b.t.Helper()
	var out bytes.Buffer
	err = provisionAccounts(b.t.Context(), command, b.environ, args, console{strings.NewReader(answer), &out, answer != ""})
	if said = out.String(); strings.Contains(said, unmistakable) || err != nil && strings.Contains(err.Error(), unmistakable) {
		b.t.Errorf("a secret is shown: %s%v", said, err)
	}
	return said, err
}

func (b *accountsBench) empty() bool {
	return b.twilio.Numbers()[0] == twiliosim.Number{PhoneNumber: simulator.Hotline} && len(b.helpScout.Webhooks()) == 0
}

// contains fails unless a text has these parts, in this order.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("no %q, or not in this place:\n%s", part, text)
			return
		}
		rest = after
	}
}

func TestPlanApplyDestroy(t *testing.T) {
	b := newAccounts(t)
	said, err := b.run("", "plan")
	if code, ok := errors.AsType[process.Exit](err); !ok || code != 2 || !b.empty() {
		t.Errorf("plan: %v, changed %v", err, !b.empty())
	}
	contains(t, said, "Environment production, https://hotline.example.org\n", `+ create Twilio Studio flow "bling production fallback +15017122661"`,
		"~ update Twilio number +15017122661\n", "SmsUrl               -> https://hotline.example.org/bling/twilio_sms#rc=3&rp=5xx,ct,rt\n",
		`+ create Help Scout webhook "bling production"`, "Note: Agents cannot call back until", "3 changes.\n")

	// Nobody, or somebody who changes their mind.
	for _, c := range []struct{ command, answer string }{{"apply", ""}, {"destroy", ""}, {"apply", "no\n"}, {"apply", "\n"}, {"apply", "y\n"}} {
		if said, err := b.run(c.answer, c.command); err == nil || !b.empty() {
			t.Errorf("%s, %q: %v, changed %v\n%s", c.command, c.answer, err, !b.empty(), said)
		}
	}
	said, err = b.run("yes\n", "apply")
	if err != nil || b.empty() {
		t.Errorf("apply: %v", err)
	}
	contains(t, said, "To make these changes type yes: ", `created Twilio Studio flow "bling`, "updated Twilio number +15017122661\n", `created Help Scout webhook "bling`, "Done: 3 changes.\n")
	if got := b.helpScout.Webhooks()[0].Secret; got != unmistakable+"3" {
		t.Errorf("the secret is %q", got)
	}
	for _, command := range []string{"plan", "apply"} {
		if said, err := b.run("yes\n", command); err != nil || !strings.HasSuffix(said, "Nothing to do.\n") {
			t.Errorf("%s: %v\n%s", command, err, said)
		}
	}
	if _, err := b.run("", "plan", "-renew-secret"); err == nil {
		t.Error("the secret is not renewed")
	}

	if _, err := b.run("yes\n", "destroy"); err == nil || b.empty() {
		t.Errorf("destroyed without the name: %v", err)
	}
	// The address is production's, whatever is said of the environment.
	said, err = b.run("", "destroy", "-yes", "-environment", "staging")
	if err == nil || b.empty() {
		t.Errorf("destroyed what another environment has: %v\n%s", err, said)
	}
	contains(t, said, "! Twilio number +15017122661 points to https://hotline.example.org, but the environment production has set it up. Is BLING_PUBLIC_URL",
		"! Help Scout webhook 301 comes to")
	if _, err := b.run("production\n", "destroy"); err != nil || !b.empty() {
		t.Errorf("destroy: %v", err)
	}
	if said, err := b.run("", "destroy", "-yes"); err != nil || !strings.HasSuffix(said, "Nothing to do.\n") {
		t.Errorf("destroy: %v\n%s", err, said)
	}
}

// What was done and what was not is said, and the next run goes on.
func TestApplyHalfWay(t *testing.T) {
	b := newAccounts(t)
	b.twilio.Faults().Set(fault.Switches{DropAfterNext: 1, Path: "/IncomingPhoneNumbers/PN"})
	said, err := b.run("", "apply", "-yes")
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, err.Error(), "update Twilio number +15017122661: setting it: Twilio does not answer", "; run bling apply again, it goes on from there")
	contains(t, said, `created Twilio Studio flow "bling`, "Made: 1 of 3 changes. Not made:\n", "  update Twilio number +15017122661\n", `  create Help Scout webhook "bling production"`)
	said, err = b.run("", "apply", "-yes")
	if err != nil || strings.Contains(said, "created Twilio") {
		t.Errorf("%v\n%s", err, said)
	}
	contains(t, said, "Done: 1 change.\n") // the number's answer was lost only
}

func TestPlanConflict(t *testing.T) {
	b := newAccounts(t)
	b.twilio.SetNumber(twiliosim.Number{PhoneNumber: simulator.Hotline, SMSURL: "https://staging.example.org/bling/twilio_sms"})
	for _, command := range []string{"plan", "apply"} {
		said, err := b.run("yes\n", command)
		if err == nil || err.Error() != "1 thing is in the way, see above; nothing was changed" || len(b.helpScout.Webhooks()) > 0 {
			t.Errorf("%s: %v", command, err)
		}
		contains(t, said, "! Twilio number +15017122661: SmsUrl is https://staging.example.org/bling/twilio_sms: another installation of Bling has it", "-take +15017122661")
	}
	if _, err := b.run("", "apply", "-yes", "-take", "501-712-2661"); err != nil {
		t.Error(err)
	}
}

// Everything that is wrong with the configuration is told at once, and nothing is asked of a vendor.
func TestPlanConfiguration(t *testing.T) {
	b := newAccounts(t)
	b.environ = append(b.environ, "TWILIO_AUTH_TOKEN=", "HELPSCOUT_WEBHOOK_SECRET="+strings.Repeat("x", 41), "BLING_PUBLIC_URL=hotline", "BLING_ENVIROMENT=x")
	_, err := b.run("", "plan", "-environment", "Pro duction", "-take", "+15017129999")
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"TWILIO_AUTH_TOKEN: is not set", "HELPSCOUT_WEBHOOK_SECRET: is longer", "BLING_PUBLIC_URL: ", "BLING_ENVIROMENT: unknown name", "BLING_ENVIRONMENT: ", "-take: +15017129999 is no number"} {
		contains(t, err.Error(), part)
	}
	if n := len(b.twilio.History()); n > 0 {
		t.Errorf("%d requests", n)
	}
	for _, args := range [][]string{{"plan", "-yes"}, {"destroy", "-take", "+15017122661"}, {"plan", "-take", "anonymous"}, {"plan", "now"}} {
		if _, err := b.run("", args[0], args[1:]...); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// To destroy takes no more than the credentials and the address: the hotlines may be gone by then.
func TestDestroyNeeds(t *testing.T) {
	b := newAccounts(t)
	if _, err := b.run("", "apply", "-yes"); err != nil {
		t.Fatal(err)
	}
	b.environ = slices.DeleteFunc(b.environ, func(kv string) bool {
		return strings.HasPrefix(kv, "BLING_MAILBOXES=") || strings.HasPrefix(kv, "HELPSCOUT_WEBHOOK_SECRET=")
	})
	if _, err := b.run("", "destroy", "-yes"); err != nil || !b.empty() {
		t.Errorf("%v, left %+v %+v", err, b.twilio.Numbers(), b.helpScout.Webhooks())
	}
}

// bling init offers what the accounts have that it has credentials of.
func TestAccountsToChooseFrom(t *testing.T) {
	b := newAccounts(t)
	from := accountsToChooseFrom(b.environ)
	if numbers, err := from.Numbers(t.Context()); err != nil || !slices.Equal(numbers, []string{simulator.Hotline}) {
		t.Errorf("%q, %v", numbers, err)
	}
	if boxes, err := from.Mailboxes(t.Context()); err != nil || len(boxes) != 2 || boxes[0] != (Mailbox{206906, "Hotline"}) {
		t.Errorf("%+v, %v", boxes, err)
	}
	if from := accountsToChooseFrom([]string{"BLING_CONFIG=x"}); from.Numbers != nil || from.Mailboxes != nil {
		t.Error("there are accounts without credentials")
	}
}
