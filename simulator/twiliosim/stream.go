package twiliosim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps an idle stream from being cut, and finds out when nobody reads it any more.
const heartbeat = 15 * time.Second

// streamEvents sends the history as it happens, as server-sent events that each carry an Event. A reader that comes
// again says in Last-Event-ID, or ?after=, what it has got. See https://html.spec.whatwg.org/multipage/server-sent-events.html.
func (s *Sim) streamEvents(w http.ResponseWriter, r *http.Request) {
	value := r.Header.Get("Last-Event-ID")
	if value == "" {
		value = r.URL.Query().Get("after")
	}
	last, err := natural(value, 0)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "after " + err.Error()})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	id := uint64(last)
	for {
		changed := s.changed.wait()
		id = writeEvents(w, s.journal.since(id), id)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-ticker.C:
			fmt.Fprint(w, ": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// writeEvents returns the ID of the last event that was written.
func writeEvents(w http.ResponseWriter, events []Event, last uint64) uint64 {
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			continue // an Event can always be encoded
		}
		fmt.Fprintf(w, "id: %d\ndata: %s\n\n", e.ID, data)
		last = e.ID
	}
	return last
}
