package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/dialer"
	dialerstore "github.com/bling-hotline/bling/services/dialer/sqlstore"
	"github.com/bling-hotline/bling/services/gateway"
	"github.com/bling-hotline/bling/services/switchboard"
	switchboardstore "github.com/bling-hotline/bling/services/switchboard/sqlstore"
	"github.com/bling-hotline/bling/services/telephony"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/mobilecommons"
	twilioaccount "github.com/bling-hotline/bling/services/telephony/provision"
	telephonystore "github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/telnyx"
	"github.com/bling-hotline/bling/services/telephony/twilio"
	"github.com/bling-hotline/bling/services/ticketing"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	helpscoutaccount "github.com/bling-hotline/bling/services/ticketing/provision"
	ticketingstore "github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

const doctorHelp = `bling doctor                    looks whether everything is as it should be, and says what to do about what is not

It reads the same environment as bling serve, and looks at the configuration, the databases, the certificates, the accounts at the carriers
and Help Scout, and at the public address as the vendors see it: for that alone the hotline must run. It changes nothing.

Exit code 0: all is well, 3: there are warnings, 1: there are failures.

`

// doctor runs all checks and prints what they find.
func doctor(ctx context.Context, environ, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), doctorHelp); flags.PrintDefaults() }
	asJSON := flags.Bool("json", false, "for programs")
	quick := flags.Bool("quick", false, "only what can be seen on this machine: no vendor is asked, nor the public address")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is too much; see: bling doctor -h", flags.Arg(0))
	}
	checks, err := diagnose(environ, *quick)
	if err != nil {
		return err
	}
	found := check.Run(ctx, checks...)
	if err := ctx.Err(); err != nil {
		return err
	}
	if *asJSON {
		err = printJSON(out, found)
	} else {
		printFindings(out, found)
	}
	switch worst := check.Worst(found); {
	case err != nil:
		return err
	case worst == check.Failure:
		return process.Exit(1)
	case worst == check.Warning:
		return process.Exit(3)
	}
	return nil
}

// diagnose returns the checks of a hotline that has this environment. What needs a part of it that is wrong is left out: one finding is enough.
func diagnose(environ []string, quick bool) ([]check.Check, error) {
	r := env.New(environ)
	common, database := process.FromEnv(r, "bling", ""), process.DatabaseFromEnv(r)
	door, phones, desk := gateway.FromEnv(r), telephony.FromEnv(r), ticketing.FromEnv(r)
	dialer.FromEnv(r)
	switchboard.FromEnv(r)
	problems := r.Err()
	good := func(names ...string) bool { return !slices.ContainsFunc(names, r.Failed) }
	atTwilio := len(phones.Hotlines) == 0 || len(phones.Hotlines.On(hotline.Twilio)) > 0 // of hotlines that cannot be read nobody knows

	checks := []check.Check{{Name: "configuration", Do: func(context.Context) []check.Finding { return configuration(problems) }}}
	if good("BLING_DATABASE_URL", "BLING_DATA_DIR") {
		schemas, err := schemas()
		if err != nil {
			return nil, err
		}
		checks = append(checks, check.Database(database, schemas...))
		if database.URL == "" {
			checks = append(checks, check.Disk(database.Dir))
		}
	}
	if id := common.Identity; id != nil && good("BLING_TLS_DIR") {
		checks = append(checks, check.Check{Name: "certificate", Do: func(context.Context) []check.Finding {
			return check.Expiry("BLING_TLS_DIR", id.Expires(), time.Now(), renew)
		}})
	}
	checks = append(checks, check.Check{Name: "sidebar", Do: func(context.Context) []check.Finding {
		if len(door.AppSecrets) == 0 {
			return check.Fine("HELPSCOUT_APP_SECRET is not set: agents cannot call back.")
		}
		return check.Fine("HELPSCOUT_APP_SECRET is set: agents can call back.")
	}})
	if quick {
		return checks, nil
	}
	if good("BLACKHOLE_DOMAIN", "HELPSCOUT_API_URL") {
		checks = append(checks, contactDomain(desk.Domain, desk.APIURL))
	}
	if good("BLING_PUBLIC_URL") {
		outside := check.Outside{
			URL: door.PublicURL, HelpScoutSecrets: r.Optional("HELPSCOUT_WEBHOOK_SECRET"),
			Version: telemetry.Version(), Simulated: phones.Simulated(), Now: time.Now,
		}
		if atTwilio {
			outside.TwilioTokens = door.TwilioTokens
		}
		if len(phones.Hotlines.On(hotline.Telnyx)) > 0 {
			outside.TelnyxKeys = door.TelnyxKeys
		}
		checks = append(checks, outside.Check())
	}
	if !good("BLING_PUBLIC_URL", "BLING_ENVIRONMENT", "BLING_CONFIG", "BLING_MAILBOXES") {
		return checks, nil
	}
	others, err := carriers(phones, good)
	if err != nil {
		return nil, err
	}
	checks = append(checks, twilioaccount.CarrierChecks(phones.Hotlines, others)...)
	if atTwilio && good("TWILIO_API_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN") {
		client, err := twilio.New(phones.APIURL, phones.AccountSID, phones.AuthToken)
		if err != nil {
			return nil, err
		}
		account := twilioaccount.New(twilioaccount.Config{Hotlines: phones.Hotlines, PublicURL: door.PublicURL, Environment: phones.Environment}, client)
		checks = append(checks, account.Checks()...)
	}
	if good("HELPSCOUT_API_URL", "HELPSCOUT_API_CLIENT_ID", "HELPSCOUT_API_CLIENT_SECRET") {
		client := helpscout.New(desk.APIURL, desk.ClientID, desk.ClientSecret, helpscout.Unlimited{})
		account := helpscoutaccount.New(helpscoutaccount.Config{Hotlines: desk.Hotlines, PublicURL: door.PublicURL, Environment: desk.Environment}, client)
		checks = append(checks, account.Checks()...)
	}
	return checks, nil
}

