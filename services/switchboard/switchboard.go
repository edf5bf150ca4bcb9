package switchboard

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/rpc"
	"github.com/bling-hotline/bling/internal/sqldb"
	dialerv1 "github.com/bling-hotline/bling/proto/gen/bling/dialer/v1"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
	switchboardv1 "github.com/bling-hotline/bling/proto/gen/bling/switchboard/v1"
	telephonyv1 "github.com/bling-hotline/bling/proto/gen/bling/telephony/v1"
	"github.com/bling-hotline/bling/services/switchboard/sqlstore"
)

// Deps is what the service works with.
type Deps struct {
	DB *sqldb.DB // from sqlstore.Open
	// Telephony and Ticketing are asked for their ledgers.
	Telephony, Ticketing operatorv1.OperatorServiceClient
	// Phones has the blocks, the wishes and the pauses.
	Phones telephonyv1.TelephonyServiceClient
	// Dialer has the agents.
	Dialer dialerv1.DialerServiceClient
	Log    *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service is the switchboard. Make it with New, Register it on a server, serve its Pages on the private port, then Run it.
type Service struct {
	switchboardv1.UnimplementedSwitchboardServiceServer

	Config
	Deps
	store   *sqlstore.Store
	handler http.Handler
	nobody  []byte // the hash of a password that nobody has
	secret  string // what is sealed for Everybody
}

// New returns the service. Nothing runs until Run.
func New(c Config, d Deps) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Service{Config: c.withDefaults(), Deps: d, store: sqlstore.New(d.DB), secret: rand.Text()}
	// Made up: no password has this hash, and to compare one with it takes as long as with any other.
	s.nobody = fmt.Appendf(nil, "$2a$%02d$%s", s.Cost, strings.Repeat(".", 53))
	s.handler = s.routes()
	return s
}

// Register puts the service's RPCs on a server.
func (s *Service) Register(server *rpc.Server) {
	switchboardv1.RegisterSwitchboardServiceServer(server, s)
}

// Pages are the pages, below /switchboard/. They are for the private port.
func (s *Service) Pages() http.Handler { return s.handler }

// Healthy reports whether the database answers.
func (s *Service) Healthy(ctx context.Context) error { return s.DB.Ping(ctx) }

// tidyEvery is how often what nobody needs any more is forgotten.
const tidyEvery = time.Hour

// Run forgets what nobody needs any more, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for tick := time.NewTicker(tidyEvery); ; {
		if err := s.store.Tidy(ctx, s.Now()); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "old sessions and links could not be forgotten", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return nil
		}
	}
}
