package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
)

const playHelp = `bling                the whole hotline with simulated vendors, and a page to play with them
bling play FILE      the same, and the scenario in FILE is played on the page, step by step. It begins with nothing, and nothing of it is kept.
                     FILE may be the name of one that comes with us, such as call-voicemail

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
	greeted sync.Once

	there       chan struct{}          // closed when the hotline has opened its door
	switchboard atomic.Pointer[string] // the address of the operators' page
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
		return err
	}
	g := &ground{anew: make(chan chan error), there: make(chan struct{})}
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
	g.Page = g.opened(page.Handler())
	telemetry.TellVendors()
	for _, kv := range environ { // traces would leave this machine
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			os.Unsetenv(name) //nolint:errcheck // it was set
		}
	}
	flush, err := telemetry.Setup(ctx, "bling", watcher{g.Story, g.Clock})
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.Run(ctx) })
	group.Go(func() error { return g.keepRunning(ctx, page) })
	return group.Wait()
}

// opened is the page, which waits until the hotline has opened its door: a browser that still has it from before would text one that is not there.
func (g *ground) opened(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-g.there:
			page.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

// prepare starts the vendors, and says how the hotline is to run.
func (g *ground) prepare(c *simulator.Config, r *env.Reader, environ []string) (err error) {
	addr := r.String("BLING_GATEWAY_ADDR", "127.0.0.1:8080")
	g.public = "http://" + addr
	if strings.HasPrefix(addr, ":") {
		g.public = "http://127.0.0.1" + addr
	}
	// A folder of our own in it: there may be a real hotline's databases.
	if dir := r.String("BLING_DATA_DIR", ""); dir != "" {
		g.dir = filepath.Join(dir, "playground")
	}
	if g.story != nil {
		g.dir, c.Clock = g.story.dir, g.story.clock()
	}
	if g.dir == "" {
		if g.dir, err = process.StateDir("bling-playground"); err != nil {
			return fmt.Errorf("there is no home directory; set BLING_DATA_DIR: %w", err)
		}
	}
	var configured string
	if g.story != nil && g.story.Hotlines() == nil {
		configured = fmt.Sprintf("BLING_MAILBOXES=twilio:%s:%d", simulator.Hotline, simulator.MailboxID)
	} else {
		file, err := g.hotlineFile()
		if err != nil {
			return err
		}
		configured = "BLING_CONFIG=" + file
	}
	numbers, err := numbersOf(configured)
	if err != nil {
		return err
	}
	c.GatewayURL, c.StateDir, c.Log = g.public, filepath.Join(g.dir, "vendors"), slog.New(slog.DiscardHandler)
	if g.Simulator, err = simulator.Start(*c); err != nil {
		return err
	}
	g.SetNumbers(g.public, numbers...)
	g.environ = append(without(environ, foreign...), without(g.Environ(), "BLING_MAILBOXES")...)
	g.environ = append(g.environ, configured, "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL="+g.public, "BLING_DATA_DIR="+g.dir)
	if g.story != nil {
		g.environ = append(g.environ, g.story.environ()...)
		set := g.HelpScout.Settings()
		set.RateLimit, set.ListLag = -1, -1
		g.HelpScout.SetSettings(set)
	}
	if r.String("BLING_CHECK_EVERY", "") == "" {
		g.environ = append(g.environ, "BLING_CHECK_EVERY=0") // nobody has set up the simulated accounts by bling apply
	}
	if r.String("BLING_LOG_LEVEL", "") == "" {
		g.environ = append(g.environ, "BLING_LOG_LEVEL=warn")
	}
	return nil
}

// numbersOf are the numbers of the configured hotlines: the simulated account has them.
func numbersOf(configured string) (numbers []phone.Number, err error) {
	r := env.New([]string{configured})
	for _, h := range hotline.FromEnv(r) {
		numbers = append(numbers, h.Numbers()...)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	return numbers, nil
}

// keepRunning runs the hotline, again and again if it is wanted anew.
func (g *ground) keepRunning(ctx context.Context, page *playground.Page) error {
	for told := make(chan error, 1); ; {
		next, err := g.runOnce(ctx, told)
		if next != nil && ctx.Err() == nil && (err == nil || errors.Is(err, context.Canceled)) {
			if err = g.forget(ctx, page); err == nil {
				told = next
				continue
			}
			next <- err
		}
		select {
		case told <- err: // it was wanted anew, and did not come
		default:
		}
		return err
	}
}

// runOnce runs the hotline until it ends, or until it is wanted anew, which next says. told hears when it is there.
func (g *ground) runOnce(ctx context.Context, told chan<- error) (next chan error, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended, ready := make(chan error, 1), make(chan running, 1)
	p := playing{Now: g.Clock.Now, Operator: "you", Ready: func(parts running) { ready <- parts }}
	if g.story != nil {
		p.Engine = &g.story.engine
	}
	p.Grace = time.Second
	go func() { ended <- runHotline(ctx, g.environ, p) }()
	select {
	case err := <-ended:
		return nil, err
	case parts := <-ready:
		if g.story != nil {
			if err := g.begin(parts); err != nil {
				return nil, err
			}
		}
		g.switchboard.Store(&parts.Switchboard)
		g.greet(parts.Switchboard)
		told <- nil
	}
	select {
	case err = <-ended:
	case next = <-g.anew:
		stop()
		err = <-ended
	}
	return next, err
}

// forget makes everything as if it had never been used. hotlines.yaml stays.
func (g *ground) forget(ctx context.Context, page *playground.Page) error {
	for _, service := range []string{"telephony", "ticketing", "dialer", "switchboard"} {
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} { // see internal/sqldb
			if err := os.Remove(filepath.Join(g.dir, service+".db"+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if g.story != nil {
		if player := g.story.player.Swap(nil); player != nil {
			player.GiveUp()
		}
	}
	err := page.ResetVendors(ctx)
	if g.story != nil {
		g.story.setBack(g.Clock)
	}
	return err
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

// hotlineFile returns the playground's hotlines.yaml, which is there to be changed. The first time it is written; a scenario has its own.
func (g *ground) hotlineFile() (string, error) {
	file := filepath.Join(g.dir, "hotlines.yaml")
	hotlines := simulator.Hotlines
	if g.story != nil {
		hotlines = g.story.Hotlines()
	} else if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, hotlines, 0o600)
}

// foreign is what would lead to a real account or database.
var foreign = []string{
	"TWILIO_", "HELPSCOUT_", "MOBILECOMMONS_", "TELNYX_", "BLING_DIALER_KEY", "BLACKHOLE_DOMAIN", "BLING_MAILBOXES", "BLING_WELCOME_TEXT", "BLING_CONFIG", "BLING_DATABASE_URL",
	"BLING_PUBLIC_URL", "BLING_GATEWAY_ADDR", "BLING_DATA_DIR", "BLING_TRANSCRIPTION_",
}

// without is an environment without the names that begin so.
func without(environ []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(kv, prefix) })
	})
}

// greet says once what there is. switchboard is the address of the operators' page, if there is one.
func (g *ground) greet(switchboard string) {
	g.greeted.Do(func() {
		close(g.there)
		what, kept := "phones, the help desk, and what happens", "Texts and conversations are still there next time, in "+g.dir
		if g.story != nil {
			what, kept = "the scenario "+g.story.Name+" is played there", "Nothing of it is kept."
		}
		flags := ""
		if g.TwilioURL() != "http://"+simulator.TwilioAddr || g.HelpScoutURL() != "http://"+simulator.HelpScoutAddr {
			flags = " -twilio " + g.TwilioURL() + " -helpscout " + g.HelpScoutURL()
		}
		tail := ""
		if g.PageURL() != "http://"+simulator.PageAddr {
			tail = " -page " + g.PageURL()
		}
		operators := ""
		if switchboard != "" {
			operators = "\n    " + switchboard + "      <- what operators see: what becomes of each text and call"
		}
		fmt.Printf(`
  Bling is running, with a simulated Twilio and a simulated Help Scout. Nothing leaves this machine.

    %s      <- open this: %s%[7]s

  The hotline is %[3]s. From another terminal, if you like it better:

    go run ./cmd/bling text%[4]s +16175550142 'hello'
    go run ./cmd/bling reply%[4]s +16175550142 'Hi, what is the matter?'
    go run ./cmd/bling call%[4]s +16175550142
    go run ./cmd/bling tail%[5]s

  Ctrl-C stops. %[6]s

`, g.PageURL(), what, phone.Parse(simulator.Hotline).Display(), flags, tail, kept, operators)
	})
}
