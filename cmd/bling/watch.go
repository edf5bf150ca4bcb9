package main

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/story"
)

// watcher adds to the playground's story what only the hotline knows of: the gRPC calls between its services, and its jobs. It
// implements [sdktrace.SpanProcessor].
type watcher struct {
	book  *story.Book
	clock *simulator.Clock
}

// OnEnd writes a span down.
func (w watcher) OnEnd(s sdktrace.ReadOnlySpan) {
	l := story.Line{
		At: s.StartTime().Add(w.clock.Ahead()), Took: s.EndTime().Sub(s.StartTime()), Trace: s.SpanContext().TraceID().String(),
		Failed: s.Status().Code == codes.Error, Result: "ok",
	}
	if l.Failed {
		l.Result = "failed"
	}
	switch service, method, rpc := strings.Cut(s.Name(), "/"); {
	case s.SpanKind() == trace.SpanKindServer && rpc && strings.HasPrefix(service, "bling."):
		part := strings.Split(service, ".")
		l.Kind, l.Title = story.RPC, part[1]+": "+method
	case s.SpanKind() == trace.SpanKindConsumer:
		l.Kind, l.Title = story.Job, "job: "+s.Name()
	default:
		return
	}
	var attributes strings.Builder
	for _, kv := range s.Attributes() {
		fmt.Fprintf(&attributes, "%s: %s\n", kv.Key, kv.Value.String())
	}
	l.Details = []story.Detail{{Name: "attributes of the span", Text: attributes.String()}}
	w.book.Add(l)
}

// OnStart implements [sdktrace.SpanProcessor].
func (watcher) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// Shutdown implements [sdktrace.SpanProcessor].
func (watcher) Shutdown(context.Context) error { return nil }

// ForceFlush implements [sdktrace.SpanProcessor].
func (watcher) ForceFlush(context.Context) error { return nil }
