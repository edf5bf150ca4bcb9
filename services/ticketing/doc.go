// Package ticketing owns everything between the hotline and the help desk: which Help Scout conversation belongs to
// whom, what is put into it, and the account's budget of requests.
//
// A text comes in. telephony calls RecordInboundText (record.go) with the MessageSid as key. The service takes the
// lease of the supporter's lane, so that nobody else works on it, on any replica; finds the conversation (choose.go), by
// its own table, and by a search only for somebody it has never seen; notes the intent; posts the thread (post.go); notes
// the result. A key that is done is answered from the ledger.
//
// If Help Scout's answer to a write is lost, the entry stays "posting", and whoever comes next looks for it in Help
// Scout before writing again (readback.go). A full or locked conversation is followed by a new one, with notes
// that link both (rollover.go).
//
// An agent answers. Help Scout's webhook is kept (events.go), and a worker hands to telephony what an agent has published in it
// (replies.go), in plain text (package replytext), to whoever's texts are in the conversation (addressee.go). What is not sent
// is said in a note.
//
// Notes are accepted first and posted in their turn (notes.go). Files are attached to the thread they came
// with (attach.go). Webhooks that say that a conversation was merged, moved or deleted make us look before it is used again
// (events.go). Every request takes its share of the budget (budget.go).
//
// Somebody comes from the original program. Its conversations are adopted (adopt.go), page by page, by their contacts' addresses (adopt_whose.go), and
// what it has told to have sent is not sent again (adopt_told.go).
//
// The rows are in sqlstore, Help Scout's API in helpscout.
package ticketing
