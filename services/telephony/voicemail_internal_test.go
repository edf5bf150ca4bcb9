package telephony

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/simulator/fault"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const (
	ours   = "+15017122661"
	caller = "+16175550142"
)

// desk is a ticketing that takes everything.
type desk struct {
	ticketingv1.TicketingServiceClient
	mu    sync.Mutex
	files int
	notes []string
}

func (d *desk) AttachMedia(context.Context, *ticketingv1.AttachMediaRequest, ...grpc.CallOption) (*ticketingv1.AttachMediaResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files++
	return &ticketingv1.AttachMediaResponse{}, nil
}

func (d *desk) FileNote(_ context.Context, r *ticketingv1.FileNoteRequest, _ ...grpc.CallOption) (*ticketingv1.FileNoteResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, r.GetText())
	return &ticketingv1.FileNoteResponse{}, nil
}

// bench is a telephony whose jobs are done by hand, and Twilio.
type bench struct {
	*Service
	t    *testing.T
	sim  *twiliosim.Sim
	desk *desk
	ctx  context.Context
	late time.Duration // how far its clock is ahead
}

func newBench(t *testing.T, change ...func(*hotline.Calls)) *bench {
	t.Helper()
	document := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		if r.URL.Path == "/end" {
			io.WriteString(w, "<Response><Hangup/></Response>") //nolint:errcheck // the call would break off
			return
		}
		io.WriteString(w, `<Response><Record action="/end"/></Response>`) //nolint:errcheck // see above
	}))
	b := &bench{t: t, desk: &desk{}, ctx: t.Context()}
	now := func() time.Time { return time.Now().Add(b.late) }
	sim, err := twiliosim.New(twiliosim.Config{CallClock: twiliosim.NewVirtualClock(), Now: now})
	fatal(t, err)
	api := httptest.NewServer(sim.Handler())
	sim.SetPublicURL(api.URL)
	sim.SetNumber(twiliosim.Number{PhoneNumber: ours, VoiceURL: document.URL})
	db, err := sqlstore.Open(b.ctx, sqldbtest.Any(t))
	fatal(t, err)
	h := hotline.New(ours, 206906)
	for _, f := range change {
		f(&h.Calls)
	}
	service, err := New(Config{
		Hotlines: hotline.Hotlines{h}, AccountSID: twiliosim.DefaultAccountSID, AuthToken: twiliosim.DefaultAuthToken, APIURL: api.URL, PublicURL: "https://hotline.example.org",
	}, Deps{DB: db, Ticketing: b.desk, Log: slog.New(slog.DiscardHandler), Now: now})
	fatal(t, err)
	b.Service, b.sim = service, sim
	t.Cleanup(func() { sim.Close(); api.Close(); document.Close(); db.Close() })
	return b
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// record has somebody leave a voicemail at Twilio, of which nobody tells us.
func (b *bench) record(from string) twiliosim.Recording {
	b.t.Helper()
	_, err := b.sim.Call(b.ctx, twiliosim.Call{From: from, To: ours, Acts: []twiliosim.Act{
		{On: "beep", Say: "Hello", For: twiliosim.Duration(5 * time.Second)}, {HangUp: true},
	}})
	fatal(b.t, err)
	all := b.sim.Recordings()
	return all[len(all)-1]
}

// told is what the callback of a recording says.
func told(r twiliosim.Recording) *telephonyv1.ReceiveRecordingRequest {
	return &telephonyv1.ReceiveRecordingRequest{
		RecordingSid: r.Sid, CallSid: r.CallSid, RecordingUrl: r.URL, RecordingStatus: "completed", RecordingDuration: int32(r.Duration.Seconds()), From: r.From, To: r.To,
	}
}

