package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// open returns the table of a service.
func open(t *testing.T, c sqldb.Config) check.Table {
	t.Helper()
	migration, err := os.ReadFile("../../services/telephony/sqlstore/migrations/0006_findings.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), c, "checked", fstest.MapFS{"0001_findings.sql": {Data: migration}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return check.Table{DB: db}
}

func says(findings ...check.Finding) check.Check {
	return check.Check{Name: findings[0].Check, Do: func(context.Context) []check.Finding { return findings }}
}

// What changes is logged, once, and in the metric; what stays as it is is not logged again.
func TestLook(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		table := open(t, c)
		reader := sdkmetric.NewManualReader()
		if err := table.Gauge(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")); err != nil {
			t.Fatal(err)
		}
		good := check.Finding{Check: "hook", Name: "hook 1", Says: "On."}
		off := check.Finding{Check: "hook", Name: "hook 1", Level: check.Failure, Says: "Off.", Fix: "Switch it on."}
		slow := check.Finding{Check: "hook", Name: "hook 1", Level: check.Failure, Says: "Broken.", Fix: "Mend it."}
		second := check.Finding{Check: "hook", Name: "hook 2", Level: check.Warning, Says: "There are two.", Fix: "Delete one."}
		fast := check.Finding{Check: "clock", Says: "Right."}
		for n, step := range []struct {
			found []check.Finding
			log   string
			gauge string
		}{
			{[]check.Finding{good}, "", "hook=0"},
			{[]check.Finding{off}, "ERROR hook 1 Off.", "hook=2"},
			{[]check.Finding{off, second}, "WARN hook 2 There are two.", "hook=2"},
			{[]check.Finding{slow, second}, "", "hook=2"}, // other words, no other level
			{[]check.Finding{second}, "INFO hook 1", "hook=1"},
			{[]check.Finding{good, second}, "", "hook=1"},
			{[]check.Finding{good, {Check: "hook", Name: "hook 2", Says: "One."}}, "INFO hook 2 One.", "hook=0"},
		} {
			var log bytes.Buffer
			err := table.Look(t.Context(), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: short})), time.Now, says(step.found...), says(fast))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(strings.NewReplacer(`"`, "", "=", "").Replace(log.String())); got != step.log {
				t.Errorf("step %d: the log says %q, want %q", n, got, step.log)
			}
			if got := gauges(t, reader); got != "clock=0 "+step.gauge {
				t.Errorf("step %d: the metric says %q, want %q", n, got, step.gauge)
			}
		}
		res, err := table.Response(t.Context())
		if err != nil || len(res.GetFindings()) != 3 || res.GetFindings()[2].GetName() != "clock" || res.GetFindings()[2].GetLevel() != operatorv1.Level_LEVEL_OK {
			t.Errorf("the operator is told %v, %v", res, err)
		}
	})
}

// short keeps of a line how bad it is, what it is about, and what that says.
func short(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.LevelKey, "finding", "says":
		return slog.Attr{Key: "", Value: a.Value}
	}
	return slog.Attr{}
}

func gauges(t *testing.T, reader sdkmetric.Reader) string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, p := range m.Data.(metricdata.Gauge[int64]).DataPoints {
				name, _ := p.Attributes.Value(attribute.Key("check"))
				values[name.AsString()] = p.Value
			}
		}
	}
	return fmt.Sprint(strings.Trim(strings.ReplaceAll(fmt.Sprint(values), ":", "="), "map[]"))
}

// When the process stops the checks break off: what they say then is not kept.
func TestLookStopped(t *testing.T) {
	table := open(t, sqldb.Config{Dir: t.TempDir()})
	log := slog.New(slog.DiscardHandler)
	good := check.Finding{Check: "hook", Name: "hook", Says: "On."}
	if err := table.Look(t.Context(), log, time.Now, says(good)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err := table.Look(ctx, log, time.Now, check.Check{Name: "hook", Do: func(context.Context) []check.Finding {
		stop()
		return check.Fail("Look again.", "No answer.")
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if kept, err := table.List(t.Context()); err != nil || len(kept) != 1 || kept[0].Finding != good {
		t.Errorf("%v, %v", kept, err)
	}
}
