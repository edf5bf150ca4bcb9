package twiliosim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

var errTooSlow = errors.New("time limit reached")

// phaseLimit ends a request that takes too long to connect, and then to answer or to go on answering.
type phaseLimit struct {
	cancel    context.CancelCauseFunc
	timer     *time.Timer
	read      time.Duration
	connected atomic.Bool
}

func limitPhases(ctx context.Context, o overrides) (context.Context, *phaseLimit) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &phaseLimit{cancel: cancel, read: o.read}
	l.timer = time.AfterFunc(o.connect, func() { cancel(errTooSlow) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		l.connected.Store(true)
		l.timer.Reset(o.read)
	}}), l
}

func (l *phaseLimit) stop() {
	l.timer.Stop()
	l.cancel(nil)
}

// failure says why there was no answer.
func (l *phaseLimit) failure(ctx context.Context, err error) *failure {
	err = cause(ctx, err)
	if l.connected.Load() {
		return &failure{code: 11200, text: "no answer: " + err.Error(), class: classRead}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return &failure{code: 11210, text: "no such host: " + err.Error(), class: classConnect}
	}
	return &failure{code: 11205, text: "no connection: " + err.Error(), class: classConnect}
}

// cause prefers the reason why a request was ended to the error that it ended with.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// maxAnswer is how much of an answer Twilio reads. See https://www.twilio.com/docs/api/errors/11750.
const maxAnswer = 64 << 10

func readAnswer(body io.Reader, limit *phaseLimit) ([]byte, error) {
	var all []byte
	buffer := make([]byte, 4<<10)
	for {
		n, err := body.Read(buffer)
		limit.timer.Reset(limit.read)
		all = append(all, buffer[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(all) > maxAnswer:
			return nil, fmt.Errorf("it has more than %d bytes", maxAnswer)
		}
	}
}
