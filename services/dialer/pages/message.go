package pages

// Message says one thing, mostly that something is not possible: "This link has expired." The link is left out if Href
// is empty.
type Message struct{ Title, Text, Href, Link string }

func (Message) name() string { return "message" }
