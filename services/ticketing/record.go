package ticketing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/telemetry"
	ticketingv1 "github.com/bling-hotline/bling/proto/gen/bling/ticketing/v1"
	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// loadedAgain is when a text that was loaded is to be tried again.
const loadedAgain = 2 * time.Second

// RecordInboundText posts a text to the supporter's conversation, once.
func (s *Service) RecordInboundText(ctx context.Context, r *ticketingv1.RecordInboundTextRequest) (*ticketingv1.RecordInboundTextResponse, error) {
	var check errs.Check
	checkKey(&check, "key", r.GetKey())
	s.checkParty(&check, r.GetParty())
	if err := check.Err(); err != nil {
		return nil, err
	}
	who := s.supporter(r.GetParty())
	e := sqlstore.Entry{Key: r.GetKey(), Kind: sqlstore.Text, Trace: telemetry.Carry(ctx)}
	text := threadText(r.GetBody(), r.GetMediaContentType())
	if r.GetLoaded() {
		ctx = helpscout.WithClass(ctx, helpscout.Backfill)
	}
	e, err := s.once(ctx, who, e, func(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry) ([]sqlstore.Entry, error) {
		if r.GetLoaded() {
			e.WrittenAt = r.GetReceivedAt().AsTime()
		}
		if r.GetFoundLate() {
			if there, err := s.thereAlready(ctx, who, lane, e, text, r.GetReceivedAt().AsTime()); err != nil || there {
				return nil, err
			}
		}
		return s.postText(ctx, who, lane, e, text)
	})
	if err != nil {
		return nil, waits(err, r.GetLoaded())
	}
	if e.State == sqlstore.Dead {
		return nil, errs.New(errs.Precondition, "Help Scout does not take this text: %s", e.Reason)
	}
	return &ticketingv1.RecordInboundTextResponse{
		ConversationId: e.ConversationID, ThreadId: e.ThreadID, FirstContact: e.FirstContact, Refused: e.Reason,
	}, nil
}

// waits is why a text is not in the ticket yet. History is told when to come again by itself: telephony waits the longer the older a text is, and
// all of its texts wait when the budget is spent, of which the rest is for what is live.
func waits(err error, loaded bool) error {
	e, ok := errors.AsType[*errs.Error](err)
	if !loaded || !ok || e.Kind != errs.Unavailable && e.Kind != errs.RateLimited {
		return err
	}
	return errs.Wrap(errs.Unavailable, err, "%s", e.Message).After(cmp.Or(e.RetryAfter, loadedAgain))
}

// posting puts an entry into a conversation of the lane, and returns the notes that follow from it.
type posting func(ctx context.Context, lane *sqlstore.Lane, e *sqlstore.Entry) ([]sqlstore.Entry, error)

// once holds the lane, lets post work on the entry, and notes what came of it. An entry that has ended before is
// returned as it stands. The notes that post returns are queued with its result.
func (s *Service) once(ctx context.Context, who supporter, e sqlstore.Entry, post posting) (sqlstore.Entry, error) {
	now := s.Now()
	lane, entry, err := s.store.Hold(ctx, who.lane, e, now, now.Add(leaseFor), s.ThreadLimit)
	if err != nil {
		return entry, meaning(err)
	}
	if lane == nil {
		s.metrics.entry(ctx, entry.Kind, "repeated")
		return entry, nil
	}
	// Whoever calls may be more patient than the lease is long.
	postCtx, cancel := context.WithTimeout(ctx, postFor)
	defer cancel()
	notes, err := post(postCtx, lane, &entry)
	switch {
	case err == nil:
		s.metrics.entry(ctx, entry.Kind, entry.State)
	case helpscout.Unclear(err):
		entry.UnclearAt, entry.Attempts = s.Now(), entry.Attempts+1
		s.metrics.entry(ctx, entry.Kind, "unclear")
		trace.SpanFromContext(ctx).AddEvent("unclear")
	case entry.State == sqlstore.Posting && entry.UnclearAt.IsZero():
		entry.State = sqlstore.Pending // it failed before anything was written
	}
	if err != nil {
		entry.Steps = append(entry.Steps, failure(err))
	}
	// The lease must end and the result be kept even if the caller is gone.
	if releaseErr := s.store.Release(context.WithoutCancel(ctx), lane, entry, s.Now(), notes...); releaseErr != nil {
		return entry, meaning(releaseErr)
	}
	return entry, meaning(err)
}

// threadText is the text of a thread: what was written, or what came instead of words.
func threadText(body string, mediaTypes []string) string {
	if strings.TrimSpace(body) != "" {
		return body
	}
	if len(mediaTypes) == 0 {
		return "(empty message)"
	}
	// Help Scout takes no thread without text; the files themselves are attached to it.
	lines := make([]string, len(mediaTypes))
	for i, t := range mediaTypes {
		if t == "" {
			t = "unknown type"
		}
		lines[i] = fmt.Sprintf("Attachment (%s)", t)
	}
	return strings.Join(lines, "\n")
}
