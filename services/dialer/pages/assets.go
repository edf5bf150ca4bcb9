package pages

import (
	"embed"
	"net/http"

	"github.com/bling-hotline/bling/internal/webui"
)

// assetPrefix is where the gateway serves the style sheets and scripts.
const assetPrefix = "/dialer/static/"

//go:embed dialer.css dialer.js sidebar.css sidebar.js
var assetFiles embed.FS

var assets = webui.NewAssets(assetPrefix, assetFiles)

// Assets serves the style sheets and scripts of the pages. It wants the full path, /dialer/static/dialer.css.
func Assets() http.Handler { return assets }
