// Package document is hotlines.yaml as Go types. bling config and bling init write files with them, and
// docs/hotlines.schema.json, by which editors check a file while it is written, is made of them.
//
//	document.Of(hotlines).YAML() // a file that means these hotlines
//
// Files are read by package hotline alone, which walks them itself so as to tell each mistake with its place. The tests here hold
// the two together: whatever one of them knows, so does the other.
package document

import "github.com/bling-hotline/bling/internal/phone"

// The comments of the fields below are what editors show, and what bling init writes above them, so they speak to whoever
// writes a file. What is nil or empty is left out of the file, and has its default.

// Document is the whole file.
type Document struct {
	// The hotlines. Each is a Help Scout mailbox and the numbers that belong to it.
	Hotlines []Hotline `yaml:"hotlines" jsonschema:"minItems=1"`
}

// Hotline is a mailbox, its numbers, and how people are answered there.
type Hotline struct {
	// For people who read logs; optional.
	Name Label `yaml:"name,omitempty"`
	// Who carries the texts: twilio; telnyx, without calls; mobilecommons, without calls and pictures, and without word on whether a text
	// has arrived. Default: twilio.
	Transport string `yaml:"transport,omitempty" jsonschema:"enum=twilio,enum=telnyx,enum=mobilecommons"`
	// What people text and call, with the country code.
	Number phone.Number `yaml:"number,omitempty" jsonschema:"anyof_required=number"`
	// With mobilecommons, instead of a number: the id of the campaign.
	Campaign Campaign `yaml:"campaign,omitempty" jsonschema:"anyof_required=campaign"`
	// Further numbers of the same mailbox. A reply goes out from the one that the supporter last wrote to.
	MoreNumbers []phone.Number `yaml:"more_numbers,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// The Help Scout mailbox: the number in its address, https://secure.helpscout.net/mailbox/... . A mailbox belongs to one hotline.
	Mailbox int64 `yaml:"mailbox" jsonschema:"minimum=1"`
	// The language of the texts and sentences, such as en or pt-BR. Default: en.
	Language LanguageCode `yaml:"language,omitempty"`
	// The clocks that hours and holidays are told by, such as America/New_York; needed when there are any. Summer time is taken care of.
	// Names: https://en.wikipedia.org/wiki/List_of_tz_database_time_zones
	TimeZone TimeZone `yaml:"time_zone,omitempty"`
	// When people answer; without hours: always. A day that is not named is closed.
	Hours Week `yaml:"hours,omitempty"`
	// Days such as 2026-12-25 that are closed. A night that began the day before is not cut short.
	Holidays []Date `yaml:"holidays,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// What supporters are told. "" is no text at all.
	Texts *Texts `yaml:"texts,omitempty"`
	// Further languages, by their codes; each has words and texts, or says, or all of them. Callers hear them in this order.
	Languages Languages `yaml:"languages,omitempty"`
	// No automatic text twice within this time to one supporter. Default: 24h.
	AutoReplyEvery Duration `yaml:"auto_reply_every,omitempty"`
	// How fast each number may send, in segments a second: a segment is 160 plain characters, or 70 with emoji or another alphabet. What is
	// faster queues up at Twilio, which drops it after ten hours. Default: 0, as fast as Twilio takes it.
	SegmentsPerSecond *float64 `yaml:"segments_per_second,omitempty" jsonschema:"minimum=0"`
	// Whether pictures may be sent; only numbers of the US and Canada can. Default: true.
	MMS *bool `yaml:"mms,omitempty"`
	// Put on new conversations.
	Tags []Label `yaml:"tags,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// What becomes of calls. Without phones every call goes to the voicemail, and so does one that nobody takes.
	Calls *Calls `yaml:"calls,omitempty"`
	// Whom agents may call back from the ticket.
	CallBack *CallBack `yaml:"call_back,omitempty"`
	// How many days what people said is kept, here and at Twilio; 0 is for ever. The tickets are Help Scout's.
	Keep *Keep `yaml:"keep,omitempty"`
}

// Texts are what supporters are told.
type Texts struct {
	// The first answer to a new supporter. Default: a neutral sentence.
	Welcome *string `yaml:"welcome,omitempty" jsonschema:"maxLength=1600"`
	// The answer while closed. Default: none.
	AfterHours *string `yaml:"after_hours,omitempty" jsonschema:"maxLength=1600"`
	// When a text really could not be received. Default: a neutral sentence.
	Failure *string `yaml:"failure,omitempty" jsonschema:"maxLength=1600"`
	// When a voicemail really is lost. Default: a neutral sentence.
	VoicemailFailure *string `yaml:"voicemail_failure,omitempty" jsonschema:"maxLength=1600"`
	// What follows a STOP. Default: none, because Twilio confirms it itself.
	Stopped *string `yaml:"stopped,omitempty" jsonschema:"maxLength=1600"`
	// What follows a START. Default: none, because Twilio confirms it itself.
	Started *string `yaml:"started,omitempty" jsonschema:"maxLength=1600"`
}

// Language is how people are answered in a further language.
type Language struct {
	// Whoever texts one of these words is answered in this language. Many phones leave accents out, so write both forms.
	Words []Word `yaml:"words,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// What is left out is as in the hotline's texts.
	Texts *Texts `yaml:"texts,omitempty"`
	// What callers hear, after the sentences of calls.
	Says *CallersSay `yaml:"says,omitempty"`
	// As in calls, for this language.
	Voice Label `yaml:"voice,omitempty"`
}

