package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/simulator"
)

// play runs the hotline against simulated vendors. What the environment says of the real ones is not looked at, so
// that nothing leaves this machine.
func play(ctx context.Context, args, environ []string) error {
	flags := flag.NewFlagSet("bling", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), help+"\nFlags of the first one:\n"); flags.PrintDefaults() }
	twilio := flags.String("twilio", simulator.TwilioAddr, "where the simulated Twilio listens")
	helpScout := flags.String("helpscout", simulator.HelpScoutAddr, "where the simulated Help Scout listens")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	r := env.New(environ)
	addr := r.String("BLING_GATEWAY_ADDR", "127.0.0.1:8080")
	dir := r.String("BLING_DATA_DIR", "")
	if dir == "" {
		var err error
		if dir, err = process.StateDir("bling-playground"); err != nil {
			return fmt.Errorf("there is no home directory; set BLING_DATA_DIR: %w", err)
		}
	}
	public := "http://" + addr
	if strings.HasPrefix(addr, ":") {
		public = "http://127.0.0.1" + addr
	}
	vendors, err := simulator.Start(simulator.Config{
		TwilioAddr: *twilio, HelpScoutAddr: *helpScout,
		GatewayURL: public, StateDir: filepath.Join(dir, "vendors"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	file, err := hotlineFile(dir)
	if err != nil {
		return err
	}
	ours := append(without(environ, foreign...), without(vendors.Environ(), "BLING_MAILBOXES")...)
	ours = append(ours, "BLING_CONFIG="+file, "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL="+public, "BLING_DATA_DIR="+dir)
	if r.String("BLING_LOG_LEVEL", "") == "" {
		ours = append(ours, "BLING_LOG_LEVEL=warn")
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return vendors.Run(ctx) })
	group.Go(func() error {
		return serve(ctx, ours, func(net.Addr) { greet(vendors, public, dir) })
	})
	return group.Wait()
}

// hotlineFile returns the playground's hotlines.yaml, which is there to be changed. The first time it is written.
func hotlineFile(dir string) (string, error) {
	file := filepath.Join(dir, "hotlines.yaml")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, simulator.Hotlines, 0o600)
}

// foreign is what would lead to a real account or database.
var foreign = []string{
	"TWILIO_", "HELPSCOUT_", "MOBILECOMMONS_", "BLING_DIALER_KEY", "BLACKHOLE_DOMAIN", "BLING_MAILBOXES", "BLING_WELCOME_TEXT", "BLING_CONFIG", "BLING_DATABASE_URL",
	"BLING_PUBLIC_URL", "BLING_GATEWAY_ADDR", "BLING_DATA_DIR",
}

// without is an environment without the names that begin so.
func without(environ []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(kv, prefix) })
	})
}

func greet(vendors *simulator.Simulator, public, dir string) {
	fmt.Printf(`
  Bling is running, with a simulated Twilio and a simulated Help Scout. Nothing leaves this machine.

    The help desk       %s/sim/inbox      <- open this; a conversation's number leads to its page, with the sidebar
    The hotline         %s   number %s
    The phone network   %s/sim/messages
    Kept in             %s

  Now be somebody who needs help. In another terminal:

    go run ./cmd/bling text +16175550142 'hello'
    go run ./cmd/bling call +16175550142

  And then the agent who answers:

    go run ./cmd/bling reply +16175550142 'Hi, what is the matter?'

  Or call them back: open the conversation in the help desk, press Call back, and be the phones, each in a terminal:

    go run ./cmd/bling phone +16175550177
    go run ./cmd/bling phone +16175550142

  Ctrl-C stops. What happened is still there next time.

`, vendors.HelpScoutURL(), public, phone.Parse(simulator.Hotline).Display(), vendors.TwilioURL(), dir)
}
