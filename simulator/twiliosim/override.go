package twiliosim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// overrides are how a webhook is delivered, which the fragment of its URL may change.
// See https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
type overrides struct {
	connect, read, total time.Duration
	retries              int
	retryOn              []string // of retryClasses
}

// The failures that may be retried: error answers, no connection, no answer.
const (
	class4xx     = "4xx"
	class5xx     = "5xx"
	classConnect = "ct"
	classRead    = "rt"
)

var retryClasses = []string{class4xx, class5xx, classConnect, classRead}

func defaultOverrides() overrides {
	return overrides{
		connect: 5 * time.Second, read: 15 * time.Second, total: 15 * time.Second, retries: 1, retryOn: []string{classConnect},
	}
}

// splitOverrides cuts the fragment, which is neither sent nor signed, off a URL and reads it.
func splitOverrides(raw string) (target string, o overrides, err error) {
	target, fragment, _ := strings.Cut(raw, "#")
	o = defaultOverrides()
	if fragment == "" {
		return target, o, nil
	}
	for pair := range strings.SplitSeq(fragment, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if err := o.set(key, value); err != nil {
			return target, o, err
		}
	}
	return target, o, nil
}

func (o *overrides) set(key, value string) (err error) {
	switch key {
	case "ct":
		o.connect, err = milliseconds(key, value, 10_000)
	case "rt":
		o.read, err = milliseconds(key, value, 15_000)
	case "tt":
		o.total, err = milliseconds(key, value, 15_000)
	case "rc":
		o.retries, err = strconv.Atoi(value)
		if err != nil || o.retries < 0 || o.retries > 5 {
			err = fmt.Errorf("rc=%s is not from 0 to 5", value)
		}
	case "rp":
		o.retryOn, err = retryList(value)
	case "sni":
		if value != "y" && value != "n" {
			err = fmt.Errorf("sni=%s is neither y nor n", value)
		}
	case "e": // where Twilio calls from; makes no difference here
	default:
		err = fmt.Errorf("there is no connection override %q", key)
	}
	return err
}

func milliseconds(key, value string, most int) (time.Duration, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 100 || n > most {
		return 0, fmt.Errorf("%s=%s is not from 100 to %d", key, value, most)
	}
	return time.Duration(n) * time.Millisecond, nil
}

func retryList(value string) ([]string, error) {
	var classes []string
	for class := range strings.SplitSeq(value, ",") {
		switch {
		case class == "all":
			classes = retryClasses
		case slices.Contains(retryClasses, class):
			classes = append(slices.Clone(classes), class)
		default:
			return nil, fmt.Errorf("rp=%s: there is no failure called %q", value, class)
		}
	}
	return classes, nil
}
