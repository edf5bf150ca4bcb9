package sms

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Split cuts a text into parts of at most limit characters, in order. Nothing is lost but white space around the parts.
// It cuts at the last end of a paragraph in the second half of a part, or else of a line, a sentence, a word; or else in
// the first half; and if there is no such place, between any two characters as people see them. The address of a web
// page is only cut if it is longer than limit.
//
// Characters are counted in UTF-16 units. Twilio takes 1,600 characters and says that some count as several
// (https://www.twilio.com/docs/api/errors/21617); this is how carriers count. A limit below 2, which is what one emoji
// takes, counts as 2.
func Split(text string, limit int) []string {
	limit = max(limit, 2)
	var parts []string
	text = strings.TrimSpace(text)
	for text != "" {
		end := prefix(text, limit)
		if end < len(text) {
			end = cut(text, limit)
		}
		parts = append(parts, strings.TrimSpace(text[:end]))
		text = strings.TrimSpace(text[end:])
	}
	return parts
}

// Places where a text may be cut, from the best to the worst.
const (
	paragraph = iota
	line
	sentence
	word
	script // where a line may end in a script without spaces
	kinds
)

// webAddress ends where a script without spaces goes on.
var webAddress = regexp.MustCompile(`(?i)(https?://|www\.)[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\x{3000}-\x{303F}\x{FF00}-\x{FFEF}]+`)

// cut returns where the first part of a text ends that is longer than limit.
func cut(text string, limit int) int {
	// So much that an address that begins in the part, and is not longer than limit, ends in it.
	text = text[:prefix(text, 2*limit+1)]
	addresses := slices.DeleteFunc(webAddress.FindAllStringIndex(text, -1), func(a []int) bool {
		return length(text[a[0]:a[1]]) > limit
	})

	var halves [2][kinds]int // the last place of each kind, in each half of the part
	last := 0                // the last place of any kind, even in the middle of a word
	breaks, used, state := 0, 0, -1
	for end := 0; end < len(text); {
		c, rest, boundary, next := uniseg.StepString(text[end:], state)
		state = next
		blank := strings.TrimSpace(c) == ""
		if used += length(c); used > limit && !blank { // white space at the end will be trimmed
			break
		}
		end += len(c)
		if !blank {
			breaks = 0
		}
		breaks += strings.Count(c, "\n")
		following, _ := utf8.DecodeRuneInString(rest)
		for len(addresses) > 0 && addresses[0][1] <= end {
			addresses = addresses[1:]
		}
		if unicode.IsSpace(following) || len(addresses) > 0 && addresses[0][0] < end {
			continue
		}
		last = end
		kind := kinds
		switch {
		case breaks > 1:
			kind = paragraph
		case breaks == 1:
			kind = line
		case !blank && c[len(c)-1] < utf8.RuneSelf && following < utf8.RuneSelf:
			// "3.5", "and/or", "help@example.org": none of these ends a line, let alone a sentence
		case boundary&uniseg.MaskSentence != 0:
			kind = sentence
		case blank:
			kind = word
		case boundary&uniseg.MaskLine != uniseg.LineDontBreak:
			kind = script
		}
		if kind < kinds {
			halves[min(2*used/(limit+1), 1)][kind] = end
		}
	}
	for _, half := range [][kinds]int{halves[1], halves[0]} {
		for _, end := range half {
			if end > 0 {
				return end
			}
		}
	}
	if last > 0 {
		return last
	}
	return prefix(text, limit) // one character, with a thousand accents
}

// prefix returns where the longest beginning of a text ends that has at most n UTF-16 units.
func prefix(text string, n int) int {
	for i, c := range text {
		if n -= units(c); n < 0 {
			return i
		}
	}
	return len(text)
}

// length returns how many UTF-16 units a text has.
func length(text string) int {
	n := 0
	for _, c := range text {
		n += units(c)
	}
	return n
}