// entries are what waits to go into the tickets, which it does.
func (b *bench) entries(lane string) (bodies []string) {
	b.t.Helper()
	for {
		t, err := b.store.NextText(b.ctx, lane)
		fatal(b.t, err)
		if t == nil {
			return bodies
		}
		bodies = append(bodies, t.Body)
		fatal(b.t, b.store.TextDone(b.ctx, t, 7, b.Now(), nil))
	}
}

func (b *bench) texted(key string) bool {
	b.t.Helper()
	_, _, found, err := b.store.FindTextOut(b.ctx, key)
	fatal(b.t, err)
	return found
}

// However long Twilio does not hand a voicemail out, it is not called lost while Twilio has it; when it is gone, it is.
func TestVoicemailIsWaitedFor(t *testing.T) {
	b := newBench(t)
	r := b.record(caller)
	if _, err := b.ReceiveRecording(b.ctx, told(r)); err != nil {
		t.Fatal(err)
	}
	lane := lane(ours, caller)
	b.entries(lane)
	audio := fmt.Sprintf("GET /2010-04-01/Accounts/%s/Recordings/%s.mp3", twiliosim.DefaultAccountSID, r.Sid)
	for _, trouble := range []fault.Switches{{ErrorRate: 1, Status: 503, Path: audio}, {ErrorRate: 1, Status: 404, Path: audio}, {ErrorRate: 1, Status: 401}} {
		b.sim.Faults().Set(trouble)
		for range 2 * maxFetches {
			if _, err := b.attach(b.ctx, lane); err == nil {
				t.Fatalf("given up with %d", trouble.Status)
			}
		}
	}
	b.sim.Faults().Set(fault.Switches{})
	_, err := b.attach(b.ctx, lane)
	fatal(t, err)
	if b.desk.files != 1 || len(b.desk.notes) != 0 || b.texted("lost:"+r.Sid) {
		t.Errorf("%d files, notes %q", b.desk.files, b.desk.notes)
	}

	gone := b.record(caller)
	if _, err := b.ReceiveRecording(b.ctx, told(gone)); err != nil {
		t.Fatal(err)
	}
	b.entries(lane)
	fatal(t, b.twilio.DeleteRecording(b.ctx, gone.Sid))
	for n := 0; !b.texted("lost:" + gone.Sid); n++ {
		if n > maxFetches {
			t.Fatal("nobody is told that it is lost")
		}
		b.attach(b.ctx, lane) //nolint:errcheck // it fails until it is given up
	}
	if len(b.desk.notes) != 1 || !strings.Contains(b.desk.notes[0], "could not be attached") {
		t.Errorf("notes %q", b.desk.notes)
	}
}

// A recording whose call Twilio cannot find keeps no other from being found, nor does an error; what was there before us is
// not ours.
func TestRecordingsAreFound(t *testing.T) {
	b := newBench(t)
	first, bad, last := b.record("+16175550001"), b.record("+16175550002"), b.record("+16175550003")
	b.late = 10 * time.Minute
	call := fmt.Sprintf("GET /2010-04-01/Accounts/%s/Calls/%s", twiliosim.DefaultAccountSID, bad.CallSid)
	b.sim.Faults().Set(fault.Switches{ErrorRate: 1, Status: 500, Path: call})
	if err := b.collectRecordings(b.ctx); err == nil {
		t.Error("an error is none")
	}
	b.late = 72 * time.Hour // an outage of days
	for _, r := range []twiliosim.Recording{first, last} {
		if got := b.entries(lane(ours, r.From)); len(got) != 1 {
			t.Errorf("%s: %q", r.From, got)
		}
	}
	b.sim.Faults().Set(fault.Switches{})
	fatal(t, b.collectRecordings(b.ctx))
	if got := b.entries(lane(ours, bad.From)); len(got) != 1 {
		t.Errorf("after the error: %q", got)
	}
	fatal(t, b.collectRecordings(b.ctx))
	if got := b.entries(lane(ours, first.From)); len(got) != 0 {
		t.Errorf("found twice: %q", got)
	}

	later := newBench(t)
	later.late = -time.Hour
	old := later.record(caller)
	later.late = time.Hour
	fatal(t, later.collectRecordings(later.ctx))
	if got := later.entries(lane(ours, old.From)); len(got) != 0 {
		t.Errorf("from before we were here: %q", got)
	}
}

