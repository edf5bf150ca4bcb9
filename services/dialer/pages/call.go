package pages

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Call is the live page of one call. Until the call has ended the page follows the events of
// /dialer/calls/{ID}/events, or refreshes itself where there is no script, and offers to cancel by
// POST /dialer/calls/{ID}/cancel.
type Call struct {
	ID                                      string
	Agent, Supporter, Hotline, Conversation string
	// Phone is the agent's own number, shown to them alone.
	Phone string
	State CallState
	// Since is when the state began; while Connected the clock runs from here.
	Since time.Time
	// Talked is how long they talked, once it has ended.
	Talked time.Duration
	// Result is a sentence, once it has ended: "They did not answer.", "You talked for 3 min 12 s."
	Result string
	// Good says that it ended after a talk.
	Good bool
	// Hint is what to do next; it may be empty.
	Hint string
	// Again is the address of the page to dial again from, once it has ended.
	Again string
	// Back is the address of the conversation in Help Scout.
	Back string
	// Lost says that we cannot tell how the call stands now, and what is shown may be old.
	Lost bool
}

// CallState is how far a call has come.
type CallState string

// The states of a call, in their order. Any of them may be followed by Ending or Ended.
const (
	Starting    CallState = "starting"     // it was asked for, and nothing rings yet
	RingingYou  CallState = "ringing-you"  // the agent's phone rings
	AskingYou   CallState = "asking-you"   // the agent is asked to press 1
	CallingThem CallState = "calling-them" // the supporter's phone rings
	Connected   CallState = "connected"    // they talk
	Ending      CallState = "ending"       // cancel was pressed, and we hang up
	Ended       CallState = "ended"
)

func (Call) name() string { return "call" }

// Fragment writes the part of the page that changes, the data of a server-sent event: "status", or "end" for the last
// one. It has several lines, and each needs its own "data:".
func Fragment(w io.Writer, c Call) error {
	return templates.Render(w, c.name(), "live", c)
}

// headline says in a few words how the call stands.
func headline(c Call) string {
	switch c.State {
	case RingingYou:
		return "Your phone is ringing"
	case AskingYou:
		return "Press 1 on your phone"
	case CallingThem:
		return "Calling the supporter…"
	case Connected:
		return "Connected"
	case Ending:
		return "Hanging up…"
	case Ended:
		if c.Result != "" {
			return c.Result
		}
		return "The call has ended."
	default:
		return "Starting the call…"
	}
}

// step is one line of the list of what has been and what is to come.
type step struct {
	Text, Detail string
	Done, Now    bool
}

// steps is empty once a call ends: how far it came is in its result.
func steps(c Call) []step {
	if c.State == Ending || c.State == Ended {
		return nil
	}
	list := []step{
		{Text: "Your phone rings", Detail: c.Phone},
		{Text: "You press 1"},
		{Text: "We call the supporter"},
		{Text: "Connected"},
	}
	now := max(0, slices.Index([]CallState{RingingYou, AskingYou, CallingThem, Connected}, c.State))
	for i := range list {
		list[i].Done, list[i].Now = i < now, i == now
	}
	return list
}

// clock writes a duration as a running clock does: "3:12", "1:02:09".
func clock(d time.Duration) string {
	s := int(max(0, d).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
