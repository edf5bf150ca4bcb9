package telephony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/bling-hotline/bling/internal/batch"
	"github.com/bling-hotline/bling/internal/books"
	"github.com/bling-hotline/bling/internal/hotline"
	"github.com/bling-hotline/bling/internal/jobs"
	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/telephony/carrier"
	"github.com/bling-hotline/bling/services/telephony/sqlstore"
	"github.com/bling-hotline/bling/services/telephony/transcribe"
	"github.com/bling-hotline/bling/services/telephony/twilio"
)

// Deps is what the service works with.
type Deps struct {
	DB        *sqldb.DB // from sqlstore.Open
	Ticketing ticketingv1.TicketingServiceClient
	Log       *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Engine makes words of voicemails. Default: the server at Config.TranscriptionURL, if there is one.
	Engine Transcriber
}

// Service is telephony. Make it with New, Register it on a server, then Run it.
type Service struct {
	telephonyv1.UnimplementedTelephonyServiceServer
	telephonyv1.UnimplementedTwilioWebhookServiceServer
	telephonyv1.UnimplementedTwilioVoiceServiceServer
	telephonyv1.UnimplementedTelnyxWebhookServiceServer
	telephonyv1.UnimplementedLoadServiceServer
	telephonyv1.UnimplementedCallBackServiceServer
	operatorv1.UnimplementedOperatorServiceServer

	Config
	Deps
	besides
	store   *sqlstore.Store
	queue   *jobs.Queue
	twilio  *twilio.Client // what only Twilio has: calls, recordings
	carry   map[hotline.Transport]carrier.Carrier
	foreign map[string]bool // calls with recordings that are not ours; collectRecordings has it alone
	incomes *batch.Batcher[sqlstore.TextInRow, recorded]
	metrics metrics
	books   *books.Book

	watching   context.Context // ends when those who watch calls are to go elsewhere
	endWatches context.CancelFunc
}

// New returns the service. Nothing runs until Run.
func New(c Config, d Deps) (*Service, error) {
	c.setDefaults()
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Service{Config: c, Deps: d, besides: newBesides(), foreign: map[string]bool{}, store: sqlstore.New(d.DB)}
	s.watching, s.endWatches = context.WithCancel(context.Background())
	var err error
	if err = s.makeCarriers(); err != nil {
		return nil, err
	}
	if s.Engine == nil && c.TranscriptionURL != "" {
		if s.Engine, err = transcribe.New(c.TranscriptionURL, c.TranscriptionModel, c.TranscriptionKey); err != nil {
			return nil, err
		}
	}
	transcripts := s.topic(sqlstore.Transcript, 2, s.transcript)
	transcripts.Limit = transcribeFor
	if s.queue, err = jobs.New(d.DB, d.Log, []jobs.Topic{
		s.topic(sqlstore.TextIn, c.Workers, s.deliver),
		s.topic(sqlstore.TextOut, c.Workers, s.send),
		s.topic(sqlstore.Tell, max(1, c.Workers/4), s.tell),
		s.topic(sqlstore.MediaIn, max(1, c.Workers/4), s.attach),
		s.topic(sqlstore.CallOver, max(1, c.Workers/4), s.callOver),
		s.topic(sqlstore.CallBacks, max(1, c.Workers/4), s.callBack),
		s.topic(sqlstore.TellBacks, max(1, c.Workers/4), s.tellCallBack),
		transcripts,
	}, s.chores()...); err != nil {
		return nil, err
	}
	s.store.Wake = s.queue.Wake
	s.store.SaysStop = func(by hotline.Transport, code int) bool { return s.carrierNamed(by).OptedOut(code) }
	if s.metrics, err = newMetrics(s.store); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	s.books = &books.Book{DB: d.DB, Log: d.Log, Now: d.Now}
	if err := s.books.Measure(otel.Meter("github.com/bling-hotline/bling/services/telephony")); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	if err := s.beginSweeps(context.Background()); err != nil { // from now on, before anybody can text or call
		return nil, fmt.Errorf("noting since when Twilio's lists are looked at: %w", err)
	}
	if err := s.beginPolls(context.Background()); err != nil {
		return nil, fmt.Errorf("noting since when carriers are asked for texts: %w", err)
	}
	if _, err := s.collectSince(context.Background()); err != nil { // from now on, before anybody can call
		return nil, fmt.Errorf("noting since when recordings are looked for: %w", err)
	}
	s.incomes = batch.New(128, 5*time.Second, s.record)
	return s, nil
}

