// Package replytext turns an agent's reply into what goes to a phone.
//
// Help Scout keeps a reply as HTML: from its own editor, from an agent's mail program, or through the API. A phone
// shows plain text. Text keeps the words, their lines, lists and links, and leaves out what the supporter must not or
// need not see: the signature, the quoted history, and whatever is hidden.
//
// It reads HTML token by token (markup.go), writes lines (page.go, link.go), and then looks at the lines as a whole
// (history.go). It takes any input in about linear time. An element that is not closed ends with the one around it.
//
// Each file in testdata is an example.
package replytext

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// Text returns an agent's reply, the HTML body of a Help Scout thread, as the plain text that goes to a phone.
// It has no white space around it, no trailing white space on a line, and at most one blank line in a row. A reply
// without any text is "".
//
// A body without any tag is plain text: its line breaks count, its entities are decoded all the same.
func Text(body string) string {
	body = strings.ToValidUTF8(body, "\uFFFD")
	r := reader{page: newPage(), plain: !hasMarkup(body)}
	z := html.NewTokenizer(strings.NewReader(body))
	for !r.ended {
		kind := z.Next()
		raw := z.Raw()
		if kind == html.ErrorToken {
			// A tag that the body ends in the middle of, or rather a "<" that is none.
			r.text(html.UnescapeString(string(raw)))
			break
		}
		if address(kind, raw) {
			r.text(html.UnescapeString(string(raw)))
			continue
		}
		t := z.Token()
		switch kind {
		case html.TextToken:
			r.text(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(t)
		case html.EndTagToken:
			r.end(t.Data)
		}
	}
	r.closeTo(0)
	return join(withoutSignature(withoutHistory(r.page.lines)))
}

// hasMarkup reports whether the body has a tag or a comment.
func hasMarkup(body string) bool {
	if !strings.Contains(body, "<") {
		return false
	}
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch kind := z.Next(); {
		case kind == html.ErrorToken:
			return false
		case kind != html.TextToken && !address(kind, z.Raw()):
			return true
		}
	}
}

// bracketed matches an address in angle brackets, <ann@example.org> or <https://example.org>.
var bracketed = regexp.MustCompile(`^<(?i:[a-z][a-z0-9+.-]*://|[^\s/<>"'=]+@)`)

// address reports whether what looks like a tag is an address.
func address(kind html.TokenType, raw []byte) bool {
	return (kind == html.StartTagToken || kind == html.SelfClosingTagToken) && bracketed.Match(raw)
}
