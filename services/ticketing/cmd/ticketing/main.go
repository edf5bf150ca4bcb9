// Command ticketing runs the ticketing service alone. Its configuration is in the environment; see
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
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/ticketing"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

func main() { process.Main(run) }

func run(ctx context.Context, _, environ []string) error {
	r := env.New(environ)
	common := process.FromEnv(r, "ticketing", "localhost:9102")
	config := ticketing.FromEnv(r)
	database := process.DatabaseFromEnv(r)
	telephonyAddr := common.Addr(r, "BLING_TELEPHONY_ADDR", "localhost:9101")
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log := common.Logger(os.Stderr, "ticketing")
	flush, err := telemetry.Setup(ctx, "ticketing")
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell

	db, err := sqlstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := rpc.Dial("telephony", telephonyAddr, common.Identity)
	if err != nil {
		return err
	}
	defer conn.Close()
	service, err := ticketing.New(config, ticketing.Deps{DB: db, Telephony: telephonyv1.NewTelephonyServiceClient(conn), Log: log})
	if err != nil {
		return err
	}
	lis, err := process.Listen(common, common.GRPCAddr)
	if err != nil {
		return err
	}
	log.Info("ticketing is ready", "version", telemetry.Version(), "addr", lis.Addr().String())
	return process.Run(ctx, common, log, lis, service)
}
