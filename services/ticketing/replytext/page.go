package replytext

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIndent is how many lists deep a line is still indented.
const maxIndent = 8

// page is the text as it is written, line by line.
type page struct {
	lines []line // the last one is being written

	spaces int    // white space before the next character
	bullet string // what the next character's line begins with
	bar    bool   // the next character begins another cell of a row
	depth  int    // of lists
	span   *span  // where to note the place of the next character
}

type line struct {
	text   []byte
	indent int
	spacer bool // it has a non-breaking space, so it counts although it is blank
	quoted bool // quoted text was left out here
	ruled  bool // it has a border above
}

// span is where the text of a link begins.
type span struct {
	begun      bool
	line, byte int
}

func newPage() *page { return &page{lines: make([]line, 1)} }

func (p *page) last() *line { return &p.lines[len(p.lines)-1] }

func (p *page) newLine() {
	p.lines = append(p.lines, line{})
	p.spaces = 0
}

// lineBreak breaks the line, even a blank one. An item of a list, or a cell, does not begin with a blank line.
func (p *page) lineBreak() {
	if p.bullet == "" && !p.bar {
		p.newLine()
	}
}

// block breaks the line unless there is nothing on it.
func (p *page) block() {
	p.spaces = 0
	if l := p.last(); !p.bar && (len(l.text) > 0 || l.spacer) {
		p.newLine()
	}
}

func (p *page) item(bullet string) {
	p.bar = false
	p.block()
	p.bullet = bullet
}

// cell begins a cell of the row that began at a line.
func (p *page) cell(row int) {
	p.spaces = 0
	if n := len(p.lines) - 1; n > row && len(p.lines[n].text) == 0 && len(p.lines[n-1].text) > 0 {
		p.lines = p.lines[:n] // a paragraph in the cell before has ended the line; the row has not ended
	}
	p.bar = len(p.last().text) > 0
}

func (p *page) quotation() {
	p.bar = false
	p.block()
	p.last().quoted = true
	p.newLine()
}

// text writes text. Where spaces count they are kept, else a run of them is one; where lines count a line break breaks
// the line, else it is a space.
func (p *page) text(s string, keepSpaces, keepLines bool) {
	for _, c := range s {
		switch {
		case c == '\n' && keepLines, c == '\u2028', c == '\u2029':
			p.lineBreak()
		case c <= unicode.MaxLatin1 && unicode.IsSpace(c):
			if c == '\u00A0' {
				p.last().spacer = true
			}
			if p.spaces++; !keepSpaces {
				p.spaces = 1
			}
		case !invisible(c):
			p.write(c)
		}
	}
}

func (p *page) write(c rune) {
	l := p.last()
	switch {
	case p.bullet != "":
		l.indent = min(max(p.depth-1, 0), maxIndent)
		l.text = append(l.text, p.bullet...)
	case p.bar:
		l.text = append(l.text, " | "...)
	case len(l.text) == 0:
		l.indent = min(p.depth, maxIndent)
	default:
		for range p.spaces {
			l.text = append(l.text, ' ')
		}
	}
	p.bullet, p.bar, p.spaces = "", false, 0
	if p.span != nil && !p.span.begun {
		*p.span = span{begun: true, line: len(p.lines) - 1, byte: len(l.text)}
	}
	l.text = utf8.AppendRune(l.text, c)
}

// invisible reports whether a character shows nothing and does nothing on a phone. Joiners of emoji and of scripts,
// variation selectors and directional marks do something.
func invisible(c rune) bool {
	switch c {
	case '\u00AD', '\u200B', '\u2060', '\u2061', '\u2062', '\u2063', '\u2064', '\uFEFF', '\uFFF9', '\uFFFA', '\uFFFB':
		return true
	}
	return unicode.IsControl(c)
}

func (l line) String() string { return strings.TrimSpace(string(l.text)) }

// blank reports whether the line shows nothing.
func (l line) blank() bool {
	return !bytes.ContainsFunc(l.text, func(c rune) bool { return unicode.IsGraphic(c) && !unicode.IsSpace(c) })
}

// join returns the lines as one text.
func join(lines []line) string {
	var b strings.Builder
	paragraph := false
	for _, l := range lines {
		if l.blank() {
			paragraph = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if paragraph {
				b.WriteByte('\n')
			}
			b.WriteString(strings.Repeat("  ", l.indent))
		}
		b.WriteString(l.String())
		paragraph = false
	}
	return b.String()
}
