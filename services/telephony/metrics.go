package telephony

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bling-hotline/bling/services/telephony/sqlstore"
)

// metrics counts how the promises are kept. None has a number or a text in its labels.
type metrics struct {
	texts   metric.Int64Counter     // by what became of them
	latency metric.Float64Histogram // from webhook to ticket
	sends   metric.Int64Counter     // outgoing attempts by outcome
	calls   metric.Int64Counter     // what happens on calls
}

func newMetrics(store *sqlstore.Store) (m metrics, err error) {
	meter := otel.Meter("github.com/bling-hotline/bling/services/telephony")
	var errAll [7]error
	m.texts, errAll[0] = meter.Int64Counter("bling_texts_in", metric.WithDescription("Incoming texts: accepted, duplicate, delivered, refused, blocked, unrouted, dead, lost."))
	m.latency, errAll[1] = meter.Float64Histogram("bling_text_to_ticket", metric.WithUnit("s"), metric.WithDescription("Time from the webhook's answer to the thread in the ticket."),
		metric.WithExplicitBucketBoundaries(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)) // at best at once, at worst after an outage
	m.sends, errAll[2] = meter.Int64Counter("bling_texts_out", metric.WithDescription("Attempts to send: accepted, refused, kept back, unclear, resolved, absent, unknown."))
	m.calls, errAll[4] = meter.Int64Counter("bling_calls_in", metric.WithDescription("Calls: began, talked, voicemail, missed, refused; and what went wrong beside them: unadvised (the database did not answer in time), unrecorded, late (nobody was reached within the ceiling)."))
	_, errAll[3] = meter.Float64ObservableGauge("bling_lane_age", metric.WithUnit("s"), metric.WithDescription("Age of the oldest work of each topic, but for what waits for the end of a pause."),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			for _, topic := range sqlstore.Topics {
				at, any, err := store.Oldest(ctx, topic)
				if err != nil {
					return err
				}
				age := 0.0
				if any {
					age = time.Since(at).Seconds()
				}
				o.Observe(age, metric.WithAttributes(attribute.String("topic", topic)))
			}
			return nil
		}))
	_, errAll[5] = meter.Float64ObservableGauge("bling_paused", metric.WithUnit("s"), metric.WithDescription("How long each paused hotline has been paused."),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			pauses, err := store.Pauses(ctx)
			for _, p := range pauses {
				o.Observe(time.Since(p.Since).Seconds(), metric.WithAttributes(attribute.String("hotline", string(p.Hotline))))
			}
			return err
		}))
	_, errAll[6] = meter.Int64ObservableGauge("bling_dead", metric.WithDescription("How much was given up, and has not been retried since, by kind."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			counts, err := store.Counts(ctx, time.Time{}, sqlstore.ItemDead)
			for _, c := range counts {
				o.Observe(c.Count, metric.WithAttributes(attribute.String("kind", c.Kind)))
			}
			return err
		}))
	return m, errors.Join(append(errAll[:], store.Findings().Gauge(meter))...)
}

func (m metrics) accepted(ctx context.Context, fresh bool) {
	m.ended(ctx, map[bool]string{true: "accepted", false: "duplicate"}[fresh])
}

func (m metrics) delivered(ctx context.Context, took time.Duration) {
	m.ended(ctx, "delivered")
	m.latency.Record(ctx, took.Seconds())
}

func (m metrics) ended(ctx context.Context, result string) {
	m.texts.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

func (m metrics) call(ctx context.Context, what string) {
	m.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("what", what)))
}

func (m metrics) sent(ctx context.Context, outcome string) {
	m.sends.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}
