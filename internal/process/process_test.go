package process_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
)

// sick is a service that can be told to be ill.
type sick struct{ ill atomic.Bool }

func (*sick) Register(*rpc.Server)          {}
func (*sick) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s *sick) Healthy(context.Context) error {
	if s.ill.Load() {
		return errors.New("no database")
	}
	return nil
}

// The private port has metrics for Prometheus and health checks for the kubelet, which has no certificate. While the service cannot
// do its work it says so, and that its process lives.
func TestPrivatePort(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	private := lis.Addr().String()
	lis.Close()
	if lis, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, service := make(chan error, 1), &sick{}
	go func() {
		ended <- process.Run(ctx, process.Config{PrivateAddr: private}, slog.New(slog.DiscardHandler), lis, service)
	}()
	conn, err := grpc.NewClient(private, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	await := func(name string, want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		watch, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
		for err == nil {
			var res *healthpb.HealthCheckResponse
			if res, err = watch.Recv(); err == nil && res.GetStatus() == want {
				return
			}
		}
		t.Errorf("the health of %q is never %v: %v", name, want, err)
	}
	await("", healthpb.HealthCheckResponse_SERVING)
	service.ill.Store(true)
	await("", healthpb.HealthCheckResponse_NOT_SERVING)
	await(rpc.Live, healthpb.HealthCheckResponse_SERVING)
	res, err := http.Get("http://" + private + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("metrics: %s", res.Status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is wrong with the configuration is said at start.
func TestConfiguration(t *testing.T) {
	for value, problem := range map[string]string{
		"BLING_TLS_DIR=/nowhere":                                "reading certificate",
		"BLING_CALLERS=crm":                                     "must be a name and a service",
		"BLING_CALLERS=crm:bling.telephony.v1.NoService":        "must be a name and a service",
		"BLING_CALLERS=:bling.telephony.v1.TelephonyService":    "must be a name and a service",
		"BLING_CALLERS=crm:bling.telephony.v1.TelephonyService": "needs BLING_TLS_DIR",
		"BLING_GRPC_ADDR=:9101":                                 "need certificates",
	} {
		r := env.New([]string{"BLING_DATA_DIR=/tmp", value})
		process.FromEnv(r, "telephony", "localhost:0")
		if err := r.Err(); (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v", value, err)
		}
	}
	dir := t.TempDir()
	authority, err := certs.OpenAuthority(dir, time.Now())
	if err == nil {
		err = authority.Issue(dir+"/telephony", []string{"telephony"}, time.Now(), time.Hour)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := env.New([]string{"BLING_GRPC_ADDR=:9101", "BLING_TLS_DIR=" + dir + "/telephony",
		"BLING_CALLERS=crm:bling.telephony.v1.TelephonyService, crm:bling.telephony.v1.CallBackService", "BLING_TICKETING_ADDR=dns:///ticketing:9102"})
	c := process.FromEnv(r, "telephony", "localhost:0")
	c.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
	if err := r.Err(); err != nil {
		t.Errorf("with certificates: %v", err)
	}
	r = env.New([]string{"BLING_TICKETING_ADDR=dns:///ticketing:9102"})
	process.Config{}.Addr(r, "BLING_TICKETING_ADDR", "localhost:9102")
	if r.Err() == nil {
		t.Error("another machine is called in the clear")
	}
	if _, err := process.Listen(process.Config{}, ":0"); !errors.Is(err, rpc.ErrNoIdentity) {
		t.Errorf("listening to everybody in the clear: %v", err)
	}
}
