package pages

import (
	"html/template"
	"strings"
)

// legacyTemplate stands alone: Help Scout puts the fragment into a page of its own.
var legacyTemplate = template.Must(template.ParseFS(htmlFiles, "legacy.html"))

// LegacySidebar is the sidebar as an HTML fragment for Help Scout's legacy apps, which have neither our style nor a
// script. It has nothing but h4, p, ul, li, a and strong, and its times are in UTC.
func LegacySidebar(s Sidebar) (string, error) {
	var b strings.Builder
	if err := execute(&b, legacyTemplate, "legacy.html", s); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}
