package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"

	"github.com/bling-hotline/bling/internal/env"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
)

const operatorsHelp = `bling operators                 who may use the switchboard
bling operators add NAME        invites somebody, or gives them another password, or with -role another role: prints a link with which
                                they choose a password
bling operators remove NAME     signs somebody out everywhere and forgets them
bling operators audit           what operators did and tried, newest first

They talk gRPC to the switchboard` + orToBling

// roles are what can be given to -role.
var roles = map[string]switchboardv1.Role{"viewer": switchboardv1.Role_ROLE_VIEWER, "operator": switchboardv1.Role_ROLE_OPERATOR}

// operators lists who may use the switchboard, lets somebody in, takes that away, or shows what they did.
func operators(ctx context.Context, w io.Writer, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet("operators", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), operatorsHelp); flags.PrintDefaults() }
	addr := switchboardFlag(flags, r)
	role := flags.String("role", "", "viewer, who sees; or operator, who also reveals numbers and changes things; default: what they are already, or viewer")
	url := flags.String("url", "http://"+private(r), "where they reach the switchboard")
	limit := flags.Int("n", 100, "how many entries")
	words, err := mixed(flags, args)
	if err != nil {
		return err
	}
	command := ""
	if len(words) > 0 {
		command, words = words[0], words[1:]
	}
	want, known := map[string]int{"": 0, "add": 1, "remove": 1, "audit": 0}[command]
	if !known || len(words) != want {
		flags.Usage()
		return fmt.Errorf("bling operators %s does not go with %d names", command, len(words))
	}
	if *role != "" && roles[*role] == 0 {
		return fmt.Errorf("-role %q: it is viewer or operator", *role)
	}
	conn, err := dial(r, "switchboard", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	switchboard := switchboardv1.NewSwitchboardServiceClient(conn)
	switch command {
	case "add":
		res, err := switchboard.InviteOperator(ctx, &switchboardv1.InviteOperatorRequest{Name: words[0], Role: roles[*role]})
		if err != nil {
			return err
		}
		then := ""
		if *role != "" {
			then = " and then is " + *role
		}
		fmt.Fprintf(w, "Give this link to %s, who chooses a password with it%s. It works once, until %s:\n\n  %s%s\n",
			words[0], then, local(res.GetUntil().AsTime()), strings.TrimSuffix(*url, "/"), res.GetLink())
		return nil
	case "remove":
		_, err := switchboard.RemoveOperator(ctx, &switchboardv1.RemoveOperatorRequest{Name: words[0]})
		return err
	case "audit":
		res, err := switchboard.ListAudit(ctx, &switchboardv1.ListAuditRequest{Limit: int32(min(*limit, 10_000))})
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		defer t.Flush()
		fmt.Fprintln(t, "WHEN\tWHO\tWHAT\tWHICH\tDETAIL\tFROM")
		for _, e := range res.GetEntries() {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", local(e.GetAt().AsTime()), e.GetWho(), e.GetAction(), visible(e.GetSubject()), visible(e.GetDetail()), e.GetSource())
		}
		return nil
	}
	res, err := switchboard.ListOperators(ctx, &switchboardv1.ListOperatorsRequest{})
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "NAME\tROLE\tINVITED\tSEEN")
	for _, o := range res.GetOperators() {
		name, seen := "viewer", "never"
		if o.GetRole() == switchboardv1.Role_ROLE_OPERATOR {
			name = "operator"
		}
		if o.GetSeenAt() != nil {
			seen = local(o.GetSeenAt().AsTime())
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", o.GetName(), name, local(o.GetInvitedAt().AsTime()), seen)
	}
	return nil
}

// private is where the private port is for somebody on this machine.
func private(r *env.Reader) string {
	addr := r.String("BLING_PRIVATE_ADDR", "127.0.0.1:9464")
	if host, port, err := net.SplitHostPort(addr); err == nil && host == "" {
		return "127.0.0.1:" + port
	}
	return addr
}

// mixed parses flags before, between and after words, and returns the words.
func mixed(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
}

func switchboardFlag(flags *flag.FlagSet, r *env.Reader) *string {
	return flags.String("switchboard", r.String("BLING_SWITCHBOARD_ADDR", "localhost:9104"), "address of the switchboard")
}
