package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/rpc"
)

// ask is a service with one method, written by hand: a question is a string, and so is the answer.
type ask func(ctx context.Context, question string) (string, error)

const method = "/bling.test.v1.AskService/Ask"

func (f ask) register(s *rpc.Server) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bling.test.v1.AskService",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Ask", Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			var in wrapperspb.StringValue
			if err := decode(&in); err != nil {
				return nil, err
			}
			return intercept(ctx, &in, &grpc.UnaryServerInfo{FullMethod: method}, func(ctx context.Context, req any) (any, error) {
				out, err := f(ctx, req.(*wrapperspb.StringValue).GetValue())
				if err != nil {
					return nil, err
				}
				return wrapperspb.String(out), nil
			})
		}}},
	}, nil)
}

func put(ctx context.Context, conn *grpc.ClientConn, question string) (string, error) {
	var out wrapperspb.StringValue
	err := conn.Invoke(ctx, method, wrapperspb.String(question), &out)
	return out.GetValue(), err
}

// notes is a log that can be read while it is written.
type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

// serve runs f under a name until stop is called, which waits and returns what Run returned.
func serve(t *testing.T, network *rpc.Network, name string, f ask) (log *notes, stop func() error) {
	t.Helper()
	log = &notes{}
	server := rpc.NewServer(slog.New(slog.NewTextHandler(log, nil)), false, nil, nil)
	f.register(server)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, network.Listen(name)) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { stop() })
	return log, stop
}

func dial(t *testing.T, network *rpc.Network, name string) *grpc.ClientConn {
	t.Helper()
	conn, err := network.Dial(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// The caller gets the kind, the safe message and the advice; the log gets the rest, and nobody else does.
func TestErrorsCross(t *testing.T) {
	cause := errors.New("SELECT hunter2")
	bad := errs.New(errs.Invalid, "invalid request")
	bad.Fields = []errs.Field{{Name: "key", Problem: "must not be empty"}}
	answers := map[string]error{
		"wrapped": fmt.Errorf("finding +16175550142: %w", errs.Wrap(errs.NotFound, cause, "no such text")),
		"limited": errs.Wrap(errs.RateLimited, cause, "slow down").After(90 * time.Second),
		"busy":    errs.New(errs.Busy, "somebody else is at it"),
		"fields":  bad,
		"plain":   fmt.Errorf("hunter2: %w", cause),
		"kind":    errs.Wrap(errs.Internal, cause, "hunter2"),
	}
	var network rpc.Network
	log, _ := serve(t, &network, "a", func(_ context.Context, q string) (string, error) { return "", answers[q] })
	conn := dial(t, &network, "a")
	for _, test := range []struct {
		question string
		kind     errs.Kind
		message  string
		wait     time.Duration
		fields   int
	}{
		{"wrapped", errs.NotFound, "no such text", 0, 0},
		{"limited", errs.RateLimited, "slow down", 90 * time.Second, 0},
		{"busy", errs.Busy, "somebody else is at it", 0, 0},
		{"fields", errs.Invalid, "invalid request", 0, 1},
		{"plain", errs.Internal, "internal error", 0, 0},
		{"kind", errs.Internal, "internal error", 0, 0},
	} {
		_, err := put(t.Context(), conn, test.question)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok {
			t.Errorf("%s: %v is no *errs.Error", test.question, err)
			continue
		}
		if e.Kind != test.kind || e.Message != test.message || e.RetryAfter != test.wait || len(e.Fields) != test.fields {
			t.Errorf("%s: %+v", test.question, e)
		}
		for _, secret := range []string{"hunter2", "617555", "finding"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the caller sees %q", test.question, err)
			}
		}
	}
	for _, fact := range []string{"finding +16175550142", "SELECT hunter2", "kind=not_found", "kind=internal", method} {
		if !strings.Contains(log.String(), fact) {
			t.Errorf("%q is not in the log:\n%s", fact, log)
		}
	}
}

// A panic costs one call: the caller gets Internal, the log gets the place, and the next call is answered.
func TestPanicIsInternal(t *testing.T) {
	var network rpc.Network
	log, _ := serve(t, &network, "a", func(_ context.Context, q string) (string, error) {
		switch q {
		case "string":
			panic("hunter2")
		case "error":
			panic(errs.New(errs.NotFound, "hunter2"))
		case "nil":
			var s *strings.Builder
			s.WriteString("x")
		}
		return "well", nil
	})
	conn := dial(t, &network, "a")
	for _, q := range []string{"string", "error", "nil"} {
		_, err := put(t.Context(), conn, q)
		if errs.KindOf(err) != errs.Internal || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", q, err)
		}
		if got, err := put(t.Context(), conn, "how are you?"); got != "well" {
			t.Fatalf("after %s: %q, %v", q, got, err)
		}
	}
	if !strings.Contains(log.String(), "panic: hunter2") || !strings.Contains(log.String(), "rpc_test.go") {
		t.Errorf("the log does not tell where:\n%s", log)
	}
}

// Every server tells whether it serves, as a whole.
func TestHealth(t *testing.T) {
	var network rpc.Network
	serve(t, &network, "a", nil)
	res, err := healthpb.NewHealthClient(dial(t, &network, "a")).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("%v, %v", res, err)
	}
}

// Tools see the services only where that is wanted.
func TestReflection(t *testing.T) {
	for _, reflect := range []bool{true, false} {
		s := rpc.NewServer(slog.New(slog.DiscardHandler), reflect, nil, nil)
		if _, ok := s.GetServiceInfo()["grpc.reflection.v1.ServerReflection"]; ok != reflect {
			t.Errorf("reflect %v: %v", reflect, ok)
		}
	}
}