// Calls says what becomes of calls.
type Calls struct {
	// Who is rung. A name and a number may be there once in a hotline.
	Phones []Phone `yaml:"phones,omitempty" jsonschema:"minItems=1"`
	// Who is rung when none of the phones is on shift.
	Fallback []Phone `yaml:"fallback,omitempty" jsonschema:"minItems=1"`
	// In which order: all (in the order above), in_order (the same, one after the other), longest_idle (first who has had no call for
	// longest). Default: all.
	Ring string `yaml:"ring,omitempty" jsonschema:"enum=all,enum=in_order,enum=longest_idle"`
	// How many phones ring at the same time; the next ones ring when none of them took the call. Default: 10 with all, otherwise 1.
	AtOnce int `yaml:"at_once,omitempty" jsonschema:"minimum=1,maximum=10"`
	// How long a phone rings, 5s to 60s; best less than it takes until the phone's own voicemail answers. Default: 20s.
	RingFor Duration `yaml:"ring_for,omitempty"`
	// How long after its beginning a call has reached a person or the greeting of the voicemail; 10m at most. It must be 26s longer than
	// ring_for, or more if ask and again are long. Default: 60s.
	Ceiling Duration `yaml:"ceiling,omitempty"`
	// What the phones show. Default: hotline, so that volunteers know what the call is about, and no supporter's number stays on their
	// phones.
	CallerID string `yaml:"caller_id,omitempty" jsonschema:"enum=hotline,enum=caller"`
	// What becomes of callers who hide their number: ring, as all others, or reject. Default: ring.
	Withheld string `yaml:"withheld,omitempty" jsonschema:"enum=ring,enum=reject"`
	// Who speaks: one of https://www.twilio.com/docs/voice/twiml/say/text-speech. It must speak the hotline's language. Default: Twilio's,
	// which does not speak every language.
	Voice Label `yaml:"voice,omitempty"`
	// What callers and volunteers hear, in the hotline's language. Default: neutral English sentences.
	Says *Says `yaml:"says,omitempty"`
	// The longest voicemail, 2s to 1h. Default: 119s.
	RecordFor Duration `yaml:"record_for,omitempty"`
	// What a call without a voicemail leaves in the ticket: entry (in a new conversation if there is none), note (if there is a
	// conversation), nothing. Default: entry.
	Missed string `yaml:"missed,omitempty" jsonschema:"enum=entry,enum=note,enum=nothing"`
	// Who writes voicemails down: none; twilio, in English only, and with record_for below 120s; engine, your own. Default: none.
	Transcription string `yaml:"transcription,omitempty" jsonschema:"enum=none,enum=twilio,enum=engine"`
}

