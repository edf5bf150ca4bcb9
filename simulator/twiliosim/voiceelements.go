package twiliosim

import (
	"errors"
	"fmt"
	"strings"
)

// elementRule is what an element of a voice document may have.
type elementRule struct {
	attrs       map[string]attrCheck
	unsimulated []string // attributes that exist at Twilio, but not here
	children    []string
	more        func(node) error // nil: it has no text
}

// maxDialed is how many numbers a Dial may ring. See https://www.twilio.com/docs/voice/twiml/number.
const maxDialed = 10

// elementRules follow https://www.twilio.com/docs/voice/twiml and the pages below it.
var elementRules = map[string]elementRule{
	"Say": {
		attrs: map[string]attrCheck{"voice": anyValue, "language": anyValue, "loop": from(0, maxLoop)},
		more:  hasText,
	},
	"Play": {
		attrs: map[string]attrCheck{"loop": from(0, maxLoop), "digits": dialedKeys},
		more: func(n node) error {
			if _, ok := n.attr("digits"); ok && n.text() == "" {
				return nil
			}
			return hasURL(n)
		},
	},
	"Pause": {attrs: map[string]attrCheck{"length": from(1, 14400)}},
	"Gather": {
		attrs: map[string]attrCheck{
			"input": dtmfOnly, "timeout": from(1, 600), "numDigits": from(1, 1000), "finishOnKey": oneKey, "action": reference,
			"method": method, "actionOnEmptyResult": boolean, "language": anyValue,
		},
		unsimulated: strings.Fields("hints profanityFilter speechTimeout speechModel enhanced partialResultCallback " +
			"partialResultCallbackMethod bargeIn dtmfDetection maxSpeechTime"),
		children: strings.Fields("Say Play Pause"),
	},
	"Dial": {
		attrs: map[string]attrCheck{
			"action": reference, "method": method, "timeout": from(5, 600), "callerId": phoneNumber, "answerOnBridge": boolean,
			"timeLimit": from(1, 14400), "hangupOnStar": boolean, "sequential": boolean, "ringTone": anyValue,
			"record": oneOf("do-not-record"),
		},
		unsimulated: strings.Fields("recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent " +
			"recordingTrack trim referUrl referMethod callReason recordingConfigurationId events"),
		children: []string{"Number"},
		more:     hasNumbers,
	},
	"Number": {
		attrs: map[string]attrCheck{
			"url": reference, "method": method, "statusCallback": reference, "statusCallbackMethod": method,
			"statusCallbackEvent": someOf("initiated", "ringing", "answered", "completed"), "sendDigits": dialedKeys,
			"machineDetection": oneOf("Enable", "DetectMessageEnd"), "machineDetectionTimeout": from(3, 60),
			"machineDetectionSpeechThreshold": from(1000, 6000), "machineDetectionSpeechEndThreshold": from(500, 5000),
			"machineDetectionSilenceTimeout": from(2000, 10000), "amdStatusCallback": reference, "amdStatusCallbackMethod": method,
		},
		unsimulated: []string{"byoc"},
		more:        func(n node) error { return phoneNumber(n.text()) },
	},
	"Record": {
		attrs: map[string]attrCheck{
			"action": reference, "method": method, "timeout": from(0, 14400), "finishOnKey": onlyKeys, "maxLength": from(2, 14400),
			"playBeep": boolean, "trim": oneOf("trim-silence", "do-not-trim"), "recordingStatusCallback": reference,
			"recordingStatusCallbackMethod": method, "recordingStatusCallbackEvent": someOf("in-progress", "completed", "absent"),
			"transcribe": boolean, "transcribeCallback": reference,
		},
		unsimulated: []string{"recordingConfigurationId"},
		more:        transcribesOrNot,
	},
	"Redirect": {attrs: map[string]attrCheck{"method": method}, more: hasURL},
	"Hangup":   {},
	"Reject":   {attrs: map[string]attrCheck{"reason": oneOf("rejected", "busy")}},
	"Sms": {
		attrs: map[string]attrCheck{
			"to": phoneNumber, "from": phoneNumber, "action": reference, "method": method, "statusCallback": reference,
		},
		more: hasText,
	},
}

func hasText(n node) error {
	if n.text() == "" {
		return errors.New("there is no text")
	}
	return nil
}

func hasURL(n node) error {
	if err := reference(strings.TrimSpace(n.Text)); err != nil {
		return fmt.Errorf("%q %w", strings.TrimSpace(n.Text), err)
	}
	return nil
}

func hasNumbers(n node) error {
	switch text := n.text(); {
	case len(n.Children) > maxDialed:
		return fmt.Errorf("there are more than %d numbers", maxDialed)
	case len(n.Children) > 0 && text != "":
		return fmt.Errorf("there is the text %q beside <Number>", text)
	case len(n.Children) == 0 && !isE164(text):
		return fmt.Errorf("%q is no number in E.164", text)
	}
	return nil
}

func transcribesOrNot(n node) error {
	if _, ok := n.attr("transcribeCallback"); ok && !n.is("transcribe") {
		return errors.New(`there is a transcribeCallback without transcribe="true"`)
	}
	if text := n.text(); text != "" {
		return fmt.Errorf("there is the text %q in it", text)
	}
	return nil
}

func dtmfOnly(value string) error {
	if value != "dtmf" {
		return errors.New("only dtmf is simulated")
	}
	return nil
}

func oneKey(value string) error {
	if len(value) > 1 {
		return errors.New("must be one key, or none")
	}
	return onlyKeys(value)
}
