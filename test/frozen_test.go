package test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"

	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// A host that vanishes in the middle of a transaction leaves one lane locked. Everybody else is still heard.
func TestFrozenTransaction(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Postgres(t)
	h := hotlinetest.Start(t, hotlinetest.Options{DB: db})
	h.HelpScout.Faults().Set(fault.Switches{ErrorRate: 1, Status: 503}) // so that the lane keeps its job
	text(t, h, supporter, "hello")
	other, err := sql.Open("pgx", db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	frozen, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Rollback() //nolint:errcheck // at the latest
	if _, err := frozen.Exec(`SELECT 1 FROM telephony.river_job WHERE args::text LIKE '%` + supporter + `%' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	statuses := make(chan int)
	send := func(from string, n int) {
		statuses <- hotlinetest.Webhook(t, h.URL, map[string]string{"MessageSid": fmt.Sprintf("SM%032x", n), "From": from, "To": simulator.Hotline, "Body": "hi", "NumMedia": "0"})
	}
	go send(supporter, 1)
	for n := range 20 {
		go send(fmt.Sprintf("+1617555%04d", 2000+n), 100+n)
	}
	heard := 0
	for range 21 {
		if <-statuses == 200 {
			heard++
		}
	}
	if heard != 20 {
		t.Errorf("%d of 21 webhooks were taken, want all but the locked one", heard)
	}
	if err := frozen.Rollback(); err != nil {
		t.Fatal(err)
	}
	go send(supporter, 1)
	if status := <-statuses; status != 200 {
		t.Errorf("after the lock: %d", status)
	}
}

// What surely never reached the carrier does not count against a text.
func TestSureFailuresDoNotCount(t *testing.T) {
	t.Parallel()
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	create := "POST /2010-04-01/Accounts/" + twiliosim.DefaultAccountSID + "/Messages.json"
	h.Twilio.Faults().Set(fault.Switches{FailNext: 4, FailNextStatus: 429, FailNextRetryAfter: 1, Path: create})
	if _, err := h.Telephony.SendText(t.Context(), &telephonyv1.SendTextRequest{Key: "k", Hotline: simulator.Hotline, To: supporter, Body: "ok"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := h.Twilio.Wait(ctx, func(s *twiliosim.Sim) bool { return s.Faults().Get().FailNext == 0 }); err != nil {
		t.Fatal(err)
	}
	h.Twilio.Faults().Set(fault.Switches{DropBeforeNext: 1, Path: create})
	phoneHas(t, h, supporter, 1)
}
