// Command gateway runs the gateway alone. Its configuration is in the environment; see docs/configuration.md.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/telemetry"
	"github.com/bling-hotline/bling/services/gateway"
)

func main() { process.Main(run) }

func run(ctx context.Context, _, environ []string) error {
	r := env.New(environ)
	common := process.FromEnv(r, "")
	config := gateway.FromEnv(r)
	telephonyAddr := r.String("BLING_TELEPHONY_ADDR", "localhost:9101")
	ticketingAddr := r.String("BLING_TICKETING_ADDR", "localhost:9102")
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log := common.Logger(os.Stderr, "gateway")
	flush, err := telemetry.Setup(ctx, "gateway")
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell

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
	pages := http.DefaultTransport.(*http.Transport).Clone()
	if common.Identity != nil {
		pages.TLSClientConfig = common.Identity.ClientTLS("dialer")
	}
	service, err := gateway.New(config, gateway.Deps{Telephony: telephony, Ticketing: ticketing, Dialer: pages, Log: log})
	if err != nil {
		return err
	}
	lis, err := net.Listen("tcp", config.Addr)
	if err != nil {
		return err
	}
	log.Info("gateway is ready", "version", telemetry.Version(), "addr", lis.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return process.Private(ctx, common, log, nil) })
	group.Go(func() error { return service.Run(ctx, lis) })
	return group.Wait()
}
