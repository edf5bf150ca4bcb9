package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/bling-hotline/bling/internal/steps"
)

// StepRow is something that happened to an item, which is a MessageSid or RecordingSid, the key of a text or call back, a CallSid or the
// key of a file.
type StepRow = steps.Step

// Note writes down why something has not been done yet.
func (s *Store) Note(ctx context.Context, st StepRow) error { return steps.Note(ctx, s.db, st.At, st) }

// note writes down what happened.
func note(ctx context.Context, tx *sql.Tx, all ...StepRow) error {
	for _, st := range all {
		if err := steps.Add(ctx, tx, st.At, st); err != nil {
			return err
		}
	}
	return nil
}

// Steps returns what happened to an item, oldest first.
func (s *Store) Steps(ctx context.Context, item string) ([]StepRow, error) {
	return steps.Of(ctx, s.db, item)
}

// inOrder is strings sorted, each once, as Wake wants lanes.
func inOrder(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
