package twiliosim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// ErrClosed is what waiting ends with when the simulator is closed.
var ErrClosed = errors.New("the simulator is closed")

// Sim is a simulated account with its phones. Its methods may be called at the same time.
type Sim struct {
	cfg     Config
	faults  *fault.Injector
	journal *journal
	fetcher *http.Client // of files
	carrier *carrier
	calls   *exchange
	studio  studio
	saver   *saver // nil without a state file
	changed broadcast
	ctx     context.Context // ends with Close; carries what no caller waits for
	cancel  context.CancelFunc

	mu        sync.RWMutex
	store     *store
	settings  Settings
	account   Account
	publicURL string

	closing sync.Once
	closed  error
}

// New returns a running simulator, with what its state file holds.
func New(cfg Config) (*Sim, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Account.check(); err != nil {
		return nil, fmt.Errorf("the account: %w", err)
	}
	s := &Sim{cfg: cfg, faults: fault.New(cfg.Seed), store: newStore(cfg.Seed), settings: cfg.settings(), account: cfg.Account}
	s.fetcher = newFetcher(cfg.Client)
	s.SetPublicURL(cfg.PublicURL)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.journal = &journal{now: cfg.Now, changed: &s.changed}
	if cfg.StateFile != "" {
		if err := s.load(cfg.StateFile); err != nil {
			return nil, fmt.Errorf("reading the state file: %w", err)
		}
		s.saver = startSaver(s, cfg.StateFile)
	}
	s.carrier = startCarrier(s)
	s.calls = newExchange(s)
	return s, nil
}

// Close ends calls, deliveries, long polls and event streams, and writes the state file. Changes after it are not saved, so
// a server of Handler is to be shut down before.
func (s *Sim) Close() error {
	s.closing.Do(func() {
		s.cancel()
		s.calls.stop()
		s.carrier.stop() // before the last write, which would keep what is under way as queued
		if s.saver != nil {
			s.closed = s.saver.stop()
		}
	})
	return s.closed
}

// Handler serves Twilio's REST API, as api.twilio.com does, faults included.
func (s *Sim) Handler() http.Handler {
	return s.journal.wrap(s.faults.Wrap(s.routes()))
}

// Faults returns the switches for errors, cut connections and delays of the REST API.
func (s *Sim) Faults() *fault.Injector { return s.faults }

// SetPublicURL says where Handler is reached. Media URLs in webhooks start with it.
func (s *Sim) SetPublicURL(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publicURL = strings.TrimSuffix(base, "/")
}

// Settings returns the present settings.
func (s *Sim) Settings() Settings {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.settings
}

// SetSettings replaces the settings. Messages that Hold kept back go out when it is off.
func (s *Sim) SetSettings(set Settings) {
	s.mu.Lock()
	s.settings = set
	s.mu.Unlock()
	s.carrier.wake()
	s.changed.send()
}

// Messages returns all messages, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return copies(s.store.order)
}

// MessagesOf returns the messages from or to a number, oldest first.
func (s *Sim) MessagesOf(number string) []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return copies(s.store.byNumber[number])
}

// Message returns the message with this SID.
func (s *Sim) Message(sid string) (Message, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.store.messages[sid]
	if r == nil {
		return Message{}, false
	}
	return r.copy(), true
}

// Inbox returns what a phone has received from the account, in the order of arrival. What Twilio itself answers to STOP
// and its like is not in it: see [Sim.Received].
func (s *Sim) Inbox(number string) []Message {
	return slices.DeleteFunc(s.Received(number), func(m Message) bool { return m.System })
}

// Received returns all that a phone has received, in the order of arrival. Twilio's own texts are marked as System.
func (s *Sim) Received(number string) []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return copies(s.store.inboxes[number])
}

func (s *Sim) received(number string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.store.inboxes[number])
}

// Wait returns when cond holds. It looks again after each change of the simulator. cond may call any method of Sim
// that does not wait itself.
func (s *Sim) Wait(ctx context.Context, cond func(*Sim) bool) error {
	for {
		changed := s.changed.wait()
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

// Reset forgets messages, calls, recordings, opt-outs, carriers, handsets and history, and switches all faults off.
// Numbers, Messaging Services, flows, what the account says of itself and settings stay.
func (s *Sim) Reset() {
	s.calls.reset()
	s.studio.resetRuns()
	s.mu.Lock()
	s.store.clear()
	s.mu.Unlock()
	s.faults.Set(fault.Switches{})
	s.journal.clear()
	s.noteChange()
}

// noteChange is called, without the lock, after each change of the store.
func (s *Sim) noteChange() {
	if s.saver != nil {
		s.saver.wake()
	}
	s.changed.send()
}

// now is the time of dates, which Twilio keeps in GMT.
func (s *Sim) now() time.Time { return s.cfg.Now().UTC() }
