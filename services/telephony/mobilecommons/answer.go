package mobilecommons

import (
	"encoding/xml"
	"io"
	"strings"
	"time"

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

// read reads a whole answer: one that was cut off is an error.
func read(r io.Reader) (answer element, err error) {
	if err := xml.NewDecoder(r).Decode(&answer); err != nil {
		return element{}, err
	}
	if answer.XMLName.Local != "response" {
		return element{}, errUnreadable
	}
	return answer, nil
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

// moment reads a time; the zero time if there is none.
func moment(s string) (at time.Time, err error) {
	if s == "" {
		return at, nil
	}
	for _, layout := range []string{stamp, time.RFC3339, "2006-01-02 15:04:05 -0700"} {
		if at, err = time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errUnreadable
}

// number reads a number. The API writes them with the country's code and without a plus, as in 15105016227. Ten digits alone are
// American, as in the samples of its documentation.
func number(s string) phone.Number {
	const american = 10
	if len(s) > american && strings.Trim(s, "0123456789") == "" {
		s = "+" + s
	}
	return phone.Parse(s).Number
}
