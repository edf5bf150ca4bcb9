package provision

import (
	"context"
	_ "embed" // the flow
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/provision"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// fallback is the flow of a hotline for which nothing is configured, at exampleURL: deploy/studio/README.md says what it does.
//
//go:embed fallback.json
var fallback []byte

const exampleURL = "https://hotline.example.org"

// Each hotline has a flow of its own, so that people hear and read its own sentences in its own languages: one flow for all could only say
// what fits all.
func (a *Account) flowName(h hotline.Hotline) string { return a.flowsBegin() + string(h.Number) }

// flowWord is between the environment's label and the hotline's number.
const flowWord = " fallback "

func (a *Account) flowsBegin() string { return a.Environment.Label() + flowWord }

func (a *Account) ourFlow(f twilio.Flow) bool { return strings.HasPrefix(f.Name, a.flowsBegin()) }

// planFlow plans a hotline's flow and returns it. Its URL and SID are known once it is made.
func (a *Account) planFlow(plan *provision.Plan, flows []twilio.Flow, h hotline.Hotline) *twilio.Flow {
	name, flow, definition := a.flowName(h), &twilio.Flow{}, a.definition(h)
	change := provision.Change{
		What: fmt.Sprintf("Twilio Studio flow %q", name), Action: provision.Create,
		Fields: []provision.Field{{Name: "Definition", Should: "what people hear and read while none of our servers answers"}},
		Do: func(ctx context.Context) (err error) {
			*flow, err = a.putFlow(ctx, name, definition)
			return err
		},
	}
	if i := named(flows, name); i >= 0 {
		if *flow = flows[i]; a.upToDate(*flow, h) {
			return flow
		}
		change.Action, change.Fields[0].Is = provision.Update, "another one"
		if !flow.Published {
			change.Fields[0].Is = "a draft"
		}
	}
	plan.Changes = append(plan.Changes, change)
	return flow
}

// upToDate reports whether Twilio runs a hotline's flow as it should be. How the JSON is written does not matter.
func (a *Account) upToDate(f twilio.Flow, h hotline.Hotline) bool {
	var should any
	if err := json.Unmarshal(a.definition(h), &should); err != nil {
		panic(err) // we made it
	}
	return f.Published && reflect.DeepEqual(f.Definition, should)
}

func named(flows []twilio.Flow, name string) int {
	return slices.IndexFunc(flows, func(f twilio.Flow) bool { return f.Name == name })
}

// putFlow makes a flow, or changes the one with its name: an earlier attempt whose answer was lost may have made it.
func (a *Account) putFlow(ctx context.Context, name string, definition json.RawMessage) (twilio.Flow, error) {
	if err := a.client.ValidateFlow(ctx, name, definition); err != nil {
		return twilio.Flow{}, failed("validating it", err)
	}
	flows, err := a.client.Flows(ctx)
	if err != nil {
		return twilio.Flow{}, failed("looking for it", err)
	}
	var made twilio.Flow
	if i := named(flows, name); i >= 0 {
		made, err = a.client.UpdateFlow(ctx, flows[i].SID, name, definition)
	} else {
		made, err = a.client.CreateFlow(ctx, name, definition)
	}
	if err != nil {
		return twilio.Flow{}, failed("publishing it", err)
	}
	return made, nil
}

func (a *Account) deleteFlow(f twilio.Flow) provision.Change {
	return provision.Change{
		What: fmt.Sprintf("Twilio Studio flow %q", f.Name), Action: provision.Delete,
		Do: func(ctx context.Context) error {
			if err := a.client.DeleteFlow(ctx, f.SID); err != nil {
				return failed("deleting it", err)
			}
			return nil
		},
	}
}

// flow is a definition: https://www.twilio.com/docs/studio/rest-api/v2/flow-definition.
type flow struct {
	Description  string          `json:"description"`
	Flags        map[string]bool `json:"flags"`
	InitialState string          `json:"initial_state"`
	States       []state         `json:"states"`
}

type state struct {
	Name        string         `json:"name"`
	Type        string         `json:"type"`
	Properties  map[string]any `json:"properties"`
	Transitions []transition   `json:"transitions"`
}

type transition struct {
	Event string `json:"event"`
	Next  string `json:"next,omitempty"`
}

// definition is the flow with our address and a hotline's texts and sentences.
func (a *Account) definition(h hotline.Hotline) json.RawMessage {
	var f flow
	if err := json.Unmarshal(fallback, &f); err != nil {
		panic(err) // it is part of the program
	}
	var states []state
	for _, s := range f.States {
		if url, ok := s.Properties["url"].(string); ok {
			s.Properties["url"] = strings.Replace(url, exampleURL, a.PublicURL, 1)
		}
		switch s.Name {
		case "try_again":
			if h.Texts.Failure == "" { // nobody is told
				s.Transitions = []transition{{Event: "success"}, {Event: "failed"}}
			}
			states = append(states, s)
		case "sorry":
			if s.Properties["body"] = h.Texts.Failure; h.Texts.Failure != "" {
				states = append(states, s)
			}
		case "greeting":
			states = append(states, spoken(s, h.Calls.Says.Greeting)...)
		case "thanks":
			states = append(states, spoken(s, h.Calls.Says.Thanks)...)
		default:
			states = append(states, s)
		}
	}
	f.States = states
	made, err := json.Marshal(f)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return made
}

// spoken is a state for each of some sentences, one after the other; the last one goes on where the original does.
// See https://www.twilio.com/docs/studio/widget-library/sayplay.
func spoken(original state, sentences []hotline.Said) (states []state) {
	for i, said := range sentences {
		properties := map[string]any{"loop": 1, "offset": original.Properties["offset"], "say": said.Text, "language": said.Language}
		if said.Voice != "" {
			properties["voice"] = said.Voice
		}
		if said.Audio != "" {
			properties = map[string]any{"loop": 1, "offset": original.Properties["offset"], "play": said.Audio}
		}
		s := state{original.Name, original.Type, properties, original.Transitions}
		if i > 0 {
			s.Name = fmt.Sprintf("%s_%d", original.Name, i+1)
		}
		if i < len(sentences)-1 {
			s.Transitions = []transition{{Event: "audioComplete", Next: fmt.Sprintf("%s_%d", original.Name, i+2)}}
		}
		states = append(states, s)
	}
	return states
}
