package twiliosim

import (
	"encoding/xml"
	"net/url"
	"strconv"
)

// afterParam is the parameter of a flow's URL that says which widget the caller is done with.
const afterParam = "FlowAfter"

// verb is an element of a document. Attributes are pairs of name and value; those without a value are left out.
func verb(name, text string, attrs ...string) node {
	n := node{XMLName: xml.Name{Local: name}, Text: text}
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			n.Attrs = append(n.Attrs, attribute(attrs[i], attrs[i+1]))
		}
	}
	return n
}

// verbs are what a widget is in TwiML. Properties that are missing are TwiML's defaults, unless Studio has others.
func (r *flowRun) verbs(w *widget) []node {
	back := r.base + "?" + url.Values{afterParam: {w.Name}}.Encode()
	switch w.Type {
	case sayType:
		// https://www.twilio.com/docs/studio/widget-library/sayplay
		prompt := verb("Say", r.filled(w, "say"), "voice", r.filled(w, "voice"), "language", r.filled(w, "language"), "loop", w.text("loop"))
		if w.text("play") != "" {
			prompt = verb("Play", r.filled(w, "play"), "loop", w.text("loop"))
		}
		return []node{prompt, verb("Redirect", back)}
	case connectType:
		// https://www.twilio.com/docs/studio/widget-library/connect-call. A Dial rings for 5 s at least.
		timeout := w.text("timeout")
		if n, err := strconv.Atoi(timeout); err == nil {
			timeout = strconv.Itoa(max(n, 5))
		}
		dial := verb("Dial", "", "action", back, "callerId", r.filled(w, "caller_id"), "timeout", timeout)
		for _, number := range phonesOf(r.filled(w, "to")) {
			dial.Children = append(dial.Children, verb("Number", number))
		}
		return []node{dial}
	default:
		// https://www.twilio.com/docs/studio/widget-library/record-voicemail
		record := verb("Record", "", "action", back, "timeout", w.text("timeout"), "maxLength", w.text("max_length"),
			"playBeep", w.text("play_beep"), "trim", w.text("trim"), "transcribe", w.text("transcribe"),
			"transcribeCallback", r.filled(w, "transcription_callback_url"),
			"recordingStatusCallback", r.filled(w, "recording_status_callback_url"))
		// No key ends a recording unless one is named.
		record.Attrs = append(record.Attrs, attribute("finishOnKey", w.text("finish_on_key")))
		return []node{record}
	}
}

// ended is the event with which the widget that the caller was in has ended, by the parameters of its continuation.
func (r *flowRun) ended(w *widget, form url.Values) (event string) {
	r.gone = form.Get("CallStatus") != CallInProgress
	switch w.Type {
	case sayType:
		return "audioComplete"
	case recordType:
		silent := form.Get("RecordingDuration") == "0"
		// Whether somebody who hangs up without a word leaves a recording is unverified.
		if silent && (!r.gone || r.sim.Settings().AbsentRecordings) {
			if r.gone {
				return hangupEvent
			}
			return "noAudio"
		}
	}
	for _, name := range widgetOutputs[w.Type] {
		r.set(w, name, form.Get(name))
	}
	switch {
	case r.gone:
		return hangupEvent
	case w.Type == connectType:
		return "callCompleted"
	}
	return "recordingComplete"
}
