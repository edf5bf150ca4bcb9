package replytext

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// link is an open link.
type link struct {
	href  string
	image bool // it has an image
	span  span
}

// endLink adds the address to the text of a link, or puts it in its place.
func (r *reader) endLink() {
	l, p := r.link, r.page
	r.link, p.span = nil, nil
	address, is := target(l.href)
	switch {
	case address == "":
	case !l.span.begun:
		if l.image {
			p.text(address, false, false)
		}
	default:
		last := len(p.lines) - 1
		for last > l.span.line && len(p.lines[last].text) == 0 {
			last-- // the link ends with a paragraph
		}
		end := &p.lines[last]
		text := end.text
		if last == l.span.line {
			text = text[l.span.byte:]
		}
		switch is(string(bytes.TrimSpace(text))) {
		case same:
			end.text = append(end.text[:len(end.text)-len(text)], address...)
		case different:
			end.text = append(append(append(end.text, " ("...), address...), ')')
		}
	}
}

// relation is what the text of a link has to do with its address.
type relation int

const (
	different relation = iota
	same
	holds // the address is in the text
)

var (
	scheme = regexp.MustCompile(`^(?i)([a-z][a-z0-9+.-]*):`)
	host   = regexp.MustCompile(`^(?i)[a-z0-9-]+(\.[a-z0-9-]+)+([/?#]|$)`)
)

// target returns the address that a link leads to, if that is of any use on a phone, and a function that compares
// it with the link's text.
func target(href string) (address string, is func(text string) relation) {
	address = strings.ReplaceAll(strings.TrimSpace(clean(href)), " ", "%20")
	address = strings.Join(strings.Fields(address), "")
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	m := scheme.FindString(address)
	switch strings.ToLower(m) {
	case "http:", "https:", "ftp:":
	case "mailto:":
		address = contact(address[len(m):], "?")
		return address, func(text string) relation {
			return holdsIf(strings.Contains(strings.ToLower(text), strings.ToLower(address)))
		}
	case "tel:", "sms:":
		address = contact(address[len(m):], ";?")
		return address, func(text string) relation {
			// The text may lack the country code.
			d, t := digits(address), digits(text)
			return holdsIf(strings.Contains(t, d) || len(t) >= 7 && strings.HasSuffix(d, t))
		}
	default:
		if !host.MatchString(address) { // not www.example.org either
			return "", nil
		}
	}
	return address, func(text string) relation {
		if bare(text) == bare(address) {
			return same
		}
		return holdsIf(strings.Contains(text, address))
	}
}

func holdsIf(yes bool) relation {
	if yes {
		return holds
	}
	return different
}

// contact returns an address or number without what a link may add to it.
func contact(s, stops string) string {
	if i := strings.IndexAny(s, stops); i >= 0 {
		s = s[:i]
	}
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	return strings.Join(strings.Fields(clean(strings.ToValidUTF8(s, ""))), " ")
}

func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if invisible(c) && !unicode.IsSpace(c) {
			return -1
		}
		return c
	}, s)
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// bare returns an address without what people leave out: scheme, www, the slash at the end, capitals in the host.
func bare(address string) string {
	address = strings.TrimSuffix(address[len(scheme.FindString(address)):], "/")
	address = strings.TrimPrefix(address, "//")
	end := strings.IndexAny(address, "/?#")
	if end < 0 {
		end = len(address)
	}
	return strings.TrimPrefix(strings.ToLower(address[:end]), "www.") + address[end:]
}
