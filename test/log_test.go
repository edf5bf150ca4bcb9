package test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// People write in confidence: whatever goes wrong, no log line says who wrote or what.
func TestLogsTellNothing(t *testing.T) {
	var log locked
	h := hotlinetest.Start(t, hotlinetest.Options{
		DB: sqldb.Config{Dir: t.TempDir()}, LoseStatus: true,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	text(t, h, "+16175550144", "a first secret") // the budget is known after it
	desk(t, h, "+16175550144", has("a first secret"))
	h.HelpScout.Faults().Set(fault.Switches{DropBeforeNext: 2, FailNext: 2, FailNextStatus: 503})
	h.Twilio.Faults().Set(fault.Switches{DropAfterNext: 2, FailNext: 1})
	sid := text(t, h, supporter, "my secret", twiliosim.Media{ContentType: "text/html", Data: []byte("secret page")})
	desk(t, h, supporter, has("are not taken"))
	phoneHas(t, h, supporter, 1)
	settled(t, h, "welcome:"+sid)
	h.Twilio.OptOut("+16175550143", simulator.Hotline, true)
	text(t, h, "+16175550143", "another secret")
	desk(t, h, "+16175550143", has("opted out"))
	c := desk(t, h, supporter, has("my secret"))
	h.Twilio.SetCarrier(supporter, twiliosim.Carrier{Refuse: 21614})
	reply(t, h, c, helpscoutsim.Reply{Text: "the agent's secret", Attachments: []helpscoutsim.Attachment{{FileName: "secret.pdf", MimeType: "application/pdf", Data: []byte("secret")}}})
	desk(t, h, supporter, has("this number cannot get texts"))
	hotlinetest.Webhook(t, h.URL, map[string]string{"From": supporter, "Body": "a secret without a sid"})

	all := log.String()
	for _, secret := range []string{"secret", "555014", "5017122661", "Thank you for your message"} {
		for line := range strings.Lines(all) {
			if strings.Contains(line, secret) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
	}
	for _, want := range []string{"lane waits", "carrier refused a text"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log has no %q: nothing went wrong here", want)
		}
	}
}

// locked is a buffer for several writers.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
