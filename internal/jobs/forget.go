package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Forget deletes the jobs of those lanes that have no work, of all topics, also those that have ended: their arguments name the lane. It
// reports whether one of these lanes is being worked on just now; such a job stays.
func (q *Queue) Forget(ctx context.Context, is func(lane string) bool) (busy bool, err error) {
	// A job that begins while it is deleted is not deleted, and River does not say so: it is looked until there is none.
	for deleted := true; deleted && !busy; {
		if deleted, busy, err = q.forgetAll(ctx, is); err != nil {
			return false, err
		}
	}
	return busy, nil
}

func (q *Queue) forgetAll(ctx context.Context, is func(lane string) bool) (deleted, busy bool, err error) {
	const page = 1000
	for params := river.NewJobListParams().Kinds(drain{}.Kind()).First(page); ; {
		list, err := q.client.JobList(ctx, params)
		if err != nil {
			return false, false, fmt.Errorf("listing jobs: %w", err)
		}
		for _, job := range list.Jobs {
			var args drain
			if err := json.Unmarshal(job.EncodedArgs, &args); err != nil || !is(args.Lane) {
				continue
			}
			switch err := q.forget(ctx, job.ID, args); {
			case err == nil:
				deleted = true
			case errors.Is(err, rivertype.ErrJobRunning):
				busy = true
			case !errors.Is(err, errMore) && !errors.Is(err, rivertype.ErrNotFound):
				return false, false, fmt.Errorf("deleting a job: %w", err)
			}
		}
		if len(list.Jobs) < page {
			return deleted, busy, nil
		}
		params = params.After(list.LastCursor)
	}
}

// forget deletes a job, unless its lane has work. Whoever has just woken the lane holds the job's row, so either their work is seen here, or they
// find no job and make one.
func (q *Queue) forget(ctx context.Context, id int64, args drain) error {
	return q.db.Update(ctx, func(tx *sql.Tx) error {
		job, err := q.client.JobDeleteTx(ctx, tx, id)
		if err != nil || job.FinalizedAt != nil {
			return err
		}
		t, ok := q.topics[args.Topic]
		if !ok {
			return nil
		}
		pending, err := t.Pending(ctx, tx, args.Lane)
		if err == nil && pending {
			err = errMore
		}
		return err
	})
}
