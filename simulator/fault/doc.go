// Package fault makes an HTTP server misbehave on demand: errors, cut connections and delays.
//
// Both vendor simulators, twiliosim and helpscoutsim, put an [Injector] in front of their API, and tests, the
// terminal or the playground page turn its [Switches]. It decides per request, from a seeded generator, so a test
// that fails with one seed fails again with it.
//
// What a client has to survive is not only an error but not knowing: DropAfter applies a request and cuts the
// connection instead of answering, which to the client looks exactly like DropBefore.
//
//	injector := fault.New(1)
//	server := httptest.NewServer(injector.Wrap(api))
//	injector.Set(fault.Switches{FailNext: 2, FailNextStatus: 503, Path: "POST /v2/conversations"})
package fault
