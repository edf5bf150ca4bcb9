package hotlinetest

import (
	"context"
	"testing"

	"github.com/bling-hotline/bling/simulator/crowd"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Crowd is a crowd in a test.
type Crowd struct{ crowd.Crowd }

// Send texts it all and returns when every text is acknowledged.
func (c *Crowd) Send(ctx context.Context, t testing.TB, twilio *twiliosim.Sim) {
	t.Helper()
	if err := c.Crowd.Send(ctx, twilio); err != nil {
		t.Error(err)
	}
}

// Arrived waits until the help desk and the phones have at least as much as was sent.
func (c *Crowd) Arrived(ctx context.Context, t testing.TB, v Vendors) {
	t.Helper()
	if err := c.Crowd.Arrived(ctx, crowd.Vendors{Twilio: v.Twilio, HelpScout: v.HelpScout}); err != nil {
		t.Error(err)
	}
}

// Check compares the books.
func (c *Crowd) Check(t testing.TB, v Vendors) {
	t.Helper()
	report := c.Crowd.Check(crowd.Vendors{Twilio: v.Twilio, HelpScout: v.HelpScout})
	t.Log(report)
	if !report.Right() {
		t.Error("the books do not agree")
	}
}
