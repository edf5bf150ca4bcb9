// Package pages owns what an operator sees of the switchboard. It turns plain structs into HTML and knows nothing of sessions, stores or
// services. Numbers of people are masked before they get here, but for the one that somebody has asked to see.
//
// Each page is a struct with a template of its name over layout.html. All of them work without script, and under this policy, which
// the caller sends along:
//
//	default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:
//
// Everything a page shows is escaped. The script (switchboard.js) shows times as the reader's own, and keeps a page fresh whose Frame
// says Live.
//
//	mux.Handle("GET /switchboard/static/", pages.Assets())
//	err := pages.Render(w, pages.Message{Title: "Not found", Text: "There is no such item."})
package pages

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/webui"
)

//go:embed *.html
var htmlFiles embed.FS

var funcs = template.FuncMap{"asset": assets.URL, "age": Age, "count": count, "nav": nav, "pair": pair, "upper": upper}

var templates = webui.Parse(htmlFiles, funcs)

// Page is one of the page structs of this package.
type Page interface {
	// name is that of the page's template, without ".html".
	name() string
}

// Frame is what is around every page.
type Frame struct {
	// Me is who is signed in; empty: nobody.
	Me string
	// Operator says that they may change things, and see numbers.
	Operator bool
	// Open says that nobody signs in here: it is a playground.
	Open bool
	// At is the page's address below /switchboard/, as in the navigation.
	At string
	// Missing says what could not be asked, in sentences.
	Missing []string
	// Done says what was just done; it may be empty.
	Done string
	// Problem says what did not work; it may be empty.
	Problem string
	// Now is when the page was made.
	Now time.Time
	// Live says that the page shows how things stand, and is to be kept fresh.
	Live bool
}

// Render writes the whole HTML document of a page. Nothing is written if the template fails.
func Render(w io.Writer, p Page) error {
	return templates.Render(w, p.name(), "layout", p)
}

// link is an entry of the navigation.
type link struct{ At, Text string }

// nav is the navigation, in its order.
func nav() []link {
	return []link{
		{"", "Overview"}, {"items", "Items"}, {"dead", "Dead letters"}, {"lanes", "Lanes"}, {"calls", "Calls"}, {"people", "People"},
		{"hotlines", "Hotlines"}, {"days", "Days"}, {"findings", "Findings"}, {"audit", "Audit"}, {"operators", "Operators"},
	}
}

// Age is how long ago something was: "5 s", "3 min", "2 h 5 min", "4 days".
func Age(now, then time.Time) string {
	d := max(0, now.Sub(then))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
}

// count is a number of things in words: "1 text", "3 texts". n is any kind of integer.
func count(n any, one, many string) string {
	if s := fmt.Sprint(n); s != "1" {
		return s + " " + many
	}
	return "1 " + one
}

// pair is what a part of a page gets that needs two things.
func pair(a, b any) map[string]any { return map[string]any{"A": a, "B": b} }

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
