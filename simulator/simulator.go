// Package simulator is both vendors on this machine: a simulated Twilio and a simulated Help Scout, each on a port of
// its own, that know each other's hotline, and a page to play with them on a third. For playing and testing only.
//
// On each vendor's port its API is served as the vendor serves it, and below /sim/ the simulator's own API, by which
// tests, the terminal and pages play the people: texting, replying, breaking things. See the packages twiliosim and
// helpscoutsim. The page is package playground; what it shows of webhooks and calls is written down by package story.
package simulator

import (
	"cmp"
	"context"
	_ "embed" // Hotlines
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/story"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// What the simulated hotline is.
const (
	Hotline   = "+15017122661"
	MailboxID = 206906
	// Domain is the domain of the contact addresses.
	Domain = "sms.example.org"
)

// Events are the events of the help desk that a hotline wants to hear of. Customers belong to no mailbox: customer.updated
// is sent to webhooks that are limited to mailboxes all the same, also about people who never wrote to ours. That is
// unverified.
var Events = []string{
	"convo.agent.reply.created", "convo.merged", "convo.moved", "convo.deleted", "convo.status", "customer.updated",
}

// Where the simulated vendors and the page listen unless told otherwise.
const (
	TwilioAddr    = "127.0.0.1:8081"
	HelpScoutAddr = "127.0.0.1:8082"
	PageAddr      = "127.0.0.1:8083"
)

// Hotlines is a hotlines.yaml (BLING_CONFIG) for the simulated hotline, with volunteers whose phones ring.
//
//go:embed hotlines.yaml
var Hotlines []byte

// Config is what the simulated vendors start with.
type Config struct {
	// TwilioAddr, HelpScoutAddr and PageAddr are where they and the page listen: loopback, since whoever reaches them may do
	// anything. Defaults: TwilioAddr, HelpScoutAddr and PageAddr.
	TwilioAddr, HelpScoutAddr, PageAddr string
	// TwilioURL is the address of the simulated Twilio as the hotline sees it: recordings and files are there. Default: where it listens.
	TwilioURL string
	// GatewayURL is the hotline's address, to which the webhooks go. Default: http://127.0.0.1:8080.
	GatewayURL string
	// StateDir is where they keep their state between runs. Optional.
	StateDir string
	// Clock is that of the vendors. Default: a new one.
	Clock *Clock
	Log   *slog.Logger
}

// Simulator is the two vendors, listening.
type Simulator struct {
	Twilio    *twiliosim.Sim
	HelpScout *helpscoutsim.Sim
	// Story is what has passed between them and the hotline.
	Story *story.Book
	// Clock is that of the vendors.
	Clock *Clock
	// Page is what the third port serves. The vendors do not need it, so it may be changed until Run.
	Page http.Handler

	twilio, helpScout, page net.Listener
	lost                    atomic.Pointer[[]string] // see Lose
}

// Start makes the vendors and opens their ports. Requests are answered once Run runs.
func Start(c Config) (s *Simulator, err error) {
	c = c.withDefaults()
	s = &Simulator{Story: &story.Book{}, Clock: c.Clock, Page: http.NotFoundHandler()}
	begun := s
	defer func() {
		if err != nil {
			begun.close() //nolint:errcheck // the first error counts
		}
	}()
	for _, port := range []struct {
		lis        *net.Listener
		addr, what string
	}{{&s.twilio, c.TwilioAddr, "the simulated Twilio"}, {&s.helpScout, c.HelpScoutAddr, "the simulated Help Scout"}, {&s.page, c.PageAddr, "the page"}} {
		if *port.lis, err = net.Listen("tcp", port.addr); err != nil {
			return nil, fmt.Errorf("opening %s (is another one running? the flags say where to listen): %w", port.what, err)
		}
	}
	twilioState, helpScoutState := "", ""
	if c.StateDir != "" {
		if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
			return nil, err
		}
		twilioState, helpScoutState = filepath.Join(c.StateDir, "twilio.json"), filepath.Join(c.StateDir, "helpscout.json")
	}
	if s.Twilio, err = twiliosim.New(twiliosim.Config{
		PublicURL: cmp.Or(c.TwilioURL, s.TwilioURL()), StateFile: twilioState, Logger: c.Log, Now: c.Clock.Now, CallClock: c.Clock.Calls,
		Client: s.client(s.listener("Twilio")),
	}); err != nil {
		return nil, fmt.Errorf("making the simulated Twilio: %w", err)
	}
	s.SetNumbers(c.GatewayURL, Hotline)
	if s.HelpScout, err = helpscoutsim.New(helpscoutsim.Config{
		StateFile: helpScoutState, Logger: c.Log, Now: c.Clock.Now, Client: s.client(s.listener("Help Scout")),
		Webhooks: []helpscoutsim.Webhook{{URL: c.GatewayURL + "/bling/helpscout_webhook", MailboxIDs: []int64{MailboxID}, Events: Events, Label: "bling"}},
		Apps:     []helpscoutsim.App{{Name: "Bling", URL: c.GatewayURL + "/bling/sidebar", MailboxIDs: []int64{MailboxID}}},
	}); err != nil {
		return nil, fmt.Errorf("making the simulated Help Scout: %w", err)
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	c.TwilioAddr = cmp.Or(c.TwilioAddr, TwilioAddr)
	c.HelpScoutAddr = cmp.Or(c.HelpScoutAddr, HelpScoutAddr)
	c.PageAddr = cmp.Or(c.PageAddr, PageAddr)
	c.GatewayURL = cmp.Or(c.GatewayURL, "http://127.0.0.1:8080")
	if c.Clock == nil {
		c.Clock = &Clock{}
	}
	return c
}

// SetNumbers gives the account these numbers, set up for a hotline at this address.
func (s *Simulator) SetNumbers(gateway string, numbers ...phone.Number) {
	for _, n := range numbers {
		s.Twilio.SetNumber(number(gateway, n))
	}
}

// number is a number of the hotline, as bling apply would set it up.
func number(gateway string, n phone.Number) twiliosim.Number {
	return twiliosim.Number{
		PhoneNumber: string(n),
		SMSURL:      gateway + "/bling/twilio_sms#rc=3&rp=5xx,ct,rt", SMSFallbackURL: gateway + "/bling/twilio_sms_fallback",
		VoiceURL: gateway + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000", StatusCallback: gateway + "/bling/twilio_call#rc=5&rp=5xx,ct,rt",
	}
}

// listener writes down what passes between a vendor and the hotline.
func (s *Simulator) listener(vendor string) story.Listener {
	people := s.peopleOfTwilio
	if vendor != "Twilio" {
		people = s.peopleOfHelpScout
	}
	return story.Listener{Book: s.Story, Vendor: vendor, Hotline: "hotline", People: people, Now: s.Clock.Now}
}

// client posts a vendor's webhooks. It follows no redirects, as the vendors do not.
func (s *Simulator) client(l story.Listener) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 128
	return &http.Client{
		Transport:     l.Webhooks(losing{s, transport}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Lose keeps webhooks for these paths from arriving, and for all below one that ends in a slash. Without paths all arrive.
func (s *Simulator) Lose(paths ...string) { s.lost.Store(&paths) }

// Lost are the paths whose webhooks do not arrive.
func (s *Simulator) Lost() []string {
	if lost := s.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

// losing is the way to the hotline, on which requests can be lost.
type losing struct {
	*Simulator
	next http.RoundTripper
}

var errLost = errors.New("lost on the way")

// RoundTrip implements [http.RoundTripper].
func (l losing) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.ContainsFunc(l.Lost(), func(path string) bool {
		return r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path)
	}) {
		return nil, errLost
	}
	return l.next.RoundTrip(r)
}

// TwilioURL is the address of the simulated Twilio.
func (s *Simulator) TwilioURL() string { return "http://" + s.twilio.Addr().String() }

// HelpScoutURL is the address of the simulated Help Scout.
func (s *Simulator) HelpScoutURL() string { return "http://" + s.helpScout.Addr().String() }

// PageURL is the address of the page.
func (s *Simulator) PageURL() string { return "http://" + s.page.Addr().String() }

// Environ is the environment in which a hotline uses these vendors.
func (s *Simulator) Environ() []string {
	return []string{
		"TWILIO_API_URL=" + s.TwilioURL(),
		"TWILIO_ACCOUNT_SID=" + twiliosim.DefaultAccountSID,
		"TWILIO_AUTH_TOKEN=" + twiliosim.DefaultAuthToken,
		"HELPSCOUT_API_URL=" + s.HelpScoutURL(),
		"HELPSCOUT_API_CLIENT_ID=" + helpscoutsim.DefaultClientID,
		"HELPSCOUT_API_CLIENT_SECRET=" + helpscoutsim.DefaultClientSecret,
		"HELPSCOUT_WEBHOOK_SECRET=" + helpscoutsim.DefaultWebhookSecret,
		"HELPSCOUT_APP_SECRET=" + helpscoutsim.DefaultAppSecret,
		// The page shows the help desk, and so frames what the help desk frames.
		"HELPSCOUT_WEB_URL=" + s.PageURL(),
		"BLACKHOLE_DOMAIN=" + Domain,
		"BLING_MAILBOXES=twilio:" + Hotline + ":" + strconv.Itoa(MailboxID),
	}
}

// Run serves both vendors and the page until ctx ends, and saves their state.
func (s *Simulator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return serve(ctx, s.twilio, withControl(s.listener("Twilio").Calls(s.Twilio.Handler()), s.Twilio.Control()))
	})
	group.Go(func() error {
		return serve(ctx, s.helpScout, withControl(s.listener("Help Scout").Calls(s.HelpScout.Handler()), s.HelpScout.Control()))
	})
	group.Go(func() error { return serve(ctx, s.page, s.Page) })
	return errors.Join(group.Wait(), s.close())
}

func (s *Simulator) close() (err error) {
	if s.Twilio != nil {
		err = s.Twilio.Close()
	}
	if s.HelpScout != nil {
		err = errors.Join(err, s.HelpScout.Close())
	}
	for _, lis := range []net.Listener{s.twilio, s.helpScout, s.page} {
		if lis != nil {
			lis.Close()
		}
	}
	return err
}

func withControl(vendor, control http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", vendor)
	mux.Handle("/sim/", control)
	return mux
}

func serve(ctx context.Context, lis net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: onlyLocal(lis.Addr(), handler), ReadHeaderTimeout: 5 * time.Second}
	// Streams of events would never end by themselves.
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// onlyLocal refuses requests for names of others, if we listen on a loopback address: a page in the browser of whoever runs this
// must not read along by giving its own name our address.
func onlyLocal(addr net.Addr, next http.Handler) http.Handler {
	if tcp, ok := addr.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this is a simulator, for this machine only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
