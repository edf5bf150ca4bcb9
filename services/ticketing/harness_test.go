package ticketing_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/process"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	"github.com/bling-hotline/bling/internal/sqldb/sqldbtest"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
	"github.com/bling-hotline/bling/simulator/helpscoutsim"
)

const (
	mailbox = 206906
	domain  = "sms.example.org"
	caller  = "+16175550142"
	address = "6175550142@" + domain
)

// desk is a ticketing service on a database of its own, a client of it over gRPC, and the Help Scout it talks to.
type desk struct {
	ticketingv1.TicketingServiceClient
	hooks ticketingv1.HelpScoutWebhookServiceClient
	op    operatorv1.OperatorServiceClient
	db    *sqldb.DB
	sim   *helpscoutsim.Sim
	phone *phones
	t     *testing.T
}

// phones is telephony as far as ticketing knows it: it takes texts and files.
type phones struct {
	telephonyv1.UnimplementedTelephonyServiceServer
	sent  chan *telephonyv1.SendTextRequest
	files chan *telephonyv1.PutFileRequest
	down  atomic.Int64 // how many texts it does not take
}

func (p *phones) SendText(_ context.Context, r *telephonyv1.SendTextRequest) (*telephonyv1.SendTextResponse, error) {
	if p.down.Add(-1) >= 0 {
		return nil, errs.New(errs.Unavailable, "the text could not be stored; send it again").After(time.Millisecond)
	}
	p.sent <- r
	return &telephonyv1.SendTextResponse{}, nil
}

// GetText knows of nothing.
func (p *phones) GetText(context.Context, *telephonyv1.GetTextRequest) (*telephonyv1.GetTextResponse, error) {
	return nil, errs.New(errs.NotFound, "no text has this key")
}

func (p *phones) PutFile(_ context.Context, r *telephonyv1.PutFileRequest) (*telephonyv1.PutFileResponse, error) {
	p.files <- r
	return &telephonyv1.PutFileResponse{}, nil
}

// next returns the next text that is to be sent.
func (d *desk) next() *telephonyv1.SendTextRequest {
	d.t.Helper()
	select {
	case r := <-d.phone.sent:
		return r
	case <-time.After(20 * time.Second):
		d.t.Fatal("nothing is sent")
		return nil
	}
}

// notes waits until a conversation has n notes, and returns them.
func (d *desk) notes(id int64, n int) (notes []string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	err := d.sim.Wait(ctx, func(s *helpscoutsim.Sim) bool {
		notes = nil
		c, _ := s.Conversation(id)
		for _, t := range c.Threads {
			if t.Type == "note" {
				notes = append(notes, t.Body)
			}
		}
		return len(notes) >= n
	})
	if err != nil || len(notes) != n {
		d.t.Fatalf("notes %q, want %d: %v", notes, n, err)
	}
	return notes
}

// event delivers a webhook.
func (d *desk) event(name, body string) {
	d.t.Helper()
	if _, err := d.hooks.ReceiveEvent(d.t.Context(), &ticketingv1.ReceiveEventRequest{Event: name, Body: []byte(body)}); err != nil {
		d.t.Fatal(err)
	}
}

// newSim starts a Help Scout without lag and limit, unless change says otherwise.
func newSim(t *testing.T, change ...func(*helpscoutsim.Config)) (*helpscoutsim.Sim, string) {
	t.Helper()
	c := helpscoutsim.Config{RateLimit: -1, ListLag: -1}
	for _, f := range change {
		f(&c)
	}
	sim, err := helpscoutsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() { server.Close(); sim.Close() })
	return sim, server.URL
}

// start runs ticketing against a Help Scout until the test ends.
func start(t *testing.T, db sqldb.Config, sim *helpscoutsim.Sim, url string) *desk {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := sqlstore.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	var network rpc.Network
	phone := &phones{sent: make(chan *telephonyv1.SendTextRequest, 1000), files: make(chan *telephonyv1.PutFileRequest, 100)}
	telephony := rpc.NewServer(log, false, nil, nil)
	telephonyv1.RegisterTelephonyServiceServer(telephony, phone)
	go telephony.Run(t.Context(), network.Listen("telephony")) //nolint:errcheck // the test is over
	telephonyConn, err := network.Dial("telephony")
	if err != nil {
		t.Fatal(err)
	}
	service, err := ticketing.New(ticketing.Config{
		Hotlines: hotline.Hotlines{hotline.New("+15017122661", mailbox)},
		APIURL:   url, ClientID: helpscoutsim.DefaultClientID, ClientSecret: helpscoutsim.DefaultClientSecret,
		Domain: domain, Settle: time.Millisecond, ListLag: 50 * time.Millisecond,
	}, ticketing.Deps{DB: store, Telephony: telephonyv1.NewTelephonyServiceClient(telephonyConn), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- process.Serve(ctx, process.Config{}, log, network.Listen("ticketing"), service) }()
	conn, err := network.Dial("ticketing")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		telephonyConn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		store.Close()
	})
	return &desk{
		ticketingv1.NewTicketingServiceClient(conn), ticketingv1.NewHelpScoutWebhookServiceClient(conn), operatorv1.NewOperatorServiceClient(conn),
		store, sim, phone, t,
	}
}

// each runs a test with a new service on each engine.
func each(t *testing.T, test func(t *testing.T, d *desk), change ...func(*helpscoutsim.Config)) {
	sqldbtest.Each(t, func(t *testing.T, db sqldb.Config) {
		sim, url := newSim(t, change...)
		test(t, start(t, db, sim, url))
	})
}

// text records a text, again and again while it is to be tried again, as telephony does.
func (d *desk) text(key, body string, media ...string) *ticketingv1.RecordInboundTextResponse {
	d.t.Helper()
	for {
		res, err := d.RecordInboundText(d.t.Context(), &ticketingv1.RecordInboundTextRequest{
			Key: key, Party: &ticketingv1.Party{MailboxId: mailbox, Supporter: caller, Hotline: "+15017122661"}, Body: body, MediaContentType: media,
		})
		if kind := errs.KindOf(err); (kind == errs.Unavailable || kind == errs.Busy || kind == errs.RateLimited) && d.t.Context().Err() == nil {
			continue
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return res
	}
}

// bodies returns the supporter's texts in a conversation.
func bodies(c helpscoutsim.Conversation) (list []string) {
	for _, t := range c.Threads {
		if t.Type == "customer" {
			list = append(list, t.Body)
		}
	}
	return list
}

func (d *desk) one() helpscoutsim.Conversation {
	d.t.Helper()
	all := d.sim.ConversationsOf(address)
	if len(all) != 1 {
		d.t.Fatalf("%d conversations, want 1", len(all))
	}
	return all[0]
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
