package switchboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bling-hotline/bling/internal/errs"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// The services, as pages name them.
const (
	telephony = "telephony"
	ticketing = "ticketing"
	dialer    = "dialer"
)

// ledger is a service that has one.
type ledger struct {
	name   string
	client operatorv1.OperatorServiceClient
}

// ledgers are the services that have one, in the order in which things are asked for and done: what telephony has, it hands on to ticketing.
func (s *Service) ledgers() []ledger {
	return []ledger{{telephony, s.Telephony}, {ticketing, s.Ticketing}}
}

// round is a round of questions, all of them asked at once.
type round struct {
	*Service
	ctx     context.Context
	cancel  context.CancelFunc
	asked   sync.WaitGroup
	mu      sync.Mutex
	missing map[string][]string // what is not known, by why
}

// round begins one, which takes as long as a page may.
func (s *Service) round(ctx context.Context) *round {
	q := &round{Service: s, missing: map[string][]string{}}
	q.ctx, q.cancel = context.WithTimeout(ctx, s.Patience)
	return q
}

// ask asks who for what. The answer is in got once the round has ended; if there is none, got is as it was.
func ask[Q, A any](q *round, who, what string, call func(context.Context, Q, ...grpc.CallOption) (A, error), question Q, got *A) {
	q.asked.Go(func() {
		answer, err := call(q.ctx, question)
		if err == nil {
			*got = answer
			return
		}
		if errs.KindOf(err) == errs.NotFound {
			return // that is an answer
		}
		q.Log.WarnContext(q.ctx, "a service does not say what the switchboard asks", "of", who, "what", what, "kind", errs.KindOf(err), "err", q.scrub(err.Error()))
		why := upper(who) + " does not answer."
		if status.Code(cmp.Or(errors.Unwrap(err), err)) == codes.Unimplemented {
			why = "This version of " + who + " does not tell."
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.missing[why] = append(q.missing[why], what)
	})
}

// askAll asks all services that have a ledger. The answers, in the order of the ledgers, are there once the round has ended.
func askAll[Q, A any](q *round, what string, call func(operatorv1.OperatorServiceClient, context.Context, Q, ...grpc.CallOption) (A, error), question Q) []A {
	answers := make([]A, len(q.ledgers()))
	for i, l := range q.ledgers() {
		ask(q, l.name, what, func(ctx context.Context, question Q, options ...grpc.CallOption) (A, error) {
			return call(l.client, ctx, question, options...)
		}, question, &answers[i])
	}
	return answers
}

// wait ends the round, and says what is not known.
func (q *round) wait() (missing []string) {
	q.asked.Wait()
	q.cancel()
	for why, what := range q.missing {
		slices.Sort(what)
		missing = append(missing, fmt.Sprintf("%s Not shown: its %s.", why, strings.Join(slices.Compact(what), ", ")))
	}
	slices.Sort(missing)
	return missing
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
