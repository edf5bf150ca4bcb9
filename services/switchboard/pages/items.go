package pages

// Items is the list of items. Its form goes to POST /switchboard/items with the fields query, q, conversation, kind, state
// and hotline.
type Items struct {
	Frame
	// Query is what was searched for, masked, and Sealed stands for it in the field q.
	Query, Sealed          string
	Conversation           string
	Kinds, States, Numbers []Choice
	Items                  []Item
	// Older is the address of the next page; empty: there is none.
	Older string
}

func (Items) name() string { return "items" }

// ItemPage is one item and what happened to it. Its forms go to POST /switchboard/item/retry, /switchboard/item/reveal and, if Token is
// not empty, /switchboard/blocks.
type ItemPage struct {
	Frame
	Item     Item
	Content  string
	Trace    string   // the id of the trace in which it began; empty: none
	TraceURL string   // where that is shown; empty: nowhere
	Words    []string // how it stands in each service's own words
	Steps    []Step
	Related  []Item
	Revealed string // the whole number, once somebody asked for it
	CanRetry bool
	Token    string // stands for the supporter's number; empty: it is not known
	Person   string // the address of the page about the supporter
}

func (ItemPage) name() string { return "item" }

// Dead are the dead letters, and what came for numbers that are no hotline's. The forms go to POST /switchboard/dead/retry, with the
// fields ref, of those that are retried, or all, of a kind; and to POST /switchboard/dead/reroute.
type Dead struct {
	Frame
	Items    []Item
	Kinds    []Kind
	Unrouted []Unrouted
	// More says that there are more than are shown.
	More bool
}

// Kind is how many dead letters of a kind there are.
type Kind struct {
	Value, Text string
	Count       int64
}

// Unrouted is how many items came for a number that is no hotline's, or was none when they came.
type Unrouted struct {
	Number     string
	Configured bool
	Items      []Item
}

func (Dead) name() string { return "dead" }
