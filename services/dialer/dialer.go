package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/dialer/sqlstore"
)

// Deps is what the service works with.
type Deps struct {
	DB        *sqldb.DB // from sqlstore.Open
	CallBacks telephonyv1.CallBackServiceClient
	Telephony telephonyv1.TelephonyServiceClient
	Ticketing ticketingv1.TicketingServiceClient
	// Pages is where the pages are served; the gateway asks there.
	Pages net.Listener
	Log   *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service is the dialer. Make it with New, Register it on a server, then Run it.
type Service struct {
	dialerv1.UnimplementedDialerServiceServer

	Config
	Deps
	store    *sqlstore.Store
	ring     keyring
	handler  http.Handler
	stopping chan struct{}  // closed when live pages are to end
	texting  sync.WaitGroup // codes that are on their way
}

// New returns the service. Nothing runs until Run.
func New(c Config, d Deps) (*Service, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	ring, err := newKeyring(c.Keys)
	if err != nil {
		return nil, err
	}
	s := &Service{Config: c, Deps: d, store: sqlstore.New(d.DB), ring: ring, stopping: make(chan struct{})}
	s.handler = s.routes()
	return s, nil
}

// Register puts the service's RPCs on a server.
func (s *Service) Register(server *rpc.Server) { dialerv1.RegisterDialerServiceServer(server, s) }

// Healthy reports whether the database answers.
func (s *Service) Healthy(ctx context.Context) error { return s.DB.Ping(ctx) }

// tidyEvery is how often what nobody needs any more is forgotten.
const tidyEvery = time.Hour

// Run serves the pages until ctx ends, then lets the requests under way finish. Live pages end at once, and come back.
func (s *Service) Run(ctx context.Context) error {
	defer s.texting.Wait()
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(s.Pages); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving the dialer's pages on %s: %w", s.Pages.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		close(s.stopping)
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(stopCtx); err != nil {
			server.Close()
		}
		return nil
	})
	group.Go(func() error {
		for tick := time.NewTicker(tidyEvery); ; {
			if err := s.store.Tidy(ctx, s.Now()); err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "old codes and sessions could not be forgotten", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return nil
			}
		}
	})
	return group.Wait()
}
