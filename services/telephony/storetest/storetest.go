// Package storetest holds what telephony's ledger must do on every database.
//
// It knows the ledger by its methods only. Each test begins with an empty one, and records whom it wakes.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// saysStop is what the carrier of these tests, if it is not Telnyx, says of who has opted out.
const saysStop = 21610

// Run runs the suite. open returns an empty store whose Wake is set, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, test := range []struct {
		name string
		run  func(*book)
	}{
		{"RecordOnce", recordOnce},
		{"RecordDoubled", recordDoubled},
		{"RecordInOrder", recordInOrder},
		{"RecordConcurrently", recordConcurrently},
		{"Bodies", bodies},
		{"TextDone", textDone},
		{"TextEnded", textEnded},
		{"TextFailed", textFailed},
		{"Media", media},
		{"MediaOnce", mediaOnce},
		{"Welcome", welcome},
		{"Reroute", reroute},
		{"WorkIn", workIn},
		{"FailedWakeKeepsNothing", failedWake},
		{"QueueOnce", queueOnce},
		{"QueueConcurrently", queueConcurrently},
		{"OutInOrder", outInOrder},
		{"BeginOnce", beginOnce},
		{"OpenAttempt", openAttempt},
		{"Absent", absent},
		{"Refused", refused},
		{"Unknown", unknown},
		{"EndedAttemptStays", endedAttemptStays},
		{"EveryOrderOfStates", everyOrder},
		{"CallbackFirst", callbackFirst},
		{"CallbackAfterAbsent", callbackAfterAbsent},
		{"CallbackOfNobody", callbackOfNobody},
		{"CallbacksConcurrently", callbacksConcurrently},
		{"Told", told},
		{"Claimed", claimed},
		{"WorkOut", workOut},
		{"Lanes", lanes},
		{"Parts", parts},
		{"TellTwice", tellTwice},
		{"OptOuts", optOuts},
		{"Blocks", blocks},
		{"Pace", pace},
		{"Files", files},
		{"Traffic", traffic},
		{"CallsEnd", callsEnd},
		{"CallOutcomes", callOutcomes},
		{"CallsRecorded", callsRecorded},
		{"CallsRejected", callsRejected},
		{"ClaimOnce", claimOnce},
		{"CallBackOnce", callBackOnce},
		{"CallBackLimits", callBackLimits},
		{"CallBackForward", callBackForward},
		{"CallBackOneLeg", callBackOneLeg},
		{"CallBackEnds", callBackEnds},
		{"CallBackWork", callBackWork},
		{"Supporter", supporter},
		{"Private", private},
		{"Legs", legs},
		{"Voicemails", voicemails},
		{"OldRecordings", oldRecordings},
		{"Steps", steps},
		{"StepsBounded", stepsBounded},
		{"ItemsByState", itemsByState},
		{"ItemsByQuery", itemsByQuery},
		{"ItemsPaged", itemsPaged},
		{"ItemsPrivate", itemsPrivate},
		{"RetryTexts", retryTexts},
		{"RetryDead", retryDead},
		{"RetryMedia", retryMedia},
		{"RetryMediaConcurrently", retryMediaConcurrently},
		{"RetryTextOut", retryTextOut},
		{"RetryParts", retryParts},
		{"Pauses", pauses},
		{"PausesLetThrough", pausesLetThrough},
		{"PausesAgain", pausesAgain},
		{"Overview", overview},
		{"Wishes", wishes},
		{"LateWishes", lateWishes},
		{"FoundTexts", foundTexts},
		{"FoundVoicemails", foundVoicemails},
		{"TextDays", textDays},
		{"FoundCalls", foundCalls},
		{"OutDays", outDays},
		{"Asking", asking},
		{"SentAlready", sentAlready},
		{"Findings", findings},
		{"Erasing", erasing},
		{"Burying", burying},
		{"ErasingKeys", erasingKeys},
		{"ForgettingWishes", forgettingWishes},
		{"ExportingMuch", exportingMuch},
		{"OldRecords", oldRecords},
		{"OldWordsWait", oldWordsWait},
		{"OldWordsOut", oldWordsOut},
		{"ForgettingRest", forgettingRest},
		{"CarriersOut", carriersOut},
		{"CarriersIn", carriersIn},
		{"DatedWishes", datedWishes},
		{"LoadedTexts", loadedTexts}, {"LoadedPending", loadedPending}, {"TextsKnown", textsKnown}, {"OptedOutAtCarrier", optedOutAtCarrier}, {"ForgetLooked", forgetLooked},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newBook(t, open(t))) })
	}
}

