package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer"
	dialerstore "github.com/bling-hotline/bling/services/dialer/sqlstore"
	"github.com/bling-hotline/bling/services/gateway"
	"github.com/bling-hotline/bling/services/telephony"
	telephonystore "github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/ticketing"
	ticketingstore "github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// playing is what the playground changes. Each field is optional.
type playing struct {
	// Ready is called once the door is open.
	Ready func(running)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Grace is the gateway's.
	Grace time.Duration
	// Engine makes words of voicemails.
	Engine telephony.Transcriber
}

// running is a hotline that runs in this process, for whoever plays with it.
type running struct {
	Telephony telephonyv1.TelephonyServiceClient
	// Idle waits until no service has work left.
	Idle func(context.Context) error
	// Recorded waits until what is known of calls is in the database.
	Recorded func()
}

// serve runs the hotline against real vendors until ctx ends.
func serve(ctx context.Context, environ []string) error {
	flush, err := telemetry.Setup(ctx, "bling")
	if err != nil {
		return err
	}
	defer flush(context.WithoutCancel(ctx)) //nolint:errcheck // nobody is left to tell
	return runHotline(ctx, environ, playing{})
}

// runHotline runs all services in this process until ctx ends.
func runHotline(ctx context.Context, environ []string, p playing) error {
	r := env.New(environ)
	common, database := process.FromEnv(r, "bling", ""), process.DatabaseFromEnv(r)
	gatewayConfig, telephonyConfig, ticketingConfig, dialerConfig := gateway.FromEnv(r), telephony.FromEnv(r), ticketing.FromEnv(r), dialer.FromEnv(r)
	gatewayConfig.Grace = p.Grace
	if err := r.Err(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	telephonyDB, err := telephonystore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer telephonyDB.Close()
	ticketingDB, err := ticketingstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer ticketingDB.Close()

	dialerDB, err := dialerstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer dialerDB.Close()

	var network rpc.Network
	telephonyConn, err := network.Dial("telephony")
	if err != nil {
		return err
	}
	defer telephonyConn.Close()
	ticketingConn, err := network.Dial("ticketing")
	if err != nil {
		return err
	}
	defer ticketingConn.Close()

	log := common.Logger(os.Stderr, "gateway")
	telephonyLog, ticketingLog := common.Logger(os.Stderr, "telephony"), common.Logger(os.Stderr, "ticketing")
	ticketingService, err := ticketing.New(ticketingConfig, ticketing.Deps{
		DB: ticketingDB, Telephony: telephonyv1.NewTelephonyServiceClient(telephonyConn), Log: ticketingLog, Now: p.Now,
	})
	if err != nil {
		return err
	}
	telephonyService, err := telephony.New(telephonyConfig, telephony.Deps{
		DB: telephonyDB, Ticketing: ticketingv1.NewTicketingServiceClient(ticketingConn), Log: telephonyLog, Now: p.Now, Engine: p.Engine,
	})
	if err != nil {
		return err
	}
	pages, pagesTransport := rpc.Pipe()
	dialerLog := common.Logger(os.Stderr, "dialer")
	dialerService, err := dialer.New(dialerConfig, dialer.Deps{
		DB: dialerDB, Pages: pages, Log: dialerLog, Now: p.Now, CallBacks: telephonyv1.NewCallBackServiceClient(telephonyConn),
		Telephony: telephonyv1.NewTelephonyServiceClient(telephonyConn), Ticketing: ticketingv1.NewTicketingServiceClient(ticketingConn),
	})
	if err != nil {
		return err
	}
	door, err := gateway.New(gatewayConfig, gateway.Deps{
		Telephony: telephonyConn, Ticketing: ticketingConn, Log: log, Dialer: pagesTransport,
	})
	if err != nil {
		return err
	}
	lis, err := net.Listen("tcp", gatewayConfig.Addr)
	if err != nil {
		return fmt.Errorf("opening the door: %w", err)
	}
	var api net.Listener // for other services of the organisation, and for operators
	if common.GRPCAddr != "" {
		if api, err = process.Listen(common, common.GRPCAddr); err != nil {
			return fmt.Errorf("opening the API: %w", err)
		}
	}
	// The doors close first, then the dialer, then telephony, then ticketing: nobody calls into what has stopped.
	group, groupCtx := errgroup.WithContext(ctx)
	dialerCtx, doorsClosed := context.WithCancel(context.WithoutCancel(ctx))
	telephonyCtx, dialerStopped := context.WithCancel(context.WithoutCancel(ctx))
	ticketingCtx, telephonyStopped := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer doorsClosed()
		doors, doorsCtx := errgroup.WithContext(groupCtx)
		doors.Go(func() error { return door.Run(doorsCtx, lis) })
		if api != nil {
			doors.Go(func() error {
				return process.ServeAll(doorsCtx, common, log, api, telephonyService, ticketingService, dialerService)
			})
		}
		return doors.Wait()
	})
	group.Go(func() error {
		defer dialerStopped()
		return process.Serve(dialerCtx, common, dialerLog, network.Listen("dialer"), dialerService)
	})
	group.Go(func() error {
		defer telephonyStopped()
		return process.Serve(telephonyCtx, common, telephonyLog, network.Listen("telephony"), telephonyService)
	})
	group.Go(func() error {
		return process.Serve(ticketingCtx, common, ticketingLog, network.Listen("ticketing"), ticketingService)
	})
	group.Go(func() error { return process.Private(groupCtx, common, log, nil) })
	if p.Ready != nil {
		p.Ready(running{
			Telephony: telephonyv1.NewTelephonyServiceClient(telephonyConn), Recorded: telephonyService.Recorded,
			Idle: func(ctx context.Context) error { return jobs.Idle(ctx, telephonyDB, ticketingDB) },
		})
	} else {
		log.Info("the hotline is open", "version", telemetry.Version(), "addr", lis.Addr().String(), "public_url", gatewayConfig.PublicURL)
	}
	return group.Wait()
}
