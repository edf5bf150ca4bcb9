package carrier

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
)

// Inbox can say what came in: texts of which nobody has told us are found there.
type Inbox interface {
	// TextsTo returns the texts to a number that came in from one time to another, oldest first. whole is false if they are too many.
	TextsTo(ctx context.Context, number phone.Number, from, to time.Time) (list []ListedText, whole bool, err error)
	// Files returns the files of a text, with the addresses that its webhook has for them.
	Files(ctx context.Context, id string) ([]File, error)
}

// OptOuts can say who has opted out of the texts of a number, by whatever way.
type OptOuts interface {
	// OptedOutOf returns who opted out from one time to another. Who wants texts again since then may be among them. whole is false if they are
	// too many.
	OptedOutOf(ctx context.Context, number phone.Number, from, to time.Time) (list []OptOut, whole bool, err error)
}

// OptOut is somebody's wish to get no more texts.
type OptOut struct {
	Supporter phone.Number
	At        time.Time
}

// Outbox can say what went out.
type Outbox interface {
	// TextsFrom returns the texts that we have sent from a number, from one time to another, oldest first. whole is false if they are too
	// many.
	TextsFrom(ctx context.Context, number phone.Number, from, to time.Time) (list []ListedText, whole bool, err error)
}

// ListedText is a text in a carrier's list.
type ListedText struct {
	ID, From, To, Body string
	State              State // of one that went out
	Code               int   // the carrier's error code if it failed
	Files              int
	At                 time.Time // when it was sent
}

// File is a file of a text.
type File struct{ URL, ContentType string }

// Eraser can delete what it has, for good. What is not there is deleted.
type Eraser interface {
	DeleteMessage(ctx context.Context, id string) error // with its files
	Redact(ctx context.Context, id string) error        // deletes the words of a message
	DeleteFiles(ctx context.Context, id string) error   // deletes the files of a message
	// MessagesOf returns all messages from and to somebody that the account has, whosever they are. whole is false if they are too many.
	MessagesOf(ctx context.Context, person phone.Number) (found []Found, whole bool, err error)
}

// Found is something in a carrier's list about somebody.
type Found struct {
	ID, From, To string
	Inbound      bool
	At           time.Time // when it was made
}

// NotFound reports whether an error says that the carrier does not have what was asked for.
func NotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

// TooEarly reports whether an error says that something cannot be deleted yet.
func TooEarly(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.TooEarly
}
