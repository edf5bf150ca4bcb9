package pages

// Home is what a signed-in agent sees who came without a conversation. Its form, GET /dialer/ with the field
// conversation, is for those who have no sidebar.
type Home struct {
	Agent string
	// Phone is the agent's own number, shown to them alone.
	Phone string
	// Active is the agent's running call, if there is one.
	Active *ActiveCall
	// Problem says why the conversation that was asked for did not open; it may be empty.
	Problem string
}

// ActiveCall is a running call and the address of its page.
type ActiveCall struct{ Href, Supporter string }

func (Home) name() string { return "home" }
