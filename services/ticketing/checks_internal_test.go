package ticketing

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

// checkUnits is what the checks cost of Help Scout's budget; more only of an account with more than 50 mailboxes or webhooks.
const checkUnits = 3

// The checks cost little, and nothing while Help Scout refuses us: then what was found before stands. A busy night is no reason not to look.
func TestChecksLeaveTheBudget(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		sim, err := helpscoutsim.New(helpscoutsim.Config{RateLimit: 200, Mailboxes: []helpscoutsim.Mailbox{{ID: 206906, Name: "Hotline"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		server := httptest.NewServer(sim.Handler())
		defer server.Close()
		db, err := sqlstore.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		now := time.Now()
		s, err := New(Config{
			Hotlines: hotline.Hotlines{hotline.New("+15017122661", 206906)}, APIURL: server.URL, PublicURL: "https://hotline.example.org", Domain: "sms.example.org",
			ClientID: helpscoutsim.DefaultClientID, ClientSecret: helpscoutsim.DefaultClientSecret,
		}, Deps{DB: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		look := func() (units int, at time.Time) {
			t.Helper()
			before := sim.Usage().Units
			if err := s.check(t.Context()); err != nil {
				t.Fatal(err)
			}
			kept, err := s.store.Findings().List(t.Context())
			if err != nil || len(kept) == 0 {
				t.Fatalf("%v, %v", kept, err)
			}
			for _, k := range kept {
				if k.Level != check.OK && k.Name != "help scout webhook" { // of which there is none
					t.Errorf("%+v", k)
				}
			}
			return sim.Usage().Units - before, kept[0].At
		}
		units, first := look()
		if units != checkUnits {
			t.Errorf("the checks cost %d", units)
		}
		now = now.Add(time.Second)
		if wait, err := s.store.Spend(t.Context(), 190, 1, now); wait > 0 || err != nil {
			t.Fatal(wait, err)
		}
		units, second := look()
		if units != checkUnits || !second.After(first) {
			t.Errorf("while nearly all of the budget is spent they cost %d, and find something at %v", units, second)
		}
		now = now.Add(2 * time.Minute)
		if err := s.store.Block(t.Context(), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if units, at := look(); units != 0 || !at.Equal(second) {
			t.Errorf("while Help Scout refuses they cost %d, and find something at %v", units, at)
		}
		now = now.Add(2 * time.Minute)
		if units, at := look(); units != checkUnits || !at.After(second) {
			t.Errorf("then they cost %d, and find something at %v", units, at)
		}
	})
}
