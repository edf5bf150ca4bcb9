// Package pages owns what an agent sees of the dialer: the sidebar in Help Scout, the sign-in, the page with the Dial
// button and the live page of a call. It turns plain structs into HTML and knows nothing of sessions, stores or phones.
// The dialer service calls it; cmd/storybook shows every state of every page.
//
// Each page is a struct in its own file, with a template of the same name over layout.html. All of them work without
// script, and under this policy, which the caller sends along:
//
//	default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:
//
// Everything a page shows is escaped. An address (Href, Back, CallBack, Next) may be any http, https or relative one;
// where it may lead is for the caller to decide before it gets here.
//
//	mux.Handle("GET /dialer/static/", pages.Assets())
//	err := pages.Render(w, pages.Message{Title: "Not found", Text: "There is no such call."})
package pages

import (
	"embed"
	"html/template"
	"io"
	"time"

	"github.com/bling-hotline/bling/internal/webui"
)

//go:embed *.html
var htmlFiles embed.FS

var funcs = template.FuncMap{
	"asset":    assets.URL,
	"clock":    clock,
	"headline": headline,
	"now":      time.Now,
	"steps":    steps,
}

var templates = webui.Parse(htmlFiles, funcs)

// Page is one of the page structs of this package.
type Page interface {
	// name is that of the page's template, without ".html".
	name() string
}

// Render writes the whole HTML document of a page. Nothing is written if the template fails.
func Render(w io.Writer, p Page) error {
	return templates.Render(w, p.name(), "layout", p)
}
