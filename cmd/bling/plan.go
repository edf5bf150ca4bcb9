package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/provision"
	telephony "github.com/bling-hotline/bling/services/telephony/provision"
	ticketing "github.com/bling-hotline/bling/services/ticketing/provision"
)

const planHelp = `bling plan                      what differs between the configuration and the accounts at Twilio and Help Scout; changes nothing.
                                Exit code 0: nothing, 2: something, 1: it could not be found out
bling apply                     makes the accounts as they are configured, after asking
bling destroy                   takes away what apply has made there, and nothing else, after asking

They read the same environment as bling serve: the hotlines, BLING_PUBLIC_URL, and the vendors' credentials. Two installations that share
accounts need two names (BLING_ENVIRONMENT), so that each leaves the other's things alone. What is to be set at other carriers, by hand, plan
says. docs/configuration.md says more.

`

// console is where a command talks to whoever runs it.
type console struct {
	in   io.Reader
	out  io.Writer
	asks bool // somebody is there to answer
}

// terminal is the process's console.
func terminal() console {
	info, err := os.Stdin.Stat()
	return console{os.Stdin, os.Stdout, err == nil && info.Mode()&os.ModeCharDevice != 0}
}

var errNobody = errors.New("nobody is there to ask: use -yes if you are sure")

// confirm asks a question and returns an error unless the answer is yes.
func (c console) confirm(question, yes string) error {
	fmt.Fprint(c.out, question)
	line, err := bufio.NewReader(c.in).ReadString('\n')
	switch strings.TrimSpace(line) {
	case yes:
		return nil
	case "":
		if err != nil {
			return errNobody // such as /dev/null
		}
	}
	return errors.New("nothing was changed")
}

// vendorAccounts are the accounts of an environment.
type vendorAccounts struct {
	environment provision.Environment
	publicURL   string
	twilio      *telephony.Account // nil: there is none
	helpScout   *ticketing.Account
	notes       []string // on what is to be set by hand
}

// provisionAccounts runs plan, apply or destroy.
func provisionAccounts(ctx context.Context, command string, environ, args []string, c console) error {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), planHelp); flags.PrintDefaults() }
	environment := flags.String("environment", "", "the installation's name, instead of BLING_ENVIRONMENT")
	var take numbers
	renew, yes := new(bool), new(bool)
	if command != "destroy" {
		flags.Var(&take, "take", "take this `number` although somebody else uses it; may be given several times")
		flags.BoolVar(renew, "renew-secret", false, "write HELPSCOUT_WEBHOOK_SECRET anew: whether Help Scout has it cannot be seen")
	}
	if command != "plan" {
		flags.BoolVar(yes, "yes", false, "do not ask")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is too much; see: bling %s -h", flags.Arg(0), command)
	}
	if command != "plan" && !*yes && !c.asks {
		return errNobody
	}
	if *environment != "" {
		environ = append(environ[:len(environ):len(environ)], "BLING_ENVIRONMENT="+*environment)
	}
	accounts, err := accountsFromEnv(environ, command, take, *renew)
	if err != nil {
		return err
	}
	plan, err := accounts.plan(ctx, command == "destroy")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Environment %s, %s\n\n", accounts.environment, accounts.publicURL)
	show(c.out, plan)
	switch {
	case len(plan.Conflicts) > 0:
		return fmt.Errorf("%s in the way, see above; nothing was changed", count(len(plan.Conflicts), "thing is", "things are"))
	case len(plan.Changes) == 0:
		return nil
	case command == "plan":
		return process.Exit(2)
	case *yes:
	case command == "destroy":
		name := string(accounts.environment)
		if err := c.confirm("Then texts and calls reach nobody any more. To go on type the environment's name ("+name+"): ", name); err != nil {
			return err
		}
	default:
		if err := c.confirm("To make these changes type yes: ", "yes"); err != nil {
			return err
		}
	}
	return carryOut(ctx, c.out, command, plan)
}

// carryOut makes the changes and says so one by one.
func carryOut(ctx context.Context, out io.Writer, command string, plan provision.Plan) error {
	done, err := plan.Apply(ctx, func(c provision.Change) { fmt.Fprintf(out, "%sd %s\n", c.Action, c.What) })
	if err == nil {
		fmt.Fprintf(out, "Done: %s.\n", count(done, "change", "changes"))
		return nil
	}
	fmt.Fprintf(out, "\nMade: %d of %s. Not made:\n", done, count(len(plan.Changes), "change", "changes"))
	for _, c := range plan.Changes[done:] {
		fmt.Fprintf(out, "  %s %s\n", c.Action, c.What)
	}
	// Not wrapped: whoever interrupts this wants to know that it is half done.
	return fmt.Errorf("%v; run bling %s again, it goes on from there", err, command)
}

// plan asks the vendors.
func (a vendorAccounts) plan(ctx context.Context, destroy bool) (all provision.Plan, err error) {
	type account interface {
		Plan(context.Context) (provision.Plan, error)
		Teardown(context.Context) (provision.Plan, error)
	}
	accounts := []account{a.helpScout}
	if a.twilio != nil {
		accounts = []account{a.twilio, a.helpScout}
	}
	var errs []error
	for _, at := range accounts {
		ask := at.Plan
		if destroy {
			ask = at.Teardown
		}
		one, err := ask(ctx)
		all.Add(one)
		errs = append(errs, err)
	}
	all.Notes = append(all.Notes, a.notes...)
	return all, errors.Join(errs...)
}

// show prints a plan.
func show(out io.Writer, plan provision.Plan) {
	signs := map[provision.Action]string{provision.Create: "+", provision.Update: "~", provision.Delete: "-"}
	for _, c := range plan.Changes {
		fmt.Fprintf(out, "%s %s %s\n", signs[c.Action], c.Action, c.What)
		for _, f := range c.Fields {
			if f.Is != "" && f.Should != "" {
				fmt.Fprintf(out, "      %-20s    %s\n      %-20s -> %s\n", f.Name, f.Is, "", f.Should)
			} else if f.Should != "" {
				fmt.Fprintf(out, "      %-20s -> %s\n", f.Name, f.Should)
			} else {
				fmt.Fprintf(out, "      %-20s    %s\n      %-20s -> (nothing)\n", f.Name, f.Is, "")
			}
		}
		fmt.Fprintln(out)
	}
	for _, conflict := range plan.Conflicts {
		fmt.Fprintf(out, "! %s\n\n", conflict)
	}
	for _, note := range plan.Notes {
		fmt.Fprintf(out, "Note: %s\n\n", note)
	}
	if len(plan.Changes) == 0 && len(plan.Conflicts) == 0 {
		fmt.Fprintln(out, "Nothing to do.")
	} else {
		fmt.Fprintf(out, "%s.\n", count(len(plan.Changes), "change", "changes"))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
