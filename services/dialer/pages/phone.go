package pages

// ChangePhone asks a signed-in agent for another number to be called on. The form goes to POST /dialer/phone with the
// fields number and next.
type ChangePhone struct {
	Agent string
	// Phone is the number so far.
	Phone string
	// Number is what was entered before, if it was no good.
	Number string
	// Problem says what was wrong with it; it may be empty.
	Problem string
	// Next is the address to go on to, also for those who keep their number.
	Next string
}

func (ChangePhone) name() string { return "phone" }
