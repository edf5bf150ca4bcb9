package pages

// Dial is the page with the Dial button. It says who is called, for which hotline, and through which phone. Every page
// of a signed-in agent, such as this one, has a form to sign out: POST /dialer/sign-out.
type Dial struct {
	Agent string
	// Supporter, Hotline and Conversation say who is called and why: "617-555-0142", "Help line, 501-712-2661", "#1001".
	Supporter, Hotline, Conversation string
	// Phone is the agent's own number, shown to them alone. "Change" leads to /dialer/phone.
	Phone string
	// Press is handed back by the form, in the field press: it tells a second press of the button from a second call.
	Press string
	// Action is the address that the form of the Dial button is posted to.
	Action string
	// Here is the address of this page, to come back to from /dialer/phone; if empty, it is Action.
	Here string
	// Refusal says why this supporter cannot be called; then there is no Dial button.
	Refusal string
	// Warning is what to know before the call; it may be empty.
	Warning string
	// Problem says why the last try did not work: a limit was reached. It may be empty.
	Problem string
	// Back is the address of the conversation in Help Scout.
	Back string
}

func (Dial) name() string { return "dial" }
