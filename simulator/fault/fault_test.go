package fault_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bling-hotline/bling/simulator/fault"
)

// server counts what was applied behind an injector.
func server(t *testing.T, seed uint64) (*fault.Injector, string, *atomic.Int64) {
	t.Helper()
	var applied atomic.Int64
	injector := fault.New(seed)
	srv := httptest.NewServer(injector.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		applied.Add(1)
		w.WriteHeader(http.StatusCreated)
	})))
	t.Cleanup(srv.Close)
	return injector, srv.URL, &applied
}

// post returns the status, or 0 when the connection was cut.
func post(t *testing.T, url string) (int, http.Header) {
	t.Helper()
	res, err := http.Post(url, "text/plain", strings.NewReader("x"))
	if err != nil {
		return 0, nil
	}
	res.Body.Close()
	return res.StatusCode, res.Header
}

func TestOneRequest(t *testing.T) {
	tests := []struct {
		name     string
		switches fault.Switches
		status   int
		applied  int64
	}{
		{"zero value", fault.Switches{}, 201, 1},
		{"error rate", fault.Switches{ErrorRate: 1}, 500, 0},
		{"error rate with status", fault.Switches{ErrorRate: 1, Status: 503}, 503, 0},
		{"drop before", fault.Switches{DropBeforeRate: 1}, 0, 0},
		{"drop after", fault.Switches{DropAfterRate: 1}, 0, 1},
		{"fail next", fault.Switches{FailNext: 1}, 500, 0},
		{"drop before next", fault.Switches{DropBeforeNext: 1}, 0, 0},
		{"drop after next", fault.Switches{DropAfterNext: 1}, 0, 1},
		{"a delay", fault.Switches{DelayMS: 1}, 201, 1},
		{"path fits", fault.Switches{ErrorRate: 1, Path: "POST /v2/conv"}, 500, 0},
		{"path does not fit", fault.Switches{ErrorRate: 1, DropAfterNext: 1, Path: "GET /v2"}, 201, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			injector, url, applied := server(t, 1)
			injector.Set(test.switches)
			status, _ := post(t, url+"/v2/conversations")
			if status != test.status || applied.Load() != test.applied {
				t.Errorf("status %d, applied %d; want %d, %d", status, applied.Load(), test.status, test.applied)
			}
		})
	}
}

func TestCountersRunOut(t *testing.T) {
	injector, url, applied := server(t, 1)
	injector.Set(fault.Switches{FailNext: 2, FailNextStatus: 429, FailNextRetryAfter: 7, DropAfterNext: 1})
	for range 2 {
		status, header := post(t, url)
		if status != 429 || header.Get("Retry-After") != "7" {
			t.Errorf("status %d, Retry-After %q; want 429, 7", status, header.Get("Retry-After"))
		}
	}
	if status, _ := post(t, url); status != 0 || applied.Load() != 1 {
		t.Errorf("status %d, applied %d; want an applied request without answer", status, applied.Load())
	}
	if status, _ := post(t, url); status != 201 {
		t.Errorf("status %d after the counters ran out", status)
	}
	if got := injector.Get(); got.FailNext != 0 || got.DropAfterNext != 0 {
		t.Errorf("counters left: %+v", got)
	}
}

func TestSeedReproduces(t *testing.T) {
	outcomes := func(seed uint64) string {
		injector, url, _ := server(t, seed)
		injector.Set(fault.Switches{ErrorRate: 0.5})
		var b strings.Builder
		for range 40 {
			status, _ := post(t, url)
			b.WriteByte("0123456"[status/100])
		}
		return b.String()
	}
	first := outcomes(7)
	if second := outcomes(7); first != second {
		t.Errorf("same seed: %s and %s", first, second)
	}
	if !strings.Contains(first, "5") || !strings.Contains(first, "2") {
		t.Errorf("a rate of one half gave %s", first)
	}
}

func TestDelayEndsWithRequest(t *testing.T) {
	injector := fault.New(1)
	injector.Set(fault.Switches{DelayMS: 3_600_000})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("panic with %v, want ErrAbortHandler", got)
		}
	}()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	injector.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
}

func TestValidate(t *testing.T) {
	bad := []fault.Switches{
		{ErrorRate: 1.1}, {DropBeforeRate: -1}, {DropAfterRate: math.NaN()}, {Status: 99}, {FailNextStatus: 600},
		{DelayMS: -1}, {FailNext: -1}, {FailNextRetryAfter: -1}, {DropBeforeNext: -1}, {DropAfterNext: -1},
	}
	for _, s := range bad {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
	good := fault.Switches{ErrorRate: 0.1, DropAfterRate: 1, Status: 503, DelayMS: 5, FailNext: 3}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestJSONNames(t *testing.T) {
	var s fault.Switches
	d := json.NewDecoder(strings.NewReader(`{"error_rate":0.5,"status":502,"drop_before_rate":0.1,"drop_after_rate":0.2,
		"delay_ms":10,"fail_next":1,"fail_next_status":429,"fail_next_retry_after":3,"drop_after_next":4,
		"drop_before_next":5,"path":"GET /"}`))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.DelayMS != 10 || s.DropBeforeNext != 5 || s.FailNextRetryAfter != 3 {
		t.Errorf("decoded %+v", s)
	}
}
