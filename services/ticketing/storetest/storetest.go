// Package storetest holds what ticketing's memory must do on every database.
//
// It knows the store by its methods only. Each test begins with an empty one, and records whom it wakes. Time is
// given, never taken.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// Run runs the suite. open returns an empty store whose Wake is set, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, test := range []struct {
		name string
		run  func(*book)
	}{
		{"OneHolder", oneHolder},
		{"OneTaker", oneTaker},
		{"ExpiredLease", expiredLease},
		{"ReleasedLease", releasedLease},
		{"FreeLanes", freeLanes},
		{"EndedNeedsNoLease", endedNeedsNoLease},
		{"SameTextOnce", sameTextOnce},
		{"StraightThrough", straightThrough},
		{"NotStraightThrough", notStraightThrough},
		{"UnclearStays", unclearStays},
		{"SaveKeepsLease", saveKeepsLease},
		{"LaneRoundTrip", laneRoundTrip},
		{"ThreadsAreNotLowered", threadsAreNotLowered},
		{"ChangeDuringLease", changeDuringLease},
		{"ReleaseWithNotes", releaseWithNotes},
		{"FailedWakeKeepsNothing", failedWake},
		{"EventOnce", eventOnce},
		{"EventsConcurrently", eventsConcurrently},
		{"EventOfNoLane", eventOfNoLane},
		{"NoteNeedsConversation", noteNeedsConversation},
		{"NoteOnce", noteOnce},
		{"NotesInOrder", notesInOrder},
		{"NotesConcurrently", notesConcurrently},
		{"Bodies", bodies},
		{"Work", work},
		{"Lanes", lanes},
		{"FirstThread", firstThread},
		{"ConversationTaken", conversationTaken},
		{"EverythingAtOnce", everythingAtOnce},
		{"NoLimitKnown", noLimitKnown},
		{"SlidingMinute", slidingMinute},
		{"Shares", shares},
		{"Others", others},
		{"Blocked", blocked},
		{"Left", left},
		{"SpendConcurrently", spendConcurrently},
		{"LookedTill", lookedTill},
		{"LostReplies", lostReplies},
		{"UnnamedThreads", unnamedThreads},
		{"Findings", findings},
		{"NoSteps", noSteps},
		{"StepsGrow", stepsGrow},
		{"StepsBounded", stepsBounded},
		{"StepsNeedLease", stepsNeedLease},
		{"StepsOncePerMinute", stepsOncePerMinute},
		{"EventSteps", eventSteps},
		{"DeadBeginsAnew", deadBeginsAnew},
		{"FindItems", findItems},
		{"ItemColumns", itemColumns},
		{"Pages", pages},
		{"RetryNotes", retryNotes},
		{"RetryEvents", retryEvents},
		{"RetryConcurrently", retryConcurrently},
		{"Overview", overview},
		{"BudgetStands", budgetStands},
		{"Erasing", erasing},
		{"ErasingConcurrently", erasingConcurrently},
		{"ErasingEntries", erasingEntries},
		{"ForgettingEvents", forgettingEvents},
		{"Forgetting", forgetting},
		{"ForgettingMany", forgettingMany},
		{"ForgettingForeign", forgettingForeign},
		{"ForgettingNobodys", forgettingNobodys},
		{"WordsOfEvents", wordsOfEvents},
		{"Adopting", adopting}, {"AdoptingNewest", adoptingNewest}, {"AdoptingOurs", adoptingOurs}, {"AdoptingGone", adoptingGone}, {"AdoptingPages", adoptingPages},
		{"ForgettingAdopted", forgettingAdopted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newBook(t, open(t))) })
	}
}

// start is when the tests begin; databases keep microseconds.
var start = time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)

// at is some seconds later.
func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// limit is how many threads a conversation may have before a text needs a new one.
const limit = 90

// book is a store under test.
type book struct {
	*sqlstore.Store
	t   *testing.T
	ctx context.Context

	mu   sync.Mutex
	seen []string
}

func newBook(t *testing.T, s *sqlstore.Store) *book {
	b := &book{Store: s, t: t, ctx: t.Context()}
	real := s.Wake
	s.Wake = func(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error {
		b.mu.Lock()
		for _, lane := range lanes {
			if topic != sqlstore.Notes {
				lane = topic + " " + lane
			}
			b.seen = append(b.seen, lane)
		}
		b.mu.Unlock()
		return real(ctx, tx, topic, lanes...)
	}
	return b
}

// wantWoken fails unless exactly these lanes were woken since it was last called.
func (b *book) wantWoken(lanes ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.seen, lanes) {
		b.t.Errorf("woken: %q, want %q", b.seen, lanes)
	}
	b.seen = nil
}

