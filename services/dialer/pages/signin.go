package pages

// SignIn asks an agent who is known already for the number of their phone. The form goes to POST /dialer/sign-in with
// the fields number and next.
type SignIn struct {
	// Number is what was entered before, if it was no good.
	Number string
	// Problem says what was wrong with it; it may be empty.
	Problem string
	// Next is the address to go on to.
	Next string
}

func (SignIn) name() string { return "signin" }
