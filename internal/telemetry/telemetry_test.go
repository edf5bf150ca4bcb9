package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/telemetry"
)

// record makes spans real for one test and returns what ended.
func record(t *testing.T) *tracetest.SpanRecorder {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	return recorder
}

// A text's trace is stored with it: what a worker does later, in another process, is in the trace of the webhook.
func TestTraceIsCarried(t *testing.T) {
	recorder := record(t)
	ctx, webhook := otel.Tracer("test").Start(t.Context(), "webhook")
	carried := telemetry.Carry(ctx)
	webhook.End()
	if carried == "" || strings.ContainsAny(carried, "\n\x00") {
		t.Fatalf("carried %q", carried)
	}

	work, end := telemetry.Resume(context.Background(), carried, "deliver text")
	if got, want := trace.SpanContextFromContext(work).TraceID(), webhook.SpanContext().TraceID(); got != want {
		t.Errorf("trace %s, want %s", got, want)
	}
	again := telemetry.Carry(work) // a welcome text that follows
	end(nil)
	_, end = telemetry.Resume(context.Background(), again, "send text")
	end(errors.New("SELECT hunter2"))

	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3", len(spans))
	}
	for i, s := range spans {
		if s.SpanContext().TraceID() != webhook.SpanContext().TraceID() {
			t.Errorf("%s is in another trace", s.Name())
		}
		if i > 0 && s.Parent().SpanID() != spans[i-1].SpanContext().SpanID() {
			t.Errorf("%s does not follow %s", s.Name(), spans[i-1].Name())
		}
		if text := fmt.Sprint(s.Status(), s.Events(), s.Attributes()); strings.Contains(text, "hunter2") {
			t.Errorf("the text of the error left the process: %s", text)
		}
	}
	if spans[1].Name() != "deliver text" || spans[1].Status().Code == codes.Error || spans[1].SpanKind() != trace.SpanKindConsumer {
		t.Errorf("%v", spans[1])
	}
	if spans[2].Status().Code != codes.Error {
		t.Error("the failure is not in the trace")
	}
}

// Whether a trace is kept was decided at its start; that decision is carried too.
func TestSamplingIsCarried(t *testing.T) {
	recorder := record(t)
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample()))))
	for flag, kept := range map[string]int{"00": 0, "01": 1} {
		_, end := telemetry.Resume(t.Context(), "00-0123456789abcdef0123456789abcdef-0123456789abcdef-"+flag, "deliver text")
		end(nil)
		if n := len(recorder.Ended()); n != kept {
			t.Errorf("flag %s: %d spans", flag, n)
		}
		recorder.Reset()
	}
}

// Work without a trace, or with one that was damaged in the store, begins one of its own and goes on.
func TestResumeWithoutTrace(t *testing.T) {
	record(t)
	if carried := telemetry.Carry(context.Background()); carried != "" {
		t.Errorf("carried %q from nowhere", carried)
	}
	for _, carried := range []string{"", "garbage", "00-00000000000000000000000000000000-0000000000000000-01", strings.Repeat("0", 5000)} {
		ctx, end := telemetry.Resume(context.Background(), carried, "deliver text")
		if !trace.SpanContextFromContext(ctx).IsValid() {
			t.Errorf("%.60q: no trace", carried)
		}
		end(nil)
	}
}

// The id of a trace is in what is carried, and in nothing else.
func TestTraceID(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for carried, want := range map[string]string{"00-" + id + "-b7ad6b7169203331-01": id, "": "", "00-x": "", "00-x-y-z": "", "nonsense": ""} {
		if got := telemetry.TraceID(carried); got != want {
			t.Errorf("%q is %q", carried, got)
		}
	}
}

// Each line within a trace can be found by it, also from a logger with attributes; others have no such attribute.
func TestLogHasTrace(t *testing.T) {
	record(t)
	ctx, span := otel.Tracer("test").Start(t.Context(), "work")
	defer span.End()
	for _, terminal := range []bool{false, true} {
		var buf bytes.Buffer
		log := telemetry.Logger(&buf, terminal, slog.LevelInfo)
		log.DebugContext(ctx, "not wanted")
		log.InfoContext(ctx, "text delivered", "message_sid", "SM1")
		log.With("service", "telephony").InfoContext(ctx, "text delivered")
		log.Info("started")
		lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines:\n%s", len(lines), &buf)
		}
		id := span.SpanContext().TraceID().String()
		for i, traced := range []bool{true, true, false} {
			if strings.Contains(lines[i], "trace_id") != traced || strings.Contains(lines[i], id) != traced {
				t.Errorf("line %d: %s", i, lines[i])
			}
			if json.Valid([]byte(lines[i])) == terminal {
				t.Errorf("terminal %v: %s", terminal, lines[i])
			}
		}
	}
}

// People wrote to us in confidence: a line shows the last two digits of a number at most, wherever it stands.
func TestLogHidesNumbers(t *testing.T) {
	number := phone.Number("+16175550142")
	for _, terminal := range []bool{false, true} {
		var buf bytes.Buffer
		log := telemetry.Logger(&buf, terminal, slog.LevelInfo)
		log.Info("a", "phone", number)
		log.Info("a", "phone", &number)
		log.Info("a", slog.Group("party", "phone", number))
		log.WithGroup("party").With("phone", number).Info("a")
		for line := range strings.Lines(buf.String()) {
			if strings.Contains(line, "142") || !strings.Contains(line, "..42") {
				t.Errorf("%s", line)
			}
		}
		buf.Reset()
		log.Info("a", "phone", phone.Number("123"))
		if !strings.Contains(buf.String(), map[bool]string{true: "phone=..\n", false: `"phone":".."`}[terminal]) {
			t.Errorf("a number of three digits is shown: %s", &buf)
		}
	}
}

// The private port has metrics and profiles and nothing else.
func TestPrivate(t *testing.T) {
	server := httptest.NewServer(telemetry.Private())
	defer server.Close()
	for path, want := range map[string]string{
		"/metrics":                       "go_goroutines",
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/cmdline":           "telemetry",
		"/debug/pprof/goroutine?debug=1": "TestPrivate",
		"/":                              "404",
	} {
		res, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v", path, res.Status, err)
		}
	}
}

// Setup makes traces and metrics real without a collector, and stops in time.
func TestSetup(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"} {
		t.Setenv(name, "")
	}
	shutdown, err := telemetry.Setup(t.Context(), "telephony")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := telemetry.Resume(t.Context(), "", "deliver text")
	if telemetry.Carry(ctx) == "" {
		t.Error("no trace to carry")
	}
	end(nil)
	counter, err := otel.Meter("test").Int64Counter("bling_test")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(ctx, 3)
	w := httptest.NewRecorder()
	telemetry.Private().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if body := w.Body.String(); !strings.Contains(body, "bling_test") || !strings.Contains(body, `service_name="telephony"`) ||
		!strings.Contains(body, `service_version="`+telemetry.Version()+`"`) {
		t.Errorf("metrics have no count of the service:\n%.2000s", body)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
