package helpscoutsim

import (
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// RateWindow says how the minute of the rate limit is measured. Help Scout does not tell (U).
type RateWindow string

const (
	FixedWindow   RateWindow = "fixed"   // a minute that starts with the first request after the last one ended
	SlidingWindow RateWindow = "sliding" // the sixty seconds before each request
)

// EmbedMode says which threads a webhook body carries. Help Scout does not tell (U).
type EmbedMode string

const (
	EmbedAll   EmbedMode = "all"   // every thread but line items, newest first
	EmbedNew   EmbedMode = "new"   // only the thread that caused the event
	EmbedFirst EmbedMode = "first" // the first page: the 25 newest
	EmbedNone  EmbedMode = "none"  // no threads; the client has to read them
)

// Config holds every knob. The zero Config is a usable simulator.
type Config struct {
	// ClientID and ClientSecret are the app's credentials. Defaults: DefaultClientID and DefaultClientSecret.
	ClientID, ClientSecret string
	// WebhookSecret signs those Webhooks that have no secret of their own. Default: DefaultWebhookSecret.
	WebhookSecret string
	// Mailboxes are the inboxes of the account. Default: 206906 "Hotline" and 206907 "Office".
	Mailboxes []Mailbox
	// Users are the people of the account. The first owns the app, the second is the agent who replies
	// unless a Reply names another. Default: 1 "Bling App", 99 "Ada Ray" and 7 "Dana Rivers".
	Users []User
	// Apps are shown beside conversations. Optional.
	Apps []App
	// Webhooks are registered from the start; missing secrets and events are filled in. Optional. With a state
	// file that holds a webhook for the same URL, that one is kept.
	Webhooks []Webhook

	Now    func() time.Time // the clock of everything but timers; default time.Now
	Logger *slog.Logger     // default: nothing is logged
	Client *http.Client     // delivers webhooks; default: a client of its own
	Seed   uint64           // of the faults, of Shuffle and of DuplicatesUpTo

	// TokenLifetime is how long an access token works. Default 48 h.
	TokenLifetime time.Duration
	// RateLimit is in units per minute, where a write costs two and a read one. Default 200; negative: no limit,
	// and no X-RateLimit headers.
	RateLimit int
	// RateWindow is how the minute is measured. Default FixedWindow.
	RateWindow RateWindow
	// ListLag is how long a new or changed conversation stays unseen in lists and searches. Reading it by id shows it
	// at once. Default 5 s; negative: none.
	ListLag time.Duration
	// ThreadLimit is how many threads, of any type, a conversation may have before further ones are refused
	// with 412. Default 99.
	ThreadLimit int
	// CountAllThreads makes the threads field count notes and line items too (U).
	CountAllThreads bool
	// DeletionTime is how long it takes until a customer who is deleted asynchronously is gone. Default 100 ms (U).
	DeletionTime time.Duration
	// AttachmentLimit is the decoded size above which an attachment is refused with 413. Default 10 MB (U).
	AttachmentLimit int
	// EmptyList sends an empty array when a list has no rows, instead of leaving _embedded out.
	EmptyList bool
	// Latency is how long every API answer takes. The change is made first: a client that gives up has still written.
	Latency time.Duration

	// MaxAttempts is how often a webhook is tried before the event is discarded. Default 10.
	MaxAttempts int
	// Backoff is the wait after the given failed attempt, counted from 1. Default: 1 s, doubled each time (U).
	Backoff func(attempt int) time.Duration
	// DiscardLimit is how many discarded events switch a webhook off. Default 10.
	DiscardLimit int
	// Timeout is how long a webhook's receiver may take to answer. Default 10 s (U).
	Timeout time.Duration
	// Deliveries is how many webhooks are sent at the same moment. Default 4; 1 keeps their order.
	Deliveries int
	// Duplicates is how many more times each webhook is sent, at the same moment and without retries.
	Duplicates int
	// DuplicatesUpTo adds 0 to so many further duplicates to each webhook, at random: with 2 each comes one to three times.
	DuplicatesUpTo int
	// Shuffle delays each webhook by up to 100 ms, so that they arrive in another order.
	Shuffle bool
	// Embed is which threads a webhook carries. Default EmbedAll.
	Embed EmbedMode
	// PayloadPlain writes webhook bodies as usual in Go; else as PHP does, with \/ and \uXXXX.
	PayloadPlain bool
	// BadSignature signs webhooks with a wrong secret.
	BadSignature bool
	// IgnoreMailboxes delivers events of all mailboxes, whatever a webhook's mailboxIds say.
	IgnoreMailboxes bool

	// StateFile is a JSON snapshot, loaded by New and written 200 ms after changes and on Close. It holds
	// messages, secrets and tokens. Optional.
	StateFile string
}

// The credentials of a simulator that was given none. They protect nothing.
const (
	DefaultClientID      = "bling-sim"
	DefaultClientSecret  = "bling-sim-secret"
	DefaultWebhookSecret = "bling-sim-webhook-secret"
)

// defaultRateLimit is that of the Standard plan.
const defaultRateLimit = 200

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	fill(&c.ClientID, DefaultClientID)
	fill(&c.ClientSecret, DefaultClientSecret)
	fill(&c.WebhookSecret, DefaultWebhookSecret)
	fill(&c.TokenLifetime, 48*time.Hour)
	fill(&c.RateLimit, defaultRateLimit)
	fill(&c.RateWindow, FixedWindow)
	fill(&c.ListLag, 5*time.Second)
	fill(&c.ThreadLimit, 99)
	fill(&c.DeletionTime, 100*time.Millisecond)
	fill(&c.AttachmentLimit, 10<<20)
	fill(&c.MaxAttempts, 10)
	fill(&c.DiscardLimit, 10)
	fill(&c.Timeout, 10*time.Second)
	fill(&c.Deliveries, 4)
	fill(&c.Embed, EmbedAll)
	fill(&c.Client, &http.Client{})
	fill(&c.Logger, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Backoff == nil {
		c.Backoff = doubling
	}
	if len(c.Mailboxes) == 0 {
		c.Mailboxes = []Mailbox{{ID: 206906, Name: "Hotline"}, {ID: 206907, Name: "Office"}}
	}
	if len(c.Users) == 0 {
		c.Users = []User{
			{ID: 1, First: "Bling", Last: "App", Email: "bling@example.org"},
			{ID: 99, First: "Ada", Last: "Ray", Email: "ada@example.org"},
			{ID: 7, First: "Dana", Last: "Rivers", Email: "dana@example.org"},
		}
	}
	c.Apps = slices.Clone(c.Apps)
	for i := range c.Apps {
		fill(&c.Apps[i].ID, int64(i+1))
		fill(&c.Apps[i].Secret, DefaultAppSecret)
	}
	return c
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func doubling(attempt int) time.Duration {
	return time.Second << min(max(attempt-1, 0), 12)
}
