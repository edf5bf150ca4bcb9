package pages

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

func fragment(t *testing.T, c Call) string {
	t.Helper()
	var b strings.Builder
	if err := Fragment(&b, c); err != nil {
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

// TestEscaping puts markup and a script's address into the fields of pages.
func TestEscaping(t *testing.T) {
	address := "javascript:alert(1)"
	for _, p := range []Page{
		Sidebar{Supporter: hostile, Hotline: hostile, Blocked: hostile, CallBack: address, ParentOrigin: hostile,
			LastText: &Text{State: hostile, Problem: hostile}, Calls: []Event{{What: hostile}}},
		Sidebar{Notice: hostile},
		SignIn{Number: hostile, Problem: hostile, Next: hostile},
		Enrol{Agent: hostile, Hotline: hostile, Number: hostile, Problem: hostile, Ticket: hostile},
		Codes{ID: hostile, Note: true, Ending: hostile, Problem: hostile, Next: hostile},
		Dial{Agent: hostile, Supporter: hostile, Hotline: hostile, Conversation: hostile, Phone: hostile, Press: hostile,
			Action: address, Here: hostile, Warning: hostile, Problem: hostile, Back: address},
		ChangePhone{Agent: hostile, Phone: hostile, Number: hostile, Problem: hostile, Next: address},
		Call{ID: hostile, Agent: hostile, Supporter: hostile, Hotline: hostile, Conversation: hostile, Phone: hostile,
			State: RingingYou, Hint: hostile},
		Call{State: CallState(hostile), Agent: hostile},
		Call{State: Ended, Result: hostile, Again: address, Back: address},
		Home{Agent: hostile, Phone: hostile, Problem: hostile, Active: &ActiveCall{Href: address, Supporter: hostile}},
		Message{Title: hostile, Text: hostile, Href: address, Link: hostile},
	} {
		doc := render(t, p)
		checkElements(t, parseHTML(t, doc))
		if strings.Contains(doc, "<script>") || strings.Contains(doc, "<img") || scriptAddress.MatchString(doc) {
			t.Errorf("%s lets markup through:\n%s", p.name(), doc)
		}
	}
}

// TestFragment checks that what is sent as an event is what the page had at first, but for the clock.
func TestFragment(t *testing.T) {
	clockNow := regexp.MustCompile(` data-now="\d+">[^<]*`)
	for _, s := range Stories() {
		c, ok := s.Page.(Call)
		if !ok {
			continue
		}
		doc, part := clockNow.ReplaceAllString(render(t, c), ""), clockNow.ReplaceAllString(fragment(t, c), "")
		if part == "" || !strings.Contains(doc, part) {
			t.Errorf("%s does not contain its fragment:\n%s", s.Name, part)
		}
		over := c.State == Ended
		if following := strings.Contains(doc, "data-events") && strings.Contains(doc, `http-equiv="refresh"`); following == over {
			t.Errorf("%s: follows the call is %v, over is %v", s.Name, following, over)
		}
		if cancel := strings.Contains(part, `action="/dialer/calls/k7f2/cancel"`); cancel == (over || c.State == Ending) {
			t.Errorf("%s: can be cancelled is %v", s.Name, cancel)
		}
	}
}

func TestSteps(t *testing.T) {
	for state, want := range map[CallState]int{"": 0, Starting: 0, RingingYou: 0, AskingYou: 1, CallingThem: 2, Connected: 3} {
		list := steps(Call{State: state})
		now := slices.IndexFunc(list, func(s step) bool { return s.Now })
		if len(list) != 4 || now != want {
			t.Errorf("%q is at step %d of %d, want %d of 4", state, now, len(list), want)
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0:00", 59900 * time.Millisecond: "0:59", 192 * time.Second: "3:12", 3729 * time.Second: "1:02:09",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %q, want %q", d, got, want)
		}
	}
}

// TestDialRefused: who cannot be called has no button to call them.
func TestDialRefused(t *testing.T) {
	doc := render(t, Dial{Action: "/dial-here", Here: "/here?a=b&c", Refusal: "They asked not to be called.", Back: "/back"})
	if strings.Contains(doc, "/dial-here") || !strings.Contains(doc, "They asked not to be called.") {
		t.Errorf("a refused supporter can be called:\n%s", doc)
	}
	if !strings.Contains(doc, `href="/dialer/phone?next=%2fhere%3fa%3db%26c"`) {
		t.Errorf("the way back from the change of phone is not there:\n%s", doc)
	}
}

// TestLegacySidebar checks that there is nothing but what Help Scout lets through.
func TestLegacySidebar(t *testing.T) {
	attrs := []string{"href", "target", "rel"}
	sidebars := []Sidebar{{Supporter: hostile, Blocked: hostile, WhyNot: hostile, Calls: []Event{{What: hostile}}}}
	for _, s := range Stories() {
		if s, ok := s.Page.(Sidebar); ok {
			sidebars = append(sidebars, s)
		}
	}
	for _, s := range sidebars {
		got, err := LegacySidebar(s)
		if err != nil {
			t.Fatal(err)
		}
		all := parseHTML(t, got)
		for _, e := range all {
			if !slices.Contains([]string{"h4", "p", "ul", "li", "a", "strong"}, e.name) {
				t.Errorf("<%s> is not for legacy apps:\n%s", e.name, got)
			}
			for a := range e.attrs {
				if e.name != "a" || !slices.Contains(attrs, a) {
					t.Errorf("<%s %s> is not for legacy apps", e.name, a)
				}
			}
			if e.name == "a" && (e.attrs["target"] != "_blank" || e.attrs["rel"] != "noopener") {
				t.Errorf("the link does not open a new tab of its own:\n%s", got)
			}
		}
		if links := len(named(all, "a")); (links == 1) != (s.CallBack != "" && s.Notice == "") {
			t.Errorf("%d links, call back at %q", links, s.CallBack)
		}
	}
}

func TestAssets(t *testing.T) {
	get := func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		Assets().ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}
	for name, kind := range map[string]string{
		"dialer.css": "text/css; charset=utf-8", "sidebar.css": "text/css; charset=utf-8",
		"dialer.js": "text/javascript; charset=utf-8", "sidebar.js": "text/javascript; charset=utf-8",
	} {
		w := get("GET", assetURL(name))
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
		for _, query := range []string{"", "?v=old"} {
			if w := get("GET", assetPrefix+name+query); w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s%s: %v", name, query, w.Header())
			}
		}
	}
	for target, want := range map[string]int{"/dialer.css": 404, "/dialer/static/": 404, "/dialer/static/layout.html": 404} {
		if w := get("GET", target); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
	if w := get("POST", assetURL("dialer.js")); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestSizes keeps the style and the script what they are: small.
func TestSizes(t *testing.T) {
	lines := func(name string) int { return strings.Count(string(assets[name].body), "\n") }
	if n := lines("dialer.css") + lines("sidebar.css"); n >= 250 {
		t.Errorf("%d lines of css, want less than 250", n)
	}
	if n := lines("dialer.js"); n >= 120 {
		t.Errorf("%d lines in dialer.js, want less than 120", n)
	}
	if n := lines("sidebar.js"); n >= 40 {
		t.Errorf("%d lines in sidebar.js, want less than 40", n)
	}
}
