package ticketing

import (
	"regexp"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/provision"
)

// Config is what ticketing needs to know.
type Config struct {
	// Hotlines say which mailboxes are ours.
	Hotlines hotline.Hotlines
	// APIURL is Help Scout's address. Default: https://api.helpscout.net.
	APIURL string
	// ClientID and ClientSecret are the app's OAuth2 credentials.
	ClientID, ClientSecret string
	// Domain is the domain of the contact addresses. It must swallow mail without bounces: Help Scout may mail
	// agents' replies there.
	Domain string
	// ThreadLimit is how many threads a conversation gets before the next one is begun. Help Scout allows 100 of all
	// kinds. Default: 90.
	ThreadLimit int
	// Tags are put on new conversations. Default: sms.
	Tags []string
	// Settle is how long an unclear post to a conversation is left alone before it is looked for. Default: 3 s.
	Settle time.Duration
	// ListLag is how long a new conversation may be missing in Help Scout's list: an unclear creation is not repeated
	// before, nor is an unclear upload of a file. Default: 30 s.
	ListLag time.Duration
	// SweepEvery is how often Help Scout's list of conversations is compared with the ledger. Default: 5 min.
	SweepEvery time.Duration
	// WebURL is where agents see conversations. Default: https://secure.helpscout.net.
	WebURL string
	// PublicURL is the gateway's address as Help Scout sees it. Only the look at our webhook needs it. Optional.
	PublicURL string
	// Environment is in the label of our webhook. Default: production.
	Environment provision.Environment
	// CheckEvery is how often Help Scout's account is looked at. 0: never.
	CheckEvery time.Duration
}

const helpScoutWeb = "https://secure.helpscout.net"

var domain = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z0-9-]+$`)

// FromEnv reads the configuration; problems go to r.
func FromEnv(r *env.Reader) Config {
	c := Config{
		Hotlines:     hotline.FromEnv(r),
		APIURL:       r.URL("HELPSCOUT_API_URL", "https://api.helpscout.net"),
		ClientID:     r.Require("HELPSCOUT_API_CLIENT_ID"),
		ClientSecret: r.Require("HELPSCOUT_API_CLIENT_SECRET"),
		Domain:       r.Require("BLACKHOLE_DOMAIN"),
		Settle:       r.Duration("BLING_HELPSCOUT_SETTLE", 0),
		ListLag:      r.Duration("BLING_HELPSCOUT_LIST_LAG", 0),
		SweepEvery:   r.Duration("BLING_SWEEP_EVERY", 0),
		WebURL:       r.URL("HELPSCOUT_WEB_URL", helpScoutWeb),
		Environment:  provision.FromEnv(r),
		CheckEvery:   r.Duration("BLING_CHECK_EVERY", 5*time.Minute),
	}
	if r.String("BLING_PUBLIC_URL", "") != "" {
		c.PublicURL = r.URL("BLING_PUBLIC_URL", "")
	}
	if c.Domain != "" && !domain.MatchString(c.Domain) {
		r.Problem("BLACKHOLE_DOMAIN", "%q is not a domain", c.Domain)
	}
	return c
}

func (c *Config) setDefaults() {
	c.Domain = strings.ToLower(c.Domain)
	if c.ThreadLimit == 0 {
		c.ThreadLimit = 90
	}
	if c.Tags == nil {
		c.Tags = []string{"sms"}
	}
	if c.Settle == 0 {
		c.Settle = 3 * time.Second
	}
	if c.ListLag == 0 {
		c.ListLag = 30 * time.Second
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = 5 * time.Minute
	}
	if c.WebURL == "" {
		c.WebURL = helpScoutWeb
	}
	if c.Environment == "" {
		c.Environment = provision.DefaultEnvironment
	}
}
