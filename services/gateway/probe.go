package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/telemetry"
)

// probe answers whoever can sign as Twilio does, bling doctor for one, with how we stand. Nothing is changed by it.
func (s *Service) probe(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	p := check.Probe{Version: telemetry.Version(), Time: time.Now().UTC()}
	p.Telephony, _ = health(ctx, s.Telephony)
	p.Ticketing, _ = health(ctx, s.Ticketing)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(p) //nolint:errcheck // the asker is gone
}
