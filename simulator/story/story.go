// Package story writes down what happens between a hotline and the two simulated vendors, one line for each thing: each webhook
// with its answer, each call of a vendor's API, and what the hotline itself adds ([Book.Add]), such as gRPC calls and jobs. Lines of one
// trace belong together, and a trace belongs to everybody whom one of its lines is about.
//
//	http.go    listens to webhooks and calls where they leave and enter the vendors
//	words.go   says in a few words what they are
package story

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Kinds of a Line.
const (
	Webhook = "webhook" // from a vendor to the hotline
	Call    = "call"    // from the hotline to a vendor
	RPC     = "grpc"    // from one service to another
	Job     = "job"     // work that a service does later
	Trouble = "trouble" // a switch that was turned, or a vendor that gave up
)

// Line is one thing that happened.
type Line struct {
	ID   int64         `json:"id"` // counts up from 1
	At   time.Time     `json:"at"` // when it began
	Took time.Duration `json:"took_ns"`
	Kind string        `json:"kind"`
	From string        `json:"from,omitempty"`
	To   string        `json:"to,omitempty"`
	// Title says in a few words what it is, Result what came of it, such as 201 or "no answer".
	Title  string `json:"title"`
	Result string `json:"result,omitempty"`
	Failed bool   `json:"failed,omitempty"`
	// Trace is the trace's id, in hexadecimal. Empty: it is not known.
	Trace string `json:"trace,omitempty"`
	// People are the phone numbers, in E.164, of those whom it is about.
	People []string `json:"people,omitempty"`
	// Details is what was sent and answered, cut off where it gets long.
	Details []Detail `json:"details,omitempty"`
}

// Detail is a part of what was sent or answered.
type Detail struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// size is how many lines are kept.
const size = 4000

// Book keeps the last lines. The zero value is an empty one. Its methods may be called at the same time.
type Book struct {
	mu     sync.Mutex
	lines  []Line // by ID
	last   int64
	traces map[string]*trace
	grown  chan struct{} // closed by the next Add; nil: nobody waits
}

// trace is what is known of the lines of a trace.
type trace struct {
	lines  int
	people []string
}

// Add writes a line down and gives it its ID.
func (b *Book) Add(l Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	l.ID = b.last
	b.lines = append(b.lines, l)
	b.keep(l)
	if len(b.lines) > size {
		b.drop(b.lines[0])
		b.lines = b.lines[1:]
	}
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
}

func (b *Book) keep(l Line) {
	if l.Trace == "" {
		return
	}
	if b.traces == nil {
		b.traces = map[string]*trace{}
	}
	t := b.traces[l.Trace]
	if t == nil {
		t = &trace{}
		b.traces[l.Trace] = t
	}
	t.lines++
	for _, p := range l.People {
		if !slices.Contains(t.people, p) {
			t.people = append(t.people, p)
		}
	}
}

func (b *Book) drop(l Line) {
	if t := b.traces[l.Trace]; t != nil {
		if t.lines--; t.lines == 0 {
			delete(b.traces, l.Trace)
		}
	}
}

// Query says which lines are wanted.
type Query struct {
	After  int64  // only those with a higher ID
	Person string // only those about this number, and all of their traces
	Trace  string // only those of this trace
	Limit  int    // at most so many; 0: all
	Oldest bool   // the first ones of them, if there are too many, else the newest
}

// Lines returns lines by the time at which they began: a line is written down when its thing is over. What comes after them is after last.
func (b *Book) Lines(q Query) (found []Line, last int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last = b.last
	from, _ := slices.BinarySearchFunc(b.lines, q.After+1, func(l Line, id int64) int { return int(l.ID - id) })
	wanted := slices.Clone(b.lines[from:])
	if !q.Oldest {
		slices.Reverse(wanted)
	}
	for _, l := range wanted {
		if q.Limit > 0 && len(found) == q.Limit {
			if q.Oldest {
				last = found[len(found)-1].ID
			}
			break
		}
		if (q.Trace == "" || l.Trace == q.Trace) && (q.Person == "" || b.about(l, q.Person)) {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(x, y Line) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.ID, y.ID)) })
	return found, last
}

// about reports whether a line, or its trace, is about somebody. It needs the lock.
func (b *Book) about(l Line, person string) bool {
	t := b.traces[l.Trace]
	return slices.Contains(l.People, person) || t != nil && slices.Contains(t.people, person)
}

// Line returns the line with an ID, if it is still there.
func (b *Book) Line(id int64) (Line, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, found := slices.BinarySearchFunc(b.lines, id, func(l Line, id int64) int { return int(l.ID - id) })
	if !found {
		return Line{}, false
	}
	return b.lines[i], true
}

// Last returns the ID of the newest line.
func (b *Book) Last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// Wait returns when there are lines after the one with this ID, or ctx ends.
func (b *Book) Wait(ctx context.Context, after int64) error {
	for {
		b.mu.Lock()
		if b.last > after {
			b.mu.Unlock()
			return nil
		}
		if b.grown == nil {
			b.grown = make(chan struct{})
		}
		grown := b.grown
		b.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Clear forgets all lines. IDs go on counting.
func (b *Book) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines, b.traces = nil, nil
}
