package test

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/certs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// Every service runs as a process of its own, from its own binary, twice, on one PostgreSQL; and any of them may be
// killed at any moment. They know each other by certificates.
func TestProcesses(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Postgres(t)
	dir := t.TempDir()
	binaries := map[string]string{}
	for _, name := range []string{"gateway", "telephony", "ticketing", "dialer"} {
		binaries[name] = hotlinetest.BuildTo(t, dir, fmt.Sprintf("github.com/bling-hotline/bling/services/%s/cmd/%s", name, name))
	}
	identities := t.TempDir()
	authority, err := certs.OpenAuthority(identities, time.Now())
	must(t, err)
	for name := range binaries {
		must(t, authority.Issue(filepath.Join(identities, name), []string{name}, time.Now(), time.Hour))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	door, gateways := balancer(t)
	vendors := hotlinetest.StartVendors(t, hotlinetest.Options{}, door)
	vendors.Twilio.Faults().Set(trouble)
	vendors.HelpScout.Faults().Set(trouble)
	environ := append(vendors.Environ(), "BLING_PUBLIC_URL="+door, "BLING_DATABASE_URL="+db.URL,
		"BLING_PRIVATE_ADDR=127.0.0.1:0", "BLING_LOG_LEVEL=error")

	var victims []*hotlinetest.Process
	start := func(name string, more ...string) {
		p := hotlinetest.NewProcess(t, binaries[name], nil, slices.Concat(more, environ, []string{"BLING_TLS_DIR=" + filepath.Join(identities, name)})...)
		p.Start()
		victims = append(victims, p)
	}
	for range 2 {
		gateway, telephony, ticketing, pages := hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t), hotlinetest.FreeAddr(t)
		start("ticketing", "BLING_GRPC_ADDR="+ticketing, "BLING_TELEPHONY_ADDR="+telephony)
		start("telephony", "BLING_GRPC_ADDR="+telephony, "BLING_TICKETING_ADDR="+ticketing)
		start("dialer", "BLING_GRPC_ADDR=127.0.0.1:0", "BLING_DIALER_PAGES_ADDR="+pages, "BLING_TELEPHONY_ADDR="+telephony, "BLING_TICKETING_ADDR="+ticketing)
		start("gateway", "BLING_GATEWAY_ADDR="+gateway, "BLING_TELEPHONY_ADDR="+telephony, "BLING_TICKETING_ADDR="+ticketing, "BLING_DIALER_PAGES_URL=https://"+pages)
		hotlinetest.Ready(ctx, t, "http://"+gateway+"/readyz")
		gateways(gateway)
	}

	crowd := &hotlinetest.Crowd{Crowd: crowd.Crowd{Supporters: 100, Texts: 1000, Concurrency: 16, Seed: 13, Patience: time.Minute}}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		random := rand.New(rand.NewPCG(13, 2))
		for range 6 {
			until := calls(vendors.HelpScout) + 1 + random.IntN(100)
			if err := vendors.HelpScout.Wait(ctx, func(s *helpscoutsim.Sim) bool { return calls(s) >= until }); err != nil {
				t.Errorf("waiting to kill: %v", err)
				return
			}
			victim := victims[random.IntN(len(victims))]
			victim.Kill()
			victim.Start()
		}
	}()
	crowd.Send(ctx, t, vendors.Twilio)
	<-killed
	crowd.Arrived(ctx, t, vendors)
	crowd.Check(t, vendors)

	// An agent calls back, over all of them.
	vendors.Twilio.Faults().Set(fault.Switches{})
	vendors.HelpScout.Faults().Set(fault.Switches{})
	b := (&backs{Hotline: &hotlinetest.Hotline{Vendors: vendors, URL: door}, t: t}).browser()
	b.conversation = vendors.HelpScout.Conversations()[0].ID
	supporter := string(phone.Parse(vendors.HelpScout.Conversations()[0].Customer.First).Number)
	vendors.Twilio.SetHandset(dana, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "asked", Press: "1"}}})
	vendors.Twilio.SetHandset(supporter, twiliosim.Handset{Answer: true, Acts: []twiliosim.Act{{On: "connected", HangUp: true}}})
	b.want(b.submit(b.enrol(danaID, dana)), http.StatusOK, "Call to")
	if err := vendors.HelpScout.Wait(ctx, func(*helpscoutsim.Sim) bool { return len(b.notes()) == 1 }); err != nil {
		t.Error("no note of a call back: ", err)
	}
	for _, p := range victims {
		if err := p.Stop(); err != nil {
			t.Errorf("a process does not stop well: %v", err)
		}
	}
}

// balancer is one address before several gateways. add puts one more behind it.
func balancer(t *testing.T) (address string, add func(addr string)) {
	t.Helper()
	var proxies []http.Handler
	var turn atomic.Uint64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[turn.Add(1)%uint64(len(proxies))].ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func(addr string) {
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
		proxy.ErrorLog = log.New(io.Discard, "", 0) // the dead answer nothing
		proxies = append(proxies, proxy)
	}
}
