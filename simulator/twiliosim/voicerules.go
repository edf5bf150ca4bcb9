package twiliosim

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckVoice says what is wrong with a document for a caller: what Twilio does not know, warns of or never reaches, and
// what is not simulated. Names are case-sensitive. See https://www.twilio.com/docs/voice/twiml.
func CheckVoice(doc []byte) error {
	return checkVoice(doc, strings.Fields("Say Play Pause Gather Dial Record Redirect Hangup Reject Sms"))
}

// CheckScreening says what is wrong with a document for a phone that has answered and is not connected yet.
// See https://www.twilio.com/docs/voice/twiml/number#url.
func CheckScreening(doc []byte) error {
	return checkVoice(doc, strings.Fields("Say Play Pause Gather Hangup Redirect"))
}

func checkVoice(doc []byte, allowed []string) error {
	root, err := parseXML(doc)
	if err != nil {
		return err
	}
	if len(root.Attrs) > 0 {
		return fmt.Errorf("<Response> has no attribute %s", root.Attrs[0].Name.Local)
	}
	if text := strings.TrimSpace(root.Text); text != "" {
		return fmt.Errorf("there is the text %q between the verbs", text)
	}
	last := "" // a verb after which nothing is reached
	for i, v := range root.Children {
		name := v.XMLName.Local
		switch {
		case last != "":
			return fmt.Errorf("<%s> after <%s> is never reached", name, last)
		case !slices.Contains(allowed, name):
			return unknownElement(name, "Response", allowed)
		case name == "Reject" && i > 0:
			return fmt.Errorf("<Reject> is not the first verb")
		}
		if err := v.check(); err != nil {
			return err
		}
		if v.endsDocument() {
			last = name
		}
	}
	return nil
}

// endsDocument reports whether nothing after a verb is reached. A Record without an action requests its own document.
func (n node) endsDocument() bool {
	switch n.XMLName.Local {
	case "Record", "Redirect", "Hangup", "Reject":
		return true
	case "Dial", "Sms":
		return n.or("action", "") != ""
	}
	return false
}

func unknownElement(name, in string, known []string) error {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return fmt.Errorf("<%s> in <%s> is spelt <%s>", name, in, k)
		}
	}
	if slices.Contains(strings.Fields(unsimulatedElements), name) {
		return fmt.Errorf("<%s> in <%s> is not simulated", name, in)
	}
	return fmt.Errorf("there is no <%s> in <%s>", name, in)
}

// unsimulatedElements exist at Twilio, some of them in other places.
const unsimulatedElements = "Client Sip Conference Queue Sim WhatsApp Application Enqueue Leave Connect Start Stop Stream " +
	"Siprec Transcription Pay Prompt Parameter Refer ReferSip break emphasis lang p phoneme prosody s say-as sub w"

// check covers an element with what is in it.
func (n node) check() error {
	name := n.XMLName.Local
	rule := elementRules[name]
	seen := map[string]bool{}
	for _, a := range n.Attrs {
		key := a.Name.Local
		if seen[key] {
			return fmt.Errorf("<%s> has two attributes %s", name, key)
		}
		seen[key] = true
		check := rule.attrs[key]
		if check == nil {
			return rule.unknownAttribute(name, key)
		}
		if err := check(a.Value); err != nil {
			return fmt.Errorf("<%s %s=%q>: %w", name, key, a.Value, err)
		}
	}
	for _, c := range n.Children {
		if !slices.Contains(rule.children, c.XMLName.Local) {
			return unknownElement(c.XMLName.Local, name, rule.children)
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	if rule.more != nil {
		if err := rule.more(n); err != nil {
			return fmt.Errorf("<%s>: %w", name, err)
		}
		return nil
	}
	if text := n.text(); text != "" {
		return fmt.Errorf("there is the text %q in <%s>", text, name)
	}
	return nil
}

func (r elementRule) unknownAttribute(element, key string) error {
	for known := range r.attrs {
		if strings.EqualFold(known, key) {
			return fmt.Errorf("the attribute %s of <%s> is spelt %s", key, element, known)
		}
	}
	if slices.Contains(r.unsimulated, key) {
		return fmt.Errorf("the attribute %s of <%s> is not simulated", key, element)
	}
	return fmt.Errorf("<%s> has no attribute %s", element, key)
}

func attribute(name, value string) xml.Attr {
	return xml.Attr{Name: xml.Name{Local: name}, Value: value}
}

// attrCheck says what is wrong with the value of an attribute.
type attrCheck func(value string) error

func anyValue(string) error { return nil }

func oneOf(values ...string) attrCheck {
	return func(value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("must be one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

func someOf(values ...string) attrCheck {
	return func(value string) error {
		fields := strings.Fields(value)
		for _, field := range fields {
			if !slices.Contains(values, field) {
				return fmt.Errorf("%q is not one of %s", field, strings.Join(values, ", "))
			}
		}
		if len(fields) == 0 {
			return fmt.Errorf("is empty")
		}
		return nil
	}
}

func from(least, most int) attrCheck {
	return func(value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Errorf("must be from %d to %d", least, most)
		}
		return nil
	}
}

// onlyKeys is for keys of a phone; none at all is possible.
func onlyKeys(value string) error {
	if strings.Trim(value, allKeys) != "" {
		return fmt.Errorf("must be keys of %s", allKeys)
	}
	return nil
}

// dialedKeys are those that Twilio presses; w is a pause of half a second.
func dialedKeys(value string) error {
	if value == "" || strings.Trim(value, allKeys+"wW") != "" {
		return fmt.Errorf("must be keys of %s, and w", allKeys)
	}
	return nil
}

func phoneNumber(value string) error {
	if !isE164(value) {
		return fmt.Errorf("is no number in E.164")
	}
	return nil
}

// reference is a URL that may be relative to that of the document.
func reference(value string) error {
	u, err := url.Parse(value)
	if err != nil || value == "" || strings.ContainsAny(value, " \n\t") {
		return fmt.Errorf("is no URL")
	}
	if (u.IsAbs() || u.Host != "") && !isWebURL((&url.URL{Scheme: "http"}).ResolveReference(u).String()) {
		return fmt.Errorf("is no http or https URL")
	}
	if _, _, err := splitOverrides(value); err != nil {
		return err
	}
	return nil
}

var (
	boolean = oneOf("true", "false")
	method  = oneOf(http.MethodGet, http.MethodPost)
)
