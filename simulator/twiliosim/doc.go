// Package twiliosim is a strict, in-memory stand-in for Twilio's messages and calls: the REST API and the webhooks.
//
// It is for testing and playing only. Unit tests serve [Sim.Handler] with httptest and play the supporter with
// [Sim.Text] and [Sim.Inbox], or [Sim.Call]; cmd/simulator serves it together with [Sim.Control], a JSON API under /sim/ that is
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
// A phone call, be it from a supporter or to somebody, these:
//
//	call.go      Call lets one come in; callapi.go makes one (callupdate.go, calllist.go: the rest of that API)
//	voicehook.go asks what the call does next, or the fallback, and posts the callbacks
//	voicerules.go says what a document may be (voiceelements.go: verb by verb)
//	verb.go      does one verb after the other: gather.go, dial.go, record.go
//	ring.go      rings a phone, which does what its [Handset] says; ends legs
//	person.go    what the person on a phone does, see [Act]
//	recording.go what was recorded: callbacks and transcriptions (recordingapi.go: to be fetched; sound.go: as what)
//
// exchange.go keeps the legs (leg.go) and recordings under a lock of its own, in steps that never wait. What takes time
// goes to the clock (callclock.go), which in tests may be a [VirtualClock] that waits for nobody.
//
// What else the API offers is in list.go, edit.go, media.go, number.go, account.go, and serviceapi.go for Messaging Services
// (service.go: where their texts go); Control is in control.go, callcontrol.go and stream.go. traces.go says what is left of
// somebody. store.go keeps everything about messages, under one lock that is never held while something is sent or awaited.
// broadcast.go wakes whoever waits for a change. history.go notes each request and each webhook. snapshot.go is the state file.
//
// Twilio's own answers to STOP, START and HELP are marked as System, and [Sim.Inbox] leaves them out: what a test
// counts there is from the account. [Sim.Received] is all that the phone shows. Files of outbound messages are really
// fetched, so a MediaUrl in a test leads to a server of the test.
//
// The simulator refuses what a careful client would not send: unknown parameters, parameters given twice, numbers
// that are not E.164. On demand it is as awkward as Twilio may be: see [Config], [Settings], [Carrier] and package
// fault. What it does not simulate it refuses as well: sending by a Messaging Service, scheduling, content templates, webhooks of
// messages by GET, redirects of webhooks; in calls speech input, <Client>, <Sip>, <Conference>, <Queue>, recording by
// <Dial> or by the REST API, SSML, and calls between two numbers of the account. User and password in a URL are dropped.
// Status callbacks that are due when it is closed are lost, and so are calls and recordings: the state file has none.
//
// What was deleted through the API is gone from there for good, and its record says Deleted: what people have on their phones nobody
// else can delete.
//
//	sim, err := twiliosim.New(twiliosim.Config{})
//	server := httptest.NewServer(sim.Handler())
//	sim.SetPublicURL(server.URL)
//	sim.SetNumber(twiliosim.Number{PhoneNumber: "+15017122661", SMSURL: gateway.URL + "/twilio/sms"})
//	delivery, err := sim.Text(ctx, twiliosim.Text{From: "+15558675310", To: "+15017122661", Body: "hello"})
//	// ... and when the answer has come:
//	err = sim.Wait(ctx, func(s *twiliosim.Sim) bool { return len(s.Inbox("+15558675310")) == 1 })
//
// And a call, with Config.CallClock and a number's VoiceURL set, that Ann takes after 3 s and ends after a minute:
//
//	sim.SetHandset(ann, twiliosim.Handset{Answer: true, After: twiliosim.Duration(3 * time.Second), Acts: []twiliosim.Act{
//		{On: "asked", Press: "1"},
//		{On: "connected", After: twiliosim.Duration(time.Minute), HangUp: true},
//	}})
//	leg, err := sim.Call(ctx, twiliosim.Call{From: "+15558675310", To: "+15017122661"})
package twiliosim
