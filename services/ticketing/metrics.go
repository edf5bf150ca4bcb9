package ticketing

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bling-hotline/bling/services/ticketing/helpscout"
	"github.com/bling-hotline/bling/services/ticketing/sqlstore"
)

// metrics counts how the promises are kept.
type metrics struct {
	entries metric.Int64Counter // by kind and what became of them
	events  metric.Int64Counter // Help Scout's webhooks
	replies metric.Int64Counter // agents' replies
	answers metric.Int64Counter // Help Scout's
}

func newMetrics(meter metric.Meter, store *sqlstore.Store, desk *helpscout.Client, now func() time.Time) (m metrics, err error) {
	var errAll [8]error
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
	m.answers, errAll[4] = meter.Int64Counter("bling_help_scout_requests", metric.WithDescription("Requests to Help Scout by the status of the answer: 2xx, 3xx, 4xx, 429, 5xx, none."))
	_, errAll[5] = meter.Int64ObservableGauge("bling_breaker_open", metric.WithDescription("1 while Help Scout has failed several times in a row and is not asked, but for one request now and then."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if desk.Healthy() {
				o.Observe(0)
			} else {
				o.Observe(1)
			}
			return nil
		}))
	// The same as telephony's, of other topics.
	_, errAll[6] = meter.Float64ObservableGauge("bling_lane_age", metric.WithUnit("s"), metric.WithDescription("Age of the oldest work of each topic."),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			for _, topic := range sqlstore.Topics {
				at, any, err := store.Oldest(ctx, topic)
				if err != nil {
					return err
				}
				age := 0.0
				if any {
					age = now().Sub(at).Seconds()
				}
				o.Observe(age, metric.WithAttributes(attribute.String("topic", topic)))
			}
			return nil
		}))
	_, errAll[7] = meter.Int64ObservableGauge("bling_dead", metric.WithDescription("How much was given up, and has not been retried since, by kind."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			counts, err := store.Counts(ctx, now())
			for _, c := range counts {
				if c.State == sqlstore.Dead {
					o.Observe(c.Count, metric.WithAttributes(attribute.String("kind", c.Kind)))
				}
			}
			return err
		}))
	return m, errors.Join(append(errAll[:], store.Findings().Gauge(meter))...)
}

// answered counts an answer of Help Scout.
func (m metrics) answered(ctx context.Context, status int) {
	class := strconv.Itoa(status/100) + "xx"
	switch status {
	case 0:
		class = "none"
	case http.StatusTooManyRequests:
		class = "429"
	}
	m.answers.Add(ctx, 1, metric.WithAttributes(attribute.String("status", class)))
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
