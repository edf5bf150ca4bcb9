package callflow

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"github.com/bling-hotline/bling/internal/hotline"
)

// The addresses of the gateway that Twilio asks while an agent calls back: see proto/http.yaml.
const (
	agentAskPath    = "/bling/twilio_agent_ask"
	agentKeyPath    = "/bling/twilio_agent_key"
	agentDonePath   = "/bling/twilio_agent_done"
	agentStatusPath = "/bling/twilio_agent_status"
	agentLegPath    = "/bling/twilio_agent_leg"
)

// Back is an agent's call back. Its Call is what it would be the other way round: From is the supporter, To the hotline's number.
type Back struct {
	Call
	Key string
}

// confirmWait is how long an agent may think before pressing the key.
const confirmWait = 10 * time.Second

// URLs are the addresses that Twilio is given with the call to the agent: what to do when it is answered, and where its states are
// told.
func (b Back) URLs() (ask, status string) {
	return b.at(agentAskPath, promptly), b.at(agentStatusPath, patiently)
}

// Ask tells an agent who has picked up whom they are about to call, and asks for a key. Whoever presses none, such as their
// mailbox, is not connected.
func (b Back) Ask(again int) string {
	question := b.Hotline.Calls.Says.Confirm
	number := string(b.From.Number)
	ending := number[max(0, len(number)-2):]
	question.Text = strings.ReplaceAll(question.Text, hotline.Ending, strings.Join(strings.Split(ending, ""), " "))
	q := url.Values{"call_back": {b.Key}}
	if again > 0 {
		q.Set("again", strconv.Itoa(again))
	}
	return document(
		&twiml.VoiceGather{
			NumDigits: "1", Timeout: seconds(confirmWait), Action: b.address(agentKeyPath, q, promptly),
			InnerElements: []twiml.Element{b.say(question)},
		},
		hangUp(),
	)
}

// AgentKey is what a key on an agent's phone means: to call the supporter, to be asked once more, or to hang up.
func (b Back) AgentKey(again int, key string) (call bool, otherwise string) {
	switch {
	case key == take:
		return true, ""
	case again > 0:
		return false, document(hangUp())
	}
	return false, b.Ask(again + 1)
}

// Dial calls the supporter, who sees the hotline's number.
func (b Back) Dial() string {
	return document(&twiml.VoiceDial{
		Action: b.at(agentDonePath, promptly), Timeout: seconds(b.Hotline.CallBack.Ring), TimeLimit: seconds(b.Hotline.CallBack.Longest),
		CallerId: string(b.To.Number),
		InnerElements: []twiml.Element{&twiml.VoiceNumber{
			PhoneNumber: string(b.From.Number), StatusCallback: b.at(agentLegPath, patiently), StatusCallbackEvent: "answered completed",
		}},
	})
}

// Over ends the agent's leg.
func (b Back) Over(talked bool) string {
	if talked {
		return document(hangUp())
	}
	return document(b.say(b.Hotline.Calls.Says.Unreached), hangUp())
}

// HangUp ends a leg that is nobody's.
func HangUp() string { return document(hangUp()) }

func (b Back) at(path, retries string) string {
	return b.address(path, url.Values{"call_back": {b.Key}}, retries)
}
