package helpscoutsim

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// How pages show things. Whatever comes from outside stays text: a template escapes all that is returned here.

var lookFuncs = template.FuncMap{
	"plain":   plainText,
	"linked":  linked,
	"glimpse": glimpse,
	"name":    personName,
	"words":   func(action string) string { return strings.ReplaceAll(action, "-", " ") },
	"size":    sizeOf,
	"kind":    kindOf,
}

// visitor is who looks at a page, and when.
type visitor struct {
	Users []User
	User  User
	now   time.Time
}

// visitor is the user of ?user=, or the usual agent.
func (s *Sim) visitor(r *http.Request) (visitor, error) {
	id, err := numberIn(r, "user", s.agentID())
	if err != nil {
		return visitor{}, err
	}
	user, known := s.user(id)
	if !known {
		return visitor{}, fmt.Errorf("user %d: %w", id, ErrNotFound)
	}
	return visitor{Users: *s.users.Load(), User: user, now: s.cfg.Now()}, nil
}

// moment is a time as pages show it.
type moment struct{ Machine, Full, Short string }

// When shows a time of today without the day.
func (v visitor) When(t time.Time) moment {
	t, now := t.Local(), v.now.Local()
	layout := "2 Jan 2006, 15:04"
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		layout = "15:04"
	case t.Year() == now.Year():
		layout = "2 Jan, 15:04"
	}
	return moment{t.Format(time.RFC3339), t.Format("Monday 2 January 2006, 15:04:05"), t.Format(layout)}
}

// piece is a part of a text: an address that can be followed, or something else.
type piece struct {
	Text string
	Link bool
}

// webAddress is a web address in a text, without the punctuation after it.
var webAddress = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,:;!?'()\[\]{}*_]`)

// linked finds the web addresses in the HTML of a thread, which is shown as text.
func linked(body string) (pieces []piece) {
	text, at := plainText(body), 0
	for _, found := range webAddress.FindAllStringIndex(text, -1) {
		pieces = append(pieces, piece{text[at:found[0]], false}, piece{text[found[0]:found[1]], true})
		at = found[1]
	}
	return append(pieces, piece{text[at:], false})
}

// glimpseLength is how much of a thread a list shows, in characters.
const glimpseLength = 200

// glimpse is one line of a thread.
func glimpse(t Thread) string {
	text := strings.Join(strings.Fields(plainText(t.Body)), " ")
	if text == "" && len(t.Attachments) > 0 {
		return t.Attachments[0].FileName
	}
	if runes := []rune(text); len(runes) > glimpseLength {
		return string(runes[:glimpseLength]) + "…"
	}
	return text
}

// personName is what to call somebody.
func personName(p Person) string {
	return cmp.Or(strings.TrimSpace(p.First+" "+p.Last), p.Email, "Unknown")
}

// customerName is what to call a customer: some have a number only.
func customerName(c Customer) string {
	p := c.person()
	if p.Email == "" && len(c.Phones) > 0 {
		p.Email = c.Phones[0].Value
	}
	return personName(p)
}

// sizeOf is a number of bytes to read.
func sizeOf(bytes int) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%d KB", (bytes+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
