package fault

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// Switches say what goes wrong, and for which requests. The zero value lets everything through.
type Switches struct {
	// ErrorRate is the share of requests, from 0 to 1, answered with Status and not applied.
	ErrorRate float64 `json:"error_rate"`
	// Status answers requests that fail by ErrorRate. Default: 500.
	Status int `json:"status"`

	// DropBeforeRate is the share of requests whose connection is cut before they are applied.
	DropBeforeRate float64 `json:"drop_before_rate"`
	// DropAfterRate is the share of requests that are applied, whose connection is then cut without an answer.
	DropAfterRate float64 `json:"drop_after_rate"`

	// DelayMS is how many milliseconds each request waits before anything else happens to it.
	DelayMS int `json:"delay_ms"`

	// FailNext is how many of the next requests fail with FailNextStatus and are not applied. It counts down.
	FailNext int `json:"fail_next"`
	// FailNextStatus answers the requests counted by FailNext. Default: 500.
	FailNextStatus int `json:"fail_next_status"`
	// FailNextRetryAfter is the Retry-After header, in seconds, if FailNextStatus is 429. Zero: no header.
	FailNextRetryAfter int `json:"fail_next_retry_after"`

	// DropBeforeNext is how many of the next requests are cut before they are applied. It counts down.
	DropBeforeNext int `json:"drop_before_next"`
	// DropAfterNext is how many of the next requests are applied and then cut. It counts down.
	DropAfterNext int `json:"drop_after_next"`

	// Path limits all of this to requests whose method, space and path contain it, as in "POST /v2/". Empty: all.
	Path string `json:"path"`
}

// Validate reports the first switch that is out of range.
func (s Switches) Validate() error {
	for name, rate := range map[string]float64{
		"error_rate": s.ErrorRate, "drop_before_rate": s.DropBeforeRate, "drop_after_rate": s.DropAfterRate,
	} {
		if rate < 0 || rate > 1 || math.IsNaN(rate) {
			return fmt.Errorf("%s must be from 0 to 1, got %v", name, rate)
		}
	}
	for name, status := range map[string]int{"status": s.Status, "fail_next_status": s.FailNextStatus} {
		if status != 0 && (status < 200 || status > 599) {
			return fmt.Errorf("%s must be a status from 200 to 599, got %d", name, status)
		}
	}
	for name, n := range map[string]int{
		"delay_ms": s.DelayMS, "fail_next": s.FailNext, "fail_next_retry_after": s.FailNextRetryAfter,
		"drop_before_next": s.DropBeforeNext, "drop_after_next": s.DropAfterNext,
	} {
		if n < 0 {
			return fmt.Errorf("%s must not be negative, got %d", name, n)
		}
	}
	return nil
}

func (s Switches) match(r *http.Request) bool {
	return s.Path == "" || strings.Contains(r.Method+" "+r.URL.Path, s.Path)
}

func (s Switches) delay() time.Duration { return time.Duration(s.DelayMS) * time.Millisecond }
