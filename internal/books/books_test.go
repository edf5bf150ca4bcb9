package books_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// The tables as the services' migrations make them.
var migrations = fstest.MapFS{"0001_days.sql": {Data: []byte(`-- +goose Up
CREATE TABLE day (date text NOT NULL, hotline text NOT NULL, kind text NOT NULL, received bigint NOT NULL, delivered bigint NOT NULL, recovered bigint NOT NULL,
	missing bigint NOT NULL, doubled bigint NOT NULL, compared_at bigint NOT NULL, said boolean NOT NULL DEFAULT FALSE, PRIMARY KEY (date, hotline, kind));
CREATE TABLE doubled (id text PRIMARY KEY, kind text NOT NULL, hotline text NOT NULL, at bigint NOT NULL);`)}}

const (
	hotline = phone.Number("+15017122661")
	other   = phone.Number("+15017122662")
	textIn  = operatorv1.Kind_KIND_TEXT_IN
	reply   = operatorv1.Kind_KIND_REPLY
)

// desk is books with a clock and a log.
type desk struct {
	*books.Book
	t   *testing.T
	now time.Time
	log bytes.Buffer
}

func each(t *testing.T, test func(d *desk)) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db, err := sqldb.Open(t.Context(), c, "books", migrations)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		d := &desk{t: t, now: noon}
		d.Book = &books.Book{DB: db, Now: func() time.Time { return d.now }, Log: slog.New(slog.NewTextHandler(&d.log, nil))}
		test(d)
	})
}

func (d *desk) put(kind operatorv1.Kind, counts books.Counts, compared ...phone.Number) {
	d.t.Helper()
	counts.Today(d.now, compared)
	if err := d.Put(d.t.Context(), kind, counts, compared); err != nil {
		d.t.Fatal(err)
	}
}

// said returns what was logged since the last call, without the time of day.
func (d *desk) said() (lines []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(d.log.String()), "\n") {
		if _, line, ok := strings.Cut(line, " "); ok {
			lines = append(lines, line)
		}
	}
	d.log.Reset()
	return lines
}

func (d *desk) day(date string, kind operatorv1.Kind) *operatorv1.Day {
	d.t.Helper()
	list, err := d.ListDays(d.t.Context(), &operatorv1.ListDaysRequest{})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, day := range list.GetDays() {
		if day.GetDate() == date && day.GetKind() == kind && day.GetHotline() == string(hotline) {
			return day
		}
	}
	d.t.Fatalf("no %s of %s in %v", kind, date, list)
	return nil
}

func page(date string) books.Page { return books.Page{Date: date, Hotline: hotline} }

// What is newly missing is said at once, and once; when the day is over it is said how it was.
func TestDays(t *testing.T) {
	each(t, func(d *desk) {
		const today = "2026-11-28"
		d.put(textIn, books.Counts{page(today): {Received: 500, Delivered: 400, Recovered: 100, Missing: 100}}, hotline)
		if said := d.said(); len(said) != 1 || !strings.HasPrefix(said[0], "level=ERROR msg=day date=2026-11-28") ||
			!strings.Contains(said[0], "text_in.received=500 text_in.delivered=400 text_in.recovered=100 text_in.missing=100 text_in.doubled=0") {
			d.t.Errorf("%q", said)
		}
		d.put(textIn, books.Counts{page(today): {Received: 500, Delivered: 450, Recovered: 100, Missing: 50}}, hotline)
		d.put(textIn, books.Counts{page(today): {Received: 500, Delivered: 500, Recovered: 100}}, hotline)
		d.put(reply, books.Counts{}, hotline)
		if said := d.said(); len(said) != 0 {
			d.t.Errorf("said again: %q", said)
		}
		if got := d.day(today, textIn); got.GetReceived() != 500 || got.GetDelivered() != 500 || got.GetMissing() != 0 || got.GetRecovered() != 100 || !got.GetComparedAt().AsTime().Equal(noon) {
			d.t.Errorf("%v", got)
		}
		// The day is over, but its last minutes are not compared yet, or not of each kind.
		d.now = time.Date(2026, 11, 29, 0, 30, 0, 0, time.UTC)
		d.put(textIn, books.Counts{page(today): {Received: 500, Delivered: 500, Recovered: 100}}, hotline)
		d.now = d.now.Add(time.Hour)
		d.put(textIn, books.Counts{page(today): {Received: 501, Delivered: 501, Recovered: 100}}, hotline)
		d.put(reply, books.Counts{}) // which failed
		if said := d.said(); len(said) != 0 {
			d.t.Errorf("said too early: %q", said)
		}
		d.put(reply, books.Counts{}, hotline)
		said := d.said()
		if len(said) != 1 || !strings.HasPrefix(said[0], "level=INFO msg=day date=2026-11-28") || !strings.Contains(said[0], "reply.received=0 reply.delivered=0") ||
			!strings.Contains(said[0], "text_in.received=501 text_in.delivered=501") {
			d.t.Errorf("%q", said)
		}
		d.put(reply, books.Counts{}, hotline)
		if said := d.said(); len(said) != 0 {
			d.t.Errorf("said again: %q", said)
		}
	})
}

