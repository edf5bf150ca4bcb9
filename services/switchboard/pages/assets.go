package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// assetPrefix is where the style sheet and the script are.
const assetPrefix = "/switchboard/static/"

//go:embed switchboard.css switchboard.js
var assetFiles embed.FS

// assets has the style sheets and scripts by file name.
var assets = readAssets()

type asset struct {
	body        []byte
	version     string // a hash of the body, so that a changed file has a new address
	contentType string
}

// Assets serves the style sheet and the script of the pages. It wants the full path, /switchboard/static/switchboard.css. A request
// with the current version in its query may be cached for good; one without it is checked each time.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, assetPrefix)
		a, known := assets[name]
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
	})
}

// assetURL is the address of a style sheet or script, with its version.
func assetURL(name string) string {
	return assetPrefix + name + "?v=" + assets[name].version
}

func readAssets() map[string]asset {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	all := map[string]asset{}
	entries, err := fs.ReadDir(assetFiles, ".")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	for _, e := range entries {
		body, err := fs.ReadFile(assetFiles, e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		all[e.Name()] = asset{body: body, version: hex.EncodeToString(sum[:6]), contentType: types[path.Ext(e.Name())]}
	}
	return all
}
