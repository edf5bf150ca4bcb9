package replytext

import (
	"path"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// maxDepth is how many elements may be open at once. What is nested deeper is shown, but not understood. It bounds the
// time of each look at the open elements.
const maxDepth = 512

// reader follows the elements of a body and writes what they hold to a page.
type reader struct {
	page  *page
	plain bool // there is no markup: line breaks count
	ended bool // the rest is history

	open    []element
	deeper  int    // elements open beyond maxDepth
	dropped int    // open elements that drop what they hold
	lists   []list // open ones
	link    *link  // the open one
	inPre   bool   // a <pre> has just begun
}

// element is an open element.
type element struct {
	name    string
	drop    bool // nothing in it is shown
	history bool // it was made by a mail program to hold what is replied to
	pre     bool // its white space counts
	list    bool
	line    int // of a row: where it begins
}

type list struct {
	ordered bool
	number  int // of the next item
}

type names map[string]bool

func set(list string) names {
	m := make(names)
	for name := range strings.FieldsSeq(list) {
		m[name] = true
	}
	return m
}

func (n names) has(name string) bool { return n[name] }

func only(name string) func(string) bool { return func(other string) bool { return other == name } }

var (
	blocks = set(`address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption
		figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol option p pre section summary
		table tbody tfoot thead tr ul`)
	lists   = set("ul ol menu dir")
	cells   = set("td th")
	tabular = set("table tbody tfoot thead tr td th caption")
	void    = set("area base br col embed hr img input link meta param source track wbr")
	unseen  = set("audio iframe noembed noframes noscript object script style svg template title video")

	// Classes of mail programs. The quotes hold what is replied to; the introductions say who wrote it, and when.
	quotes        = set("gmail_quote yahoo_quoted protonmail_quote")
	introductions = set("gmail_attr moz-cite-prefix")
	// Ids of Outlook. All that follows is what is replied to.
	ends = set("divRplyFwdMsg x_divRplyFwdMsg mail-editor-reference-message-container")
)

// start is a start tag.
func (r *reader) start(t html.Token) {
	r.inPre = false
	r.closeImplied(t.Data)
	e := element{name: t.Data, pre: r.pre()}
	if t.Data == "pre" {
		e.pre, r.inPre = true, true
	}
	if ws := style(t, "white-space"); ws != "" {
		e.pre = strings.HasPrefix(ws, "pre") || ws == "break-spaces"
	}
	switch {
	case hidden(t) || unseen[t.Data]:
		e.drop = true
	case t.Data == "blockquote" || hasClass(t, introductions):
		e.drop = true
		r.quotation()
	case hasClass(t, quotes):
		e.drop, e.history = true, true
		r.quotation()
	case r.dropped == 0:
		r.show(t, &e)
	}
	if !void[t.Data] {
		r.push(e)
	}
}

// show writes what a start tag means.
func (r *reader) show(t html.Token, e *element) {
	switch name := t.Data; {
	case ends[attr(t, "id")]:
		r.ended = true
	case name == "br":
		r.page.lineBreak()
	case name == "img":
		r.image(attr(t, "alt"))
	case name == "a":
		r.link = &link{href: attr(t, "href")}
		r.page.span = &r.link.span
	case name == "li":
		r.item(t)
	case name == "tr":
		r.page.block()
		e.line = len(r.page.lines) - 1
	case cells[name]:
		r.cell()
	case lists[name]:
		r.page.block()
		first, err := strconv.Atoi(attr(t, "start"))
		if err != nil {
			first = 1
		}
		r.lists = append(r.lists, list{ordered: name == "ol", number: first})
		r.page.depth = len(r.lists)
		e.list = true
	case blocks[name]:
		r.page.block()
		if strings.Contains(style(t, "border-top"), "solid") {
			r.page.last().ruled = true
		}
	}
}

func (r *reader) item(t html.Token) {
	bullet := "- "
	if n := len(r.lists); n > 0 && r.lists[n-1].ordered {
		l := &r.lists[n-1]
		if v, err := strconv.Atoi(attr(t, "value")); err == nil {
			l.number = v
		}
		bullet = strconv.Itoa(l.number) + ". "
		l.number++
	}
	r.page.item(bullet)
}

// cell goes on in the row's line, unless the cell is the first one that shows something.
func (r *reader) cell() {
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i].name == "tr" {
			r.page.cell(r.open[i].line)
			return
		}
	}
	r.page.block()
}

