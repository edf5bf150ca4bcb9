// Command dialer runs the dialer alone. Its configuration is in the environment; see docs/configuration.md.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

func main() { process.Main(run) }

func run(ctx context.Context, _, environ []string) error {
	r := env.New(environ)
	common := process.FromEnv(r, "dialer", "localhost:9103")
	config := dialer.FromEnv(r)
	database := process.DatabaseFromEnv(r)
	pagesAddr := common.Addr(r, "BLING_DIALER_PAGES_ADDR", "localhost:9113")
	telephonyAddr := common.Addr(r, "BLING_TELEPHONY_ADDR", "localhost:9101")
	ticketingAddr := common.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
	if len(config.Keys) == 0 {
		r.Problem("BLING_DIALER_KEY", "is not set, and neither is HELPSCOUT_APP_SECRET, which could do instead")
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log := common.Logger(os.Stderr, "dialer")
	flush, err := telemetry.Setup(ctx, "dialer")
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell

	db, err := sqlstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	telephony, err := rpc.Dial("telephony", telephonyAddr, common.Identity)
	if err != nil {
		return err
	}
	defer telephony.Close()
	ticketing, err := rpc.Dial("ticketing", ticketingAddr, common.Identity)
	if err != nil {
		return err
	}
	defer ticketing.Close()
	pages, err := process.Listen(common, pagesAddr)
	if err != nil {
		return err
	}
	if common.Identity != nil {
		pages = tls.NewListener(pages, common.Identity.ServerTLS("gateway"))
	}
	service, err := dialer.New(config, dialer.Deps{
		DB: db, Pages: pages, Log: log, CallBacks: telephonyv1.NewCallBackServiceClient(telephony),
		Telephony: telephonyv1.NewTelephonyServiceClient(telephony), Ticketing: ticketingv1.NewTicketingServiceClient(ticketing),
	})
	if err != nil {
		return err
	}
	lis, err := process.Listen(common, common.GRPCAddr)
	if err != nil {
		return err
	}
	log.Info("dialer is ready", "version", telemetry.Version(), "addr", lis.Addr().String(), "pages", pages.Addr().String())
	return process.Run(ctx, common, log, lis, service)
}
