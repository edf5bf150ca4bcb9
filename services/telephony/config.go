package telephony

import (
	"cmp"
	"os"
	"time"

	"github.com/bling-hotline/bling/internal/env"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/provision"
)

// Config is what telephony needs to know.
type Config struct {
	// Hotlines are the numbers texts may come in for and go out from.
	Hotlines hotline.Hotlines
	// AccountSID and AuthToken are the Twilio account; while a token is rotated the first one is used for calls.
	AccountSID, AuthToken string
	// APIURL is Twilio's address. Default: https://api.twilio.com.
	APIURL string
	// MobileCommons is the account there. Optional.
	MobileCommons struct{ URL, Username, Password string }
	// Telnyx is the account there. Optional.
	Telnyx struct{ URL, APIKey string }
	// FileSecret signs the addresses of files. Default: AuthToken.
	FileSecret string
	// PublicURL is the gateway's address as the carriers see it; status callbacks go there.
	PublicURL string
	// Environment is in the names of what we make at Twilio. Default: production.
	Environment provision.Environment
	// Settle is how long an unclear send is left alone before Twilio is asked about it, and again between one
	// question and the next: the status callback comes in that time, and lists catch up. Default: 5 s.
	Settle time.Duration
	// Patience is how long an agent's reply may be under way before the ticket is told that nothing is known yet.
	// Default: 30 s.
	Patience time.Duration
	// CallPatience is how long a call waits for what the database knows. Default: 300 ms.
	CallPatience time.Duration
	// CallSettle is how long after the end of a call its voicemail is waited for before it counts as missed. Default: 20 s.
	CallSettle time.Duration
	// LookEvery is how often things are looked for that nobody tells us: recordings whose callback was lost, what is to be
	// deleted. Default: 1 min.
	LookEvery time.Duration
	// PollEvery is how often carriers that do not tell us are asked for new texts. Default: 30 s.
	PollEvery time.Duration
	// SweepEvery is how often the carriers' lists of texts and calls are compared with the ledger. Default: 5 min.
	SweepEvery time.Duration
	// CheckEvery is how often Twilio's account and the public address are looked at. 0: never.
	CheckEvery time.Duration
	// TranscriptionURL is a speech-to-text server (package transcribe), TranscriptionModel its model, TranscriptionKey its
	// secret. Optional.
	TranscriptionURL, TranscriptionModel, TranscriptionKey string
	// FileLife is how long the addresses of the files that go with texts work. Default: 7 days.
	FileLife time.Duration
	// MediaLimit is the largest file that is fetched, in bytes. Default: 10 MiB, which is what Help Scout takes.
	MediaLimit int64
	// Workers is how many supporters are served at once. Default: 16.
	Workers int
}

// FromEnv reads the configuration; problems go to r.
func FromEnv(r *env.Reader) Config {
	c := Config{
		Hotlines:   hotline.FromEnv(r),
		APIURL:     r.URL("TWILIO_API_URL", TwilioURL),
		PublicURL:  r.URL("BLING_PUBLIC_URL", ""),
		Settle:     r.Duration("BLING_TWILIO_SETTLE", 0),
		Patience:   r.Duration("BLING_REPLY_PATIENCE", 0),
		CallSettle: r.Duration("BLING_CALL_SETTLE", 0),
		LookEvery:  r.Duration("BLING_LOOK_EVERY", 0),
		PollEvery:  r.Duration("BLING_POLL_EVERY", 0),
		SweepEvery: r.Duration("BLING_SWEEP_EVERY", 0),
		CheckEvery: r.Duration("BLING_CHECK_EVERY", 5*time.Minute),

		Environment: provision.FromEnv(r),

		TranscriptionModel: r.String("BLING_TRANSCRIPTION_MODEL", "whisper-1"),
		TranscriptionKey:   r.Secret("BLING_TRANSCRIPTION_KEY"),
	}
	if r.String("BLING_TRANSCRIPTION_URL", "") != "" {
		c.TranscriptionURL = r.URL("BLING_TRANSCRIPTION_URL", "")
	}
	for _, h := range c.Hotlines {
		if h.Calls.Transcription == hotline.EngineTranscription && c.TranscriptionURL == "" {
			r.Problem("BLING_TRANSCRIPTION_URL", "is not set, but a hotline has transcription: engine")
			break
		}
	}
	c.AccountSID = first(c.Hotlines.Secrets(r, hotline.Twilio, "TWILIO_ACCOUNT_SID"))
	c.AuthToken = first(c.Hotlines.Secrets(r, hotline.Twilio, "TWILIO_AUTH_TOKEN"))
	c.MobileCommons.URL = r.URL("MOBILECOMMONS_API_URL", MobileCommonsURL)
	c.MobileCommons.Username = c.Hotlines.Secret(r, hotline.MobileCommons, "MOBILECOMMONS_USERNAME")
	c.MobileCommons.Password = c.Hotlines.Secret(r, hotline.MobileCommons, "MOBILECOMMONS_PASSWORD")
	c.Telnyx.URL = r.URL("TELNYX_API_URL", TelnyxURL)
	c.Telnyx.APIKey = c.Hotlines.Secret(r, hotline.Telnyx, "TELNYX_API_KEY")
	c.FileSecret = first(c.Hotlines.FileSecrets(r))
	for _, name := range []string{"TWILIO_EDGE", "TWILIO_REGION"} {
		if os.Getenv(name) != "" {
			r.Problem(name, "is not supported: use TWILIO_API_URL")
		}
	}
	return c
}

// first is the one that is used while a secret is rotated; empty if there is none.
func first(secrets []string) string {
	if len(secrets) == 0 {
		return ""
	}
	return secrets[0]
}

func (c *Config) setDefaults() {
	c.FileSecret = cmp.Or(c.FileSecret, c.AuthToken)
	if c.Environment == "" {
		c.Environment = provision.DefaultEnvironment
	}
	if c.Settle == 0 {
		c.Settle = 5 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	if c.CallPatience == 0 {
		c.CallPatience = 300 * time.Millisecond
	}
	if c.CallSettle == 0 {
		c.CallSettle = 20 * time.Second
	}
	if c.LookEvery == 0 {
		c.LookEvery = time.Minute
	}
	if c.PollEvery == 0 {
		c.PollEvery = 30 * time.Second
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = 5 * time.Minute
	}
	if c.FileLife == 0 {
		c.FileLife = 7 * 24 * time.Hour
	}
	if c.MediaLimit == 0 {
		c.MediaLimit = 10 << 20
	}
	if c.Workers == 0 {
		c.Workers = 16
	}
}
