// Package telephony owns everything between the hotline and its carrier: the ledger of texts in and out, and calls. Who carries which hotline is
// in carriers.go, what is asked of a carrier in package carrier.
//
// A text comes in. The gateway calls ReceiveText (inbound.go), which writes the text to the ledger, together with the
// wake-up of its lane, and answers Twilio; concurrent webhooks share one commit. A worker then takes the
// lane's texts in order (deliver) and calls ticketing with the MessageSid as key. When ticketing has put the text
// into the supporter's conversation, the text is done, its files are fetched and attached (media.go), and what we answer of
// our own accord (answer.go) goes to the outgoing ledger. STOP and START (wishes.go) count from the moment in which the
// text is stored; numbers that are blocked (blocks.go) go no further.
//
// That was Twilio. Telnyx's events (telnyx.go) become calls of ReceiveText. A carrier that tells nothing, such as Mobile Commons, is asked
// (poll.go), and texts of before are loaded (load.go); what both find is written to the same ledger.
//
// A text goes out. Whoever wants to send one, an agent's reply or a welcome text, writes it to the outgoing ledger with a
// key from the outside world, and the files that go with it (files.go). A worker (outbound.go) notes the intent, hands each of its
// messages to the carrier, and notes the result. If the answer is lost, the status callback that carries our attempt's id tells, or the
// carrier's list of messages, where it has such. What cannot be known is never sent again. The ticket is told what became
// of the text (tell.go).
//
// A call comes in, which is Twilio's alone. calls.go answers each of Twilio's questions with what callflow makes of the configuration, and notes beside it
// what happens. A voicemail (voicemail.go) is written to the ledger of incoming texts and goes their way; its words
// (transcript.go) follow as a note. A call that nobody took leaves what its hotline wants (missed.go).
//
// An agent calls back. StartCallBack (call_back.go) writes the call to its ledger, unless the supporter does not want it or it would cost
// too much (supporter.go has what is known of them). A worker has the agent's phone called (agent_call.go); Twilio's questions about it, and
// what becomes of both phones, are in agent.go. The ticket is told how it ended (tell_back.go).
//
// Somebody runs it. operator_*.go show what is in the ledger, and what happened to each item of it: what the rows say, and what jobs have
// noted besides (steps.go). What was given up is taken up again (operator_retry.go), and a hotline can be paused (pauses.go).
//
// The rows are in sqlstore, the carriers' APIs in twilio, telnyx and mobilecommons, and the wake-ups in internal/jobs.
package telephony
