package twiliosim

import (
	"strings"
	"testing"
	"time"
)

func TestSegments(t *testing.T) {
	tests := []struct {
		body string
		want int
	}{
		{"", 1},
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1},
		{strings.Repeat("€", 81), 2},
		{strings.Repeat("é", 160), 1},
		{strings.Repeat("ж", 70), 1},
		{strings.Repeat("ж", 71), 2},
		{strings.Repeat("👋", 35), 1},
		{strings.Repeat("👋", 36), 2},
	}
	for _, test := range tests {
		if got := segments(test.body); got != test.want {
			t.Errorf("%.10q..., %d bytes: %d segments, want %d", test.body, len(test.body), got, test.want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	j := &journal{now: time.Now, changed: &broadcast{}}
	for range maxEvents + 7 {
		j.add(Event{})
	}
	events := j.since(0)
	if len(events) != maxEvents || events[0].ID != 8 || events[len(events)-1].ID != maxEvents+7 {
		t.Errorf("%d events from %d to %d", len(events), events[0].ID, events[len(events)-1].ID)
	}
	if got := j.since(maxEvents + 6); len(got) != 1 {
		t.Errorf("%d events after the last but one", len(got))
	}
}

func TestWithoutUser(t *testing.T) {
	for raw, want := range map[string]string{
		"https://h.org/a?b=c@d":           "https://h.org/a?b=c@d",
		"https://user:pass@h.org:8443/a":  "https://h.org:8443/a",
		"http://user@h.org?x=1":           "http://h.org?x=1",
		"https://h.org:443/%27?a=%20&b=+": "https://h.org:443/%27?a=%20&b=+",
	} {
		if got := withoutUser(raw); got != want {
			t.Errorf("%s became %s", raw, got)
		}
	}
}

func TestSignedByVoice(t *testing.T) {
	for raw, want := range map[string]string{
		"https://h.org:8443/a?b=:8443": "https://h.org/a?b=:8443",
		"https://h.org/a":              "https://h.org/a",
		"http://h.org:8080/a":          "http://h.org:8080/a",
	} {
		if got := signedByVoice(raw); got != want {
			t.Errorf("%s became %s", raw, got)
		}
	}
}

func TestVirtualClock(t *testing.T) {
	c := NewVirtualClock()
	done := make(chan string, 10)
	at := func(d time.Duration, name string) (stop func()) {
		return c.after(d, func() { done <- name + " " + c.now().String() })
	}
	c.Hold()
	at(time.Second, "a")
	at(time.Second, "b")
	at(0, "c")
	at(time.Second, "stopped")()
	at(time.Second, "d")
	c.Release()
	for _, want := range []string{"c 0s", "a 1s", "b 1s", "d 1s"} {
		if got := <-done; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}

	// While something is in flight, what is due now happens, and nothing later.
	block := make(chan bool)
	c.background(func() { <-block })
	at(time.Second, "later")
	for range 100 {
		at(0, "now")
		if got := <-done; got != "now 1s" {
			t.Fatalf("%s in flight", got)
		}
	}
	close(block)
	if got := <-done; got != "later 2s" {
		t.Errorf("%s after that", got)
	}

	// Of two that are in flight, the one that was begun first counts first.
	first := make(chan bool)
	c.task(func() { <-first }, func() { done <- "first" })
	c.task(func() { close(first) }, func() { done <- "second" })
	if a, b := <-done, <-done; a != "first" || b != "second" {
		t.Errorf("%s before %s", a, b)
	}
	c.stop()
}
