package pages

// Codes asks for the code that was sent by text and, the first time, for the one in the private note. The form goes to
// POST /dialer/codes with the fields id, note_code (if there is a note), text_code and next. A code may come with a
// blank in its middle, as people paste it.
type Codes struct {
	// ID says which codes are meant.
	ID string
	// Note says that a code from the private note is wanted too.
	Note bool
	// Ending is the last two digits of the phone that was sent the text: "42".
	Ending string
	// Problem says why the codes entered before were no good; it may be empty.
	Problem string
	// Next is the address to go on to.
	Next string
}

func (Codes) name() string { return "codes" }
