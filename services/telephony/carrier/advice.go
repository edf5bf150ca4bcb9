package carrier

import (
	"net/http"
	"strconv"
	"time"
)

// mostAdvice bounds what a carrier's advice is followed for.
const mostAdvice = time.Hour

// Advice is how long to wait before the same is asked again, an hour at most; 0 if an answer does not say. It is in seconds, in Retry-After
// (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after), or else in X-Ratelimit-Reset, as Telnyx has it
// (https://developers.telnyx.com/development/api-fundamentals/reliability/rate-limiting). What would be more than an hour is no number of seconds
// there.
func Advice(h http.Header) time.Duration {
	if d, ok := seconds(h, "Retry-After"); ok {
		return min(d, mostAdvice)
	}
	if d, ok := seconds(h, "X-Ratelimit-Reset"); ok && d <= mostAdvice {
		return d
	}
	return 0
}

func seconds(h http.Header, name string) (time.Duration, bool) {
	n, err := strconv.ParseUint(h.Get(name), 10, 33) // that many are 272 years, which a Duration can hold
	return time.Duration(n) * time.Second, err == nil
}
