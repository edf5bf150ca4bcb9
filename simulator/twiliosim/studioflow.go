package twiliosim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// flow is the definition of a flow. See https://www.twilio.com/docs/studio/rest-api/v2/flow-definition.
type flow struct {
	Description string `json:"description"`
	Flags       struct {
		AllowConcurrentCalls bool `json:"allow_concurrent_calls"`
	} `json:"flags"`
	InitialState string   `json:"initial_state"`
	States       []widget `json:"states"`
}

// widget is a step of a flow.
type widget struct {
	Name        string                     `json:"name"`
	Type        string                     `json:"type"`
	Properties  map[string]json.RawMessage `json:"properties"`
	Transitions []transition               `json:"transitions"`
}

// transition is what follows a widget when it ends with an event.
type transition struct {
	Event      string      `json:"event"`
	Next       string      `json:"next"` // empty: the flow ends
	Conditions []condition `json:"conditions"`
}

// condition is when a match is one. See https://www.twilio.com/docs/studio/widget-library/split-based-on.
type condition struct {
	FriendlyName string   `json:"friendly_name"`
	Arguments    []string `json:"arguments"`
	Type         string   `json:"type"`
	Value        string   `json:"value"`
}

// widgetName is what a widget may be called, so that templates can speak of it.
var widgetName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// parseFlow reads a definition. The error has every problem of it, joined.
func parseFlow(definition []byte) (*flow, error) {
	f := &flow{}
	d := json.NewDecoder(bytes.NewReader(definition))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("the definition cannot be read: %w", err)
	}
	if d.More() {
		return nil, errors.New("something follows the definition")
	}
	var problems []error
	first := f.widget(f.InitialState)
	if first == nil || first.Type != triggerType {
		problems = append(problems, fmt.Errorf("initial_state %q is no trigger", f.InitialState))
	}
	seen := map[string]bool{}
	for i := range f.States {
		w := &f.States[i]
		switch {
		case !widgetName.MatchString(w.Name):
			problems = append(problems, fmt.Errorf("a widget cannot be called %q", w.Name))
		case seen[w.Name]:
			problems = append(problems, fmt.Errorf("%s: there are two widgets of that name", w.Name))
		}
		seen[w.Name] = true
		for _, err := range f.check(w) {
			problems = append(problems, fmt.Errorf("%s: %w", w.Name, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *flow) widget(name string) *widget {
	if i := slices.IndexFunc(f.States, func(w widget) bool { return w.Name == name }); i >= 0 {
		return &f.States[i]
	}
	return nil
}

// check returns what is wrong with a widget.
func (f *flow) check(w *widget) (problems []error) {
	rule, ok := widgetRules[w.Type]
	if !ok {
		return []error{fmt.Errorf("widgets of the type %q do not exist, or are not simulated", w.Type)}
	}
	for name, raw := range w.Properties {
		check := rule.properties[name]
		if name == "offset" {
			check = anyOffset
		}
		if check == nil {
			problems = append(problems, fmt.Errorf("a %s has no property %q, or it is not simulated", w.Type, name))
		} else if err := check(f, raw); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, name := range rule.required {
		if raw, ok := w.Properties[name]; !ok || string(raw) == `""` {
			problems = append(problems, fmt.Errorf("the property %q is missing", name))
		}
	}
	if rule.more != nil && len(problems) == 0 {
		if err := rule.more(w); err != nil {
			problems = append(problems, err)
		}
	}
	problems = append(problems, f.checkTransitions(w, rule)...)
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

func (f *flow) checkTransitions(w *widget, rule widgetRule) (problems []error) {
	seen := map[string]bool{}
	for _, t := range w.Transitions {
		next := f.widget(t.Next)
		switch {
		case !slices.Contains(rule.events, t.Event):
			problems = append(problems, fmt.Errorf("a %s has no event %q", w.Type, t.Event))
		case seen[t.Event] && t.Event != matchEvent:
			problems = append(problems, fmt.Errorf("the event %s has two transitions", t.Event))
		case t.Next != "" && next == nil:
			problems = append(problems, fmt.Errorf("on %s: there is no widget %q", t.Event, t.Next))
		case next != nil && next.Type == triggerType:
			problems = append(problems, fmt.Errorf("on %s: nothing leads to the trigger", t.Event))
		case (t.Event == matchEvent) != (len(t.Conditions) > 0):
			problems = append(problems, fmt.Errorf("on %s: a match has conditions, and nothing else has", t.Event))
		}
		seen[t.Event] = true
		for _, c := range t.Conditions {
			if err := f.checkCondition(w, c); err != nil {
				problems = append(problems, fmt.Errorf("on %s: %w", t.Event, err))
			}
		}
	}
	return problems
}

func (f *flow) checkCondition(w *widget, c condition) error {
	switch {
	case c.Type != "equal_to":
		return fmt.Errorf("the condition %q does not exist, or is not simulated", c.Type)
	case len(c.Arguments) != 1 || c.Arguments[0] != w.text("input"):
		return fmt.Errorf("the arguments of a condition are the input, not %q", c.Arguments)
	}
	return f.checkTemplate(c.Value)
}

// after is what follows a widget; nil: nothing.
func (f *flow) after(w *widget, event string) *widget {
	for _, t := range w.Transitions {
		if t.Event == event {
			return f.widget(t.Next)
		}
	}
	return nil
}

// has reports whether a property is set.
func (w *widget) has(property string) bool { return w.Properties[property] != nil }

// text is a property as a text: of a number its digits, of true and false their names, of one that is missing none.
func (w *widget) text(property string) string {
	raw := w.Properties[property]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
