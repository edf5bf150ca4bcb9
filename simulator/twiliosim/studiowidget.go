package twiliosim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// widgetRule is what a widget of a type may have.
type widgetRule struct {
	events     []string // that it ends with
	properties map[string]propertyCheck
	required   []string
	more       func(*widget) error // what the properties have to be together
}

// propertyCheck says what is wrong with the JSON of a property.
type propertyCheck func(*flow, json.RawMessage) error

// The names that the code needs.
const (
	triggerType  = "trigger"
	requestType  = "make-http-request"
	messageType  = "send-message"
	sayType      = "say-play"
	connectType  = "connect-call-to"
	splitType    = "split-based-on"
	recordType   = "record-voicemail"
	matchEvent   = "match"
	noMatchEvent = "noMatch"
	hangupEvent  = "hangup"
)

// formContent is the only content type of requests that is simulated.
const formContent = "application/x-www-form-urlencoded;charset=utf-8"

// widgetRules follow https://www.twilio.com/docs/studio/widget-library and the pages below it; the names of the properties are
// those of exported flows.
var widgetRules = map[string]widgetRule{
	triggerType: {events: []string{"incomingMessage", "incomingCall", "incomingRequest", "incomingParent"}},
	requestType: {
		events: []string{"success", "failed"},
		properties: map[string]propertyCheck{
			"method": textOf("GET", "POST"), "url": address, "content_type": textOf(formContent), "parameters": parameters,
		},
		required: []string{"method", "url", "content_type"},
	},
	messageType: {
		events:     []string{"sent", "failed"},
		properties: map[string]propertyCheck{"from": template, "to": template, "body": template},
		required:   []string{"from", "to", "body"},
	},
	sayType: {
		events: []string{"audioComplete"},
		properties: map[string]propertyCheck{
			"say": template, "play": address, "voice": template, "language": template, "loop": numberFrom(0, maxLoop),
		},
		more: func(w *widget) error {
			if (w.text("say") == "") == (w.text("play") == "") {
				return errors.New("either say or play is needed")
			}
			return nil
		},
	},
	connectType: {
		events: []string{"callCompleted", hangupEvent},
		properties: map[string]propertyCheck{
			"noun": textOf("number", "number-multi"), "to": template, "caller_id": template, "timeout": numberFrom(1, 600), "record": never,
		},
		required: []string{"noun", "to", "caller_id"},
		more:     connectsPhones,
	},
	splitType: {
		events:     []string{matchEvent, noMatchEvent},
		properties: map[string]propertyCheck{"input": template},
		required:   []string{"input"},
	},
	recordType: {
		events: []string{"recordingComplete", "noAudio", hangupEvent},
		properties: map[string]propertyCheck{
			"timeout": numberFrom(1, 14400), "finish_on_key": keys, "max_length": numberFrom(1, 14400), "play_beep": textOf("true", "false"),
			"trim": textOf("trim-silence", "do-not-trim"), "transcribe": yesOrNo, "transcription_callback_url": address,
			"recording_status_callback_url": address,
		},
		more: func(w *widget) error {
			if w.has("transcription_callback_url") && w.text("transcribe") != "true" {
				return errors.New("there is a transcription_callback_url, but transcribe is not true")
			}
			return nil
		},
	},
}

// widgetOutputs are what others may ask of a widget as {{widgets.NAME.X}}.
var widgetOutputs = map[string][]string{
	requestType: {"status_code", "body"},
	connectType: {"DialCallStatus", "DialCallSid", "DialCallDuration"},
	recordType:  {"RecordingUrl", "RecordingSid", "RecordingDuration"},
}

// connectsPhones looks at the numbers that are written down. Templates are looked at when they are filled.
func connectsPhones(w *widget) error {
	to := phonesOf(w.text("to"))
	switch {
	case w.text("noun") == "number" && len(to) > 1:
		return errors.New("the noun number has one number; number-multi has several")
	case len(to) > maxDialed:
		return fmt.Errorf("there are more than %d numbers", maxDialed)
	}
	for _, number := range to {
		if !strings.Contains(number, "{{") && !isE164(number) {
			return fmt.Errorf("%q is no number in E.164", number)
		}
	}
	return nil
}

func phonesOf(list string) []string {
	numbers := strings.Split(list, ",")
	for i, number := range numbers {
		numbers[i] = strings.TrimSpace(number)
	}
	return numbers
}

// asText reads a property that is a text.
func asText(raw json.RawMessage) (text string, err error) {
	if err = json.Unmarshal(raw, &text); err != nil || string(raw) == "null" {
		return "", fmt.Errorf("%s is no text", raw)
	}
	return text, nil
}

func template(f *flow, raw json.RawMessage) error {
	text, err := asText(raw)
	if err != nil {
		return err
	}
	return f.checkTemplate(text)
}

func textOf(values ...string) propertyCheck {
	return func(_ *flow, raw json.RawMessage) error {
		text, err := asText(raw)
		if err == nil && !slices.Contains(values, text) {
			err = fmt.Errorf("%q is none of %s, or is not simulated", text, strings.Join(values, ", "))
		}
		return err
	}
}

func numberFrom(least, most int) propertyCheck {
	return func(_ *flow, raw json.RawMessage) error {
		if n, err := strconv.Atoi(string(raw)); err != nil || n < least || n > most {
			return fmt.Errorf("%s is no number from %d to %d", raw, least, most)
		}
		return nil
	}
}

func yesOrNo(_ *flow, raw json.RawMessage) error {
	if string(raw) != "true" && string(raw) != "false" {
		return fmt.Errorf("%s is neither true nor false", raw)
	}
	return nil
}

func never(_ *flow, raw json.RawMessage) error {
	if string(raw) != "false" {
		return fmt.Errorf("%s is not simulated", raw)
	}
	return nil
}

func keys(_ *flow, raw json.RawMessage) error {
	text, err := asText(raw)
	if err != nil {
		return err
	}
	return onlyKeys(text)
}

func address(f *flow, raw json.RawMessage) error {
	text, err := asText(raw)
	switch {
	case err != nil:
		return err
	case strings.Contains(text, "{{"):
		return f.checkTemplate(text)
	case !isWebURL(text):
		return fmt.Errorf("%q is no absolute http or https URL", text)
	case strings.Contains(text, "#"):
		return fmt.Errorf("%q has a fragment; connection overrides are for webhooks", text)
	}
	return nil
}

// parameter is one of a request.
type parameter struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// parameters refuses reserved names too. See https://www.twilio.com/docs/api/errors/81014.
func parameters(f *flow, raw json.RawMessage) error {
	var all []map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("%s is no list of parameters", raw)
	}
	var problems []error
	seen := map[string]bool{}
	for _, p := range all {
		key, value := p["key"], p["value"]
		switch _, ok := p["value"]; {
		case len(p) != 2 || key == "" || !ok:
			problems = append(problems, fmt.Errorf("%v has to have a key and a value", p))
		case key == "method" || seen[key]:
			problems = append(problems, fmt.Errorf("%s is reserved, or there twice", key))
		default:
			problems = append(problems, f.checkTemplate(value))
		}
		seen[key] = true
	}
	return errors.Join(problems...)
}

// anyOffset is where a widget is drawn.
func anyOffset(_ *flow, raw json.RawMessage) error {
	var at map[string]float64
	if err := json.Unmarshal(raw, &at); err != nil {
		return fmt.Errorf("%s is no place", raw)
	}
	delete(at, "x")
	delete(at, "y")
	if len(at) > 0 {
		return fmt.Errorf("%s is no place", raw)
	}
	return nil
}
