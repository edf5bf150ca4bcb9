package rpc

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"github.com/bling-hotline/bling/internal/errs"
)

// Callers says who may call what: the names in the callers' certificates, by the full name of a gRPC service
// ("bling.ticketing.v1.TicketingService"), or of one method ("bling.telephony.v1.TelephonyService/GetFile"). What is not in it nobody
// may call, but for gRPC's own services, which whoever has a certificate may.
type Callers map[string][]string

var gRPCsOwn = []string{
	healthpb.Health_ServiceDesc.ServiceName,
	grpc_reflection_v1.ServerReflection_ServiceDesc.ServiceName, grpc_reflection_v1alpha.ServerReflection_ServiceDesc.ServiceName,
}

// check refuses a call by whoever is not on the list.
func (c Callers) check(ctx context.Context, fullMethod string) error {
	method := strings.TrimPrefix(fullMethod, "/")
	service, _, _ := strings.Cut(method, "/")
	callers := callerNames(ctx)
	listed := isIn(slices.Concat(c[service], c[method]))
	if slices.ContainsFunc(callers, listed) || len(callers) > 0 && slices.Contains(gRPCsOwn, service) {
		return nil
	}
	return errs.New(errs.Forbidden, "%s may not call %s", strings.Join(callers, ", "), method)
}

func (c Callers) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := c.check(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (c Callers) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := c.check(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return next(srv, stream)
}

// With returns these callers and more.
func (c Callers) With(more Callers) Callers {
	all := maps.Clone(c)
	for name, callers := range more {
		all[name] = slices.Concat(all[name], callers)
	}
	return all
}
