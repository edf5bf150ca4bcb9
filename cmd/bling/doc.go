// Command bling is the whole hotline in one process: gateway, telephony, ticketing and dialer, which talk gRPC over
// memory, on SQLite unless BLING_DATABASE_URL names a PostgreSQL. The same services run as processes of their own from
// services/*/cmd.
//
// The tour, from the outside in:
//
//   - A text comes in at services/gateway (doors.go checks who is calling, forms.go translates), is written down by
//     services/telephony (inbound.go), and put into the supporter's conversation by services/ticketing (record.go).
//   - A text goes out from services/telephony (outbound.go).
//   - An agent calls back from the pages of services/dialer (dial.go, call.go); services/telephony makes the call (call_back.go).
//   - internal/jobs makes sure that what is written down is done, in order, whatever crashes.
//   - simulator is both vendors on this machine.
//
// ARCHITECTURE.md has the walks step by step.
package main