// No call waits for ever, and nobody's own deadline is changed.
func TestDeadlines(t *testing.T) {
	deadlines := make(chan time.Duration, 1)
	var network rpc.Network
	serve(t, &network, "a", func(ctx context.Context, q string) (string, error) {
		if q == "wait" {
			<-ctx.Done()
			return "", ctx.Err()
		}
		at, ok := ctx.Deadline()
		if !ok {
			at = time.Now().Add(1000 * time.Hour)
		}
		deadlines <- time.Until(at)
		return "", nil
	})
	conn := dial(t, &network, "a")
	if _, err := put(context.Background(), conn, ""); err != nil {
		t.Fatal(err)
	}
	if d := <-deadlines; d <= 0 || d > 10*time.Second {
		t.Errorf("a call without deadline has %v", d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if _, err := put(ctx, conn, ""); err != nil {
		t.Fatal(err)
	}
	if d := <-deadlines; d < 50*time.Minute {
		t.Errorf("an hour became %v", d)
	}
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := put(short, conn, "wait"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a call that took too long: %v is %q", err, errs.KindOf(err))
	}
}

// Each name is one server, whoever comes first, and clients find it from many goroutines.
func TestNetworkConnectsByName(t *testing.T) {
	var network rpc.Network
	early := dial(t, &network, "a") // nobody listens yet
	for _, name := range []string{"a", "b"} {
		serve(t, &network, name, func(_ context.Context, q string) (string, error) { return name + q, nil })
	}
	if got, err := put(t.Context(), early, "!"); got != "a!" {
		t.Errorf("%q, %v", got, err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		name := string(rune('a' + i%2))
		wg.Go(func() {
			conn, err := network.Dial(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if got, err := put(t.Context(), conn, "?"); got != name+"?" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		})
	}
	wg.Wait()
}

// Between processes it is TCP, with the same errors.
func TestTCP(t *testing.T) {
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	ask(func(context.Context, string) (string, error) { return "", errs.New(errs.Exists, "done already") }).register(server)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, lis) }()
	conn, err := rpc.Dial("asker", lis.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := put(t.Context(), conn, ""); errs.KindOf(err) != errs.Exists {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, addr := range []string{"\x00://", "asker", "192.0.2.1:9101", "dns:///asker.example.org:9101", "[::]:9101", ":9101"} {
		if _, err := rpc.Dial("asker", addr, nil); err == nil {
			t.Errorf("%q was dialled in the clear", addr)
		}
	}
}

// A file of 10 MiB passes, in both directions.
func TestLargeMessages(t *testing.T) {
	var network rpc.Network
	serve(t, &network, "a", func(_ context.Context, q string) (string, error) { return q, nil })
	file := strings.Repeat("x", 10<<20)
	if got, err := put(t.Context(), dial(t, &network, "a"), file); err != nil || got != file {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// When a server is told to stop, it takes no new calls, and those under way are answered before Run returns.
func TestRunDrains(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	ask(func(_ context.Context, q string) (string, error) {
		if q == "wait" {
			close(entered)
			<-leave
		}
		return "answered", nil
	}).register(server)
	var network rpc.Network
	ctx, cancel := context.WithCancel(context.Background())
	ended, answered := make(chan error, 1), make(chan string, 1)
	go func() { ended <- server.Run(ctx, network.Listen("a")) }()
	conn := dial(t, &network, "a")
	go func() {
		got, err := put(context.Background(), conn, "wait")
		answered <- fmt.Sprint(got, err)
	}()
	<-entered
	cancel()
	for { // until it takes no new calls
		if _, err := put(t.Context(), conn, "new"); err != nil {
			if errs.KindOf(err) != errs.Unavailable {
				t.Errorf("a new call: %v", err)
			}
			break
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Run returned %v with a call under way", err)
	case got := <-answered:
		t.Fatalf("the call under way was broken off: %s", got)
	default:
	}
	close(leave)
	if got := <-answered; got != "answered<nil>" {
		t.Errorf("the call under way: %s", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Whoever is to end before it has begun ends without an error.
func TestRunEnded(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil)
	server.GracefulStop()
	if err := server.Run(t.Context(), lis); err != nil {
		t.Error(err)
	}
}

// A server that cannot listen says so and where.
func TestRunFails(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lis.Close()
	err = rpc.NewServer(slog.New(slog.DiscardHandler), false, nil, nil).Run(t.Context(), lis)
	if err == nil || !strings.Contains(err.Error(), lis.Addr().String()) {
		t.Errorf("%v", err)
	}
}

// The health check says of an unknown service what its protocol wants.
func TestHealthOfUnknownService(t *testing.T) {
	var network rpc.Network
	serve(t, &network, "a", nil)
	_, err := healthpb.NewHealthClient(dial(t, &network, "a")).Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
	if errs.KindOf(err) != errs.NotFound {
		t.Error(err)
	}
}

// A caller does not learn where the services behind the one it calls are.
func TestAddressesStayInside(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lis.Close()
	down, err := rpc.Dial("asker", lis.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	var network rpc.Network
	serve(t, &network, "a", func(ctx context.Context, q string) (string, error) { return put(ctx, down, q) })
	_, err = put(t.Context(), dial(t, &network, "a"), "x")
	if errs.KindOf(err) != errs.Unavailable || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("the caller sees %v", err)
	}
}
