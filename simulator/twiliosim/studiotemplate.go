package twiliosim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variable is a place in a text where something is filled in. Of the template language only this is simulated.
// See https://www.twilio.com/docs/studio/user-guide/liquid-template-language.
var variable = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// The names that Twilio may send, which is more than it does send each time.
// See https://www.twilio.com/docs/messaging/guides/webhook-request and https://www.twilio.com/docs/voice/twiml#request-parameters.
var (
	triggerNames = map[string][]string{
		"call": strings.Fields("CallSid AccountSid From To Caller Called CallStatus ApiVersion Direction ForwardedFrom CallerName " +
			"FromCity FromState FromZip FromCountry ToCity ToState ToZip ToCountry ErrorCode ErrorUrl"),
		"message": strings.Fields("MessageSid SmsSid SmsMessageSid AccountSid From To Body NumMedia NumSegments SmsStatus ApiVersion " +
			"MessagingServiceSid FromCity FromState FromZip FromCountry ToCity ToState ToZip ToCountry ErrorCode ErrorUrl"),
	}
	mediaName = regexp.MustCompile(`^(MediaUrl|MediaContentType)[0-9]$`)
)

// checkTemplate says which variables of a text do not exist.
func (f *flow) checkTemplate(text string) error {
	var problems []error
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		problems = append(problems, f.checkVariable(strings.TrimSpace(found[1])))
	}
	if rest := variable.ReplaceAllString(text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") || strings.Contains(rest, "{%") {
		problems = append(problems, fmt.Errorf("%q: tags, or brackets without a partner, are not simulated", text))
	}
	return errors.Join(problems...)
}

func (f *flow) checkVariable(name string) error {
	parts := strings.Split(name, ".")
	switch {
	case name == "contact.channel.address" || name == "flow.channel.address":
		return nil
	case len(parts) == 3 && parts[0] == "trigger":
		if slices.Contains(triggerNames[parts[1]], parts[2]) || parts[1] == "message" && mediaName.MatchString(parts[2]) {
			return nil
		}
	case len(parts) == 3 && parts[0] == "widgets":
		w := f.widget(parts[1])
		if w == nil {
			return fmt.Errorf("{{%s}}: there is no widget %q", name, parts[1])
		}
		if slices.Contains(widgetOutputs[w.Type], parts[2]) {
			return nil
		}
	}
	return fmt.Errorf("{{%s}} does not exist, or is not simulated", name)
}

// fill puts the values of variables into a text. What has none is left empty.
func fill(text string, values map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		return values[strings.TrimSpace(found[2:len(found)-2])]
	})
}
