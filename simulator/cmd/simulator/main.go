// Command simulator runs the simulated Twilio and the simulated Help Scout alone, for any program that speaks to
// either. It prints the environment by which a hotline finds them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/playground"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	c := simulator.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flags.StringVar(&c.TwilioAddr, "twilio", simulator.TwilioAddr, "where the simulated Twilio listens")
	flags.StringVar(&c.TwilioURL, "twilio-url", "", "its address as the hotline sees it, if that is not where it listens")
	flags.StringVar(&c.HelpScoutAddr, "helpscout", simulator.HelpScoutAddr, "where the simulated Help Scout listens")
	flags.StringVar(&c.PageAddr, "page", simulator.PageAddr, "where the page to play with them is")
	flags.StringVar(&c.GatewayURL, "gateway", "http://127.0.0.1:8080", "the hotline's address, where webhooks go")
	flags.StringVar(&c.StateDir, "state", "", "folder that keeps the state between runs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := simulator.Start(c)
	if err != nil {
		return err
	}
	page, err := playground.New(playground.Config{Simulator: s, StateDir: c.StateDir, HotlineURL: c.GatewayURL, Log: c.Log})
	if err != nil {
		return err
	}
	s.Page = page.Handler()
	fmt.Printf("# Phones, the help desk, and what happens: %s\n", s.PageURL())
	for _, kv := range s.Environ() {
		fmt.Println("export '" + kv + "'")
	}
	return s.Run(ctx)
}
