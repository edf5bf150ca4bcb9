package test

import (
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// One trace leads from the webhook over gRPC and the job to the vendors' APIs, and nothing in it tells who wrote what.
func TestTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	h := hotlinetest.Start(t, hotlinetest.Options{DB: sqldbtest.Any(t)})
	text(t, h, supporter, "my secret")
	phoneHas(t, h, supporter, 1)
	named := func(part string) func(tracetest.SpanStub) bool {
		return func(s tracetest.SpanStub) bool { return strings.Contains(s.Name, part) }
	}
	for !slices.ContainsFunc(spans.GetSpans(), named("send text")) { // it ends after the text is on the phone
		if t.Context().Err() != nil {
			t.Fatal("there is no end of the sending")
		}
	}
	all := spans.GetSpans()
	first := all[slices.IndexFunc(all, named("TwilioWebhookService/ReceiveText"))]
	var trace []string
	for _, s := range all {
		if s.SpanContext.TraceID() == first.SpanContext.TraceID() {
			trace = append(trace, s.Name)
		}
		for _, kv := range s.Attributes {
			for _, secret := range []string{"my secret", supporter[1:], simulator.Hotline[1:], "6175550142"} {
				if strings.Contains(kv.Value.String(), secret) {
					t.Errorf("span %q tells %s=%s", s.Name, kv.Key, kv.Value.String())
				}
			}
		}
	}
	for _, want := range []string{
		"POST /bling/twilio_sms", "bling.telephony.v1.TwilioWebhookService/ReceiveText", "deliver text", "bling.ticketing.v1.TicketingService/RecordInboundText", "POST " + strings.TrimPrefix(h.HelpScoutURL, "http://"), "send text", "POST " + strings.TrimPrefix(h.TwilioURL, "http://"),
	} {
		if !slices.ContainsFunc(trace, func(name string) bool { return strings.Contains(name, want) }) {
			t.Errorf("the trace has no %q: %q", want, trace)
		}
	}
}
