package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/check"
	"github.com/bling-hotline/bling/internal/telemetry"
)

// Whoever can sign as Twilio does learns how the gateway stands, nobody else does, and no service behind it hears of it.
func TestProbe(t *testing.T) {
	h, b := newGateway(t)
	before := time.Now()
	status, body, header := serve(h, twilioRequest(check.ProbePath, nil))
	var p check.Probe
	if err := json.Unmarshal([]byte(body), &p); status != http.StatusOK || err != nil {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if p.Time.Before(before) || p.Time.After(time.Now()) || p.Version != telemetry.Version() || p.Telephony != "ready" || p.Ticketing != "ready" {
		t.Errorf("it says %+v", p)
	}
	if kind := header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("it is %s", kind)
	}
	if status, body, _ := serve(h, httptest.NewRequest(http.MethodPost, check.ProbePath, nil)); status != http.StatusForbidden || body != "forbidden" {
		t.Errorf("unsigned: %d %s", status, body)
	}
	forged := twilioRequest(check.ProbePath, nil)
	forged.Header.Set("X-Twilio-Signature", twilioRequest("/bling/twilio_sms", nil).Header.Get("X-Twilio-Signature"))
	if status, _, _ := serve(h, forged); status != http.StatusForbidden {
		t.Errorf("signed for another address: %d", status)
	}
	if got := b.taken(); len(got) != 0 {
		t.Errorf("the services were told %v", got)
	}
}