// ok fails the test at once on an error.
func (b *book) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func text(key string) sqlstore.Entry {
	return sqlstore.Entry{Key: key, Kind: sqlstore.Text, Trace: "trace"}
}

func note(key string) sqlstore.Entry {
	return sqlstore.Entry{Key: key, Kind: sqlstore.Note, State: sqlstore.Pending, Body: "body of " + key, Trace: "trace"}
}

func lane(id string) sqlstore.Lane { return sqlstore.Lane{ID: id, MailboxID: 206906} }

// payload is the body of an event of which only the rest matters.
var payload = []byte(`{"id":1001}`)

// leaseFor is how long the tests hold a lane, in seconds.
const leaseFor = 10

// hold takes a lane, which must be free.
func (b *book) hold(id string, e sqlstore.Entry, now time.Time) (*sqlstore.Lane, sqlstore.Entry) {
	b.t.Helper()
	l, entry, err := b.Hold(b.ctx, lane(id), e, now, now.Add(leaseFor*time.Second), limit)
	b.ok(err)
	if l == nil {
		b.t.Fatalf("%s has ended: %+v", e.Key, entry)
	}
	return l, entry
}

// wantBusy fails unless somebody else holds the lane.
func (b *book) wantBusy(id string, e sqlstore.Entry, now time.Time) {
	b.t.Helper()
	if l, _, err := b.Hold(b.ctx, lane(id), e, now, now.Add(leaseFor*time.Second), limit); !errors.Is(err, sqlstore.ErrBusy) || l != nil {
		b.t.Errorf("holding %s: %v, %v; want it to be busy", id, l, err)
	}
}

// open makes a lane with a conversation, by a text with this key, and leaves it free.
func (b *book) open(id, key string, conversation, thread int64) {
	b.t.Helper()
	l, e := b.hold(id, text(key), start)
	l.ConversationID, l.Threads, l.Known = conversation, 1, true
	e.State, e.ConversationID, e.ThreadID = sqlstore.Done, conversation, thread
	b.ok(b.Release(b.ctx, l, e, start))
}

// look returns a lane as the next holder finds it, who comes when every lease is over.
func (b *book) look(id string) *sqlstore.Lane {
	b.t.Helper()
	l, e := b.hold(id, sqlstore.Entry{Key: "look " + id, Kind: sqlstore.Attachment}, at(1e6))
	b.ok(b.Release(b.ctx, l, e, at(1e6)))
	return l
}

// entry returns an entry, which must be there.
func (b *book) entry(key string) sqlstore.Entry {
	b.t.Helper()
	e, found, err := b.FindEntry(b.ctx, key)
	b.ok(err)
	if !found {
		b.t.Fatalf("%s is not there", key)
	}
	return e
}

// absent fails if an entry is there.
func (b *book) absent(key string) {
	b.t.Helper()
	if e, found, err := b.FindEntry(b.ctx, key); found || err != nil {
		b.t.Errorf("%s is there: %+v, %v", key, e, err)
	}
}

// queue accepts a note.
func (b *book) queue(id, key string) {
	b.t.Helper()
	ok, err := b.QueueNote(b.ctx, id, note(key), start)
	b.ok(err)
	if !ok {
		b.t.Fatalf("lane %s takes no note", id)
	}
}

// wantNote fails unless this note is the next of a lane; "": none.
func (b *book) wantNote(id, key string) {
	b.t.Helper()
	got, err := b.NextNote(b.ctx, id)
	b.ok(err)
	if got != key {
		b.t.Errorf("lane %s: next note is %q, want %q", id, got, key)
	}
}

// end moves an entry of a lane to a state.
func (b *book) end(id, key, state string) {
	b.t.Helper()
	l, e := b.hold(id, sqlstore.Entry{Key: key, Kind: sqlstore.Note}, start)
	e.State = state
	b.ok(b.Release(b.ctx, l, e, start))
}

// event records an event, which must be new.
func (b *book) event(e sqlstore.Event) {
	b.t.Helper()
	fresh, err := b.RecordEvent(b.ctx, e, start)
	b.ok(err)
	if !fresh {
		b.t.Errorf("event %s is not new", e.Hash)
	}
}
