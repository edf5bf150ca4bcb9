package carrier_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/telephony/carrier"
)

// Whatever a carrier writes there, nobody waits for longer than an hour, and never for less than nothing.
func TestAdvice(t *testing.T) {
	for name, test := range map[string]struct {
		retry, reset string
		want         time.Duration
	}{
		"nothing":       {"", "", 0},
		"seconds":       {"30", "", 30 * time.Second},
		"Telnyx's":      {"", "12", 12 * time.Second},
		"both":          {"3", "12", 3 * time.Second},
		"an hour":       {"3600", "", time.Hour},
		"a day":         {"86400", "", time.Hour},
		"a time":        {"1796000000", "", time.Hour},
		"more than all": {"9223372036854775807", "", 0},
		"too many":      {"99999999999999999999", "", 0},
		"until 2027":    {"", "1800000000", 0},
		"negative":      {"-5", "", 0},
		"a date":        {"Sat, 28 Nov 2026 09:00:00 GMT", "", 0},
		"words":         {"soon", "7", 7 * time.Second},
	} {
		h := http.Header{}
		h.Set("Retry-After", test.retry)
		h.Set("X-Ratelimit-Reset", test.reset)
		if got := carrier.Advice(h); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
