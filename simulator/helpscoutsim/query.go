package helpscoutsim

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// filter selects conversations. All tests must hold.
type filter struct {
	tests []func(*state, *Conversation) bool
	// emails and mailboxes repeat what tests check, to find the few conversations worth testing.
	emails    []string
	mailboxes []int64
}

func (f *filter) add(test func(*state, *Conversation) bool) { f.tests = append(f.tests, test) }

func (f *filter) byEmail(address string) {
	f.emails = append(f.emails, address)
	f.add(func(st *state, c *Conversation) bool {
		customer := st.customerOf(address)
		return customer != nil && customer.ID == c.CustomerID
	})
}

func (f *filter) byMailbox(ids ...int64) {
	if len(ids) == 1 {
		f.mailboxes = append(f.mailboxes, ids[0])
	}
	f.add(func(_ *state, c *Conversation) bool { return slices.Contains(ids, c.MailboxID) })
}

func (f *filter) byStatus(statuses ...string) {
	f.add(func(_ *state, c *Conversation) bool { return slices.Contains(statuses, c.Status) })
}

func (f *filter) byTag(tag string) {
	f.add(func(_ *state, c *Conversation) bool {
		return slices.ContainsFunc(c.Tags, func(t string) bool { return strings.EqualFold(t, tag) })
	})
}

func (f *filter) byNumber(number int64) {
	f.add(func(_ *state, c *Conversation) bool { return c.Number == number })
}

func (f *filter) byID(id int64) {
	f.add(func(_ *state, c *Conversation) bool { return c.ID == id })
}

func (f *filter) holds(st *state, c *Conversation) bool {
	for _, test := range f.tests {
		if !test(st, c) {
			return false
		}
	}
	return true
}

// candidates returns the ids among which all conversations of the filter are.
func (f *filter) candidates(st *state) []int64 {
	switch {
	case len(f.emails) > 0:
		return st.conversationsOf(f.emails[0])
	case len(f.mailboxes) > 0:
		return st.byMailbox[f.mailboxes[0]]
	}
	return st.order
}

// parse adds the tests of a search expression: field:"value", joined by AND, with parentheses; of createdAt and modifiedAt a range,
// such as modifiedAt:[2026-01-01T00:00:00Z TO *]. The rest of Help Scout's language (OR, NOT, other fields) is refused, so that no
// test relies on what is not simulated.
// See https://developer.helpscout.com/mailbox-api/endpoints/conversations/list/.
func (f *filter) parse(text string) error {
	p := &queryParser{rest: text}
	if err := p.expression(f); err != nil {
		return err
	}
	if p.peek() != "" {
		return errors.New("unexpected " + p.peek())
	}
	return nil
}

// queryParser reads an expression from left to right.
type queryParser struct {
	rest  string
	depth int
}

// expression = term { "AND" term }
func (p *queryParser) expression(f *filter) error {
	for {
		if err := p.term(f); err != nil {
			return err
		}
		if p.peek() != "AND" {
			return nil
		}
		p.take()
	}
}

// term = "(" expression ")" | field ":" value | field ":" "[" time "TO" time "]"
func (p *queryParser) term(f *filter) error {
	if p.peek() != "(" {
		return p.comparison(f)
	}
	if p.depth++; p.depth > 20 {
		return errors.New("too many parentheses")
	}
	p.take()
	if err := p.expression(f); err != nil {
		return err
	}
	if p.take() != ")" {
		return errors.New("missing )")
	}
	p.depth--
	return nil
}

func (p *queryParser) comparison(f *filter) error {
	field := p.take()
	if p.take() != ":" {
		return errors.New("expected field:\"value\"")
	}
	if p.peek() == "[" {
		return p.span(f, strings.ToLower(field))
	}
	value := p.take()
	if quoted, ok := strings.CutPrefix(value, `"`); ok {
		if value, ok = strings.CutSuffix(quoted, `"`); !ok {
			return errors.New("missing closing quote")
		}
	} else if value == "" || strings.ContainsAny(value, `:()[]`) {
		return errors.New("expected a value after " + field + ":")
	}
	return f.compare(strings.ToLower(field), value)
}

// moments are the fields that have ranges.
var moments = map[string]func(*Conversation) time.Time{
	"createdat":  func(c *Conversation) time.Time { return c.CreatedAt },
	"modifiedat": func(c *Conversation) time.Time { return c.UpdatedAt },
}

// span reads a range of times, both of its ends included. An end may be *, for none.
func (p *queryParser) span(f *filter, field string) error {
	of := moments[field]
	text, rest, closed := strings.Cut(strings.TrimPrefix(strings.TrimLeft(p.rest, " "), "["), "]")
	ends := strings.Split(text, " TO ")
	if of == nil || !closed || len(ends) != 2 {
		return errors.New("expected createdAt or modifiedAt:[time TO time]")
	}
	p.rest = rest
	var bounds [2]time.Time
	for i, end := range ends {
		if end = strings.TrimSpace(end); end == "*" {
			continue
		}
		var err error
		if bounds[i], err = time.Parse(timeFormat, end); err != nil {
			return errors.New("an end of a range must be * or a UTC time like 2026-01-31T12:00:00Z")
		}
	}
	f.add(func(_ *state, c *Conversation) bool {
		at := of(c).Truncate(time.Second) // as precise as it is shown
		return !at.Before(bounds[0]) && (bounds[1].IsZero() || !at.After(bounds[1]))
	})
	return nil
}

func (f *filter) compare(field, value string) error {
	switch field {
	case "email":
		f.byEmail(value)
		return nil
	case "tag":
		f.byTag(value)
		return nil
	case "status":
		if !slices.Contains(statuses, value) {
			return errors.New("unknown status")
		}
		f.byStatus(value)
		return nil
	}
	byNumber, known := map[string]func(int64){
		"mailboxid": func(n int64) { f.byMailbox(n) },
		"number":    f.byNumber,
		"id":        f.byID,
		"customerids": func(n int64) {
			f.add(func(_ *state, c *Conversation) bool { return c.CustomerID == n })
		},
	}[field]
	if !known {
		return errors.New("unknown or not simulated: " + field)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return errors.New(field + " must be a number")
	}
	byNumber(n)
	return nil
}

// take reads one token: a parenthesis, a colon, a quoted text with its quotes, or a word. "" is the end.
func (p *queryParser) take() string {
	token := p.peek()
	p.rest = strings.TrimLeft(p.rest, " ")[len(token):]
	return token
}

func (p *queryParser) peek() string {
	s := strings.TrimLeft(p.rest, " ")
	if s == "" {
		return ""
	}
	if strings.ContainsRune("():[]", rune(s[0])) {
		return s[:1]
	}
	if s[0] == '"' {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return s[:end+2]
		}
		return s // no closing quote
	}
	if end := strings.IndexAny(s, " ():[]\""); end > 0 {
		return s[:end]
	}
	return s
}
