// Package hotlinetest runs the whole hotline in a test: both simulated vendors, every service, as many replicas as
// wanted, over real HTTP and gRPC, on either database.
package hotlinetest

import (
	"cmp"
	"context"
	"database/sql"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/signature"
	"github.com/bling-hotline/bling/internal/sqldb"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer"
	dialerstore "github.com/bling-hotline/bling/services/dialer/sqlstore"
	"github.com/bling-hotline/bling/services/gateway"
	"github.com/bling-hotline/bling/services/telephony"
	telephonystore "github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/ticketing"
	ticketingstore "github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
	"github.com/bling-hotline/bling/simulator/mobilecommonssim"
	"github.com/bling-hotline/bling/simulator/telnyxsim"
	"github.com/bling-hotline/bling/simulator/twiliosim"
)

// Options say what kind of hotline to run. Only DB is required.
type Options struct {
	DB sqldb.Config
	// Replicas is how many of each service run. More than one need PostgreSQL. Default: 1.
	Replicas int
	// Twilio and HelpScout change the vendors. Optional; without, Help Scout has neither limit nor lag.
	Twilio    func(*twiliosim.Config)
	HelpScout func(*helpscoutsim.Config)
	// Hotlines default to the simulator's one, with the default welcome text.
	Hotlines hotline.Hotlines
	// LoseStatus keeps status callbacks from arriving.
	LoseStatus bool
	// Patience is telephony's. Optional.
	Patience time.Duration
	// Virtual lets calls go by a clock that jumps: a call of minutes takes milliseconds. Now goes with it. Otherwise they go by
	// the real clock.
	Virtual bool
	// Jump is called before each jump with its length. Optional.
	Jump func(d time.Duration)
	// CallPatience is telephony's. Default: longer than any test.
	CallPatience time.Duration
	// LookEvery is telephony's. Optional.
	LookEvery time.Duration
	// PollEvery is how often carriers that tell nothing are asked. Optional.
	PollEvery time.Duration
	// SweepEvery is how often the vendors' lists are compared with the ledgers. Optional.
	SweepEvery time.Duration
	// CheckEvery is how often the services look at the accounts and the public address. Default: never.
	CheckEvery time.Duration
	// Engine makes words of voicemails. Optional.
	Engine telephony.Transcriber
	// Before is called with the path of each request before it is answered. Optional.
	Before func(path string)
	// Now is the clock of services and vendors. Default: time.Now.
	Now func() time.Time
	// Log defaults to the test's log.
	Log *slog.Logger

	clock *twiliosim.VirtualClock // if Virtual
}

// Vendors are the simulated vendors, on addresses of their own.
type Vendors struct {
	Twilio                  *twiliosim.Sim
	HelpScout               *helpscoutsim.Sim
	TwilioURL, HelpScoutURL string
	// MobileCommons and Telnyx are there if a hotline is at them.
	MobileCommons               *mobilecommonssim.Sim
	Telnyx                      *telnyxsim.Sim
	MobileCommonsURL, TelnyxURL string
	// Clock is that of the calls if Options.Virtual is set.
	Clock *twiliosim.VirtualClock
}

// Hotline is a running hotline.
type Hotline struct {
	Vendors
	// URL is the gateway's public address.
	URL       string
	Telephony telephonyv1.TelephonyServiceClient
	CallBacks telephonyv1.CallBackServiceClient
	Ticketing ticketingv1.TicketingServiceClient
	Dialer    dialerv1.DialerServiceClient
	Load      telephonyv1.LoadServiceClient
	// Operator is what operators see and mend of the two ledgers.
	Operator struct {
		Telephony, Ticketing operatorv1.OperatorServiceClient
	}
	// Now is the clock of services and vendors.
	Now func() time.Time

	t          testing.TB
	options    Options
	lost       atomic.Pointer[[]string] // see Lose
	unrecorded atomic.Bool
	serving    sync.RWMutex // held for reading while a request is answered
	replicas   atomic.Pointer[[]*replica]
}

// replica is one of each service.
type replica struct {
	telephony, ticketing, dialer *sqldb.DB
	phones                       *telephony.Service
	agents                       *dialer.Service
	door                         http.Handler
	stopTelephony, stopTicketing func()
	stopDialer                   func()
}

// CallOutcome is what telephony has written down of a call; empty if it has not yet.
func (h *Hotline) CallOutcome(ctx context.Context, sid string) (outcome string, err error) {
	err = (*h.replicas.Load())[0].telephony.Read.QueryRowContext(ctx, `SELECT outcome FROM call_in WHERE call_sid = $1`, sid).Scan(&outcome)
	return outcome, err
}

