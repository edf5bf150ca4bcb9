package books

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// Metrics are the books as metrics. The zero value counts nothing.
type Metrics struct{ recovered metric.Int64Counter }

// Measure makes the metrics: what is missing or doubled of today and yesterday. What is left of older days is dead, and counted as that.
func (b *Book) Measure(meter metric.Meter) error {
	var errAll [3]error
	var missing, doubled metric.Int64ObservableGauge
	b.recovered, errAll[0] = meter.Int64Counter("bling_recovered", metric.WithDescription("What a vendor's list had and our ledger had not, by kind."))
	missing, errAll[1] = meter.Int64ObservableGauge("bling_missing", metric.WithDescription("What a vendor has and is not where it belongs, of today and yesterday, by kind."))
	doubled, errAll[2] = meter.Int64ObservableGauge("bling_doubled", metric.WithDescription("What is in a ticket or on a phone twice, of today and yesterday, by kind."))
	if err := errors.Join(errAll[:]...); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		days, err := b.days(ctx, `WHERE date >= $1`, Date(b.Now().UTC().AddDate(0, 0, -1)))
		if err != nil {
			return err
		}
		sums := map[string]Count{}
		for _, d := range days {
			sum := sums[d.kind]
			sum.Missing, sum.Doubled = sum.Missing+d.Missing, sum.Doubled+d.Doubled
			sums[d.kind] = sum
		}
		for kind, sum := range sums {
			o.ObserveInt64(missing, sum.Missing, labels(kind))
			o.ObserveInt64(doubled, sum.Doubled, labels(kind))
		}
		return nil
	}, missing, doubled)
	return err
}

// Recovered counts what a vendor's list had and the ledger had not.
func (m Metrics) Recovered(ctx context.Context, kind operatorv1.Kind, n int) {
	if m.recovered != nil && n > 0 {
		m.recovered.Add(ctx, int64(n), labels(word(kind)))
	}
}

func labels(kind string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("kind", kind))
}