// Phone is a volunteer's phone.
type Phone struct {
	// Whose phone it is.
	Name Label `yaml:"name"`
	// A full number, and none of a hotline.
	Number phone.Number `yaml:"number"`
	// When it is rung; default: always. While the hotline is closed it is not.
	Shifts Week `yaml:"shifts,omitempty"`
	// The clocks of these shifts and holidays. Default: the hotline's.
	TimeZone TimeZone `yaml:"time_zone,omitempty"`
	// Days off, such as 2026-12-25.
	Holidays []Date `yaml:"holidays,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// Whoever is paused is not rung. Default: false.
	Paused *bool `yaml:"paused,omitempty"`
}

// CallersSay is what callers hear.
type CallersSay struct {
	// Before the beep.
	Greeting *Said `yaml:"greeting,omitempty"`
	// The same while closed. Default: the greeting.
	AfterHours *Said `yaml:"after_hours,omitempty"`
	// After a voicemail.
	Thanks *Said `yaml:"thanks,omitempty"`
}

// Says is what callers, volunteers and agents hear.
type Says struct {
	CallersSay `yaml:",inline"`
	// To a volunteer who picks up. 1 takes the call, 2 leaves it to others.
	Ask Sentence `yaml:"ask,omitempty"`
	// The same after another key.
	Again Sentence `yaml:"again,omitempty"`
	// To a volunteer who was too late.
	Taken Sentence `yaml:"taken,omitempty"`
	// To an agent who calls back, and picks up. 1 calls the supporter. {ending} stands for the last two digits of their number.
	Confirm Sentence `yaml:"confirm,omitempty"`
	// To an agent, when the supporter does not answer.
	Unreached Sentence `yaml:"unreached,omitempty"`
}

// CallBack says whom agents may call back, and how often.
type CallBack struct {
	// Whether nobody is called back. Default: false.
	Off *bool `yaml:"off,omitempty"`
	// Whose numbers are called, agents' and supporters', as two letters: https://en.wikipedia.org/wiki/ISO_3166-1_alpha-2. Default: the
	// country of the hotline's number; for one of the US or Canada, both. Premium numbers are never called.
	Countries []Country `yaml:"countries,omitempty,flow" jsonschema:"minItems=1,uniqueItems=true"`
	// The most calls of one agent in an hour. Default: 20.
	PerAgent int `yaml:"per_agent,omitempty" jsonschema:"minimum=1,maximum=10000"`
	// The most calls of the hotline in an hour. Default: 100.
	PerHour int `yaml:"per_hour,omitempty" jsonschema:"minimum=1,maximum=10000"`
	// How long the agent's phone rings, 5s to 60s. Default: 25s.
	RingAgent Duration `yaml:"ring_agent,omitempty"`
	// How long the supporter's phone rings, 5s to 60s. Default: 30s.
	Ring Duration `yaml:"ring,omitempty"`
	// The longest call, 1m to 3h55m. Default: 2h.
	Longest Duration `yaml:"longest,omitempty"`
}

// Keep says for how many days what people said is kept.
type Keep struct {
	// The words of texts, in and out, and of voicemails. Default: 0.
	Texts *int `yaml:"texts,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// Pictures and other files, at Twilio. Default: 0.
	Files *int `yaml:"files,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// The audio of voicemails, at Twilio, once it is in the ticket. Default: 30.
	Recordings *int `yaml:"recordings,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// Who wrote and called when. After this nothing is left of it, whatever is said above. Default: 0.
	Records *int `yaml:"records,omitempty" jsonschema:"minimum=0,maximum=36500"`
}
