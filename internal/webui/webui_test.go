package webui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bling-hotline/bling/internal/webui"
)

// What no database can hold is in nothing that a handler may read.
func TestForm(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/?q=x%00y%ff", strings.NewReader("a=x%00y%ff&a=%00"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !webui.Form(httptest.NewRecorder(), r, 100) {
		t.Fatal("it cannot be read")
	}
	for where, got := range map[string]string{"Form": strings.Join(r.Form["a"], ","), "PostForm": strings.Join(r.PostForm["a"], ","), "the query": r.FormValue("q") + ","} {
		if got != "xy\uFFFD," {
			t.Errorf("%s has %q", where, got)
		}
	}
	for _, body := range []string{"a=" + strings.Repeat("x", 100), "a=%zz"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if webui.Form(w, r, 100) || w.Code != http.StatusBadRequest {
			t.Errorf("%.9s: %d", body, w.Code)
		}
	}
}

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{
		"/pages/": "/pages/", "/pages/a?b=c": "/pages/a?b=c", "/pages/a#b": "/pages/a", "": "/pages/", "/elsewhere": "/pages/", "/pages/../elsewhere": "/pages/",
		"https://evil.example/pages/": "/pages/", "//evil.example/pages/": "/pages/", `/pages/\evil.example`: "/pages/", "/pages//evil.example": "/pages/", "javascript:alert(1)": "/pages/",
	} {
		if got := webui.Local("/pages/", next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}
