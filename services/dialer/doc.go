// Package dialer lets an agent call a supporter back from the ticket, without showing their own number.
//
// Help Scout shows the sidebar (sidebar.go) beside a conversation: who the supporter is to the hotline, and a link to the dialer with
// a ticket in it (ticket.go), which says what Help Scout has signed. The first time the agent is set up (enrol.go): a code in a private
// note proves that they work there, a code by text that the phone is theirs (codes.go). Later they sign in with the phone
// (signin.go, session.go), and may change it (phone.go).
//
// On the dial page (dial.go) they press Dial: the callee is looked up from the conversation, telephony makes the call, and the
// call page (call.go) shows live how it stands. What anybody does or tries is in the audit log (audit.go). Numbers are sealed
// (seal.go). The HTML is in package pages; docs/security.md says what all of this withstands.
package dialer
