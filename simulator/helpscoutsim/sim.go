package helpscoutsim

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// Sim is a simulated Help Scout account. Its methods may be called at the same time.
type Sim struct {
	cfg     Config
	faults  *fault.Injector
	limiter *limiter
	journal *journal
	courier *courier
	saver   *saver // nil without a state file
	changed broadcast
	done    chan struct{} // closed by Close

	mu       sync.RWMutex
	users    atomic.Pointer[[]User] // read without mu, for it may be held already; replaced under it, never modified
	state    *state
	settings Settings

	deleting sync.WaitGroup // customers, asynchronously
	closing  sync.Once
	closed   error
}

// Settings are the knobs that can be turned while the simulator runs.
type Settings struct {
	RateLimit int           // units per minute; 0: the default; negative: off
	ListLag   time.Duration // as in Config; negative: none
	Latency   time.Duration // as in Config
	// Duplicates and Shuffle are of webhooks, as in Config.
	Duplicates int
	Shuffle    bool
}

// ErrClosed is what waiting ends with when the simulator is closed.
var ErrClosed = errors.New("the simulator is closed")

// New returns a simulator, with what its state file holds.
func New(cfg Config) (*Sim, error) {
	cfg = cfg.withDefaults()
	s := &Sim{
		cfg:      cfg,
		faults:   fault.New(cfg.Seed),
		limiter:  newLimiter(cfg.RateLimit, cfg.RateWindow, cfg.Now),
		done:     make(chan struct{}),
		state:    newState(firstIDs),
		settings: Settings{RateLimit: cfg.RateLimit, ListLag: cfg.ListLag, Latency: cfg.Latency, Duplicates: cfg.Duplicates, Shuffle: cfg.Shuffle},
	}
	s.users.Store(&cfg.Users)
	s.journal = &journal{now: cfg.Now, changed: &s.changed}
	s.courier = newCourier(s)
	if cfg.StateFile != "" {
		if err := s.load(cfg.StateFile); err != nil {
			return nil, err
		}
	}
	if err := s.registerConfigured(); err != nil {
		return nil, err
	}
	if cfg.StateFile != "" {
		s.saver = startSaver(s)
	}
	return s, nil
}

// Close stops deliveries and writes the state file. Open long polls and event streams end.
func (s *Sim) Close() error {
	s.closing.Do(func() {
		close(s.done)
		s.deleting.Wait()
		s.courier.stop()
		if s.saver != nil {
			s.closed = s.saver.stop()
		}
	})
	return s.closed
}

// Faults returns the switches for errors, drops and delays of the vendor API.
func (s *Sim) Faults() *fault.Injector { return s.faults }

// Handler serves the vendor API, as api.helpscout.net does, faults included.
func (s *Sim) Handler() http.Handler {
	mux := s.routes()
	return s.journal.wrap(mux, s.faults.Wrap(mux))
}

// Settings returns the present settings.
func (s *Sim) Settings() Settings {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.settings
}

// SetSettings replaces the settings.
func (s *Sim) SetSettings(set Settings) {
	fill(&set.RateLimit, defaultRateLimit)
	s.mu.Lock()
	s.settings = set
	s.mu.Unlock()
	s.limiter.setLimit(set.RateLimit)
	s.changed.send()
}

// Reset forgets all conversations, customers, tokens and webhooks; those of Config.Webhooks are registered anew.
// Ids go on counting, as a vendor never gives out one twice.
func (s *Sim) Reset() error {
	s.mu.Lock()
	s.state = newState(s.state.ids)
	s.mu.Unlock()
	err := s.registerConfigured()
	s.noteChange()
	return err
}

// RevokeTokens makes all access tokens invalid.
func (s *Sim) RevokeTokens() {
	s.mu.Lock()
	s.state.tokens = map[string]time.Time{}
	s.mu.Unlock()
	s.noteChange()
}

// Wait blocks until cond holds. It looks again after every change, request and webhook, so a test needs no sleep.
// cond may call every reader of the simulator. The error is that of ctx, or ErrClosed.
func (s *Sim) Wait(ctx context.Context, cond func(*Sim) bool) error {
	for {
		changed := s.changed.next()
		if cond(s) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return ErrClosed
		}
	}
}

// tx is one change of the state, made under the lock.
type tx struct {
	*state
	sim    *Sim
	now    time.Time
	lag    time.Duration
	events []event
}

// change runs f under the lock and sends the events it emitted. After an error f must have changed nothing.
func (s *Sim) change(f func(*tx) error) error {
	events, err := s.apply(f)
	if err != nil {
		return err
	}
	s.noteChange()
	s.courier.dispatch(events)
	return nil
}

func (s *Sim) apply(f func(*tx) error) ([]event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &tx{state: s.state, sim: s, now: s.cfg.Now().UTC(), lag: s.settings.ListLag}
	err := f(t)
	return t.events, err
}

// read runs f with the state, which it must not change nor keep.
func (s *Sim) read(f func(*state)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.state)
}

func (s *Sim) noteChange() {
	if s.saver != nil {
		s.saver.mark()
	}
	s.changed.send()
}

// mailbox finds a mailbox of the account; one that is not there has only its id.
func (s *Sim) mailbox(id int64) Mailbox {
	i := slices.IndexFunc(s.cfg.Mailboxes, func(m Mailbox) bool { return m.ID == id })
	if i < 0 {
		return Mailbox{ID: id}
	}
	return s.cfg.Mailboxes[i]
}

func (s *Sim) hasMailbox(id int64) bool {
	return slices.ContainsFunc(s.cfg.Mailboxes, func(m Mailbox) bool { return m.ID == id })
}

// broadcast wakes everybody who waits. The zero value is ready.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that is closed by the next send.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
