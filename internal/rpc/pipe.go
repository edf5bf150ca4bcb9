package rpc

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Pipe returns a listener for an HTTP server, and a transport that carries requests to it through memory, whatever host they
// name. (What Network is made of does not suit HTTP servers: they end reads by deadlines, of which it forgets that they were
// taken back.)
func Pipe() (net.Listener, http.RoundTripper) {
	l := &pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
	return l, &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) },
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
	}
}

type pipe struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipe) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next connection.
func (l *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener.
func (l *pipe) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is that of a pipe.
func (l *pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

// Network is that of a pipe.
func (pipeAddr) Network() string { return "memory" }

// String is what logs show.
func (pipeAddr) String() string { return "memory" }
