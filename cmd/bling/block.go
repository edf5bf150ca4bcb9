package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/user"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

const blockHelp = `bling block NUMBER 'reason'     keeps a number's texts and calls out
bling unblock NUMBER            lets it in again
bling blocks                    who is kept out

They talk gRPC to telephony` + orToBling

// block keeps numbers out, lets them in, or lists them.
func block(ctx context.Context, command string, environ, args []string) error {
	r := env.New(environ)
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), blockHelp); flags.PrintDefaults() }
	addr := flags.String("telephony", r.String("BLING_TELEPHONY_ADDR", "localhost:9101"), "address of the telephony service")
	hotline := flags.String("hotline", "", "number of the hotline it is about; default: all of them")
	duration := flags.Duration("for", 0, "for how long, such as 24h; default: for good")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if want := map[string]int{"block": 2, "unblock": 1, "blocks": 0}[command]; flags.NArg() != want {
		flags.Usage()
		return fmt.Errorf("want %d arguments, got %d", want, flags.NArg())
	}
	conn, err := dial(r, "telephony", *addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	telephony := telephonyv1.NewTelephonyServiceClient(conn)
	switch command {
	case "block":
		b := &telephonyv1.Block{Number: flags.Arg(0), Hotline: *hotline, Reason: flags.Arg(1), BlockedBy: whoAmI()}
		if *duration > 0 {
			b.Until = timestamppb.New(time.Now().Add(*duration))
		}
		_, err = telephony.BlockNumber(ctx, &telephonyv1.BlockNumberRequest{Block: b})
	case "unblock":
		_, err = telephony.UnblockNumber(ctx, &telephonyv1.UnblockNumberRequest{Number: flags.Arg(0), Hotline: *hotline})
	default:
		var res *telephonyv1.ListBlocksResponse
		if res, err = telephony.ListBlocks(ctx, &telephonyv1.ListBlocksRequest{}); err == nil {
			list(res.GetBlocks())
		}
	}
	return err
}

func whoAmI() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody at a terminal"
}

func list(blocks []*telephonyv1.Block) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "NUMBER\tHOTLINE\tUNTIL\tBY\tREASON")
	for _, b := range blocks {
		on, until := "all", "for good"
		if b.GetHotline() != "" {
			on = hotline.Display(phone.Parse(b.GetHotline()).Number)
		}
		if b.GetUntil() != nil {
			until = b.GetUntil().AsTime().Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", phone.Parse(b.GetNumber()).Display(), on, until, b.GetBlockedBy(), b.GetReason())
	}
}
