package ticketing

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// Metrics say how Help Scout answers, whether it is asked at all, and how old the oldest work is.
func TestMetrics(t *testing.T) {
	db, err := sqlstore.Open(t.Context(), sqldbtest.Any(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store := sqlstore.New(db)
	store.Wake = func(context.Context, *sql.Tx, string, ...string) error { return nil }
	var status atomic.Int64
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/oauth2/token":
		case status.Load() == 0:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(int(status.Load()))
		}
		_, _ = w.Write([]byte(`{"access_token":"x","expires_in":1000}`)) //nolint:errcheck // the client says so
	}))
	defer server.Close()
	began := time.Now().Truncate(time.Microsecond)
	now := func() time.Time { return began.Add(time.Minute) }
	desk := helpscout.New(server.URL, "id", "secret", newBudget(store, slog.New(slog.DiscardHandler), now))
	reader := sdkmetric.NewManualReader()
	m, err := newMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"), store, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	desk.Answered = m.answered
	want := func(name, label string, want float64) {
		t.Helper()
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		got := -1.0
		one := func(set attribute.Set, value float64) {
			if set.Len() == 0 || set.ToSlice()[0].Value.AsString() == label {
				got = value
			}
		}
		for _, measured := range all.ScopeMetrics[0].Metrics {
			if measured.Name != name {
				continue
			}
			switch data := measured.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					one(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					one(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					one(p.Attributes, p.Value)
				}
			}
		}
		if got != want {
			t.Errorf("%s{%s} is %v, want %v", name, label, got, want)
		}
	}

	want("bling_lane_age", "notes", 0)
	l, e, err := store.Hold(t.Context(), sqlstore.Lane{ID: "1|a", MailboxID: 1}, sqlstore.Entry{Key: "SM1", Kind: sqlstore.Text}, began, began.Add(time.Second), 90)
	if err != nil {
		t.Fatal(err)
	}
	l.Known = true
	if err := store.Release(t.Context(), l, e, began); err != nil {
		t.Fatal(err)
	}
	if ok, err := store.QueueNote(t.Context(), "1|a", sqlstore.Entry{Key: "n1"}, began); !ok || err != nil {
		t.Fatal(ok, err)
	}
	want("bling_lane_age", "notes", 60)
	want("bling_lane_age", "replies", 0)

	ask := func(n, answer int) {
		status.Store(int64(answer))
		for range n {
			_, _ = desk.Conversation(t.Context(), 1) //nolint:errcheck // it is counted
		}
	}
	ask(2, http.StatusOK)
	ask(1, http.StatusTooManyRequests)
	ask(1, http.StatusNotFound)
	ask(1, 0)
	want("bling_breaker_open", "", 0)
	ask(9, http.StatusServiceUnavailable) // more than it takes to stop asking
	want("bling_breaker_open", "", 1)
	for class, n := range map[string]float64{"2xx": 2, "429": 1, "4xx": 1, "none": 1, "5xx": 4} {
		want("bling_help_scout_requests", class, n)
	}
}
