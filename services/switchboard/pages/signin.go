package pages

// SignIn asks for name and password. The form goes to POST /switchboard/sign-in with the fields name, password and next.
type SignIn struct {
	Frame
	// Name is what was entered before, if it was no good.
	Name string
	// Next is the address to go on to.
	Next string
	// Nobody says that nobody was invited yet: the page says how that is done.
	Nobody bool
}

func (SignIn) name() string { return "signin" }

// Invitation lets somebody choose a password. The form goes to POST /switchboard/invitation with the fields token and password.
type Invitation struct {
	Frame
	Name, Token string
	// Least is how long a password is, in characters, and Most, in bytes.
	Least, Most int
}

func (Invitation) name() string { return "invitation" }

// Message says one thing, mostly that something is not possible. The link is left out if Href is empty.
type Message struct {
	Frame
	Title, Text, Href, Link string
}

func (Message) name() string { return "message" }
