package ticketing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// Deps is what the service works with.
type Deps struct {
	DB        *sqldb.DB // from sqlstore.Open
	Telephony telephonyv1.TelephonyServiceClient
	Log       *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service is ticketing. Make it with New, Register it on a server, then Run it.
type Service struct {
	ticketingv1.UnimplementedTicketingServiceServer
	ticketingv1.UnimplementedHelpScoutWebhookServiceServer
	operatorv1.UnimplementedOperatorServiceServer

	Config
	Deps
	store   *sqlstore.Store
	queue   *jobs.Queue
	desk    *helpscout.Client
	metrics metrics
	books   *books.Book
}

// New returns the service. Nothing runs until Run.
func New(c Config, d Deps) (*Service, error) {
	c.setDefaults()
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Service{Config: c, Deps: d, store: sqlstore.New(d.DB)}
	s.desk = helpscout.New(c.APIURL, c.ClientID, c.ClientSecret, newBudget(s.store, d.Log, d.Now))
	var err error
	if s.queue, err = jobs.New(d.DB, d.Log, []jobs.Topic{
		{Name: sqlstore.Notes, Workers: 4, Step: s.postNote, Pending: s.store.Work().Pending, Lanes: s.store.Work().Lanes},
		{Name: sqlstore.Replies, Workers: 8, Step: s.handleReplies, Pending: s.store.ReplyWork().Pending, Lanes: s.store.ReplyWork().Lanes},
	}, s.chores()...); err != nil {
		return nil, err
	}
	s.store.Wake = s.queue.Wake
	meter := otel.Meter("github.com/bling-hotline/bling/services/ticketing")
	if s.metrics, err = newMetrics(meter, s.store, s.desk, d.Now); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	s.desk.Answered = s.metrics.answered
	s.books = &books.Book{DB: d.DB, Log: d.Log, Now: d.Now}
	if err := s.books.Measure(meter); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return s, nil
}

// Register puts the service's RPCs on a server.
func (s *Service) Register(server *rpc.Server) {
	ticketingv1.RegisterTicketingServiceServer(server, s)
	ticketingv1.RegisterHelpScoutWebhookServiceServer(server, s)
	ticketingv1.RegisterAdoptServiceServer(server, adopter{Service: s})
}

// RegisterOperator puts on a server what only the switchboard may call.
func (s *Service) RegisterOperator(server *rpc.Server) {
	operatorv1.RegisterOperatorServiceServer(server, s)
}

// Healthy reports whether the database answers.
func (s *Service) Healthy(ctx context.Context) error { return s.DB.Ping(ctx) }

// Run works until ctx ends, then lets the work under way finish.
func (s *Service) Run(ctx context.Context) error {
	var mailboxes []int64
	for _, h := range s.Hotlines {
		mailboxes = append(mailboxes, h.MailboxID)
	}
	if err := s.store.Claim(context.WithoutCancel(ctx), s.Now(), mailboxes...); err != nil {
		return fmt.Errorf("claiming mailboxes: %w", err)
	}
	if err := s.beginSweeps(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("noting since when Help Scout's lists are looked at: %w", err)
	}
	if err := s.queue.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.queue.Stop(stopCtx)
}

// chores are what is done although nobody tells us.
func (s *Service) chores() []jobs.Chore { return slices.Concat(s.sweeps(), s.checks(), s.keeping()) }

// supporter is who wrote: as the carrier names them and as Help Scout knows them.
type supporter struct {
	lane     sqlstore.Lane
	identity phone.Identity
	customer helpscout.Customer
}

// supporter reads a party.
func (s *Service) supporter(p *ticketingv1.Party) supporter {
	id := phone.Parse(p.GetSupporter())
	email := id.Address(p.GetEvent()) + "@" + s.Domain
	c := helpscout.Customer{Email: email, FirstName: id.Display()}
	if id.Kind == phone.Full || id.Kind == phone.ShortCode {
		c.Phone = string(id.Number)
	}
	return supporter{
		lane: sqlstore.Lane{
			ID: fmt.Sprintf("%d|%s", p.GetMailboxId(), email), MailboxID: p.GetMailboxId(),
			Supporter: p.GetSupporter(), Hotline: p.GetHotline(),
		},
		identity: id,
		customer: c,
	}
}

func (s *Service) checkParty(check *errs.Check, p *ticketingv1.Party) {
	_, ours := s.Hotlines.ByMailbox(p.GetMailboxId())
	check.That(ours, "party.mailbox_id", "is not a configured mailbox")
	check.That(p.GetSupporter() != "" && len(p.GetSupporter()) <= 256, "party.supporter", "must have 1 to 256 characters")
	withheld := phone.Parse(p.GetSupporter()).Kind == phone.Withheld
	check.That(len(p.GetHotline()) <= 64, "party.hotline", "must have at most 64 characters")
	check.That(!withheld || p.GetEvent() != "", "party.event", "must not be empty for a withheld number")
}

func checkKey(check *errs.Check, name, key string) {
	check.That(key != "" && len(key) <= 200 && !strings.Contains(key, "\x00"), name, "must have 1 to 200 characters, none of them NUL")
}

// A lane is held for leaseFor at most, and its holder has postFor to post. The difference is for what must be noted
// afterwards, and for replicas whose clocks are some seconds apart: a lane is never taken from a living holder.
const (
	leaseFor = 20 * time.Second
	postFor  = 10 * time.Second
)

// noAnswer is said however Help Scout fails, so that an outage is one thing.
const noAnswer = "Help Scout does not answer as it should"

// meaning turns an error of the store or of Help Scout into what the caller can do about it.
func meaning(err error) error {
	var e *errs.Error
	var desk *helpscout.Error
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.Is(err, sqlstore.ErrBusy):
		return errs.Wrap(errs.Busy, err, "somebody else works on this conversation").After(100 * time.Millisecond)
	case errors.Is(err, helpscout.ErrDown):
		return errs.Wrap(errs.RateLimited, err, noAnswer).After(2 * time.Second)
	case !errors.As(err, &desk) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		return errs.Wrap(errs.Unavailable, err, "it took too long")
	case desk == nil: // the database; what waits for it is not lost
		return errs.Wrap(errs.Unavailable, err, "ticketing cannot do this now")
	}
	switch {
	case desk.Status == 429:
		return errs.Wrap(errs.RateLimited, err, "Help Scout's budget is spent").After(desk.RetryAfter)
	case desk.Status == 404, desk.Status == 301:
		return errs.Wrap(errs.NotFound, err, "not in Help Scout any more")
	case desk.Status == 400, desk.Status == 413, desk.Status == 415, desk.Status == 409:
		return errs.Wrap(errs.Precondition, err, "Help Scout does not take it")
	default: // 401 and 403 too: our access is broken, not the entry
		return errs.Wrap(errs.Unavailable, err, noAnswer)
	}
}
