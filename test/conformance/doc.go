// Package conformance holds the simulated vendors against what their vendors publish, without a hotline: somebody who uses the
// simulator alone, with code that knows nothing of it, must get along.
//
// For Twilio that is the official Go library as the client (twilio_go_test.go), and beside it the published OpenAPI
// description, by which each of its requests and each answer is checked (twilio_openapi_test.go). Help Scout publishes neither.
// Its official client is written in PHP; helpscout_test.go sends the bodies that one sends, and looks for the fields it reads.
//
// Where a simulator deviates is told in tables, here and, the same, in simulator/README.md (readme_test.go). A test fails for a
// deviation that is not in them, and for one that is but no longer exists.
package conformance
