package ticketing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// metrics counts how the promises are kept.
type metrics struct {
	entries metric.Int64Counter // by kind and what became of them
	events  metric.Int64Counter // Help Scout's webhooks
	replies metric.Int64Counter // agents' replies
}

func newMetrics(store *sqlstore.Store, now func() time.Time) (m metrics, err error) {
	meter := otel.Meter("github.com/bling-hotline/bling/services/ticketing")
	var errAll [4]error
	m.entries, errAll[0] = meter.Int64Counter("bling_entries", metric.WithDescription("Texts, notes and attachments: done, repeated, unclear, found, absent, refused, dead."))
	m.events, errAll[1] = meter.Int64Counter("bling_help_scout_events", metric.WithDescription("Help Scout's webhooks: accepted, duplicate, foreign."))
	m.replies, errAll[3] = meter.Int64Counter("bling_replies", metric.WithDescription("Agents' replies: sent, refused, dead."))
	_, errAll[2] = meter.Int64ObservableGauge("bling_budget_left", metric.WithDescription("Units of Help Scout's budget that are left this minute."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			units, known, err := store.Left(ctx, now())
			if err == nil && known {
				o.Observe(int64(units))
			}
			return err
		}))
	return m, errors.Join(errAll[:]...)
}

func (m metrics) entry(ctx context.Context, kind, result string) {
	m.entries.Add(ctx, 1, metric.WithAttributes(attribute.String("kind", kind), attribute.String("result", result)))
}

func (m metrics) event(ctx context.Context, result string) {
	m.events.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

func (m metrics) reply(ctx context.Context, result string) {
	m.replies.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}