// carriers are the clients of the carriers besides Twilio whose accounts are set.
func carriers(c telephony.Config, good func(names ...string) bool) (clients map[hotline.Transport]carrier.Carrier, err error) {
	clients = map[hotline.Transport]carrier.Carrier{}
	if c.Telnyx.APIKey != "" && good("TELNYX_API_URL") {
		if clients[hotline.Telnyx], err = telnyx.New(c.Telnyx.URL, c.Telnyx.APIKey); err != nil {
			return nil, err
		}
	}
	if c.MobileCommons.Username != "" && good("MOBILECOMMONS_API_URL", "MOBILECOMMONS_PASSWORD") {
		clients[hotline.MobileCommons], err = mobilecommons.New(c.MobileCommons.URL, c.MobileCommons.Username, c.MobileCommons.Password)
	}
	return clients, err
}

// schemas are the tables of all services that have any.
func schemas() (all []check.Schema, err error) {
	for _, schema := range []func() (check.Schema, error){telephonystore.Schema, ticketingstore.Schema, dialerstore.Schema, switchboardstore.Schema} {
		s, err := schema()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

const renew = "Run bling certs, or see why cert-manager does not renew it; the services need no restart."

// configuration makes a finding of each problem.
func configuration(problems error) (found []check.Finding) {
	joined, ok := problems.(interface{ Unwrap() []error })
	if !ok {
		return check.Fine("All that bling serve needs is there, and can be read.")
	}
	for _, problem := range joined.Unwrap() {
		name, _, _ := strings.Cut(problem.Error(), ":")
		fix := fmt.Sprintf("Set %s as docs/configuration.md says.", name)
		if name == "BLING_TLS_DIR" {
			fix = renew
		}
		found = append(found, check.Fail(fix, "%v", problem)...)
	}
	return found
}

func printFindings(out io.Writer, found []check.Finding) {
	width, counts := 0, map[check.Level]int{}
	for _, f := range found {
		width = max(width, len(f.Name))
		counts[f.Level]++
	}
	for _, f := range found {
		fmt.Fprintf(out, "%-7s  %-*s  %s\n", f.Level, width, f.Name, f.Says)
		if f.Fix != "" {
			fmt.Fprintf(out, "%9s%*s  Fix: %s\n", "", width, "", f.Fix)
		}
	}
	fmt.Fprintf(out, "\n%s, %s.\n", count(counts[check.Failure], "failure", "failures"), count(counts[check.Warning], "warning", "warnings"))
}

// diagnosis is what bling doctor -json prints. Fields are added, never changed.
type diagnosis struct {
	Level    string        `json:"level"` // the worst
	Findings []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	Check string `json:"check"`
	Name  string `json:"name"`
	Level string `json:"level"` // ok, warning, failure
	Says  string `json:"says"`
	Fix   string `json:"fix,omitempty"`
}

func printJSON(out io.Writer, found []check.Finding) error {
	d := diagnosis{Level: check.Worst(found).String(), Findings: []jsonFinding{}}
	for _, f := range found {
		d.Findings = append(d.Findings, jsonFinding{f.Check, f.Name, f.Level.String(), f.Says, f.Fix})
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
