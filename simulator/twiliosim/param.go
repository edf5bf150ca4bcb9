package twiliosim

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Twilio ignores parameters it does not know. The simulator refuses them, since a misspelt one is otherwise noticed
// by nobody, and those given twice.
type paramRules struct {
	known       []string // may be given once
	repeatable  []string
	unsimulated []string // exist at Twilio, but not here
}

// maxForm is far above what a message needs.
const maxForm = 1 << 20

// form returns the parameters of a POST.
func (p paramRules) form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, refuse(20001, "Content-Type must be application/x-www-form-urlencoded, not %q", r.Header.Get("Content-Type"))
	}
	if r.URL.RawQuery != "" {
		return nil, refuse(20001, "Parameters of a POST belong into its body, not the query")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, refuse(20001, "The body is no form: %v", err)
	}
	return r.PostForm, p.check(r.PostForm)
}

// query returns the parameters of a GET.
func (p paramRules) query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(20001, "The query cannot be read: %v", err)
	}
	return values, p.check(values)
}

func (p paramRules) check(values url.Values) error {
	var unknown, unsimulated, repeated []string
	for name, all := range values {
		switch {
		case slices.Contains(p.repeatable, name):
		case slices.Contains(p.unsimulated, name):
			unsimulated = append(unsimulated, name)
		case !slices.Contains(p.known, name):
			unknown = append(unknown, name)
		case len(all) > 1:
			repeated = append(repeated, name)
		}
	}
	switch {
	case len(unknown) > 0:
		return refuse(20001, "Unknown parameters: %s", list(unknown))
	case len(unsimulated) > 0:
		return refuse(20001, "Parameters that are not simulated: %s", list(unsimulated))
	case len(repeated) > 0:
		return refuse(20001, "Parameters given more than once: %s", list(repeated))
	}
	return nil
}

func list(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// isWebURL reports whether Twilio would call this URL. It refuses hosts with underscores.
func isWebURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && !strings.Contains(u.Hostname(), "_")
}
