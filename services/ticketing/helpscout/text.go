package helpscout

import (
	"html"
	"strings"

	nethtml "golang.org/x/net/html"
)

// HTML returns plain text as the HTML of a thread: escaped, with line breaks.
func HTML(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n")
}

// SameText reports whether a thread's body, as Help Scout shows it, says the plain text that was posted. Markup and
// white space do not count: Help Scout may set both differently.
func SameText(body, text string) bool {
	return plain(body) == strings.Join(strings.Fields(text), " ")
}

func plain(body string) string {
	var b strings.Builder
	z := nethtml.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case nethtml.TextToken:
			b.Write(z.Text())
		default:
			b.WriteByte(' ')
		}
	}
}
