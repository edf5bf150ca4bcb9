package pages

// Enrol asks an agent who is here for the first time for the number of their phone. The form goes to POST /dialer/enrol
// with the fields number and ticket.
type Enrol struct {
	// Agent and Hotline say who is enrolled and for what.
	Agent, Hotline string
	// Number is what was entered before, if it was no good.
	Number string
	// Problem says what was wrong with it; it may be empty.
	Problem string
	// Ticket is handed back by the form: it says which conversation they came from.
	Ticket string
}

func (Enrol) name() string { return "enrol" }
