package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
)

const certsHelp = `bling certs [NAME...]           makes the certificates by which services on several machines know each other

Each NAME gets a folder with tls.crt, tls.key and ca.crt, which the service reads: set its BLING_TLS_DIR to it. Without names they are
those of the services, of operator, who runs commands such as bling agents, and of bling, which is all services in one process. An
authority of your own signs them: ca.crt and ca.key. Whoever has ca.key can be any service, so keep it where the services are not.

Run it again to renew: those with less than a third of their life left are made anew, and the services read them without a restart.

`

// blingNames are those of all services in one process.
var blingNames = []string{"bling", "telephony", "ticketing", "dialer", "switchboard"}

// makeCerts makes certificates, or renews them.
func makeCerts(args []string) error {
	flags := flag.NewFlagSet("certs", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), certsHelp); flags.PrintDefaults() }
	dir := flags.String("dir", "certs", "where they are")
	life := flags.Duration("for", 90*24*time.Hour, "for how long a new one is valid")
	if err := flags.Parse(args); err != nil {
		return err
	}
	services := flags.Args()
	if len(services) == 0 {
		services = []string{"gateway", "telephony", "ticketing", "dialer", "switchboard", "operator", "bling"}
	}
	for _, name := range services {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("%q is no name of a service: it has small letters, digits and -", name)
		}
	}
	if *life < time.Hour {
		return fmt.Errorf("-for %v: certificates are valid for an hour at least", *life)
	}
	now := time.Now()
	authority, err := certs.OpenAuthority(*dir, now)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for _, name := range services {
		names := []string{name}
		if name == blingNames[0] {
			names = blingNames
		}
		folder := filepath.Join(*dir, name)
		until, good := authority.Good(folder, names, now)
		done := "kept"
		if !good {
			if err := authority.Issue(folder, names, now, *life); err != nil {
				return err
			}
			until, done = now.Add(*life), "made"
		}
		fmt.Fprintf(w, "%s\t%s\tuntil %s\n", folder, done, until.Local().Format(time.DateTime))
	}
	return nil
}
