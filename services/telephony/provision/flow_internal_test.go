package provision

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

const flowSid = "FW000000000000000000000000000000b1"

func definition(t *testing.T, h hotline.Hotline) (f flow, path func(from string) []string) {
	t.Helper()
	a := New(Config{PublicURL: "https://public.example", Environment: "production"}, nil)
	text := a.definition(h)
	sim, err := twiliosim.New(twiliosim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	if err := sim.SetFlow(flowSid, text); err != nil {
		t.Fatalf("the flow is not one: %v\n%s", err, text)
	}
	if strings.Contains(string(text), "example.org") {
		t.Errorf("the example's address is left:\n%s", text)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	// path are what is said from a state on, as long as it is said to the end.
	return f, func(from string) (said []string) {
		for next := from; next != ""; {
			for _, s := range f.States {
				if s.Name != next {
					continue
				}
				next = ""
				for _, key := range []string{"say", "play"} {
					if text, ok := s.Properties[key]; ok {
						said = append(said, fmt.Sprint(text, " ", s.Properties["language"], " ", s.Properties["voice"]))
						next = s.Transitions[0].Next
					}
				}
			}
		}
		return said
	}
}

// Callers hear the hotline's own sentences, in each of its languages, and supporters read its own text.
func TestFlowSpeaks(t *testing.T) {
	h := hotline.New("+15017122661", 206906)
	h.Texts.Failure = "Lo sentimos \"mucho\"\nIntente de nuevo 🙏"
	h.Calls.Says.Greeting = []hotline.Said{
		{Text: "Deje un mensaje.", Language: "es-US", Voice: "Polly.Lupe"}, {Text: "Leave a message.", Language: "en-US"}, {Audio: "https://a.example/fr.mp3"},
	}
	h.Calls.Says.Thanks = h.Calls.Says.Thanks[:0]
	h.Calls.Says.Thanks = append(h.Calls.Says.Thanks, hotline.Said{Text: "Gracias.", Language: "es-US"}, hotline.Said{Text: "Thanks.", Language: "en-US"})
	f, path := definition(t, h)
	if got := strings.Join(path("greeting"), "|"); got != "Deje un mensaje. es-US Polly.Lupe|Leave a message. en-US <nil>|https://a.example/fr.mp3 <nil> <nil>" {
		t.Errorf("callers are greeted %q", got)
	}
	if got := strings.Join(path("thanks"), "|"); got != "Gracias. es-US <nil>|Thanks. en-US <nil>" {
		t.Errorf("callers are thanked %q", got)
	}
	last := ""
	for _, s := range f.States {
		switch s.Name {
		case "sorry":
			if s.Properties["body"] != h.Texts.Failure {
				t.Errorf("supporters read %q", s.Properties["body"])
			}
		case "greeting_3":
			last = s.Transitions[0].Next
		}
	}
	if last != "voicemail" {
		t.Errorf("after the greeting comes %q", last)
	}
}

// A hotline that says nothing when a text is lost has a flow that says nothing.
func TestFlowSilent(t *testing.T) {
	h := hotline.New("+15017122661", 206906)
	h.Texts.Failure = ""
	f, _ := definition(t, h)
	for _, s := range f.States {
		if s.Type == "send-message" {
			t.Error("there is a text")
		}
		for _, next := range s.Transitions {
			if next.Next == "sorry" {
				t.Errorf("%s goes on to the text", s.Name)
			}
		}
	}
}

// The flow for which nothing is configured is that of the file, which other tests let run.
func TestFlowDefault(t *testing.T) {
	a := New(Config{PublicURL: exampleURL, Environment: "production"}, nil)
	var made, file any
	for text, into := range map[*any][]byte{&made: a.definition(hotline.New("+15017122661", 1)), &file: fallback} {
		if err := json.Unmarshal(into, text); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(made), fmt.Sprint(file); got != want {
		t.Errorf("the flow is\n%s\nthe file\n%s", got, want)
	}
}
