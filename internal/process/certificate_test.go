package process_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
)

// A process whose certificate has expired is not ready: nobody believes it. It lives, and is ready again when the certificate is
// renewed.
func TestExpiredCertificate(t *testing.T) {
	dir := t.TempDir()
	authority, err := certs.OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(at time.Time) {
		t.Helper()
		if err := authority.Issue(dir+"/telephony", []string{"telephony"}, at, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	issue(time.Now())
	id, err := rpc.OpenIdentity(dir+"/telephony", "telephony")
	if err != nil {
		t.Fatal(err)
	}
	var addr [2]net.Listener
	for i := range addr {
		if addr[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	private := addr[1].Addr().String()
	addr[1].Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- process.Run(ctx, process.Config{PrivateAddr: private, Identity: id}, slog.New(slog.DiscardHandler), addr[0], &sick{})
	}()
	conn, err := grpc.NewClient(private, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	health := healthpb.NewHealthClient(conn)
	watchCtx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	watch, err := health.Watch(watchCtx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	next := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if res, err := watch.Recv(); err != nil || res.GetStatus() != want {
			t.Fatalf("%v, %v; want %v", res.GetStatus(), err, want)
		}
	}
	next(healthpb.HealthCheckResponse_SERVING)
	issue(time.Now().Add(-2 * time.Hour))
	next(healthpb.HealthCheckResponse_NOT_SERVING)
	if res, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: rpc.Live}); err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("it does not live: %v, %v", res.GetStatus(), err)
	}
	issue(time.Now())
	next(healthpb.HealthCheckResponse_SERVING)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
