package twiliosim

import (
	"encoding/json"
	"net/url"
	"time"
)

// Recording is what a Record has taken down.
type Recording struct {
	Sid     string `json:"sid"`
	CallSid string `json:"call_sid"`
	From    string `json:"from"` // of the leg
	To      string `json:"to"`
	// Status is in-progress, processing (ended, but not to be had yet), completed, absent or deleted.
	Status string `json:"status"`
	Source string `json:"source"`
	// Duration is its length. In JSON it is a text.
	Duration time.Duration `json:"-"`
	// Words are what was said.
	Words string `json:"words"`
	// URL is where it can be fetched, with the account's login. Add .mp3 or .wav.
	URL string `json:"url"`
	// TranscriptionSid is empty until there is one.
	TranscriptionSid string `json:"transcription_sid,omitempty"`

	endedBy string // the key, or "hangup"
	sound   []byte // the samples, if somebody gave a sound; else it is made up
}

// plainRecording is a Recording without its methods.
type plainRecording Recording

type recordingText struct {
	plainRecording
	Duration Duration `json:"duration"`
}

// MarshalJSON implements [json.Marshaler].
func (r Recording) MarshalJSON() ([]byte, error) {
	return json.Marshal(recordingText{plainRecording: plainRecording(r), Duration: Duration(r.Duration)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Recording) UnmarshalJSON(data []byte) error {
	var j recordingText
	err := json.Unmarshal(data, &j)
	*r = Recording(j.plainRecording)
	r.Duration = time.Duration(j.Duration)
	return err
}

// Recordings returns all recordings in the order in which they began.
func (s *Sim) Recordings() []Recording {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	all := []Recording{}
	for _, t := range s.calls.taken {
		all = append(all, t.Recording)
	}
	return all
}

// transcription is a text of a recording, which it outlives.
type transcription struct {
	sid, status, text string
	take              *take
	created           time.Time
}

// The lengths between which a recording is transcribed.
// See https://www.twilio.com/docs/voice/twiml/record#attributes-transcribe.
const (
	leastTranscribed = 2 * time.Second
	mostTranscribed  = 120 * time.Second
)

// transcribe makes the text of a recording, if Twilio would.
func (x *exchange) transcribe(t *take) {
	if t.Duration <= leastTranscribed || t.Duration >= mostTranscribed {
		return
	}
	t.leg.talk.retain()
	x.later(t, time.Duration(x.sim.Settings().TranscriptionSeconds)*time.Second, func() {
		defer t.leg.talk.release()
		text := &transcription{
			sid: x.newSid("TR"), take: t, status: CallCompleted, text: t.Words, created: x.sim.now(),
		}
		if x.sim.Settings().TranscriptionFails {
			text.status, text.text = StatusFailed, ""
		}
		t.TranscriptionSid = text.sid
		x.scripts[text.sid] = text
		x.scripted = append(x.scripted, text)
		x.reportText(t, text)
	})
}

// reportText tells the transcription callback.
func (x *exchange) reportText(t *take, text *transcription) {
	if t.script.url == "" {
		return
	}
	l := t.leg
	form := url.Values{
		"TranscriptionSid": {text.sid}, "TranscriptionText": {text.text}, "TranscriptionStatus": {text.status},
		"TranscriptionType": {"fast"}, "TranscriptionUrl": {t.URL + "/Transcriptions/" + text.sid},
		"RecordingSid": {t.Sid}, "RecordingUrl": {t.URL}, "CallSid": {l.Sid}, "AccountSid": {x.sim.cfg.AccountSID},
		"From": {l.From}, "To": {l.To}, "CallStatus": {l.Status}, "ApiVersion": {apiVersion}, "Direction": {l.Direction},
	}
	x.notify(l, t.script, form)
}

// publicBase is where the API is reached.
func (s *Sim) publicBase() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.publicURL
}
