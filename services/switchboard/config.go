package switchboard

import (
	"cmp"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/rpc"
)

// Config is what the switchboard needs to know.
type Config struct {
	// Hotlines are those whose numbers are shown in full, and that can be paused.
	Hotlines hotline.Hotlines
	// WebURL is where agents see conversations. Default: https://secure.helpscout.net.
	WebURL string
	// TraceURL is where a trace is shown, with {trace} in the place of its id. Optional.
	TraceURL string
	// PrivateAddr is where the pages are served. On a loopback address they answer to no name of others.
	PrivateAddr string
	// Everybody is the name of whoever comes, who is an operator without signing in: for the playground. Beyond this machine it counts for
	// nothing. Empty: people sign in.
	Everybody string
	// Patience is how long a page waits for what the services say. Default: 900 ms, so that a page is there in a second.
	Patience time.Duration
	// Cost is that of a password's hash, as bcrypt counts. Default: 12, a quarter of a second.
	Cost int
}

const helpScoutWeb = "https://secure.helpscout.net"

// FromEnv reads the configuration; problems go to r.
func FromEnv(r *env.Reader) Config {
	c := Config{
		Hotlines:    hotline.FromEnv(r),
		WebURL:      r.URL("HELPSCOUT_WEB_URL", helpScoutWeb),
		TraceURL:    r.String("BLING_TRACE_URL", ""),
		PrivateAddr: r.String("BLING_PRIVATE_ADDR", "127.0.0.1:9464"),
	}
	if c.TraceURL != "" && (!strings.Contains(c.TraceURL, "{trace}") || !strings.HasPrefix(c.TraceURL, "http://") && !strings.HasPrefix(c.TraceURL, "https://")) {
		r.Problem("BLING_TRACE_URL", "must be an address with {trace} in it, such as https://jaeger.example.org/trace/{trace}")
	}
	return c
}

func (c Config) withDefaults() Config {
	c.WebURL = cmp.Or(c.WebURL, helpScoutWeb)
	c.Patience = cmp.Or(c.Patience, 900*time.Millisecond)
	c.Cost = cmp.Or(c.Cost, 12)
	if !c.onlyHere() {
		c.Everybody = ""
	}
	return c
}

// onlyHere reports whether only this machine reaches the pages.
func (c *Config) onlyHere() bool { return rpc.Loopback(c.PrivateAddr) }
