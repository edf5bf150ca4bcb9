package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bling-hotline/bling/internal/errs"
)

var kinds = map[errs.Kind]codes.Code{
	errs.Internal:        codes.Internal,
	errs.Invalid:         codes.InvalidArgument,
	errs.Unauthenticated: codes.Unauthenticated,
	errs.Forbidden:       codes.PermissionDenied,
	errs.NotFound:        codes.NotFound,
	errs.Exists:          codes.AlreadyExists,
	errs.Precondition:    codes.FailedPrecondition,
	errs.RateLimited:     codes.ResourceExhausted,
	errs.Unavailable:     codes.Unavailable,
	errs.Busy:            codes.Aborted,
}

// cross sends an error over gRPC and back, as a server and a client do.
func cross(t *testing.T, e *errs.Error) *errs.Error {
	t.Helper()
	back, ok := errors.AsType[*errs.Error](errs.FromGRPC(e.GRPCStatus().Err()))
	if !ok {
		t.Fatalf("%v came back as no *errs.Error", e)
	}
	return back
}

// Every kind comes back as itself, with all that the caller may know and nothing of the cause.
func TestKindsCross(t *testing.T) {
	for kind, code := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			e := errs.Wrap(kind, errors.New("password=hunter2"), "safe %d", 7).After(1500 * time.Millisecond)
			e.Fields = []errs.Field{{Name: "party.mailbox_id", Problem: "is not known"}, {Name: "key", Problem: "must not be empty"}}
			st := e.GRPCStatus()
			if st.Code() != code {
				t.Errorf("code %v, want %v", st.Code(), code)
			}
			if wire := fmt.Sprint(st.Proto()); strings.Contains(wire, "hunter2") {
				t.Errorf("the cause is on the wire: %s", wire)
			}
			back := cross(t, e)
			if back.Kind != kind || errs.KindOf(back) != kind {
				t.Errorf("kind %q, want %q", back.Kind, kind)
			}
			if kind == errs.Internal {
				if back.Message != "internal error" || back.RetryAfter != 0 || back.Fields != nil {
					t.Errorf("an internal error says too much: %+v", back)
				}
				return
			}
			if back.Message != "safe 7" {
				t.Errorf("message %q", back.Message)
			}
			if back.RetryAfter != 1500*time.Millisecond {
				t.Errorf("retry after %v", back.RetryAfter)
			}
			if !reflect.DeepEqual(back.Fields, e.Fields) {
				t.Errorf("fields %v, want %v", back.Fields, e.Fields)
			}
		})
	}
}

// An error passes through two services: the second sends on what the first meant, not what it learnt on the way.
func TestKindsCrossTwice(t *testing.T) {
	for kind := range kinds {
		first := cross(t, errs.Wrap(kind, io.ErrUnexpectedEOF, "safe").After(time.Second))
		second := cross(t, first)
		if second.Kind != first.Kind || second.Message != first.Message || second.RetryAfter != first.RetryAfter {
			t.Errorf("%s: %+v became %+v", kind, first, second)
		}
	}
}

// Short waits and small fractions are not rounded away.
func TestRetryAfterIsExact(t *testing.T) {
	for _, d := range []time.Duration{0, 1, time.Millisecond, 59*time.Second + 999*time.Millisecond, 48 * time.Hour} {
		if back := cross(t, errs.New(errs.RateLimited, "wait").After(d)); back.RetryAfter != d {
			t.Errorf("%v became %v", d, back.RetryAfter)
		}
	}
}

// A kind that nobody defined tells the caller nothing.
func TestUnknownKindIsInternal(t *testing.T) {
	if st := errs.New("typo", "secret").GRPCStatus(); st.Code() != codes.Internal || st.Message() != "internal error" {
		t.Errorf("%v", st)
	}
}

// Codes that other gRPC servers use, and those of gRPC itself.
func TestFromGRPC(t *testing.T) {
	for _, test := range []struct {
		in   error
		kind errs.Kind
	}{
		{status.Error(codes.DeadlineExceeded, "x"), errs.Unavailable},
		{status.Error(codes.Canceled, "x"), errs.Unavailable},
		{status.Error(codes.Unknown, "x"), errs.Internal},
		{status.Error(codes.Unimplemented, "x"), errs.Internal},
		{status.Error(codes.DataLoss, "x"), errs.Internal},
		{fmt.Errorf("calling: %w", status.Error(codes.NotFound, "x")), errs.NotFound},
		{io.EOF, errs.Internal},
		{nil, ""},
	} {
		if kind := errs.KindOf(errs.FromGRPC(test.in)); kind != test.kind {
			t.Errorf("%v: %q, want %q", test.in, kind, test.kind)
		}
	}
	if err := errs.FromGRPC(io.EOF); err != io.EOF {
		t.Errorf("an error of something else became %v", err)
	}
	gone := status.Error(codes.Unavailable, "x")
	if err := errs.FromGRPC(gone); !errors.Is(err, gone) {
		t.Error("the log loses the error of gRPC")
	}
}

// Wrapping keeps the meaning; the log sees everything.
func TestWrapping(t *testing.T) {
	err := fmt.Errorf("finding conversation 5: %w", errs.Wrap(errs.NotFound, context.Canceled, "no such conversation").After(time.Minute))
	if errs.KindOf(err) != errs.NotFound || errs.RetryAfter(err) != time.Minute {
		t.Errorf("kind %q, retry after %v", errs.KindOf(err), errs.RetryAfter(err))
	}
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is lost")
	}
	if want := "finding conversation 5: no such conversation: context canceled"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	// The outermost meaning counts: whoever wraps an error with a kind knows more.
	if err := errs.Wrap(errs.Unavailable, errs.New(errs.RateLimited, "inner").After(time.Hour), "outer"); errs.KindOf(err) != errs.Unavailable || errs.RetryAfter(err) != 0 {
		t.Errorf("kind %q, retry after %v", errs.KindOf(err), errs.RetryAfter(err))
	}
	if errs.KindOf(nil) != "" || errs.KindOf(io.EOF) != errs.Internal || errs.RetryAfter(nil) != 0 || errs.RetryAfter(io.EOF) != 0 {
		t.Error("errors without a kind")
	}
}

// A request with several faults hears of all of them, on the other side too.
func TestCheckCollects(t *testing.T) {
	var c errs.Check
	if err := c.Err(); err != nil {
		t.Errorf("no fault: %v", err)
	}
	c.That(true, "body", "must not be empty")
	if err := c.Err(); err != nil {
		t.Errorf("no fault: %v", err)
	}
	c.That(false, "key", "must not be empty")
	c.That(true, "to", "is not a number")
	c.That(false, "party.mailbox_id", "is not known")
	e, ok := errors.AsType[*errs.Error](c.Err())
	if !ok || e.Kind != errs.Invalid {
		t.Fatalf("%v", c.Err())
	}
	want := []errs.Field{{Name: "key", Problem: "must not be empty"}, {Name: "party.mailbox_id", Problem: "is not known"}}
	back := cross(t, e)
	if !reflect.DeepEqual(back.Fields, want) {
		t.Errorf("fields %v, want %v", back.Fields, want)
	}
	for _, f := range want {
		if !strings.Contains(back.Message, f.Name+" "+f.Problem) {
			t.Errorf("%q does not name %v", back.Message, f)
		}
	}
}
