package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
)

const agentsHelp = `bling agents                    who is set up to call back
bling revoke USER               signs an agent out everywhere and forgets their phone; USER is the id in Help Scout
bling audit                     what agents did and tried, newest first

They talk gRPC to the dialer` + orToBling

// orToBling is how the help goes on of commands that dial.
const orToBling = `, or to a hotline that runs as one process and listens for that (BLING_GRPC_ADDR). On another machine they
need the certificate of operator (bling certs): set BLING_TLS_DIR to its folder.

`

// dial connects to a service, as operator where that must be shown.
func dial(r *env.Reader, service, addr string) (*grpc.ClientConn, error) {
	id := process.Identity(r, "")
	if err := r.Err(); err != nil {
		return nil, err
	}
	return rpc.Dial(service, addr, id)
}

// agents lists who may call back, takes that away, or shows what they did.
func agents(ctx context.Context, command string, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), agentsHelp); flags.PrintDefaults() }
	addr := flags.String("dialer", r.String("BLING_DIALER_ADDR", "localhost:9103"), "address of the dialer")
	limit := flags.Int("n", 100, "how many entries")
	user := flags.Int64("user", 0, "only those of this agent")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if want := map[string]int{"revoke": 1}[command]; flags.NArg() != want {
		flags.Usage()
		return fmt.Errorf("want %d arguments, got %d", want, flags.NArg())
	}
	conn, err := dial(r, "dialer", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	dialer := dialerv1.NewDialerServiceClient(conn)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	switch command {
	case "agents":
		res, err := dialer.ListAgents(ctx, &dialerv1.ListAgentsRequest{})
		if err != nil {
			return err
		}
		fmt.Fprintln(w, "USER\tNAME\tPHONE\tSINCE")
		for _, a := range res.GetAgents() {
			fmt.Fprintf(w, "%d\t%s\t..%s\t%s\n", a.GetUserId(), a.GetName(), a.GetPhoneEnding(), local(a.GetEnrolledAt().AsTime()))
		}
	case "revoke":
		id, err := strconv.ParseInt(flags.Arg(0), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a user's id; see: bling agents", flags.Arg(0))
		}
		_, err = dialer.RevokeAgent(ctx, &dialerv1.RevokeAgentRequest{UserId: id})
		return err
	default:
		res, err := dialer.ListAudit(ctx, &dialerv1.ListAuditRequest{Limit: int32(min(*limit, 10_000)), UserId: *user})
		if err != nil {
			return err
		}
		fmt.Fprintln(w, "WHEN\tWHO\tWHAT\tCONVERSATION\tDETAIL\tFROM")
		for _, e := range res.GetEntries() {
			who, conversation := e.GetName(), ""
			if e.GetUserId() != 0 {
				who = fmt.Sprintf("%s (%d)", who, e.GetUserId())
			}
			if e.GetConversationId() != 0 {
				conversation = strconv.FormatInt(e.GetConversationId(), 10)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", local(e.GetAt().AsTime()), who, e.GetAction(), conversation, e.GetDetail(), e.GetSource())
		}
	}
	return nil
}

func local(t time.Time) string { return t.Local().Format(time.DateTime) }
