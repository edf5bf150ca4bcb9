// Package rpc builds every gRPC server and client of the services, so that all have the same interceptors:
// traces and metrics, one log line for each failed call, recovery from panics, and the error kinds of package errs.
//
// In one process the services talk over memory (Network), between processes over TCP, with certificates by which they know each
// other (Identity) and lists of who may call what (Callers); without certificates within one machine only.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/resolver/dns"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/bling-hotline/bling/internal/errs"
)

// MaxMessage is the largest message in bytes: a media file of 10 MiB and what is around it.
const MaxMessage = 12 << 20

// Server is a gRPC server with health checking.
type Server struct {
	*grpc.Server
	// Health is what /readyz and Kubernetes see; the service sets its own name's state.
	Health *health.Server
	// Stopping is called when the server begins to stop: streams that would go on for long must end then. Optional.
	Stopping func()
}

// NewServer returns a server without services. With reflect, tools such as grpcurl can ask it for its services. With an identity it
// speaks with those only who have a certificate, and callers says what each of them may call.
func NewServer(log *slog.Logger, reflect bool, id *Identity, callers Callers) *Server {
	unary, stream := []grpc.UnaryServerInterceptor{answer(log)}, []grpc.StreamServerInterceptor{answerStream(log)}
	options := []grpc.ServerOption{
		grpc.StatsHandler(otelgrpc.NewServerHandler()),
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		// Whoever is connected connects anew from time to time: new replicas get work, and new certificates count. Calls under way, and
		// streams, stay where they are.
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2}),
	}
	if id != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(id.ServerTLS())))
		unary, stream = append(unary, callers.unary), append(stream, callers.stream)
	}
	s := &Server{
		Server: grpc.NewServer(append(options, grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...))...),
		Health: health.NewServer(),
	}
	s.Health.SetServingStatus(Live, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s.Server, s.Health)
	if reflect {
		reflection.Register(s.Server)
	}
	return s
}

// Live is the name under which a server's health is that of its process alone, whatever the state of what it depends on. Under the
// empty name it is whether the service can do its work.
const Live = "live"

// Run serves on lis until ctx ends, then lets the calls under way finish.
func (s *Server) Run(ctx context.Context, lis net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		s.Health.Shutdown()
		if s.Stopping != nil {
			s.Stopping()
		}
		done := make(chan struct{})
		go func() { s.GracefulStop(); close(done) }()
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			s.Server.Stop()
		}
	})
	defer stop()
	if err := s.Serve(lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // which is said if ctx ended before it began
		return fmt.Errorf("serving gRPC on %s: %w", lis.Addr(), err)
	}
	return nil
}

// answer recovers panics, logs what failed, and sends the caller the kind and the safe message only.
func answer(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
		defer finish(ctx, log, info.FullMethod, time.Now(), &err)
		return next(ctx, req)
	}
}

// answerStream is answer for calls whose answers are streams.
func answerStream(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
		defer finish(stream.Context(), log, info.FullMethod, time.Now(), &err)
		return next(srv, stream)
	}
}

// finish is deferred by a call: it is what answer says.
func finish(ctx context.Context, log *slog.Logger, method string, start time.Time, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
	if *err == nil {
		return
	}
	level := slog.LevelInfo
	if errs.KindOf(*err) == errs.Internal && !own(*err) && ctx.Err() == nil {
		level = slog.LevelError
	}
	log.Log(ctx, level, "rpc failed", "rpc", method, "kind", errs.KindOf(*err), "dur", time.Since(start), "err", *err)
	*err = safe(ctx, *err)
}

// own reports whether err is a bare status, which only gRPC's own services return, such as the health check.
func own(err error) bool {
	_, ours := err.(*errs.Error) //nolint:errorlint // a wrapped one is not bare
	_, bare := err.(interface{ GRPCStatus() *status.Status })
	return bare && !ours
}

// safe returns err as the caller may see it.
func safe(ctx context.Context, err error) error {
	if own(err) {
		return err
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.GRPCStatus().Err() // without the text of what is wrapped around it
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Internal, "internal error")
}

// Dial connects to the service of a name at an address, host:port, or what gRPC's resolvers take, such as dns:///telephony:9101, behind
// which there may be many. Without an identity it must be on this machine. Calls without a deadline get one of 10 seconds, streams
// none; errors come back as *errs.Error.
func Dial(name, addr string, id *Identity) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	switch {
	case id != nil:
		creds = credentials.NewTLS(id.ClientTLS(name))
	case !Loopback(addr[strings.LastIndex(addr, "/")+1:]):
		return nil, fmt.Errorf("connecting to %s at %s: %w", name, addr, ErrNoIdentity)
	}
	return dial(addr, grpc.WithTransportCredentials(creds))
}

// ErrNoIdentity is why nothing is sent over a network in the clear.
var ErrNoIdentity = errors.New("services on several machines need certificates: set BLING_TLS_DIR (bling certs makes them)")

// Loopback reports whether an address, host:port, is of this machine alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Dial connects to the server that listens under a name.
func (n *Network) Dial(name string) (*grpc.ClientConn, error) {
	return dial("passthrough:///"+name, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(n.dial))
}

// pingEvery is how long a call may be under way without a sign of life before one is asked for.
const pingEvery = 10 * time.Second

// resolveOften lets clients ask the DNS again as soon as a replica is gone. By default they wait for half a minute, in which a
// deployment may have replaced them all.
var resolveOften = sync.OnceFunc(func() { dns.SetMinResolutionInterval(time.Second) })

func dial(target string, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	resolveOften()
	options := []grpc.DialOption{
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithChainUnaryInterceptor(call),
		grpc.WithChainStreamInterceptor(watch),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		// A service that is back is found within a second; gRPC's own default goes up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
		// A host that vanished says nothing; without this it is noticed after a quarter of an hour.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: 3 * time.Second}),
		// Or each look at the DNS would also ask for a TXT record that nobody has, and wait for it as long as that takes.
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	}
	conn, err := grpc.NewClient(target, append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", target, err)
	}
	return conn, nil
}

func call(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	return errs.FromGRPC(invoke(ctx, method, req, reply, conn, opts...))
}

func watch(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		return nil, errs.FromGRPC(err)
	}
	return clientStream{stream}, nil
}

// clientStream gives its errors back as *errs.Error.
type clientStream struct{ grpc.ClientStream }

func (s clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return errs.FromGRPC(err)
}

// Network connects servers and clients in one process through memory.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
}

// Listen returns the listener of a name; the same one for the same name.
func (n *Network) Listen(name string) net.Listener { return n.listener(name) }

func (n *Network) listener(name string) *bufconn.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*bufconn.Listener{}
	}
	if n.listeners[name] == nil {
		n.listeners[name] = bufconn.Listen(1 << 20)
	}
	return n.listeners[name]
}

func (n *Network) dial(ctx context.Context, name string) (net.Conn, error) {
	return n.listener(name).DialContext(ctx)
}
