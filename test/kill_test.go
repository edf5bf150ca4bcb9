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
	const kills = 20
	binary := hotlinetest.Build(t, "github.com/bling-hotline/bling/cmd/bling")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	addr := hotlinetest.FreeAddr(t)
	vendors := hotlinetest.StartVendors(t, hotlinetest.Options{}, "http://"+addr)
	vendors.Twilio.Faults().Set(trouble)
	vendors.HelpScout.Faults().Set(trouble)
	bling := hotlinetest.NewProcess(t, binary, []string{"serve"},
		append(vendors.Environ(), "BLING_GATEWAY_ADDR="+addr, "BLING_PUBLIC_URL=http://"+addr,
			"BLING_DATA_DIR="+t.TempDir(), "BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error")...)
	bling.Start()
	hotlinetest.Ready(ctx, t, "http://"+addr+"/readyz")

	crowd := &hotlinetest.Crowd{Supporters: 200, Texts: 2000, Concurrency: 16, Seed: 11, Patience: time.Minute}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		random := rand.New(rand.NewPCG(11, 2))
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
	crowd.Send(ctx, t, vendors.Twilio)
	<-killed
	crowd.Arrived(ctx, t, vendors)
	crowd.Check(t, vendors)
}

func calls(s *helpscoutsim.Sim) (n int) {
	for _, m := range s.Usage().Requests {
		n += m
	}
	return n
}
