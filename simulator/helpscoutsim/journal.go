package helpscoutsim

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Kinds of an Event.
const (
	KindRequest = "request"     // a request to the vendor API
	KindWarning = "warning"     // a request that works and should not be made like this
	KindWebhook = "webhook"     // one attempt to deliver a webhook
	KindDiscard = "discarded"   // a webhook given up
	KindOff     = "webhook off" // a webhook switched off
)

// Event is an entry of the history. It holds no message text and no query string.
type Event struct {
	Seq            int64     `json:"seq"` // counts from 1
	Time           time.Time `json:"time"`
	Kind           string    `json:"kind"`
	Method         string    `json:"method,omitempty"`
	Path           string    `json:"path,omitempty"`
	Route          string    `json:"route,omitempty"`  // the pattern that Path fits
	Status         int       `json:"status,omitempty"` // of a dropped connection: what was answered in vain, or 0
	Cost           int       `json:"cost,omitempty"`   // units charged
	Name           string    `json:"name,omitempty"`   // of a webhook's event
	WebhookID      int64     `json:"webhook_id,omitempty"`
	Attempt        int       `json:"attempt,omitempty"` // counts from 1
	ConversationID int64     `json:"conversation_id,omitempty"`
	Error          string    `json:"error,omitempty"`
}

// Usage sums up the requests since the start; nothing resets it.
type Usage struct {
	Requests  map[string]int `json:"requests"`   // by route, such as "GET /v2/conversations/{id}"
	Units     int            `json:"units"`      // charged in all
	Limited   int            `json:"limited"`    // answers with 429
	MaxWindow int            `json:"max_window"` // most units served in one minute
}

// historySize is how many events are kept.
const historySize = 10_000

// journal records what happened. It has its own lock, taken last.
type journal struct {
	now     func() time.Time
	changed *broadcast

	mu        sync.Mutex
	seq       int64
	events    []Event
	requests  map[string]int
	limited   int
	delivered int
}

// add records an event and wakes those who wait.
func (j *journal) add(e Event) {
	j.mu.Lock()
	j.seq++
	e.Seq, e.Time = j.seq, j.now().UTC()
	if len(j.events) == historySize {
		j.events = j.events[1:]
	}
	j.events = append(j.events, e)
	j.count(e)
	j.mu.Unlock()
	j.changed.send()
}

func (j *journal) count(e Event) {
	switch e.Kind {
	case KindRequest:
		if j.requests == nil {
			j.requests = map[string]int{}
		}
		j.requests[e.Route]++
		if e.Status == http.StatusTooManyRequests {
			j.limited++
		}
	case KindWebhook:
		if e.Status/100 == 2 {
			j.delivered++
		}
	}
}

// since returns the events after the given sequence number, oldest first.
func (j *journal) since(seq int64) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, _ := slices.BinarySearchFunc(j.events, seq+1, func(e Event, s int64) int { return int(e.Seq - s) })
	return slices.Clone(j.events[at:])
}

// last returns the sequence number of the newest event.
func (j *journal) last() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// History returns the last 10,000 requests and webhook attempts, oldest first.
func (s *Sim) History() []Event { return s.journal.since(0) }

// Usage returns what was asked of the vendor API so far.
func (s *Sim) Usage() Usage {
	units, most := s.limiter.totals()
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return Usage{
		Requests: maps.Clone(s.journal.requests), Units: units,
		Limited: s.journal.limited, MaxWindow: most,
	}
}

// Delivered returns how many webhooks were accepted by their receivers.
func (s *Sim) Delivered() int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.delivered
}

// entry is what the endpoint tells the journal about the request it serves.
type entry struct {
	status  int
	cost    int
	warning string
}

type entryKey struct{}

// entryOf returns the entry of a request; a throwaway one if the journal did not see the request.
func entryOf(r *http.Request) *entry {
	if e, ok := r.Context().Value(entryKey{}).(*entry); ok {
		return e
	}
	return &entry{}
}

// wrap records every request that h serves or fails to serve. mux only names the route.
func (j *journal) wrap(mux *http.ServeMux, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &entry{}
		_, route := mux.Handler(r)
		seen := &statusWriter{ResponseWriter: w}
		served := false
		defer func() {
			if e.warning != "" {
				j.add(Event{Kind: KindWarning, Method: r.Method, Path: r.URL.Path, Route: route, Error: e.warning})
			}
			done := Event{Kind: KindRequest, Method: r.Method, Path: r.URL.Path, Route: route, Status: e.status, Cost: e.cost}
			if served {
				done.Status = seen.status
			} else {
				done.Error = "connection dropped"
			}
			j.add(done)
		}()
		h.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), entryKey{}, e)))
		served = true
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
