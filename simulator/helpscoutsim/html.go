package helpscoutsim

import (
	"html"
	"regexp"
	"strings"
)

var (
	lineBreaks = regexp.MustCompile(`(?i)<br\s*/?>\n?|</(p|div|li)>`)
	htmlTags   = regexp.MustCompile(`<[^>]*>`)
)

// plainText turns the HTML of a thread into text to look at. It is not meant to be exact.
func plainText(body string) string {
	text := lineBreaks.ReplaceAllString(body, "\n")
	text = htmlTags.ReplaceAllString(text, "")
	return strings.TrimSpace(html.UnescapeString(text))
}