func (s *Service) topic(name string, workers int, step func(context.Context, string) (bool, error)) jobs.Topic {
	return jobs.Topic{Name: name, Workers: workers, Step: step, Pending: s.store.Work(name).Pending, Lanes: s.store.Work(name).Lanes}
}

// Register puts the service's RPCs on a server.
func (s *Service) Register(server *rpc.Server) {
	telephonyv1.RegisterTelephonyServiceServer(server, s)
	telephonyv1.RegisterTwilioWebhookServiceServer(server, s)
	telephonyv1.RegisterTwilioVoiceServiceServer(server, s)
	telephonyv1.RegisterTelnyxWebhookServiceServer(server, s)
	telephonyv1.RegisterLoadServiceServer(server, s)
	telephonyv1.RegisterCallBackServiceServer(server, s)
}

// RegisterOperator puts on a server what only the switchboard may call.
func (s *Service) RegisterOperator(server *rpc.Server) {
	operatorv1.RegisterOperatorServiceServer(server, s)
}

// StopStreams ends the streams of those who watch calls: they come back, and meet another process.
func (s *Service) StopStreams() { s.endWatches() }

// Healthy reports whether the database answers.
func (s *Service) Healthy(ctx context.Context) error { return s.DB.Ping(ctx) }

// Run works until ctx ends, then lets the work under way finish.
func (s *Service) Run(ctx context.Context) error {
	defer s.incomes.Close()
	defer s.writes.Wait()
	defer close(s.stopping)
	// Not left to the chore, which begins when there is a leader among the replicas, and may meet one with the configuration of before.
	if err := errors.Join(s.pauseNewNumbers(context.WithoutCancel(ctx)), s.reroute(context.WithoutCancel(ctx))); err != nil {
		return err
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
func (s *Service) chores() []jobs.Chore {
	all := append(slices.Concat(s.sweeps(), s.polling(), s.checks(), s.keeping()), []jobs.Chore{
		// Again and again: another replica, which does not have the newest configuration yet, may have put some aside.
		{Name: "reroute", Every: s.LookEvery, Do: s.reroute},
		{Name: "forget", Every: s.LookEvery, Do: func(ctx context.Context) error {
			return errors.Join(s.store.DropFiles(ctx, s.Now()), s.store.ForgetPrivate(ctx, s.Now()))
		}},
		{Name: "close calls", Every: s.LookEvery, Do: s.closeCalls},
		{Name: "close calls back", Every: s.LookEvery, Do: s.closeCallBacks},
		{Name: "overdue", Every: min(5*time.Second, s.Patience/10), Do: func(ctx context.Context) error { return s.store.Overdue(ctx, s.Now()) }},
	}...)
	if s.AccountSID != "" {
		all = append(all, jobs.Chore{Name: "collect recordings", Every: s.LookEvery, Do: s.collectRecordings})
	}
	return all
}

// reroute takes up the texts that came in before their number was configured.
func (s *Service) reroute(ctx context.Context) error {
	step := s.step(ctx, "", "its number is a hotline's now", "")
	for _, h := range s.Hotlines {
		for _, number := range h.Numbers() {
			n := 0
			err := inBatches(func() ([]string, error) { return s.store.Reroute(ctx, number, step) }, func(ids []string) { n += len(ids) })
			if err != nil {
				return fmt.Errorf("looking for unrouted texts: %w", err)
			}
			if n > 0 {
				s.Log.Info("unrouted texts found their hotline", "hotline", number, "texts", n)
			}
		}
	}
	return nil
}

// lane is everything between one supporter and one hotline.
func lane(hotline phone.Number, supporter string) string { return string(hotline) + "|" + supporter }

// party names the supporter to ticketing.
func party(mailboxID int64, supporter, event string) *ticketingv1.Party {
	p := &ticketingv1.Party{MailboxId: mailboxID, Supporter: supporter}
	if phone.Parse(supporter).Kind == phone.Withheld {
		p.Event = event
	}
	return p
}
