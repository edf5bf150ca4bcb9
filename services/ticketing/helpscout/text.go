package helpscout

import (
	"strings"

	"golang.org/x/net/html"
)

var toHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r\n", "<br>\n", "\r", "<br>\n", "\n", "<br>\n")

// HTML returns plain text as the HTML of a thread: escaped, with line breaks.
func HTML(text string) string { return toHTML.Replace(text) }

// SameText reports whether a thread's body, as Help Scout shows it, says the plain text that was posted. Markup and
// white space do not count: Help Scout may set both differently.
func SameText(body, text string) bool {
	return Plain(body) == strings.Join(strings.Fields(text), " ")
}

// Plain is what a thread's body says, without markup and with single spaces.
func Plain(body string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.TextToken:
			b.Write(z.Text())
		default:
			b.WriteByte(' ')
		}
	}
}
