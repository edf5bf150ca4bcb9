package pages

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// voidElements have no end tag.
var voidElements = []string{"meta", "link", "input", "br", "img"}

// element is a start tag, with the text up to its end tag.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// parseHTML reads every element of a document or fragment, and fails if its tags do not match. It is stricter than
// HTML: what it takes, every browser reads in the same way.
func parseHTML(t *testing.T, doc string) []*element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	d.Strict = false // for attributes without a value
	d.Entity = xml.HTMLEntity
	var all, open []*element
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
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				if _, twice := e.attrs[a.Name.Local]; twice {
					t.Errorf("<%s> has %s twice", e.name, a.Name.Local)
				}
				e.attrs[a.Name.Local] = a.Value
			}
			all = append(all, e)
			if !slices.Contains(voidElements, e.name) {
				open = append(open, e)
			}
		case xml.EndElement:
			name := token.Name.Local
			if slices.Contains(voidElements, name) {
				continue
			}
			if len(open) == 0 || open[len(open)-1].name != name {
				t.Fatalf("</%s> closes nothing\n%s", name, doc)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			for _, e := range open {
				e.text += string(token)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("<%s> is never closed\n%s", open[len(open)-1].name, doc)
	}
	return all
}

func named(all []*element, name string) (found []*element) {
	for _, e := range all {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

func render(t *testing.T, p Page) string {
	t.Helper()
	var b strings.Builder
	if err := Render(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStories checks of every state of every page what holds for all of them.
func TestStories(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Stories() {
		if names[s.Name] {
			t.Errorf("two stories are called %s", s.Name)
		}
		names[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			doc := render(t, s.Page)
			if !strings.HasPrefix(doc, "<!doctype html>\n<html lang=\"en\">") {
				t.Errorf("starts with %.60q", doc)
			}
			if strings.Contains(doc, "ZgotmplZ") || strings.Contains(doc, "<no value>") {
				t.Error("a value was refused by its place in the template")
			}
			checkElements(t, parseHTML(t, doc))
		})
	}
}

func checkElements(t *testing.T, all []*element) {
	t.Helper()
	ids, labels := map[string]bool{}, map[string]bool{}
	for _, e := range all {
		if id, ok := e.attrs["id"]; ok {
			if id == "" || ids[id] {
				t.Errorf("the id %q is empty or there twice", id)
			}
			ids[id] = true
		}
		if e.name == "label" {
			labels[e.attrs["for"]] = strings.TrimSpace(e.text) != ""
		}
	}
	if n := len(named(all, "h1")); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	for _, e := range all {
		for a := range e.attrs {
			if a == "style" || strings.HasPrefix(a, "on") {
				t.Errorf("<%s> has %s inline", e.name, a)
			}
		}
		for id := range strings.FieldsSeq(e.attrs["aria-describedby"]) {
			if !ids[id] {
				t.Errorf("described by %q, which is nowhere", id)
			}
		}
		switch e.name {
		case "style":
			t.Error("there is a style inline")
		case "script":
			if e.attrs["src"] == "" || e.text != "" {
				t.Error("there is a script inline")
			}
		case "input":
			if e.attrs["type"] != "hidden" && !labels[e.attrs["id"]] {
				t.Errorf("the input %q has no label", e.attrs["name"])
			}
		case "select":
			if !labels[e.attrs["id"]] {
				t.Errorf("the choice %q has no label", e.attrs["name"])
			}
		case "table":
			if len(named(all, "caption")) != len(named(all, "table")) {
				t.Error("a table has no caption")
			}
		case "a", "button":
			if strings.TrimSpace(e.text) == "" {
				t.Errorf("a %s says nothing", e.name)
			}
			if e.attrs["target"] == "_blank" && e.attrs["rel"] != "noopener" {
				t.Error("a new tab gets its opener")
			}
		}
	}
}

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`

var scriptAddress = regexp.MustCompile(`(href|action|src)="javascript:`)

// Whatever is in any field of any page is shown, and does nothing.
func TestEscaping(t *testing.T) {
	for _, s := range Stories() {
		for _, evil := range []string{hostile, "javascript:alert(1)"} {
			page := reflect.New(reflect.TypeOf(s.Page)).Elem()
			page.Set(reflect.ValueOf(s.Page))
			poison(page, evil)
			doc := render(t, page.Interface().(Page))
			checkElements(t, parseHTML(t, doc))
			if strings.Contains(doc, "<script>") || strings.Contains(doc, "<img") || scriptAddress.MatchString(doc) {
				t.Errorf("%s lets markup through:\n%s", s.Name, doc)
			}
		}
	}
}

// poison puts evil into all strings of a value, and leaves the story's own as it is.
func poison(v reflect.Value, evil string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(evil)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), evil)
		}
	case reflect.Slice:
		other := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(other, v)
		for i := range other.Len() {
			poison(other.Index(i), evil)
		}
		v.Set(other)
	case reflect.Pointer:
		if !v.IsNil() {
			other := reflect.New(v.Type().Elem())
			other.Elem().Set(v.Elem())
			poison(other.Elem(), evil)
			v.Set(other)
		}
	}
}

// A viewer's pages offer nothing that only operators may do, but for the search, the way out, and to look at somebody.
func TestViewersCannot(t *testing.T) {
	mayPost := []string{"/switchboard/items", "/switchboard/person", "/switchboard/sign-out"}
	for _, s := range Stories() {
		page := reflect.New(reflect.TypeOf(s.Page)).Elem()
		page.Set(reflect.ValueOf(s.Page))
		page.FieldByName("Frame").FieldByName("Operator").SetBool(false)
		if page.FieldByName("Frame").FieldByName("Me").String() == "" || s.Name == "erase" || strings.HasPrefix(s.Name, "erase-") {
			continue
		}
		for _, form := range named(parseHTML(t, render(t, page.Interface().(Page))), "form") {
			if !slices.Contains(mayPost, form.attrs["action"]) {
				t.Errorf("%s has a form to %s", s.Name, form.attrs["action"])
			}
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 59*time.Minute + 59*time.Second: "59 min", time.Hour: "1 h 0 min",
		47*time.Hour + 59*time.Minute: "47 h 59 min", 48 * time.Hour: "2 days",
	} {
		if got := Age(storyNow, storyNow.Add(-d)); got != want {
			t.Errorf("Age of %v is %q, want %q", d, got, want)
		}
	}
}

func TestAssets(t *testing.T) {
	get := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		Assets().ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	for name, kind := range map[string]string{"switchboard.css": "text/css; charset=utf-8", "switchboard.js": "text/javascript; charset=utf-8"} {
		w := get("GET", assetURL(name))
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
	}
	for target, want := range map[string]int{"/switchboard.css": 404, "/switchboard/static/": 404, "/switchboard/static/layout.html": 404} {
		if w := get("GET", target); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
	if w := get("POST", assetURL("switchboard.js")); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestSizes keeps the style and the script what they are: small.
func TestSizes(t *testing.T) {
	for name, most := range map[string]int{"switchboard.css": 250, "switchboard.js": 80} {
		if n := strings.Count(string(assets[name].body), "\n"); n >= most {
			t.Errorf("%d lines in %s, want less than %d", n, name, most)
		}
	}
}
