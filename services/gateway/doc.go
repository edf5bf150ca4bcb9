// Package gateway is the only door to the internet. It checks who is calling, and translates webhooks into gRPC.
//
// A webhook's body is read once, up to a limit (doors.go), and its signature is checked over the raw bytes and the
// configured public address, before anything of it is parsed. Then grpc-gateway turns it into the RPC that proto/http.yaml
// names: Twilio's forms by forms.go, Telnyx's and Help Scout's JSON byte for byte. What the RPC answers goes back the same way,
// TwiML included. The gateway has no state and waits for nobody but the service that stores the event.
package gateway
