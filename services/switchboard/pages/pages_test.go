package pages

import (
	"reflect"
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

// Whatever is in any field of any page is shown, and does nothing.
func TestEscaping(t *testing.T) {
	for _, s := range Stories() {
		for _, evil := range []string{hostile, "javascript:alert(1)"} {
			page := reflect.New(reflect.TypeOf(s.Page)).Elem()
			page.Set(reflect.ValueOf(s.Page))
			poison(page, evil)
			doc := render(t, page.Interface().(Page))
			webuitest.CheckElements(t, webuitest.Parse(t, doc))
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
		for _, form := range webuitest.Named(webuitest.Parse(t, render(t, page.Interface().(Page))), "form") {
			if !slices.Contains(mayPost, form.Attrs["action"]) {
				t.Errorf("%s has a form to %s", s.Name, form.Attrs["action"])
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
	webuitest.CheckAssets(t, assets, assetPrefix, "switchboard.css", "switchboard.js")
}

// TestSizes keeps the style and the script what they are: small.
func TestSizes(t *testing.T) {
	for name, most := range map[string]int{"switchboard.css": 250, "switchboard.js": 80} {
		if n := webuitest.Lines(t, assetFiles, name); n >= most {
			t.Errorf("%d lines in %s, want less than %d", n, name, most)
		}
	}
}
