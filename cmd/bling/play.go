package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
)

const playHelp = `bling                the whole hotline with simulated vendors, and a page to play with them
bling play FILE      the same, and the scenario in FILE is played on the page, step by step. It begins with nothing, and nothing of it is kept

What the environment says of real accounts is not looked at: nothing leaves this machine.

`

// ground is a playground: a hotline, the vendors, and the page.
type ground struct {
	*simulator.Simulator
	dir     string   // where all of it is kept
	environ []string // of the hotline
	public  string   // the hotline's address
	story   *staged  // the scenario, if there is one
	anew    chan chan error
}

// play runs the hotline against simulated vendors. What the environment says of the real ones is not looked at, so
// that nothing leaves this machine.
func play(ctx context.Context, args, environ []string) error {
	flags := flag.NewFlagSet("bling", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), help+"\n"+playHelp); flags.PrintDefaults() }
	var c simulator.Config
	flags.StringVar(&c.TwilioAddr, "twilio", simulator.TwilioAddr, "where the simulated Twilio listens")
	flags.StringVar(&c.HelpScoutAddr, "helpscout", simulator.HelpScoutAddr, "where the simulated Help Scout listens")
	flags.StringVar(&c.PageAddr, "page", simulator.PageAddr, "where the page is")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	g := &ground{anew: make(chan chan error)}
	switch flags.NArg() {
	case 0:
	case 1:
		var err error
		if g.story, err = stage(flags.Arg(0)); err != nil {
			return err
		}
		defer g.story.close()
	default:
		return fmt.Errorf("one scenario at a time: %q", flags.Args())
	}
	if err := g.prepare(&c, env.New(environ), environ); err != nil {
		return err
	}
	page, err := playground.New(g.page())
	if err != nil {
		return err
	}
	g.Page = page.Handler()
	telemetry.TellVendors()
	flush, err := telemetry.Setup(ctx, "bling", watcher{g.Story, g.Clock})
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.Run(ctx) })
	group.Go(func() error { return g.hotline(ctx, page) })
	return group.Wait()
}

// prepare starts the vendors, and says how the hotline is to run.
func (g *ground) prepare(c *simulator.Config, r *env.Reader, environ []string) (err error) {
	addr := r.String("BLING_GATEWAY_ADDR", "127.0.0.1:8080")
	g.public = "http://" + addr
	if strings.HasPrefix(addr, ":") {
		g.public = "http://127.0.0.1" + addr
	}
	g.dir = r.String("BLING_DATA_DIR", "")
	var hotlines []byte
	if g.story != nil {
		g.dir, hotlines, c.CallClock = g.story.dir, g.story.Hotlines(), g.story.clock
	}
	if g.dir == "" {
		if g.dir, err = process.StateDir("bling-playground"); err != nil {
			return fmt.Errorf("there is no home directory; set BLING_DATA_DIR: %w", err)
		}
	}
	file, err := hotlineFile(g.dir, hotlines)
	if err != nil {
		return err
	}
	c.GatewayURL, c.StateDir, c.Log = g.public, filepath.Join(g.dir, "vendors"), slog.New(slog.DiscardHandler)
	if g.Simulator, err = simulator.Start(*c); err != nil {
		return err
	}
	g.environ = append(without(environ, foreign...), without(g.Environ(), "BLING_MAILBOXES")...)
	g.environ = append(g.environ, "BLING_CONFIG="+file, "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL="+g.public, "BLING_DATA_DIR="+g.dir)
	if r.String("BLING_LOG_LEVEL", "") == "" {
		g.environ = append(g.environ, "BLING_LOG_LEVEL=warn")
	}
	return nil
}

// hotline runs the hotline, again and again if it is wanted anew.
func (g *ground) hotline(ctx context.Context, page *playground.Page) error {
	var told chan error // whoever waits for it to be there anew
	for first := true; ; first = false {
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		ready := make(chan struct{})
		go func() { ended <- hotline(running, g.environ, g.playing(ready)) }()
		var err error
		var next chan error
		select {
		case err = <-ended:
		case <-ready:
			if first {
				greet(g)
			}
			if told != nil {
				told <- nil
			}
			select {
			case err = <-ended:
			case next = <-g.anew:
				stop()
				err = <-ended
			}
		}
		stop()
		if next == nil || ctx.Err() != nil {
			if told != nil {
				select {
				case told <- err:
				default:
				}
			}
			return err
		}
		if err == nil || errors.Is(err, context.Canceled) {
			err = g.forget(ctx, page)
		}
		if err != nil {
			next <- err
			return err
		}
		told = next
	}
}

// forget makes everything as if it had never been used. hotlines.yaml stays.
func (g *ground) forget(ctx context.Context, page *playground.Page) error {
	files, err := filepath.Glob(filepath.Join(g.dir, "*.db*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	return page.ResetVendors(ctx)
}

// reset has everything begin anew, and returns when it has.
func (g *ground) reset(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case g.anew <- done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hotlineFile returns the playground's hotlines.yaml, which is there to be changed. The first time it is written.
func hotlineFile(dir string, hotlines []byte) (string, error) {
	file := filepath.Join(dir, "hotlines.yaml")
	if _, err := os.Stat(file); err == nil && hotlines == nil {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if hotlines == nil {
		hotlines = simulator.Hotlines
	}
	return file, os.WriteFile(file, hotlines, 0o600)
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

func greet(g *ground) {
	fmt.Printf(`
  Bling is running, with a simulated Twilio and a simulated Help Scout. Nothing leaves this machine.

    %s      <- open this: phones, the help desk, and what happens

  The hotline is %s. From another terminal, if you like it better:

    go run ./cmd/bling text +16175550142 'hello'
    go run ./cmd/bling reply +16175550142 'Hi, what is the matter?'
    go run ./cmd/bling call +16175550142
    go run ./cmd/bling tail

  Ctrl-C stops. What happened is still there next time, in %s

`, g.PageURL(), phone.Parse(simulator.Hotline).Display(), g.dir)
}
