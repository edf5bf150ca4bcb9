// Package webuitest is what the tests of all pages have in common.
package webuitest

import (
	"embed"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/webui"
)

// voidElements have no end tag.
var voidElements = []string{"meta", "link", "input", "br", "img"}

// Element is a start tag, with the text up to its end tag.
type Element struct {
	Name  string
	Attrs map[string]string
	Text  string
}

// Parse reads every element of a document or fragment, and fails if its tags do not match. It is stricter than
// HTML: what it takes, every browser reads in the same way.
func Parse(t *testing.T, doc string) []*Element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	d.Strict = false // for attributes without a value
	d.Entity = xml.HTMLEntity
	var all, open []*Element
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("parsing: %v\n%s", err, doc)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &Element{Name: token.Name.Local, Attrs: map[string]string{}}
			for _, a := range token.Attr {
				if _, twice := e.Attrs[a.Name.Local]; twice {
					t.Errorf("<%s> has %s twice", e.Name, a.Name.Local)
				}
				e.Attrs[a.Name.Local] = a.Value
			}
			all = append(all, e)
			if !slices.Contains(voidElements, e.Name) {
				open = append(open, e)
			}
		case xml.EndElement:
			name := token.Name.Local
			if slices.Contains(voidElements, name) {
				continue
			}
			if len(open) == 0 || open[len(open)-1].Name != name {
				t.Fatalf("</%s> closes nothing\n%s", name, doc)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			for _, e := range open {
				e.Text += string(token)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("<%s> is never closed\n%s", open[len(open)-1].Name, doc)
	}
	return all
}

// Named are the elements of a name.
func Named(all []*Element, name string) (found []*Element) {
	for _, e := range all {
		if e.Name == name {
			found = append(found, e)
		}
	}
	return found
}

// CheckElements checks what holds for all pages: one heading, a label for each input, nothing inline, no id twice.
func CheckElements(t *testing.T, all []*Element) {
	t.Helper()
	ids, labels := map[string]bool{}, map[string]bool{}
	for _, e := range all {
		if id, ok := e.Attrs["id"]; ok {
			if id == "" || ids[id] {
				t.Errorf("the id %q is empty or there twice", id)
			}
			ids[id] = true
		}
		if e.Name == "label" {
			labels[e.Attrs["for"]] = strings.TrimSpace(e.Text) != ""
		}
	}
	if n := len(Named(all, "h1")); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	for _, e := range all {
		for a := range e.Attrs {
			if a == "style" || strings.HasPrefix(a, "on") {
				t.Errorf("<%s> has %s inline", e.Name, a)
			}
		}
		for id := range strings.FieldsSeq(e.Attrs["aria-describedby"]) {
			if !ids[id] {
				t.Errorf("described by %q, which is nowhere", id)
			}
		}
		switch e.Name {
		case "style":
			t.Error("there is a style inline")
		case "script":
			if e.Attrs["src"] == "" || e.Text != "" {
				t.Error("there is a script inline")
			}
		case "input":
			if e.Attrs["type"] != "hidden" && !labels[e.Attrs["id"]] {
				t.Errorf("the input %q has no label", e.Attrs["name"])
			}
		case "select":
			if !labels[e.Attrs["id"]] {
				t.Errorf("the choice %q has no label", e.Attrs["name"])
			}
		case "table":
			if len(Named(all, "caption")) != len(Named(all, "table")) {
				t.Error("a table has no caption")
			}
		case "a", "button":
			if strings.TrimSpace(e.Text) == "" {
				t.Errorf("a %s says nothing", e.Name)
			}
			if e.Attrs["target"] == "_blank" && e.Attrs["rel"] != "noopener" {
				t.Error("a new tab gets its opener")
			}
		}
	}
}

// Lines is how many lines files have.
func Lines(t *testing.T, files embed.FS, names ...string) (n int) {
	t.Helper()
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(body), "\n")
	}
	return n
}

// CheckAssets checks that files are served below prefix, and nothing else is.
func CheckAssets(t *testing.T, assets webui.Assets, prefix string, names ...string) {
	t.Helper()
	get := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		assets.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	for _, name := range names {
		w := get("GET", assets.URL(name))
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != types[path.Ext(name)] || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
		for _, query := range []string{"", "?v=old"} {
			if w := get("GET", prefix+name+query); w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s%s: %v", name, query, w.Header())
			}
		}
		if w := get("GET", "/"+name); w.Code != http.StatusNotFound {
			t.Errorf("/%s: %d", name, w.Code)
		}
		if w := get("POST", assets.URL(name)); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", name, w.Code)
		}
	}
	for _, other := range []string{"", "layout.html"} {
		if w := get("GET", prefix+other); w.Code != http.StatusNotFound {
			t.Errorf("%s%s: %d", prefix, other, w.Code)
		}
	}
}
