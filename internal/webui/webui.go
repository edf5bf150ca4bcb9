// Package webui is what the pages of the dialer and of the switchboard have in common: templates over one layout, style sheets and scripts
// with a version in their address, the headers that all pages have, and forms read with care. Who is signed in, and what is written down
// of it, is each service's own.
package webui

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// Templates has the templates of pages by the page's name.
type Templates map[string]*template.Template

// Parse reads the template of each page, a file with its name and ".html". Each has layout.html around it, and may use what is in
// parts.html. The files are part of the binary, so one that is wrong is no error but a panic.
func Parse(files fs.FS, funcs template.FuncMap) Templates {
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		panic(err) // the pattern is right
	}
	all := Templates{}
	for _, file := range names {
		if file == "layout.html" || file == "parts.html" {
			continue
		}
		name := strings.TrimSuffix(file, ".html")
		all[name] = template.Must(template.New(name).Funcs(funcs).ParseFS(files, "layout.html", "parts.html", file))
	}
	return all
}

// Render writes a part of a page; "layout" is the whole document. Nothing is written if the template fails.
func (all Templates) Render(w io.Writer, page, part string, data any) error {
	t := all[page]
	if t == nil {
		return fmt.Errorf("there is no template %s", page)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("rendering %s: %w", page, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// policy is what pages may do: https://developer.mozilla.org/docs/Web/HTTP/Headers/Content-Security-Policy.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors "

// Nobody are the ancestors of a page that nobody may frame.
const Nobody = "'none'"

// Headers sets the headers of a page. ancestors are who may frame it.
func Headers(w http.ResponseWriter, ancestors string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy+ancestors)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// OwnHeaders sets the headers of a page that nobody may frame, and that shares its window with no other site's.
func OwnHeaders(w http.ResponseWriter) {
	Headers(w, Nobody)
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
}

// Form reads the form of a request, of at most so many bytes, and reports whether it could. If not, it has answered.
func Form(w http.ResponseWriter, r *http.Request, most int64) bool {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "this form cannot be read", http.StatusBadRequest)
		return false
	}
	for _, form := range []url.Values{r.Form, r.PostForm} { // what was posted is in both
		for _, values := range form {
			for i := range values { // no database, message or page can hold it
				values[i] = strings.ReplaceAll(strings.ToValidUTF8(values[i], "\uFFFD"), "\x00", "")
			}
		}
	}
	return true
}

// Local returns where to go next, if it is one of the pages below prefix; else prefix.
func Local(prefix, next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, prefix) || strings.Contains(next, "\\") || strings.Contains(u.Path, "..") || strings.Contains(u.Path, "//") {
		return prefix
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// Hashed is what a database keeps of a value that it must not tell, such as a cookie's.
func Hashed(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
