// Package helpscoutsim is a strict, in-memory stand-in for Help Scout: the Inbox API 2.0, its webhooks and the apps beside
// conversations.
//
// It is for testing and playing only. Unit tests serve [Sim.Handler] with httptest and act as the agent through
// methods such as [Sim.AgentReply]; cmd/simulator serves it together with [Sim.Control], a JSON API under /sim/
// for scripts and people, and an inbox at /sim/inbox to read, look at apps and answer from.
//
// Where a client could be sloppy the simulator is stricter than Help Scout: unknown JSON fields, query parameters
// and search expressions are refused with 400, lists lag behind writes, and a merged conversation answers 404 to
// writes. What Help Scout does not document is a field of [Config], or marked "(U)", for unverified, in a comment.
//
// A request to the vendor API runs through these files, in this order:
//
//	journal.go        notes it, whatever becomes of it, for History and Usage
//	(package fault)   errors, drops and delays on demand
//	api.go            all routes; then the token (token.go) and the rate limit (ratelimit.go)
//	decode.go         the body, and checks of it; problem.go is the shape of every error
//	conversations.go  create, read, change; also list.go with query.go and page.go
//	append.go         the five ways to add a thread; threads.go reads and changes them
//	customers.go      customers, with contacts.go, customerpatch.go and erase.go; also mailboxes.go, users.go, and hooks.go for
//	                  the webhook resources
//	sim.go            change and read: the lock around state.go, which holds everything and its indexes
//	wire.go           what is stored, in the vendor's JSON
//
// Beside it, agent.go acts as the people in Help Scout's inbox, with what actions.go has for both. A change emits
// events (events.go), which deliver.go signs, sends and retries; firstgen.go is what their bodies were once. control.go
// serves /sim/, readers.go is for tests, and so is traces.go, which says what is left of somebody; save.go keeps the state
// file, demo.go fills an account with cases.
//
// inbox.go is the page that lists conversations, desk.go that of one, with its forms in deskforms.go and its files in
// deskfiles.go; inboxlook.go is how both show things. Beside a conversation are the apps of [Config]: apps.go signs their
// addresses, desk.js answers their scripts with what appcontext.go has for them, and legacyapp.go asks those of old.
//
// One lock guards the state. It is never held while anything is sent, encoded or awaited, and values in the state
// are replaced rather than modified, so that a copy of a [Conversation] taken under the lock stays what it was.
//
// Webhooks that were not delivered when the simulator ends are lost, as is everything else without a StateFile.
//
//	sim, err := helpscoutsim.New(helpscoutsim.Config{RateLimit: -1})
//	server := httptest.NewServer(sim.Handler())
//	// ... let the client under test create a conversation at server.URL, then answer it:
//	id := sim.ConversationsOf("c@example.org")[0].ID
//	_, err = sim.AgentReply(id, helpscoutsim.Reply{Text: "We will call you."})
//	err = sim.Wait(ctx, func(s *helpscoutsim.Sim) bool { return s.Delivered() == 1 })
package helpscoutsim
