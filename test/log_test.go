package test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
	"github.com/bling-hotline/bling/test/hotlinetest"
)

// People write in confidence: whatever goes wrong, no log line says who wrote or what.
func TestLogsTellNothing(t *testing.T) {
	var log locked
	hot := hotline.New(simulator.Hotline, simulator.MailboxID)
	hot.Calls.Phones = []hotline.Phone{{Name: "Anna", Number: "+16175550145"}}
	hot.Calls.Transcription = hotline.EngineTranscription // of which there is none
	h := hotlinetest.Start(t, hotlinetest.Options{
		DB: sqldbtest.Any(t), LoseStatus: true, Hotlines: hotline.Hotlines{hot}, Virtual: true,
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
	h.Twilio.Faults().Set(fault.Switches{FailNext: 3, FailNextStatus: 503, Path: "GET "})
	if _, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: "+16175550146", To: simulator.Hotline, Acts: []twiliosim.Act{
		{On: "beep", Say: "a secret on the phone", For: twiliosim.Duration(5 * time.Second)}, {HangUp: true},
	}}); err != nil {
		t.Fatal(err)
	}
	desk(t, h, "+16175550146", has("transcription failed"))
	h.Lose("/bling/twilio_recording")
	h.StopDatabase()
	if _, err := h.Twilio.Call(t.Context(), twiliosim.Call{From: "+16175550147", To: simulator.Hotline, Acts: []twiliosim.Act{{On: "beep", HangUp: true}}}); err != nil {
		t.Fatal(err)
	}

	all := log.String()
	for _, secret := range []string{"secret", "555014", "5017122661", "Thank you for your message"} {
		for line := range strings.Lines(all) {
			if strings.Contains(line, secret) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
	}
	for _, want := range []string{"lane waits", "carrier refused a text", "voicemail could not be transcribed", "a call goes on without the database"} {
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
