package check

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bling-hotline/bling/internal/errs"
	"github.com/bling-hotline/bling/internal/sqldb"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

// Table is a service's table finding: what its own checks found when they last ran. All replicas share it.
type Table struct{ DB *sqldb.DB }

// Kept is a finding in the table.
type Kept struct {
	Finding
	Since time.Time // since when it is so: at this level, in these words
	At    time.Time // when it was last found
}

// Look does the checks, keeps what they find in place of what they found before, and logs what has become worse or better.
func (t Table) Look(ctx context.Context, log *slog.Logger, now func() time.Time, checks ...Check) error {
	found := Run(ctx, checks...)
	if err := ctx.Err(); err != nil {
		return err // the process stops, and what was broken off says nothing of the hotline
	}
	before, err := t.Replace(ctx, found, now())
	if err != nil {
		return err
	}
	was, is := levels(before), levels(found)
	for name, level := range was {
		if _, still := is[name]; !still && level != OK {
			log.InfoContext(ctx, "a check does not find this any more", "finding", name)
		}
	}
	for _, f := range found {
		if f.Level != is[f.Name] || f.Level == was[f.Name] {
			continue
		}
		how := map[Level]slog.Level{OK: slog.LevelInfo, Warning: slog.LevelWarn, Failure: slog.LevelError}[f.Level]
		log.Log(ctx, how, "a check says something else than before", "finding", f.Name, "says", f.Says, "fix", f.Fix)
	}
	return nil
}

// levels is the worst level of each name.
func levels(all []Finding) map[string]Level {
	worst := map[string]Level{}
	for _, f := range all {
		worst[f.Name] = max(worst[f.Name], f.Level)
	}
	return worst
}

// Replace puts findings in place of those that are there, and returns those.
func (t Table) Replace(ctx context.Context, found []Finding, now time.Time) (before []Finding, err error) {
	err = t.DB.Update(ctx, func(tx *sql.Tx) error {
		before = nil
		kept, err := read(ctx, tx)
		if err != nil {
			return err
		}
		since := map[Finding]time.Time{}
		for _, k := range kept {
			before = append(before, k.Finding)
			since[k.words()] = k.Since
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM finding`); err != nil {
			return err
		}
		for n, f := range found {
			began, known := since[f.words()]
			if !known {
				began = now
			}
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO finding (n, checked, name, level, says, fix, since, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				n, f.Check, f.Name, int(f.Level), f.Says, f.Fix, began.UnixMicro(), now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keeping findings: %w", err)
	}
	return before, nil
}

// words are what makes a finding the same as before.
func (f Finding) words() Finding {
	f.Fix = ""
	return f
}

// List returns what was found, in the order of the checks.
func (t Table) List(ctx context.Context) ([]Kept, error) { return read(ctx, t.DB.Read) }

func read(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}) (all []Kept, err error) {
	rows, err := db.QueryContext(ctx, `SELECT checked, name, level, says, fix, since, at FROM finding ORDER BY n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k Kept
		var since, at int64
		if err := rows.Scan(&k.Check, &k.Name, &k.Level, &k.Says, &k.Fix, &since, &at); err != nil {
			return nil, err
		}
		k.Since, k.At = time.UnixMicro(since), time.UnixMicro(at)
		all = append(all, k)
	}
	return all, rows.Err()
}

// Gauge makes a metric of the worst that each check found. Its label is the check's name, of which there are few.
func (t Table) Gauge(meter metric.Meter) error {
	_, err := meter.Int64ObservableGauge("bling_finding", metric.WithDescription("What each check found: 0 all is well, 1 a warning, 2 a failure."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			all, err := t.List(ctx)
			if err != nil {
				return err
			}
			worst := map[string]Level{}
			for _, k := range all {
				worst[k.Check] = max(worst[k.Check], k.Level)
			}
			for name, level := range worst {
				o.Observe(int64(level), metric.WithAttributes(attribute.String("check", name)))
			}
			return nil
		}))
	return err
}

// Response is what was found as the operator's services tell it.
func (t Table) Response(ctx context.Context) (*operatorv1.ListFindingsResponse, error) {
	all, err := t.List(ctx)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "the findings could not be read; try again")
	}
	res := &operatorv1.ListFindingsResponse{}
	for _, k := range all {
		res.Findings = append(res.Findings, &operatorv1.Finding{
			Name: k.Name, Level: operatorv1.Level(k.Level + 1), Says: k.Says, Fix: k.Fix, At: timestamppb.New(k.At), Since: timestamppb.New(k.Since),
		})
	}
	return res, nil
}