// TireEvents makes those of Help Scout's events that could not be handled as old as after an hour in which they could not.
func (h *Hotline) TireEvents(ctx context.Context) error {
	return (*h.replicas.Load())[0].ticketing.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE event SET attempts = 60 WHERE state = 'pending'`)
		return err
	})
}

// Serve puts telephony and the dialer on a TCP address, as a process of their own would, until the test ends.
func (h *Hotline) Serve(t testing.TB, c process.Config) (address string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	server := process.NewServer(c, h.options.Log)
	r := (*h.replicas.Load())[0]
	r.phones.Register(server)
	r.agents.Register(server)
	go server.Serve(lis) //nolint:errcheck // it ends with the test
	t.Cleanup(server.Server.Stop)
	return lis.Addr().String()
}

// Columns is all that the dialer and telephony keep as text or bytes, by table, but for the words of texts and what Twilio was
// to be told.
func (h *Hotline) Columns(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	r := (*h.replicas.Load())[0]
	for table, columns := range map[string]string{
		"agent": "phone, phone_index, name", "code": "phone, phone_index, note_hash, text_hash, ending", "session": "hash", "audit": "action, detail, source, name",
		"call_back": "agent_phone, agent, agent_name",
	} {
		db := r.dialer
		if table == "call_back" {
			db = r.telephony
		}
		for column := range strings.SplitSeq(columns, ", ") {
			rows, err := db.Read.Query("SELECT " + column + " FROM " + table)
			fatal(t, err)
			for rows.Next() {
				var b []byte
				fatal(t, rows.Scan(&b))
				all[table+"."+column] = append(all[table+"."+column], string(b))
			}
			fatal(t, rows.Err())
			rows.Close()
		}
	}
	return all
}

// Lose keeps requests for these paths from arriving, and for all below one that ends in a slash. Without paths all arrive.
func (h *Hotline) Lose(paths ...string) { h.lost.Store(&paths) }

func (h *Hotline) loses(path string) bool {
	lost := h.lost.Load()
	return lost != nil && slices.ContainsFunc(*lost, func(l string) bool {
		return path == l || strings.HasSuffix(l, "/") && strings.HasPrefix(path, l)
	})
}

// Unrecorded says that the database will not answer: calls do not wait for records any more.
func (h *Hotline) Unrecorded() { h.unrecorded.Store(true) }

// Recorded waits until what is known of calls by now is in the database.
func (h *Hotline) Recorded() {
	if h.unrecorded.Load() {
		return
	}
	for _, r := range *h.replicas.Load() {
		r.phones.Recorded()
	}
}

// Restart replaces all services by new ones on the same database, as if their processes had been. Requests under way end
// before, others wait.
func (h *Hotline) Restart() {
	h.serving.Lock()
	defer h.serving.Unlock()
	for _, r := range *h.replicas.Load() {
		r.stop()
	}
	h.start()
}

// StopTicketing ends ticketing for good.
func (h *Hotline) StopTicketing() {
	for _, r := range *h.replicas.Load() {
		r.stopTicketing()
	}
}

// StopDatabase takes telephony's database away for good, once its queues have started: a service that cannot start ends.
func (h *Hotline) StopDatabase() {
	h.Unrecorded()
	for _, r := range *h.replicas.Load() {
		for started := 0; started <= len(telephonystore.Topics); { // and that of the chores
			fatal(h.t, r.telephony.Read.QueryRowContext(h.t.Context(), `SELECT count(*) FROM river_queue`).Scan(&started))
		}
		r.telephony.Close()
	}
}

// start starts as many replicas as are wanted.
func (h *Hotline) start() {
	var all []*replica
	for range h.options.Replicas {
		all = append(all, h.replica(h.t, h.options))
	}
	h.replicas.Store(&all)
}

func (r *replica) stop() {
	r.stopDialer()
	r.stopTelephony()
	r.stopTicketing()
	r.telephony.Close()
	r.ticketing.Close()
	r.dialer.Close()
}

// Idle waits until no service has work left, not even work that waits for its time.
func (h *Hotline) Idle(ctx context.Context) error {
	var all []*sqldb.DB
	for _, r := range *h.replicas.Load() {
		all = append(all, r.telephony, r.ticketing)
	}
	return jobs.Idle(ctx, all...)
}

// StartVendors starts the vendors. gateway is where their webhooks will go.
func StartVendors(t testing.TB, o Options, gateway string) Vendors {
	t.Helper()
	tc := twiliosim.Config{Now: o.Now}
	var v Vendors
	if o.Virtual && o.clock == nil {
		o.clock = twiliosim.NewVirtualClock()
	}
	v.Clock = o.clock
	tc.CallClock = o.clock
	if o.Twilio != nil {
		o.Twilio(&tc)
	}
	hc := helpscoutsim.Config{RateLimit: -1, ListLag: -1, Now: o.Now}
	hc.Webhooks = []helpscoutsim.Webhook{{URL: gateway + "/bling/helpscout_webhook", MailboxIDs: []int64{simulator.MailboxID}, Events: simulator.Events}}
	hc.Apps = []helpscoutsim.App{{Name: "Bling", URL: gateway + "/bling/sidebar", MailboxIDs: []int64{simulator.MailboxID}}}
	if o.HelpScout != nil {
		o.HelpScout(&hc)
	}
	var err error
	if v.Twilio, err = twiliosim.New(tc); err != nil {
		t.Fatal(err)
	}
	if v.HelpScout, err = helpscoutsim.New(hc); err != nil {
		t.Fatal(err)
	}
	// Help Scout's own pages are there, too: agents' browsers go there.
	pages := http.NewServeMux()
	pages.Handle("/", v.HelpScout.Handler())
	pages.Handle("/sim/", v.HelpScout.Control())
	twilio, desk := httptest.NewServer(v.Twilio.Handler()), httptest.NewServer(pages)
	v.TwilioURL, v.HelpScoutURL = twilio.URL, desk.URL
	v.Twilio.SetPublicURL(twilio.URL)
	v.startCarriers(t, o, gateway)
	numbers := []phone.Number{simulator.Hotline}
	for _, h := range o.Hotlines.On(hotline.Twilio) {
		numbers = append(numbers, h.Numbers()...)
	}
	for _, number := range numbers {
		v.Twilio.SetNumber(twiliosim.Number{
			PhoneNumber: string(number), SMSURL: gateway + "/bling/twilio_sms#rc=2&rp=5xx,ct", SMSFallbackURL: gateway + "/bling/twilio_sms_fallback",
			VoiceURL: gateway + "/bling/twilio_voice#rc=3&rp=5xx,ct,rt&rt=4000", StatusCallback: gateway + "/bling/twilio_call#rc=5&rp=5xx,ct,rt",
		})
	}
	t.Cleanup(func() {
		v.Twilio.Close()
		v.HelpScout.Close()
		twilio.CloseClientConnections()
		desk.CloseClientConnections()
		twilio.Close()
		desk.Close()
	})
	return v
}

// startCarriers starts those that a hotline is at.
func (v *Vendors) startCarriers(t testing.TB, o Options, gateway string) {
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		return server.URL
	}
	if on := o.Hotlines.On(hotline.MobileCommons); len(on) > 0 {
		var campaigns []mobilecommonssim.Campaign
		for _, h := range on {
			campaigns = append(campaigns, mobilecommonssim.Campaign{ID: hotline.Campaign(h.Number), Name: h.Name})
		}
		v.MobileCommons = mobilecommonssim.New(mobilecommonssim.Config{Campaigns: campaigns, Now: o.Now})
		v.MobileCommonsURL = serve(v.MobileCommons.Handler())
	}
	if on := o.Hotlines.On(hotline.Telnyx); len(on) > 0 {
		v.Telnyx = telnyxsim.New(telnyxsim.Config{Now: o.Now, Duplicates: 1, FinalizedFirst: true})
		t.Cleanup(v.Telnyx.Close)
		v.TelnyxURL = serve(v.Telnyx.Handler())
		v.Telnyx.SetPublicURL(v.TelnyxURL)
		v.Telnyx.SetProfile(gateway+"/bling/telnyx_sms", gateway+"/bling/telnyx_sms")
		for _, h := range on {
			for _, number := range h.Numbers() {
				v.Telnyx.AddNumber(string(number))
			}
		}
	}
}

// Environ is the environment in which a process finds the vendors.
func (v Vendors) Environ() []string {
	return []string{
		"MOBILECOMMONS_API_URL=" + cmp.Or(v.MobileCommonsURL, "https://mobilecommons.invalid"), "MOBILECOMMONS_USERNAME=" + mobilecommonssim.DefaultUsername,
		"MOBILECOMMONS_PASSWORD=" + mobilecommonssim.DefaultPassword,
		"TWILIO_API_URL=" + v.TwilioURL, "TWILIO_ACCOUNT_SID=" + twiliosim.DefaultAccountSID, "TWILIO_AUTH_TOKEN=" + twiliosim.DefaultAuthToken,
		"HELPSCOUT_API_URL=" + v.HelpScoutURL, "HELPSCOUT_API_CLIENT_ID=" + helpscoutsim.DefaultClientID,
		"HELPSCOUT_API_CLIENT_SECRET=" + helpscoutsim.DefaultClientSecret, "HELPSCOUT_WEBHOOK_SECRET=" + helpscoutsim.DefaultWebhookSecret,
		"HELPSCOUT_APP_SECRET=" + helpscoutsim.DefaultAppSecret, "HELPSCOUT_WEB_URL=" + v.HelpScoutURL,
		"BLACKHOLE_DOMAIN=" + simulator.Domain,
		"BLING_MAILBOXES=twilio:" + simulator.Hotline + ":" + strconv.Itoa(simulator.MailboxID),
		"BLING_TWILIO_SETTLE=200ms", "BLING_HELPSCOUT_SETTLE=50ms", "BLING_HELPSCOUT_LIST_LAG=500ms",
	}
}

// Start runs a hotline until the test ends.
func Start(t testing.TB, o Options) *Hotline {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Hotlines == nil {
		o.Hotlines = hotline.Hotlines{hotline.New(simulator.Hotline, simulator.MailboxID)}
	}
	h := &Hotline{t: t}
	var turn atomic.Uint64
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.LoseStatus && strings.HasPrefix(r.URL.Path, "/bling/twilio_status/") || h.loses(r.URL.Path) {
			http.Error(w, "lost on the way", http.StatusBadGateway)
			return
		}
		if o.Before != nil {
			o.Before(r.URL.Path)
		}
		if r.Header.Get("Accept") != "text/event-stream" { // such a one ends when its service does
			h.serving.RLock()
			defer h.serving.RUnlock()
		}
		replicas := *h.replicas.Load()
		replicas[turn.Add(1)%uint64(len(replicas))].door.ServeHTTP(w, r)
	}))
	h.URL = door.URL
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Virtual {
		o.clock = twiliosim.NewVirtualClock()
		o.clock.OnJump = func(d time.Duration) {
			h.Recorded()
			if o.Jump != nil {
				o.Jump(d)
			}
		}
		now := o.Now
		o.Now = func() time.Time { return now().Add(o.clock.Now()) }
	}
	h.Now = o.Now
	if o.CallPatience == 0 {
		o.CallPatience = time.Minute
	}
	h.Vendors = StartVendors(t, o, door.URL)
	h.options = o
	h.serving.Lock() // who calls us before we are there waits
	h.start()
	h.serving.Unlock()
	t.Cleanup(func() {
		door.CloseClientConnections()
		door.Close()
		for _, r := range *h.replicas.Load() {
			r.stop()
		}
	})
	return h
}

// replica runs one of each service.
func (h *Hotline) replica(t testing.TB, o Options) *replica {
	t.Helper()
	telephonyDB, err := telephonystore.Open(context.Background(), o.DB)
	fatal(t, err)
	ticketingDB, err := ticketingstore.Open(context.Background(), o.DB)
	fatal(t, err)
	dialerDB, err := dialerstore.Open(context.Background(), o.DB)
	fatal(t, err)
	var network rpc.Network
	telephonyConn, ticketingConn, dialerConn := dial(t, "telephony", &network), dial(t, "ticketing", &network), dial(t, "dialer", &network)
	h.CallBacks, h.Dialer = telephonyv1.NewCallBackServiceClient(telephonyConn), dialerv1.NewDialerServiceClient(dialerConn)
	h.Telephony, h.Ticketing = telephonyv1.NewTelephonyServiceClient(telephonyConn), ticketingv1.NewTicketingServiceClient(ticketingConn)
	h.Load = telephonyv1.NewLoadServiceClient(telephonyConn)
	h.Operator.Telephony, h.Operator.Ticketing = operatorv1.NewOperatorServiceClient(telephonyConn), operatorv1.NewOperatorServiceClient(ticketingConn)

	desk, err := ticketing.New(ticketing.Config{
		Hotlines: o.Hotlines, APIURL: h.HelpScoutURL, ClientID: helpscoutsim.DefaultClientID, ClientSecret: helpscoutsim.DefaultClientSecret,
		Domain: simulator.Domain, Settle: 50 * time.Millisecond, ListLag: 500 * time.Millisecond, WebURL: h.HelpScoutURL, SweepEvery: o.SweepEvery,
		PublicURL: h.URL, CheckEvery: o.CheckEvery,
	}, ticketing.Deps{DB: ticketingDB, Telephony: h.Telephony, Log: o.Log, Now: o.Now})
	fatal(t, err)
	phonesConfig := telephony.Config{
		Hotlines: o.Hotlines, AccountSID: twiliosim.DefaultAccountSID, AuthToken: twiliosim.DefaultAuthToken,
		APIURL: h.TwilioURL, PublicURL: h.URL, Settle: 200 * time.Millisecond, Patience: o.Patience,
		CallPatience: o.CallPatience, CallSettle: time.Millisecond, LookEvery: o.LookEvery, SweepEvery: o.SweepEvery, CheckEvery: o.CheckEvery, PollEvery: o.PollEvery,
	}
	doorConfig := gateway.Config{
		Hotlines: o.Hotlines, PublicURL: h.URL, TwilioTokens: []string{twiliosim.DefaultAuthToken}, HelpScoutSecrets: []string{helpscoutsim.DefaultWebhookSecret},
		AppSecrets: []string{helpscoutsim.DefaultAppSecret}, DialerURL: "http://dialer",
	}
	if h.MobileCommons != nil {
		account := &phonesConfig.MobileCommons
		account.URL, account.Username, account.Password = h.MobileCommonsURL, mobilecommonssim.DefaultUsername, mobilecommonssim.DefaultPassword
	}
	if h.Telnyx != nil {
		phonesConfig.Telnyx.URL, phonesConfig.Telnyx.APIKey = h.TelnyxURL, telnyxsim.DefaultAPIKey
		doorConfig.TelnyxKeys = []string{h.Telnyx.PublicKey()}
	}
	phones, err := telephony.New(phonesConfig, telephony.Deps{DB: telephonyDB, Ticketing: h.Ticketing, Log: o.Log, Now: o.Now, Engine: o.Engine})
	fatal(t, err)
	pages, pagesTransport := rpc.Pipe()
	agents, err := dialer.New(dialer.Config{
		Hotlines: o.Hotlines, PublicURL: h.URL, WebURL: h.HelpScoutURL, Keys: []string{helpscoutsim.DefaultAppSecret},
	}, dialer.Deps{
		DB: dialerDB, CallBacks: h.CallBacks, Telephony: h.Telephony, Ticketing: h.Ticketing, Pages: pages, Log: o.Log, Now: o.Now,
	})
	fatal(t, err)
	door, err := gateway.New(doorConfig, gateway.Deps{Telephony: telephonyConn, Ticketing: ticketingConn, Log: o.Log, Dialer: pagesTransport})
	fatal(t, err)

	stopTicketing := sync.OnceFunc(run(t, o.Log, &network, "ticketing", desk))
	stopTelephony := sync.OnceFunc(run(t, o.Log, &network, "telephony", phones))
	return &replica{
		telephony: telephonyDB, ticketing: ticketingDB, dialer: dialerDB, phones: phones, agents: agents, door: door.Handler(), stopTicketing: stopTicketing,
		stopDialer:    sync.OnceFunc(run(t, o.Log, &network, "dialer", agents)),
		stopTelephony: func() { stopTelephony(); telephonyConn.Close(); ticketingConn.Close() },
	}
}

// Webhook posts a text's webhook, signed, with just these parameters, and returns the answer's status.
func Webhook(t testing.TB, gateway string, params map[string]string) int {
	t.Helper()
	return Callback(t, gateway+"/bling/twilio_sms", params)
}

// Callback does the same with any of Twilio's webhooks.
func Callback(t testing.TB, address string, params map[string]string) int {
	t.Helper()
	form := url.Values{}
	for name, value := range params {
		form.Set(name, value)
	}
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	fatal(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", signature.Twilio(twiliosim.DefaultAuthToken, address, form))
	res, err := http.DefaultClient.Do(r)
	fatal(t, err)
	res.Body.Close()
	return res.StatusCode
}

func run(t testing.TB, log *slog.Logger, network *rpc.Network, name string, service process.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- process.Serve(ctx, process.Config{}, log, network.Listen(name), service) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func dial(t testing.TB, name string, network *rpc.Network) *grpc.ClientConn {
	t.Helper()
	conn, err := network.Dial(name)
	fatal(t, err)
	return conn
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
