package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/bling-hotline/bling/internal/steps"
)

// Step is something that happened to an item, which is an entry's key or an event's hash.
type Step = steps.Step

// addSteps notes what happened to an item.
func addSteps(ctx context.Context, tx *sql.Tx, item string, now time.Time, all ...Step) error {
	for i := range all {
		all[i].Item = item
	}
	return steps.Add(ctx, tx, now, all...)
}

// NoteStep notes what happened to an item where nothing else is written.
func (s *Store) NoteStep(ctx context.Context, step Step, now time.Time) error {
	return steps.Note(ctx, s.db, now, step)
}

// Steps returns what happened to an item, oldest first.
func (s *Store) Steps(ctx context.Context, item string) ([]Step, error) {
	return steps.Of(ctx, s.db, item)
}

// takenUp is the steps of an item that was given up and is tried again: why it was, which its row does not say any more, and
// what takes it up.
func takenUp(reason string, at time.Time, by Step) []Step {
	return []Step{{At: at, What: "given up", Detail: reason, Trouble: true}, by}
}
