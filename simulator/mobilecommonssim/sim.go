// Package mobilecommonssim is a strict, in-memory stand-in for the REST API of Mobile Commons (Upland Mobile Messaging), as far as a
// hotline uses it: sending texts in a campaign, the lists of what was sent and received, profiles, and opting out.
//
// It is for testing and playing only. Serve [Sim.Handler], play people with [Sim.Text], and look at their phones with [Sim.Inbox].
// Mobile Commons posts no webhooks: whoever wants to know asks. package fault makes it misbehave ([Sim.Faults]).
//
// sim.go keeps what there is; api.go are the routes, params.go what they take and refuse; answer.go writes XML. What the documentation
// and public clients do not tell is marked as unverified; see package mobilecommons for where the facts are from.
//
//	sim := mobilecommonssim.New(mobilecommonssim.Config{Campaigns: []mobilecommonssim.Campaign{{ID: "998", Name: "Help"}}})
//	server := httptest.NewServer(sim.Handler())
//	id, err := sim.Text("+16175550142", "998", "hello")
//	// ... and when the answer has come:
//	err = sim.Wait(ctx, func(s *mobilecommonssim.Sim) bool { return len(s.Inbox("+16175550142")) == 1 })
package mobilecommonssim

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bling-hotline/bling/simulator/fault"
)

// The credentials of an account that is configured without any. Everybody knows them: for the simulator only.
const (
	DefaultUsername = "hotline@example.org"
	DefaultPassword = "simulatorpassword"
)

// Config is what a simulated account starts with. The zero value works, but has no campaign.
type Config struct {
	// Username and Password are asked for by HTTP basic auth. Default: DefaultUsername, DefaultPassword.
	Username, Password string
	// Campaigns are those of the account.
	Campaigns []Campaign
	// Now is the clock of messages and of the rate limit. Default: time.Now.
	Now func() time.Time
	// RateLimit is how many requests a minute may have; those above are answered 429. Default: any number. (Unverified: what is
	// documented is a limit of 160 at the same time.)
	RateLimit int
	// Seed decides the rates of faults.
	Seed uint64
}

// Campaign is a list of people with a short code of their own.
type Campaign struct{ ID, Name string }

// Message is a text to or from a campaign.
type Message struct {
	ID       string
	Campaign string
	Phone    string // the other end, in E.164
	Body     string
	Type     string // opt_in, opt_out or generic
	Sent     bool   // by the account
	At       time.Time
}

// Sim is a simulated account. Its methods may be called at the same time.
type Sim struct {
	cfg    Config
	faults *fault.Injector

	mu       sync.Mutex
	changed  chan struct{} // closed at every change, and replaced
	ids      int
	profiles map[string]*profile // by number
	all      []Message           // oldest first
	window   time.Time           // the minute of the rate limit
	used     int                 // requests in it
}

// profile is a person.
type profile struct {
	id, phone           string
	firstName, lastName string
	columns             map[string]string
	createdAt           time.Time
	optedOutAt          time.Time // zero: not
	subscriptions       []subscription
}

// subscription is a time in a campaign. Who comes back gets a new one.
type subscription struct {
	id, campaign            string
	activatedAt, optedOutAt time.Time
	source                  string // why it ended
}

