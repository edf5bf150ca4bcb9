// Package carrier is what telephony asks of those who carry texts: Twilio, Mobile Commons, Telnyx. Each has a package of its own that
// fills it. What not every carrier can do is an interface of its own, and asked for (c.(carrier.Finder)); what a hotline may expect of its
// carrier at all, such as calls, is hotline.Transport's.
package carrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// Carrier takes texts. It is safe for concurrent use.
type Carrier interface {
	// Name is what people call it, such as "Twilio".
	Name() string
	// Send hands over a message and returns the carrier's id of it. The error is always an *Error.
	Send(ctx context.Context, m NewMessage) (id string, err error)
	// FetchMedia downloads a file of an incoming message, at most limit bytes, and returns it with its MIME type. The address comes from
	// outside, so only the carrier's own hosts are asked. The error is ErrNotReady, or a MediaError when trying again is no use.
	FetchMedia(ctx context.Context, address string, limit int64) (data []byte, mimeType string, err error)
	// Explain says in an agent's words why a message failed with an error code of the carrier's, and what to do now; empty if the code is
	// not known.
	Explain(code int) string
	// OptedOut reports whether an error code says that the supporter has opted out of texts.
	OptedOut(code int) bool
}

// OptedOut is what agents are told of a supporter who has opted out.
const OptedOut = "the supporter has opted out of texts by writing STOP. They get texts again when they write START. What to do: call, if that is all right with them."

// NewMessage is a message to send.
type NewMessage struct {
	From      phone.Number // the hotline's; see hotline.Hotline
	To        phone.Number
	Body      string
	Media     []string // addresses that the carrier fetches
	StatusURL string   // where the carrier tells what becomes of it; empty for one that does not tell
}

// Teller can be asked how a message stands.
type Teller interface {
	// Status returns the state of a message, and the carrier's error code if it failed.
	Status(ctx context.Context, id string) (state State, code int, err error)
}

// State is how a message stands. It is a word of the ledger, too.
type State string

const (
	Accepted  State = "accepted"  // the carrier has it
	Sent      State = "sent"      // it is with the supporter's network
	Delivered State = "delivered" // it has arrived
	Failed    State = "failed"    // it has not, and will not
)

// Finder can be asked whether it has a message, of which it has not told us the id.
type Finder interface {
	// Find returns the messages from one number to another that were created at or after since, newest first.
	Find(ctx context.Context, from, to phone.Number, since time.Time) ([]Message, error)
}

// Message is a message as the carrier has it.
type Message struct {
	ID        string
	Body      string
	Outbound  bool // sent by us through the API
	CreatedAt time.Time
}

// Outcome says what is known of a failed call that should have changed something.
type Outcome int

const (
	Unclear Outcome = iota // it may have been done: no answer, or a 5xx
	NotDone                // it was surely not done and may be tried again: no connection, or 429
	Refused                // it was not done and never will be
)

// Error is a failed call.
type Error struct {
	Carrier    string // its name
	Outcome    Outcome
	Code       int           // the carrier's error code, or 0
	Status     int           // the HTTP status, or 0
	RetryAfter time.Duration // the carrier's advice, or 0
	TooEarly   bool          // it cannot be deleted yet
	Cause      error         // without numbers and words of people
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: status %d, code %d: %v", e.Carrier, e.Status, e.Code, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrNotReady means that the carrier does not have a file yet, or does not answer: try again.
var ErrNotReady = errors.New("media is not there yet")

// MediaError says in words that an agent understands why a file will never be fetched.
type MediaError string

func (e MediaError) Error() string { return string(e) }

// ErrDeleted means that the carrier has the file no more.
const ErrDeleted = MediaError("the carrier has deleted it")
