// Command switchboard runs the switchboard alone. Its pages are on the private port. Its configuration is in the environment; see
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
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/switchboard"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

func main() { process.Main(run) }

func run(ctx context.Context, _, environ []string) error {
	r := env.New(environ)
	common := process.FromEnv(r, "switchboard", "localhost:9104")
	config := switchboard.FromEnv(r)
	database := process.DatabaseFromEnv(r)
	telephonyAddr := common.Addr(r, "BLING_TELEPHONY_ADDR", "localhost:9101")
	ticketingAddr := common.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
	dialerAddr := common.Addr(r, "BLING_DIALER_ADDR", "localhost:9103")
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log := common.Logger(os.Stderr, "switchboard")
	flush, err := telemetry.Setup(ctx, "switchboard")
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
	dialer, err := rpc.Dial("dialer", dialerAddr, common.Identity)
	if err != nil {
		return err
	}
	defer dialer.Close()
	service := switchboard.New(config, switchboard.Deps{
		DB: db, Telephony: operatorv1.NewOperatorServiceClient(telephony), Ticketing: operatorv1.NewOperatorServiceClient(ticketing),
		Phones: telephonyv1.NewTelephonyServiceClient(telephony), Dialer: dialerv1.NewDialerServiceClient(dialer), Log: log,
	})
	lis, err := process.Listen(common, common.GRPCAddr)
	if err != nil {
		return err
	}
	log.Info("switchboard is ready", "version", telemetry.Version(), "addr", lis.Addr().String(), "pages", "http://"+common.PrivateAddr+"/switchboard/")
	return process.Run(ctx, common, log, lis, service)
}
