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

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/telemetry"
)

// names are all BLING_ names that any service reads. One environment may serve all of them, so none of these is
// unknown to any.
var names = []string{
	"BLING_CALLERS", "BLING_CALL_SETTLE", "BLING_CHECK_EVERY", "BLING_CONFIG", "BLING_DATABASE_URL", "BLING_DATABASE_URL_FILE", "BLING_DATA_DIR", "BLING_DIALER_ADDR", "BLING_DIALER_KEY", "BLING_DIALER_KEY_FILE", "BLING_DIALER_PAGES_ADDR", "BLING_DIALER_PAGES_URL", "BLING_ENVIRONMENT", "BLING_GATEWAY_ADDR", "BLING_GRPC_ADDR",
	"BLING_HELPSCOUT_LIST_LAG", "BLING_HELPSCOUT_SETTLE", "BLING_LOG_LEVEL", "BLING_LOOK_EVERY", "BLING_MAILBOXES", "BLING_POLL_EVERY", "BLING_PRIVATE_ADDR",
	"BLING_PUBLIC_URL", "BLING_REFLECTION", "BLING_REPLY_PATIENCE", "BLING_SWEEP_EVERY", "BLING_SWITCHBOARD_ADDR", "BLING_TELEPHONY_ADDR", "BLING_TICKETING_ADDR", "BLING_TLS_DIR", "BLING_TRACE_URL",
	"BLING_TRANSCRIPTION_KEY", "BLING_TRANSCRIPTION_KEY_FILE", "BLING_TRANSCRIPTION_MODEL", "BLING_TRANSCRIPTION_URL", "BLING_TRUSTED_PROXIES",
	"BLING_TWILIO_SETTLE", "BLING_WELCOME_TEXT",
}

// Known declares the BLING_ names of all services, for a command that reads some of them.
func Known(r *env.Reader) { r.Known(names...) }

// Config is what every process needs to know.
type Config struct {
	// GRPCAddr is where the service's own gRPC server listens (BLING_GRPC_ADDR).
	GRPCAddr string
	// PrivateAddr is where metrics and profiles are served. Default: 127.0.0.1:9464.
	PrivateAddr string
	// Reflection lets tools ask the gRPC server for its services. Default: true.
	Reflection bool
	// Identity is the certificate by which the other services know this one (BLING_TLS_DIR). Without it they must be on the same
	// machine.
	Identity *rpc.Identity
	// Callers may call what the services themselves have no use for (BLING_CALLERS).
	Callers rpc.Callers
	// LogLevel is debug, info, warn or error. Default: info.
	LogLevel slog.Level
}

// FromEnv reads the configuration of a service; problems go to r. grpcAddr is the default of BLING_GRPC_ADDR.
func FromEnv(r *env.Reader, service, grpcAddr string) Config {
	c := Config{
		GRPCAddr:    r.String("BLING_GRPC_ADDR", grpcAddr),
		PrivateAddr: r.String("BLING_PRIVATE_ADDR", "127.0.0.1:9464"),
		Reflection:  r.Bool("BLING_REFLECTION", true),
		Identity:    Identity(r, service),
		Callers:     callersFromEnv(r),
	}
	if c.Identity == nil && c.GRPCAddr != "" && !rpc.Loopback(c.GRPCAddr) {
		r.Problem("BLING_GRPC_ADDR", "%v", rpc.ErrNoIdentity)
	}
	if c.Identity == nil && len(c.Callers) > 0 {
		r.Problem("BLING_CALLERS", "needs BLING_TLS_DIR: without certificates nobody is asked who they are")
	}
	if err := c.LogLevel.UnmarshalText([]byte(r.String("BLING_LOG_LEVEL", "info"))); err != nil {
		r.Problem("BLING_LOG_LEVEL", "must be debug, info, warn or error")
	}
	return c
}

