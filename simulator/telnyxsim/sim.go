// Package telnyxsim is a strict, in-memory stand-in for Telnyx's messages: the REST API and the webhooks. It is for testing and playing only.
//
// A text from a person ([Sim.Text], person.go) is stored, heeded if it is STOP or its like, and told to the profile's webhook (webhook.go). A text
// to a person comes in by the API (api.go), is fetched the files of, arrives or not ([Sim.SetOutcome]), and is told of at its own
// webhook_url: message.sent, then message.finalized. wire.go has the form of both.
//
// It refuses what a careful client would not send: unknown fields, numbers that are not E.164, addresses that are none. On demand it is as awkward
// as Telnyx may be: see [Config] and package fault. Of the account it knows one messaging profile with its numbers. It does not have groups, pools
// of numbers, short codes, names as senders, or times to send at, and refuses the fields that ask for them.
//
//	sim := telnyxsim.New(telnyxsim.Config{})
//	server := httptest.NewServer(sim.Handler())
//	sim.SetPublicURL(server.URL)
//	sim.SetProfile(gateway.URL+"/telnyx", "")
//	sim.AddNumber("+15017122661")
//	id, err := sim.Text("+15558675310", "+15017122661", "hello")
//	// ... and when the answer has come:
//	err = sim.Wait(ctx, func(s *telnyxsim.Sim) bool { return len(s.Inbox("+15558675310")) == 1 })
package telnyxsim

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// DefaultAPIKey is the key of an account that is configured without one. Everybody knows it: for the simulator only.
const DefaultAPIKey = "KEYsimulator"

// ErrClosed is what waiting ends with when the simulator is closed.
var ErrClosed = errors.New("the simulator is closed")

// Config is what a simulated account starts with. The zero value works.
type Config struct {
	// APIKey is the account's key. Default: DefaultAPIKey.
	APIKey string
	// Key signs the webhooks. Default: a new one.
	Key ed25519.PrivateKey
	// PublicURL is where Handler is reached; addresses of files start with it. Default: https://api.telnyx.com.
	PublicURL string
	// Now is the clock of dates and signatures. Default: time.Now.
	Now func() time.Time
	// Client posts webhooks and fetches files. Default: one that follows no redirects.
	Client *http.Client
	// Timeout is how long a webhook or a file may take. Default: 2 s, as Telnyx documents for webhooks.
	Timeout time.Duration
	// Pause is how long a webhook that failed is waited with. Telnyx does not say how long (unverified). Default: not at all.
	Pause time.Duration
	// Duplicates is how often each webhook that was taken is delivered again. Default: 0.
	Duplicates int
	// FinalizedFirst tells that a message has arrived before telling that it was sent.
	FinalizedFirst bool
}

// Sim is a simulated account with its phones. Its methods may be called at the same time.
type Sim struct {
	cfg    Config
	faults *fault.Injector
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // of deliveries

	mu        sync.Mutex // guards all below
	publicURL string
	profile   hooks
	numbers   map[string]bool
	messages  []*Message // oldest first
	optedOut  map[string]bool
	outcomes  map[string]Outcome
	files     map[string]Media // by the last part of their address
	attempts  []Attempt
	changed   chan struct{} // closed, and replaced, at each change
}

// New returns a running simulator.
func New(cfg Config) *Sim {
	cfg.APIKey = cmp.Or(cfg.APIKey, DefaultAPIKey)
	cfg.Timeout = cmp.Or(cfg.Timeout, 2*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.Key == nil {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			panic(err) // never
		}
		cfg.Key = key
	}
	s := &Sim{
		cfg: cfg, faults: fault.New(1), numbers: map[string]bool{}, optedOut: map[string]bool{}, outcomes: map[string]Outcome{},
		files: map[string]Media{}, changed: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.SetPublicURL(cmp.Or(cfg.PublicURL, "https://api.telnyx.com"))
	return s
}

// Close ends deliveries, and waits for them.
func (s *Sim) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.wg.Wait()
}

// Handler serves the API, as api.telnyx.com does, and the files of incoming messages, faults included.
func (s *Sim) Handler() http.Handler { return s.faults.Wrap(s.routes()) }

// Faults returns the switches for errors, cut connections and delays of the API.
func (s *Sim) Faults() *fault.Injector { return s.faults }

// PublicKey is what webhooks are verified with, in base64, as Telnyx's portal shows it.
func (s *Sim) PublicKey() string {
	return base64.StdEncoding.EncodeToString(s.cfg.Key.Public().(ed25519.PublicKey))
}

// SetPublicURL says where Handler is reached.
func (s *Sim) SetPublicURL(base string) {
	defer s.change()()
	s.publicURL = strings.TrimSuffix(base, "/")
}

// SetProfile sets where the messaging profile tells of incoming texts, and where if that fails. Empty: nowhere.
func (s *Sim) SetProfile(webhookURL, failoverURL string) {
	defer s.change()()
	s.profile = hooks{webhookURL, failoverURL}
}

// AddNumber gives the account a number, with the messaging profile.
func (s *Sim) AddNumber(number string) {
	defer s.change()()
	s.numbers[number] = true
}

// Messages returns all messages, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Message, len(s.messages))
	for i, m := range s.messages {
		list[i] = *m
	}
	return list
}

// Inbox returns what a phone has received from the account, oldest first, without what Telnyx itself answers to STOP and its like.
func (s *Sim) Inbox(number string) []Message {
	return slices.DeleteFunc(s.Messages(), func(m Message) bool { return m.To != number || !m.Arrived || m.System })
}

// Attempts returns all requests of webhooks, oldest first.
func (s *Sim) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attempts)
}

// Wait returns when cond holds. It looks again after each change of the simulator.
func (s *Sim) Wait(ctx context.Context, cond func(*Sim) bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the simulator: %w", ctx.Err())
		case <-s.ctx.Done():
			return ErrClosed
		}
	}
}

// change takes the lock; what it returns gives it back and wakes whoever waits.
func (s *Sim) change() func() {
	s.mu.Lock()
	return func() {
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// start does something in the background, unless the simulator is closed. It needs the lock.
func (s *Sim) start(do func()) {
	if s.ctx.Err() == nil {
		s.wg.Go(do)
	}
}

// now is the time of dates.
func (s *Sim) now() time.Time { return s.cfg.Now().UTC() }
