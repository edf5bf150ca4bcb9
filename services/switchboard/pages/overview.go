package pages

import "time"

// Overview says at a glance whether everything is all right.
type Overview struct {
	Frame
	// Problems are what somebody should look at, the worst first.
	Problems []Problem
	// Topics are the kinds of work of which something waits; Idle names the others.
	Topics []Topic
	Idle   string
	Budget *Budget // nil: not known
	// Days are the books of today and yesterday.
	Days []Day
	// Calls is how many go on now; -1: not known.
	Calls int
	// Lately is how many items of each kind were done in the last 24 hours.
	Lately []Lately
	// Checks is how many findings there are.
	Checks int
}

func (Overview) name() string { return "overview" }

// Problem is something that somebody should look at. Tone is warn or bad.
type Problem struct {
	Tone, Text, Fix, Href, Link string
	// Resume is the number of the hotline that can be resumed, if that is the problem.
	Resume string
}

// Lately is how many of a kind were done in the last 24 hours.
type Lately struct {
	Kind  string
	Count int64
}

// Budget is what Help Scout allows, and what that means for what waits.
type Budget struct {
	Allowed, Left int32
	BlockedUntil  time.Time // zero: not blocked
	Waiting       int64     // pieces of work that need it
	Drain         string    // how long that takes, in words: "about 3 min"; empty: nothing waits
}

// Days are the daily books.
type Days struct {
	Frame
	Days []Day
}

func (Days) name() string { return "days" }

// Findings are what the services' checks found, the worst first.
type Findings struct {
	Frame
	Findings []Finding
}

func (Findings) name() string { return "findings" }

// Lanes are the lanes that wait longest.
type Lanes struct {
	Frame
	Lanes []Lane
}

func (Lanes) name() string { return "lanes" }

// Calls are the calls that go on now.
type Calls struct {
	Frame
	Calls []Call
}

func (Calls) name() string { return "calls" }