// New returns a simulator.
func New(cfg Config) *Sim {
	if cfg.Username == "" && cfg.Password == "" {
		cfg.Username, cfg.Password = DefaultUsername, DefaultPassword
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Sim{cfg: cfg, faults: fault.New(cfg.Seed), changed: make(chan struct{}), profiles: map[string]*profile{}, ids: 1000}
}

// Faults returns the switches for errors, drops and delays of the API.
func (s *Sim) Faults() *fault.Injector { return s.faults }

// keywords are what people text to leave and to come back. (Unverified: an account may have others.)
var keywords = map[string]string{
	"STOP": "opt_out", "STOPALL": "opt_out", "QUIT": "opt_out", "END": "opt_out", "CANCEL": "opt_out", "UNSUBSCRIBE": "opt_out",
	"START": "opt_in", "UNSTOP": "opt_in", "JOIN": "opt_in",
}

// Text lets somebody text a campaign and returns the id of the message. The first text subscribes them; STOP ends that, and then only
// START begins it again.
func (s *Sim) Text(from, campaign, body string) (id string, err error) {
	phone, ok := normalize(from)
	if !ok || !s.hasCampaign(campaign) {
		return "", errors.New("no such campaign, or not a number")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	p := s.profileOf(phone)
	kind := keywords[strings.ToUpper(strings.TrimSpace(body))]
	never := !slices.ContainsFunc(p.subscriptions, func(sub subscription) bool { return sub.campaign == campaign })
	switch {
	case kind == "opt_out":
		s.optOut(p, campaign, "Texted "+strings.TrimSpace(body))
	case !p.subscribed(campaign) && (kind == "opt_in" || never):
		kind = "opt_in"
		p.optedOutAt = time.Time{}
		p.subscriptions = append(p.subscriptions, subscription{id: s.newID(), campaign: campaign, activatedAt: now})
	default:
		kind = "generic"
	}
	m := Message{ID: s.newID(), Campaign: campaign, Phone: phone, Body: body, Type: kind, At: now}
	s.all = append(s.all, m)
	s.noteChange()
	return m.ID, nil
}

// Past adds a text that somebody sent in the past, in the order of their times, and returns its id. Nobody is subscribed because of it.
func (s *Sim) Past(m Message) (id string, err error) {
	phone, ok := normalize(m.Phone)
	if !ok || !s.hasCampaign(m.Campaign) {
		return "", errors.New("no such campaign, or not a number")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profileOf(phone)
	m.ID, m.Phone, m.Type, m.At = s.newID(), phone, "generic", m.At.UTC().Truncate(time.Second)
	s.all = append(s.all, m)
	s.noteChange()
	return m.ID, nil
}

// SetProfile gives somebody a name and custom columns, and makes their profile if there is none.
func (s *Sim) SetProfile(number, firstName, lastName string, columns map[string]string) {
	phone, ok := normalize(number)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.profileOf(phone)
	p.firstName, p.lastName, p.columns = firstName, lastName, maps.Clone(columns)
	s.noteChange()
}

// Inbox returns what the account has sent to a phone, oldest first.
func (s *Sim) Inbox(number string) []Message {
	phone, _ := normalize(number)
	s.mu.Lock()
	defer s.mu.Unlock()
	var inbox []Message
	for _, m := range s.all {
		if m.Sent && m.Phone == phone {
			inbox = append(inbox, m)
		}
	}
	return inbox
}

// Subscribed reports whether somebody gets the texts of a campaign.
func (s *Sim) Subscribed(number, campaign string) bool {
	phone, _ := normalize(number)
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.profiles[phone]
	return ok && p.subscribed(campaign)
}

// Wait blocks until cond holds. It looks again after every change, so a test needs no sleep. cond may call every reader of the
// simulator. The error is that of ctx.
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
			return ctx.Err()
		}
	}
}

// All below need the lock.

func (s *Sim) noteChange() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Sim) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Second) }

func (s *Sim) newID() string {
	s.ids++
	return strconv.Itoa(s.ids)
}

// profileOf returns somebody's profile, and makes it if there is none.
func (s *Sim) profileOf(phone string) *profile {
	if s.profiles[phone] == nil {
		s.profiles[phone] = &profile{id: s.newID(), phone: phone, createdAt: s.now()}
	}
	return s.profiles[phone]
}

// optOut ends the subscriptions to a campaign, or all. Who has none left has opted out as a whole (unverified).
func (s *Sim) optOut(p *profile, campaign, source string) {
	left := false
	for i := range p.subscriptions {
		sub := &p.subscriptions[i]
		switch {
		case !sub.optedOutAt.IsZero():
		case campaign == "" || sub.campaign == campaign:
			sub.optedOutAt, sub.source = s.now(), source
		default:
			left = true
		}
	}
	if !left && p.optedOutAt.IsZero() {
		p.optedOutAt = s.now()
	}
}

func (p *profile) subscribed(campaign string) bool {
	return slices.ContainsFunc(p.subscriptions, func(sub subscription) bool { return sub.campaign == campaign && sub.optedOutAt.IsZero() })
}

func (s *Sim) hasCampaign(id string) bool {
	return slices.ContainsFunc(s.cfg.Campaigns, func(c Campaign) bool { return c.ID == id })
}