// start is when the tests begin; databases keep microseconds.
var start = time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)

// wake is one call of Wake.
type wake struct {
	topic string
	lanes []string
}

// book is a ledger under test.
type book struct {
	*sqlstore.Store
	t   *testing.T
	ctx context.Context

	mu   sync.Mutex
	seen []wake
}

func newBook(t *testing.T, s *sqlstore.Store) *book {
	b := &book{Store: s, t: t, ctx: t.Context()}
	real := s.Wake
	s.SaysStop = func(by hotline.Transport, code int) bool { return code == saysStop && by != hotline.Telnyx }
	s.Wake = func(ctx context.Context, tx *sql.Tx, topic string, lanes ...string) error {
		b.mu.Lock()
		b.seen = append(b.seen, wake{topic, slices.Clone(lanes)})
		b.mu.Unlock()
		return real(ctx, tx, topic, lanes...)
	}
	return b
}

// woken returns who was woken since the last call.
func (b *book) woken() []wake {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := b.seen
	b.seen = nil
	return seen
}

// wantWoken fails unless exactly these were woken since the last call of woken.
func (b *book) wantWoken(want ...wake) {
	b.t.Helper()
	if got := b.woken(); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		b.t.Errorf("woken: %v, want %v", got, want)
	}
}

// ok fails the test at once on an error.
func (b *book) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

var errProbe = errors.New("only looking")

// pending asks in a transaction, which is then rolled back, whether a lane has work.
func (b *book) pending(topic, lane string) (pending bool) {
	b.t.Helper()
	real := b.Wake
	defer func() { b.Wake = real }()
	var asked error
	b.Wake = func(ctx context.Context, tx *sql.Tx, _ string, _ ...string) error {
		pending, asked = b.Work(topic).Pending(ctx, tx, lane)
		return errProbe
	}
	if _, err := b.QueueText(b.ctx, &sqlstore.TextOutRow{Key: "probe"}); !errors.Is(err, errProbe) || asked != nil {
		b.t.Fatalf("asking for pending work: %v, %v", err, asked)
	}
	return pending
}

// wantWork fails unless these lanes, and no others of those named in all, have work in a topic, since oldest.
func (b *book) wantWork(topic string, oldest time.Time, lanes ...string) {
	b.t.Helper()
	got, err := b.Work(topic).Lanes(b.ctx, "", 100)
	b.ok(err)
	if !slices.Equal(got, lanes) {
		b.t.Errorf("%s: lanes %q have work, want %q", topic, got, lanes)
	}
	for _, lane := range []string{"a", "b", "c"} {
		if got := b.pending(topic, lane); got != slices.Contains(lanes, lane) {
			b.t.Errorf("%s: lane %s pending: %v", topic, lane, got)
		}
	}
	at, some, err := b.Oldest(b.ctx, topic)
	b.ok(err)
	if some != (len(lanes) > 0) || some && !at.Equal(oldest) {
		b.t.Errorf("%s: oldest %v, %v, want %v", topic, at, some, oldest)
	}
}

// AttemptAccepted notes that the carrier has the message of an attempt under this id.
func (b *book) AttemptAccepted(ctx context.Context, attempt, id string, now time.Time) error {
	_, err := b.Advance(ctx, attempt, id, sqlstore.Accepted, 0, now)
	return err
}
