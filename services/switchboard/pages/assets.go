package pages

import (
	"embed"
	"net/http"

	"github.com/bling-hotline/bling/internal/webui"
)

// assetPrefix is where the style sheet and the script are.
const assetPrefix = "/switchboard/static/"

//go:embed switchboard.css switchboard.js
var assetFiles embed.FS

var assets = webui.NewAssets(assetPrefix, assetFiles)

// Assets serves the style sheet and the script of the pages. It wants the full path, /switchboard/static/switchboard.css.
func Assets() http.Handler { return assets }
