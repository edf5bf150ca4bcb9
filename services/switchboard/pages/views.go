package pages

import "time"

// Choice is something that can be chosen in a form.
type Choice struct {
	Value, Text string
	Chosen      bool
}

// Item is one thing in a ledger. Tone is how its state looks: good, calm, wait, warn or bad.
type Item struct {
	Ref                string // by which its forms name it
	Href, ID           string
	Kind, State, Tone  string
	Hotline, Supporter string
	Reason             string
	At, Ended          time.Time
	Attempts           int32
	Conversation       int64
	ConversationHref   string // empty: it has none
}

// Step is something that happened to an item.
type Step struct {
	At, Until    time.Time
	Times        int32
	Service      string
	What, Detail string
	Trouble      bool
	Trace        string // the address of its own trace; empty: it is that of the item, or there is nothing to show it
}

// Finding is what a check found. Tone is good, warn or bad.
type Finding struct {
	Service, Name, Tone, Level string
	Says, Fix                  string
	At, Since                  time.Time
}

// Topic is one kind of work.
type Topic struct {
	Service, Name  string
	Waiting, Lanes int64
	Oldest         time.Time // zero: nothing waits
}

// Day is the book of one day.
type Day struct {
	Date, Hotline, Kind                              string
	Received, Delivered, Recovered, Missing, Doubled int64
	Compared                                         time.Time
}

// Call is a call that goes on now.
type Call struct {
	Href, Kind, Hotline, Supporter, Person, State, People string
	Since                                                 time.Time
}

// Lane is a lane that waits.
type Lane struct {
	Service, Topic, Hotline, Supporter string
	Person                             string // the address of the page about the supporter; empty: not known
	Conversation                       int64
	ConversationHref                   string
	Waiting                            int64
	Oldest                             time.Time
	First, FirstHref                   string
}

// Block is a number that is kept out.
type Block struct {
	Token, Person, Number, Hotline, Reason, By string
	Until                                      time.Time // zero: for good
}

// Wish is what a supporter does not want.
type Wish struct {
	Person, Number, Hotline, What, Source, SourceHref string
	Since                                             time.Time
}

// Hotline is a hotline, and whether it is paused.
type Hotline struct {
	Number, Name, Numbers string
	Paused                bool
	Reason, By            string
	Since                 time.Time
}

// Entry is one of the audit log.
type Entry struct {
	At                                            time.Time
	Who, Action, Subject, Detail, Outcome, Source string
}
