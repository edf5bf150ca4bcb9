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
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer"
	dialerstore "github.com/bling-hotline/bling/services/dialer/sqlstore"
	"github.com/bling-hotline/bling/services/gateway"
	"github.com/bling-hotline/bling/services/switchboard"
	switchboardstore "github.com/bling-hotline/bling/services/switchboard/sqlstore"
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
	// Operator is the switchboard's Everybody.
	Operator string
}

// running is a hotline that runs in this process, for whoever plays with it.
type running struct {
	Telephony telephonyv1.TelephonyServiceClient
	// Idle waits until no service has work left.
	Idle func(context.Context) error
	// Recorded waits until what is known of calls is in the database.
	Recorded func()
	// Switchboard is the address of the operators' page; empty if the private port could not be opened.
	Switchboard string
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
	switchboardConfig := switchboard.FromEnv(r)
	gatewayConfig.Grace, switchboardConfig.Everybody = p.Grace, p.Operator
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
	switchboardDB, err := switchboardstore.Open(ctx, database)
	if err != nil {
		return err
	}
	defer switchboardDB.Close()

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
	dialerConn, err := network.Dial("dialer")
	if err != nil {
		return err
	}
	defer dialerConn.Close()

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
	switchboardService := switchboard.New(switchboardConfig, switchboard.Deps{
		DB: switchboardDB, Telephony: operatorv1.NewOperatorServiceClient(telephonyConn), Ticketing: operatorv1.NewOperatorServiceClient(ticketingConn),
		Phones: telephonyv1.NewTelephonyServiceClient(telephonyConn), Dialer: dialerv1.NewDialerServiceClient(dialerConn),
		Log: common.Logger(os.Stderr, "switchboard"), Now: p.Now,
	})
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
	private := process.ListenPrivate(common, log)
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
				return process.ServeAll(doorsCtx, common, log, api, telephonyService, ticketingService, dialerService, switchboardService)
			})
		}
		doors.Go(func() error { return process.Private(doorsCtx, common, log, private, nil, switchboardService.Pages()) })
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
	group.Go(func() error { return switchboardService.Run(groupCtx) })
	switchboardURL := ""
	if private != nil {
		switchboardURL = "http://" + private.Addr().String() + "/switchboard/"
	}
	if p.Ready != nil {
		p.Ready(running{
			Telephony: telephonyv1.NewTelephonyServiceClient(telephonyConn), Recorded: telephonyService.Recorded, Switchboard: switchboardURL,
			Idle: func(ctx context.Context) error { return jobs.Idle(ctx, telephonyDB, ticketingDB) },
		})
	} else {
		log.Info("the hotline is open", "version", telemetry.Version(), "addr", lis.Addr().String(), "public_url", gatewayConfig.PublicURL, "switchboard", switchboardURL)
	}
	return group.Wait()
}
