// Package simulator is both vendors on this machine: a simulated Twilio and a simulated Help Scout, each on a port of
// its own, that know each other's hotline. For playing and testing only.
//
// On each port the vendor's API is served as the vendor serves it, and below /sim/ the simulator's own API, by which
// tests, the terminal and pages play the people: texting, replying, breaking things. See the packages twiliosim and
// helpscoutsim.
package simulator

import (
	"context"
	_ "embed" // Hotlines
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/simulator/helpscoutsim"
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

// The ports on which the simulated vendors listen unless told otherwise.
const (
	TwilioAddr    = "127.0.0.1:8081"
	HelpScoutAddr = "127.0.0.1:8082"
)

// Hotlines is a hotlines.yaml (BLING_CONFIG) for the simulated hotline, with volunteers whose phones ring.
//
//go:embed hotlines.yaml
var Hotlines []byte

// Config is what the simulated vendors start with.
type Config struct {
	// TwilioAddr and HelpScoutAddr are where they listen: loopback, since whoever reaches them may do anything.
	// Defaults: TwilioAddr and HelpScoutAddr.
	TwilioAddr, HelpScoutAddr string
	// GatewayURL is the hotline's address, to which the webhooks go. Default: http://127.0.0.1:8080.
	GatewayURL string
	// StateDir is where they keep their state between runs. Optional.
	StateDir string
	Log      *slog.Logger
}

// Simulator is the two vendors, listening.
type Simulator struct {
	Twilio    *twiliosim.Sim
	HelpScout *helpscoutsim.Sim

	twilio, helpScout net.Listener
}

// Start makes the vendors and opens their ports. Requests are answered once Run runs.
func Start(c Config) (s *Simulator, err error) {
	if c.TwilioAddr == "" {
		c.TwilioAddr = TwilioAddr
	}
	if c.HelpScoutAddr == "" {
		c.HelpScoutAddr = HelpScoutAddr
	}
	if c.GatewayURL == "" {
		c.GatewayURL = "http://127.0.0.1:8080"
	}
	s = &Simulator{}
	defer func() {
		if err != nil {
			s.close() //nolint:errcheck // the first error counts
		}
	}()
	if s.twilio, err = net.Listen("tcp", c.TwilioAddr); err != nil {
		return nil, fmt.Errorf("opening the simulated Twilio: %w", err)
	}
	if s.helpScout, err = net.Listen("tcp", c.HelpScoutAddr); err != nil {
		return nil, fmt.Errorf("opening the simulated Help Scout: %w", err)
	}
	twilioState, helpScoutState := "", ""
	if c.StateDir != "" {
		if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
			return nil, err
		}
		twilioState, helpScoutState = filepath.Join(c.StateDir, "twilio.json"), filepath.Join(c.StateDir, "helpscout.json")
	}
	if s.Twilio, err = twiliosim.New(twiliosim.Config{PublicURL: s.TwilioURL(), StateFile: twilioState, Logger: c.Log}); err != nil {
		return nil, fmt.Errorf("making the simulated Twilio: %w", err)
	}
	s.Twilio.SetNumber(twiliosim.Number{
		PhoneNumber: Hotline,
		SMSURL:      c.GatewayURL + "/bling/twilio_sms#rc=3&rp=5xx,ct,rt", SMSFallbackURL: c.GatewayURL + "/bling/twilio_sms_fallback",
		VoiceURL: c.GatewayURL + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000", StatusCallback: c.GatewayURL + "/bling/twilio_call#rc=5&rp=5xx,ct,rt",
	})
	if s.HelpScout, err = helpscoutsim.New(helpscoutsim.Config{
		StateFile: helpScoutState, Logger: c.Log,
		Webhooks: []helpscoutsim.Webhook{{URL: c.GatewayURL + "/bling/helpscout_webhook", MailboxIDs: []int64{MailboxID}, Events: Events, Label: "bling"}},
		Apps:     []helpscoutsim.App{{Name: "Bling", URL: c.GatewayURL + "/bling/sidebar", MailboxIDs: []int64{MailboxID}}},
	}); err != nil {
		return nil, fmt.Errorf("making the simulated Help Scout: %w", err)
	}
	return s, nil
}

// TwilioURL is the address of the simulated Twilio.
func (s *Simulator) TwilioURL() string { return "http://" + s.twilio.Addr().String() }

// HelpScoutURL is the address of the simulated Help Scout.
func (s *Simulator) HelpScoutURL() string { return "http://" + s.helpScout.Addr().String() }

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
		"HELPSCOUT_WEB_URL=" + s.HelpScoutURL(),
		"BLACKHOLE_DOMAIN=" + Domain,
		"BLING_MAILBOXES=twilio:" + Hotline + ":" + strconv.Itoa(MailboxID),
	}
}

// Run serves both vendors until ctx ends, and saves their state.
func (s *Simulator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, s.twilio, s.Twilio.Handler(), s.Twilio.Control()) })
	group.Go(func() error { return serve(ctx, s.helpScout, s.HelpScout.Handler(), s.HelpScout.Control()) })
	return errors.Join(group.Wait(), s.close())
}

func (s *Simulator) close() (err error) {
	if s.Twilio != nil {
		err = s.Twilio.Close()
	}
	if s.HelpScout != nil {
		err = errors.Join(err, s.HelpScout.Close())
	}
	for _, lis := range []net.Listener{s.twilio, s.helpScout} {
		if lis != nil {
			lis.Close()
		}
	}
	return err
}

func serve(ctx context.Context, lis net.Listener, vendor, control http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("/", vendor)
	mux.Handle("/sim/", control)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	// Streams of events would never end by themselves.
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
