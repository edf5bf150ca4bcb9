package twiliosim

import "strings"

// What people text to leave and to come back, where a number has no Advanced Opt-Out.
// See https://help.twilio.com/articles/223134027.
var keywords = map[string]string{
	"STOP": "STOP", "STOPALL": "STOP", "UNSUBSCRIBE": "STOP", "CANCEL": "STOP", "END": "STOP", "QUIT": "STOP",
	"OPTOUT": "STOP", "REVOKE": "STOP",
	"START": "START", "YES": "START", "UNSTOP": "START",
	"HELP": "HELP", "INFO": "HELP",
}

// systemAnswers are what the phone gets at once, in Twilio's words.
// See https://help.twilio.com/articles/223134027.
var systemAnswers = map[string]string{
	"STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. " +
		"Reply START to resubscribe.",
	"START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. " +
		"Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
	"HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}

// OptOut says whether a phone's owner refuses texts from a number of ours, as after STOP.
func (s *Sim) OptOut(phone, hotline string, out bool) {
	s.mu.Lock()
	s.store.setOptOut(optOut{phone, hotline}, out)
	s.mu.Unlock()
	s.noteChange()
}

// setOptOut reports whether that was a change.
func (st *store) setOptOut(o optOut, out bool) bool {
	before := st.optOuts[o]
	if out {
		st.optOuts[o] = true
	} else {
		delete(st.optOuts, o)
	}
	return before != out
}

// heedKeyword acts on a text that is STOP or its like, for all numbers of its Messaging Service. It needs the lock. To say STOP or
// START twice has no answer.
func (s *Sim) heedKeyword(rec *record) {
	if s.settings.IgnoreKeywords {
		return
	}
	word := keywords[strings.ToUpper(strings.TrimSpace(rec.Body))]
	answer := word == "HELP"
	if word == "STOP" || word == "START" {
		for _, hotline := range s.store.pool(rec.To) {
			changed := s.store.setOptOut(optOut{rec.From, hotline}, word == "STOP")
			answer = answer || changed
		}
	}
	if !answer {
		return
	}
	now := s.now()
	reply := &record{Message: Message{
		Sid: s.store.newSid("SM"), From: rec.To, To: rec.From, Body: systemAnswers[word], Direction: OutboundReply,
		Status: StatusDelivered, System: true, DateCreated: now, DateUpdated: now, DateSent: now,
	}}
	s.store.add(reply)
	s.store.arrive(reply)
}
