package pages

import "time"

// People are the blocked and the opted out. The forms go to POST /switchboard/blocks with the fields number, hotline, reason and for, to
// POST /switchboard/blocks/remove with the field p, and to POST /switchboard/person with the field number.
type People struct {
	Frame
	Blocks   []Block
	Wishes   []Wish
	Hotlines []Choice
	// Reason is what was entered before, if something was no good.
	Reason string
}

func (People) name() string { return "people" }

// Person is what there is of one person. Token stands for their number. The forms go to POST /switchboard/person/reveal, /export and
// /erase, and to POST /switchboard/blocks.
type Person struct {
	Frame
	Token, Number string
	Revealed      string // the whole number, once somebody asked for it
	Items         []Item
	AllItems      string // the address of the list of all of them
	Blocks        []Block
	Wishes        []Wish
	Hotlines      []Choice
}

func (Person) name() string { return "person" }

// Erase asks whether somebody is to be erased. The form goes to POST /switchboard/person/erase with the fields p and last4.
type Erase struct {
	Frame
	Token, Number string
	// Has is what there is, such as "12 texts".
	Has []string
	// Deleted is what was deleted so far.
	Deleted []string
	// Begun says that something was deleted, and that there is more; Finished that nothing is left.
	Begun, Finished bool
	// Last4 is what was typed, if it was right and is needed again.
	Last4 string
}

func (Erase) name() string { return "erase" }

// Hotlines are the hotlines, which can be paused. The forms go to POST /switchboard/hotlines/pause with the fields hotline and reason, and
// to POST /switchboard/hotlines/resume.
type Hotlines struct {
	Frame
	Hotlines []Hotline
}

func (Hotlines) name() string { return "hotlines" }

// Audit is what operators and agents did and tried, newest first.
type Audit struct {
	Frame
	Entries []Entry
	Agents  []Entry
	Older   string
}

func (Audit) name() string { return "audit" }

// Operators is who may use the switchboard, and which agents are set up to call back.
type Operators struct {
	Frame
	Operators []Account
	Agents    []Account
}

// Account is somebody who may sign in. Role is, of agents, what is shown of their phone.
type Account struct {
	Name, Role  string
	Since, Seen time.Time // zero: never
}

func (Operators) name() string { return "operators" }