// DatabaseFromEnv says where the tables of services are that have any.
func DatabaseFromEnv(r *env.Reader) sqldb.Config {
	c := sqldb.Config{URL: r.Secret("BLING_DATABASE_URL"), Dir: r.String("BLING_DATA_DIR", "")}
	if c.URL != "" && !strings.HasPrefix(c.URL, "postgres://") && !strings.HasPrefix(c.URL, "postgresql://") {
		r.Problem("BLING_DATABASE_URL", "must begin with postgres://")
	}
	if c.URL == "" && c.Dir == "" {
		dir, err := StateDir("bling")
		if err != nil {
			r.Problem("BLING_DATA_DIR", "is not set, and there is no home directory: %v", err)
		}
		c.Dir = dir
	}
	return c
}

// Addr reads where another service is found.
func (c Config) Addr(r *env.Reader, name, fallback string) string {
	addr := r.String(name, fallback)
	if c.Identity == nil && !rpc.Loopback(addr[strings.LastIndex(addr, "/")+1:]) {
		r.Problem(name, "%v", rpc.ErrNoIdentity)
	}
	return addr
}

// Identity reads the certificate of BLING_TLS_DIR, which must be that of a service; nil if there is none.
func Identity(r *env.Reader, service string) *rpc.Identity {
	r.Known(names...)
	dir := r.String("BLING_TLS_DIR", "")
	if dir == "" {
		return nil
	}
	id, err := rpc.OpenIdentity(dir, service)
	if err != nil {
		r.Problem("BLING_TLS_DIR", "%v", err)
		return &rpc.Identity{} // so that nobody complains of there being none
	}
	return id
}

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
	err := run(ctx, os.Args[1:], os.Environ())
	if code, ok := errors.AsType[Exit](err); ok {
		os.Exit(int(code)) //nolint:gocritic // nothing is left to stop
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// Exit is an error that sets the program's exit code and says nothing: what there is to say was said.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Service is a service as a process runs it.
type Service interface {
	Register(*rpc.Server)
	// Run works until ctx ends.
	Run(context.Context) error
	// Healthy returns nil while the service can do its work. It is asked every few seconds, and the answer is what the
	// gRPC health check says.
	Healthy(context.Context) error
}

// Listen opens an address for other services. Beyond this machine it needs an identity.
func Listen(c Config, addr string) (net.Listener, error) {
	if c.Identity == nil && !rpc.Loopback(addr) {
		return nil, fmt.Errorf("listening on %s: %w", addr, rpc.ErrNoIdentity)
	}
	return net.Listen("tcp", addr)
}

// NewServer returns a server as the configuration wants it, for one service or several.
func NewServer(c Config, log *slog.Logger) *rpc.Server {
	return rpc.NewServer(log, c.Reflection, c.Identity, allowed.With(c.Callers))
}

// Run is the whole of a process with one service: the service behind its gRPC server on lis, and the private port.
func Run(ctx context.Context, c Config, log *slog.Logger, lis net.Listener, s Service) error {
	server := NewServer(c, log)
	var pages http.Handler // for operators
	if p, ok := s.(interface{ Pages() http.Handler }); ok {
		pages = p.Pages()
	}
	private := ListenPrivate(c, log)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return Private(ctx, c, log, private, server.Health, pages) })
	group.Go(func() error { return serve(ctx, c, log, server, lis, s) })
	return group.Wait()
}

// ServeAll serves services that run already, for others than this process.
func ServeAll(ctx context.Context, c Config, log *slog.Logger, lis net.Listener, services ...Service) error {
	server := NewServer(c, log)
	register(server, services...)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx, lis) })
	group.Go(func() error { watch(ctx, c, log, server, services...); return nil })
	return group.Wait()
}

// watchCertificate makes a metric of when the certificate ends: whoever renews it may have stopped to.
func watchCertificate(id *rpc.Identity) error {
	if id == nil {
		return nil
	}
	_, err := otel.Meter("github.com/bling-hotline/bling/internal/process").Int64ObservableGauge("bling_certificate_expires",
		metric.WithUnit("s"), metric.WithDescription("when the certificate that the others know this process by ends to be valid, in seconds of Unix time"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(id.Expires().Unix())
			return nil
		}))
	return err
}

