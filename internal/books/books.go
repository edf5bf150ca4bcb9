// Package books compares, day by day, what a vendor says there was with what a service's ledger has of it: "n received, n delivered,
// 0 missing, 0 doubled". The service asks the vendor and counts its ledger; the books keep what was counted, say it in the log and in
// metrics, and show it to operators.
//
// They stand in two tables of the service, day and doubled, which its migrations make.
package books

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/bling-hotline/bling/internal/phone"
	"github.com/bling-hotline/bling/internal/sqldb"
	operatorv1 "github.com/bling-hotline/bling/proto/gen/bling/operator/v1"
)

const (
	// Overdue is how long a text may be on its way into a ticket before it counts as missing.
	Overdue = 15 * time.Minute
	// Back is how far back days are counted anew and vendors' lists are looked at. Retention deletes nothing younger than ComesBack, so
	// that what it has deleted is never taken for missing.
	Back = 7 * 24 * time.Hour
	// ComesBack is for how long something may come back: a webhook may be repeated, a list looked at. So long ledgers know what was erased by
	// its id, so that it is not taken for new, and delete nothing because of its age.
	ComesBack = Back + 24*time.Hour
	// late is how long after its end a day must have been compared before it is said to be in order: lists lag, and what came
	// in its last minutes is on its way.
	late = time.Hour
)

// Count is what there was of a kind, as in bling.operator.v1.Day.
type Count struct{ Received, Delivered, Recovered, Missing, Doubled int64 }

// bad reports whether somebody must look.
func (c Count) bad() bool { return c.Missing > 0 || c.Doubled > 0 }

// LogValue is all of it.
func (c Count) LogValue() slog.Value {
	return slog.GroupValue(slog.Int64("received", c.Received), slog.Int64("delivered", c.Delivered), slog.Int64("recovered", c.Recovered),
		slog.Int64("missing", c.Missing), slog.Int64("doubled", c.Doubled))
}

// Page is where a count stands in the books of a kind.
type Page struct {
	Date    string // by UTC: 2026-11-28
	Hotline phone.Number
}

// Counts are those of a kind.
type Counts map[Page]Count

// Today adds counts of today for these hotlines: that there was nothing is to be said as well.
func (c Counts) Today(now time.Time, hotlines []phone.Number) {
	for _, number := range hotlines {
		today := Page{Date(now), number}
		if _, counted := c[today]; !counted {
			c[today] = Count{}
		}
	}
}

// Date is the day of a time.
func Date(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// First is when the first of the days began that are counted anew.
func First(now time.Time) time.Time {
	return now.UTC().Add(-Back).Truncate(24*time.Hour).AddDate(0, 0, 1)
}

// DayMicros is a day in the unit in which times are stored: a stored time divided by it is the number of its day, as Query wants it.
const DayMicros = 24 * 3600 * 1_000_000

// Book is the books of a service.
type Book struct {
	DB  *sqldb.DB
	Log *slog.Logger
	Now func() time.Time
	Metrics
}

// Query reads what a query has counted: rows of the number of the day, the hotline, received, delivered, recovered, missing.
func Query(ctx context.Context, db *sqldb.DB, query string, args ...any) (Counts, error) {
	counts := Counts{}
	rows, err := db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("counting days: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var day int64
		var p Page
		var c Count
		if err := rows.Scan(&day, &p.Hotline, &c.Received, &c.Delivered, &c.Recovered, &c.Missing); err != nil {
			return nil, err
		}
		p.Date = Date(time.UnixMicro(day * DayMicros))
		counts[p] = c
	}
	return counts, rows.Err()
}

// Doubled notes, once, that something is there twice: in the ticket, or on the phone. id is the vendor's of the second, or
// what the ledger has twice.
func (b *Book) Doubled(ctx context.Context, kind operatorv1.Kind, hotline phone.Number, id string, at time.Time) error {
	return b.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO doubled (id, kind, hotline, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
			id, word(kind), string(hotline), at.UnixMicro())
		return err
	})
}

