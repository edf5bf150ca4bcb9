package replytext

import (
	"regexp"
	"strings"
)

// introduction matches the line before quoted history, in the languages of our supporters and a few more. Each has a
// date, hence a digit.
var introduction = regexp.MustCompile(`^(On .*\d.*wrote|El .*\d.*escribió|Le .*\d.*a écrit|Em .*\d.*escreveu|Il .*\d.*ha scritto|Am .*\d.*schrieb.*)\s?:$`)

// withoutHistory leaves out what introduces quoted text and, from an Outlook header on, everything. Where it is not
// certain it leaves the text alone.
func withoutHistory(lines []line) []line {
	var kept []line
	for i, l := range lines {
		switch {
		case l.quoted:
			kept = withoutIntroduction(kept)
		case l.ruled && outlookHeader(lines[i:]):
			return kept
		default:
			kept = append(kept, l)
		}
	}
	return kept
}

func withoutIntroduction(lines []line) []line {
	n := len(lines)
	for n > 0 && lines[n-1].blank() {
		n--
	}
	for folds := 1; folds <= min(n, 2); folds++ { // some programs fold it
		if introduces(lines[n-folds : n]) {
			return lines[:n-folds]
		}
	}
	return lines[:min(n+1, len(lines))] // one blank line is enough
}

func introduces(lines []line) bool {
	var parts []string
	for _, l := range lines {
		if len(l.text) > 300 {
			return false
		}
		parts = append(parts, l.String())
	}
	return introduction.MatchString(strings.Join(parts, " "))
}

// outlookHeader reports whether the lines begin with the header that Outlook puts above what is replied to.
func outlookHeader(lines []line) bool {
	fields := []string{"From:", "Sent:", "To:"}
	for _, l := range lines {
		s := l.String()
		switch {
		case len(fields) == 0:
			return true
		case strings.HasPrefix(s, fields[0]), fields[0] == "Sent:" && strings.HasPrefix(s, "Date:"):
			fields = fields[1:]
		case !l.blank():
			return false
		}
	}
	return len(fields) == 0
}

// withoutSignature cuts at the last line that is "--".
func withoutSignature(lines []line) []line {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].String() == "--" {
			return lines[:i]
		}
	}
	return lines
}
