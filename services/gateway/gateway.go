package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/telemetry"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
)

// Deps is what the gateway works with.
type Deps struct {
	Telephony, Ticketing *grpc.ClientConn
	Log                  *slog.Logger
	// Dialer carries requests to the dialer's pages. Default: in the clear, over the network.
	Dialer http.RoundTripper
}

// Service is the gateway. Make it with New, then Run it or take its Handler.
type Service struct {
	Config
	Deps
	telephony telephonyv1.TelephonyServiceClient
	webhooks  telephonyv1.TwilioWebhookServiceClient
	sources   *sources
	metrics   metrics
	handler   http.Handler

	closing context.Context // ends when the door closes
	close   context.CancelFunc
}

// New returns the gateway. Nothing listens until Run.
func New(c Config, d Deps) (*Service, error) {
	c.setDefaults()
	s := &Service{
		Config: c, Deps: d, sources: newSources(c.MaxFailures),
		telephony: telephonyv1.NewTelephonyServiceClient(d.Telephony), webhooks: telephonyv1.NewTwilioWebhookServiceClient(d.Telephony),
	}
	s.closing, s.close = context.WithCancel(context.Background())
	var err error
	if s.metrics, err = newMetrics(); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	mux := newTranslator(d.Log)
	ctx := context.Background()
	for _, register := range []func() error{
		func() error {
			return telephonyv1.RegisterTwilioWebhookServiceHandlerClient(ctx, mux, s.webhooks)
		},
		func() error {
			return telephonyv1.RegisterTwilioVoiceServiceHandlerClient(ctx, mux, telephonyv1.NewTwilioVoiceServiceClient(patient{d.Telephony}))
		},
		func() error {
			return telephonyv1.RegisterTelnyxWebhookServiceHandlerClient(ctx, mux, telephonyv1.NewTelnyxWebhookServiceClient(d.Telephony))
		},
		func() error {
			return ticketingv1.RegisterHelpScoutWebhookServiceHandlerClient(ctx, mux, ticketingv1.NewHelpScoutWebhookServiceClient(d.Ticketing))
		},
	} {
		if err := register(); err != nil {
			return nil, fmt.Errorf("registering webhooks: %w", err)
		}
	}
	dialer, err := url.Parse(c.DialerURL)
	if err != nil {
		return nil, fmt.Errorf("reading the dialer's address: %w", err)
	}
	if d.Dialer == nil {
		d.Dialer = http.DefaultTransport
	}
	s.handler = s.routes(mux, s.dialerPages(dialer, d.Dialer))
	return s, nil
}

// patient waits a moment for a service that is being replaced, rather than let a caller fall through to the fallback: less than
// Twilio waits for each of its attempts (callflow).
type patient struct{ grpc.ClientConnInterface }

func (p patient) Invoke(ctx context.Context, method string, in, out any, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, 3500*time.Millisecond)
	defer cancel()
	return p.ClientConnInterface.Invoke(ctx, method, in, out, append(options, grpc.WaitForReady(true))...)
}

// Handler serves everything the gateway serves.
func (s *Service) Handler() http.Handler { return s.handler }

func (s *Service) routes(translator, dialer http.Handler) http.Handler {
	mux := http.NewServeMux()
	// twilio: an incoming text; what became of a text we sent
	mux.Handle("POST /bling/twilio_sms", s.twilioDoor(translator))
	mux.Handle("POST /bling/twilio_status/{attempt}", s.twilioDoor(translator))
	// twilio: a text that could not be delivered to us
	mux.Handle("POST /bling/twilio_sms_fallback", s.twilioDoor(http.HandlerFunc(s.fallback)))
	// twilio: a call, step by step, and what becomes of it (services/telephony/callflow)
	for _, step := range []string{"voice", "ask", "key", "round", "goodbye", "leg", "call", "recording", "transcription"} {
		mux.Handle("POST /bling/twilio_"+step, s.twilioDoor(translator))
	}
	// twilio: an agent calls back, step by step
	for _, step := range []string{"ask", "key", "done", "status", "leg"} {
		mux.Handle("POST /bling/twilio_agent_"+step, s.twilioDoor(translator))
	}
	// twilio: a voicemail that a Studio flow took
	mux.Handle("POST /bling/twilio_voicemail", s.twilioDoor(translator))
	if len(s.TelnyxKeys) > 0 {
		// telnyx: an incoming text; what became of a text we sent
		mux.Handle("POST /bling/telnyx_sms", s.telnyxDoor(translator))
		mux.Handle("POST /bling/telnyx_status/{attempt}", s.telnyxDoor(translator))
	}
	// bling doctor, telephony: does the vendors' way lead here
	mux.Handle("POST "+check.ProbePath, s.twilioDoor(http.HandlerFunc(s.probe)))
	// twilio, supporter: a file that goes with a text
	mux.HandleFunc("GET /bling/file/{address}", s.file)
	// helpscout: any event
	mux.Handle("POST /bling/helpscout_webhook", s.helpScoutDoor(translator))
	if len(s.AppSecrets) > 0 {
		// helpscout: the sidebar, for apps of today and of old
		mux.Handle("GET /bling/sidebar", s.sidebarDoor(dialer))
		mux.Handle("POST /bling/sidebar", s.legacySidebarDoor(dialer))
		// browser: the dialer's pages
		mux.Handle("/dialer/", dialer)
	}
	// browser: somebody who looks whether anybody is there
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /bling/{$}", hello)
	// cluster: is this process alive; can it do its work
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }) //nolint:errcheck // the asker is gone
	mux.HandleFunc("GET /readyz", s.ready)
	// Whoever calls does not decide which trace it is.
	return otelhttp.NewHandler(secure(traced(mux)), "gateway", otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }))
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "This is a hotline. People call and text it; there is nothing to see here.\n") //nolint:errcheck // the asker is gone
}

// traced names the request's trace in its answer (https://www.w3.org/TR/trace-context-2/#traceresponse-header): Twilio's log shows the
// headers of answers, so a webhook that it complains of can be found in ours.
func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if trace := telemetry.Carry(r.Context()); trace != "" {
			w.Header().Set("Traceresponse", trace)
		}
		next.ServeHTTP(w, r)
	})
}

// secure sets the headers that every answer has.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

func secureHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// ready answers 200 when telephony can be reached. Calls need no more than that; if its database does not answer, or ticketing does not,
// that is said and no reason to close the door: all replicas would close theirs, and nobody could be told that a text is lost.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	telephony, reached := health(ctx, s.Telephony)
	ticketing, _ := health(ctx, s.Ticketing)
	if !reached {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintf(w, "telephony %s\nticketing %s\n", telephony, ticketing)
}

// health is a service's state in words, and whether it has answered at all.
func health(ctx context.Context, conn *grpc.ClientConn) (state string, reached bool) {
	res, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	switch {
	case err != nil:
		return "not reached", false
	case res.GetStatus() != healthpb.HealthCheckResponse_SERVING:
		return "not ready", true
	}
	return "ready", true
}

// Run serves on lis until ctx ends, then lets the requests under way finish.
func (s *Service) Run(ctx context.Context, lis net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// Twilio waits 15 seconds at most: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
		WriteTimeout:   15 * time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.close)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			server.Close()
		}
	})
	err := server.Serve(lis)
	if stop() {
		return fmt.Errorf("serving HTTP on %s: %w", lis.Addr(), err)
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