// A day that was not in order is said to be so, and one that is not compared is not said to be in order. Hotlines do not wait for each other.
func TestBadDay(t *testing.T) {
	each(t, func(d *desk) {
		const today = "2026-11-28"
		d.put(textIn, books.Counts{page(today): {Received: 3, Delivered: 2, Missing: 1}, {Date: today, Hotline: other}: {Received: 1, Delivered: 1}}, hotline, other)
		d.said()
		d.now = d.now.Add(14 * time.Hour)
		d.put(textIn, books.Counts{page(today): {Received: 3, Delivered: 2, Missing: 1}, {Date: today, Hotline: other}: {Received: 1, Delivered: 1}}, hotline)
		if said := d.said(); len(said) != 1 || !strings.HasPrefix(said[0], "level=ERROR msg=day date=2026-11-28") || !strings.Contains(said[0], "text_in.missing=1") {
			d.t.Errorf("%q", said)
		}
	})
}

// Doubles are counted once, on their day, and older days stay as they are.
func TestDoubled(t *testing.T) {
	each(t, func(d *desk) {
		for range 3 {
			if err := d.Doubled(d.t.Context(), textIn, hotline, "SM1", noon.AddDate(0, 0, -1)); err != nil {
				d.t.Fatal(err)
			}
		}
		if err := d.Doubled(d.t.Context(), textIn, hotline, "SM2", noon.AddDate(0, 0, -1)); err != nil {
			d.t.Fatal(err)
		}
		d.put(textIn, books.Counts{page("2026-11-27"): {Received: 5, Delivered: 5}}, hotline)
		if got := d.day("2026-11-27", textIn); got.GetDoubled() != 2 || got.GetReceived() != 5 {
			d.t.Errorf("%v", got)
		}
		if got := d.day("2026-11-28", textIn); got.GetDoubled() != 0 {
			d.t.Errorf("%v", got)
		}
		if said := d.said(); len(said) != 2 || said[0] != said[1] || !strings.Contains(said[0], "text_in.doubled=2") { // that it is so, and that the day was so
			d.t.Errorf("%q", said)
		}
		d.now = noon.AddDate(0, 0, 10)
		d.put(textIn, books.Counts{}, hotline)
		if got := d.day("2026-11-27", textIn); got.GetDoubled() != 2 || got.GetReceived() != 5 {
			d.t.Errorf("it has changed: %v", got)
		}
	})
}

// The metrics are what somebody must look at now: what is missing or doubled lately, and what was recovered.
func TestMeasure(t *testing.T) {
	each(t, func(d *desk) {
		reader := sdkmetric.NewManualReader()
		if err := d.Measure(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")); err != nil {
			d.t.Fatal(err)
		}
		d.Recovered(d.t.Context(), textIn, 3)
		d.Recovered(d.t.Context(), textIn, 0)
		if err := d.Doubled(d.t.Context(), reply, hotline, "88", noon); err != nil {
			d.t.Fatal(err)
		}
		d.put(textIn, books.Counts{page("2026-11-28"): {Missing: 1}, page("2026-11-27"): {Missing: 2}, page("2026-11-26"): {Missing: 4}}, hotline)
		d.put(reply, books.Counts{}, hotline)
		want := map[string]int64{"bling_missing text_in": 3, "bling_doubled reply": 1, "bling_recovered text_in": 3}
		for name, n := range want {
			if got := measured(d.t, reader)[name]; got != n {
				d.t.Errorf("%s is %d, want %d", name, got, n)
			}
		}
		d.now = noon.AddDate(0, 0, 3)
		if got := measured(d.t, reader); got["bling_doubled reply"] != 0 || got["bling_missing text_in"] != 0 {
			d.t.Errorf("three days later: %v", got)
		}
	})
}

func measured(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	add := func(name string, points []metricdata.DataPoint[int64]) {
		for _, p := range points {
			kind, _ := p.Attributes.Value(attribute.Key("kind"))
			values[name+" "+kind.AsString()] = p.Value
		}
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[int64]:
			add(m.Name, data.DataPoints)
		case metricdata.Sum[int64]:
			add(m.Name, data.DataPoints)
		}
	}
	return values
}
