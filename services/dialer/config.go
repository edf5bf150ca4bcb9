package dialer

import (
	"strings"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
)

// Config is what the dialer needs to know.
type Config struct {
	// Hotlines say which mailboxes are ours.
	Hotlines hotline.Hotlines
	// PublicURL is the gateway's address as browsers see it.
	PublicURL string
	// WebURL is the origin of Help Scout's pages, which may show the sidebar. Default: https://secure.helpscout.net.
	WebURL string
	// Keys seal agents' numbers and sign what the dialer hands out; several while they change, the new one first. Default: the
	// secrets of the sidebar app. Without any there is no dialer.
	Keys []string
}

// FromEnv reads the configuration; problems go to r.
func FromEnv(r *env.Reader) Config {
	c := Config{
		Hotlines:  hotline.FromEnv(r),
		PublicURL: r.URL("BLING_PUBLIC_URL", ""),
		WebURL:    r.URL("HELPSCOUT_WEB_URL", "https://secure.helpscout.net"),
		Keys:      r.Optional("BLING_DIALER_KEY"),
	}
	if len(c.Keys) == 0 {
		c.Keys = r.Optional("HELPSCOUT_APP_SECRET")
	}
	return c
}

// byTLS reports whether browsers reach us by TLS.
func (c *Config) byTLS() bool { return strings.HasPrefix(c.PublicURL, "https://") }
