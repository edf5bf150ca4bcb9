package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names us in traces.
const scope = "github.com/bling-hotline/bling"

func attrService(name string) attribute.KeyValue { return semconv.ServiceName(name) }

func attrVersion() attribute.KeyValue { return semconv.ServiceVersion(Version()) }

// Carry returns the trace of ctx as one line of text, to be stored with work that is done later.
func Carry(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// TraceID is the id in a trace that Carry returned; empty if there is none: https://www.w3.org/TR/trace-context/#traceparent-header.
func TraceID(carried string) string {
	parts := strings.Split(carried, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}

// Resume starts a span named name that goes on with the trace that Carry stored. Call the returned function with
// the outcome.
func Resume(ctx context.Context, carried, name string) (context.Context, func(error)) {
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": carried})
	ctx, span := otel.Tracer(scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindConsumer))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, name+" failed")
		}
		span.End()
	}
}
