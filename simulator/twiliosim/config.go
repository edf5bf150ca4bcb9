package twiliosim

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// The credentials of an account that is configured without any. Everybody knows them: for the simulator only.
const (
	DefaultAccountSID = "AC00000000000000000000000000000051"
	DefaultAuthToken  = "simulatorauthtoken00000000000000"
)

// Config is what a simulated account starts with. The zero value works.
type Config struct {
	// AccountSID and AuthToken are the account's credentials; the token also signs the webhooks. Default:
	// DefaultAccountSID, DefaultAuthToken. A token must be alphanumeric, as twilio-go refuses others.
	AccountSID, AuthToken string
	// Account is what the account says of itself at first.
	Account Account
	// PublicURL is where Handler is reached; media URLs start with it. Default: https://api.twilio.com.
	PublicURL string
	// Now is the clock of dates and of ListLag; time limits of webhooks use the real one. Default: time.Now.
	Now func() time.Time
	// Logger gets a line per webhook that was lost. Default: none.
	Logger *slog.Logger
	// Client posts the webhooks. It should not follow redirects, as the default does not. A copy of it that does fetches
	// the files of outbound messages.
	Client *http.Client
	// Seed makes SIDs, shuffling and fault rates the same in each run. Default: another one each time, as SIDs that
	// come again would look like duplicates to a client that remembers them.
	Seed uint64

	// ListLag is how long after its creation a message appears in lists. Default: at once.
	ListLag time.Duration
	// StatusBeforeCreate lets all status callbacks of a message, and the first ones of a phone call, arrive before the
	// answer of the request that made it.
	StatusBeforeCreate bool
	// DuplicateWebhooks is how often each webhook of a message, and each callback of a phone call, is delivered again, with
	// the same idempotency token. Default: 0.
	DuplicateWebhooks int
	// ShuffleStatus lets the status callbacks of a message arrive in any order.
	ShuffleStatus bool
	// IgnoreKeywords leaves STOP, START and HELP to the account, as Twilio does when asked to: it confirms nothing, and
	// puts nobody on the list of those who opted out. Who is on it stays there.
	IgnoreKeywords bool
	// MediaTimeout is how long a file of an outbound message may take. Default: 10 s (unverified).
	MediaTimeout time.Duration

	// CallClock is the time that calls live by. Default: real time.
	CallClock *VirtualClock

	// StateFile keeps numbers, Messaging Services, flows, messages and opt-outs between runs, but no calls and recordings. Optional.
	StateFile string
}

// Settings are the switches of [Config] that can be turned while the simulator runs.
type Settings struct {
	// ListLagMS is Config.ListLag in milliseconds.
	ListLagMS int `json:"list_lag_ms"`
	// StatusBeforeCreate is as in Config.
	StatusBeforeCreate bool `json:"status_before_create"`
	// DuplicateWebhooks is as in Config.
	DuplicateWebhooks int `json:"duplicate_webhooks"`
	// ShuffleStatus is as in Config.
	ShuffleStatus bool `json:"shuffle_status"`
	// IgnoreKeywords is as in Config.
	IgnoreKeywords bool `json:"ignore_keywords"`
	// Hold keeps new messages queued until it is switched off: time to cancel one, or to look at it.
	Hold bool `json:"hold"`
	// DeleteLagMS is how long after it was sent or has ended a message or a call cannot be deleted yet, in milliseconds. Twilio
	// speaks of a minute, or several: https://www.twilio.com/docs/api/errors/20009. Default: 0.
	DeleteLagMS int `json:"delete_lag_ms"`

	// Of calls. Their defaults are in the settings that [Sim.Settings] returns at first: start from those.

	// DialExtraSeconds is how much longer than its timeout a Dial rings. Default: 5, as Twilio says.
	DialExtraSeconds int `json:"dial_extra_seconds"`
	// FirstAnswerWins lets the first phone that picks up stop the ringing of the others, whatever its screening comes to.
	// Otherwise the others ring until a screening is done. Twilio does not say which (unverified).
	FirstAnswerWins bool `json:"first_answer_wins"`
	// RefusedIsCompleted makes the DialCallStatus completed, not no-answer, if phones answered but refused in their
	// screening. Twilio does not say which (unverified).
	RefusedIsCompleted bool `json:"refused_is_completed"`
	// ActionAfterHangup says whether a Dial's action is requested after the caller has hung up. Twilio does not say
	// whether it is (unverified). Default: true.
	ActionAfterHangup bool `json:"action_after_hangup"`
	// ShuffleCallbacks lets status and recording callbacks of calls come up to ten seconds late, in any order.
	ShuffleCallbacks bool `json:"shuffle_callbacks"`
	// AbsentRecordings makes a recording in which nobody spoke absent. Otherwise it is completed, with a duration of 0.
	AbsentRecordings bool `json:"absent_recordings"`
	// RecordingLagMS is how long after its end a recording can be fetched, in milliseconds of the call clock.
	RecordingLagMS int `json:"recording_lag_ms"`
	// TranscriptionSeconds is how long after that its transcription comes. Default: 5.
	TranscriptionSeconds int `json:"transcription_seconds"`
	// TranscriptionFails lets each transcription fail.
	TranscriptionFails bool `json:"transcription_fails"`
}

// callSettings are the defaults of the settings of calls.
func callSettings() Settings {
	return Settings{DialExtraSeconds: 5, ActionAfterHangup: true, TranscriptionSeconds: 5}
}

func (c Config) withDefaults() Config {
	if c.AccountSID == "" {
		c.AccountSID = DefaultAccountSID
	}
	if c.AuthToken == "" {
		c.AuthToken = DefaultAuthToken
	}
	c.Account = c.Account.withDefaults()
	if c.PublicURL == "" {
		c.PublicURL = "https://api.twilio.com"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		c.Client = newClient()
	}
	if c.MediaTimeout == 0 {
		c.MediaTimeout = 10 * time.Second
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	return c
}

func (c Config) settings() Settings {
	set := callSettings()
	set.ListLagMS = int(c.ListLag.Milliseconds())
	set.StatusBeforeCreate = c.StatusBeforeCreate
	set.DuplicateWebhooks = c.DuplicateWebhooks
	set.ShuffleStatus = c.ShuffleStatus
	set.IgnoreKeywords = c.IgnoreKeywords
	return set
}

// newClient keeps connections open, so that a flood of texts does not use up the local ports.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 128
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
