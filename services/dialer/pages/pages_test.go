package pages

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/webui/webuitest"
)

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
			webuitest.CheckElements(t, webuitest.Parse(t, doc))
		})
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
		webuitest.CheckElements(t, webuitest.Parse(t, doc))
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
		all := webuitest.Parse(t, got)
		for _, e := range all {
			if !slices.Contains([]string{"h4", "p", "ul", "li", "a", "strong"}, e.Name) {
				t.Errorf("<%s> is not for legacy apps:\n%s", e.Name, got)
			}
			for a := range e.Attrs {
				if e.Name != "a" || !slices.Contains(attrs, a) {
					t.Errorf("<%s %s> is not for legacy apps", e.Name, a)
				}
			}
			if e.Name == "a" && (e.Attrs["target"] != "_blank" || e.Attrs["rel"] != "noopener") {
				t.Errorf("the link does not open a new tab of its own:\n%s", got)
			}
		}
		if links := len(webuitest.Named(all, "a")); (links == 1) != (s.CallBack != "" && s.Notice == "") {
			t.Errorf("%d links, call back at %q", links, s.CallBack)
		}
	}
}

func TestAssets(t *testing.T) {
	webuitest.CheckAssets(t, assets, assetPrefix, "dialer.css", "dialer.js", "sidebar.css", "sidebar.js")
}

// TestSizes keeps the style and the script what they are: small.
func TestSizes(t *testing.T) {
	if n := webuitest.Lines(t, assetFiles, "dialer.css", "sidebar.css"); n >= 250 {
		t.Errorf("%d lines of css, want less than 250", n)
	}
	if n := webuitest.Lines(t, assetFiles, "dialer.js"); n >= 120 {
		t.Errorf("%d lines in dialer.js, want less than 120", n)
	}
	if n := webuitest.Lines(t, assetFiles, "sidebar.js"); n >= 40 {
		t.Errorf("%d lines in sidebar.js, want less than 40", n)
	}
}
