package test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Nothing is lost and nothing doubled when the whole hotline is killed, twenty times, at any moment, while a crowd texts
// and both vendors fail.
func TestKill(t *testing.T) {
	ctx, vendors, bling := served(t, hotlinetest.Options{})
	vendors.Twilio.Faults().Set(trouble)
	vendors.HelpScout.Faults().Set(trouble)
	crowd := &hotlinetest.Crowd{Supporters: 200, Texts: 2000, Concurrency: 16, Seed: 11, Patience: time.Minute}
	killed := killed(ctx, t, vendors, bling, 20, 11)
	crowd.Send(ctx, t, vendors.Twilio)
	<-killed
	crowd.Arrived(ctx, t, vendors)
	crowd.Check(t, vendors)
}

// served runs the whole hotline as a process of its own, beside the vendors. o's database does not count. The context ends
// when the test has had its time, in which the compiler's is not.
func served(t *testing.T, o hotlinetest.Options, environ ...string) (context.Context, hotlinetest.Vendors, *hotlinetest.Process) {
	t.Helper()
	binary := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	addr := hotlinetest.FreeAddr(t)
	vendors := hotlinetest.StartVendors(t, o, "http://"+addr)
	environ = append(append(vendors.Environ(), "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL=http://"+addr,
		"BLING_DATA_DIR="+t.TempDir(), "BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error"), environ...)
	bling := hotlinetest.NewProcess(t, binary, []string{"serve"}, environ...)
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+addr+"/readyz")
	return ctx, vendors, bling
}

// killed kills the hotline so many times and starts it again. What it returns is closed when it is done.
func killed(ctx context.Context, t *testing.T, vendors hotlinetest.Vendors, bling *hotlinetest.Process, kills int, seed uint64) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(seed, 2))
		for range kills {
			// The moment is so many calls at the help desk from now: in the middle of the work.
			until := calls(vendors.HelpScout) + 1 + random.IntN(100)
			if err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return calls(s) >= until }); err != nil {
				t.Errorf("waiting to kill: %v", err)
				return
			}
			bling.Kill()
			bling.Start()
		}
	}()
	return done
}

func calls(s *helpscoutsim.Sim) (n int) {
	for _, m := range s.Usage().Requests {
		n += m
	}
	return n
}