// Put writes down what was counted of a kind since First. compared are the hotlines that were compared with the vendor's list to the
// end just now. What is newly missing or doubled is an error in the log.
func (b *Book) Put(ctx context.Context, kind operatorv1.Kind, counts Counts, compared []phone.Number) error {
	now := b.Now()
	doubled, err := Query(ctx, b.DB, fmt.Sprintf(`
		SELECT at / %d, hotline, count(*), 0, 0, 0 FROM doubled WHERE kind = $1 AND at >= $2 GROUP BY 1, 2`, DayMicros), word(kind), First(now).UnixMicro())
	if err != nil {
		return err
	}
	for p, d := range doubled {
		c := counts[p]
		c.Doubled = d.Received
		counts[p] = c
	}
	days, err := b.days(ctx, `WHERE kind = $1 AND date >= $2`, word(kind), Date(First(now)))
	if err != nil {
		return err
	}
	before := Counts{}
	for _, d := range days {
		before[d.Page] = d.Count
		if _, counted := counts[d.Page]; !counted {
			counts[d.Page] = Count{} // there is nothing any more
		}
	}
	err = b.DB.Update(ctx, func(tx *sql.Tx) error {
		for p, c := range counts {
			at := int64(0)
			if slices.Contains(compared, p.Hotline) {
				at = now.UnixMicro()
			}
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO day (date, hotline, kind, received, delivered, recovered, missing, doubled, compared_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				ON CONFLICT (date, hotline, kind) DO UPDATE SET received = EXCLUDED.received, delivered = EXCLUDED.delivered,
					recovered = EXCLUDED.recovered, missing = EXCLUDED.missing, doubled = EXCLUDED.doubled,
					compared_at = CASE WHEN EXCLUDED.compared_at = 0 THEN day.compared_at ELSE EXCLUDED.compared_at END`,
				p.Date, string(p.Hotline), word(kind), c.Received, c.Delivered, c.Recovered, c.Missing, c.Doubled, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing the books: %w", err)
	}
	for p, c := range counts {
		if c.bad() && !before[p].bad() {
			b.Log.ErrorContext(ctx, "day", "date", p.Date, "hotline", p.Hotline, word(kind), c)
		}
	}
	return b.sayDays(ctx, now)
}

// sayDays says in the log how each day was that is over, once all of it was compared: one line a hotline.
func (b *Book) sayDays(ctx context.Context, now time.Time) error {
	days, err := b.days(ctx, `WHERE date < $1 AND NOT said ORDER BY date, hotline, kind`, Date(now))
	if err != nil {
		return err
	}
	for len(days) > 0 {
		first, n := days[0], 0
		said, bad, over := []any{"date", first.Date, "hotline", first.Hotline}, false, true
		for ; n < len(days) && days[n].Page == first.Page; n++ {
			end, err := time.Parse(time.DateOnly, first.Date)
			if err != nil {
				return err
			}
			over = over && !days[n].comparedAt.Before(end.AddDate(0, 0, 1).Add(late))
			bad = bad || days[n].bad()
			said = append(said, days[n].kind, days[n].Count)
		}
		days = days[n:]
		if !over {
			continue
		}
		var mine bool // another replica may be saying it
		err := b.DB.Update(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, `UPDATE day SET said = TRUE WHERE date = $1 AND hotline = $2 AND NOT said`, first.Date, string(first.Hotline))
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			mine = n > 0
			return err
		})
		if err != nil {
			return err
		}
		level := slog.LevelInfo
		if bad {
			level = slog.LevelError
		}
		if mine {
			b.Log.Log(ctx, level, "day", said...)
		}
	}
	return nil
}

// day is a row of the books.
type day struct {
	Page
	Count
	kind       string
	comparedAt time.Time
}

func (b *Book) days(ctx context.Context, where string, args ...any) (all []day, err error) {
	rows, err := b.DB.Read.QueryContext(ctx, `SELECT date, hotline, kind, received, delivered, recovered, missing, doubled, compared_at FROM day `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the books: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d day
		var at int64
		if err := rows.Scan(&d.Date, &d.Hotline, &d.kind, &d.Received, &d.Delivered, &d.Recovered, &d.Missing, &d.Doubled, &at); err != nil {
			return nil, err
		}
		d.comparedAt = time.UnixMicro(at)
		all = append(all, d)
	}
	return all, rows.Err()
}

// word is how a kind is stored and named in logs and metrics: text_in.
func word(kind operatorv1.Kind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}