// image writes the description of an image. Many have none but the name of their file. That of an emoji is the emoji.
func (r *reader) image(alt string) {
	if r.link != nil {
		r.link.image = true
	}
	alt = strings.TrimSpace(alt)
	switch strings.ToLower(path.Ext(alt)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".bmp", ".svg", ".tif", ".tiff":
		return
	}
	if strings.ContainsFunc(alt, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }) {
		alt = "[" + alt + "]"
	}
	r.page.text(alt, false, false)
}

func (r *reader) quotation() {
	if r.dropped == 0 {
		r.page.quotation()
	}
}

func (r *reader) push(e element) {
	if len(r.open) == maxDepth {
		r.deeper++
		return
	}
	if e.drop {
		r.dropped++
	}
	r.open = append(r.open, e)
}

// end is an end tag. One that ends nothing only breaks the line.
func (r *reader) end(name string) {
	r.inPre = false
	if r.deeper > 0 {
		r.deeper--
	} else {
		r.closeTo(r.find(only(name), func(e string) bool { return cells[e] && !tabular[name] }))
	}
	if r.dropped > 0 {
		return
	}
	if name == "br" { // which browsers take for <br>
		r.page.lineBreak()
	} else if blocks[name] {
		r.page.block()
	}
}

// closeImplied closes what a start tag closes: most people leave out </li> and the like now and then.
func (r *reader) closeImplied(name string) {
	switch {
	case name == "a":
		r.closeTo(r.find(only("a"), cells.has))
	case name == "li":
		r.closeTo(r.find(only("li"), func(e string) bool { return lists[e] || cells[e] }))
	case cells[name]:
		r.closeTo(r.find(cells.has, func(e string) bool { return e == "tr" || e == "table" }))
	case name == "tr":
		r.closeTo(r.find(only("tr"), only("table")))
	case blocks[name]:
		r.closeTo(r.find(only("p"), func(e string) bool { return blocks[e] || cells[e] }))
	}
}

// find returns the innermost open element that is wanted, and how many are open if a border comes first.
func (r *reader) find(wanted, border func(name string) bool) int {
	for i := len(r.open) - 1; i >= 0; i-- {
		if wanted(r.open[i].name) {
			return i
		}
		if border(r.open[i].name) {
			break
		}
	}
	return len(r.open)
}

// closeTo closes elements until n are open.
func (r *reader) closeTo(n int) {
	for len(r.open) > n {
		e := r.open[len(r.open)-1]
		r.open = r.open[:len(r.open)-1]
		if e.drop {
			r.dropped--
		}
		switch {
		case e.list:
			r.lists = r.lists[:len(r.lists)-1]
			r.page.depth = len(r.lists)
		case e.name == "li":
			r.page.bullet = ""
		case cells[e.name]:
			r.page.bar = false
		case e.name == "a" && r.dropped == 0 && r.link != nil:
			r.endLink()
		case e.name == "blockquote":
			r.endQuote()
		}
	}
}

// endQuote shows again what follows a blockquote that a mail program has put into a container of its own: some people
// write between the lines.
func (r *reader) endQuote() {
	if r.dropped != 1 {
		return
	}
	for i := range r.open {
		if e := &r.open[i]; e.drop && e.history {
			e.drop = false
			r.dropped--
		}
	}
}

func (r *reader) pre() bool { return len(r.open) > 0 && r.open[len(r.open)-1].pre }

// text is text between tags.
func (r *reader) text(s string) {
	if r.inPre {
		s = strings.TrimPrefix(s, "\n") // as browsers do
		r.inPre = false
	}
	if r.dropped > 0 {
		return
	}
	if r.plain || r.pre() {
		r.page.text(s, r.pre(), true)
		return
	}
	// A line "--" is meant as one, even where line breaks are mere white space.
	for i, part := range strings.Split(s, "\n--\n") {
		if i > 0 {
			r.page.block()
			r.page.text("--", false, false)
			r.page.block()
		}
		r.page.text(part, false, false)
	}
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasClass(t html.Token, classes names) bool {
	for class := range strings.FieldsSeq(attr(t, "class")) {
		if classes[class] {
			return true
		}
	}
	return false
}

// style returns a property of a style attribute, in lower case.
func style(t html.Token, property string) (value string) {
	for declaration := range strings.SplitSeq(attr(t, "style"), ";") {
		name, v, _ := strings.Cut(declaration, ":")
		if strings.EqualFold(strings.TrimSpace(name), property) {
			value = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return value
}

func hidden(t html.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "hidden" {
			return true
		}
	}
	return strings.HasPrefix(style(t, "display"), "none") || strings.HasPrefix(style(t, "visibility"), "hidden")
}
