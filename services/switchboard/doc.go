// Package switchboard is the operators' page: what becomes of each text, reply, call and voicemail, whether everything is all right, and
// what can be done where it is not.
//
// Somebody is invited from a terminal (admin.go), chooses a password and signs in (signin.go, session.go). What they see is put together
// from what telephony and ticketing say of their ledgers, both asked at once (ask.go): at a glance (overview.go), as a list and one by one
// (items.go, item.go), what was given up (dead.go), who is kept out (people.go), all of one person (person.go), the hotlines (hotlines.go),
// and who did what (journal.go). A service that does not answer is named on the page, which shows the rest.
//
// Numbers are masked (mask.go), and where a page or an address must name one all the same, sealed (seal.go). Whatever changes something,
// or shows a number, is for operators only and is in the audit log before it is done; what people do to their own account, such as to sign
// in, is there after it (audit.go). The HTML is in package pages.
//
// The pages are on the private port, below /switchboard/, which never is for the public. docs/decisions/0011-switchboard.md says why.
package switchboard
