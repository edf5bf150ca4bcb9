// Package telemetry sets up logs, traces and metrics the same way in every process, and serves the private port:
// /metrics for Prometheus and /debug/pprof/.
//
// Traces and metrics go out by OTLP when the standard OTEL_ variables name a collector
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/); nothing leaves the process otherwise.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Setup makes the process's traces and metrics real. service is its name in them. Each of the watchers sees all spans, whatever
// becomes of them elsewhere. Call the returned function at the end; it sends what is left.
func Setup(ctx context.Context, service string, watchers ...sdktrace.SpanProcessor) (shutdown func(context.Context) error, err error) {
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(attrService(service), attrVersion()))
	if err != nil {
		return nil, fmt.Errorf("describing this process: %w", err)
	}
	traceOptions := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	prom, err := prometheus.New()
	if err != nil {
		return nil, fmt.Errorf("making metrics exporter: %w", err)
	}
	metricOptions := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(prom)}
	for _, w := range watchers {
		traceOptions = append(traceOptions, sdktrace.WithSpanProcessor(w))
	}
	switch {
	case wanted("TRACES"):
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("making trace exporter: %w", err)
		}
		traceOptions = append(traceOptions, sdktrace.WithBatcher(exporter))
	case len(watchers) == 0:
		// Nobody looks at spans, but their ids still tie log lines together.
		traceOptions = append(traceOptions, sdktrace.WithSampler(sdktrace.NeverSample()))
	}
	if wanted("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, fmt.Errorf("making metrics exporter: %w", err)
		}
		metricOptions = append(metricOptions, sdkmetric.WithReader(reader))
	}
	tracer := sdktrace.NewTracerProvider(traceOptions...)
	meter := sdkmetric.NewMeterProvider(metricOptions...)
	otel.SetTracerProvider(tracer)
	otel.SetMeterProvider(meter)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func(ctx context.Context) error {
		return errors.Join(tracer.Shutdown(ctx), meter.Shutdown(ctx))
	}, nil
}

// wanted reports whether the environment names an exporter for a signal.
func wanted(signal string) bool {
	return os.Getenv("OTEL_"+signal+"_EXPORTER") != "" ||
		os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

// Private returns the handler of the private port.
func Private() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	return mux
}

// Logger returns a logger to w: text for a person at a terminal, JSON for machines. Each line within a trace has
// its trace_id.
func Logger(w io.Writer, terminal bool, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if terminal {
		return slog.New(withTrace{slog.NewTextHandler(w, options)})
	}
	return slog.New(withTrace{slog.NewJSONHandler(w, options)})
}

type withTrace struct{ slog.Handler }

func (h withTrace) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withTrace) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withTrace{h.Handler.WithAttrs(attrs)}
}

func (h withTrace) WithGroup(name string) slog.Handler { return withTrace{h.Handler.WithGroup(name)} }
