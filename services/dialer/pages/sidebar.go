package pages

import "time"

// Sidebar is what Help Scout shows in a frame beside a conversation: who the supporter is, what became of the last text
// and calls, and the way to the dialer.
type Sidebar struct {
	// Notice is shown instead of everything else: "This conversation is not one of the hotline's." It may be empty.
	Notice string
	// Supporter is "617-555-0142", or "withheld number".
	Supporter string
	// Hotline is the one they reached: "Help line, 501-712-2661".
	Hotline string
	// TextsOff says that they asked for no more texts (STOP).
	TextsOff bool
	// NoCalls says that they asked not to be called.
	NoCalls bool
	// Blocked is the reason they are blocked; if empty, they are not.
	Blocked string
	// LastText is the last text to them, if there was one.
	LastText *Text
	// Calls are the recent calls and voicemails, newest first, at most 5.
	Calls []Event
	// CallBack is the address of the dialer; if empty, there is no button.
	CallBack string
	// WhyNot says why there is no button: "They asked not to be called."
	WhyNot string
	// ParentOrigin is that of the page around the frame, https://secure.helpscout.net: only there is the height posted.
	ParentOrigin string
}

// Text is a text to the supporter and what became of it.
type Text struct {
	At time.Time
	// State is "delivered", "sent, not confirmed", "failed" or the like.
	State string
	// Problem says why it failed; it is empty if it did not.
	Problem string
}

// Event is a call or a voicemail.
type Event struct {
	At time.Time
	// What is "Missed call", "Voicemail, 23 seconds", "Called back by Dana, 3 min 12 s" or the like.
	What string
	// Incoming says that the supporter called, not the agent.
	Incoming bool
}

func (Sidebar) name() string { return "sidebar" }