// Serve runs a service behind a gRPC server in memory until ctx ends.
func Serve(ctx context.Context, c Config, log *slog.Logger, lis net.Listener, s Service) error {
	c.Identity = nil // nobody is shown it
	return serve(ctx, c, log, rpc.NewServer(log, c.Reflection, nil, nil), lis, s)
}

// serve stops the server first, so that no call meets a service that has stopped.
func serve(ctx context.Context, c Config, log *slog.Logger, server *rpc.Server, lis net.Listener, s Service) error {
	register(server, s)
	// Several services have this one, so a server that several of them share does without.
	if operated, ok := s.(interface{ RegisterOperator(*rpc.Server) }); ok {
		operated.RegisterOperator(server)
	}
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stopWork()
		return server.Run(groupCtx, lis)
	})
	group.Go(func() error { return s.Run(workCtx) })
	group.Go(func() error { watch(groupCtx, c, log, server, s); return nil })
	return group.Wait()
}

func register(server *rpc.Server, services ...Service) {
	for _, s := range services {
		s.Register(server)
		if streaming, ok := s.(interface{ StopStreams() }); ok {
			server.Stopping = streaming.StopStreams
		}
	}
}

// watch keeps the server's health what the services say, as long as the others believe the process's certificate.
//
// What the checks find at the vendors (internal/check) has no part in it. It is the same for all replicas: if it counted, all would be taken
// away at once, and a hotline that still stores what people write, and still rings the volunteers, would do nothing at all.
func watch(ctx context.Context, c Config, log *slog.Logger, server *rpc.Server, services ...Service) {
	healthy := true
	for tick := time.NewTicker(3 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		askCtx, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := c.Identity.Valid(time.Now())
		for _, s := range services {
			err = errors.Join(err, s.Healthy(askCtx))
		}
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

// ListenPrivate opens the private port. One that is taken is an error for the log only, since the hotline does not depend on it: then there
// is none.
func ListenPrivate(c Config, log *slog.Logger) net.Listener {
	lis, err := net.Listen("tcp", c.PrivateAddr)
	if err != nil {
		log.Warn("no metrics: the private port cannot be opened", "addr", c.PrivateAddr, "err", err)
		return nil
	}
	return lis
}

// Private serves metrics and profiles on the private port, if it was opened, until ctx ends, in the clear; to gRPC's health check what health
// says, which may be nil; and pages below /switchboard/, if there are any. The kubelet, which has no certificate, asks here:
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/.
func Private(ctx context.Context, c Config, log *slog.Logger, lis net.Listener, health healthpb.HealthServer, pages http.Handler) error {
	if err := watchCertificate(c.Identity); err != nil {
		log.Warn("no metric of the certificate", "err", err)
	}
	if lis == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/", telemetry.Private())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, privatePage(pages != nil)) //nolint:errcheck // the asker is gone
	})
	if pages != nil {
		mux.Handle("/switchboard/", pages)
	}
	var handler http.Handler = mux
	checks := grpc.NewServer()
	if health != nil {
		healthpb.RegisterHealthServer(checks, health)
		handler = grpcOr(checks, mux)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	// What an operator has had done is finished: it takes 20 seconds at most.
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		checks.Stop() // who watches our health would do so as long as they may
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 25*time.Second)
		defer cancel()
		if err := server.Shutdown(stopCtx); err != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		log.Warn("the private port does not answer any more", "addr", c.PrivateAddr, "err", err)
		return nil
	}
	<-stopped
	return nil
}

// privatePage says what there is on the private port.
func privatePage(switchboard bool) string {
	page := `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Bling</title><h1>Bling</h1><ul>`
	if switchboard {
		page += `<li><a href="/switchboard/">Switchboard</a>`
	}
	return page + `<li><a href="/metrics">Metrics</a><li><a href="/debug/pprof/">Profiles</a></ul>`
}

// grpcOr hands gRPC's requests to a gRPC server and others to other.
func grpcOr(server *grpc.Server, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			server.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
}
