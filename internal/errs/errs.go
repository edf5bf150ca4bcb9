// Package errs holds the one error type of the services: a kind that says what the caller can do about it, a
// message that is safe to show, and the cause, which stays in our own logs.
//
// Create the kind where the meaning is known and wrap it with fmt.Errorf on the way up. The kind crosses gRPC as a
// status code, the time to wait as a RetryInfo, wrong fields as a BadRequest; package rpc does both directions.
package errs

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Kind says what an error means to whoever called.
type Kind string

const (
	Internal        Kind = "internal"        // our fault; the default
	Invalid         Kind = "invalid"         // the request is wrong and will stay wrong
	Unauthenticated Kind = "unauthenticated" // nobody knows who is asking
	Forbidden       Kind = "forbidden"       // the caller may not
	NotFound        Kind = "not_found"
	Exists          Kind = "exists"       // already done
	Precondition    Kind = "precondition" // not in this state
	RateLimited     Kind = "rate_limited" // wait for RetryAfter
	Unavailable     Kind = "unavailable"  // a vendor or a service is down; try again
	Busy            Kind = "busy"         // somebody else is at it; try again soon
)

var grpcCodes = map[Kind]codes.Code{
	Internal:        codes.Internal,
	Invalid:         codes.InvalidArgument,
	Unauthenticated: codes.Unauthenticated,
	Forbidden:       codes.PermissionDenied,
	NotFound:        codes.NotFound,
	Exists:          codes.AlreadyExists,
	Precondition:    codes.FailedPrecondition,
	RateLimited:     codes.ResourceExhausted,
	Unavailable:     codes.Unavailable,
	Busy:            codes.Aborted,
}

// Field is one wrong field of a request.
type Field struct {
	Name    string // the field's proto name, with its path: "party.mailbox_id"
	Problem string // "must not be empty"
}

// Error is an error with a meaning.
type Error struct {
	Kind       Kind
	Message    string        // safe to show to the caller
	RetryAfter time.Duration // how long to wait before trying again; 0: no advice
	Fields     []Field       // the wrong fields of an Invalid request
	Cause      error         // for the log only
}

// New returns an error of the given kind.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the given kind that has a cause.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// After returns e with the advice to wait.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// GRPCStatus is what the caller sees: the kind and the safe message, never the cause.
func (e *Error) GRPCStatus() *status.Status {
	code, ok := grpcCodes[e.Kind]
	if !ok || code == codes.Internal {
		return status.New(codes.Internal, "internal error")
	}
	st := status.New(code, e.Message)
	// The mark by which FromGRPC tells our safe messages from gRPC's own, which name addresses.
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Domain: domain, Reason: string(e.Kind)}}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if len(e.Fields) > 0 {
		bad := &errdetails.BadRequest{}
		for _, f := range e.Fields {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Name, Description: f.Problem})
		}
		details = append(details, bad)
	}
	if with, err := st.WithDetails(details...); err == nil {
		return with
	}
	return st
}

const domain = "bling"

// FromGRPC turns the error of a gRPC call back into an *Error.
func FromGRPC(err error) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	e := &Error{Kind: Internal, Message: st.Message(), Cause: err}
	switch st.Code() {
	case codes.DeadlineExceeded, codes.Canceled:
		e.Kind = Unavailable
	default:
		for kind, code := range grpcCodes {
			if code == st.Code() {
				e.Kind = kind
			}
		}
	}
	ours := false
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			ours = ours || d.GetDomain() == domain
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Fields = append(e.Fields, Field{v.GetField(), v.GetDescription()})
			}
		}
	}
	if !ours && e.Kind == Unavailable {
		e.Message = "the service does not answer"
	}
	return e
}

// KindOf returns the kind of err: Internal when it has none, "" when err is nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// RetryAfter returns the advice to wait that err carries, or 0.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Fields returns the wrong fields that an Invalid error names.
func Fields(err error) []Field {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

// Check collects the wrong fields of a request.
type Check struct{ fields []Field }

// That notes a problem with a field unless ok.
func (c *Check) That(ok bool, field, problem string) {
	if !ok {
		c.fields = append(c.fields, Field{field, problem})
	}
}

// Err is an Invalid error that names every wrong field, or nil.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	e := New(Invalid, "invalid request")
	for _, f := range c.fields {
		e.Message += "; " + f.Name + " " + f.Problem
	}
	e.Fields = c.fields
	return e
}
