package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/progress"
)

const help = `Bling is a hotline: people text or call one number, agents answer from Help Scout.

  bling                          the whole hotline with simulated vendors, and a page to play with them: no accounts, nothing leaves this machine
  bling play FILE                plays a scenario on that page

  While that runs, from another terminal:
  bling text NUMBER 'hello'      text the hotline, as the person with that number
  bling call NUMBER              call it
  bling phone NUMBER             be a phone: see the texts that come, pick up, press keys
  bling reply NUMBER 'hi'        answer that person, as an agent in the help desk
  bling tail                     see what happens, line by line

  bling init [FILE]              writes a hotlines.yaml by asking what it needs
  bling config                   what the environment's hotlines mean, with every default
  bling plan                     what differs between that and the accounts at Twilio and Help Scout; also: bling apply, bling destroy
  bling doctor                   looks whether everything is as it should be, and says what to do about what is not
  bling serve                    the whole hotline against real vendors; configured by the environment
  bling block NUMBER 'reason'    keep a number out; also: bling unblock NUMBER, bling blocks
  bling agents                   who is set up to call back; also: bling revoke USER, bling audit
  bling operators                who may use the switchboard, the operators' page; also: bling operators add, remove, audit
  bling person export NUMBER     what is kept about somebody; also: bling person erase
  bling adopt                    takes over the conversations of the original program; docs/switching.md says how to switch
  bling load CARRIER -from TIME  brings texts of before into the tickets, such as Mobile Commons'
  bling certs                    makes the certificates by which services on several machines know each other
  bling help                     this page; bling COMMAND -h says more of each

README.md says what to try first, docs/configuration.md what can be configured.
`

func main() {
	process.Main(func(ctx context.Context, args, environ []string) error {
		err := run(ctx, args, environ)
		if errors.Is(err, flag.ErrHelp) {
			return nil // it was shown
		}
		return err
	})
}

func run(ctx context.Context, args, environ []string) error {
	command := "play"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "play":
		return play(ctx, args, environ)
	case "serve":
		return serve(ctx, environ)
	case "text":
		return text(ctx, args)
	case "call":
		return call(ctx, args)
	case "tail":
		return follow(ctx, args)
	case "reply":
		return reply(ctx, args)
	case "phone":
		return playPhone(ctx, args)
	case "agents", "revoke", "audit":
		return agents(ctx, command, environ, args)
	case "block", "unblock", "blocks":
		return block(ctx, command, environ, args)
	case "operators":
		return operators(ctx, os.Stdout, environ, args)
	case "person":
		return person(ctx, os.Stdin, os.Stdout, environ, args)
	case "adopt":
		return adopt(ctx, os.Stdout, os.Stderr, progress.Terminal(os.Stderr), environ, args)
	case "load":
		return load(ctx, os.Stdout, os.Stderr, progress.Terminal(os.Stderr), environ, args)
	case "certs":
		return makeCerts(args)
	case "init":
		return initialise(ctx, environ, args, os.Stdin, os.Stdout, accountsToChooseFrom(environ))
	case "config":
		return config(os.Stdout, environ, args)
	case "plan", "apply", "destroy":
		return provisionAccounts(ctx, command, environ, args, terminal())
	case "doctor":
		return doctor(ctx, environ, args, os.Stdout)
	case "help":
		fmt.Fprint(os.Stdout, help)
		return nil
	default:
		return fmt.Errorf("unknown command %q\n\n%s", command, help)
	}
}
