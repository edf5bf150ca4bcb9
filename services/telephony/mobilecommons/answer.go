package mobilecommons

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/bling-hotline/bling/internal/phone"
)

// element is a part of an answer. What one answer has as an attribute another has as an element, and the original took them for the
// same, so both are looked for. An element that is not there has no text.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

// read reads a whole answer: one that was cut off is an error. What people write may have in it what XML does not allow; for that a list of
// texts must not be unreadable.
func read(r io.Reader) (answer element, err error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return element{}, err
	}
	if m := encoding.FindSubmatch(b); m != nil {
		e, err := htmlindex.Get(string(m[1]))
		if err != nil {
			return element{}, err
		}
		if b, err = e.NewDecoder().Bytes(b); err != nil {
			return element{}, err
		}
	}
	d := xml.NewDecoder(bytes.NewReader(allowed(b)))
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	if err := d.Decode(&answer); err != nil {
		return element{}, err
	}
	if answer.XMLName.Local != "response" {
		return element{}, errUnreadable
	}
	return answer, nil
}

var (
	encoding  = regexp.MustCompile(`^<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)
	reference = regexp.MustCompile(`&#(?:[0-9]+|x[0-9a-fA-F]+);`)
)

// allowed leaves out the characters that XML does not allow, also where they are written as their numbers. What is not UTF-8 becomes U+FFFD.
func allowed(b []byte) []byte {
	b = reference.ReplaceAllFunc(b, func(ref []byte) []byte {
		digits, base := strings.Trim(string(ref), "&#;"), 10
		if hex, is := strings.CutPrefix(digits, "x"); is {
			digits, base = hex, 16
		}
		n, err := strconv.ParseInt(digits, base, 32)
		if err != nil || character(rune(n)) < 0 {
			return nil
		}
		return ref
	})
	return bytes.Map(character, b)
}

// character is r, or -1 if it is none of XML's: https://www.w3.org/TR/xml/#charsets.
func character(r rune) rune {
	if r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r < 0xD800 || r > 0xDFFF && r < 0xFFFE || r > 0xFFFF && r <= unicode.MaxRune {
		return r
	}
	return -1
}

func (e element) child(name string) (child element, ok bool) {
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			return c, true
		}
	}
	return element{}, false
}

// all returns the items of a list: none, one or several.
func (e element) all(list, item string) (items []element) {
	inner, _ := e.child(list)
	return inner.items(item)
}

func (e element) items(item string) (items []element) {
	for _, c := range e.Children {
		if c.XMLName.Local == item {
			items = append(items, c)
		}
	}
	return items
}

// get returns the text at a path, without the space around it.
func (e element) get(path ...string) string {
	if len(path) == 0 {
		return strings.TrimSpace(e.Text)
	}
	if len(path) == 1 {
		for _, a := range e.Attrs {
			if a.Name.Local == path[0] {
				return strings.TrimSpace(a.Value)
			}
		}
	}
	c, _ := e.child(path[0])
	return c.get(path[1:]...)
}

// campaign is where a message or subscription belongs. The original's loader read campaign_id, its sample has campaign.id.
func (e element) campaign() string {
	if id := e.get("campaign_id"); id != "" {
		return id
	}
	return e.get("campaign", "id")
}

// stamp is how the API writes most times, and how it is asked for them.
const stamp = "2006-01-02 15:04:05 UTC"

// moment reads a time; the zero time if there is none. One without a zone is UTC, as the others are.
func moment(s string) (at time.Time, err error) {
	if s == "" {
		return at, nil
	}
	for _, layout := range []string{stamp, time.RFC3339, "2006-01-02 15:04:05 -0700", time.DateTime} {
		if at, err = time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errUnreadable
}

// number reads a number. The API writes them with the country's code and without a plus, as in 15105016227. Ten digits alone are
// American, as in the samples of its documentation, if there is such a number there.
func number(s string) phone.Number {
	const american = 10
	digits := strings.Trim(s, "0123456789") == ""
	if digits && (len(s) > american || len(s) == american && phone.Parse("+1"+s).Country() == "") {
		s = "+" + s
	}
	return phone.Parse(s).Number
}
