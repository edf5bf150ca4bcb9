package gateway

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type metrics struct{ webhooks metric.Int64Counter }

func newMetrics() (m metrics, err error) {
	m.webhooks, err = otel.Meter("github.com/bling-hotline/bling/services/gateway").Int64Counter("bling_webhooks",
		metric.WithDescription("Webhooks at the door: verified, unverified, limited, too large; and texts that were lost."))
	return m, err
}

func (m metrics) webhook(ctx context.Context, vendor, result string) {
	m.webhooks.Add(ctx, 1, metric.WithAttributes(attribute.String("vendor", vendor), attribute.String("result", result)))
}
