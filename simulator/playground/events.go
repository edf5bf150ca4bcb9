package playground

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	// heartbeat keeps an idle stream from being cut, and finds out when nobody reads it any more.
	heartbeat = 15 * time.Second
	// pace is how long changes are gathered before the page is told.
	pace = 80 * time.Millisecond
)

// handleEvents tells the page what has changed, by server-sent events with the names of its parts: phones, story, trouble, flood, stage. They
// carry nothing; the page fetches what it shows. After a pause of the connection it fetches everything.
func (p *Page) handleEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	fmt.Fprint(w, "retry: 500\n\n")
	stream := http.NewResponseController(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	phones, lines := make(chan struct{}, 1), make(chan struct{}, 1)
	go p.Twilio.Wait(ctx, func(*twiliosim.Sim) bool { mark(phones); return false }) //nolint:errcheck // it ends with the stream
	go func() {
		for last := p.Story.Last(); p.Story.Wait(ctx, last) == nil; last = p.Story.Last() {
			mark(lines)
		}
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if stream.Flush() != nil {
			return
		}
		flood, stage := p.flood.wait(), p.stageChanged()
		told := map[string]bool{}
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			fmt.Fprint(w, ": still here\n\n")
			continue
		case <-phones:
			told["phones"] = true
		case <-lines:
			told["story"] = true
		case <-flood:
			told["flood"] = true
		case <-stage:
			told["stage"] = true
		}
		time.Sleep(pace)
		for part, changed := range map[string]<-chan struct{}{"phones": phones, "story": lines, "flood": flood, "stage": stage} {
			select {
			case <-changed:
				told[part] = true
			default:
			}
			if told[part] {
				fmt.Fprintf(w, "event: %s\ndata:\n\n", part)
			}
		}
	}
}

// mark notes that something has changed.
func mark(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
