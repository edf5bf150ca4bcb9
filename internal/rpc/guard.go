package rpc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bling-hotline/bling/internal/errs"
)

// Guard keeps callers out of gRPC services that not everybody who reaches the server may call. A caller is known by a key
// that it sends with each call (WithKey). A nil Guard keeps nobody out.
type Guard struct {
	// Services are the full names of the guarded services.
	Services []string
	// Keys are the callers' keys, by their names. None: nobody may call the guarded services.
	Keys map[string]string
}

const bearer = "Bearer "

// check refuses a call of a guarded service by whoever is not on the list. It returns the caller's name.
func (g *Guard) check(ctx context.Context, method string) (string, error) {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	if g == nil || !slices.Contains(g.Services, service) {
		return "", nil
	}
	key := ""
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		if values := md.Get("authorization"); len(values) == 1 && strings.HasPrefix(values[0], bearer) {
			key = strings.TrimPrefix(values[0], bearer)
		}
	}
	if key == "" {
		return "", errs.New(errs.Unauthenticated, "this service is called with a key only")
	}
	caller, got := "", sha256.Sum256([]byte(key))
	for name, want := range g.Keys {
		if sum := sha256.Sum256([]byte(want)); want != "" && subtle.ConstantTimeCompare(sum[:], got[:]) == 1 {
			caller = name
		}
	}
	if caller == "" {
		return "", errs.New(errs.Forbidden, "this key is on no list")
	}
	return caller, nil
}

type callerKey struct{}

// Caller is the name of whoever calls a guarded service; empty for a call within the process.
func Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

func (g *Guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	caller, err := g.check(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(context.WithValue(ctx, callerKey{}, caller), req)
}

func (g *Guard) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if _, err := g.check(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return next(srv, stream)
}

// WithKey sends a caller's key with each call. An empty key sends none.
func WithKey(key string) grpc.DialOption {
	return grpc.WithPerRPCCredentials(credentials(key))
}

type credentials string

// GetRequestMetadata returns the key.
func (c credentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if c == "" {
		return nil, nil
	}
	return map[string]string{"authorization": bearer + string(c)}, nil
}

// RequireTransportSecurity is false: whoever can listen between the services reads everything anyway.
func (credentials) RequireTransportSecurity() bool { return false }
