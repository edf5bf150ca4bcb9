package webui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"
)

// Assets serves style sheets and scripts. It wants the full path, such as /dialer/static/dialer.css. A request with the current version in
// its query may be cached for good; one without it is checked each time.
type Assets struct {
	prefix string
	files  map[string]asset // by file name
}

type asset struct {
	body        []byte
	version     string // a hash of the body, so that a changed file has a new address
	contentType string
}

// NewAssets returns those of some files. prefix is where they are served, such as /dialer/static/.
func NewAssets(prefix string, files embed.FS) Assets {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	all := Assets{prefix, map[string]asset{}}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		all.files[e.Name()] = asset{body: body, version: hex.EncodeToString(sum[:6]), contentType: types[path.Ext(e.Name())]}
	}
	return all
}

// URL is the address of a file, with its version.
func (all Assets) URL(name string) string {
	return all.prefix + name + "?v=" + all.files[name].version
}

func (all Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, all.prefix)
	a, known := all.files[name]
	if !ok || !known {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+a.version+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.body))
}
