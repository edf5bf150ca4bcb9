// Package process is what the mains of all services have in common: logs, signals, the private port, the gRPC
// server, and stopping in order.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/telemetry"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

// names are all BLING_ names that any service reads. One environment may serve all of them, so none of these is
// unknown to any.
var names = []string{
	"BLING_CALLERS", "BLING_CALLERS_FILE", "BLING_CALLER_KEY", "BLING_CALLER_KEY_FILE", "BLING_CALL_SETTLE", "BLING_CONFIG", "BLING_DATABASE_URL", "BLING_DATABASE_URL_FILE", "BLING_DATA_DIR", "BLING_DIALER_ADDR", "BLING_DIALER_KEY", "BLING_DIALER_KEY_FILE", "BLING_DIALER_PAGES_ADDR", "BLING_DIALER_PAGES_URL", "BLING_GATEWAY_ADDR", "BLING_GRPC_ADDR",
	"BLING_HELPSCOUT_LIST_LAG", "BLING_HELPSCOUT_SETTLE", "BLING_LOG_LEVEL", "BLING_LOOK_EVERY", "BLING_MAILBOXES", "BLING_PRIVATE_ADDR",
	"BLING_PUBLIC_URL", "BLING_REFLECTION", "BLING_REPLY_PATIENCE", "BLING_TELEPHONY_ADDR", "BLING_TICKETING_ADDR",
	"BLING_TRANSCRIPTION_KEY", "BLING_TRANSCRIPTION_KEY_FILE", "BLING_TRANSCRIPTION_MODEL", "BLING_TRANSCRIPTION_URL", "BLING_TRUSTED_PROXIES",
	"BLING_TWILIO_SETTLE", "BLING_WELCOME_TEXT",
}

// Config is what every process needs to know.
type Config struct {
	// Database says where the service's tables are.
	Database sqldb.Config
	// GRPCAddr is where the service's own gRPC server listens (BLING_GRPC_ADDR).
	GRPCAddr string
	// PrivateAddr is where metrics and profiles are served. Default: 127.0.0.1:9464.
	PrivateAddr string
	// Reflection lets tools ask the gRPC server for its services. Default: true.
	Reflection bool
	// Guard says who may call the services that not everybody may (BLING_CALLERS). Nil: there is nobody else in the process's network.
	Guard *rpc.Guard
	// LogLevel is debug, info, warn or error. Default: info.
	LogLevel slog.Level
}

// guarded are the services for callers on the list only.
var guarded = []string{telephonyv1.CallBackService_ServiceDesc.ServiceName, dialerv1.DialerService_ServiceDesc.ServiceName}

// FromEnv reads the configuration; problems go to r. grpcAddr is the default of BLING_GRPC_ADDR.
func FromEnv(r *env.Reader, grpcAddr string) Config {
	r.Known(names...)
	c := Config{
		Database:    sqldb.Config{URL: r.Secret("BLING_DATABASE_URL"), Dir: r.String("BLING_DATA_DIR", "")},
		GRPCAddr:    r.String("BLING_GRPC_ADDR", grpcAddr),
		PrivateAddr: r.String("BLING_PRIVATE_ADDR", "127.0.0.1:9464"),
		Reflection:  r.Bool("BLING_REFLECTION", true),
		Guard:       &rpc.Guard{Services: guarded, Keys: map[string]string{}},
	}
	for _, caller := range r.Optional("BLING_CALLERS") {
		name, key, ok := strings.Cut(caller, ":")
		if name, key = strings.TrimSpace(name), strings.TrimSpace(key); !ok || name == "" || len(key) < minKey || c.Guard.Keys[name] != "" {
			r.Problem("BLING_CALLERS", "must be name:key,..., each name once and each key of %d characters at least", minKey)
			break
		}
		c.Guard.Keys[name] = key
	}
	if err := c.LogLevel.UnmarshalText([]byte(r.String("BLING_LOG_LEVEL", "info"))); err != nil {
		r.Problem("BLING_LOG_LEVEL", "must be debug, info, warn or error")
	}
	if u := c.Database.URL; u != "" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
		r.Problem("BLING_DATABASE_URL", "must begin with postgres://")
	}
	if c.Database.URL == "" && c.Database.Dir == "" {
		dir, err := StateDir("bling")
		if err != nil {
			r.Problem("BLING_DATA_DIR", "is not set, and there is no home directory: %v", err)
		}
		c.Database.Dir = dir
	}
	return c
}

// minKey is the shortest key of a caller.
const minKey = 16

// StateDir is the folder of a program below the user's state directory
// (https://specifications.freedesktop.org/basedir-spec/latest/).
func StateDir(program string) (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, program), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", program), nil
}

// Logger returns the process's logger: text on a terminal, JSON elsewhere.
func (c Config) Logger(w io.Writer, service string) *slog.Logger {
	file, ok := w.(*os.File)
	terminal := false
	if ok {
		info, err := file.Stat()
		terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return telemetry.Logger(w, terminal, c.LogLevel).With("service", service)
}

// Main runs a program until it ends or is told to stop, and is the only place that exits.
func Main(run func(ctx context.Context, args, environ []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Environ()); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// Service is a service as a process runs it.
type Service interface {
	Register(*rpc.Server)
	// Run works until ctx ends.
	Run(context.Context) error
	// Healthy returns nil while the service can do its work. It is asked every few seconds, and the answer is what the
	// gRPC health check says.
	Healthy(context.Context) error
}

// Serve runs a service behind its gRPC server on lis until ctx ends. The server stops first, so that no call meets a
// service that has stopped.
func Serve(ctx context.Context, c Config, log *slog.Logger, lis net.Listener, s Service) error {
	server := rpc.NewServer(log, c.Reflection, c.Guard)
	s.Register(server)
	if streaming, ok := s.(interface{ StopStreams() }); ok {
		server.Stopping = streaming.StopStreams
	}
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stopWork()
		return server.Run(groupCtx, lis)
	})
	group.Go(func() error { return s.Run(workCtx) })
	group.Go(func() error { watch(groupCtx, log, server, s); return nil })
	return group.Wait()
}

// watch keeps the server's health what the service says.
func watch(ctx context.Context, log *slog.Logger, server *rpc.Server, s Service) {
	healthy := true
	for tick := time.NewTicker(3 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		askCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := s.Healthy(askCtx)
		cancel()
		if ctx.Err() != nil || healthy == (err == nil) {
			continue
		}
		healthy = err == nil
		state := healthpb.HealthCheckResponse_NOT_SERVING
		if healthy {
			state = healthpb.HealthCheckResponse_SERVING
		}
		log.Warn("health changed", "state", state.String(), "err", err)
		server.Health.SetServingStatus("", state)
	}
}

// Private serves metrics and profiles until ctx ends. A port that is taken is an error for the log only: the
// hotline does not depend on it.
func Private(ctx context.Context, c Config, log *slog.Logger) error {
	server := &http.Server{Addr: c.PrivateAddr, Handler: telemetry.Private(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Warn("no metrics: the private port cannot be opened", "addr", c.PrivateAddr, "err", err)
	}
	return nil
}
