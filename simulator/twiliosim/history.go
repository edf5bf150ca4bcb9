package twiliosim

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// The kinds of events.
const (
	EventRequest = "request" // a request to the REST API
	EventWebhook = "webhook" // an attempt to deliver an inbound message
	EventStatus  = "status"  // an attempt to deliver a status callback
	EventReply   = "reply"   // a message that a webhook's answer asked for; Error if it was refused
	EventLost    = "lost"    // a webhook that nobody took
	EventMedia   = "media"   // the fetch of an outbound message's file

	EventVoice    = "voice"    // an attempt to get what a call does next
	EventCallback = "callback" // an attempt to deliver a status, recording or transcription callback of a call
	EventPlay     = "play"     // the fetch of a file that a call plays
)

// Event is a line of the history.
type Event struct {
	ID     uint64    `json:"id"` // counts up from 1
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	Method string    `json:"method,omitempty"`
	Path   string    `json:"path,omitempty"`   // of a webhook: the URL without its fragment; of a fetch: the URL
	Status int       `json:"status,omitempty"` // 0: no answer
	Error  string    `json:"error,omitempty"`
	Sid    string    `json:"sid,omitempty"` // of the message or call it is about, if there is one
}

// History returns the last 10,000 requests, webhook attempts and fetches, oldest first. A request's time is when its
// answer was done; when a message was accepted says its DateCreated.
func (s *Sim) History() []Event { return s.journal.since(0) }

// maxEvents bounds the history.
const maxEvents = 10_000

// journal keeps the history.
type journal struct {
	now     func() time.Time
	changed *broadcast

	mu   sync.Mutex
	last uint64  // ID of the newest event
	ring []Event // the event with an ID is at (ID-1) % maxEvents
	from uint64  // events up to this ID are gone
}

func (j *journal) add(e Event) {
	j.mu.Lock()
	j.last++
	e.ID, e.Time = j.last, j.now().UTC()
	if i := int((e.ID - 1) % maxEvents); i < len(j.ring) {
		j.ring[i] = e
	} else {
		j.ring = append(j.ring, e)
	}
	if j.last > maxEvents {
		j.from = max(j.from, j.last-maxEvents)
	}
	j.mu.Unlock()
	j.changed.send()
}

// since returns the events after the one with this ID. An ID that was not given out yet is from an earlier run of the
// simulator, whose reader gets all.
func (j *journal) since(id uint64) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id > j.last {
		id = 0
	}
	var events []Event
	for id = max(id, j.from); id < j.last; id++ {
		events = append(events, j.ring[id%maxEvents])
	}
	return events
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.from = j.last
}

// wrap notes each request, whatever becomes of it.
func (j *journal) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &Event{Kind: EventRequest, Method: r.Method, Path: r.URL.RequestURI()}
		recorder := &statusRecorder{ResponseWriter: w}
		cut := true
		defer func() {
			e.Status = recorder.status
			if cut {
				e.Status, e.Error = 0, "connection cut"
			}
			j.add(*e)
		}()
		next.ServeHTTP(recorder, r.WithContext(context.WithValue(r.Context(), eventKey{}, e)))
		cut = false
	})
}

type eventKey struct{}

// note fills in the event of the request that is being served.
func note(r *http.Request, sid string, err error) {
	e, ok := r.Context().Value(eventKey{}).(*Event)
	if !ok {
		return
	}
	if sid != "" {
		e.Sid = sid
	}
	if err != nil {
		e.Error = err.Error()
	}
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *statusRecorder) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
