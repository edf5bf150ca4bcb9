// Command gateway runs the gateway alone. Its configuration is in the environment; see docs/configuration.md.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

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
	common := process.FromEnv(r, "gateway", "")
	config := gateway.FromEnv(r)
	config.DialerURL = dialerURL(r, common)
	telephonyAddr := common.Addr(r, "BLING_TELEPHONY_ADDR", "localhost:9101")
	ticketingAddr := common.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
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
	// A dialer that vanished is given up soon. Its live pages begin at once, too.
	pages := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		ResponseHeaderTimeout: 10 * time.Second, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
	}
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
	private := process.ListenPrivate(common, log)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return process.Private(ctx, common, log, private, nil, nil) })
	group.Go(func() error { return service.Run(ctx, lis) })
	return group.Wait()
}

// dialerURL is where the dialer's pages are: with certificates by https, and in the clear on this machine only.
func dialerURL(r *env.Reader, common process.Config) string {
	const name = "BLING_DIALER_PAGES_URL"
	scheme := "http"
	if common.Identity != nil {
		scheme = "https"
	}
	address := r.URL(name, scheme+"://localhost:9113")
	u, err := url.Parse(address)
	switch {
	case err != nil || r.Failed(name):
	case u.Scheme != scheme && common.Identity != nil:
		r.Problem(name, "must begin with https://, since there is BLING_TLS_DIR")
	case u.Scheme != scheme || !rpc.Loopback(net.JoinHostPort(u.Hostname(), "0")) && common.Identity == nil:
		r.Problem(name, "%v", rpc.ErrNoIdentity)
	}
	return address
}
