// Command telephony runs the telephony service alone. Its configuration is in the environment; see
// docs/configuration.md.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

func main() { process.Main(run) }

func run(ctx context.Context, _, environ []string) error {
	r := env.New(environ)
	common := process.FromEnv(r, "telephony", "localhost:9101")
	config := telephony.FromEnv(r)
	database := process.DatabaseFromEnv(r)
	ticketingAddr := common.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log := common.Logger(os.Stderr, "telephony")
	flush, err := telemetry.Setup(ctx, "telephony")
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell

	db, err := sqlstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	ticketing, err := rpc.Dial("ticketing", ticketingAddr, common.Identity)
	if err != nil {
		return err
	}
	defer ticketing.Close()
	service, err := telephony.New(config, telephony.Deps{DB: db, Ticketing: ticketingv1.NewTicketingServiceClient(ticketing), Log: log})
	if err != nil {
		return err
	}
	lis, err := process.Listen(common, common.GRPCAddr)
	if err != nil {
		return err
	}
	log.Info("telephony is ready", "version", telemetry.Version(), "addr", lis.Addr().String())
	return process.Run(ctx, common, log, lis, service)
}
