package callflow

import (
	"net/url"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/phone"
)

// The addresses of the gateway that Twilio asks during a call: see proto/http.yaml.
const (
	askPath           = "/bling/twilio_ask"
	keyPath           = "/bling/twilio_key"
	roundPath         = "/bling/twilio_round"
	goodbyePath       = "/bling/twilio_goodbye"
	recordingPath     = "/bling/twilio_recording"
	transcriptionPath = "/bling/twilio_transcription"
	legPath           = "/bling/twilio_leg"
)

const (
	// promptly has Twilio ask again when we do not answer, within what a caller bears with:
	// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
	promptly = "#rc=3&rp=5xx,ct,rt&rt=4000"
	// patiently does the same where nobody waits.
	patiently = "#rc=5&rp=5xx,ct,rt"
)

// Empty is the document that does nothing.
const Empty = `<?xml version="1.0" encoding="UTF-8"?><Response/>`

func document(verbs ...twiml.Element) string {
	doc, err := twiml.Voice(verbs)
	if err != nil { // it is written to memory
		return Empty
	}
	return doc
}

func reject() twiml.Element { return &twiml.VoiceReject{} }
func hangUp() twiml.Element { return &twiml.VoiceHangup{} }

// dial rings the phones of a round. The caller hears ringing until one of them has taken the call.
func (c Call) dial(r Round) twiml.Element {
	d := &twiml.VoiceDial{
		Action:         c.address(roundPath, r.query(), promptly),
		Timeout:        seconds(c.ringFor(r, c.Now)),
		AnswerOnBridge: "true",
		CallerId:       c.callerID(),
	}
	for _, place := range r.Ring {
		leg := c.legQuery(Leg{Phone: place, Round: r.Number})
		d.InnerElements = append(d.InnerElements, &twiml.VoiceNumber{
			PhoneNumber:         string(c.number(place)),
			Url:                 c.address(askPath, leg, promptly),
			StatusCallback:      c.address(legPath, leg, patiently),
			StatusCallbackEvent: "answered completed",
		})
	}
	return d
}

// callerID is what the phones show.
func (c Call) callerID() string {
	if c.Hotline.Calls.CallerID == hotline.ShowCaller && c.From.Kind == phone.Full {
		return string(c.From.Number)
	}
	return string(c.To.Number)
}

// ask asks for a key. Whoever presses none is not connected.
func (c Call) ask(question hotline.Said, leg Leg) []twiml.Element {
	return []twiml.Element{
		&twiml.VoiceGather{
			NumDigits: "1", Timeout: seconds(hotline.KeyWait), Action: c.address(keyPath, c.legQuery(leg), promptly),
			InnerElements: []twiml.Element{c.say(question)},
		},
		hangUp(),
	}
}

// voicemail greets the caller and records what they say.
func (c Call) voicemail() string {
	calls := c.Hotline.Calls
	who := url.Values{"from": {string(c.From.Number)}, "to": {string(c.To.Number)}}
	record := &twiml.VoiceRecord{
		Action:                       c.address(goodbyePath, nil, promptly),
		MaxLength:                    seconds(calls.RecordFor),
		Timeout:                      "10",
		FinishOnKey:                  "#",
		PlayBeep:                     "true",
		RecordingStatusCallback:      c.address(recordingPath, who, patiently),
		RecordingStatusCallbackEvent: "completed absent",
	}
	if calls.Transcription == hotline.TwilioTranscription {
		record.Transcribe = "true"
		record.TranscribeCallback = c.address(transcriptionPath, nil, patiently)
	}
	return document(append(c.sayAll(c.Hotline.Greetings(c.Now)), record)...)
}

func (c Call) sayAll(sentences []hotline.Said) (verbs []twiml.Element) {
	for _, s := range sentences {
		verbs = append(verbs, c.say(s))
	}
	return verbs
}

func (c Call) say(s hotline.Said) twiml.Element {
	if s.Audio != "" {
		return &twiml.VoicePlay{Url: s.Audio}
	}
	return &twiml.VoiceSay{Message: s.Text, Language: s.Language, Voice: s.Voice}
}

func (c Call) legQuery(leg Leg) url.Values {
	q := url.Values{"hotline": {string(c.To.Number)}, "phone": {strconv.Itoa(leg.Phone)}, "round": {strconv.Itoa(leg.Round)}}
	if leg.Again > 0 {
		q.Set("again", strconv.Itoa(leg.Again))
	}
	return q
}

func (c Call) address(path string, query url.Values, retries string) string {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.Base + path + retries
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