// Found is what nobody has told us of, once it is written down.
func TestRecordingsFoundOnce(t *testing.T) {
	b := newBench(t)
	var log bytes.Buffer
	b.Log = slog.New(slog.NewTextHandler(&log, nil))
	told, untold := b.record("+16175550001"), b.record("+16175550002")
	if _, err := b.ReceiveRecording(b.ctx, &telephonyv1.ReceiveRecordingRequest{
		RecordingSid: told.Sid, CallSid: told.CallSid, RecordingUrl: told.URL, RecordingStatus: "completed", RecordingDuration: 5, From: told.From, To: told.To,
	}); err != nil {
		t.Fatal(err)
	}
	list, err := b.twilio.Voicemails(b.ctx, b.Now().Add(-time.Hour))
	fatal(t, err)
	for range 2 {
		for _, found := range list {
			fatal(t, b.collect(b.ctx, found))
		}
	}
	if got := log.String(); strings.Count(got, "voicemail found") != 1 || !strings.Contains(got, untold.Sid) {
		t.Errorf("found are %s", got)
	}
	fatal(t, b.DB.Close())
	log.Reset()
	if err := b.collect(b.ctx, list[0]); err == nil || strings.Contains(log.String(), "voicemail found") {
		t.Errorf("without a database: %v, %s", err, log.String())
	}
}

// Whoever called, a recording is never refused for it; and one that Twilio has lost is in the ticket as lost.
func TestRecordingsOfAnybody(t *testing.T) {
	b := newBench(t)
	for i, from := range []string{"", "anonymous", "client:alice", "12345", "\x00\xff", "+447911123456"} {
		_, err := b.ReceiveRecording(b.ctx, &telephonyv1.ReceiveRecordingRequest{
			RecordingSid: fmt.Sprint("RE", i), CallSid: fmt.Sprint("CA", i), RecordingUrl: "https://api.twilio.com/RE", RecordingStatus: "completed", From: from, To: ours,
		})
		if err != nil {
			t.Errorf("from %q: %v", from, err)
		}
	}
	for range 2 {
		if _, err := b.ReceiveRecording(b.ctx, &telephonyv1.ReceiveRecordingRequest{RecordingSid: "RE9", CallSid: "CA9", RecordingStatus: "failed", From: caller, To: ours}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.entries(lane(ours, caller)); len(got) != 1 || !strings.Contains(got[0], "lost") || !b.texted("lost:RE9") {
		t.Errorf("%q", got)
	}
}

// dumb is an engine that never answers.
type dumb struct{}

func (dumb) Transcribe(ctx context.Context, _ []byte, _, _ string) (string, error) {
	return "", errors.New("no words")
}

// An engine that is out of order for good is asked a few times, and then the ticket says so.
func TestEngineGivesUp(t *testing.T) {
	b := newBench(t, func(c *hotline.Calls) { c.Transcription = hotline.EngineTranscription })
	b.Engine = dumb{}
	if _, err := b.ReceiveRecording(b.ctx, told(b.record(caller))); err != nil {
		t.Fatal(err)
	}
	lane := lane(ours, caller)
	b.entries(lane)
	for n := 0; len(b.desk.notes) == 0; n++ {
		if n > 2*maxTranscriptions {
			t.Fatal("the ticket is never told")
		}
		b.transcript(b.ctx, lane) //nolint:errcheck // it fails until it is given up
	}
	if !strings.HasPrefix(b.desk.notes[0], "Voicemail transcription failed, please listen to the recording: ") {
		t.Errorf("%q", b.desk.notes)
	}
}
