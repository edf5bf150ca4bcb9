package hotline

import (
	"time"
	"unicode"
)

import "slices"

// Says are the sentences that callers and volunteers hear.
type Says struct {
	Greeting   []Said // before the beep: one for each language
	AfterHours []Said // the same while the hotline is closed; empty: Greeting
	Thanks     []Said // after a voicemail
	Ask        Said   // to a volunteer who picks up: which keys to press (1 takes the call, 2 leaves it to others)
	Again      Said   // the same after a wrong key
	Taken      Said   // to a volunteer who was too late
	Confirm    Said   // to an agent who calls back and picks up: to press 1; Ending in it stands for the last digits of the supporter's number
	Unreached  Said   // to an agent, when the supporter cannot be reached
}

// Said is a sentence, or a recording instead of it.
type Said struct {
	Text, Language, Voice string // Language and Voice as Twilio's Say takes them; an empty Voice is its default
	Audio                 string // address of an audio file (https, or http); empty: Text is spoken
}

// takes is how long the sentence takes to say, on the safe side: fourteen letters a second, or four of a script that has one for each
// syllable.
func (s Said) takes() time.Duration {
	letters := 0
	for _, c := range s.Text {
		if letters++; unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			letters += 2
		}
	}
	return time.Second + time.Duration(letters)*time.Second/14
}

// Ending stands for the last two digits of a number.
const Ending = "{ending}"

// defaultSays are the sentences when none are configured, in the English and the voice of as. They name no organisation.
func defaultSays(as Said) Says {
	say := func(text string) Said { return Said{Text: text, Language: as.Language, Voice: as.Voice} }
	return Says{
		Greeting: []Said{say("You have reached our voicemail. Please leave a message after the beep, and we will get back to you.")},
		Thanks:   []Said{say("Thank you. We have your message. Goodbye.")},
		Ask:      say("A call for the hotline. Press 1 to take it, or 2 to leave it to others."),
		Again:    say("Please press 1 to take it, or 2 to leave it to others."),
		Taken:    say("Somebody else has taken the call, or the caller has hung up. Thank you."),
		Confirm:  say("You are calling back, for the hotline, the number that ends in " + Ending + ". Press 1 to call it, or hang up."),

		Unreached: say("The number cannot be reached just now. Goodbye."),
	}
}

// together joins the sentences of several languages, the main one first. A language without a sentence for closed hours
// has its greeting there, if another one has such a sentence.
func together(languages []Says) Says {
	all := languages[0]
	all.Greeting, all.AfterHours, all.Thanks = nil, nil, nil
	afterHours := slices.ContainsFunc(languages, func(s Says) bool { return len(s.AfterHours) > 0 })
	for _, s := range languages {
		if afterHours && len(s.AfterHours) == 0 {
			s.AfterHours = s.Greeting
		}
		all.Greeting = append(all.Greeting, s.Greeting...)
		all.AfterHours = append(all.AfterHours, s.AfterHours...)
		all.Thanks = append(all.Thanks, s.Thanks...)
	}
	return all
}
