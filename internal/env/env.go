// Package env reads configuration from the environment and reports every problem at once.
//
// Each secret may also come from a file: NAME_FILE names it. Names that begin with BLING_ and that nobody asked
// for are an error, so that a misspelt name is found at start and not at night.
package env

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Reader reads names and remembers what was wrong. Not safe for concurrent use.
type Reader struct {
	lookup func(string) (string, bool)
	all    []string // NAME=value, to find unknown names
	asked  map[string]bool
	errs   []error
}

// New reads from environ, which has the form of os.Environ.
func New(environ []string) *Reader {
	values := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		values[name] = value
	}
	return &Reader{
		lookup: func(name string) (string, bool) { v, ok := values[name]; return v, ok },
		all:    environ,
		asked:  map[string]bool{},
	}
}

// Problem notes that the value of name is wrong. The same problem twice is one: several services read the same names.
func (r *Reader) Problem(name, format string, args ...any) {
	problem := fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
	if !slices.ContainsFunc(r.errs, func(err error) bool { return err.Error() == problem.Error() }) {
		r.errs = append(r.errs, problem)
	}
}

// Lookup returns the value of name and whether it is set.
func (r *Reader) Lookup(name string) (string, bool) {
	r.asked[name] = true
	return r.lookup(name)
}

// String returns the value of name, or fallback when it is not set or empty.
func (r *Reader) String(name, fallback string) string {
	if v, _ := r.Lookup(name); v != "" {
		return v
	}
	return fallback
}

// Secret returns the value of name, or the content of the file that NAME_FILE names, without surrounding space.
func (r *Reader) Secret(name string) string {
	value, _ := r.Lookup(name)
	path, _ := r.Lookup(name + "_FILE")
	switch {
	case value != "" && path != "":
		r.Problem(name, "set both directly and by %s_FILE", name)
	case path != "":
		b, err := os.ReadFile(path)
		if err != nil {
			r.Problem(name+"_FILE", "%v", err)
		}
		value = string(b)
	}
	return strings.TrimSpace(value)
}

// Require is Secret, and notes a problem when there is none.
func (r *Reader) Require(name string) string {
	v := r.Secret(name)
	if v == "" && !r.Failed(name) {
		r.Problem(name, "is not set")
	}
	return v
}

// Failed reports whether a problem with name was noted.
func (r *Reader) Failed(name string) bool {
	return slices.ContainsFunc(r.errs, func(err error) bool {
		return strings.HasPrefix(err.Error(), name+":") || strings.HasPrefix(err.Error(), name+"_FILE:")
	})
}

// List returns the comma-separated parts of Require.
func (r *Reader) List(name string) []string {
	list := r.Optional(name)
	if len(list) == 0 && !r.Failed(name) {
		r.Problem(name, "is not set")
	}
	return list
}

// Optional is List for a secret that need not be there.
func (r *Reader) Optional(name string) []string {
	var list []string
	for part := range strings.SplitSeq(r.Secret(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// URL returns the http or https address in name, without a slash at its end.
func (r *Reader) URL(name, fallback string) string {
	v := strings.TrimRight(r.String(name, fallback), "/")
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		r.Problem(name, "must be an address such as https://hotline.example.org")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		r.Problem(name, "must have no user, query or fragment")
	}
	return v
}

// Duration returns the duration in name, such as "30s".
func (r *Reader) Duration(name string, fallback time.Duration) time.Duration {
	v := r.String(name, "")
	if v == "" {
		return fallback
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		r.Problem(name, "must be a duration such as 30s")
	}
	return d
}

// Bool returns the truth in name: "true" or "false".
func (r *Reader) Bool(name string, fallback bool) bool {
	switch v := r.String(name, ""); v {
	case "":
		return fallback
	case "true", "1":
		return true
	case "false", "0":
		return false
	default:
		r.Problem(name, "must be true or false")
		return fallback
	}
}

// Prefixes returns the comma-separated networks in name, such as "10.0.0.0/8".
func (r *Reader) Prefixes(name string) []netip.Prefix {
	var list []netip.Prefix
	for part := range strings.SplitSeq(r.String(name, ""), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			r.Problem(name, "%q is not a network such as 10.0.0.0/8", part)
			continue
		}
		list = append(list, p)
	}
	return list
}

// Known declares names that are read elsewhere.
func (r *Reader) Known(names ...string) {
	for _, name := range names {
		r.asked[name] = true
	}
}

// Err reports all problems, one a line, or nil. Call it after everything was read: it also reports the names
// that begin with BLING_ and were not asked for.
func (r *Reader) Err() error {
	var unknown []error
	for _, kv := range r.all {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "BLING_") && !strings.HasPrefix(name, "BLING_TEST_") && !r.asked[name] {
			unknown = append(unknown, fmt.Errorf("%s: unknown name", name))
		}
	}
	return errors.Join(append(slices.Clone(r.errs), unknown...)...)
}
