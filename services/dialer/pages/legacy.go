package pages

import "strings"

// LegacySidebar is the sidebar as an HTML fragment for Help Scout's legacy apps, which put it into a page of their own, and have neither our
// style nor a script. It has nothing but h4, p, ul, li, a and strong, and its times are in UTC.
func LegacySidebar(s Sidebar) (string, error) {
	var b strings.Builder
	if err := templates.Render(&b, "legacy", "legacy.html", s); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}
