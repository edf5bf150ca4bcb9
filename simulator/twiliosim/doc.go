// Package twiliosim is a strict, in-memory stand-in for Twilio's messaging: the REST API and the webhooks.
//
// It is for testing and playing only. Unit tests serve [Sim.Handler] with httptest and play the supporter with
// [Sim.Text] and [Sim.Inbox]; cmd/simulator serves it together with [Sim.Control], a JSON API under /sim/ that is
// meant for loopback addresses only: whoever reaches it may do anything.
//
// A text from a supporter goes through these files, in this order:
//
//	inbound.go   Text stores it, applies STOP and START (optout.go), and asks the number's webhook
//	webhook.go   signs and posts, with the limits and retries of the URL's fragment (limit.go, override.go)
//	twiml.go     reads the answer; reply.go turns it into texts
//
// A text to a supporter, these:
//
//	rest.go      route, credentials, errors (problem.go), parameters (param.go)
//	create.go    POST Messages.json: all that Twilio refuses at once (magic.go: refusals on demand)
//	carrier.go   moves it from queued to delivered, puts it into the phone's inbox, posts the status callbacks; before
//	             that fetch.go gets its files, and phone.go says how texts to this phone end
//
// What else the API offers is in list.go, edit.go, media.go and number.go, and Control in control.go and stream.go.
// store.go keeps everything, under one lock that is never held while something is sent or awaited. broadcast.go wakes
// whoever waits for a change. history.go notes each request and each webhook. snapshot.go is the state file.
//
// Twilio's own answers to STOP, START and HELP are marked as System, and [Sim.Inbox] leaves them out: what a test
// counts there is from the account. [Sim.Received] is all that the phone shows. Files of outbound messages are really
// fetched, so a MediaUrl in a test leads to a server of the test.
//
// The simulator refuses what a careful client would not send: unknown parameters, parameters given twice, numbers
// that are not E.164. On demand it is as awkward as Twilio may be: see [Config], [Settings], [Carrier] and package
// fault. What it does not simulate it refuses as well: Messaging Services, scheduling, content templates, webhooks by
// GET, redirects of webhooks. User and password in a URL are dropped. Status callbacks that are due when it is closed
// are lost.
//
//	sim, err := twiliosim.New(twiliosim.Config{})
//	server := httptest.NewServer(sim.Handler())
//	sim.SetPublicURL(server.URL)
//	sim.SetNumber(twiliosim.Number{PhoneNumber: "+15017122661", SMSURL: gateway.URL + "/twilio/sms"})
//	delivery, err := sim.Text(ctx, twiliosim.Text{From: "+15558675310", To: "+15017122661", Body: "hello"})
//	// ... and when the answer has come:
//	err = sim.Wait(ctx, func(s *twiliosim.Sim) bool { return len(s.Inbox("+15558675310")) == 1 })
package twiliosim
