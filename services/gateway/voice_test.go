package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
)

func (b *behind) EndRound(_ context.Context, r *telephonyv1.EndRoundRequest) (*telephonyv1.EndRoundResponse, error) {
	return &telephonyv1.EndRoundResponse{Twiml: "<Response><Hangup/></Response>"}, b.take(r)
}

func (b *behind) ReceiveVoicemail(_ context.Context, r *telephonyv1.ReceiveVoicemailRequest) (*telephonyv1.ReceiveVoicemailResponse, error) {
	return &telephonyv1.ReceiveVoicemailResponse{}, b.take(r)
}

func (b *behind) ReceiveTranscription(_ context.Context, r *telephonyv1.ReceiveTranscriptionRequest) (*telephonyv1.ReceiveTranscriptionResponse, error) {
	return &telephonyv1.ReceiveTranscriptionResponse{}, b.take(r)
}

// What we put into an address comes back in its query, next to Twilio's form, and the answer is TwiML.
func TestVoiceQuery(t *testing.T) {
	h, b := newGateway(t)
	path := "/bling/twilio_round?began=1764014400000&rest=5.6&round=2&rung=3.4&since=1764014425000"
	form := url.Values{"CallSid": {"CA1"}, "From": {"+16175550142"}, "To": {"+15017122661"}, "DialCallStatus": {"no-answer"}, "DialBridged": {"false"}, "Unknown": {"x"}}
	status, body, header := serve(h, twilioRequest(path, form))
	if status != 200 || body != "<Response><Hangup/></Response>" || !strings.HasPrefix(header.Get("Content-Type"), "text/xml") {
		t.Errorf("%d %s %s", status, header.Get("Content-Type"), body)
	}
	want := &telephonyv1.EndRoundRequest{
		CallSid: "CA1", From: "+16175550142", To: "+15017122661", DialCallStatus: "no-answer", DialBridged: "false",
		Began: 1764014400000, Since: 1764014425000, Round: 2, Rung: "3.4", Rest: "5.6",
	}
	if got := b.taken(); len(got) != 1 || !proto.Equal(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The signature covers the query: whoever changes it, or asks without one, gets nothing.
func TestVoiceForged(t *testing.T) {
	h, b := newGateway(t)
	for _, step := range []string{"voice", "ask", "key", "round", "goodbye", "leg", "call", "recording", "transcription", "voicemail"} {
		path := "/bling/twilio_" + step
		signed := twilioRequest(path+"?round=1", url.Values{"CallSid": {"CA1"}})
		forged := httptest.NewRequest(http.MethodPost, path+"?round=2", strings.NewReader("CallSid=CA1"))
		forged.Header = signed.Header
		if status, _, _ := serve(h, forged); status != http.StatusForbidden {
			t.Errorf("%s with another query: %d", step, status)
		}
		if status, _, _ := serve(h, httptest.NewRequest(http.MethodPost, path, strings.NewReader("CallSid=CA1"))); status != http.StatusForbidden {
			t.Errorf("%s without a signature: %d", step, status)
		}
	}
	if got := b.taken(); len(got) > 0 {
		t.Errorf("let through: %v", got)
	}
}

// The addresses of the original take what its Studio flows send (parity H2, H3).
func TestStudioEndpoints(t *testing.T) {
	h, b := newGateway(t)
	for path, form := range map[string]url.Values{
		"/bling/twilio_voicemail":     {"from": {"+16175550142"}, "to": {"+15017122661"}, "recording": {"https://api.twilio.com/x/RE1"}, "length": {"12"}},
		"/bling/twilio_transcription": {"From": {"+16175550142"}, "To": {"+15017122661"}, "TranscriptionStatus": {"completed"}, "TranscriptionText": {"Hello"}, "RecordingUrl": {"https://api.twilio.com/x/RE1"}},
	} {
		if status, _, _ := serve(h, twilioRequest(path, form)); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, m := range b.taken() {
		switch r := m.(type) {
		case *telephonyv1.ReceiveVoicemailRequest:
			if r.GetFrom() != "+16175550142" || r.GetTo() != "+15017122661" || r.GetRecording() != "https://api.twilio.com/x/RE1" || r.GetLength() != 12 {
				t.Errorf("%v", r)
			}
		case *telephonyv1.ReceiveTranscriptionRequest:
			if r.GetFrom() != "+16175550142" || r.GetTranscriptionStatus() != "completed" || r.GetTranscriptionText() != "Hello" || r.GetRecordingUrl() != "https://api.twilio.com/x/RE1" {
				t.Errorf("%v", r)
			}
		}
	}
	if n := len(b.taken()); n != 2 {
		t.Errorf("%d of 2 were handed on", n)
	}
}
