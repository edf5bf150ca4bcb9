package jobs

import (
	"context"
	"database/sql"
	"errors"

	"github.com/bling-hotline/bling/internal/sqldb"
)

// Rows is work that stands in a table with a column lane. Its methods fit a Topic.
type Rows struct {
	DB *sqldb.DB
	// From is the table and the condition of what is left to do, as it stands between FROM and AND:
	// "text_in WHERE state = 'pending'". There should be a partial index with this condition that begins with lane.
	From string
}

// Pending reports whether a lane has work, as tx sees it.
func (r Rows) Pending(ctx context.Context, tx *sql.Tx, lane string) (bool, error) {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM `+r.From+` AND lane = $1 LIMIT 1`, lane).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Lanes lists lanes that have work, in order, each greater than after.
func (r Rows) Lanes(ctx context.Context, after string, limit int) (lanes []string, err error) {
	rows, err := r.DB.Read.QueryContext(ctx, `SELECT DISTINCT lane FROM `+r.From+` AND lane > $1 ORDER BY lane LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var lane string
		if err := rows.Scan(&lane); err != nil {
			return nil, err
		}
		lanes = append(lanes, lane)
	}
	return lanes, rows.Err()
}
